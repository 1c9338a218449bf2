"""Finding the linear head of an encoder: how its code comes of the cells of an earlier layer.

The way is found by the network's own layers and weights, and by their numbers: each step must reproduce what the next
layer holds. It is checked again for every image that is split. So it does not matter which framework the network is of,
and an activation or anything else on the way that is no such step ends the search: then there is no linear head.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from threading import Lock
from weakref import WeakKeyDictionary

import numpy as np

from saccade.encoder import Encoder
from saccade.pairs.candidate_weights import EPSILONS, CandidateWeights
from saccade.pairs.linear_head import TOLERANCE, LinearHead, nearly_equal, places_of_cells, split_cells
from saccade.pairs.linear_steps import Dense, LayerNormalisation, Pooling, Scale, Step, UnitLength
from saccade.pairs.terms import Numbers
from saccade.run import Run
from saccade.typing import Array

_BACK = 40
"""So many layers before the code are looked at, and"""
_MAPS = 4
"""so many of them that have cells."""
_TRIED = 4
"""Images of noise with which the way is found."""

_KNOWN: WeakKeyDictionary[Encoder, LinearHead | None] = WeakKeyDictionary()
_LOCK = Lock()


def linear_head(run: Run, size: tuple[int, int]) -> LinearHead | None:
    """Is the code of this encoder a sum over the cells of an earlier layer? None where it is not.

    It is looked for once for each encoder, with a few images of noise.

    Args:
        run: The call, on an encoder whose code has no places.
        size: Height and width of the images.

    Raises:
        Cancelled: The run was stopped.
    """
    with _LOCK:
        if run.encoder in _KNOWN:
            return _KNOWN[run.encoder]
    head = _find(run, size)
    with _LOCK:
        return _KNOWN.setdefault(run.encoder, head)


def _find(run: Run, size: tuple[int, int]) -> LinearHead | None:
    encoder = run.encoder
    order = list(encoder.layers)
    before = order[: order.index(encoder.layer)][-_BACK:]
    places = {path: places_of_cells(encoder, path, size) for path in before}
    # A flattened map has its places, too; what is said of a layer is better said of the map.
    maps = [path for path in before if places[path] is not None and len(encoder.layers[path].shape) > 1][-_MAPS:]
    if not maps:
        return None
    sides = [path for path in before if path not in maps and order.index(path) > order.index(maps[0])]
    vectors = [path for path in sides if places[path] is None]
    values = run.activations(_trial_images(encoder, size), [*maps, *vectors, encoder.layer])
    goal = _flat(values[encoder.layer])
    if not np.isfinite(goal).all() or not goal.any():
        return None
    weights = CandidateWeights(encoder)
    for path in reversed(maps):
        own = places[path]
        assert own is not None
        cells, special = split_cells(values[path], own)
        for pooling in _poolings(cells.shape[1:], special.shape[1], weights):
            start = pooling.value(cells, special)
            steps = _steps_between(start, [_flat(values[vector]) for vector in vectors], goal, weights, pooling)
            if steps is not None:
                return LinearHead(path, pooling, steps)
    return None


def _trial_images(encoder: Encoder, size: tuple[int, int]) -> Array:
    """Blots and noise: plain noise is much the same wherever one looks, and so are its pooled cells."""
    low, high = encoder.value_range
    random = np.random.default_rng(0)
    channels = encoder.network.input_shape[2]
    blots = random.random((_TRIED, 4, 4, channels))
    rows, columns = (np.arange(side) * 4 // side for side in size)
    images = 0.7 * blots[:, rows][:, :, columns] + 0.3 * random.random((_TRIED, *size, channels))
    return np.asarray(low + (high - low) * images, np.float32)


def _poolings(grid: tuple[int, ...], special: int, weights: CandidateWeights) -> Iterator[Pooling]:
    rows, columns, channels = grid
    every = [False, True] if special else [False]
    for rectified, all_tokens in product((False, True), every):
        for kind in ("mean", "max", "mean max", "max mean"):
            yield Pooling(kind, rectified, all_tokens)
        flat = (rows * columns + special * all_tokens) * channels
        if weights.takes(flat):
            yield Pooling("flat", rectified, all_tokens)
            yield Pooling("flat channels", rectified, all_tokens)


def _steps_between(
    start: Numbers, vectors: Sequence[Numbers], goal: Numbers, weights: CandidateWeights, pooling: Pooling
) -> tuple[Step, ...] | None:
    """Steps from one vector to the goal, over the vectors that lie between, in their order."""
    reached: list[tuple[Numbers, tuple[Step, ...]]] = [(start, ())]
    for vector in [*vectors, goal]:
        for value, steps in reversed(reached):
            step = _step(value, vector, weights, only_dense=pooling.kind.startswith("flat") and not steps)
            if step is not None:
                ways = steps + step
                if vector is goal:
                    return ways
                # What holds the same numbers leads nowhere else.
                if step:
                    reached.append((vector, ways))
                break
    return None


def _step(
    before: Numbers, after: Numbers, weights: CandidateWeights, *, only_dense: bool = False
) -> tuple[Step] | tuple[()] | None:
    """How one vector becomes another; an empty tuple where they are the same."""
    if before.shape == after.shape and not only_dense:
        if nearly_equal(before, after):
            return ()
        unit = UnitLength()
        if nearly_equal(unit.value(before), after):
            return (unit,)
    for kernel in weights.kernels(before.shape[1], after.shape[1]):
        offset = _offset(before @ kernel, after)
        if offset is not None:
            return (Dense(kernel.astype(np.float64), offset),)
    if before.shape != after.shape or only_dense:
        return None
    for factor in weights.factors(before.shape[1]) if _goes_straight(before, after) else ():
        offset = _offset(before * factor, after)
        if offset is not None:
            return (Scale(factor, offset),)
    for epsilon in EPSILONS:
        normalised = LayerNormalisation(np.ones(before.shape[1]), np.zeros(before.shape[1]), epsilon).value(before)
        for factor in weights.vectors(before.shape[1]) if _goes_straight(normalised, after) else ():
            offset = _offset(normalised * factor, after)
            if offset is not None:
                return (LayerNormalisation(factor, offset, epsilon),)
    return None


def _offset(linear: Numbers, after: Numbers) -> Numbers | None:
    """What is left is the same for all images where the linear part is the right one."""
    left = after - linear
    offset = left.mean(axis=0)
    spread, length = np.linalg.norm(after - after.mean(axis=0)), np.linalg.norm(after)
    if spread <= 1e-3 * length:  # all images have much the same vector: anything would fit
        return None
    return offset if np.linalg.norm(left - offset) <= max(10 * TOLERANCE * spread, 3e-6 * length) else None


def _goes_straight(before: Numbers, after: Numbers) -> bool:
    """Does each number go with its own along a line over the images? A quick look before many factors are tried."""
    x, y = before - before.mean(axis=0), after - after.mean(axis=0)
    slopes = (x * y).sum(axis=0) / np.maximum((x**2).sum(axis=0), 1e-30)
    return bool(np.linalg.norm(y - slopes * x) <= 0.01 * np.linalg.norm(y))


def _flat(values: Array) -> Numbers:
    return values.reshape(len(values), -1).astype(np.float64)
