"""Detail kept, against its closed forms: the image itself, its blur, and one half of each."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage import data

import saccade
from saccade import targets
from saccade.collection import BatchRun, PageStyle, Request, contact_sheet
from saccade.errors import InputError, NotApplicable
from saccade.evaluation import evaluation
from saccade.results import attribution, method_sheets
from saccade.results.kept_detail import kept_in_words

SIDE = 32


def redraws(paint: Any) -> saccade.Encoder:
    """An autoencoder that redraws its image by a function of it."""
    inputs = keras.Input((SIDE, SIDE, 3))
    code = keras.layers.AveragePooling2D(4, name="encoded")(inputs)
    # The code takes part, so that it is on the way, and adds nothing.
    nothing = keras.layers.UpSampling2D(4)(code * 0.0)
    return saccade.Encoder(keras.Model(inputs, paint(inputs) + nothing), layer="encoded", value_range=(0.0, 1.0))


def photo() -> Any:
    return np.random.default_rng(3).random((1, SIDE, SIDE, 3)).astype(np.float32)


def test_an_image_redrawn_as_it_is_keeps_all_and_one_without_detail_none() -> None:
    whole = saccade.explain(redraws(lambda image: image), photo(), "detail_kept", blur=4.0)
    np.testing.assert_allclose(whole.values, 1.0, atol=1e-6)
    assert whole.scores["detail_kept"][0] == pytest.approx(1.0)
    assert "keeps 100 %" in whole.sentence()

    blurred = gaussian_filter(photo().astype(np.float64), 4.0, axes=(1, 2), mode="reflect").astype(np.float32)
    image = photo()
    encoder = redraws(lambda pixels: pixels * 0.0 + blurred)
    none = saccade.explain(encoder, image, "detail_kept", blur=4.0)
    assert none.values.max() < 0.01
    assert none.scores["detail_kept"][0] == pytest.approx(0.0, abs=1e-3)


def test_it_equals_the_formula_and_not_the_contrast() -> None:
    image = photo()
    encoder = redraws(lambda pixels: pixels * 0.7 + 0.1)
    attribution = saccade.explain(encoder, image, "detail_kept", blur=3.0, window=2.0)
    exact = image[0].astype(np.float64)

    def windowed(values: Any) -> Any:
        return gaussian_filter(values, 2.0, mode="reflect", truncate=4.0)

    lost = windowed(((exact * 0.7 + 0.1 - exact) ** 2).sum(axis=-1))
    blur = gaussian_filter(exact, 3.0, axes=(0, 1), mode="reflect", truncate=4.0)
    detail = windowed(((blur - exact) ** 2).sum(axis=-1))
    np.testing.assert_allclose(attribution.raw[0], 1 - lost / (detail + 3e-4), rtol=1e-3, atol=1e-3)
    # Half of the contrast, half of the loss: the same share is kept.
    faint = 0.5 + (image - 0.5) * 0.2

    def shrink(pixels: Any) -> Any:
        return pixels + 0.3 * (blur[None].astype(np.float32) - image)

    strong = saccade.explain(redraws(shrink), image, "detail_kept", blur=3.0, window=2.0)
    weak = saccade.explain(
        redraws(lambda pixels: pixels + 0.3 * 0.2 * (blur[None].astype(np.float32) - image)), faint, "detail_kept",
        blur=3.0, window=2.0,
    )  # fmt: skip
    np.testing.assert_allclose(weak.values, strong.values, atol=0.02)


def test_a_plain_place_has_nothing_to_lose() -> None:
    plain = np.full((1, SIDE, SIDE, 3), 0.4, np.float32)
    attribution = saccade.explain(redraws(lambda image: image), plain, "detail_kept")
    np.testing.assert_allclose(attribution.values, 1.0, atol=1e-6)


def test_its_page_shows_the_redrawn_photo() -> None:
    attribution = saccade.explain(redraws(lambda image: image), photo(), "detail_kept")
    assert attribution.redrawn is not None
    assert attribution.redrawn_photo().size == (SIDE, SIDE)
    assert attribution.question == "what it remembers, and what it forgets"
    assert attribution.figure().width > 900
    plain = saccade.explain(redraws(lambda image: image), photo(), "saliency")
    with pytest.raises(InputError, match="detail_kept"):
        plain.redrawn_photo()


def test_what_it_cannot_answer_is_refused() -> None:
    inputs = keras.Input((SIDE, SIDE, 3))
    encoder = saccade.Encoder(keras.Model(inputs, keras.layers.AveragePooling2D(4, name="encoded")(inputs)))
    with pytest.raises(NotApplicable, match="only encodes"):
        saccade.explain(encoder, photo(), "detail_kept")
    with pytest.raises(NotApplicable, match="about the whole code"):
        saccade.explain(redraws(lambda image: image), photo(), "detail_kept", targets.channel(0))
    with pytest.raises(InputError, match="window=0"):
        saccade.explain(redraws(lambda image: image), photo(), "detail_kept", window=0)


def test_nothing_kept_is_a_finding() -> None:
    keras.utils.set_random_seed(0)
    image = keras.Input((32, 32, 3))
    code = keras.layers.GlobalAveragePooling2D(name="code")(image)
    grey = keras.layers.Reshape((32, 32, 3))(keras.layers.Dense(32 * 32 * 3, kernel_initializer="zeros")(code))
    encoder = saccade.Encoder(keras.Model(image, grey), layer="code", value_range=(0, 1))
    look = saccade.explain(encoder, [data.chelsea()], "detail_kept")
    assert not look.values.any()
    assert not [note for note in look.notes if "no finding" in note]
    share = look.scores["detail_kept"][0]
    assert share < -0.01
    assert look.sentence().startswith(
        "Of the detail in the 32x32 px that the model is given, the redrawing keeps none: "
        f"it differs from the photo by more than the photo's own detail (\N{MINUS SIGN}{-100 * share:.0f} %)"
    )


def test_evaluate_says_it_as_the_page_does() -> None:
    worse = redraws(lambda image: 1 - image)
    look = saccade.explain(worse, photo(), "detail_kept")
    setup: Any = SimpleNamespace(encoder=worse, images=worse.images(photo()))
    (sentence,) = evaluation._detail_kept(setup)
    assert look.sentence() == f"{sentence[0].upper()}{sentence[1:]}."
    assert "keeps none: " in sentence
    assert "(\N{MINUS SIGN}" in sentence
    assert kept_in_words(-0.001, (8, 8)).endswith("keeps 0 %")


def test_what_has_no_colour_bar_says_what_dark_means(monkeypatch: pytest.MonkeyPatch) -> None:
    look = saccade.explain(redraws(lambda image: image * 0.5), photo(), "detail_kept", blur=4.0)
    assert "the less of the detail is kept" in look.key_words()
    assert look.key_words(view="heatmap") == ""
    shown: dict[str, Any] = {}
    monkeypatch.setattr(method_sheets, "comparison", lambda *_, **named: shown.update(named) or [])
    method_sheets.methods_sheets([look])
    assert any("the less of the detail is kept" in note for note in shown["notes"])
    method_sheets.methods_sheets([look], view="heatmap")
    assert not any("is kept" in note for note in shown["notes"][1:])


@pytest.mark.parametrize(
    ("view", "words"), [("auto", ["less of the detail is kept"]), ("contours", ["Lines at 1/4"]), ("heatmap", [])]
)
def test_a_contact_sheet_says_it_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, view: str, words: list[str]
) -> None:
    for number in range(2):
        Image.fromarray(data.chelsea()[40 * number : 40 * number + 200, :200]).save(tmp_path / f"{number}.png")
    shown: dict[str, Any] = {}

    def figure(*parts: Any, **named: Any) -> Image.Image:
        shown.update(named)
        return drawn(*parts, **named)

    drawn = contact_sheet.figure
    monkeypatch.setattr(contact_sheet, "figure", figure)
    paths = sorted(tmp_path.iterdir())
    encoder = redraws(lambda image: image * 0.5)
    style = PageStyle(view=view)
    list(BatchRun(encoder, paths, [Request("detail_kept")], output=tmp_path / "out", style=style))
    assert shown["title"] == "What it remembers, and what it forgets"
    caption = shown["caption"][1:]
    assert len(caption) == len(words)
    assert all(word in line for word, line in zip(words, caption, strict=True))
    both = saccade.explain(encoder, encoder.read(paths), "detail_kept")
    monkeypatch.setattr(attribution, "figure", lambda *_, **named: shown.update(named))
    both.sheet(view=view)
    assert shown["caption"][1:] == caption
