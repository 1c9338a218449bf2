"""The way from the cells of a layer to a code without places, where it is a sum over cells.

Many encoders pool their last cells (their mean, or the largest value of each channel) and add linear layers; others
flatten them into a dense layer. Then the code is a sum over cells, exactly. A normalisation of the pooled vector
divides by a number of this image alone, and the sum stays exact with that number as it is, as a cosine is split with
both lengths as they are.

The way is found by the network's own layers and weights, and by their numbers: each step must reproduce what the next
layer holds. It is checked again for every image that is split. So it does not matter which framework the network is of,
and an activation or anything else on the way that is no such step ends the search: then there is no linear head.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from threading import Lock
from typing import Protocol
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from saccade.encoder import Encoder
from saccade.models.network import declared_places
from saccade.models.places import Places
from saccade.pairs.terms import Numbers, Terms
from saccade.run import Run
from saccade.typing import Array

TOLERANCE = 1e-5
"""The code must come out again to this part of its length; float32 leaves about a millionth."""
_BACK = 40
"""So many layers before the code are looked at, and"""
_MAPS = 4
"""so many of them that have cells."""
_TRIED = 4
"""Images of noise with which the way is found."""
_LARGEST = 2**28
"""Bytes of a kernel in double precision that may be held."""
_EPSILONS = (1e-5, 1e-3, 1e-6, 1e-12, 1e-8, 0.0)


class Step(Protocol):
    """A step from one vector to the next."""

    def value(self, vectors: Numbers) -> Numbers:
        """What becomes of vectors, (images, numbers)."""
        ...

    def terms(self, terms: Terms) -> Terms:
        """What becomes of the terms of one vector."""
        ...


@dataclass(frozen=True, eq=False)
class Dense:
    """A linear layer; `kernel` is (numbers, numbers of the result)."""

    kernel: Numbers
    offset: Numbers

    def value(self, vectors: Numbers) -> Numbers:
        """The layer's result."""
        return np.asarray(vectors @ self.kernel + self.offset)

    def terms(self, terms: Terms) -> Terms:
        """Through the layer."""
        return terms.through(lambda values: values @ self.kernel, self.offset)


@dataclass(frozen=True, eq=False)
class Scale:
    """A factor and an offset for each number: batch normalisation."""

    factor: Numbers
    offset: Numbers

    def value(self, vectors: Numbers) -> Numbers:
        """The scaled vectors."""
        return vectors * self.factor + self.offset

    def terms(self, terms: Terms) -> Terms:
        """Scaled."""
        return terms.through(lambda values: values * self.factor, self.offset)


@dataclass(frozen=True, eq=False)
class LayerNormalisation:
    """Each vector less its mean, divided by its spread; that number is taken as it is for this image."""

    factor: Numbers
    offset: Numbers
    epsilon: float

    def value(self, vectors: Numbers) -> Numbers:
        """The normalised vectors."""
        return _centred(vectors) / self._spread(vectors) * self.factor + self.offset

    def terms(self, terms: Terms) -> Terms:
        """Normalised by the spread of the sum."""
        factor = self.factor / self._spread(terms.code)
        return terms.through(lambda values: _centred(values) * factor, self.offset)

    def _spread(self, vectors: Numbers) -> Numbers:
        return np.asarray(np.sqrt(vectors.var(axis=-1, keepdims=True) + self.epsilon), np.float64)


@dataclass(frozen=True, eq=False)
class UnitLength:
    """Each vector divided by its length, which is taken as it is for this image."""

    def value(self, vectors: Numbers) -> Numbers:
        """Vectors of length 1."""
        return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-30))

    def terms(self, terms: Terms) -> Terms:
        """Divided by the length of the sum."""
        length = max(float(np.linalg.norm(terms.code)), 1e-30)
        return terms.through(lambda values: values / length)


