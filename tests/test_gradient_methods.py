"""The gradient methods against closed forms, naive loops and Captum."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import asking
import keras
import nets
import numpy as np
import pytest
from closeness import close
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import saccade
from saccade import targets
from saccade.attribution.smoothing import gaussian_blur
from saccade.encoder import Encoder
from saccade.engines import Objective
from saccade.engines.moments import joined, moments
from saccade.errors import InputError, UnknownName
from saccade.methods import find
from saccade.run import Run
from saccade.targets.noise import NormalPoints
from saccade.targets.paths import NOISY, ONCE, STAY, STRATIFIED, ArrayPoints

pytestmark = pytest.mark.engine

SIZE = 24


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(nets.autoencoder(SIZE), layer="encoded")


@pytest.fixture(scope="module")
def images(encoder: Encoder) -> Any:
    return nets.pictures(encoder.network.model)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def module(encoder: Encoder) -> Any:
    return nets.torch_autoencoder(nets.weights_of(encoder.network.model))  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def linear() -> tuple[Encoder, Any]:
    """An encoder whose every channel is linear in the picture, and its matrix (pixels, channels)."""
    inputs = keras.Input((6, 6, 2))
    model = keras.Model(inputs, keras.layers.Dense(5, name="code")(keras.layers.Flatten()(inputs)))
    return Encoder(model, value_range=(0, 1)), keras.ops.convert_to_numpy(model.layers[-1].kernel)


def complete(attribution: Any, tolerance: float) -> None:
    """The parts add up to the change of the score, and the gap that is given is the gap that there is."""
    change = attribution.scores["score"] - attribution.scores["score_at_baseline"]
    total = attribution.raw.sum(axis=(1, 2, 3), dtype=np.float64)
    assert np.abs(total - change).max() <= tolerance * np.abs(change).max() + 1e-5
    np.testing.assert_allclose(attribution.scores["completeness_gap"], total - change, atol=1e-5)


def as_captum(images: Any) -> Any:
    import torch

    return torch.tensor(images.transpose(0, 3, 1, 2))


def last(tensor: Any) -> Any:
    return tensor.detach().numpy().transpose(0, 2, 3, 1)


def frozen(module: Any, images: Any) -> tuple[Any, Any]:
    """`<f(x'), f(x)>` for Captum, and every row's own f(x)."""
    reference = module.encoder(as_captum(images)).detach()
    return lambda x, own: (module.encoder(x) * own).flatten(1).sum(1), reference


# Input x gradient


def test_input_x_gradient_of_a_linear_code(linear: tuple[Encoder, Any]) -> None:
    encoder, kernel = linear
    images = np.random.default_rng(0).random((2, 6, 6, 2), dtype=np.float32)
    attribution = find("input_x_gradient")(encoder, images, targets.channel(3), low_pass=0)
    close(attribution.raw, images * kernel[:, 3].reshape(6, 6, 2))
    close(attribution.values, (images * kernel[:, 3].reshape(6, 6, 2)).sum(axis=-1))
    codes = encoder.codes(images)[:, 0, 0, 3]
    np.testing.assert_allclose(attribution.values.sum(axis=(1, 2)), codes, rtol=1e-4)


def test_input_x_gradient_equals_captum(encoder: Encoder, module: Any, images: Any) -> None:
    from captum.attr import InputXGradient

    run, reference = frozen(module, images)
    expected = InputXGradient(run).attribute(as_captum(images).requires_grad_(), additional_forward_args=(reference,))
    close(find("input_x_gradient")(encoder, images, targets.code()).raw, last(expected))


@pytest.mark.parametrize(
    ("value_range", "words"),
    [((0, 1), "zero is black"), ((-1, 1), "a grey of 50 %"), ((-1, 0), "zero is white"), ((1, 2), "no pixel is zero")],
)
def test_input_x_gradient_says_what_zero_looks_like(value_range: tuple[float, float], words: str) -> None:
    encoder = Encoder(nets.autoencoder(SIZE), value_range=value_range)
    attribution = find("input_x_gradient")(encoder, nets.pictures(encoder.network.model), targets.code())  # type: ignore[attr-defined]
    assert words in attribution.notes[0]


