"""What is explained: one number per picture, with the measures that differentiate and compare it.

Gradients and covering ask different questions of the code as a whole. The gradient is that of `<f(x'), f(x)>` with
`f(x)` frozen, since a similarity of a thing with itself has no gradient. Covering counts how much of the code changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from saccade.targets.measure import Measure

Codes = NDArray[np.float32]
Place = Literal["code", "output"]


class CodeSource(Protocol):
    """Whoever can turn further pictures into codes: the encoder."""

    def codes(self, images: Any) -> Codes:
        """The codes of pictures, as (images, rows, columns, channels)."""
        ...


Freeze = Callable[[Codes, CodeSource], Codes]


@dataclass(frozen=True)
class Target:
    """One number per picture that a method explains.

    Targets add, subtract, scale and negate: `code() - 0.5 * like("b.jpg")` is a target. Gradients add by themselves.
    Under covering, the worth of a place adds: what it is worth to the one, less half of what it is worth to the other.

    Attributes:
        name: Short, as on the command line, pictures without their folders: `"code"`, `"channel:3"`, `"like:b.jpg"`.
        question: What a map of this target answers, in plain words.
        gradient: The measure that is differentiated, and its unit.
        cover: The measure that is compared when parts are covered, and the unit of the difference.
        counts_increase: Covering counts the growth of the measure (True) or its loss (False).
        place: Read the code, or the model's output.
        freeze: Makes the frozen reference of every picture, (images, ...), from what is read there: from its code, or
            for the output from the picture that it should redraw.
        autograd_form: A measure without reference that has the same gradient as long as the picture has not moved.
        text: What `parse` reads this target from; None if no text can say it (it holds arrays or a function).
        files: The files and folders that the target reads.
        parts: For a sum, the weights and the targets it is made of.
    """

    name: str
    question: str
    gradient: Measure
    gradient_units: str
    cover: Measure
    occlusion_units: str
    counts_increase: bool = False
    place: Place = "code"
    freeze: Freeze = field(repr=False, default=lambda codes, _: codes)
    autograd_form: Measure | None = None
    text: str | None = None
    files: tuple[str, ...] = ()
    parts: tuple[tuple[float, Target], ...] = field(repr=False, default=())

    # A numpy number on the left must leave the product to `__rmul__`.
    __array_ufunc__ = None

    @property
    def tiles(self) -> bool:
        """Can the number after covering be put together from places? A function of the whole code cannot."""
        return self.cover.tiles

    def __add__(self, other: Target) -> Target:
        """Both together."""
        from saccade.targets.sums import total

        return total([(1.0, self), (1.0, other)]) if isinstance(other, Target) else NotImplemented

    def __radd__(self, other: int) -> Target:
        """So that `sum(targets)` works, which starts from 0."""
        return self if other == 0 else NotImplemented

    def __sub__(self, other: Target) -> Target:
        """One less the other."""
        from saccade.targets.sums import total

        return total([(1.0, self), (-1.0, other)]) if isinstance(other, Target) else NotImplemented

    def __mul__(self, weight: float) -> Target:
        """The same, so many times."""
        from saccade.targets.sums import total

        if not isinstance(weight, (Real, np.number)):
            return NotImplemented
        return total([(float(weight), self)])

    def __rmul__(self, weight: float) -> Target:
        """The same, so many times."""
        return self * weight

    def __neg__(self) -> Target:
        """The opposite: what speaks against it."""
        return self * -1.0
