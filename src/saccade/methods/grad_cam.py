"""Grad-CAM: the feature maps of a layer, each weighted by how much more of it would move the target."""

from __future__ import annotations

from saccade.attribution.gradient_weighted import gradient_weighted
from saccade.attribution.method import method
from saccade.attribution.weighted_channels import is_centred
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.typing import Array


@method(
    title="Grad-CAM",
    summary="which learned patterns count? each one lights up where it was found, as strongly as it moves the answer",
    source="Selvaraju et al. (2017), arXiv:1610.02391, without its final ReLU",
    cost="2 forwards and the backward pass down to the layer",
    needs=["gradients", "taps"],
)
def grad_cam(
    run: Run,
    images: Array,
    target: Target,
    *,
    at: str | None = None,
    centred: bool | None = None,
    positive: bool = False,
) -> Map:
    """Where are the feature maps that move the target?

    m[u] = sum over channels k of w[k] A[u, k],  w[k] = mean over places u of d target / dA[u, k].

    A are the values of the layer `at`. Nothing before the layer is differentiated. The paper cuts negative values off;
    here they stay, since what speaks against a likeness is half of the answer. What the map leaves out is how the
    gradient of a channel differs from place to place: see layer_cam.

    Settings:
        at: The layer whose feature maps are weighted; by default the last before the code with a finer grid.
        positive: Cut negative values off as in the paper.

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
        lambda values, gradient: values * gradient.mean(axis=(1, 2), keepdims=True),
        units=f"part of the change of {target.gradient_units}, by each channel's mean gradient",
        positive=positive,
        centred=is_centred(centred, target),
    )
