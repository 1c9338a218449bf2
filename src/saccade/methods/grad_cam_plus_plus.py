"""Grad-CAM++: feature maps weighted by gradients of which many small ones count as much as one large one."""

from __future__ import annotations

import numpy as np

from saccade.attribution.gradient_weighted import gradient_weighted
from saccade.attribution.method import method
from saccade.attribution.weighted_channels import is_centred
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.typing import Array


@method(
    title="Grad-CAM++",
    summary="as Grad-CAM, but a pattern that was found in several places counts as fully as one that was found once",
    source="Chattopadhyay et al. (2018), arXiv:1710.11063, in closed form and signed",
    cost="2 forwards and the backward pass down to the layer",
    needs=["gradients", "taps"],
)
def grad_cam_plus_plus(
    run: Run,
    images: Array,
    target: Target,
    *,
    at: str | None = None,
    centred: bool | None = None,
    positive: bool = False,
) -> Map:
    """Where are the feature maps that move the target, also when they are small or several?

    m[u] = sum over k of w[k] A[u, k],  w[k] = sum over u of g[u, k] / (2 + |g[u, k]| * sum over v of |A[v, k]|),
    with g = d target / dA.

    The paper explains Y = exp(target) and writes w[k] = sum of alpha * max(0, dY/dA) with
    alpha = Y'' / (2 Y'' + (sum of A) Y'''). As the paper takes the score to be piecewise linear in A, Y' = Y g,
    Y'' = Y g² and Y''' = Y g³: the factor Y is in every term and, being the same at all places of an image, is left
    out; with it goes the overflow of exp(target), and dividing by g² takes the 0/0 with it. What speaks against the
    target (g < 0) is weighed as the same formula weighs it for -target, with the sign turned back, so that the map of
    -target is minus the map of target. |A| equals A where the paper's formula is meant, behind a ReLU; with ELU it
    keeps the denominator from crossing zero.

    Settings:
        target: What is explained. The 2 makes its unit matter: targets with steep gradients weigh a channel by the
            share of its places that speak for the target, ones with slight gradients as Grad-CAM does.
        at: The layer whose feature maps are weighted; by default the last before the code with a finer grid.
        positive: As in the paper: gradients against the target count nothing, negative values are cut off.

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
        lambda values, gradient: _weighted(values, np.maximum(gradient, 0) if positive else gradient),
        units="activation, weighted by Grad-CAM++",
        positive=positive,
        centred=is_centred(centred, target),
    )


def _weighted(values: Array, gradient: Array) -> Array:
    summed_activations = np.abs(values).sum(axis=(1, 2), keepdims=True)
    # In float64, for products of large numbers: where they overflow, a weight would be 0.
    weights = (gradient / (2.0 + np.abs(gradient) * summed_activations.astype(np.float64))).sum((1, 2), keepdims=True)
    return np.asarray(values * weights, np.float32)
