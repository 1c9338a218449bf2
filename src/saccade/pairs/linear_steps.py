"""Steps from cells to a vector, and from one vector to the next, through which a sum over places stays one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from saccade.pairs.terms import Numbers, Terms


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


def _centred(values: Numbers) -> Numbers:
    return np.asarray(values - values.mean(axis=-1, keepdims=True))
