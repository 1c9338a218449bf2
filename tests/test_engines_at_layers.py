"""What runs after a layer alone: its values move in place of the picture; and targets that are no sum over places."""

from __future__ import annotations

from typing import Any

import asking
import nets
import numpy as np
import pytest

from saccade import targets
from saccade.encoder import Encoder
from saccade.engines import Objective
from saccade.errors import InputError
from saccade.run import Run
from saccade.targets import HALF_ENERGY, Measure
from saccade.targets.paths import ONCE, STAY, ArrayPoints, Path

pytestmark = pytest.mark.engine

DROPPED = Path("one channel dropped", lambda values, fixed, points: values[None] * points["kept"][:, None, None, None])


@pytest.mark.parametrize("name", ["reference", "residual", "concatenating", "nested"])
@pytest.mark.parametrize("which", [0, -1])
def test_a_layer_moves_in_place_of_the_picture(name: str, which: int) -> None:
    """Dropping a layer's channels gives what subtracting them gives, also where a skip goes round."""
    build, layer = nets.LOCAL[name]
    encoder = Encoder(build(), layer=layer)
    before = list(encoder.layers)[: list(encoder.layers).index(encoder.layer) + 1]
    at = [path for path in before if "Conv2D" in encoder.layers[path].kind][which]
    images = nets.pictures(encoder.network.model, 2)  # type: ignore[attr-defined]
    channels = encoder.layers[at].shape[-1] or 0
    remaining = (1 - np.eye(channels)).astype(np.float32)
    scores = asking.score(
        encoder, images, [targets.channel(1), targets.code()], DROPPED, ArrayPoints({"kept": remaining}), at=at
    )
    values = encoder.activations(images, [at])[at]
    backend = encoder.engine.backend
    for channel in range(channels):
        change = np.zeros_like(values)
        change[..., channel] = values[..., channel]
        with backend.context():
            taps = {at: lambda layer_output, change=change: layer_output - backend.tensor(change)}
            code = backend.array(encoder.network.run(backend.tensor(images), [encoder.layer], taps)[encoder.layer])
        before = encoder.codes(images)
        np.testing.assert_allclose(scores[0][channel], code[..., 1].mean((1, 2)), rtol=1e-4, atol=1e-6)
        share = ((code - before) ** 2).sum((1, 2, 3)) / (before**2).sum((1, 2, 3))
        np.testing.assert_allclose(scores[1][channel], share, rtol=1e-3, atol=1e-6)


def test_what_lies_before_the_layer_runs_once_per_piece() -> None:
    encoder = Encoder(nets.autoencoder(), layer="encoded")
    images = nets.pictures(encoder.network.model, 1)  # type: ignore[attr-defined]
    shapes: list[tuple[int, ...]] = []
    plain = encoder.network.run

    def heard(pictures: Any, layers: Any, taps: Any = None) -> Any:
        shapes.append(tuple(pictures.shape))
        return plain(pictures, layers, taps)

    encoder.check_code()  # which asks the network by itself, the first time, as does the next
    encoder.check_gradient()
    encoder.network.run = heard  # type: ignore[method-assign]
    remaining = np.ones((12, 4), np.float32)
    Run(encoder).score(
        images, [Run(encoder).objective(images, targets.code())], DROPPED, ArrayPoints({"kept": remaining}), at="conv_1"
    )
    assert {shape[0] for shape in shapes[1:]} == {1}


def test_a_number_of_the_whole_code_is_scored_and_differentiated() -> None:
    """A measure that is no sum over places equals the same number written as one."""
    encoder = Encoder(nets.autoencoder(), layer="encoded")
    images = nets.pictures(encoder.network.model, 2)  # type: ignore[attr-defined]
    backend = encoder.engine.backend
    whole = Measure(
        "whole",
        lambda *_: (),
        lambda sums, size, weights: sums[0],
        (lambda code: 0.5 * backend.sum(code * code, (1, 2, 3)),),
    )
    nothing = np.zeros((2, 1, 1, 1), np.float32)
    objectives = [Objective(each, encoder.layer, nothing) for each in (whole, HALF_ENERGY)]
    scores = Run(encoder).score(images, objectives, STAY, ONCE)
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-5)
    gradients = [Run(encoder).gradient(images, each, STAY, ONCE) for each in objectives]
    np.testing.assert_allclose(gradients[0], gradients[1], rtol=1e-4, atol=1e-7)
    wrong = Objective(
        Measure("wrong", lambda *_: (), lambda sums, size, weights: sums[0], (lambda code: code,)),
        encoder.layer,
        nothing,
    )
    with pytest.raises(InputError, match="one number each"):
        Run(encoder).score(images, [wrong], STAY, ONCE)
