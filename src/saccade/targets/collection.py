"""A collection of pictures and the principal components of its cells, computed a few pictures at a time."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from saccade.errors import InputError, SaccadeWarning
from saccade.images import Images, find
from saccade.targets.target import CodeSource

_BATCH = 32
_ROUNDING = 1e-5
"""Components that vary less than this share of the largest cell are float32's rounding, no component."""


@dataclass(frozen=True)
class Collection:
    """Pictures; two collections are the same if they are the same folder or the same object.

    Attributes:
        path: The folder or glob; empty for anything else.
        given: What was given.
        identity: Tells objects apart.
    """

    path: str
    given: Any = field(compare=False, repr=False)
    identity: int = field(repr=False)
    _known: WeakKeyDictionary[Any, _Known] = field(compare=False, repr=False, default_factory=WeakKeyDictionary)

    @classmethod
    def of(cls, given: Any) -> Collection:
        """Take whatever stands for pictures."""
        if isinstance(given, (str, Path)):
            return cls(os.fspath(given), given, 0)
        return cls("", given, id(given))

    @property
    def name(self) -> str:
        """The folder's name."""
        return Path(self.path).name or self.path

    @property
    def in_words(self) -> str:
        """The name, or words for it."""
        return self.name or "the collection"

    def components(self, source: CodeSource) -> NDArray[np.float64]:
        """The principal components of the cells, (components, channels), the strongest first.

        They are kept for as long as the source gives the same code for the first picture.

        Raises:
            InputError: Not one picture can be read.
        """
        batches = self._batches()
        first = next(batches, None)
        if first is None:
            raise InputError(f"{self.in_words} holds no pictures.")
        probe = _codes(source, first[:1])
        known = self._known.get(source)
        if known is None or len(probe) != len(known.probe) or any(map(_differ, probe, known.probe)):
            known = self._known[source] = _Known(probe, self._found(source, [first], batches))
        return known.components

    def _found(self, source: CodeSource, *runs: Iterable[Any]) -> NDArray[np.float64]:
        spread, unread = Spread(), list[str]()
        for run in runs:
            for batch in run:
                for codes in _codes(source, batch, unread):
                    spread.add(codes.reshape(-1, codes.shape[-1]))
        if not spread.count:
            raise InputError(f"no picture of {self.in_words} can be read; give a folder of photos.")
        if unread:
            shown = ", ".join(unread[:3]) + (", ..." if len(unread) > 3 else "")
            warnings.warn(
                f"{len(unread)} of the pictures in {self.in_words} cannot be read and were left out ({shown}).",
                SaccadeWarning,
                stacklevel=2,
            )
        return spread.components()

    def _batches(self) -> Iterator[Any]:
        """Some pictures at a time, so that a folder never lies in memory."""
        given = self.given
        if isinstance(given, (str, Path)):
            given = find([given])
        elif isinstance(given, Images):
            given = given.array
        elif not hasattr(given, "__getitem__") or not hasattr(given, "__len__"):
            given = [given]
        for start in range(0, len(given), _BATCH):
            yield given[start : start + _BATCH]


@dataclass(frozen=True)
class _Known:
    """The components, and the code of the first picture when they were computed."""

    probe: list[NDArray[np.float32]]
    components: NDArray[np.float64]


class Spread:
    """How vectors vary, from a stream of them.

    Keeps the mean and the triangle R of a QR decomposition of what was seen, centred: R^T R is the scatter about the
    mean. A batch is joined by decomposing R, the batch about its own mean, and one row for the distance between the two
    means. No square is ever taken, so weak components survive, and R has no more rows than there were vectors.
    """

    def __init__(self) -> None:
        self.count = 0
        self._mean: NDArray[np.float64] = np.zeros(0)
        self._triangle: NDArray[np.float64] = np.zeros((0, 0))
        self._largest = 0.0

    def add(self, vectors: NDArray[np.floating]) -> None:
        """See some more, (vectors, numbers)."""
        rows = np.asarray(vectors, np.float64)
        mean, more = rows.mean(axis=0), len(rows)
        self._largest = max(self._largest, float(np.abs(rows).max()))
        parts = [rows - mean]
        if self.count:
            between = np.sqrt(self.count * more / (self.count + more)) * (self._mean - mean)
            parts += [self._triangle, between[None]]
            mean = self._mean + (mean - self._mean) * more / (self.count + more)
        self._triangle = np.asarray(np.linalg.qr(np.concatenate(parts), mode="r"))
        self._mean, self.count = mean, self.count + more

    def components(self) -> NDArray[np.float64]:
        """Directions of length 1 in which the vectors vary, (components, numbers), the strongest first."""
        _, spread, found = np.linalg.svd(self._triangle, full_matrices=False)
        found = found[spread > _ROUNDING * self._largest * np.sqrt(self.count)]
        strongest = np.abs(found).argmax(axis=1)
        return np.asarray(found * np.sign(found[np.arange(len(found)), strongest])[:, None])


def _codes(source: CodeSource, batch: Any, unread: list[str] | None = None) -> list[NDArray[np.float32]]:
    """The codes of some pictures; files of several sizes one by one, without those that cannot be read."""
    try:
        return list(source.codes(batch))
    except InputError:
        if not isinstance(batch, list):
            raise
    found: list[NDArray[np.float32]] = []
    for each in batch:
        try:
            found += list(source.codes([each]))
        except InputError as error:
            if unread is None:
                continue
            unread.append(each.name if isinstance(each, Path) else str(error))
    return found


def _differ(a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
    return a.shape != b.shape or not np.allclose(a, b, rtol=1e-4, atol=1e-6 * float(np.abs(b).max(initial=0)))
