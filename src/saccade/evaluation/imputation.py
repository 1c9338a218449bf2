"""What stands in for removed pixels: the collection's mean colour, the image's own blur, or their neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.typing import Array

Floats = NDArray[np.floating[Any]]
IMPUTATIONS = ("mean", "blur", "linear")
"""The collection's mean colour; the image's own blur, as in `attribution.fillers`; the noisy linear imputation from the
pixels left. The collection's mean is no filler of a single image, and the linear one depends on which pixels go."""

_NOISE = 0.01
"""Standard deviation of the noise on imputed pixels, as a share of the value range."""

_AT_ONCE = 2**22
"""Numbers that are imputed together, which bounds the memory; the work needs about ten arrays of this size."""


def mean_colour(images: Array) -> Array:
    """The mean colour of a collection as images of its shape, (images, height, width, channels).

    The result is a view of one colour, which takes no memory and must not be written to.
    """
    colour = images.mean(axis=(0, 1, 2), dtype=np.float64).astype(np.float32)
    return np.broadcast_to(colour, images.shape)


def noisy_linear(image: Array, removed: NDArray[np.bool_], value_range: tuple[float, float], seed: list[int]) -> Array:
    """One image with different pixels removed, each filled from its neighbours, with a little noise.

    The noise, 1 % of the value range, hides from the network that a smooth patch was put there.

    Args:
        image: (height, width, channels).
        removed: (patterns, height, width), true where the pixel is gone; at least one pixel is left in each.
        value_range: The model's darkest and brightest value.
        seed: Of the noise.

    Returns:
        float32 (patterns, height, width, channels).

    Source: ROAD, Rong et al. (2022), arXiv:2202.00449.
    """
    width = value_range[1] - value_range[0]
    noise = np.random.default_rng(seed).standard_normal(image.shape, dtype=np.float32) * np.float32(_NOISE * width)
    result = np.empty((len(removed), *image.shape), np.float32)
    step = max(1, _AT_ONCE // image.size)
    for start in range(0, len(removed), step):
        part = removed[start : start + step]
        filled = linear_imputation(np.broadcast_to(image, (len(part), *image.shape)), part, tolerance=0.01)
        result[start : start + step] = filled + part[..., None] * noise
    return result


def linear_imputation(images: Floats, removed: NDArray[np.bool_], *, tolerance: float) -> Floats:
    """Every removed pixel becomes the weighted mean of its eight neighbours, all at once.

    `x_i = sum_j w_ij x_j / sum_j w_ij` over the neighbours inside the image, 1/6 for those beside and 1/12 for those
    across a corner, where the pixels left stay as they are: a sparse, symmetric, positive definite system. Solved for
    all images at once by conjugate gradients, each step of which goes down to coarse grids and back (a multigrid
    cycle), so that wide holes take no more steps than narrow ones.

    Args:
        images: (images, height, width, channels).
        removed: (images, height, width), true where the pixel is gone; at least one is left in each image.
        tolerance: Where to stop: root mean square of the estimated error, as a share of the image's own spread.

    Returns:
        The images with removed pixels filled, in the images' precision.
    """
    if removed.all(axis=(1, 2)).any():
        raise ValueError("an image with every pixel removed has nothing to be filled from.")
    planes = np.ascontiguousarray(np.moveaxis(images, -1, 1))
    grids = _grids(removed, planes.dtype)
    gone = grids[0].gone
    filled = planes * (1 - gone) + gone * _guess(planes * (1 - gone), 1 - gone)
    count = np.maximum(removed.sum(axis=(1, 2)) * planes.shape[1], 1)
    goal = tolerance * (planes.std(axis=(1, 2, 3), dtype=np.float64) + 1e-12)
    residual = gone * (_neighbours(filled) - grids[0].degree * filled)
    search = np.zeros_like(filled)
    power = np.zeros(len(filled))
    while True:
        error = _cycle(residual, grids)
        active = np.sqrt(_dots(error, error) / count) > goal
        before, power = power, _dots(residual, error)
        search *= _per_image(np.where(active & (before > 0), power / np.where(before > 0, before, 1), 0), planes)
        search += error
        product = gone * (grids[0].degree * search - _neighbours(search))
        bend = _dots(search, product)
        step = _per_image(np.where(bend > 0, power / np.where(bend > 0, bend, 1), 0), planes)
        filled += step * search
        if not active.any():
            return np.ascontiguousarray(np.moveaxis(filled, 1, -1))
        residual -= step * product


@dataclass(frozen=True)
class _Grid:
    """One grid: where the unknowns are (images, 1, height, width), and the weight of the neighbours each has."""

    gone: Floats
    degree: Floats


def _grids(removed: NDArray[np.bool_], kind: np.dtype[Any]) -> list[_Grid]:
    """Coarser and coarser: a coarse cell is unknown where all four of its pixels are."""
    grids = []
    gone = removed[:, None].astype(kind)
    while gone.any() and min(gone.shape[2:]) > 1:
        grids.append(_Grid(gone, _neighbours(np.ones((1, 1, *gone.shape[2:]), kind))))
        gone = (_halved(1 - gone) == 0).astype(kind)
    return grids or [_Grid(gone, np.ones_like(gone[:1]))]


def _guess(values: Floats, weight: Floats) -> Floats:
    """Fill holes from means over larger and larger squares: the start."""
    if weight.all():
        return values
    weights = _halved(weight)
    coarse = _halved(values) / np.maximum(weights, 1)
    above = _guess(coarse, (weights > 0).astype(weight.dtype))
    height, width = values.shape[2:]
    return values + (1 - weight) * _doubled(above)[:, :, :height, :width]


def _cycle(residual: Floats, grids: Sequence[_Grid]) -> Floats:
    """About the error that leaves this residual: smooth, correct on the coarser grid, smooth again."""
    grid = grids[0]
    error = residual / grid.degree
    if len(grids) > 1:
        left = grid.gone * (residual - grid.degree * error + _neighbours(error))
        coarse = grids[1].gone * _gathered(left)
        height, width = residual.shape[2:]
        error += grid.gone * _doubled(_cycle(coarse, grids[1:]))[:, :, :height, :width]
    error += grid.gone * (residual + _neighbours(error) - grid.degree * error) / grid.degree
    return error


def _neighbours(planes: Floats) -> Floats:
    """The weighted sum of the eight neighbours; nothing comes from outside. ([1 2 1] x [1 2 1] - 4) / 12."""
    down = 2 * planes
    down[:, :, 1:] += planes[:, :, :-1]
    down[:, :, :-1] += planes[:, :, 1:]
    both = 2 * down
    both[..., 1:] += down[..., :-1]
    both[..., :-1] += down[..., 1:]
    both -= 4 * planes
    both *= 1 / 12
    return both


def _per_image(values: NDArray[np.float64], planes: Floats) -> Floats:
    return np.asarray(values[:, None, None, None], planes.dtype)


def _dots(a: Floats, b: Floats) -> NDArray[np.float64]:
    return np.asarray(np.einsum("nchw,nchw->n", a, b), np.float64)


def _halved(planes: Floats) -> Floats:
    """Sums over squares of 2x2; an odd last row or column stands for itself."""
    rows = planes[:, :, ::2].copy()
    rows[:, :, : planes.shape[2] // 2] += planes[:, :, 1::2]
    both = rows[..., ::2].copy()
    both[..., : planes.shape[3] // 2] += rows[..., 1::2]
    return both


def _doubled(planes: Floats) -> Floats:
    """Twice the size, linear between the middles of cells; the ends are flat."""
    for axis in (2, 3):
        cells = np.moveaxis(planes, axis, 0)
        fine = np.empty((len(cells), 2, *cells.shape[1:]), planes.dtype)
        fine[:] = 0.75 * cells[:, None]
        quarter = 0.25 * cells
        fine[1:, 0] += quarter[:-1]
        fine[0, 0] += quarter[0]
        fine[:-1, 1] += quarter[1:]
        fine[-1, 1] += quarter[-1]
        planes = np.moveaxis(fine.reshape(2 * len(cells), *cells.shape[1:]), 0, axis)
    return planes


def _gathered(planes: Floats) -> Floats:
    """The adjoint of `_doubled`: what each coarse cell gets from the pixels that it would give to."""
    for axis in (2, 3):
        cells = np.moveaxis(planes, axis, 0)
        if len(cells) % 2:
            cells = np.concatenate([cells, np.zeros_like(cells[:1])])
        fine = cells.reshape(len(cells) // 2, 2, *cells.shape[1:])
        first, second = fine[:, 0], fine[:, 1]
        total = 0.75 * (first + second)
        total[:-1] += 0.25 * first[1:]
        total[0] += 0.25 * first[0]
        total[1:] += 0.25 * second[:-1]
        total[-1] += 0.25 * second[-1]
        planes = np.moveaxis(total, 0, axis)
    return planes
