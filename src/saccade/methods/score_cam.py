"""Score-CAM: the feature maps of a layer, each weighted by what the target regains when only its places are seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.feature_layer import FeatureLayer, feature_layer
from saccade.attribution.fillers import FillerName, filler_images, filler_in_words
from saccade.attribution.flat_maps import unchanged
from saccade.attribution.masks import linear
from saccade.attribution.method import method
from saccade.attribution.scale import cell_size
from saccade.attribution.weighted_channels import is_centred, weighted_channels
from saccade.errors import UnknownName
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.targets.paths import MASKED, ArrayPoints, Path
from saccade.typing import Array, Tensor

WHAT_IS_MASKED = ("picture", "layer")
_FLAT = 1e-5
"""A channel that varies by less than this share of its size has no shape to look through."""


@method(
    title="Score-CAM",
    summary="look through each learned pattern as through a stencil: those that show enough of the picture light up",
    source="Wang et al. (2020), arXiv:1910.01279, with signed weights in place of a softmax",
    cost='1 forward up to the layer; what comes after it once per channel; with masked="picture" all of it',
    together=True,
)
def score_cam(
    run: Run,
    images: Array,
    targets: Sequence[Target],
    *,
    at: str | None = None,
    masked: str = "layer",
    filler: FillerName | float = "blur",
    blur: float | None = None,
    softmax: bool = False,
    centred: bool | None = None,
    positive: bool = False,
) -> list[Map]:
    """Where are the feature maps through which one sees what matters?

    m[u] = sum over channels k of w[k] A[u, k],  w[k] = target(z0 + M[k] (z - z0)) - target(z0),
    M[k] = (A[k] - min A[k]) / (max A[k] - min A[k]). z is the layer itself, or with `masked="picture"` the image,
    over which M[k] is then spread linearly; z0 is the same for the filler.

    For the whole code the target is minus the share of it that differs from the image's own code. The paper puts the
    weights through a softmax over the channels, which makes them all positive, and nearly all alike where the target
    is a small number; here they stay as they are, with their signs, unless `softmax`. A channel without shape weighs 0.

    Settings:
        targets: What is explained, each with a map of its own, all from the same passes.
        at: The layer whose feature maps are weighted; by default the last before the code with a finer grid.
        masked: What is looked at through the feature map: the `"layer"` itself, whose values give way to those it has
            for the filler, so that only what comes after it is computed again; or the `"picture"` as in the paper, one
            whole forward per channel. On photographs, with the layer by default, both give the same order of places
            (rank correlation 0.98 to 1.00); for a layer further from the code the paper's form is the truer one.
        filler: What the covered rest shows: `"blur"`, `"local_mean"`, `"mean"`, `"black"` (the paper's), `"grey"`,
            `"white"`, or a pixel value.
        blur: Standard deviation in pixels of the blurred filler; by default one code cell.
        softmax: Weigh by the softmax over the channels as in the paper.
        positive: Cut negative values off as in the paper.

    Returns:
        For each target a signed map on the layer's own grid; `raw` is each channel's part (images, rows, columns,
        channels).

    Raises:
        UnknownName: No such layer, filler, or thing to mask.
        NotApplicable: The layer has no places, or what is explained is not computed from it.
    """
    if masked not in WHAT_IS_MASKED:
        raise UnknownName.of("choice for masked", masked, WHAT_IS_MASKED)
    if masked == "layer":
        run.require("taps", what='score_cam with masked="layer"')
    run.expect(0)
    layer = feature_layer(run, images, targets, at)
    run.expect(len(images) * ((3 if masked == "picture" else 4) + layer.channels))
    cell = cell_size(run.encoder, (images.shape[1], images.shape[2]), targets[0])
    width = float(max(cell)) if blur is None else blur
    fillers = filler_images(images, filler, value_range=run.encoder.value_range, blur=width, neighbourhood=cell)
    values = run.activations(images, [layer.path])[layer.path]
    activations = layer.cells(values)
    shapes, has_shape = _shapes(activations)
    if masked == "picture":
        all_scores = _scores(run, images, targets, layer, shapes, fillers, None)
    else:
        all_scores = _scores(
            run, images, targets, layer, shapes, run.activations(fillers, [layer.path])[layer.path], layer.path
        )
    note = (
        f"the {masked} seen through each of {layer.channels} channels, the rest from {filler_in_words(filler, width)}"
    )
    maps = []
    for target, scores in zip(targets, all_scores, strict=True):
        gain = np.where(has_shape.T, scores[0] - scores[1:] if target.counts_increase else scores[1:] - scores[0], 0.0)
        weights = _softmax(gain, has_shape.T) if softmax else gain
        less_mean = is_centred(centred, target)
        maps.append(
            weighted_channels(
                activations * weights.T.astype(np.float32)[:, None, None],
                activations=activations,
                layer=layer,
                units="activation, weighted by what is regained of the target when its places alone are seen",
                flat=unchanged(gain, scores[0], target),
                why_flat=f"looking through no channel of {layer.path} makes a difference",
                centred=less_mean,
                positive=positive,
                notes=(note,),
                settings={
                    "masked": masked,
                    "filler": filler,
                    "blur": width if filler == "blur" else None,
                    "softmax": softmax,
                    "centred": less_mean,
                },
                scores={"flat_channels": (~has_shape).sum(axis=1).astype(np.float64)},
            )
        )
    return maps


def _shapes(activations: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Every feature map between 0 and 1, (images, rows, columns, channels), and which have any shape at all."""
    low, high = activations.min(axis=(1, 2), keepdims=True), activations.max(axis=(1, 2), keepdims=True)
    span = high - low
    has_shape = span > _FLAT * np.maximum(np.abs(low), np.abs(high))
    return np.where(has_shape, (activations - low) / np.where(has_shape, span, 1), 0), has_shape[:, 0, 0]


def _scores(
    run: Run,
    images: Array,
    targets: Sequence[Target],
    layer: FeatureLayer,
    shapes: Array,
    fillers: Array,
    at: str | None,
) -> list[NDArray[np.float64]]:
    """Each target for the filler and for what is seen through each channel, (1 + channels, images)."""
    objectives = run.objectives(images, targets)
    by_target = [np.empty((1 + layer.channels, len(images))) for _ in targets]
    rows, columns = (linear(images.shape[1 + axis], layer.grid[axis]) for axis in (0, 1))
    for number in range(len(images)):
        # A stencil belongs to one image and one channel, so each image has points of its own.
        grid = np.concatenate([np.zeros((1, *layer.grid), np.float32), shapes[number].transpose(2, 0, 1)])
        if at is None:
            points = {
                "grid": grid,
                "rows": np.broadcast_to(rows, (len(grid), *rows.shape)),
                "columns": np.broadcast_to(columns.T, (len(grid), *columns.T.shape)),
            }
        else:
            # Special tokens are no part of a feature map, so they give way too.
            points = {"stencil": layer.places.join(grid[..., None], (*fillers.shape[1:-1], 1))}
        this_image = slice(number, number + 1)
        own = [objective.select(this_image) for objective in objectives]
        path = MASKED if at is None else SEEN_AT_LAYER
        scores = run.score(images[this_image], own, path, ArrayPoints(points), {"filler": fillers[this_image]}, at=at)
        for column, image_scores in zip(by_target, scores, strict=True):
            column[:, number] = image_scores[:, 0]
    return by_target


def _softmax(gain: NDArray[np.float64], counted: NDArray[np.bool_]) -> NDArray[np.float64]:
    raised = np.where(counted, np.exp(gain - gain.max(axis=0)), 0)
    return np.asarray(raised / np.maximum(raised.sum(axis=0), 1e-300))


def _seen_at_layer(values: Tensor, fixed: Mapping[str, Tensor], points: Mapping[str, Tensor]) -> Tensor:
    return fixed["filler"][None] + points["stencil"][:, None] * (values - fixed["filler"])[None]


SEEN_AT_LAYER = Path("layer seen through a stencil", _seen_at_layer)
"""A layer's values where the stencil is 1, the fixed `filler` where it is 0; points `stencil` (points, ..., 1)."""
