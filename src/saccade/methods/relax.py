"""RELAX: what places matter for the code, by random masks, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.covering import blur_of
from saccade.attribution.fillers import FillerName, filler_images, filler_in_words
from saccade.attribution.masks import RandomMasks, cells_of
from saccade.attribution.method import method
from saccade.errors import InputError
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import COSINE, Quantity, Target
from saccade.targets.paths import MASKED
from saccade.typing import Array

_SAMPLED = 16
"""Places along each axis at which the standard error is worked out; every pixel would need every full-size mask."""

_SURE = 0.9
"""The share of the runs that must agree; eight fair coins all show heads once in 256 throws."""


@method(
    title="RELAX",
    summary="hide random patches a thousand times; what is visible whenever the code stays itself, glows",
    source="Wickstrøm et al. (2023), arXiv:2112.10161; sure and unsure: REPEAT, Wickstrøm et al. (2025)",
    cost="one forward per mask, for all targets together",
    together=True,
)
def relax(
    run: Run,
    images: Array,
    targets: Sequence[Target],
    *,
    masks: int = 1024,
    cells: int = 7,
    keep: float = 0.5,
    repeats: int = 8,
    filler: FillerName | float = "blur",
    blur: float | None = None,
    seed: int = 0,
) -> list[Map]:
    """How alike does the code stay, on average, while this place is visible? And how sure is that?

    With masks M_n as in RISE (coarse random grids, linearly enlarged, moved by chance) and the similarity
    s_n = s(f(x), f(x * M_n + filler * (1 - M_n))):

        importance   R = sum_n M_n s_n / sum_n M_n
        uncertainty  U = sum_n M_n (s_n - R)² / sum_n M_n
        sureness     p = share of `repeats` runs in which the importance is above the run's own mean (REPEAT):
                     surely important from 0.9, surely not up to 0.1

    For the whole code s is the cosine with the unchanged image's code; other targets bring their own measure. The map
    drawn is R minus the mean of s over all masks: 0 where it makes no difference whether the place is visible. With
    `keep` 0.5 masks come in balanced blocks (`RandomMasks`). Each mask alone is uniformly random and every pixel is
    visible in exactly half of a block, so R stays unbiased (it even loses the bias of a ratio) with much less error. U
    is biased only by the error of R. Both are sums about the mean of s, in float64.

    Settings:
        masks: How many masks in all; the published method uses 3,000 independent ones. Best is a multiple of the
            block's size, 128 for 7 cells.
        cells: Cells of the random grid along the shorter side of the image; 7 is meant for about 224 px.
        keep: Probability that a cell stays visible.
        repeats: Runs into which the masks are cut for the sureness, at least two masks each. REPEAT itself makes 10
            runs of the full size: `masks=30000, repeats=10`.
        filler: What hidden places show; as in `occlusion`.
        blur: Standard deviation in pixels of the blurred filler; by default one cell of the random grid.
        seed: Fixes the masks.

    Returns:
        For each target a signed map per pixel. `raw` is (images, 3, height, width): importance R, uncertainty U (the
        variance of s while the place is visible) and sureness p. `scores` give the mean of s, and the standard error
        of the map (the median over places).

    Raises:
        InputError: Too few masks or cells, or a `keep` that is not between 0 and 1.
        UnknownName: No such filler.
    """
    size = (images.shape[1], images.shape[2])
    _check(masks, repeats, keep)
    grid = cells_of(size, cells)
    width = blur_of(grid, size) if blur is None else blur
    cell = (size[0] // grid[0], size[1] // grid[1])
    drawn = RandomMasks(seed, masks, size, grid, keep)
    hidden = filler_images(images, filler, value_range=run.encoder.value_range, blur=width, neighbourhood=cell)
    similarities = [_similarity(target) for target in targets]
    settings = {
        "cells": grid,
        "keep": keep,
        "filler": filler,
        "blur": width if filler == "blur" else None,
        "seed": seed,
    }
    filled = f"hidden places are filled with {filler_in_words(filler, width)}"

    def maps(done: int, scores: list[NDArray[np.float64]]) -> list[Map]:
        # Runs are compared only once all masks are there.
        used = {"masks": done, "repeats": repeats if done == masks else 1, **settings}
        return [
            _map(
                similarity, -own if similarity.target.counts_increase else own, replace(drawn, masks=done), filled, used
            )
            for similarity, own in zip(similarities, scores, strict=True)
        ]

    run.expect(len(images) * (1 + masks))
    run.takes_less_with("masks", masks, least=2 * repeats)
    objectives = run.objectives(images, [similarity.target for similarity in similarities])
    scores = run.score(images, objectives, MASKED, drawn, {"filler": hidden}, on_scores=run.on_refined(maps))
    return maps(masks, scores)


@dataclass(frozen=True)
class _Similarity:
    """What is scored for a target, and how that is called."""

    target: Target
    units: str


def _similarity(target: Target) -> _Similarity:
    if target.kind == "code":
        quantity = Quantity("cosine similarity with the whole image's code")
        alike = replace(target, occlusion_measure=COSINE, occlusion_units=quantity, counts_increase=False)
        return _Similarity(alike, f"{quantity}, gained while this is visible")
    return _Similarity(target, f"{target.occlusion_units}, spared while this is visible")


def _map(
    similarity: _Similarity, scores: NDArray[np.float64], drawn: RandomMasks, filled: str, settings: dict[str, Any]
) -> Map:
    """From the scores (masks, images) to the map; the masks are never made."""
    repeats = settings["repeats"]
    mean = scores.mean(axis=0)
    centred = scores - mean
    visible = np.maximum(drawn.weighted(np.ones((len(drawn), 1)))[0], 1e-12)  # a few masks may never show a pixel
    importance = drawn.weighted(centred) / visible
    uncertainty = np.maximum(drawn.weighted(centred**2) / visible - importance**2, 0)
    sureness = _sureness(centred, drawn, repeats)
    error = _standard_error(centred, drawn)
    raw = np.stack([importance + mean[:, None, None], uncertainty, sureness], axis=1)
    notes = [
        filled,
        f"{len(drawn):,} masks; standard error of a place about {np.median(error):.2g}",
        f"0 is the mean over all masks ({', '.join(f'{each:.3g}' for each in mean[:3])}{', ...' * (len(mean) > 3)})",
    ]
    if repeats > 1:
        sure, never = (sureness >= _SURE).mean(), (sureness <= 1 - _SURE).mean()
        notes.append(
            f"{100 * sure:.0f} % of the places surely important, {100 * never:.0f} % surely not, the others unsure: "
            f"{100 * _SURE:.0f} % of {repeats} runs of {len(drawn) // repeats:,} masks must agree"
        )
    return Map(
        values=importance.astype(np.float32),
        raw=raw.astype(np.float32),
        grid=(raw.shape[2], raw.shape[3]),
        units=similarity.units,
        signed=True,
        notes=tuple(notes),
        settings=settings,
        scores={"mean": mean, "standard_error": error},
    )


def _sureness(centred: NDArray[np.float64], drawn: RandomMasks, repeats: int) -> NDArray[np.float64]:
    """In which share of the runs does each place lie above the run's mean? (images, height, width)."""
    above = np.zeros((centred.shape[1], *drawn.size))
    starts = [number * len(drawn) // repeats for number in range(repeats + 1)]
    for start, stop in pairwise(starts):
        run = centred[start:stop] - centred[start:stop].mean(axis=0)
        visibility = drawn.weighted(np.ones((stop - start, 1)), start)[0]
        values = drawn.weighted(run, start) / np.maximum(visibility, 1e-12)
        above += values > values.mean(axis=(1, 2), keepdims=True)
    return above / repeats


def _standard_error(centred: NDArray[np.float64], drawn: RandomMasks) -> NDArray[np.float64]:
    """The standard error of importance minus mean, as the median over a lattice of places; (images,).

    By the linear expansion of the ratio. The masks of a block err together and are added up first; with fewer than four
    blocks each mask counts by itself, which is too large rather than too small.
    """
    rows, columns = (np.linspace(0, side - 1, min(side, _SAMPLED)).round().astype(int) for side in drawn.size)
    masks = drawn.at(rows, columns).astype(np.float64)
    shares = masks * (len(drawn) / np.maximum(masks.sum(axis=0), 1e-12))  # a few masks may never show a pixel
    block = drawn.block if len(drawn) >= 4 * drawn.block else 1
    firsts = np.arange(0, len(drawn), block)
    lost = len(firsts) / (len(firsts) - 1)  # the mean is taken from the same few blocks
    error = []
    for scores in centred.T:
        column = scores[:, None, None]
        difference = (shares * column).mean(axis=0)
        each = np.add.reduceat(shares * (column - difference) - column, firsts, axis=0) / len(drawn)
        error.append(float(np.median(np.sqrt(lost * (each**2).sum(axis=0)))))
    return np.array(error)


def _check(masks: int, repeats: int, keep: float) -> None:
    if repeats < 1:
        raise InputError(f"repeats={repeats}: give 1 or more; 1 asks for no sureness.")
    if masks < 2 * repeats:
        raise InputError(
            f"masks={masks} cannot be cut into {repeats} runs of at least 2 masks; give masks={2 * repeats} or more, "
            "or fewer repeats."
        )
    if not 0 < keep < 1:
        raise InputError(f"keep={keep:g}: give a probability between 0 and 1, both excluded; 0.5 hides half.")
