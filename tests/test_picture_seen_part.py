"""What a model saw of a photo is framed: checked pixel by pixel, and against the words."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from saccade.images import Images
from saccade.images.photos import Photo
from saccade.images.placement import Placement
from saccade.picture.seen_part import frame_seen_part, seen_part_in_words
from saccade.results import Attribution


def test_inside_stays_as_it_is_and_outside_gets_darker() -> None:
    rng = np.random.default_rng(0)
    photo = rng.integers(100, 200, (200, 100, 3), np.uint8)
    framed = np.asarray(frame_seen_part(Image.fromarray(photo), (0.1, 0.05, 0.9, 0.95)))
    assert (framed[11:189, 11:89] == photo[11:189, 11:89]).all()
    assert (framed[10:190, [10, 89]] > 200).all()
    assert (framed[[10, 189], 10:90] > 200).all()
    assert (framed[9:191, [9, 90]] < 40).all()
    outside = framed[:9], photo[:9]
    assert (outside[0] < outside[1]).all()
    assert (outside[0] > 40).all(), "it is dimmed, not hidden"


def test_an_edge_of_the_photo_is_no_edge_of_the_view() -> None:
    photo = np.full((60, 100, 3), 150, np.uint8)
    cropped = np.asarray(frame_seen_part(Image.fromarray(photo), (0.2, 0.0, 0.8, 1.0)))
    assert (cropped[:, 21:79] == 150).all()
    assert (cropped[:, [20, 79]] > 200).all()
    image = Image.fromarray(photo)
    assert frame_seen_part(image, (0, 0, 1, 1)) is image
    assert frame_seen_part(image, (0, -0.3, 1, 1.3)) is image, "a padded photo is seen whole"


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ((0.0625, 0.0625, 0.9375, 0.9375), "the middle 87.5 % of the photo, along each side"),
        ((0.125, 0.0, 0.875, 1.0), "the middle 75 % of the photo's width"),
        ((0.0, -0.1, 1.0, 1.1), ""),
        ((0.2, 0.0625, 0.8, 0.9375), "the middle 60 % of the photo's width and 87.5 % of the photo's height"),
    ],
)
def test_how_much_a_model_is_given_is_said(shares: tuple[float, float, float, float], words: str) -> None:
    assert seen_part_in_words(shares) == (f"the model is given {words}" if words else "")


def test_a_page_frames_what_the_model_saw_and_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    original = np.full((96, 96, 3), 150, np.uint8)
    photo = Photo("a.jpg", None, original, Placement((96, 96), (8, 8), (6.0, 6.0, 90.0, 90.0)))
    images = Images(np.zeros((1, 8, 8, 3), np.float32), (photo,), (0.0, 1.0))
    values = np.linspace(0, 1, 64, dtype=np.float32).reshape(1, 8, 8)
    look = Attribution(
        values, values, "share", False, images, "saliency", "Saliency", "s", "code", "q", "m", "l", (8, 8)
    )  # fmt: skip
    for image in (
        look.drawn(view="heatmap"),
        look.drawn(view="spotlight"),
        look.drawn(view="contours"),
        *look.overlay(),
    ):
        line = np.asarray(image)[image.height // 2, :, 0]
        edge = round(6 / 96 * image.width)
        assert line[edge] == 235
        assert line[edge - 1] == 20
        assert line[edge - 4] < 0.62 * 150
    pages: list[list[str]] = []
    from saccade.results import attribution as module

    monkeypatch.setattr(module, "figure", lambda *_, notes, **__: pages.append(notes) or Image.new("RGB", (9, 9)))
    look.figure()
    assert "the model is given the middle 87.5 % of the photo" in " ".join(pages[0])
