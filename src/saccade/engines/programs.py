"""The programs that questions compile: functions of tensors alone, which hold nothing of a call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np

from saccade.engines.backend import Backend, Join
from saccade.engines.moments import moments
from saccade.engines.terms import terms_of
from saccade.models.network import Network
from saccade.targets import Measure
from saccade.targets.paths import Path
from saccade.typing import Tensor

Moved = tuple[dict[str, Tensor], tuple[int, int], Tensor]
"""The layers of every moved image, how many points and images, and the images (points or 1, images, height, ...)."""
Mover = Callable[[Tensor, Path, Any, Any], Moved]


def images_move(network: Network, backend: Backend, layers: Sequence[str]) -> Mover:
    """Run the layers on images that move along a path."""

    def move(images: Tensor, path: Path, fixed: Any, points: Any) -> Moved:
        moved = path.move(images, fixed, points)
        return network.run(flattened(backend, moved), layers), (int(moved.shape[0]), int(moved.shape[1])), moved

    return move


def layer_moves(
    network: Network, backend: Backend, layers: Sequence[str], at: str, *, is_cut: bool, must_share: bool = False
) -> Mover:
    """Run the layers while the result of the layer `at` moves along a path.

    Args:
        network: The opened model.
        backend: Its framework's operations.
        layers: What is read.
        at: What moves.
        is_cut: Every way to `layers` leads through `at`, so that what lies before it is computed once for all points.
        must_share: Fail where the model cannot follow that, in place of computing each image whole.
    """

    def move(images: Tensor, path: Path, fixed: Any, points: Any) -> Moved:
        steps, count = int(next(iter(points.values())).shape[0]), int(images.shape[0])

        def tap(values: Tensor) -> Tensor:
            return flattened(backend, path.move(backend.as_float32(values[:count]), fixed, points))

        values = shared(images, tap, steps * count) if is_cut and steps > 1 else None
        if values is None:
            # What goes round the layer needs as many images as come out of it, so each one runs whole.
            rows = flattened(backend, images[None] + backend.zeros((steps, 1, 1, 1, 1)))
            values = network.run(rows, layers, {at: tap})
        return values, (steps, count), images[None]

    def shared(images: Tensor, tap: Callable[[Tensor], Tensor], moved: int) -> dict[str, Tensor] | None:
        """The layers, with what lies before the tap computed once; None where the model cannot follow.

        A model that takes the size of the batch from its input, and shapes a later layer by it, is wrong where more
        images come out of the tap than went in: it fails, or mixes them.
        """
        try:
            values = network.run(images, layers, {at: tap})
        except Exception as error:
            if must_share or backend.is_out_of_memory(error):
                raise
            return None  # a fault of another kind shows again when each image runs whole
        follows = must_share or all(int(values[layer].shape[0]) == moved for layer in layers)
        return values if follows else None

    return move


def activations_program(mover: Mover, backend: Backend, path: Path, layers: Sequence[str]) -> Callable[..., Any]:
    """(images, fixed, points) -> the layers' values, each (points * images, ...)."""

    def read(images: Tensor, fixed: Any, points: Any) -> list[Tensor]:
        values, _, _ = mover(images, path, fixed, points)
        return [backend.as_float32(values[layer]) for layer in layers]

    return read


def score_program(
    mover: Mover, backend: Backend, path: Path, measures: Sequence[tuple[Measure, str]]
) -> Callable[..., Any]:
    """(images, references, fixed, points) -> for each measure its terms, (points, images, rows, columns)."""

    def score(images: Tensor, references: Any, fixed: Any, points: Any) -> list[list[Tensor]]:
        values, counts, moved = mover(images, path, fixed, points)
        answers = []
        for (measure, layer), reference in zip(measures, references, strict=True):
            terms = terms_of(backend, measure, values[layer], counts, reference, moved)
            answers.append([backend.sum(term, (-1,)) for term in terms])
        return answers

    return score


class GradientForm(NamedTuple):
    """Where a program of gradients differentiates, and what it gives.

    Attributes:
        at: A layer at whose result the gradient is taken; None: at the image.
        tap_shape: The shape of that layer's result for one image.
        guided: Layers through which only the positive part of a gradient goes back.
        linearised: Attention, normalisation and gates are constants on the way back (`Capabilities.attention`).
        variance: Give the weighted mean and the weighted sum of squared distances from it, not the weighted sum.
        values: Also give the weighted sum of the values of the layer `at`.
        join: Also give maps of the first sum, last (`Backend.joined`).
    """

    at: str | None = None
    tap_shape: tuple[int, ...] | None = None
    guided: tuple[str, ...] = ()
    linearised: bool = False
    variance: bool = False
    values: bool = False
    join: Join | None = None


