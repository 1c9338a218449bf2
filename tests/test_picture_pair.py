"""The page of two photos: its bar adds up to the score, its ruler tells what is typical, and any input gives a page."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from saccade.errors import InputError
from saccade.picture.cover_bars import Covering, cover_bars
from saccade.picture.links import Parts
from saccade.picture.match_colours import MATCH_COLOURS
from saccade.picture.page import Page
from saccade.picture.pair import pair, score_text
from saccade.picture.ruler import Typical, moved_apart, ruler
from saccade.picture.scales import Scale
from saccade.picture.sum_bar import Part, alike_written, spans, sum_bar
from saccade.picture.themes import DARK, LIGHT, Theme

CAT, CUP = data.chelsea(), np.ascontiguousarray(data.coffee()[:, :300])
SHARES = st.lists(st.floats(-1, 1).map(lambda value: round(value, 3)), min_size=1, max_size=8)


def shares(score: float, seed: int) -> np.ndarray:
    grid = np.random.default_rng(seed).normal(size=(7, 7))
    return grid + (score - grid.sum()) / grid.size


def matches(*amounts: float, error: float | None = None) -> list[Parts]:
    parts = []
    for index, amount in enumerate(amounts):
        first, second = np.zeros((2, 7, 7), bool)
        first[index % 7, :2] = second[:2, index % 7] = True
        parts.append(Parts(amount, first, second, error))
    return parts


def widths(image: np.ndarray, colour: tuple[int, int, int]) -> int:
    """How many pixels long is the longest unbroken row of a colour?"""
    same = np.pad(np.abs(image.astype(int) - colour).max(axis=2) <= 1, ((0, 0), (1, 1))).astype(int)
    changes = np.diff(same, axis=1)
    return max(
        (int((np.nonzero(row == -1)[0] - np.nonzero(row == 1)[0]).max()) for row in changes if row.any()), default=0
    )


# The bar


@given(SHARES)
def test_the_parts_of_the_bar_reach_their_sum(amounts: list[float]) -> None:
    places = spans(amounts)
    for (start, end), amount in zip(places, amounts, strict=True):
        assert end - start == pytest.approx(amount)
    # Every part begins where another one ends, and the way as a whole goes from 0 to the sum.
    starts = sorted([start for start, _ in places] + [sum(amounts)])
    ends = sorted([end for _, end in places] + [0.0])
    assert starts == pytest.approx(ends, abs=1e-9)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_the_bar_is_as_long_as_its_parts(theme: Theme) -> None:
    page = Page.of(1500, theme)
    amounts = (0.4, 0.2, 0.1)
    parts = [Part(amount, MATCH_COLOURS[index], index + 1) for index, amount in enumerate(amounts)]
    image = np.asarray(sum_bar(parts, "0.70", page, page.content))
    # Its frame of one pixel on either side belongs to a segment too.
    segments = [widths(image, MATCH_COLOURS[index]) + 2 for index in range(3)]
    assert segments[0] / segments[1] == pytest.approx(2, abs=0.02)
    assert segments[0] / segments[2] == pytest.approx(4, abs=0.05)
    assert widths(image, theme.ink) == pytest.approx(sum(segments), abs=3)


def test_what_lowered_the_score_runs_back_to_it() -> None:
    page = Page.of(1500, LIGHT)
    parts = [Part(0.6, MATCH_COLOURS[0], 1), Part(-0.2, MATCH_COLOURS[1], 2)]
    image = np.asarray(sum_bar(parts, "0.40", page, page.content)).astype(int)
    # The line that marks the score crosses the segment.
    raised = int((np.abs(image - MATCH_COLOURS[0]).max(axis=2) <= 1).sum(axis=1).max()) + 3
    total = widths(image[-round(page.text * 2) :], LIGHT.ink)  # the bar of the score itself is the lowest
    assert total / raised == pytest.approx(0.4 / 0.6, abs=0.02)


def test_values_of_one_bar_have_equally_many_decimals() -> None:
    written = alike_written([0.5, 0.012, -0.3])
    assert [written(share) for share in (0.5, 0.012, -0.3)] == ["+0.50", "+0.01", "\u22120.30"]
    assert alike_written([0.5, 0.0021])(0.5) == "+0.500"
    assert alike_written([])(0.5) == "+0.50"


@pytest.mark.parametrize("width", [240, 300, 1500])
def test_labels_are_never_cut_off(width: int) -> None:
    page = Page.of(width, LIGHT)
    parts = [Part(0.1, colour, index) for index, colour in enumerate(MATCH_COLOURS, start=1)]
    image = np.asarray(sum_bar([*parts, Part(0.3, LIGHT.rule, name="all the rest")], "0.90", page, page.content))
    labels = image[: round(page.text)]
    assert (labels[:, -1] == LIGHT.background).all()
    assert (labels != LIGHT.background).any()


def test_labels_keep_apart_and_in_order() -> None:
    placed = moved_apart([10, 12, 14, 90], [20, 20, 20, 20], 4, 0, 100)
    assert np.all(np.diff(placed) >= 24 - 1e-9)
    assert placed[0] >= 10
    assert placed[-1] <= 90
    assert moved_apart([50], [20], 4, 0, 100) == [50]
    assert moved_apart([], [], 4, 0, 100) == []


# The ruler and the covers


@pytest.mark.parametrize("typical", [None, Typical(0.7, 0.81), Typical(-0.01, 0.3)])
def test_the_mark_stands_where_the_score_is(typical: Typical | None) -> None:
    page = Page.of(1500, LIGHT)

    def middle(score: float) -> float:
        image = np.asarray(ruler(score, typical, page, 700)).astype(int)
        half = image.shape[0] // 2  # below the words
        row = (np.abs(image[: half + 4] - LIGHT.warm).max(axis=2) <= 1)[-8:]
        return float(np.nonzero(row)[1].mean())

    low, half, high = (middle(score) for score in (0.2, 0.5, 0.8))
    assert half == pytest.approx((low + high) / 2, abs=1)
    span = 2.0 if typical is not None and typical.median < 0 else 1.0
    assert (high - low) == pytest.approx(0.6 / span * (700 - 2 * 1.4 * page.text * 0.86), abs=3)


def test_bars_of_covers_are_as_long_as_the_scores() -> None:
    page = Page.of(1500, LIGHT)
    image = np.asarray(cover_bars(Covering(0.8, [1, 3], [0.4, 0.2], [0.6, 0.1]), page, 600)).astype(int)
    step = (image.shape[0] - 2.6 * 1.36 * 0.86 * page.text) / 2
    whole = widths(image, LIGHT.ink)
    first, second = (widths(image[round(image.shape[0] - part * step) :][: round(step)], LIGHT.ink) for part in (2, 1))
    assert first / whole == pytest.approx(0.6 / 0.8, abs=0.02)
    assert second / whole == pytest.approx(0.1 / 0.8, abs=0.02)
    shown = [index for index, colour in enumerate(MATCH_COLOURS, start=1) if widths(image, colour)]
    assert shown == [1, 3]


# The page


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [300, 800, 1500])
def test_any_pair_of_photos_gives_a_page(theme: str, width: int) -> None:
    thin, flat, tiny = np.ascontiguousarray(CUP[:, :60]), np.ascontiguousarray(CAT[:60]), CAT[:28, :28]
    for photo, score in ((thin, -0.4), (flat, 0.3), (tiny, 0.02)):
        page = pair(
            photo, CAT, shares(score, 1), shares(score, 2), score=score, names=("x" * 90 + ".jpg", "y"),
            matches=matches(0.2, 0.1, -0.15, error=0.02), apart=("special tokens", 0.05), typical=Typical(0.2, 0.4),
            covering=Covering(score, [1, 2], [0.1, -0.2], [0.2, 0.1], "Words."), title="Alike " * 9, theme=theme,
            width=width,
        )  # fmt: skip
        assert page.width == width
        assert page.width * page.height < 12e6


def test_no_matches_no_places_and_equal_shares() -> None:
    nothing = pair(CAT, CUP, None, None, score=0.5)
    even = pair(CAT, CAT, np.full((4, 4), 1 / 16), np.full((4, 4), 1 / 16), score=1.0)
    only_maps = pair(CAT, CUP, shares(0.4, 1), shares(0.4, 2), score=0.4)
    some = pair(CAT, CUP, shares(0.4, 1), shares(0.4, 2), score=0.4, matches=matches(0.3))
    assert nothing.height < even.height
    assert only_maps.height < some.height


@pytest.mark.parametrize("width", [300, 800, 1500])
def test_the_maps_come_first_and_large_where_they_say_more(width: int) -> None:
    grey = np.full((200, 200, 3), 90, np.uint8)
    blue = grey.copy()
    blue[..., 2] = 200
    raised = np.full((4, 4), 0.02)

    def row_of_photo(maps_first: bool) -> int:
        """Where the photo in its own colours begins."""
        page = pair(
            blue, grey, raised, raised, score=0.32, matches=matches(0.01), maps_first=maps_first, width=width,
            joined_words=["Outlined."], covering=Covering(0.32, [1], [0.31], [0.33], "Words."),
        )  # fmt: skip
        pixels = np.asarray(page).astype(int)
        return int(np.argmax((np.abs(pixels - (90, 90, 200)).max(axis=2) < 6).sum(axis=1) > 0.1 * width))

    assert row_of_photo(True) - row_of_photo(False) > 0.4 * width, "the maps are above it, as large as the photos"


def test_unsigned_scales_missing_values_and_too_many_matches_are_refused() -> None:
    with pytest.raises(InputError, match="signed=True"):
        pair(CAT, CUP, np.ones((2, 2)), np.ones((2, 2)), Scale(0, 1), score=1)
    with pytest.raises(InputError, match="not finite"):
        pair(CAT, CUP, np.full((2, 2), np.nan), np.ones((2, 2)), score=1)
    with pytest.raises(InputError, match="7 matches, and 6 can be told apart"):
        pair(CAT, CUP, shares(0.4, 1), shares(0.4, 2), score=0.4, matches=matches(*[0.1] * 7))


def test_a_score_is_never_rounded_to_the_same() -> None:
    assert score_text(0.9991) == "0.999"
    assert score_text(0.42) == "0.42"
    assert score_text(1.0) == "1.0"