@dataclass(frozen=True, eq=False)
class Pooling:
    """How cells become one vector.

    Attributes:
        kind: `"mean"`, `"max"`, both of them one behind the other (`"mean max"`, `"max mean"`), or `"flat"`: one cell
            behind the other; `"flat channels"`: one channel behind the other.
        rectified: Negative numbers of the cells count as 0 first.
        all_tokens: The special tokens are pooled with the cells.
    """

    kind: str
    rectified: bool = False
    all_tokens: bool = False

    def value(self, cells: Numbers, special: Numbers) -> Numbers:
        """The vectors, (images, numbers).

        Args:
            cells: (images, rows, columns, channels).
            special: (images, special tokens, channels).
        """
        cells, special = self._read(cells, special)
        tokens = np.concatenate([cells.reshape(len(cells), -1, cells.shape[-1]), special], axis=1)
        if self.kind == "flat":
            return tokens.reshape(len(tokens), -1)
        if self.kind == "flat channels":
            return tokens.swapaxes(1, 2).reshape(len(tokens), -1)
        pooled = {"mean": tokens.mean(axis=1), "max": tokens.max(axis=1)}
        return np.concatenate([pooled[part] for part in self.kind.split()], axis=1)

    def terms(self, cells: Numbers, special: Numbers) -> Terms:
        """The terms of one image, (rows, columns, channels) and (special tokens, channels); none of a flat one."""
        cells, special = self._read(cells, special)
        rows, columns, channels = cells.shape
        tokens = np.concatenate([cells.reshape(-1, channels), special])
        parts = []
        for part in self.kind.split():
            if part == "mean":
                parts.append(tokens / len(tokens))
            else:  # each channel is given by the cell that is largest; equal ones share it
                largest = tokens == tokens.max(axis=0)
                parts.append(np.where(largest, tokens / largest.sum(axis=0), 0.0))
        adds = np.concatenate(parts, axis=1)
        places = rows * columns
        return Terms(adds[:places].reshape(rows, columns, -1), adds[places:].sum(axis=0))

    def _read(self, cells: Numbers, special: Numbers) -> tuple[Numbers, Numbers]:
        special = special if self.all_tokens else special[..., :0, :]
        return (np.maximum(cells, 0), np.maximum(special, 0)) if self.rectified else (cells, special)

    @property
    def in_words(self) -> str:
        """What it is called."""
        return {
            "mean": "the mean", "max": "the largest values", "flat": "all numbers", "flat channels": "all numbers",
        }.get(self.kind, "mean and largest values")  # fmt: skip


@dataclass(frozen=True, eq=False)
class LinearHead:
    """A way from cells to the code.

    Attributes:
        layer: The layer of the cells.
        pooling: How they become one vector.
        steps: What follows.
    """

    layer: str
    pooling: Pooling
    steps: tuple[Step, ...]

    def terms(self, cells: Numbers, special: Numbers) -> Terms:
        """The code of one image as a sum over its cells."""
        if self.pooling.kind.startswith("flat"):
            terms, steps = self._flat_terms(cells, special), self.steps[1:]
        else:
            terms, steps = self.pooling.terms(cells, special), self.steps
        for step in steps:
            terms = step.terms(terms)
        return terms

    def _flat_terms(self, cells: Numbers, special: Numbers) -> Terms:
        # Every cell has rows of the kernel to itself.
        dense = self.steps[0]
        assert isinstance(dense, Dense)
        rows, columns, channels = cells.shape
        tokens = np.concatenate([cells.reshape(-1, channels), special if self.pooling.all_tokens else special[:0]])
        tokens = np.maximum(tokens, 0) if self.pooling.rectified else tokens
        if self.pooling.kind == "flat":
            adds = np.einsum("uc,uck->uk", tokens, dense.kernel.reshape(*tokens.shape, -1))
        else:
            adds = np.einsum("uc,cuk->uk", tokens, dense.kernel.reshape(channels, len(tokens), -1))
        places = rows * columns
        return Terms(adds[:places].reshape(rows, columns, -1), adds[places:].sum(axis=0) + dense.offset)

    @property
    def in_words(self) -> str:
        """How the code comes of the cells."""
        parts = [f"{self.pooling.in_words} of the cells of layer {self.layer}"]
        kinds = [
            {"Dense": "a linear layer", "Scale": "a scaling"}.get(type(step).__name__, "a normalisation")
            for step in self.steps
        ]
        return ", then ".join(parts + kinds)


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


def terms_of(encoder: Encoder, head: LinearHead, size: tuple[int, int], code: Numbers, values: Array) -> Terms | None:
    """The code of one image as a sum over cells; None where it does not come out to 1e-5.

    Args:
        encoder: The model and its code.
        head: What `linear_head` found.
        size: Height and width of the image.
        code: The image's code, flat.
        values: What the layer of the cells holds for it.
    """
    places = _places(encoder, head.layer, size)
    if places is None:
        return None
    cells, special = (part[0] for part in _cells(values[None], places))
    if head.pooling.kind.startswith("flat") and isinstance(head.steps[0], Dense):
        tokens = places.tokens if head.pooling.all_tokens else places.cells
        if tokens * cells.shape[-1] != len(head.steps[0].kernel):
            return None  # an image of another size
    terms = head.terms(cells, special)
    return terms if _same(terms.code, code) else None


