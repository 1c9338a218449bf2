"""What a peer is: ways to ask it, and how its answer is laid beside saccade's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Peer:
    """One library, asked one question.

    Attributes:
        name: Of the library.
        make: By setting, a maker of a function that gives a map. The making is not timed.
        mine: saccade's result in the peer's form, given both; None where the two cannot be compared.
        says: What differs, for the page.
        family: Peers of one family share the setting that was found fastest first.
        same: A context in which the peer's chance is saccade's, for the comparison of results only.
        scale: By how much its time is multiplied, where it is given a part of the work only.
    """

    name: str
    make: Mapping[str, Callable[[], Callable[[], Array]]]
    mine: Callable[[Any, Array], Array] | None
    says: str = ""
    family: str = ""
    same: Callable[[], AbstractContextManager[Any]] = nullcontext
    scale: float = 1.0


def raw(look: Any, _theirs: Array) -> Array:
    """The map before its channels are joined."""
    return np.asarray(look.raw)


def values(look: Any, _theirs: Array) -> Array:
    """The map."""
    return np.asarray(look.values)


def difference(mine: Array, theirs: Array) -> float:
    """The largest difference as a share of the largest value."""
    return float(np.abs(mine - theirs).max() / max(float(np.abs(theirs).max()), 1e-30))
