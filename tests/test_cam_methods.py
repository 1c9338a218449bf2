"""The CAM family against formulas worked out by hand, and what each member promises."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import asking
import keras
import nets
import numpy as np
import pytest
from closeness import close

import saccade
from saccade import targets
from saccade.attribution.feature_layer import feature_layer
from saccade.encoder import Encoder
from saccade.errors import NotApplicable, UnknownName
from saccade.methods import find
from saccade.methods.eigen_cam import _first_eigenvector
from saccade.run import Run

pytestmark = pytest.mark.engine

L = keras.layers
FAMILY = ["ablation_cam", "eigen_cam", "grad_cam", "grad_cam_plus_plus", "layer_cam", "score_cam"]
SLOPED = ["grad_cam", "grad_cam_plus_plus", "layer_cam"]


@cache
def encoder_of(name: str) -> tuple[Encoder, Any]:
    build, layer = {**nets.LOCAL, **nets.MIXING}[name]
    model = build()
    return Encoder(model, layer=layer), nets.pictures(model)


def pooling(channels: int = 6, codes: int = 3, activation: str = "relu") -> keras.Model:
    """A convolution, the mean over all places, a dense code: where every CAM has a closed form."""
    inputs = keras.Input((12, 10, 2))
    x = L.Conv2D(channels, 3, activation=activation, name="features")(inputs)
    x = L.GlobalAveragePooling2D()(x)
    return nets._model(inputs, L.Dense(codes, name="code")(x))


# Gradients


def slopes_by_differences(model: Any, image: Any, at: str, score: Any) -> tuple[Any, Any]:
    """The values of a layer and the gradient of a score of the code there, in float64 numpy, one number at a time."""
    run = nets.numpy_autoencoder(nets.weights_of(model))
    picture = image.astype(np.float64)
    values = run(picture, {})[at]
    gradient = np.zeros_like(values)
    for place in np.ndindex(values.shape):
        ends = []
        for step in (1e-5, -1e-5):
            moved = values.copy()
            moved[place] += step
            ends.append(score(run(picture, {at: lambda _, moved=moved: moved})["encoded"]))
        gradient[place] = (ends[0] - ends[1]) / 2e-5
    return values, gradient


@pytest.mark.parametrize(("at", "kind"), [("conv_2", "code"), ("pool_1", "channel"), ("conv_2", "like")])
def test_maps_are_what_finite_differences_give(at: str, kind: str) -> None:
    model = nets.autoencoder(size=8)
    encoder = Encoder(model)
    image, other = nets.pictures(model, 1), nets.pictures(model, 1, seed=8)
    code, other_code = (encoder.codes(each).astype(np.float64) for each in (image, other))
    target, score = {
        "code": (targets.code(), lambda moved: (moved * code).sum()),
        "channel": (targets.channel(1), lambda moved: moved[..., 1].mean()),
        "like": (
            targets.like(other),
            lambda moved: (moved * other_code).sum() / np.linalg.norm(moved) / np.linalg.norm(other_code),
        ),
    }[kind]
    values, gradient = slopes_by_differences(model, image, at, score)
    magnitudes = np.abs(values).sum(axis=(1, 2), keepdims=True)
    weights = {
        "grad_cam": gradient.mean(axis=(1, 2), keepdims=True),
        "grad_cam_plus_plus": (gradient / (2 + np.abs(gradient) * magnitudes)).sum(axis=(1, 2), keepdims=True),
        "layer_cam": gradient,
    }
    for method, weight in weights.items():
        settings = {} if method == "layer_cam" else {"centred": False}
        attribution = find(method)(encoder, image, target, at=at, **settings)
        close(attribution.values, (values * weight).sum(axis=-1), 1e-3)
        close(attribution.raw, values * weight, 1e-3)
        assert attribution.signed


@pytest.mark.parametrize("name", ["residual", "concatenating"])
def test_the_slope_at_a_layer_that_a_skip_goes_round(name: str) -> None:
    """Against a step of the layer in a random direction, at every convolution."""
    encoder, images = encoder_of(name)
    backend, target = encoder.engine.backend, targets.channel(1)
    paths = list(encoder.layers)[: list(encoder.layers).index(encoder.layer)]
    tried = [path for path in paths if encoder.layers[path].kind == "Conv2D"]
    assert tried
    for at in tried:
        attribution = find("layer_cam")(encoder, images, target, at=at)
        values = encoder.activations(images, [at])[at]
        # So small a step that hardly a pooling window changes its mind.
        away = (np.random.default_rng(1).normal(size=values.shape) * values).astype(np.float32)
        with np.errstate(divide="ignore", invalid="ignore"):
            expected = np.where(values == 0, 0, attribution.raw * away / values).sum(axis=(1, 2, 3))
        ends = []
        for step in (1e-4, -1e-4):
            with backend.context():
                change = backend.tensor(step * away)
                taps = {at: lambda layer_output, change=change: layer_output + change}
                code = backend.array(encoder.network.run(backend.tensor(images), [encoder.layer], taps)[encoder.layer])
            ends.append(code[..., 1].mean(axis=(1, 2), dtype=np.float64))
        np.testing.assert_allclose((ends[0] - ends[1]) / 2e-4, expected, rtol=0.02, atol=5e-5)


class Trap(L.Layer):
    """Hands its input on, and fails when a gradient comes back through it."""

    def call(self, inputs: Any) -> Any:
        @keras.ops.custom_gradient
        def trapped(values: Any) -> Any:
            def backward(*args: Any, upstream: Any = None) -> Any:
                raise AssertionError("a gradient came back through a layer before the one explained")

            return values * 1.0, backward

        return trapped(inputs)


def test_nothing_before_the_layer_is_differentiated() -> None:
    inputs = keras.Input((12, 12, 1))
    x = Trap(name="trap")(L.Conv2D(3, 3, padding="same", name="early")(inputs))
    x = L.MaxPooling2D(2, name="code")(L.Conv2D(4, 3, padding="same", name="late")(x))
    model = nets._model(inputs, x)
    encoder, images = Encoder(model, layer="code"), nets.pictures(model)
    for method in SLOPED:
        assert np.abs(find(method)(encoder, images, targets.code()).values).max() > 0
        with pytest.raises(AssertionError, match="came back"):
            find(method)(encoder, images, targets.code(), at="early")
    with pytest.raises(AssertionError, match="came back"):
        find("saliency")(encoder, images, targets.code())


def test_behind_a_mean_all_maps_are_the_original_cam() -> None:
    """Zhou's CAM, which the family generalises: map = sum of w[k, code] A[k] / places, and it sums to the score."""
    model = pooling()
    encoder, images = Encoder(model), nets.pictures(model)
    features = encoder.activations(images, ["features"])["features"]
    kernel, bias = (keras.ops.convert_to_numpy(each) for each in model.layers[-1].weights)
    expected = features @ kernel[:, 1] / features[0, ..., 0].size
    for method in ("grad_cam", "layer_cam"):
        attribution = find(method)(encoder, images, targets.channel(1))
        close(attribution.values, expected)
        close(attribution.values.sum(axis=(1, 2)), encoder.codes(images)[:, 0, 0, 1] - bias[1])
    ablated = find("ablation_cam")(encoder, images, targets.channel(1))
    close(ablated.values, (features * features.mean(axis=(1, 2), keepdims=True)) @ kernel[:, 1])
    by_mean = find("ablation_cam")(encoder, images, targets.channel(1), replacement="mean")
    assert np.abs(by_mean.values).max() == 0  # the mean is all that is read, so nothing is missed, and it says so
    assert "flat: no channel of features is missed" in by_mean.notes
    only_for = find("layer_cam")(encoder, images, targets.channel(1), positive=True)
    close(only_for.values, features @ np.maximum(kernel[:, 1], 0) / features[0, ..., 0].size)
    assert not only_for.signed


