"""Whether a map may be believed: its curves against photos covered by hand, and what is said where none can tell."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray

import saccade
from saccade.attribution.scale import cell_size
from saccade.attribution.smoothing import gaussian_blur
from saccade.errors import Cancelled
from saccade.pairs.reference import reference_of_codes
from saccade.picture.numerals import number
from saccade.reference import Reference
from saccade.report.trust_data import _doubt, _meaning, _score, _verdict, deletion_curves, doubts, trust_data


def test_curves_are_those_of_photos_covered_by_hand() -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((20, 20, 3)), layers.Conv2D(4, 4, 4), layers.ELU(), layers.Flatten()])
    encoder = saccade.Encoder(model, value_range=(0, 1))
    photos = encoder.images(np.random.default_rng(0).random((2, 20, 20, 3), np.float32))
    maps = {name: np.random.default_rng(seed).random((2, 20, 20)) for seed, name in enumerate(("map", "random"))}
    curves = deletion_curves(encoder, photos, maps, None)
    codes = encoder.codes(photos).reshape(2, -1).astype(float)
    hidden = gaussian_blur(photos.array, float(max(cell_size(encoder, (20, 20), saccade.targets.code()))))
    for name, values in maps.items():
        assert curves[name].shape == (2, 2, 11)
        for photo in range(2):
            order = np.argsort(-values[photo].ravel())
            for step in range(11):
                gone = np.zeros(400, bool)
                gone[order[: 40 * step]] = True
                for side, shown in enumerate((~gone, gone)):
                    covered = np.where(shown.reshape(20, 20, 1), photos.array[photo], hidden[photo])
                    code = encoder.codes(covered[None]).ravel().astype(float)
                    cosine = code @ codes[photo] / np.linalg.norm(code) / np.linalg.norm(codes[photo])
                    np.testing.assert_allclose(curves[name][photo, side, step], cosine, atol=1e-4)


@pytest.fixture(scope="module")
def all_alike() -> saccade.Encoder:
    """An encoder whose codes have so much in common that plain cosines are near 1 whatever is shown."""
    keras.utils.set_random_seed(0)
    convolution = layers.Conv2D(4, 4, 4, activation="relu", bias_initializer=keras.initializers.Constant(20))
    return saccade.Encoder(keras.Sequential([keras.Input((20, 20, 3)), convolution]), value_range=(0, 1))


def trusts(
    encoder: saccade.Encoder, photos: NDArray[np.float32], reference: Reference | None = None
) -> list[dict[str, Any]]:
    images = encoder.images(photos)
    return trust_data(encoder, images, saccade.explain(encoder, images, "activation_energy"), reference)


def random_photos(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).random((count, 20, 20, 3), np.float32)


def test_where_no_order_makes_a_difference_the_test_cannot_tell(all_alike: saccade.Encoder) -> None:
    for trust in trusts(all_alike, random_photos(3)):
        assert trust["mean_of"] == ""
        assert trust["sentence"].startswith(
            "This test cannot tell here: with all of the photo blurred its code is still "
        )
        assert trust["doubt"] == "A test on this photo cannot tell whether it is better than chance."
        assert "--reference FOLDER" in trust["sentence"]
        assert "saccade evaluate" in trust["sentence"]
        for name, words in (("map", "this map"), ("edges", "an edge detector"), ("random", "a map at random")):
            assert f"{words} {number(trust['curves'][name]['score'])}" in trust["sentence"]


def test_what_is_known_of_photos_is_taken_off(all_alike: saccade.Encoder) -> None:
    photos = random_photos(6)
    codes = all_alike.codes(all_alike.images(photos))
    of_others = reference_of_codes(codes[3:] + 0.01, name="the collection")
    cases = ((None, codes.mean(axis=0), "the photos of this page"), (of_others, of_others.mean_code, "the collection"))
    for reference, centre, name in cases:
        for index, trust in enumerate(trusts(all_alike, photos, reference)):
            assert trust["mean_of"] == name
            assert "cannot tell" not in trust["sentence"]
            blurred = trust["curves"]["map"]["deletion"][-1]
            hidden = gaussian_blur(photos, float(max(cell_size(all_alike, (20, 20), saccade.targets.code()))))
            here = (all_alike.codes(all_alike.images(hidden))[index] - centre).ravel().astype(float)
            own = (codes[index] - centre).ravel().astype(float)
            assert blurred == pytest.approx(here @ own / np.linalg.norm(here) / np.linalg.norm(own), abs=1e-3)


@pytest.mark.parametrize("photos", [random_photos(6), np.repeat(random_photos(1), 5, axis=0)])
def test_the_doubt_is_the_same_without_the_untrained_networks(
    all_alike: saccade.Encoder, photos: NDArray[np.float32]
) -> None:
    images = all_alike.images(photos)
    first = saccade.explain(all_alike, images, "activation_energy")
    expected = [trust["doubt"] for trust in trusts(all_alike, photos)]
    assert any(expected)
    assert doubts(all_alike, images, first, None) == expected
    with pytest.raises(Cancelled):
        doubts(all_alike, images, first, None, stop=lambda: True)


def test_photos_that_are_all_the_same_have_no_mean_to_take_off(all_alike: saccade.Encoder) -> None:
    for trust in trusts(all_alike, np.repeat(random_photos(1), 5, axis=0)):
        assert trust["mean_of"] == ""
        assert trust["sentence"].startswith("This test cannot tell here")


def test_the_score_is_what_the_sentence_says_it_is() -> None:
    """The mean over shares of: similarity with the least marked blurred, less that with the most marked blurred."""
    rng = np.random.default_rng(0)
    most_blurred, least_blurred = np.linspace(1, 0.2, 11), np.linspace(1, 0.2, 11)
    most_blurred[1:-1], least_blurred[1:-1] = rng.random(9), rng.random(9)
    shares = np.linspace(0, 1, 11)
    difference = np.trapezoid(least_blurred - most_blurred, shares)
    # Insertion of the most marked share s is the photo with the least marked 1 - s blurred.
    assert _score(np.stack([most_blurred, least_blurred[::-1]])) == pytest.approx(difference)


def trust_of(of_map: float, edges: float, random: float, untrained: float | None = None) -> dict[str, Any]:
    curve = {"deletion": [1.0, 0.3]}
    trust: dict[str, Any] = {
        "mean_of": "",
        "curves": {
            name: {**curve, "score": score} for name, score in (("map", of_map), ("edges", edges), ("random", random))
        },
    }
    return trust if untrained is None else {**trust, "untrained": {"likeness": untrained}}


def test_the_verdict_says_what_it_means_and_the_numbers_stand_apart() -> None:
    assert _verdict(trust_of(0.301, 0.24, 0.003)) == (
        "This map finds what the code needs better than an edge detector does, and better than chance."
    )
    assert _meaning(trust_of(0.301, 0.24, 0.003)["curves"]) == (
        "Blurring the places that it marks most costs the code 0.30 more of its similarity than blurring as many that "
        "it marks least; by an edge detector that is 0.24, by chance 0.00."
    )
    assert "by chance 0.00." in _meaning(trust_of(0.20, 0.24, -0.003)["curves"])
    assert "by chance \u22120.02." in _meaning(trust_of(0.20, 0.24, -0.02)["curves"])
    assert "less well than an edge detector does, but better than chance." in _verdict(trust_of(0.20, 0.24, -0.003))
    assert "about as well as an edge detector does, and" in _verdict(trust_of(0.25, 0.24, 0.0))
    better = "An edge detector does better."
    for score, words in ((0.04, "hardly better"), (0.01, "no better"), (-0.3, "no better")):
        verdict = f"This map finds what the code needs {words} than chance."
        assert _verdict(trust_of(score, 0.24, 0.0)) == f"{verdict} {better}"
        assert _verdict(trust_of(score, score + 0.01, 0.0)) == verdict
        doubt = f"A test on this photo finds it {words} than chance: do not build on it alone."
        assert _doubt(trust_of(score, 0.24, 0.0)["curves"]) == doubt
    assert _doubt(trust_of(0.3, 0.24, 0.0)["curves"]) == ""
    for likeness, end in (
        (0.8, "it shows the photo, not what was learned."),
        (0.5, "draw a partly different one (rank correlation 0.50)."),
        (-0.1, "draw another one (rank correlation \u22120.10)."),
    ):
        assert _verdict(trust_of(0.3, 0.2, 0.0, untrained=likeness)).endswith(end)
