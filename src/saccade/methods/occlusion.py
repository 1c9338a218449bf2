"""Occlusion: cover a part, see how much of the code changes; exact and fast by tiling many holes into one picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from saccade.attribution.fillers import filled_with
from saccade.attribution.fillers import filler as filling
from saccade.attribution.method import Map, method
from saccade.attribution.scale import cell_size
from saccade.attribution.smoothing import gaussian_blur
from saccade.encoder import Encoder
from saccade.errors import InputError
from saccade.occlusion.scores import occlusion_scores
from saccade.occlusion.tiling import holes
from saccade.targets import Target
from saccade.typing import Array


@method(
    title="Occlusion",
    plain="cover and see: hide one patch after another; where hiding matters most, the picture glows",
    source="Zeiler and Fergus (2014), arXiv:1311.2901; sharing passes by receptive fields is ours",
    passes="about (field of a patch / step)² at any picture size, early layers in fewer; one per patch otherwise",
    together=True,
)
def occlusion(
    encoder: Encoder,
    images: Array,
    targets: Sequence[Target],
    *,
    patch: int | tuple[int, int] | None = None,
    stride: int | tuple[int, int] | None = None,
    filler: str | float = "blur",
    blur: float | None = None,
    low_pass: float | None = None,
    tiled: bool = True,
) -> list[Map]:
    """How much does each target change when this place is covered?

    For each hole h: m(h) = change of the target between x and x with h filled; a pixel shows the mean of the holes over
    it. For the whole code the change is |f(x') - f(x)|² / |f(x)|², the share of the code that changes.

    Args:
        encoder: The model and its code.
        images: (images, height, width, channels).
        targets: What is explained; all of them are scored on the same covered pictures.
        patch: Side of a hole in pixels; by default one code cell.
        stride: Step between holes in pixels; by default half a patch.
        filler: What the hole shows: `"blur"` (the picture's own blur: nothing new is painted in), `"local_mean"` (the
            mean of the patch-sized neighbourhood of each pixel), `"mean"` (the picture's mean colour), `"black"`,
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
        InputError: A patch that does not fit the picture, a stride below 1.
        UnknownName: No such filler.
    """
    size = (images.shape[1], images.shape[2])
    together: dict[tuple[tuple[int, int], tuple[int, int]], list[int]] = {}
    for number, target in enumerate(targets):
        side = _pair(patch, cell_size(encoder, size, target), "patch")
        step = _pair(stride, (max(1, side[0] // 2), max(1, side[1] // 2)), "stride")
        if side[0] > size[0] or side[1] > size[1]:
            raise InputError(
                f"a patch of {side[0]}x{side[1]} px does not fit into a picture of {size[0]}x{size[1]} px."
            )
        together.setdefault((side, step), []).append(number)
    maps: dict[int, Map] = {}
    for (side, step), numbers in together.items():
        width = float(max(side)) if blur is None else blur
        fixed = {"filler": filling(encoder, images, filler, patch=side, blur=width)}
        where = holes(size, side, step)
        found, said = occlusion_scores(
            encoder, images, [targets[number] for number in numbers], where, fixed, tiled=tiled
        )
        sigma = min(step) / 2 if low_pass is None else low_pass
        notes = [
            f"holes of {side[0]}x{side[1]} px every {step[0]}x{step[1]} px, filled with {filled_with(filler, width)}"
        ]
        notes += said
        notes += [f"smoothed with {sigma:g} px for the view"] if sigma else []
        for number, scores in zip(numbers, found, strict=True):
            target = targets[number]
            loss = scores.before[:, None, None] - scores.after
            values = -loss if target.counts_increase else loss
            maps[number] = Map(
                values=gaussian_blur(where.spread(values), sigma),
                raw=values.astype(np.float32),
                units=target.occlusion_units,
                signed=not target.counts_increase,
                notes=tuple(notes),
                settings={
                    "patch": side,
                    "stride": step,
                    "filler": filler,
                    "blur": width if filler == "blur" else None,
                    "low_pass": sigma,
                    "tiled": scores.passes < where.count,
                    "passes": scores.passes,
                    "stages": {stage.layer: stage.plan.passes for stage in scores.stages},
                    "holes": where.count,
                },
                scores={"score": scores.before},
            )
    return [maps[number] for number in range(len(targets))]


def _pair(given: int | tuple[int, int] | None, default: tuple[int, int], name: str) -> tuple[int, int]:
    if given is None:
        return default
    pair = (given, given) if isinstance(given, int) else (int(given[0]), int(given[1]))
    if min(pair) < 1:
        raise InputError(f"{name}={given}: give 1 pixel or more.")
    return pair
