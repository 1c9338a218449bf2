"""Occlusion: cover a part, see how much of the code changes; exact and fast by tiling many holes into one image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.fillers import FillerName, filler_images, filler_in_words
from saccade.attribution.method import method
from saccade.attribution.scale import cell_size
from saccade.attribution.smoothing import smoothed
from saccade.engines import Cheaper
from saccade.errors import InputError
from saccade.occlusion.scores import OcclusionScores, occlusion_scores, passes_of
from saccade.occlusion.tiling import Holes, holes
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.typing import Array

_ROUNDING = 1e-10
"""Shares below this are what float32 makes of no change at all."""


@method(
    title="Occlusion",
    summary="cover and see: hide one patch after another; where hiding matters most, the picture glows",
    source="Zeiler and Fergus (2014), arXiv:1311.2901; sharing passes by receptive fields is ours",
    cost="about (field of a patch / step)² at any picture size, early layers in fewer; one per patch otherwise",
    together=True,
)
def occlusion(
    run: Run,
    images: Array,
    targets: Sequence[Target],
    *,
    patch: int | tuple[int, int] | None = None,
    stride: int | tuple[int, int] | None = None,
    filler: FillerName | float = "blur",
    blur: float | None = None,
    low_pass: float | None = None,
    tiled: bool = True,
) -> list[Map]:
    """How much does each target change when this place is covered?

    For each hole h: m(h) = change of the target between x and x with h filled; a pixel shows the mean of the holes over
    it. For the whole code the change is |f(x') - f(x)|² / |f(x)|², a share of the code's square, whose root
    is how far the code moves as a share of its length.

    Settings:
        targets: What is explained; all of them are scored on the same covered images.
        patch: Side of a hole in pixels; by default one code cell.
        stride: Step between holes in pixels; by default half a patch.
        filler: What the hole shows: `"blur"` (the image's own blur: nothing new is painted in), `"local_mean"` (the
            mean of the patch-sized neighbourhood of each pixel), `"mean"` (the image's mean colour), `"black"`,
            `"grey"`, `"white"`, or a pixel value. A constant lights up whatever differs from it, such as a bare wall.
        blur: Standard deviation in pixels of the blurred filler; by default one patch.
        low_pass: Standard deviation in pixels of the smoothing of the view; by default half a stride, which hides the
            edges of the holes and nothing else. 0 shows the mean of the holes over each pixel as it is.
        tiled: Let many holes share a pass where receptive fields allow it: all the way to the code, or up to a layer
            before it. The result is the same; a few holes are always computed both ways and compared.

    Returns:
        For each target a map per pixel; `raw` is (images, hole rows, hole columns). Unsigned for the whole code,
        signed otherwise.

    Raises:
        InputError: A patch that does not fit the image, a stride below 1.
        UnknownName: No such filler.
    """
    size = (images.shape[1], images.shape[2])
    grids: dict[tuple[tuple[int, int], tuple[int, int]], list[int]] = {}
    for number, target in enumerate(targets):
        side = _pair(patch, cell_size(run.encoder, size, target), "patch")
        step = _pair(stride, (max(1, side[0] // 2), max(1, side[1] // 2)), "stride")
        if side[0] > size[0] or side[1] > size[1]:
            raise InputError(f"a patch of {side[0]}x{side[1]} px does not fit into an image of {size[0]}x{size[1]} px.")
        grids.setdefault((side, step), []).append(number)
    maps: dict[int, Map] = {}
    for (side, step), numbers in grids.items():
        width = float(max(side)) if blur is None else blur
        hidden = filler_images(images, filler, value_range=run.encoder.value_range, blur=width, neighbourhood=side)
        holes_on_grid = _HolesOnGrid(
            targets=[targets[number] for number in numbers],
            where=holes(size, side, step),
            settings={
                "patch": side,
                "stride": step,
                "filler": filler,
                "blur": width if filler == "blur" else None,
                "low_pass": min(step) / 2 if low_pass is None else low_pass,
            },
            filled=filler_in_words(filler, width),
        )
        run.cheapening = partial(_larger_holes, run, holes_on_grid, explicit_stride=stride is not None)
        scores, notes = occlusion_scores(
            run,
            images,
            holes_on_grid.targets,
            holes_on_grid.where,
            {"filler": hidden},
            tiled=tiled,
            # Targets on several grids are computed one grid after the other, so no partial result has all of them.
            on_scores=run.on_refined(holes_on_grid.maps_so_far) if len(grids) == 1 else None,
        )
        maps.update(zip(numbers, holes_on_grid.maps(scores, notes), strict=True))
    return [maps[number] for number in range(len(targets))]


@dataclass(frozen=True)
class _HolesOnGrid:
    """Targets that are explained with the same holes."""

    targets: list[Target]
    where: Holes
    settings: Mapping[str, Any]
    filled: str

    @property
    def is_blur(self) -> bool:
        """Do the holes show the image's own blur?"""
        return bool(self.settings["filler"] == "blur")

    def maps(self, scores: Sequence[OcclusionScores], notes: Sequence[str] = ()) -> list[Map]:
        """A map for each target."""
        return [self._map(target, own, notes) for target, own in zip(self.targets, scores, strict=True)]

    def maps_so_far(self, _: int, scores: Callable[[], list[OcclusionScores]]) -> list[Map]:
        """A map for each target, from the holes that are done."""
        return self.maps(scores())

    def _map(self, target: Target, scores: OcclusionScores, notes: Sequence[str]) -> Map:
        loss = scores.before[:, None, None] - scores.after
        values = -loss if target.counts_increase else loss
        if target.occlusion_units.is_share:
            values = np.where(np.abs(values) > _ROUNDING, values, 0.0)
        (height, width), (down, across) = self.settings["patch"], self.settings["stride"]
        sigma = self.settings["low_pass"]
        return Map(
            values=self.where.spread(values, _smoothed_shares(self.where, sigma)),
            raw=values.astype(np.float32),
            units=f"{target.occlusion_units} when this is covered",
            is_share=target.occlusion_units.is_share,
            signed=not target.counts_increase,
            notes=(
                f"holes of {height}x{width} px every {down}x{across} px, filled with {self.filled}",
                *(("dark: its own blur changes little there, as on any plain surface",) if self.is_blur else ()),
                *(("squared: at 1 % the code moves by 10 % of its length",) if target.kind == "code" else ()),
                *notes,
                *((f"smoothed with {sigma:g} px for the view",) if sigma else ()),
            ),
            settings={
                **self.settings,
                "tiled": scores.passes < self.where.count,
                "passes": scores.passes,
                "stages": {stage.layer: stage.plan.passes for stage in scores.stages},
                "holes": self.where.count,
            },
            scores={"score": scores.before},
        )


@lru_cache(maxsize=8)
def _smoothed_shares(where: Holes, sigma: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What holes add to the rows and columns of a map that is smoothed."""
    down, across = (smoothed(share, sigma).astype(np.float64) for share in where.shares())
    return down, across


def _larger_holes(run: Run, holes_on_grid: _HolesOnGrid, *, explicit_stride: bool) -> list[Cheaper]:
    """Larger holes in larger steps, and the share of the passes that they take."""
    where = holes_on_grid.where
    (height, width), (down, across) = where.patch, holes_on_grid.settings["stride"]
    passes = passes_of(run, holes_on_grid.targets, where)
    choices = []
    for times in (2, 4, 8):
        patch, stride = (height * times, width * times), (down * times, across * times)
        if patch[0] > where.size[0] // 2 or patch[1] > where.size[1] // 2:
            break
        settings = {"patch": patch[0] if height == width else patch}
        if explicit_stride:
            settings["stride"] = stride[0] if down == across else stride
        larger = holes(where.size, patch, stride if explicit_stride else (patch[0] // 2, patch[1] // 2))
        choices.append(Cheaper(settings, passes_of(run, holes_on_grid.targets, larger) / passes))
    return choices


def _pair(size: int | tuple[int, int] | None, default: tuple[int, int], name: str) -> tuple[int, int]:
    if size is None:
        return default
    pair = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
    if min(pair) < 1:
        raise InputError(f"{name}={size}: give 1 pixel or more.")
    return pair