def test_centring_moves_the_zero_and_nothing_else() -> None:
    encoder, images = encoder_of("reference")
    for method in ("ablation_cam", "grad_cam", "grad_cam_plus_plus", "score_cam"):
        plain, less = (find(method)(encoder, images, targets.code(), centred=each) for each in (False, True))
        close(less.values, plain.values - plain.values.mean(axis=(1, 2), keepdims=True))
        by_default = find(method)(encoder, images, targets.code())
        np.testing.assert_array_equal(by_default.values, less.values)
        assert "above or below the mean place" in by_default.units
        signed = find(method)(encoder, images, targets.channel(1))
        assert signed.settings["centred"] is False


@pytest.mark.parametrize("method", ["ablation_cam", "eigen_cam", "grad_cam", "grad_cam_plus_plus", "score_cam"])
def test_below_the_mean_is_no_evidence_against(method: str, tmp_path: Path) -> None:
    encoder, images = encoder_of("reference")
    look = saccade.explain(encoder, images, method)
    assert abs(look.values.mean()) < 1e-3 * np.abs(look.values).max()
    for each in (look, saccade.Attribution.load(look.save(tmp_path / "look.npz"))):
        assert "exceeds the map's mean" in each.sentence()
        assert "against" not in each.sentence()


# Grad-CAM++


