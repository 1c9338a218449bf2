"""A spot on a photo in words: what they say is true of it, and the views say the same."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest

from saccade.report.page_file import VIEWS
from saccade.results.place_words import place_in_words

SPOTS = [(float(across), float(down)) for across in np.linspace(0, 1, 41) for down in np.linspace(0, 1, 41)]


def test_every_word_is_true_of_its_spot() -> None:
    for across, down in SPOTS:
        words = place_in_words(across, down)
        if "centre of" not in words and "centre" in words:
            assert 0.25 < across < 0.75, words
            assert 0.25 < down < 0.75, words
        for word, where in (("left", across), ("upper", down)):
            if word in words:
                assert where < 0.5, words
        for word, where in (("right", across), ("lower", down)):
            if word in words:
                assert where > 0.5, words
        for word, sign in (("above", -1), ("below", 1)):
            if word in words:
                assert sign * (down - 0.5) > 0, words
                assert abs(down - 0.5) > abs(across - 0.5), words
        nearest = min(across, down, 1 - across, 1 - down)
        assert ("edge" in words or "corner" in words) == (nearest <= 0.25), words
        if words.startswith(("at the middle of", "at the left edge", "at the upper edge", "in the")):
            assert nearest <= 0.15, words


@pytest.mark.parametrize(
    ("spot", "words"),
    [
        ((0.5, 0.5), "at the centre"),
        ((0.36, 0.4), "left of the centre in the upper half"),
        ((0.7, 0.52), "right of the centre"),
        ((0.45, 0.7), "below the centre"),
        ((0.4, 0.7), "below the centre in the left half"),
        ((0.83, 0.7), "near the right edge in the lower half"),
        ((0.2, 0.1), "near the upper left corner"),
        ((0.05, 0.5), "at the middle of the left edge"),
        ((0.3, 0.95), "at the lower edge in the left half"),
        ((0.95, 0.95), "in the lower right corner"),
    ],
)
def test_spots_have_the_names_that_people_give_them(spot: tuple[float, float], words: str) -> None:
    assert place_in_words(*spot) == words


def test_the_views_say_the_same() -> None:
    spots = json.dumps(SPOTS)
    script = (VIEWS / "wording.js").read_text(encoding="utf-8") + (
        f"console.log(JSON.stringify({spots}.map(([across, down]) => placeInWords(across, down))));"
    )
    answer = subprocess.run(
        ["node", "--input-type=module", "-e", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(answer.stdout) == [place_in_words(*spot) for spot in SPOTS]
