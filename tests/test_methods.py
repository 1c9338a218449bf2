"""What the methods promise: exact tiling, completeness, units, and none of the peers' traps."""

from __future__ import annotations

from typing import Any

import keras
import nets
import numpy as np
import pytest

import saccade
from saccade import targets
from saccade.attribution.smoothing import gaussian_blur
from saccade.encoder import Encoder
from saccade.errors import ImageError, InputError, NotApplicable, SaccadeWarning, UnknownName
from saccade.methods import find
from saccade.models.dataflow import POINTWISE, Dataflow, Operation

pytestmark = pytest.mark.engine


def encoder_of(name: str, **settings: Any) -> Encoder:
    build, layer = {**nets.LOCAL, **nets.MIXING}[name]
    return Encoder(build(), layer=layer, **settings)


def all_targets(images: Any) -> list[targets.Target]:
    return [
        targets.code(),
        targets.channel(1),
        targets.cell(1, 2),
        targets.like(images[::-1].copy()),
    ]


# Occlusion


@pytest.mark.parametrize("name", list(nets.LOCAL))
def test_tiled_occlusion_equals_plain_occlusion(name: str) -> None:
    encoder = encoder_of(name)
    images = nets.pictures(encoder.network.model)  # type: ignore[attr-defined]
    shared = []
    for target in all_targets(images)[: 4 if name in ("reference", "nested") else 1]:
        for patch, stride in ((None, None), (5, 3), (3, 2)):
            tiled = find("occlusion")(encoder, images, target, patch=patch, stride=stride)
            plain = find("occlusion")(encoder, images, target, patch=patch, stride=stride, tiled=False)
            largest = np.abs(plain.raw).max()
            np.testing.assert_allclose(tiled.raw, plain.raw, rtol=0, atol=1e-5 * largest)
            assert plain.settings["passes"] == plain.settings["holes"]
            shared.append(tiled.settings["passes"] < tiled.settings["holes"])
    assert any(shared)


def test_occlusion_is_what_covering_by_hand_gives() -> None:
    encoder = encoder_of("reference")
    images = nets.pictures(encoder.network.model, 1)  # type: ignore[attr-defined]
    attribution = find("occlusion")(encoder, images, targets.code(), patch=6, stride=4, filler=0.25)
    before = encoder.codes(images).astype(np.float64)
    for row, top in enumerate((0, 4, 8, 12, 16, 18)):
        for column, left in enumerate((0, 4, 8, 12, 16, 18)):
            covered = images.copy()
            covered[:, top : top + 6, left : left + 6] = 0.25
            after = encoder.codes(covered)
            share = ((after - before) ** 2).sum() / (before**2).sum()
            np.testing.assert_allclose(attribution.raw[0, row, column], share, rtol=1e-4)


@pytest.mark.parametrize("name", ["dense", "pooled", "subclassed"])
def test_where_everything_mixes_occlusion_goes_hole_by_hole_and_says_so(name: str) -> None:
    encoder = encoder_of(name)
    images = np.random.default_rng(0).random((1, *_size(encoder)), dtype=np.float32)
    attribution = find("occlusion")(encoder, images, targets.code(), patch=6, stride=6)
    assert attribution.settings["passes"] == attribution.settings["holes"]
    assert any("hole by hole" in note for note in attribution.notes)
    covered = images.copy()
    covered[:, :6, :6] = gaussian_blur(images, 6.0)[:, :6, :6]
    before = encoder.codes(images).astype(np.float64)
    share = ((encoder.codes(covered) - before) ** 2).sum() / (before**2).sum()
    np.testing.assert_allclose(attribution.raw[0, 0, 0], share, rtol=1e-4)


def test_wrong_geometry_is_noticed_and_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = encoder_of("reference")
    images = nets.pictures(encoder.network.model, 1)  # type: ignore[attr-defined]
    plain = find("occlusion")(encoder, images, targets.code(), tiled=False)
    true = encoder.dataflow(24, 24)
    # A lie: every layer claims to see single places only.
    lie = {
        name: Operation(each.inputs, POINTWISE if each.grid == (24, 24) else each.windows, each.grid)
        for name, each in true.operations.items()
    }
    monkeypatch.setattr(encoder, "dataflow", lambda height, width: Dataflow((height, width), lie))
    with pytest.warns(SaccadeWarning, match="tiling does not hold"):
        mended = find("occlusion")(encoder, images, targets.code())
    np.testing.assert_allclose(mended.raw, plain.raw, rtol=1e-5)