def paper_plus_plus(values: Any, gradient: Any, score: Any) -> Any:
    """The published formula with its exponential, in float64."""
    raised = np.exp(score)[:, None, None, None]
    first, second, third = raised * gradient, raised * gradient**2, raised * gradient**3
    below = 2 * second + values.sum(axis=(1, 2), keepdims=True) * third
    alpha = np.where(second == 0, 0, second / np.where(below == 0, 1, below))
    weights = (alpha * np.maximum(first, 0)).sum(axis=(1, 2), keepdims=True)
    return np.maximum((weights * values).sum(axis=-1), 0)


def test_grad_cam_plus_plus_is_the_published_formula_without_its_exponential() -> None:
    model = pooling()
    encoder, images = Encoder(model), nets.pictures(model)
    values = encoder.activations(images, ["features"])["features"].astype(np.float64)
    kernel = keras.ops.convert_to_numpy(model.layers[-1].kernel).astype(np.float64)
    gradient = np.broadcast_to(kernel[:, 1] / (10 * 8), values.shape)
    score = encoder.codes(images)[:, 0, 0, 1].astype(np.float64)
    expected = paper_plus_plus(values, gradient, score) / np.exp(score)[:, None, None]
    attribution = find("grad_cam_plus_plus")(encoder, images, targets.channel(1), positive=True)
    assert expected.max() > 0
    close(attribution.values, expected)


def test_grad_cam_plus_plus_survives_scores_whose_exponential_is_no_number() -> None:
    model = pooling()
    dense = model.layers[-1]
    dense.set_weights([each * 3e5 for each in dense.get_weights()])
    encoder, images = Encoder(model), nets.pictures(model)
    score = encoder.codes(images)[:, 0, 0, 1].astype(np.float64)
    assert np.abs(score).max() > 1e4
    with np.errstate(over="ignore"):
        assert not np.isfinite(np.exp(np.abs(score).max()))
    values = encoder.activations(images, ["features"])["features"].astype(np.float64)
    gradient = np.broadcast_to(dense.get_weights()[0][:, 1].astype(np.float64) / 80, values.shape)
    weights = (gradient / (2 + np.abs(gradient) * values.sum(axis=(1, 2), keepdims=True))).sum(
        axis=(1, 2), keepdims=True
    )
    attribution = find("grad_cam_plus_plus")(encoder, images, targets.channel(1))
    assert np.isfinite(attribution.values).all()
    close(attribution.values, (values * weights).sum(axis=-1))


def test_grad_cam_plus_plus_weighs_for_and_against_alike() -> None:
    encoder, images = encoder_of("reference")
    attributions = find("grad_cam_plus_plus")(encoder, images, [targets.channel(1), -1.0 * targets.channel(1)])
    close(attributions[1].values, -attributions[0].values)


# Eigen-CAM


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize(("channels", "size"), [(5, 9), (40, 12), (40, 5)])
def test_eigen_cam_is_the_first_singular_vector(channels: int, size: int, centred: bool) -> None:
    inputs = keras.Input((size, size + 1, 2))
    model = nets._model(inputs, L.Conv2D(channels, 3, padding="same", activation="elu", name="code")(inputs))
    encoder, images = Encoder(model), nets.pictures(model, 3)
    attribution = find("eigen_cam")(encoder, images, targets.code(), centred=centred)
    codes = encoder.codes(images).reshape(3, -1, channels).astype(np.float64)
    for number, values in enumerate(codes):
        used = values - values.mean(axis=0) if centred else values
        left, sizes, _ = np.linalg.svd(used, full_matrices=False)
        expected = (left[:, 0] * sizes[0]).reshape(size, size + 1)
        expected = expected * np.sign((expected.ravel() * (values**2).sum(axis=1)).sum())
        close(attribution.values[number], expected, 1e-3)
        np.testing.assert_allclose(attribution.scores["explained"][number], sizes[0] ** 2 / (sizes**2).sum(), rtol=1e-4)


