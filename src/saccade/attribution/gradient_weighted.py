"""Feature maps weighted by the target's gradient at their layer: what Grad-CAM, Grad-CAM++ and LayerCAM share."""

from __future__ import annotations

from collections.abc import Callable

from saccade.attribution.feature_layer import feature_layer, values_and_gradient
from saccade.attribution.flat_maps import unmoved, unmoved_because
from saccade.attribution.weighted_channels import weighted_channels
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.typing import Array


def gradient_weighted(
    run: Run,
    images: Array,
    target: Target,
    at: str | None,
    weigh: Callable[[Array, Array], Array],
    *,
    units: str,
    positive: bool,
    centred: bool | None = None,
) -> Map:
    """Add up the feature maps of a layer, weighted by how the target moves with them.

    Args:
        run: The call, on an encoder.
        images: (images, height, width, channels).
        target: What is explained.
        at: The layer; None: the last before the code with a finer grid.
        weigh: From the layer's values and the gradient there, (images, rows, columns, channels) both: the weighted
            values, of the same shape.
        units: What one unit of the map is.
        positive: Cut negative values off.
        centred: Take each channel's mean over the places away; None for a method that has no such setting.

    Raises:
        UnknownName: No such layer.
        NotApplicable: The layer has no places, or what is explained is not computed from it.
    """
    run.expect(0)
    layer = feature_layer(run, images, [target], at)
    run.expect(2 * len(images))
    values, gradient = values_and_gradient(run, images, target, layer)
    return weighted_channels(
        weigh(values, gradient),
        activations=values,
        layer=layer,
        units=units,
        flat=unmoved(run, images, target, values, gradient),
        why_flat=unmoved_because(layer.path),
        centred=bool(centred),
        positive=positive,
        settings={} if centred is None else {"centred": centred},
    )
