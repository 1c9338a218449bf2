"""One training step on every framework: its gradients, the mean of the weights, and where its values lie."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.training.architecture import reference_autoencoder
from saccade.training.augmentation import Strengths, numbers_needed
from saccade.training.muon import muon
from saccade.training.schedule import learning_rate, share_of_newest
from saccade.training.step import TrainingStep

pytestmark = pytest.mark.engine


def networks(seed: int = 0):
    """Two models with the same weights on every framework."""
    model, mean = (reference_autoencoder(16, 4, (6,), seed=0) for _ in range(2))
    generator = np.random.default_rng(seed)
    weights = [np.float32(generator.normal(0, 0.2, weight.shape)) for weight in model.get_weights()]
    model.set_weights(weights)
    mean.set_weights(weights)
    return model, mean


def photos() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (7, 16, 16, 3)).astype(np.uint8)


def on_device(values: np.ndarray):
    from keras import ops

    return ops.convert_to_tensor(values)


def numbers(step: int) -> np.ndarray:
    return np.random.default_rng(step).random((3, numbers_needed(3)), np.float32)


def test_a_step_follows_the_gradient_of_the_loss_that_is_documented() -> None:
    import keras

    model, mean = networks()
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.build(model.trainable_variables)
    step = TrainingStep(model, mean, optimizer, None, fused=False)
    before = [weight.astype(np.float64) for weight in model.get_weights()]
    chosen = np.array([6, 1, 1])
    images = photos()[chosen].astype(np.float32) / 255

    def loss(weights: list[np.ndarray]) -> float:
        model.set_weights(weights)
        error = np.asarray(keras.ops.convert_to_numpy(model(images)), np.float64) - images
        return float((error**2).mean() + 0.05 * np.sqrt(error**2 + 1e-5).mean())

    directions = [np.random.default_rng(10).normal(size=weight.shape) for weight in before]
    either = [loss([w + sign * 3e-5 * d for w, d in zip(before, directions, strict=True)]) for sign in (1, -1)]
    derivative = (either[0] - either[1]) / 6e-5
    model.set_weights(before)
    error = step(on_device(photos()), chosen, numbers(0), 1.0, 1.0)
    step.settle()
    expected = ((np.asarray(keras.ops.convert_to_numpy(networks()[0](images))) - images) ** 2).mean()
    assert float(error) == pytest.approx(expected, rel=1e-4)
    moved = [after - w for after, w in zip(model.get_weights(), before, strict=True)]
    along = -sum(float((change * direction).sum()) for change, direction in zip(moved, directions, strict=True))
    assert along == pytest.approx(derivative, rel=5e-3)


def test_the_mean_of_the_weights_is_that_of_a_naive_loop() -> None:
    model, mean = networks()
    optimizer = muon(0.01)
    optimizer.build(model.trainable_variables)
    step = TrainingStep(model, mean, optimizer, Strengths(), fused=False)
    expected = [weight.astype(np.float64) for weight in model.get_weights()]
    pool = on_device(photos())
    for number in range(8):
        share = [1.0, 0.5, 0.25][number % 3]
        step(pool, np.array([number % 7, 2, 3]), numbers(number), 0.01, share)
        step.settle()
        expected = [(1 - share) * past + share * new for past, new in zip(expected, model.get_weights(), strict=True)]
        for one, other in zip(mean.get_weights(), expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
    assert max(np.abs(a - b).max() for a, b in zip(model.get_weights(), mean.get_weights(), strict=True)) > 1e-3


def after_four_steps(*, settles: bool = False, fused: bool = False) -> list[np.ndarray]:
    model, mean = networks()
    optimizer = muon(0.01)
    optimizer.build(model.trainable_variables)
    step = TrainingStep(model, mean, optimizer, Strengths(), fused=fused)
    pool = on_device(photos())
    for number in range(4):
        step(pool, np.array([number, 2, 3]), numbers(number), 0.01 / (number + 1), 0.5)
        if settles:
            step.settle()
    step.settle()
    return [*model.get_weights(), *mean.get_weights(), np.array(int(optimizer.iterations))]


def test_settling_in_between_changes_nothing() -> None:
    once, often = after_four_steps(), after_four_steps(settles=True)
    for one, other in zip(once, often, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
    assert once[-1] == 4


def test_a_step_that_is_compiled_as_on_an_accelerator_is_the_same_step() -> None:
    # The iterations of Muon enlarge differences of rounding.
    for one, other in zip(after_four_steps(), after_four_steps(fused=True), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-3)


def test_the_learning_rate_warms_up_and_falls_to_nothing() -> None:
    long = [learning_rate(0.003, step, (step + 0.5) / 30_000) for step in range(30_000)]
    assert long[:3] == pytest.approx([0.003 * n / 300 for n in (1, 2, 3)], rel=1e-6)
    assert long[299] == max(long) == pytest.approx(0.003, rel=1e-3)
    assert long[15_000] == pytest.approx(0.0015, rel=1e-3)
    assert 0 < long[-1] < 1e-10
    short = [learning_rate(1.0, step, (step + 0.5) / 20) for step in range(20)]
    assert short[0] == pytest.approx(0.25, rel=0.01)
    assert int(np.argmax(short)) == 2


def test_the_mean_remembers_a_tenth_of_a_short_run_and_500_steps_of_a_long_one() -> None:
    assert share_of_newest(0) == 1
    assert share_of_newest(90) == 0.1
    assert share_of_newest(10**6) == 1 / 500
    shares = [share_of_newest(step) for step in range(1000)]
    weights = [share * np.prod(1 - np.array(shares[step + 1 :])) for step, share in enumerate(shares)]
    assert sum(weights) == pytest.approx(1)
    age = sum(weight * (999 - step) for step, weight in enumerate(weights))
    assert 80 < age < 100
