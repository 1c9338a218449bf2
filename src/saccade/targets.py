"""What is explained: one number for each picture, computed from a code.

A target never picks "class k" out of an axis by accident: it names what it reads. It is built from a *measure*, a sum
over all places and channels of elementwise terms followed by a small formula; because the terms stay apart by place
until the end, the number after covering a hole can be put together from the cells that the hole can touch.

Gradients and covering ask different questions of the code as a whole. The gradient is that of `<f(x'), f(x)>` with
`f(x)` frozen, since a similarity of a thing with itself has no slope. Covering counts how much of the code changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from saccade.errors import InputError, UnknownName

Tensor = Any
Codes = NDArray[np.float32]


@dataclass(frozen=True)
class Measure:
    """How a layer's values become one number: elementwise terms, summed over the code, then combined.

    Attributes:
        name: Stands for the measure where compiled functions are kept.
        terms: `terms(values, reference, pictures)` -> tensors of the shape of `values`.
        combine: `combine(sums, size)` -> the number; `size` is how many values one picture has.
    """

    name: str
    terms: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, ...]]
    combine: Callable[[Sequence[Tensor], int], Tensor]


def _first(sums: Sequence[Tensor], size: int) -> Tensor:  # noqa: ARG001
    return sums[0]


def _product(values: Tensor, reference: Tensor, pictures: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    return (values * reference,)


def _half_energy(values: Tensor, reference: Tensor, pictures: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    return (0.5 * values * values,)


def _products(values: Tensor, reference: Tensor, pictures: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    return values * reference, values * values, reference * reference


def _cosine(sums: Sequence[Tensor], size: int) -> Tensor:  # noqa: ARG001
    # The tiny constant keeps a dead code's slope finite; it is far below what float32 resolves for any living one.
    return sums[0] / (sums[1] * sums[2] + 1e-30) ** 0.5


def _difference(values: Tensor, reference: Tensor, pictures: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    return (values - reference) ** 2, reference * reference


def _ratio(sums: Sequence[Tensor], size: int) -> Tensor:  # noqa: ARG001
    return sums[0] / (sums[1] + 1e-30)


def _error(values: Tensor, reference: Tensor, pictures: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    return ((values - pictures) ** 2,)


def _mean(sums: Sequence[Tensor], size: int) -> Tensor:
    return sums[0] / size


INNER_PRODUCT = Measure("inner_product", _product, _first)
HALF_ENERGY = Measure("half_energy", _half_energy, _first)
COSINE = Measure("cosine", _products, _cosine)
SHARE_CHANGED = Measure("share_changed", _difference, _ratio)
MEAN_SQUARED_ERROR = Measure("mean_squared_error", _error, _mean)


class CodeSource(Protocol):
    """Whoever can turn further pictures into codes: the encoder."""

    def codes(self, images: Any) -> Codes:
        """The codes of pictures, as (images, rows, columns, channels)."""
        ...


@dataclass(frozen=True)
class Target:
    """One number per picture that a method explains.

    Attributes:
        name: Short, as on the command line: `"code"`, `"channel:3"`.
        question: What a map of this target answers, in plain words.
        slope: The measure that is differentiated, and its unit.
        cover: The measure that is compared when parts are covered, and the unit of the difference.
        grows: Covering counts the growth of the measure (True) or its loss (False).
        place: Read the code, or the model's output.
        freeze: Makes the frozen reference of every picture, (images, ...), from its code.
        at_rest: A measure without reference that has the same slope as long as the picture has not moved.
    """

    name: str
    question: str
    slope: Measure
    slope_units: str
    cover: Measure
    cover_units: str
    grows: bool = False
    place: Literal["code", "output"] = "code"
    freeze: Callable[[Codes, CodeSource], Codes] = field(repr=False, default=lambda codes, _: codes)
    at_rest: Measure | None = None


def code() -> Target:
    """What in this picture is the code made of?

    Gradients: `s(x') = <f(x'), f(x)>`, f(x) frozen; covering: `|f(x') - f(x)|² / |f(x)|²`, the share of the code that
    changes. Source: label-free feature importance, Crabbé and van der Schaar (2022), arXiv:2203.01928.
    """
    return Target(
        name="code",
        question="what the code is made of",
        slope=INNER_PRODUCT,
        slope_units="code energy",
        cover=SHARE_CHANGED,
        cover_units="share of the code that changes when this is covered",
        grows=True,
        at_rest=HALF_ENERGY,
    )


def channel(index: int) -> Target:
    """What in this picture drives one channel of the code? `s = mean over places of f(x')[..., index]`.

    Args:
        index: The channel, counted from 0 (negative: from the end).
    """

    def freeze(codes: Codes, _: CodeSource) -> Codes:
        channels = codes.shape[-1]
        if not -channels <= index < channels:
            raise InputError(
                f"the code has {channels} channels, so channel {index} does not exist; give 0 to {channels - 1}."
            )
        weights = np.zeros((len(codes), 1, 1, channels), np.float32)
        weights[..., index] = 1.0 / (codes.shape[1] * codes.shape[2])
        return weights

    return Target(
        name=f"channel:{index}",
        question=f"what drives channel {index} of the code",
        slope=INNER_PRODUCT,
        slope_units=f"mean of channel {index}",
        cover=INNER_PRODUCT,
        cover_units=f"fall of the mean of channel {index} when this is covered",
        freeze=freeze,
    )


def cell(row: int, column: int) -> Target:
    """What does one place of the code see? `s = <f(x')[row, column], f(x)[row, column]>`, the second frozen.

    Args:
        row: Row of the code's grid, counted from 0.
        column: Column of the code's grid, counted from 0.
    """

    def freeze(codes: Codes, _: CodeSource) -> Codes:
        rows, columns = codes.shape[1:3]
        if not (0 <= row < rows and 0 <= column < columns):
            raise InputError(f"the code has {rows}x{columns} cells, so cell {row},{column} does not exist.")
        weights = np.zeros_like(codes)
        weights[:, row, column] = codes[:, row, column]
        return weights

    return Target(
        name=f"cell:{row},{column}",
        question=f"what cell {row},{column} of the code sees",
        slope=INNER_PRODUCT,
        slope_units="energy of the cell",
        cover=INNER_PRODUCT,
        cover_units="fall of the cell's energy when this is covered",
        freeze=freeze,
    )


def like(other: Any) -> Target:
    """What makes this picture like another one? `s = cos(f(x'), f(other))`, signed: what speaks against it is negative.

    Args:
        other: A picture (path, array, PIL image) for all, or as many pictures as there are to explain.
    """

    def freeze(codes: Codes, source: CodeSource) -> Codes:
        others = source.codes(other)
        if len(others) not in (1, len(codes)):
            raise InputError(f"like() was given {len(others)} pictures for {len(codes)}; give one, or one for each.")
        if others.shape[1:] != codes.shape[1:]:
            raise InputError(
                f"the codes differ in shape ({codes.shape[1:]} and {others.shape[1:]}), so their places cannot be "
                "compared; read both pictures at one size."
            )
        return np.ascontiguousarray(np.broadcast_to(others, codes.shape))

    return Target(
        name=f"like:{Path(other).name}" if isinstance(other, (str, Path)) else "like",
        question="what makes it like the other picture",
        slope=COSINE,
        slope_units="cosine similarity",
        cover=COSINE,
        cover_units="cosine similarity lost when this is covered",
        freeze=freeze,
    )


def reconstruction_error() -> Target:
    """Which places are hard to redraw? `s = mean((g(f(x')) - x')²)` over pixels and channels, at the model's output.

    Covering a place by its blurred copy makes it easy; what the error loses then is what the place was worth.
    """
    return Target(
        name="reconstruction_error",
        question="what is hard to redraw",
        slope=MEAN_SQUARED_ERROR,
        slope_units="mean squared error",
        cover=MEAN_SQUARED_ERROR,
        cover_units="mean squared error that goes away when this is covered",
        place="output",
        freeze=lambda codes, _: np.zeros((len(codes), 1, 1, 1), np.float32),
    )


FORMS = ("code", "channel:K", "cell:ROW,COLUMN", "like:PICTURE", "reconstruction_error")
"""The text forms that `parse` understands."""


def parse(text: str) -> Target:
    """Read a target from the command line: `code`, `channel:3`, `cell:4,5`, `like:cat.jpg`, `reconstruction_error`.

    Raises:
        UnknownName: Not one of the forms.
    """
    kind, _, argument = text.partition(":")
    try:
        if text == "code":
            return code()
        if text == "reconstruction_error":
            return reconstruction_error()
        if kind == "channel":
            return channel(int(argument))
        if kind == "cell":
            row, column = argument.split(",")
            return cell(int(row), int(column))
    except ValueError as error:
        raise InputError(f"target {text!r} cannot be read; the forms are {', '.join(FORMS)}.") from error
    if kind == "like" and argument:
        return like(argument)
    raise UnknownName.of("target", text, FORMS)
