"""What a method is: a pure function from pictures and a target to a map, with a title and a source."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast, overload

import numpy as np
from numpy.typing import NDArray

from saccade.encoder import Encoder
from saccade.targets import Target
from saccade.typing import Array


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


class Method(Protocol):
    """A method: `method(encoder, images, target, **settings)`."""

    description: Description

    @overload
    def __call__(self, encoder: Encoder, images: Array, target: Target, **settings: Any) -> Map: ...

    @overload
    def __call__(self, encoder: Encoder, images: Array, target: Sequence[Target], **settings: Any) -> list[Map]: ...

    def __call__(self, encoder: Encoder, images: Array, target: Any, **settings: Any) -> Any:
        """One target gives one map, several give a list."""
        ...


def method(
    *, title: str, plain: str, source: str, passes: str, together: bool = False
) -> Callable[[Callable[..., Any]], Method]:
    """Mark a function as a method, which then takes one target and gives a map, or several and gives a list.

    Args:
        title: The field's name for it.
        plain: What it does, for somebody who has never heard of networks.
        source: Where it was published.
        passes: What it costs, in words.
        together: The function itself takes a sequence of targets and gives a list of maps, all from the same passes.
    """

    def mark(function: Callable[..., Any]) -> Method:
        @functools.wraps(function)
        def asked(encoder: Encoder, images: Array, target: Target | Sequence[Target], **settings: Any) -> Any:
            several = [target] if isinstance(target, Target) else list(target)
            if together:
                maps = function(encoder, images, several, **settings)
            else:
                maps = [function(encoder, images, each, **settings) for each in several]
            return maps[0] if isinstance(target, Target) else maps

        asked.description = Description(title, plain, source, passes)  # type: ignore[attr-defined]
        return cast("Method", asked)

    return mark