def gradient_program(
    network: Network, backend: Backend, path: Path, measure: Measure, layer: str, form: GradientForm
) -> Callable[..., Any]:
    """(images, references, fixed, points, shares, weights, matrices) -> the weighted sum of gradients, (images, ...).

    Args:
        network: The opened model.
        backend: Its framework's operations.
        path: How the images move.
        measure: What is differentiated.
        layer: Where it is read.
        form: Where it is differentiated, and what else is given; `matrices` spread the maps, if there are any.
    """

    def differentiate(
        images: Tensor, references: Any, fixed: Any, points: Any, shares: Tensor, weights: Tensor, matrices: Any
    ) -> list[Tensor]:
        moved = path.move(images, fixed, points)
        steps, count = int(moved.shape[0]), int(moved.shape[1])

        def total(rows: Tensor, tap: Tensor | None) -> tuple[Tensor, Tensor]:
            taps: dict[str, Callable[[Tensor], Tensor]] = dict.fromkeys(form.guided, backend.relu_backward)
            if form.at is not None:
                taps[form.at] = lambda result: backend.as_float32(result) + tap
            read = [layer] if form.at is None else [layer, form.at]
            with _linearised(network) if form.linearised else nullcontext():
                results = network.run(rows, read, taps)
            size = int(np.prod(results[layer].shape[1:]))
            rows_moved = backend.reshape(rows, tuple(moved.shape))
            terms = terms_of(backend, measure, results[layer], (steps, count), references[0], rows_moved)
            sums = [backend.sum(term, tuple(range(2, len(term.shape)))) for term in terms]
            scores = measure.combine(sums, size, weights)
            # Weighing the scores weighs their gradients; a variance needs the gradients as they are.
            if not form.variance:
                scores = scores * backend.reshape(shares, (steps, 1))
            return backend.sum(scores, (0, 1)), results[read[-1]] if form.values else None

        if form.at is None:
            gradient, result = backend.gradient(lambda rows: total(rows, None), flattened(backend, moved))
        else:
            assert form.tap_shape is not None
            zeros = backend.zeros((steps * count, *form.tap_shape))
            gradient, result = backend.gradient(lambda tap: total(flattened(backend, moved), tap), zeros)
        by_point = (steps, count, *(int(size) for size in gradient.shape[1:]))
        gradient = backend.reshape(gradient, by_point)
        spread = backend.reshape(shares, (steps, *(1,) * (len(by_point) - 1)))
        if form.variance:
            return moments(gradient, spread, backend.sum)
        sums = [_sum_of_points(backend, gradient)]
        if form.values:
            sums.append(_sum_of_points(backend, backend.reshape(backend.as_float32(result), by_point) * spread))
        if form.join is not None:
            sums.append(backend.joined(sums[0], form.join, tuple(matrices) or None))
        return sums

    return differentiate


def _sum_of_points(backend: Backend, values: Tensor) -> Tensor:
    """(points, images, ...) as (images, ...); one point is its own sum, which adding up would only copy."""
    steps, *shape = (int(size) for size in values.shape)
    return backend.reshape(values, tuple(shape)) if steps == 1 else backend.sum(values, (0,))


def attention_program(network: Network, layer: str) -> Callable[..., Any]:
    """(images) -> the weights of every attention before a layer, (images, queries, keys) each."""
    attention: Callable[[Tensor, str], list[Tensor]] = network.attention  # type: ignore[attr-defined]
    return lambda images: attention(images, layer)


def _linearised(network: Network) -> AbstractContextManager[None]:
    return network.linearised()  # type: ignore[attr-defined,no-any-return]


def vjp_program(network: Network, backend: Backend, layer: str) -> Callable[..., Any]:
    """(images, cotangents) -> `J^T c` for every cotangent, (cotangents, images, height, width, channels)."""

    def pull_back(images: Tensor, cotangents: Tensor) -> Tensor:
        # A code in half precision is differentiated as the single-precision numbers that it is read as.
        return backend.vjp(lambda moved: backend.as_float32(network.run(moved, [layer])[layer]), images, cotangents)

    return pull_back


def flattened(backend: Backend, moved: Tensor) -> Tensor:
    """(points, images, ...) as (points * images, ...)."""
    steps, count, *rest = moved.shape
    return backend.reshape(moved, (int(steps) * int(count), *(int(size) for size in rest)))
