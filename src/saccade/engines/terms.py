"""A measure's terms for codes of every shape: grids of cells, rows of tokens, plain vectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from saccade.engines.verbs import Verbs
from saccade.errors import InputError, ModelError
from saccade.targets import Measure
from saccade.typing import Tensor

_Number = TypeVar("_Number", np.float32, np.float64)


def as_grid(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Any code's shape as (rows, columns, channels): vectors are one cell, tokens one row of cells."""
    if len(shape) == 1:
        return 1, 1, shape[0]
    if len(shape) == 2:
        return 1, shape[0], shape[1]
    if len(shape) == 3:
        return shape[0], shape[1], shape[2]
    raise ModelError(f"a code of shape {shape} is not understood; it needs one to three axes beside the batch.")


def terms_of(
    verbs: Verbs, measure: Measure, values: Tensor, counts: tuple[int, int], reference: Tensor, seen: Tensor
) -> Sequence[Tensor]:
    """The measure's terms, each (points, images, rows, columns, channels).

    Args:
        verbs: The framework's.
        measure: What is measured.
        values: The layer's values, (points * images, ...).
        counts: How many points and images.
        reference: The frozen references, (images, ...).
        seen: The pictures, (points or 1, images, height, width, channels).

    Raises:
        InputError: A function of the user's own does not give one number for each picture.
    """
    steps, count = counts
    grid = as_grid(tuple(int(each) for each in values.shape[1:]))
    values = verbs.as_float32(values)
    if measure.whole is None:
        return measure.terms(verbs.reshape(values, (steps, count, *grid)), reference[None], seen)
    numbers = measure.whole(verbs.reshape(values, (steps * count, *grid)))
    shape = tuple(int(each) for each in getattr(numbers, "shape", ()))
    if shape != (steps * count,):
        raise InputError(
            f"the target's function gave shape {shape} for {steps * count} pictures; it must give one number each, "
            f"({steps * count},), such as the sum over all axes but the first."
        )
    number = verbs.reshape(verbs.as_float32(numbers), (steps, count, 1, 1, 1))
    terms = measure.terms(verbs.reshape(values, (steps, count, *grid)), reference[None], seen)
    # Beside terms of places it is shared out among the places, so that all sums are taken alike.
    return [*terms, number / (grid[0] * grid[1]) + verbs.zeros((1, 1, *grid[:2], 1))] if terms else [number]


def side_by_side(terms: Iterable[NDArray[_Number]]) -> NDArray[_Number]:
    """Terms as the last axis of one array."""
    arrays = np.broadcast_arrays(*terms)
    return arrays[0][..., None] if len(arrays) == 1 else np.stack(arrays, axis=-1)
