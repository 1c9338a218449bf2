"""What is explained, as data: a kind with its arguments, the measures of its number, and sums of targets.

Gradients and occlusion ask different questions of the code as a whole. The gradient is that of `<f(x'), f(x)>` with
`f(x)` frozen, since a similarity of a thing with itself has no gradient. Occlusion counts how much of the code changes.

In a sum, `code() - 0.5 * like("b.jpg")`, the number is the weighted sum of the parts' numbers, each in the part's own
units, and so is its gradient. Under occlusion the worth of a place adds: what it is worth to one part, less half of
what it is worth to the other. That worth is a growth for some measures (the squared change of the code) and a loss
for others (similarity), so the occlusion measure of a mixed sum counts growing parts negatively, and its loss is the
sum of the worths. Only where every part grows and is added does the whole grow, and its map stays unsigned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from saccade.errors import InputError
from saccade.images import Images
from saccade.targets.given_images import GivenImages
from saccade.targets.measure import Measure, weighted_sum
from saccade.targets.quantity import Quantity
from saccade.targets.weighted_words import weighted_name, weighted_question, weighted_units

Codes = NDArray[np.float32]
Read = Literal["code", "output"]


class ImageReader(Protocol):
    """Reads images as the model wants them: the encoder."""

    def images(self, photos: Any) -> Images:
        """Read whatever stands for images."""
        ...


class CodePlaces(Protocol):
    """Where rows and columns lie in a code: `saccade.models.places.Places`."""

    @property
    def rows(self) -> int:
        """Rows of cells."""
        ...

    @property
    def columns(self) -> int:
        """Columns of cells."""
        ...

    @property
    def cells(self) -> int:
        """How many cells there are."""
        ...

    @property
    def tokens(self) -> int:
        """Cells and special tokens."""
        ...

    @property
    def channels_first(self) -> bool:
        """Do the numbers of one channel lie together?"""
        ...

    def split(self, values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """A code's cells (images, rows, columns, channels), and its special tokens."""
        ...

    def join(self, cells: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        """Cells (images, rows, columns, channels) in the form of a code; zero at special tokens."""
        ...


class CodeSource(Protocol):
    """Turns further images into codes: a call on an encoder."""

    @property
    def encoder(self) -> ImageReader:
        """Whose codes they are; the same in every call."""
        ...

    def codes(self, images: Any, *, remember: bool = True) -> Codes:
        """The codes of images, as (images, rows, columns, channels); kept for the rest of the call, if wished."""
        ...

    def code_places(self, codes: Codes) -> CodePlaces | None:
        """Where rows and columns lie in these codes, which `codes` gave; None for a vector."""
        ...


class Arguments(Protocol):
    """What a kind of target needs to know, in fields of its own: an index, a rectangle, another image."""

    def reference(self, codes: Codes, source: CodeSource) -> Codes:
        """The frozen reference of every image.

        Args:
            codes: What is read: the codes of the images, or for the output the images that it should redraw.
            source: Encodes further images.

        Returns:
            (images, ...), which broadcasts to what is read.
        """
        ...


@dataclass(frozen=True)
class Target:
    """One number per image that a method explains.

    Targets add, subtract, scale and negate: `code() - 0.5 * like("b.jpg")` is a target.

    Attributes:
        kind: What kind of target it is: `"code"`, `"channel"`, `"like"`, `"sum"`, ...
        arguments: What the kind needs to know, by name; they make the frozen reference.
        name: Short, as on the command line, files without their folders: `"code"`, `"channel:3"`, `"like:b.jpg"`. For
            people; nothing is decided by it.
        question: What a map of this target answers, in plain words.
        gradient_measure: The measure that is differentiated.
        gradient_units: What that measure counts.
        occlusion_measure: The measure that is compared when parts are covered.
        occlusion_units: What covering a place changes, such as `"cosine similarity lost"`.
        counts_increase: Occlusion counts the growth of its measure (True) or its loss (False).
        reads: The code, or the model's output.
        autograd_form: A measure without reference that has the same gradient as long as the image has not moved.
        text: What `parse` reads this target from; None if no text can say it (it holds arrays or a function).
        files: The files and folders that the target reads.
    """

    kind: str
    arguments: Arguments
    name: str
    question: str
    gradient_measure: Measure
    gradient_units: Quantity
    occlusion_measure: Measure
    occlusion_units: Quantity
    counts_increase: bool = False
    reads: Read = "code"
    autograd_form: Measure | None = None
    text: str | None = None
    files: tuple[str, ...] = ()

    # A numpy number on the left must leave the product to `__rmul__`.
    __array_ufunc__ = None

    @property
    def tiles(self) -> bool:
        """Can the number after covering be put together from places? A function of the whole code cannot."""
        return self.occlusion_measure.tiles

    @property
    def parts(self) -> tuple[tuple[float, Target], ...]:
        """The weights and targets that it is the sum of; of anything but a sum, itself alone."""
        return self.arguments.parts if isinstance(self.arguments, WeightedParts) else ((1.0, self),)

    @property
    def compared(self) -> tuple[GivenImages, ...]:
        """The single images that the photo is compared with, each once; a page shows them too."""
        compared = [images for _, part in self.parts for images in getattr(part.arguments, "compared", ())]
        return tuple(dict.fromkeys(compared))

    def freeze(self, codes: Codes, source: CodeSource) -> Codes:
        """The frozen reference of every image; see `Arguments.reference`."""
        return self.arguments.reference(codes, source)

    def __add__(self, other: Target) -> Target:
        """Both together."""
        return total([(1.0, self), (1.0, _addend(other))])

    def __radd__(self, other: int) -> Target:
        """So that `sum(targets)` works, which starts from 0."""
        if isinstance(other, int) and other == 0:
            return self
        return self + _addend(other)

    def __sub__(self, other: Target) -> Target:
        """One less the other."""
        return total([(1.0, self), (-1.0, _addend(other))])

    def __rsub__(self, other: object) -> Target:
        """Nothing but a target has one taken off."""
        return _addend(other) - self

    def __mul__(self, weight: float) -> Target:
        """The same, so many times."""
        if not isinstance(weight, (Real, np.number)) or isinstance(weight, np.complexfloating):
            raise InputError(f"a target times {weight!r:.40}: give a number, such as 0.5 * targets.code().")
        return total([(float(weight), self)])

    def __rmul__(self, weight: float) -> Target:
        """The same, so many times."""
        return self * weight

    def __neg__(self) -> Target:
        """The opposite: what speaks against it."""
        return self * -1.0


@dataclass(frozen=True)
class WeightedParts:
    """The arguments of a sum; its reference holds the parts' references side by side along the channels.

    Attributes:
        parts: Weights and targets, none of them a sum.
    """

    parts: tuple[tuple[float, Target], ...] = field(repr=False)

    def reference(self, codes: Codes, source: CodeSource) -> Codes:
        """Freeze each part's reference and spread it over the places, as `weighted_sum` reads them."""
        count, rows, columns, channels = codes.shape
        references = []
        for _, target in self.parts:
            reference, width = target.freeze(codes, source), channels * target.gradient_measure.references
            if width:
                references.append(np.broadcast_to(reference, (count, rows, columns, width)))
        if not references:
            return np.zeros((count, 1, 1, 1), np.float32)
        return np.concatenate(references, axis=-1, dtype=np.float32)


_MOST_PARTS = 256
"""Each is compiled on its own."""


def total(weighted: Sequence[tuple[float, Target]]) -> Target:
    """The weighted sum of targets; sums among them are unfolded.

    Args:
        weighted: Weights and targets.

    Raises:
        InputError: A weight is zero or no number, or parts read both the code and the model's output.
    """
    parts: list[tuple[float, Target]] = []
    for weight, target in weighted:
        if not np.isfinite(weight) or weight == 0:
            raise InputError(f"the weight {weight:g} of target {target.name!r}: give a number that is not 0.")
        parts += [(float(weight) * inner, part) for inner, part in target.parts]
    if len(parts) > _MOST_PARTS:
        raise InputError(f"a sum of {len(parts):,} targets; give at most {_MOST_PARTS}.")
    weights, targets = [weight for weight, _ in parts], [target for _, target in parts]
    first = targets[0]
    if weights == [1]:
        return first
    for target in targets:
        if target.reads != first.reads:
            raise InputError(
                f"a sum reads the code or the model's output, never both: {first.name!r} and {target.name!r} do not "
                "add up. Explain one after the other."
            )
    texts = [target.text for target in targets if target.text is not None]
    counts_increase = all(target.counts_increase and weight > 0 for weight, target in parts)
    losses = [-weight if part.counts_increase and not counts_increase else weight for weight, part in parts]
    return Target(
        kind="sum",
        arguments=WeightedParts(tuple(parts)),
        name=weighted_name(weights, [target.name for target in targets]),
        question=weighted_question(weights, [target.question for target in targets]),
        gradient_measure=weighted_sum([(weight, target.gradient_measure) for weight, target in parts]),
        gradient_units=_units(weights, [target.gradient_units for target in targets]),
        occlusion_measure=weighted_sum(list(zip(losses, [part.occlusion_measure for part in targets], strict=True))),
        occlusion_units=_units(weights, [target.occlusion_units for target in targets]),
        counts_increase=counts_increase,
        reads=first.reads,
        text=weighted_name(weights, texts) if len(texts) == len(targets) else None,
        files=tuple(dict.fromkeys(file for target in targets for file in target.files)),
    )


def _addend(other: object) -> Target:
    if isinstance(other, Target):
        return other
    raise InputError(
        f"a target and {other!r:.40} do not add up; give targets on both sides, such as targets.code() + "
        "targets.channel(3)."
    )


def _units(weights: Sequence[float], units: Sequence[Quantity]) -> Quantity:
    return Quantity(weighted_units(weights, [unit.name for unit in units]))
