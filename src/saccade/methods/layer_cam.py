"""LayerCAM: the values of a layer times the target's gradient, place by place."""

from __future__ import annotations

import numpy as np

from saccade.attribution.gradient_weighted import gradient_weighted
from saccade.attribution.method import method
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.typing import Array


@method(
    title="LayerCAM",
    summary="every place of every learned pattern for itself: is it there, and does the answer hang on it just there?",
    source="Jiang et al. (2021), IEEE TIP 30, doi:10.1109/TIP.2021.3089943; signed here",
    cost="2 forwards and the backward pass down to the layer",
    needs=["gradients", "taps"],
)
def layer_cam(run: Run, images: Array, target: Target, *, at: str | None = None, positive: bool = False) -> Map:
    """Which places of the layer does the target hang on?

    m[u] = sum over channels k of A[u, k] * d target / dA[u, k], the layer's values times their gradients. To first
    order the sum over the map is what the target would lose if the layer were switched off. Since gradients belong to
    places, also early layers with fine grids give true maps. Nothing before the layer is differentiated.

    Settings:
        at: The layer; by default the last before the code with a finer grid.
        positive: The paper's own form, m = max(0, sum of A * max(0, gradient)): only what speaks for the target.

    Returns:
        A signed map on the layer's own grid; `raw` is each channel's part (images, rows, columns, channels).

    Raises:
        UnknownName: No such layer.
        NotApplicable: The layer has no places, or what is explained is not computed from it.
    """
    return gradient_weighted(
        run,
        images,
        target,
        at,
        lambda values, gradient: values * (np.maximum(gradient, 0) if positive else gradient),
        units=f"part of the change of {target.gradient_units}, per cell of the layer",
        positive=positive,
    )
