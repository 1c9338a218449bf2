"""What a method is: a pure function from pictures and a target to a map, with a title and a source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Map:
    """What a method found.

    Attributes:
        values: float32 (images, rows, columns): the map on the method's own grid, which spans the picture; signed
            values where signs mean something.
        raw: What the map was made from, before channels were joined or anything was smoothed.
        units: What one unit of `values` is.
        signed: Whether negative values mean evidence against.
        notes: What the reader of the picture must know: smoothing, fallbacks, the size of holes.
        settings: Every setting with the value that was used, also where it was a default.
        scores: Numbers per picture by name, such as the score at the picture and at the baseline.
    """

    values: Array
    raw: Array
    units: str
    signed: bool
    notes: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


Method = Callable[..., Map]
_Function = TypeVar("_Function", bound=Callable[..., Map])


@dataclass(frozen=True)
class Description:
    """How a method is called among people.

    Attributes:
        title: The field's name for it.
        plain: What it does, for somebody who has never heard of networks.
        source: Where it was published.
        passes: What it costs, in words.
    """

    title: str
    plain: str
    source: str
    passes: str


def method(*, title: str, plain: str, source: str, passes: str) -> Callable[[_Function], _Function]:
    """Mark a function as a method; the function itself is given back unchanged."""

    def mark(function: _Function) -> _Function:
        function.description = Description(title, plain, source, passes)  # type: ignore[attr-defined]
        return function

    return mark
