"""From weighted feature maps to one map: the sum over channels, and what has to be lines about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.abnormal_tokens import abnormal_tokens
from saccade.attribution.feature_layer import FeatureLayer
from saccade.attribution.flat_maps import featureless
from saccade.results.map import Map
from saccade.targets import Target
from saccade.typing import Array

_ROUNDING = 1e-6
"""What is left of channels that cancel to less than this share of their size is float32's rounding."""


def is_centred(centred: bool | None, target: Target) -> bool:
    """Is each channel's mean over the places taken away? By default only for the whole code.

    Nothing speaks against the whole code, and what all places share would hide the rest. For other targets zero is no
    evidence, and negative is evidence against.
    """
    return target.counts_increase if centred is None else centred


def weighted_channels(
    parts: Array,
    *,
    activations: Array,
    layer: FeatureLayer,
    units: str,
    flat: NDArray[np.bool_],
    why_flat: str,
    centred: bool = False,
    positive: bool = False,
    notes: tuple[str, ...] = (),
    settings: Mapping[str, Any] | None = None,
    scores: Mapping[str, NDArray[np.float64]] | None = None,
) -> Map:
    """Add the weighted feature maps of a layer up.

    Args:
        parts: Weight times activation, (images, rows, columns, channels).
        activations: The layer's own values, of the same shape.
        layer: Which layer it is.
        units: What one unit of the map is.
        flat: Pictures in which there is nothing to see, (images,); their maps are made zero.
        why_flat: The reason, for the note.
        centred: Take each channel's mean over the places away: positive is then more than at the average place.
        positive: Cut negative values off.
        notes: More for the reader of the map.
        settings: The method's own settings.
        scores: Numbers per image.

    Returns:
        A map on the layer's own grid; `raw` are the parts, which sum to it over the channels.
    """
    size = np.abs(parts).sum(axis=-1).max(axis=(1, 2))
    if centred:
        parts = parts - parts.mean(axis=(1, 2), keepdims=True)
    values = np.einsum("...c->...", parts)
    alike = np.abs(values).max(axis=(1, 2)) <= _ROUNDING * size
    same = featureless(activations)
    values[same | flat | alike] = 0.0
    lines = [layer.note, *notes, *abnormal_tokens(layer.encoder, layer.path, activations)]
    for is_such, why in (
        (same, f"all places of {layer.path} hold the same"),
        (flat & ~same, why_flat),
        (alike & ~flat & ~same, f"the channels of {layer.path} cancel"),
    ):
        if is_such.any():
            share_of_images = "" if is_such.all() else f" in {int(is_such.sum())} of {len(is_such)} images"
            lines.append(f"flat{share_of_images}: {why}")
    if centred:
        lines.append("zero is the mean of all places")
    if positive:
        values = np.maximum(values, 0)
        lines.append("what is below zero is left out")
    return Map(
        values=values,
        raw=parts,
        units=f"{units}, above or below the mean place" if centred else units,
        signed=not positive,
        zero_is_mean=centred,
        notes=tuple(lines),
        settings={"at": layer.path, **(settings or {}), "positive": positive},
        scores=scores or {},
    )