# Expected gradients


@settings(max_examples=60, deadline=None)
@given(count=st.integers(1, 40), steps=st.integers(1, 40), data=st.data())
def test_every_stratum_holds_one_time_and_every_baseline_has_one_in_each_part(
    count: int, steps: int, data: st.DataObject
) -> None:
    phases = (np.array(data.draw(st.permutations(range(count)))) + 0.5) / count
    shifts = np.array(data.draw(st.lists(st.integers(0, count - 1), min_size=steps, max_size=steps))) / count
    points = {"stratum": np.arange(steps), "shift": shifts, "length": np.full(steps, 1 / steps)}
    points = {name: values.astype(np.float32) for name, values in points.items()}
    fixed = {"phase": phases.astype(np.float32), "baseline": np.zeros((count, 1, 1, 1), np.float32)}
    times = STRATIFIED.move(np.ones((count, 1, 1, 1), np.float32), fixed, points)[..., 0, 0, 0]
    assert times.shape == (steps, count)
    np.testing.assert_array_equal(np.sort(np.floor(times * steps * count), axis=None), np.arange(steps * count))
    np.testing.assert_array_equal(np.floor(times * steps), np.arange(steps)[:, None] + np.zeros((1, count)))


def test_expected_gradients_are_complete(encoder: Encoder, images: Any) -> None:
    for target in (targets.code(), targets.like(images[::-1].copy())):
        complete(find("expected_gradients")(encoder, images, target, steps=16), 0.02)


def test_expected_gradients_of_a_linear_code_are_exact(linear: tuple[Encoder, Any]) -> None:
    encoder, kernel = linear
    rng = np.random.default_rng(0)
    images, others = (rng.random((count, 6, 6, 2), dtype=np.float32) for count in (2, 37))
    attribution = find("expected_gradients")(encoder, images, targets.channel(3), baselines=others, steps=1)
    close(attribution.raw, (images - others.mean(axis=0)) * kernel[:, 3].reshape(6, 6, 2))
    complete(attribution, 1e-5)


def test_expected_gradients_are_what_a_plain_loop_gives(encoder: Encoder, images: Any) -> None:
    others = np.random.default_rng(5).random((3, SIZE, SIZE, 1), dtype=np.float32)
    target, steps, count = targets.like(images[::-1].copy()), 2, 3
    attribution = find("expected_gradients")(encoder, images, target, baselines=others, steps=steps, seed=4)
    rng = np.random.default_rng(4)
    slots, shifts = rng.permutation(count), rng.integers(count, size=steps)
    objective = Run(encoder).objective(images, target)
    expected = np.zeros(images.shape)
    for b in range(count):
        for j in range(steps):
            time = (j + ((slots[b] + shifts[j]) % count + 0.5) / count) / steps
            gradient = Run(encoder).gradient(others[b] + np.float32(time) * (images - others[b]), objective, STAY, ONCE)
            expected += (images - others[b]) * gradient / (count * steps)
    close(attribution.raw, expected)


def test_expected_gradients_are_captums_integrated_gradients_averaged(
    encoder: Encoder, module: Any, images: Any
) -> None:
    from captum.attr import IntegratedGradients

    run, reference = frozen(module, images)
    others = np.random.default_rng(5).random((3, SIZE, SIZE, 1), dtype=np.float32)
    expected = np.mean(
        [
            last(
                IntegratedGradients(run).attribute(
                    as_captum(images), as_captum(each[None]), n_steps=40, additional_forward_args=(reference,)
                )
            )
            for each in others
        ],
        axis=0,
    )
    raw = find("expected_gradients")(encoder, images, targets.code(), baselines=others, steps=40).raw
    assert np.linalg.norm(raw - expected) < 0.04 * np.linalg.norm(expected)