@pytest.mark.parametrize("filler", ["blur", "local_mean", "mean", "black", "white", "grey", 0.3])
def test_covering_a_constant_picture_with_itself_changes_nothing(filler: Any) -> None:
    encoder = encoder_of("reference")
    value = {"black": 0.0, "white": 1.0, "grey": 0.5, 0.3: 0.3}.get(filler, 0.7)
    images = np.full((1, 24, 24, 1), value, np.float32)
    attribution = find("occlusion")(encoder, images, targets.code(), filler=filler)
    assert np.abs(attribution.raw).max() < 1e-9


def test_local_mean_is_the_mean_of_the_neighbourhood() -> None:
    from saccade.attribution.fillers import _box_mean

    images = np.random.default_rng(0).random((1, 9, 11, 2), dtype=np.float32)
    means = _box_mean(images, (3, 4))
    padded = np.pad(images, ((0, 0), (1, 1), (2, 1), (0, 0)), mode="symmetric")
    for y in range(9):
        for x in range(11):
            np.testing.assert_allclose(means[0, y, x], padded[0, y : y + 3, x : x + 4].mean(axis=(0, 1)), rtol=1e-5)


# Gradients


@pytest.mark.parametrize("baseline", ["blur", "mean", "black"])
def test_integrated_gradients_add_up_to_the_change(baseline: str) -> None:
    encoder = encoder_of("reference")
    images = nets.pictures(encoder.network.model)  # type: ignore[attr-defined]
    for target in all_targets(images):
        attribution = find("integrated_gradients")(encoder, images, target, steps=64, baseline=baseline)
        change = attribution.scores["score"] - attribution.scores["score_at_baseline"]
        total = attribution.raw.sum(axis=(1, 2, 3), dtype=np.float64)
        assert np.abs(total - change).max() <= 0.01 * np.abs(change).max() + 1e-5
        np.testing.assert_allclose(attribution.scores["completeness_gap"], total - change, atol=1e-6)


def test_smoothgrad_without_noise_is_saliency() -> None:
    encoder = encoder_of("reference")
    images = nets.pictures(encoder.network.model)  # type: ignore[attr-defined]
    for target in all_targets(images):
        plain = find("saliency")(encoder, images, target).raw
        still = find("smoothgrad")(encoder, images, target, noise=0.0, samples=3).raw
        np.testing.assert_allclose(still, plain, rtol=0, atol=1e-5 * np.abs(plain).max())


def test_saliency_is_zero_where_the_model_does_not_look() -> None:
    inputs = keras.Input((16, 16, 1))
    x = keras.layers.Cropping2D(((0, 8), (0, 0)))(inputs)
    model = keras.Model(inputs, keras.layers.Conv2D(3, 3, padding="same", name="encoded")(x))
    images = nets.pictures(model)
    raw = find("saliency")(Encoder(model), images, targets.code()).raw
    assert np.abs(raw[:, 8:]).max() == 0
    assert np.abs(raw[:, :8]).max() > 0


def test_noise_follows_the_range_of_values() -> None:
    # The same net on 0..1 and, with a rescaling layer in front, on 0..255: the maps must be the same.
    model = nets.autoencoder()
    inputs = keras.Input((24, 24, 1))
    scaled = keras.Model(inputs, model(keras.layers.Rescaling(1 / 255)(inputs)))
    small, large = Encoder(model), Encoder(scaled)
    assert large.value_range == (0, 255)
    images = nets.pictures(model)
    for method in ("smoothgrad", "occlusion", "integrated_gradients"):
        a = find(method)(small, images, targets.code()).raw
        b = find(method)(large, images * 255, targets.code()).raw
        factor = 255.0 if method == "smoothgrad" else 1.0
        np.testing.assert_allclose(b * factor, a, rtol=0, atol=2e-4 * np.abs(a).max())


def test_a_linear_code_has_the_exact_slope() -> None:
    inputs = keras.Input((6, 6, 2))
    model = keras.Model(inputs, keras.layers.Dense(5, name="code")(keras.layers.Flatten()(inputs)))
    encoder = Encoder(model)
    images = nets.pictures(model)
    kernel = keras.ops.convert_to_numpy(model.layers[-1].kernel)
    codes = images.reshape(2, -1) @ kernel
    expected = (codes @ kernel.T).reshape(images.shape)
    np.testing.assert_allclose(find("saliency")(encoder, images, targets.code()).raw, expected, rtol=1e-4, atol=1e-5)