def _find(run: Run, size: tuple[int, int]) -> LinearHead | None:
    encoder = run.encoder
    order = list(encoder.layers)
    before = order[: order.index(encoder.layer)][-_BACK:]
    places = {path: _places(encoder, path, size) for path in before}
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
    weights = _Weights(encoder)
    for path in reversed(maps):
        own = places[path]
        assert own is not None
        cells, special = _cells(values[path], own)
        for pooling in _poolings(cells.shape[1:], special.shape[1], weights):
            start = pooling.value(cells, special)
            steps = _way(start, [_flat(values[vector]) for vector in vectors], goal, weights, pooling)
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


def _poolings(grid: tuple[int, ...], special: int, weights: _Weights) -> Iterator[Pooling]:
    rows, columns, channels = grid
    every = [False, True] if special else [False]
    for rectified, all_tokens in product((False, True), every):
        for kind in ("mean", "max", "mean max", "max mean"):
            yield Pooling(kind, rectified, all_tokens)
        flat = (rows * columns + special * all_tokens) * channels
        if weights.takes(flat):
            yield Pooling("flat", rectified, all_tokens)
            yield Pooling("flat channels", rectified, all_tokens)


def _way(
    start: Numbers, vectors: Sequence[Numbers], goal: Numbers, weights: _Weights, pooling: Pooling
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
    before: Numbers, after: Numbers, weights: _Weights, *, only_dense: bool = False
) -> tuple[Step] | tuple[()] | None:
    """How one vector becomes another; an empty tuple where they are the same."""
    if before.shape == after.shape and not only_dense:
        if _same(before, after):
            return ()
        unit = UnitLength()
        if _same(unit.value(before), after):
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
    for epsilon in _EPSILONS:
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


class _Weights:
    """The weights of an encoder, by what they could be."""

    def __init__(self, encoder: Encoder) -> None:
        arrays = [(name, np.asarray(array)) for name, array in encoder.network.weights()]
        self._arrays = [(name, array) for name, array in arrays if array.dtype.kind == "f"]

    def takes(self, numbers: int) -> bool:
        """Is there a kernel that reads so many numbers?"""
        return any(
            array.ndim >= 2 and numbers in (array.shape[0], array.shape[-1], array.shape[1])
            for _, array in self._arrays
        )

    def kernels(self, before: int, after: int) -> Iterator[NDArray[np.floating]]:
        """All weights that could lead from so many numbers to so many, as (before, after)."""
        if before * after * 8 > _LARGEST:
            return
        for _, array in self._arrays:
            if array.ndim < 2 or array.size != before * after:
                continue
            shape = tuple(side for side in array.shape if side != 1) if array.ndim > 2 else array.shape
            if shape == (before, after):
                yield array.reshape(before, after)
            if shape == (after, before):
                yield array.reshape(after, before).T

    def vectors(self, numbers: int) -> Iterator[Numbers]:
        """All vectors of so many numbers, and ones."""
        yield np.ones(numbers)
        for _, array in self._arrays:
            if array.size == numbers and array.ndim >= 1:
                yield array.astype(np.float64).reshape(-1)

    def factors(self, numbers: int) -> Iterator[Numbers]:
        """What a batch normalisation, or a plain scaling, may multiply with."""
        yield from self.vectors(numbers)
        groups: dict[str, list[Numbers]] = {}
        for name, array in self._arrays:
            if array.size == numbers:
                parent = name.replace("/", ".").rpartition(".")[0]
                groups.setdefault(parent, []).append(array.astype(np.float64).reshape(-1))
        for group in groups.values():
            for variance, epsilon in product(group, _EPSILONS[:-1]):
                if (variance + epsilon > 0).all():
                    for gamma in [np.ones(numbers), *group]:
                        yield gamma / np.sqrt(variance + epsilon)


def _places(encoder: Encoder, layer: str, size: tuple[int, int]) -> Places | None:
    places = declared_places(encoder.network, layer, encoder.dataflow(*size))
    return None if places is None or places.cells < 2 else places


def _cells(values: Array, places: Places) -> tuple[Numbers, Numbers]:
    cells, special = places.split(values)
    return cells.astype(np.float64), special.astype(np.float64)


def _flat(values: Array) -> Numbers:
    return values.reshape(len(values), -1).astype(np.float64)


def _centred(values: Numbers) -> Numbers:
    return np.asarray(values - values.mean(axis=-1, keepdims=True))


def _same(one: Numbers, other: Numbers) -> bool:
    return one.shape == other.shape and bool(np.linalg.norm(one - other) <= TOLERANCE * np.linalg.norm(other))
