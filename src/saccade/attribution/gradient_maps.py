"""The ending of every gradient method: channels joined, low-passed for the view, and said so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.channels import length, squares_are_safe, summed
from saccade.attribution.scale import cell_size
from saccade.attribution.smoothing import gaussian_blur, gaussian_matrix
from saccade.encoder import Encoder
from saccade.engines import Join, Joining
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.typing import Array

_WORTH_SENDING = 2**21
"""Bytes of gradients from which on the way to an accelerator is shorter than the work."""


def low_passed_map(
    run: Run,
    values: Array,
    raw: Array,
    target: Target,
    low_pass: float | None,
    *,
    units: str,
    signed: bool,
    notes: tuple[str, ...] = (),
    settings: Mapping[str, Any] | None = None,
    scores: Mapping[str, NDArray[np.float64]] | None = None,
) -> Map:
    """Smooth a map per pixel for the view; max-pooling scatters gradients over single pixels.

    Args:
        run: The call, on an encoder.
        values: (images, height, width).
        raw: What the values were made from.
        target: What is explained.
        low_pass: Standard deviation in pixels of the smoothing; None: a quarter of a code cell; 0: none.
        units: What one unit of `values` is.
        signed: Whether negative values mean evidence against.
        notes: What the reader of the map must know.
        settings: The method's own settings.
        scores: Numbers per image.
    """
    sigma = default_low_pass(run.encoder, values, target) if low_pass is None else low_pass
    view = gaussian_blur(values, sigma)
    return _drawn(view, raw, sigma, units=units, signed=signed, notes=notes, settings=settings, scores=scores)


def gradient_map(
    run: Run, gradient: Array, target: Target, low_pass: float | None, settings: Mapping[str, Any] | None = None
) -> Map:
    """A signed gradient per pixel and channel as a map of its length, (images, height, width)."""
    sigma = default_low_pass(run.encoder, gradient, target) if low_pass is None else low_pass
    units = f"change of {target.gradient_units} per unit of pixel value"
    return _drawn(
        _joined_and_smoothed(run, gradient, "length", sigma),
        gradient,
        sigma,
        units=units,
        signed=False,
        settings=settings,
    )


def contribution_map(
    run: Run,
    raw: Array,
    target: Target,
    low_pass: float | None,
    *,
    units: str,
    notes: tuple[str, ...] = (),
    settings: Mapping[str, Any] | None = None,
    scores: Mapping[str, NDArray[np.float64]] | None = None,
) -> Map:
    """Signed contributions per pixel and channel as a signed map per pixel; the channels are summed."""
    sigma = default_low_pass(run.encoder, raw, target) if low_pass is None else low_pass
    view = _joined_and_smoothed(run, raw, "sum", sigma)
    return _drawn(view, raw, sigma, units=units, signed=True, notes=notes, settings=settings, scores=scores)


def length_joining(run: Run, images: Array, target: Target, low_pass: float | None) -> Joining | None:
    """How `gradient_map` will make maps of a gradient at these images, for the question that gives the gradient.

    None on a processor, where it is done in numpy.
    """
    if not run.engine.backend.is_accelerator:
        return None
    sigma = default_low_pass(run.encoder, images, target) if low_pass is None else low_pass
    return _joining("length", images, sigma)


def _joining(join: Join, images: Array, sigma: float) -> Joining:
    sizes = images.shape[1:3] if sigma > 0 else ()
    return Joining(join, tuple(gaussian_matrix(size, sigma) for size in sizes))


def _joined_and_smoothed(run: Run, values: Array, join: Join, sigma: float) -> Array:
    """Channels joined and smoothed: in numpy, or on an accelerator, which does it in the time of the way there."""
    if run.engine.backend.is_accelerator and (values.nbytes > _WORTH_SENDING or run.joined_maps.has_gradient(values)):
        maps = run.joined_maps.of(values, _joining(join, values, sigma))
        if join == "sum" or squares_are_safe(maps):
            return maps
    return gaussian_blur({"length": length, "sum": summed}[join](values), sigma)


def _drawn(
    view: Array,
    raw: Array,
    sigma: float,
    *,
    units: str,
    signed: bool,
    notes: tuple[str, ...] = (),
    settings: Mapping[str, Any] | None = None,
    scores: Mapping[str, NDArray[np.float64]] | None = None,
) -> Map:
    return Map(
        values=view,
        raw=raw,
        units=units,
        signed=signed,
        notes=(*notes, *((f"smoothed with {sigma:g} px for the view",) if sigma else ())),
        settings={**(settings or {}), "low_pass": sigma},
        scores=scores or {},
    )


def default_low_pass(encoder: Encoder, images: Array, target: Target) -> float:
    """A quarter of a code cell, in pixels."""
    return min(cell_size(encoder, (images.shape[1], images.shape[2]), target)) / 4