def test_eigen_cam_has_one_sign_whatever_the_layer_and_the_picture() -> None:
    """A layer of the opposite sign gives the same map; a mirrored picture the mirrored one."""
    inputs = keras.Input((14, 14, 1))
    model = nets._model(inputs, L.Conv2D(4, 3, padding="same", use_bias=False, name="code")(inputs))
    (kernel,) = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel + kernel[:, ::-1]])
    images = nets.pictures(model, 4)
    for centred in (True, False):
        first = find("eigen_cam")(Encoder(model), images, targets.code(), centred=centred).values
        mirrored = find("eigen_cam")(Encoder(model), images[:, :, ::-1].copy(), targets.code(), centred=centred).values
        close(mirrored, first[:, :, ::-1], 1e-3)
        model.layers[-1].set_weights([-each for each in model.layers[-1].get_weights()])
        close(find("eigen_cam")(Encoder(model), images, targets.code(), centred=centred).values, first, 1e-3)


@pytest.mark.parametrize("spectrum", ["steep", "slow", "equal"])
def test_the_first_eigenvector_is_the_one_of_all_eigenvectors(spectrum: str) -> None:
    random = np.random.default_rng(3)
    turned = np.linalg.qr(random.normal(size=(60, 60)))[0]
    sizes = {
        "steep": 0.5 ** np.arange(60.0),
        "slow": 1 - 1e-3 * np.arange(60.0),  # too close for turning vectors: all are computed after all
        "equal": np.ones(60),
    }[spectrum]
    gram = (turned * sizes) @ turned.T
    largest, vector = _first_eigenvector(gram)
    np.testing.assert_allclose(largest, 1, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vector), 1, rtol=1e-9)
    np.testing.assert_allclose(gram @ vector, vector, atol=2e-6)
    if spectrum != "equal":
        np.testing.assert_allclose(abs(vector @ turned[:, 0]), 1, atol=1e-5)


def test_eigen_cam_answers_for_no_target_and_runs_one_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = Encoder(nets.autoencoder())
    images = nets.pictures(encoder.network.model)  # type: ignore[attr-defined]
    with pytest.raises(NotApplicable, match="answers for no target, so not for 'channel:1'; use grad_cam"):
        find("eigen_cam")(encoder, images, targets.channel(1))
    questions = asking.recorded(monkeypatch, "activations_along", "score", "gradient", "vjp")
    find("eigen_cam")(encoder, images, targets.code())
    assert [(name, len(arguments[0]), arguments[1]) for name, arguments, _ in questions] == [
        ("activations_along", 2, ["conv_2"])
    ]


# Score-CAM and Ablation-CAM


def after(encoder: Encoder, images: Any, at: str, values: Any) -> Any:
    """The codes when a layer holds these values, one picture at a time, by putting them in its place."""
    backend = encoder.engine.backend
    codes = []
    for image, replacement in zip(images, values, strict=True):
        with backend.context():
            put = backend.tensor(replacement[None])
            taps = {at: lambda layer_output, put=put: layer_output * 0.0 + put}
            code = encoder.network.run(backend.tensor(image[None]), [encoder.layer], taps)[encoder.layer]
            codes.append(backend.array(code))
    return np.concatenate(codes).astype(np.float64)


def share(code: Any, before: Any) -> Any:
    return ((code - before) ** 2).sum(axis=(1, 2, 3)) / (before**2).sum(axis=(1, 2, 3))


def spread_by_hand(grid: Any, height: int, width: int) -> Any:
    """Linear interpolation between the middles of cells, one axis after the other, by numpy's own."""
    for axis, length in ((0, height), (1, width)):
        middles = (np.arange(grid.shape[axis]) + 0.5) * length / grid.shape[axis] - 0.5
        grid = np.apply_along_axis(lambda line: np.interp(np.arange(length), middles, line), axis, grid)  # noqa: B023
    return grid


