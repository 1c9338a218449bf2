"""A measure's terms for codes of every shape: grids of cells, rows of tokens, plain vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from saccade.engines.backend import Backend
from saccade.errors import InputError, ModelError, SaccadeError
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
    backend: Backend, measure: Measure, values: Tensor, counts: tuple[int, int], reference: Tensor, images: Tensor
) -> Sequence[Tensor]:
    """The measure's terms, then its functions' numbers, each (points, images, rows, columns, channels).

    Args:
        backend: The framework's operations.
        measure: What is measured.
        values: The layer's values, (points * images, ...).
        counts: How many points and images.
        reference: The frozen references, (images, ...).
        images: The images themselves, (points or 1, images, height, width, channels).

    Raises:
        InputError: A function of the user's own does not give one number for each image.
    """
    points, count = counts
    grid = as_grid(tuple(int(size) for size in values.shape[1:]))
    values = backend.as_float32(values)
    terms = tuple(measure.terms(backend.reshape(values, (points, count, *grid)), reference[None], images))
    if measure.functions:
        codes = backend.reshape(values, (points * count, *grid))
        numbers = [_number(backend, function, codes, points, count) for function in measure.functions]
        if terms:
            # Beside terms of places a number is shared out among the places, so that all sums are taken alike.
            nothing = backend.zeros((1, 1, *grid[:2], 1))
            numbers = [number / (grid[0] * grid[1]) + nothing for number in numbers]
        terms = (*terms, *numbers)
    return terms


def _number(backend: Backend, function: Callable[[Tensor], Tensor], codes: Tensor, points: int, count: int) -> Tensor:
    try:
        numbers = function(codes)
    except Exception as error:
        if isinstance(error, SaccadeError) or backend.is_out_of_memory(error):
            raise
        raise InputError(f"the target's function failed with {type(error).__name__}: {error}") from error
    if isinstance(numbers, np.ndarray) and not isinstance(codes, np.ndarray):
        raise InputError(
            "the target's function gave a numpy array, which has no gradient; compute with the tensor that it is given."
        )
    shape = tuple(int(size) for size in getattr(numbers, "shape", ()))
    if shape != (points * count,):
        raise InputError(
            f"the target's function gave shape {shape} for {points * count} images; it must give one number each, "
            f"({points * count},), such as the sum over all axes but the first."
        )
    return backend.reshape(backend.as_float32(numbers), (points, count, 1, 1, 1))


def side_by_side(terms: Iterable[NDArray[_Number]]) -> NDArray[_Number]:
    """Terms as the last axis of one array."""
    arrays = np.broadcast_arrays(*terms)
    return arrays[0][..., None] if len(arrays) == 1 else np.stack(arrays, axis=-1)
