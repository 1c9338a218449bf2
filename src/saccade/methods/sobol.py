"""Sobol indices: which part of what covering does to the code is due to which place, alone or together with others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.covering import blur_of
from saccade.attribution.fillers import FillerName, filler_images, filler_in_words
from saccade.attribution.masks import cells_of, linear
from saccade.attribution.method import method
from saccade.attribution.smoothing import gaussian_blur
from saccade.errors import InputError
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.targets.paths import MASKED, Arrays
from saccade.typing import Array


@method(
    title="Sobol indices",
    summary="dim all places by chance; each place gets its share of the ups and downs, alone and together with others",
    source="Fel et al. (2021), arXiv:2111.04138; estimators: Jansen (1999)",
    cost="one forward per design and cell, and two more per design, for all targets together",
    together=True,
)
def sobol(
    run: Run,
    images: Array,
    targets: Sequence[Target],
    *,
    cells: int = 8,
    designs: int = 32,
    filler: FillerName | float = "blur",
    blur: float | None = None,
    low_pass: float | None = None,
    seed: int = 0,
) -> list[Map]:
    """Which share of the target's variance under random dimming is due to this place?

    The image is split into a grid; cell k shows m_k of the image and 1 - m_k of the filler, with m_k uniform in
    0..1 and linear between the middles of the cells. With s the target as for covering, A and B two designs and AB_k
    design A with the k-th cell from B (estimators of Jansen 1999):

        total index  T_k = mean over designs of (s(A) - s(AB_k))² / 2 / Var(s)
        first order  S_k = 1 - mean over designs of (s(B) - s(AB_k))² / 2 / Var(s)

    T_k counts what the cell does alone and together with others, S_k alone; T_k - S_k is what it does together only.
    The designs are a seeded Latin hypercube over both halves (McKay, Beckman and Conover 1979): each of `designs`
    equal slices of 0..1 is used once by every cell. The numerators stay unbiased with it, and unlike a Sobol sequence
    it needs no table of numbers and no power of two.

    Settings:
        cells: Cells of the grid along the shorter side of the image.
        designs: How many random dimmings A, at least 4; there are designs * (cells in all + 2) forwards.
        filler: What dimmed places fade into; as in `occlusion`.
        blur: Standard deviation in pixels of the blurred filler; by default one cell of the grid.
        low_pass: Standard deviation in pixels of the smoothing of the view; by default a quarter of a cell, which
            rounds the corners of the linear spread.
        seed: Fixes the designs.

    Returns:
        For each target an unsigned map per pixel, the total index, linear between the middles of the cells. `raw` is
        (images, 2, cell rows, cell columns): total index and first order, as estimated (the first order of a place that
        does nothing may come out a little below 0). `scores` give the variance and the standard error of the total
        index (the median over cells). Where nothing varies the indices are 0.

    Raises:
        InputError: Too few designs or cells.
        UnknownName: No such filler.
    """
    if designs < 4:
        raise InputError(f"designs={designs}: give 4 or more; fewer say nothing about a variance.")
    size = (images.shape[1], images.shape[2])
    grid = cells_of(size, cells)
    width = blur_of(grid, size) if blur is None else blur
    cell = (size[0] // grid[0], size[1] // grid[1])
    halves = latin_hypercube(seed, designs, 2 * grid[0] * grid[1]).reshape(designs, 2, *grid).swapaxes(0, 1)
    points = Designs(halves, linear(size[0], grid[0]), linear(size[1], grid[1]))
    hidden = filler_images(images, filler, value_range=run.encoder.value_range, blur=width, neighbourhood=cell)
    settings = {
        "cells": grid,
        "filler": filler,
        "blur": width if filler == "blur" else None,
        "low_pass": min(size[0] / grid[0], size[1] / grid[1]) / 4 if low_pass is None else low_pass,
        "seed": seed,
    }
    filled = f"dimmed places fade into {filler_in_words(filler, width)}"

    def maps(done: int, scores: list[NDArray[np.float64]]) -> list[Map]:
        complete_designs = done // points.each
        used = replace(points, halves=halves[:, :complete_designs])
        return [
            _map(target, own[: len(used)], used, filled, {"designs": complete_designs, "passes": len(used), **settings})
            for target, own in zip(targets, scores, strict=True)
        ]

    run.expect(len(images) * (1 + len(points)))
    run.takes_less_with("designs", designs, least=4)
    refined = run.on_refined(maps)

    def on_scores(done: int, own: list[NDArray[np.float64]]) -> None:
        if refined is not None and done >= 4 * points.each:  # fewer designs say nothing about a variance
            refined(done, own)

    scores = run.score(
        images,
        run.objectives(images, targets),
        MASKED,
        points,
        {"filler": hidden},
        on_scores=None if refined is None else on_scores,
    )
    return maps(len(points), scores)


@dataclass(frozen=True)
class Designs:
    """Grids for Sobol indices: for each design A, B, and A with one cell after the other from B.

    Attributes:
        halves: (2, designs, cell rows, cell columns): all A, all B, in 0..1.
        rows: (height, cell rows), how cells spread over the image's rows.
        columns: (width, cell columns), how they spread over its columns.
    """

    halves: Array
    rows: Array
    columns: Array

    @property
    def each(self) -> int:
        """How many grids belong to one design."""
        return int(np.prod(self.halves.shape[2:])) + 2

    def __len__(self) -> int:
        """How many grids there are."""
        return int(self.halves.shape[1]) * self.each

    def take(self, start: int, stop: int) -> Arrays:
        """The grids from `start` up to `stop`, as the points of the path MASKED."""
        design, which = np.divmod(np.arange(start, stop), self.each)
        first, second = self.halves.reshape(2, self.halves.shape[1], -1)[:, design]
        from_second = (which[:, None] == 1) | (which[:, None] - 2 == np.arange(self.each - 2))
        steps = len(which)
        return {
            "rows": np.repeat(self.rows[None], steps, axis=0),
            "grid": np.where(from_second, second, first).reshape(steps, *self.halves.shape[2:]),
            "columns": np.repeat(self.columns.T[None], steps, axis=0),
        }


def latin_hypercube(seed: int, designs: int, variables: int) -> Array:
    """Points of which every variable uses each of `designs` equal slices of 0..1 once; (designs, variables)."""
    random = np.random.default_rng(seed)
    slices = random.permuted(np.tile(np.arange(designs), (variables, 1)), axis=1).T
    return ((slices + random.random((designs, variables))) / designs).astype(np.float32)


@dataclass(frozen=True)
class Indices:
    """Sobol indices of every cell: total and first order (images, cells), their error, and the variance (images,)."""

    total: NDArray[np.float64]
    first: NDArray[np.float64]
    error: NDArray[np.float64]
    variance: NDArray[np.float64]


def jansen(scores: NDArray[np.float64]) -> Indices:
    """The estimators of Jansen (1999).

    Args:
        scores: (designs, 2 + cells, images): for each design the score of A, of B, of A with each cell from B.
    """
    designs = len(scores)
    first, second, mixed = scores[:, 0], scores[:, 1], scores[:, 2:]
    variance = np.concatenate([first, second]).var(axis=0, ddof=1)
    # Below this share of the scores' own size, or of 1 for shares near 0, differences are float32's rounding.
    living = variance > np.maximum(1e-6 * np.abs(scores).max(axis=(0, 1)), 1e-12) ** 2
    share = np.where(living, 1 / np.where(living, variance, 1), 0)[:, None]
    moved = (first[:, None] - mixed) ** 2 / 2
    left = (second[:, None] - mixed) ** 2 / 2
    total = moved.mean(axis=0).T * share
    alone = living[:, None] - left.mean(axis=0).T * share
    error = moved.std(axis=0, ddof=1).T * share / designs**0.5
    return Indices(total, alone, error, variance)


def _map(target: Target, scores: NDArray[np.float64], points: Designs, filled: str, settings: dict[str, Any]) -> Map:
    designs, rows, columns = points.halves.shape[1:]
    indices = jansen(scores.reshape(designs, points.each, -1))
    grids = np.stack([indices.total, indices.first], axis=1).reshape(-1, 2, rows, columns)
    error = np.median(indices.error, axis=1)
    sigma = settings["low_pass"]
    return Map(
        values=gaussian_blur((points.rows @ grids[:, 0] @ points.columns.T).astype(np.float32), sigma),
        raw=grids.astype(np.float32),
        grid=(rows, columns),
        units=f"share of the variance of the {target.occlusion_units} in which this place takes part",
        is_share=True,
        signed=False,
        notes=(
            filled,
            f"{rows}x{columns} cells, linear between their middles"
            + (f" and smoothed with {sigma:.3g} px for the view" if sigma else ""),
            f"{designs} designs; standard error of a cell about {np.median(error):.2g}",
        ),
        settings=settings,
        scores={"variance": indices.variance, "standard_error": error},
    )
