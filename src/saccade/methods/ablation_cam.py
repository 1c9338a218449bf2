"""Ablation-CAM: the feature maps of a layer, each weighted by what the target loses without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from saccade.attribution.feature_layer import feature_layer
from saccade.attribution.flat_maps import unchanged
from saccade.attribution.method import method
from saccade.attribution.weighted_channels import is_centred, weighted_channels
from saccade.errors import UnknownName
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.targets.paths import ArrayPoints, Path
from saccade.typing import Array, Tensor

REPLACEMENTS = ("zero", "mean")


@method(
    title="Ablation-CAM",
    summary="take one learned pattern away at a time: those that are missed light up where they were found",
    source="Desai and Ramaswamy (2020), WACV, doi:10.1109/WACV45572.2020.9093360, without the final ReLU",
    cost="1 forward up to the layer; what comes after it once per channel",
    needs=["taps"],
    together=True,
)
def ablation_cam(
    run: Run,
    images: Array,
    targets: Sequence[Target],
    *,
    at: str | None = None,
    replacement: str = "zero",
    centred: bool | None = None,
    positive: bool = False,
) -> list[Map]:
    """Where are the feature maps that the target would miss?

    m[u] = sum over channels k of w[k] (A[u, k] - r[k]),  w[k] = what the target loses when channel k becomes r[k].

    For the whole code the loss is the share of it that changes, |f(x') - f(x)|² / |f(x)|². The paper divides the loss
    by the target's value; that only scales the whole map, and turns it over where the value is negative, so the loss
    stays in the target's own unit here. Only what comes after the layer is computed again for every channel, and once
    for all targets.

    Settings:
        targets: What is explained, each with a map of its own.
        at: The layer whose channels are dropped; by default the last before the code with a finer grid.
        replacement: What a dropped channel becomes: `"zero"` as in the paper, or its own `"mean"` over the places,
            which takes the pattern away and keeps the level. Behind a mean over all places the mean is all that
            counts, so there a channel that becomes its mean is never missed.
        positive: Cut negative values off as in the paper.

    Returns:
        For each target a signed map on the layer's own grid; `raw` is each channel's part (images, rows, columns,
        channels).

    Raises:
        UnknownName: No such layer or replacement.
        NotApplicable: The layer has no places, or what is explained is not computed from it.
    """
    if replacement not in REPLACEMENTS:
        raise UnknownName.of("replacement", replacement, REPLACEMENTS)
    run.expect(0)
    layer = feature_layer(run, images, targets, at)
    run.expect(len(images) * (3 + layer.channels))
    values = run.activations(images, [layer.path])[layer.path]
    activations, special = layer.places.split(values)
    mean = activations.mean(axis=(1, 2), keepdims=True)
    instead = mean if replacement == "mean" else np.zeros_like(mean)
    if layer.places.special:
        # Special tokens belong to no feature map, and stay.
        everywhere = np.broadcast_to(instead, activations.shape)
        fixed = {"replacement": layer.places.join(everywhere, values.shape[1:], special)}
    else:
        fixed = {"replacement": instead.reshape(len(images), *(1 for _ in values.shape[2:]), layer.channels)}
    channels = np.concatenate([np.zeros((1, layer.channels)), np.eye(layer.channels)]).astype(np.float32)
    channels = channels.reshape(-1, *(1 for _ in values.shape[2:]), layer.channels)
    scores = run.score(
        images, run.objectives(images, targets), DROPPED, ArrayPoints({"channels": channels}), fixed, at=layer.path
    )
    maps = []
    for target, own in zip(targets, scores, strict=True):
        loss = own[1:] - own[0] if target.counts_increase else own[0] - own[1:]
        less_mean = is_centred(centred, target)
        maps.append(
            weighted_channels(
                (activations - instead) * loss.T.astype(np.float32)[:, None, None],
                activations=activations,
                layer=layer,
                units="activation, weighted by what the target loses without the channel",
                flat=unchanged(loss, own[0], target),
                why_flat=f"no channel of {layer.path} is missed",
                centred=less_mean,
                positive=positive,
                notes=(f"a dropped channel becomes {'zero' if replacement == 'zero' else 'its mean over the places'}",),
                settings={"replacement": replacement, "centred": less_mean},
                scores={"score": own[0]},
            )
        )
    return maps


def _dropped(values: Tensor, fixed: Mapping[str, Tensor], points: Mapping[str, Tensor]) -> Tensor:
    dropped = points["channels"][:, None]
    return values[None] + dropped * (fixed["replacement"] - values)[None]


DROPPED = Path("channel dropped", _dropped)
"""One channel of a layer replaced; points `channels` (points, 1, ..., channels) are 1 at the dropped one, fixed
`replacement` (images, ..., channels)."""