@pytest.mark.parametrize("masked", ["picture", "layer"])
@pytest.mark.parametrize("name", ["reference", "residual", "concatenating"])
def test_score_cam_is_what_masking_by_hand_gives(name: str, masked: str) -> None:
    encoder, images = encoder_of(name)
    at = feature_layer(Run(encoder), images, [targets.code()], None).path if name != "concatenating" else "concatenate"
    at = next(path for path in encoder.layers if path.startswith(at))
    dark = np.full_like(images, 0.25)
    features, empty = (encoder.activations(each, [at])[at] for each in (images, dark))
    before = encoder.codes(images).astype(np.float64)
    height, width = images.shape[1:3]
    gains, worths = [], []
    for channel in range(features.shape[-1]):
        grid = features[..., channel]
        low, high = grid.min(axis=(1, 2), keepdims=True), grid.max(axis=(1, 2), keepdims=True)
        mask = (grid - low) / (high - low)
        if masked == "picture":
            whole = np.stack([spread_by_hand(each, height, width) for each in mask])[..., None]
            code = encoder.codes((dark + whole * (images - dark)).astype(np.float32)).astype(np.float64)
            nothing = encoder.codes(dark).astype(np.float64)
        else:
            code = after(encoder, images, at, empty + mask[..., None] * (features - empty))
            nothing = after(encoder, images, at, empty)
        gains.append(share(nothing, before) - share(code, before))
        worths.append(code[..., 1].mean(axis=(1, 2)) - nothing[..., 1].mean(axis=(1, 2)))
    settings = {"at": at, "masked": masked, "filler": 0.25, "centred": False}
    attributions = find("score_cam")(encoder, images, [targets.code(), targets.channel(1)], **settings)
    for each, weights in zip(attributions, (gains, worths), strict=True):
        close(each.values, np.einsum("nrck,kn->nrc", features, np.stack(weights)), 1e-3)
    weights = np.exp(np.stack(worths))
    soft = find("score_cam")(encoder, images, targets.channel(1), softmax=True, **settings)
    close(soft.values, np.einsum("nrck,kn->nrc", features, weights / weights.sum(axis=0)), 1e-3)


def test_a_channel_without_shape_weighs_nothing() -> None:
    model = nets.autoencoder()
    kernel, bias = model.get_layer("conv_2").get_weights()
    kernel[..., 0], bias[0] = 0, 0.7
    model.get_layer("conv_2").set_weights([kernel, bias])
    encoder, images = Encoder(model), nets.pictures(model)
    for softmax in (False, True):
        attribution = find("score_cam")(encoder, images, targets.channel(1), softmax=softmax)
        assert np.abs(attribution.raw[..., 0]).max() == 0
        assert np.abs(attribution.raw[..., 1:]).max() > 0
        assert attribution.scores["flat_channels"].tolist() == [1, 1]


@pytest.mark.parametrize("name", ["reference", "residual", "nested", "upsampling"])
@pytest.mark.parametrize("which", [0, -1])
@pytest.mark.parametrize("replacement", ["zero", "mean"])
def test_ablation_cam_is_what_dropping_channels_by_hand_gives(name: str, which: int, replacement: str) -> None:
    encoder, images = encoder_of(name)
    paths = list(encoder.layers)[: list(encoder.layers).index(encoder.layer)]
    at = [path for path in paths if "Conv2D" in encoder.layers[path].kind][which]
    features = encoder.activations(images, [at])[at]
    becomes = features.mean(axis=(1, 2), keepdims=True) if replacement == "mean" else np.zeros_like(features[:, :1, :1])
    before = encoder.codes(images).astype(np.float64)
    expected = [np.zeros(features.shape[:3]), np.zeros(features.shape[:3])]
    for channel in range(features.shape[-1]):
        dropped = features.copy()
        dropped[..., channel] = becomes[..., channel]
        code = after(encoder, images, at, dropped)
        lost = share(code, before), (before - code)[..., 1].mean(axis=(1, 2))
        for total, weight in zip(expected, lost, strict=True):
            total += (features - becomes)[..., channel] * weight[:, None, None]
    attributions = find("ablation_cam")(
        encoder, images, [targets.code(), targets.channel(1)], at=at, replacement=replacement, centred=False
    )
    for each, total in zip(attributions, expected, strict=True):
        close(each.values, total, 1e-3)