# Activation energy


def test_shares_of_the_energy_sum_to_one_and_of_a_likeness_to_its_score() -> None:
    encoder = encoder_of("reference")
    images = nets.pictures(encoder.network.model)  # type: ignore[attr-defined]
    energy = find("activation_energy")(encoder, images, targets.code())
    np.testing.assert_allclose(energy.values.sum(axis=(1, 2)), 1, rtol=1e-5)
    like = find("activation_energy")(encoder, images, targets.like(images[::-1].copy()))
    a, b = encoder.codes(images).reshape(2, -1).astype(np.float64)
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    np.testing.assert_allclose(like.values.sum(axis=(1, 2)), cosine, rtol=1e-5)
    np.testing.assert_allclose(like.scores["score"], cosine, rtol=1e-6)


def test_activation_energy_refuses_a_code_without_places() -> None:
    encoder = encoder_of("dense")
    with pytest.raises(NotApplicable, match="use occlusion"):
        find("activation_energy")(encoder, nets.pictures(encoder.network.model), targets.code())  # type: ignore[attr-defined]


# Traps


@pytest.mark.parametrize("size", [(28, 28), (64, 40), (1024, 1024)])
def test_free_sizes_from_small_to_large(size: tuple[int, int]) -> None:
    encoder = Encoder(nets.free_size())
    photo = np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8)
    attribution = saccade.explain(encoder, photo, "occlusion", patch=max(size) // 8)
    assert attribution.heatmap.shape == (1, *size)
    assert attribution.settings["passes"] < attribution.settings["holes"]


def test_reconstruction_error_needs_a_decoder() -> None:
    encoder = encoder_of("odd")
    with pytest.raises(NotApplicable, match="redraws"):
        saccade.explain(encoder, nets.pictures(encoder.network.model), target="reconstruction_error")  # type: ignore[attr-defined]
    whole = encoder_of("reference")
    images = nets.pictures(whole.network.model)  # type: ignore[attr-defined]
    attribution = saccade.explain(whole, images, "activation_energy", "reconstruction_error")
    error = ((whole.reconstruct(images) - images).astype(np.float64) ** 2).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(attribution.scores["score"], error, rtol=1e-5)
    np.testing.assert_allclose(attribution.values.sum(axis=(1, 2)), error, rtol=1e-4)


def test_bad_settings_are_answered_in_one_line() -> None:
    encoder = encoder_of("reference")
    images = nets.pictures(encoder.network.model)  # type: ignore[attr-defined]
    for words, error, arguments in (
        ("no method 'oclusion'; the nearest is 'occlusion'", UnknownName, {"method": "oclusion"}),
        ("no setting of occlusion 'pach'; the nearest is 'patch'", UnknownName, {"method": "occlusion", "pach": 3}),
        ("no setting of blur_integrated_gradients 'stps'; the nearest is 'steps'", UnknownName, {"stps": 3}),
        ("takes no settings", InputError, {"method": "activation_energy", "patch": 3}),
        ("patch=0", InputError, {"method": "occlusion", "patch": 0}),
        ("does not fit into an image", InputError, {"method": "occlusion", "patch": 99}),
        ("no filler 'blurr'; the nearest is 'blur'", UnknownName, {"method": "occlusion", "filler": "blurr"}),
        ("samples=0", InputError, {"method": "smoothgrad", "samples": 0}),
        ("steps=0", InputError, {"method": "integrated_gradients", "steps": 0}),
        ("no baseline 'blac'", UnknownName, {"method": "integrated_gradients", "baseline": "blac"}),
        ("channel 9 does not exist", InputError, {"target": "channel:9"}),
        ("cell 9,9 does not exist", InputError, {"target": "cell:9,9"}),
        ("no target 'cod'; the nearest is 'code'", UnknownName, {"target": "cod"}),
        ("cannot be read", InputError, {"target": "channel:x"}),
    ):
        with pytest.raises(error, match=words):
            saccade.explain(encoder, images, **arguments)  # type: ignore[arg-type]
    with pytest.raises(ImageError, match="images of shape"):
        saccade.explain(encoder, np.zeros((1, 8, 8, 3), np.float32))


def _size(encoder: Encoder) -> tuple[int, int, int]:
    height, width, channels = encoder.network.input_shape
    return height or 20, width or 20, channels