def test_baselines_come_as_names_files_pictures_and_arrays(encoder: Encoder, images: Any, tmp_path: Path) -> None:
    ask = find("expected_gradients")
    grey = Image.fromarray(np.full((SIZE, SIZE), 51, np.uint8))
    grey.save(tmp_path / "grey.png")
    array = np.full((1, SIZE, SIZE, 1), 0.2, np.float32)
    expected = ask(encoder, images, targets.code(), baselines=array).raw
    for given_as in (str(tmp_path / "grey.png"), [tmp_path / "grey.png"], [grey]):
        close(ask(encoder, images, targets.code(), baselines=given_as).raw, expected)
    mixed = ask(encoder, images, targets.code(), baselines=["black", tmp_path / "grey.png", "blur:0.5"])
    assert mixed.settings["baselines"] == ("black", "grey.png", "blur:0.5")
    own = ask(encoder, images, targets.code(), baselines="blur:2").scores["score_at_baseline"]
    objective = Run(encoder).objective(images, targets.code())
    blurred = gaussian_blur(images, 2 * 4.0)
    np.testing.assert_allclose(own, Run(encoder).score(blurred, [objective], STAY, ONCE)[0][0], rtol=1e-5)


def test_more_baselines_than_lie_in_memory_at_once_are_all_used(
    encoder: Encoder, images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = np.random.default_rng(5).random((40, SIZE, SIZE, 1), dtype=np.float32)
    attribution = find("expected_gradients")(encoder, images[:1], targets.code(), baselines=others, steps=1)
    codes, own = encoder.codes(others).reshape(40, -1), encoder.codes(images[:1]).reshape(-1)
    np.testing.assert_allclose(attribution.scores["score_at_baseline"], (codes @ own).mean(), rtol=1e-5)
    monkeypatch.setattr("saccade.methods.expected_gradients._AT_ONCE", 40)
    close(
        attribution.raw, find("expected_gradients")(encoder, images[:1], targets.code(), baselines=others, steps=1).raw
    )


@pytest.mark.parametrize(
    ("baselines", "error", "words"),
    [
        ("blak", UnknownName, "no baseline 'blak'; the nearest is 'black'"),
        ("blur:wide", InputError, "cannot be read"),
        ("blur:0", InputError, "more than 0"),
        ([], InputError, "no baselines were given"),
        (np.zeros((1, 3, 3, 1), np.float32), InputError, r"give \(baselines, 24, 24, 1\)"),
    ],
)
def test_baselines_that_cannot_be_used(
    encoder: Encoder, images: Any, baselines: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        find("expected_gradients")(encoder, images, targets.code(), baselines=baselines)


# VarGrad


@settings(max_examples=50, deadline=None)
@given(cuts=st.lists(st.integers(1, 6), min_size=1, max_size=5), seed=st.integers(0, 99))
def test_pieces_of_moments_make_the_whole(cuts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, shares = rng.normal(size=(sum(cuts), 3)) + 50, rng.random((sum(cuts), 1)) + 0.1
    shares /= shares.sum()

    def total(tensor: Any, axes: tuple[int, ...]) -> Any:
        return tensor.sum(axis=axes)

    running: list[Any] = []
    weight, start = 0.0, 0
    for cut in cuts:
        piece = moments(values[start : start + cut], shares[start : start + cut], total)
        more = float(shares[start : start + cut].sum())
        running = joined(running, weight, piece, more) if running else piece
        weight, start = weight + more, start + cut
    mean = (values * shares).sum(axis=0)
    np.testing.assert_allclose(running[0], mean, rtol=1e-12)
    np.testing.assert_allclose(running[1], ((values - mean) ** 2 * shares).sum(axis=0), rtol=1e-9, atol=1e-12)


def each_slope(encoder: Encoder, images: Any, target: targets.Target, samples: int, scale: Any) -> Any:
    """The gradient at every noisy copy by itself, in float32, (samples, images, ...)."""
    noise = NormalPoints(0, samples, images.shape[1:], paired=False).take(0, samples)["noise"]
    points = [ArrayPoints({"noise": noise[k : k + 1]}) for k in range(samples)]
    return np.stack([asking.gradient(encoder, images, target, NOISY, each, {"scale": scale}) for each in points])


def test_vargrad_is_the_variance_of_the_slopes(encoder: Encoder, images: Any) -> None:
    scale = 0.1 * (images.max(axis=(1, 2, 3)) - images.min(axis=(1, 2, 3)))
    memory = encoder.engine.memory
    for target in (targets.code(), targets.like(images[::-1].copy())):
        gradients = each_slope(encoder, images, target, 7, scale).astype(np.float64)
        attribution = find("vargrad")(encoder, images, target, samples=7, low_pass=0)
        close(attribution.raw, gradients.var(axis=0))
        close(attribution.values, np.sqrt(gradients.var(axis=0).sum(axis=-1)))
    try:
        encoder.engine.memory = memory // 8192  # many small pieces, the last one overlapping
        close(find("vargrad")(encoder, images, target, samples=7).raw, attribution.raw)
    finally:
        encoder.engine.memory = memory


def test_a_small_spread_about_a_large_slope_is_not_lost() -> None:
    inputs = keras.Input((8, 8, 1))
    steep = keras.layers.Rescaling(1e4)(inputs)
    bent = keras.layers.Activation("tanh")(keras.layers.Rescaling(3)(inputs))
    encoder = Encoder(keras.Model(inputs, keras.layers.Add(name="code")([steep, bent])), value_range=(0, 1))
    images = np.random.default_rng(1).random((1, 8, 8, 1), dtype=np.float32)
    scale = (0.1 * (images.max() - images.min())).reshape(1)
    gradients = each_slope(encoder, images, targets.channel(0), 32, scale)
    expected = gradients.astype(np.float64).var(axis=0)
    assert (expected > 0).all()
    variance = find("vargrad")(encoder, images, targets.channel(0), samples=32).raw
    # The gradients themselves come rounded to float32, differently for every way of batching them.
    rounding = np.spacing(np.abs(gradients).max()) * np.sqrt(expected)
    assert (np.abs(variance - expected) <= 0.02 * expected + rounding).all()
    # The textbook's short form, in the float32 that the gradients come in, is noise.
    naive = (gradients**2).mean(axis=0) - gradients.mean(axis=0) ** 2
    assert (np.abs(naive - expected) > 0.5 * expected).mean() > 0.9


def test_a_linear_code_has_no_spread(linear: tuple[Encoder, Any]) -> None:
    encoder, kernel = linear
    images = np.random.default_rng(0).random((2, 6, 6, 2), dtype=np.float32)
    assert find("vargrad")(encoder, images, targets.channel(3)).raw.max() < 1e-10 * np.abs(kernel).max() ** 2


def test_unpaired_noise_does_not_depend_on_the_pieces() -> None:
    points = NormalPoints(3, 9, (4, 5, 2), paired=False)
    whole = points.take(0, 9)["noise"]
    np.testing.assert_array_equal(points.take(3, 8)["noise"], whole[3:8])
    assert len({row.tobytes() for row in np.abs(whole)}) == 9


# Blur integrated gradients


def test_blur_integrated_gradients_are_complete(encoder: Encoder, images: Any) -> None:
    for target in (targets.channel(1), targets.like(images[::-1].copy())):
        attribution = find("blur_integrated_gradients")(encoder, images, target, steps=48)
        complete(attribution, 0.02)
        objective = Run(encoder).objective(images, target)
        ends = [
            Run(encoder).score(each, [objective], STAY, ONCE)[0][0] for each in (images, gaussian_blur(images, 6.0))
        ]
        np.testing.assert_allclose(attribution.scores["score"], ends[0], rtol=1e-5)
        np.testing.assert_allclose(attribution.scores["score_at_baseline"], ends[1], rtol=1e-5)


def test_blur_integrated_gradients_are_what_a_plain_loop_gives(encoder: Encoder, images: Any) -> None:
    raw = find("blur_integrated_gradients")(encoder, images, targets.code(), steps=19, blur=5.0).raw
    codes = encoder.codes(images)
    way = [gaussian_blur(images, 5.0 * (1 - k / 19) ** 2) for k in range(20)]
    np.testing.assert_array_equal(way[-1], images)
    expected = np.zeros(images.shape)
    for before, after in pairwise(way):
        objective = Objective(targets.code().gradient_measure, "encoded", codes)
        expected += Run(encoder).gradient((before + after) / 2, objective, STAY, ONCE) * (after - before)
    close(raw, expected)


def test_blur_integrated_gradients_of_a_linear_code_are_exact(linear: tuple[Encoder, Any]) -> None:
    encoder, kernel = linear
    images = np.random.default_rng(0).random((2, 6, 6, 2), dtype=np.float32)
    attribution = find("blur_integrated_gradients")(encoder, images, targets.channel(3), steps=3, blur=2.0)
    close(attribution.raw, (images - gaussian_blur(images, 2.0)) * kernel[:, 3].reshape(6, 6, 2))
    complete(attribution, 1e-5)


def test_a_plain_colour_has_nothing_that_comes_into_focus(encoder: Encoder) -> None:
    attribution = find("blur_integrated_gradients")(
        encoder, np.full((1, SIZE, SIZE, 1), 0.7, np.float32), targets.code()
    )
    assert np.abs(attribution.raw).max() < 1e-5


@pytest.mark.parametrize(
    ("method", "settings", "words"),
    [
        ("expected_gradients", {"steps": 0}, "steps=0"),
        ("vargrad", {"samples": 1}, "samples=1"),
        ("vargrad", {"noise": 0.0}, "noise=0.0"),
        ("blur_integrated_gradients", {"steps": 0}, "steps=0"),
        ("blur_integrated_gradients", {"tolerance": 0.0}, "tolerance=0"),
        ("blur_integrated_gradients", {"blur": -1.0}, "blur=-1.0"),
    ],
)
def test_settings_that_cannot_be_used(
    encoder: Encoder, images: Any, method: str, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        saccade.explain(encoder, images, method, **settings)


@pytest.mark.parametrize("method", ["input_x_gradient", "expected_gradients", "vargrad", "blur_integrated_gradients"])
def test_the_view_is_the_low_passed_map(method: str, encoder: Encoder, images: Any) -> None:
    sharp, smooth, chosen = (find(method)(encoder, images, targets.code(), low_pass=each) for each in (0, 2.5, None))
    close(smooth.values, gaussian_blur(sharp.values, 2.5))
    assert "smoothed with 2.5 px for the view" in smooth.notes
    assert not any("smoothed" in note for note in sharp.notes)
    assert chosen.settings["low_pass"] == 1.0  # a quarter of a code cell of 4 px
    np.testing.assert_array_equal(sharp.raw, smooth.raw)


def test_the_steps_of_blur_integrated_gradients_follow_the_gap_picture_by_picture(
    encoder: saccade.Encoder, images: Any
) -> None:
    method = find("blur_integrated_gradients")
    few, many = (method(encoder, images, targets.code(), steps=steps) for steps in (8, 32))
    change = few.scores["score"] - few.scores["score_at_baseline"]
    gaps = np.abs(few.scores["completeness_gap"] / change)
    between = float((gaps.min() + gaps.max()) / 2)
    attribution = method(encoder, images, targets.code(), tolerance=between)
    for row, gap in enumerate(gaps):
        expected = many if gap > between else few
        assert attribution.scores["steps"][row] == (32 if gap > between else 8)
        close(attribution.raw[row], expected.raw[row])
    assert len(set(attribution.scores["steps"])) == 2, "the pictures differ"
    rough = method(encoder, images, targets.code(), steps=1, tolerance=1e-6)
    assert any(note.startswith("shares sum to the change within") for note in rough.notes)