def test_dropping_a_channel_of_the_code_loses_its_share() -> None:
    encoder, images = encoder_of("reference")
    attribution = find("ablation_cam")(encoder, images, targets.code(), at="encoded", centred=False)
    code = encoder.codes(images).astype(np.float64)
    energy = (code**2).sum(axis=(1, 2), keepdims=True)
    close(attribution.raw, code * energy / energy.sum(axis=-1, keepdims=True))


@pytest.mark.parametrize("method", ["ablation_cam", "score_cam"])
def test_many_targets_cost_the_passes_of_one(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = Encoder(nets.autoencoder())
    images = nets.pictures(encoder.network.model)  # type: ignore[attr-defined]

    questions = asking.recorded(monkeypatch, "score")

    def pieces(several: list[targets.Target]) -> int:
        questions.clear()
        find(method)(encoder, images, several)
        times = [settings.get("at") for _, _, settings in questions]
        assert set(times) == {"conv_2"}
        return len(times)

    three = [targets.code(), targets.channel(1), targets.like(images[::-1].copy())]
    assert pieces(three) == pieces(three[:1])


@pytest.mark.parametrize("method", ["ablation_cam", "score_cam"])
def test_bad_choices_name_the_nearest(method: str) -> None:
    encoder, images = encoder_of("reference")
    setting, wrong, right = {
        "ablation_cam": ("replacement", "zeros", "zero"),
        "score_cam": ("masked", "pictures", "picture"),
    }[method]
    with pytest.raises(UnknownName, match=f"'{wrong}'; the nearest is '{right}'"):
        find(method)(encoder, images, targets.code(), **{setting: wrong})


# Flat and saturated layers


@pytest.mark.parametrize("method", FAMILY)
def test_a_layer_that_holds_the_same_everywhere_gives_a_flat_map_and_says_so(method: str) -> None:
    inputs = keras.Input((16, 16, 2))
    x = L.Conv2D(5, 3, activation="elu", name="features")(inputs)
    model = nets._model(inputs, L.MaxPooling2D(2, name="code")(x))
    images = np.concatenate([np.full((1, 16, 16, 2), 0.4, np.float32), nets.pictures(model, 1)])
    attribution = find(method)(Encoder(model), images, targets.code())
    assert np.abs(attribution.values[0]).max() == 0
    assert np.ptp(attribution.values[1]) > 0
    assert any(note == "flat in 1 of 2 images: all places of features hold the same" for note in attribution.notes)


@pytest.mark.parametrize("method", [each for each in FAMILY if each != "eigen_cam"])
@pytest.mark.parametrize("kind", ["saturated", "dead"])
def test_a_code_that_does_not_move_gives_a_flat_map_and_says_so(method: str, kind: str) -> None:
    inputs = keras.Input((16, 16, 2))
    x = L.MaxPooling2D(2, name="pool")(L.Conv2D(5, 3, padding="same", name="features")(inputs))
    code = L.Conv2D(4, 1, activation="sigmoid" if kind == "saturated" else "relu", name="code")
    model = nets._model(inputs, code(x))
    kernel, _ = code.get_weights()
    # A sigmoid at 16 still has a gradient in float32, of one wrong digit; it must not be painted.
    code.set_weights([kernel * 0.02, np.full(4, 16.0 if kind == "saturated" else -20.0, np.float32)])
    images = nets.pictures(model)
    attribution = saccade.explain(Encoder(model), images, method, at="features")
    assert np.abs(attribution.values).max() == 0
    assert attribution.scale(0).flat
    assert any(note.startswith("flat:") for note in attribution.notes), attribution.notes


def test_a_likeness_that_is_complete_has_no_slope_and_says_so() -> None:
    encoder, images = encoder_of("reference")
    for method in SLOPED:
        attribution = find(method)(encoder, images, targets.like(images.copy()))
        assert np.abs(attribution.values).max() == 0
        assert any("already at its highest" in note for note in attribution.notes)
