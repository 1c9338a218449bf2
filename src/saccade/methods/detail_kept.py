"""Detail kept: which of the photo's detail survives the code, place by place."""

from __future__ import annotations

import numpy as np

from saccade.attribution.method import method
from saccade.attribution.scale import cell_size
from saccade.attribution.smoothing import gaussian_blur
from saccade.errors import InputError, NotApplicable
from saccade.results.kept_detail import kept_in_words
from saccade.results.map import Map
from saccade.results.map_sentence import EVERYWHERE, main_region
from saccade.results.result import sentence
from saccade.run import Run
from saccade.targets import Target
from saccade.typing import Array

_FLOOR = 0.01
"""Detail of this share of the value range, root mean square, is as good as none: there is nothing to keep."""


@method(
    title="Detail kept",
    summary="how much of the photo's detail the redrawing still shows, place by place",
    source="ours; the share of explained variance against the photo's own blur",
    cost="1 forward through encoder and decoder",
    question="what it remembers, and what it forgets",
)
def detail_kept(
    run: Run, images: Array, target: Target, *, blur: float | None = None, window: float | None = None
) -> Map:
    """Which share of the local detail does the redrawing keep?

    m = 1 - G|r - x|² / (G|b - x|² + floor²), at least 0: r the redrawn image, b the image's own blur, G a Gaussian
    window, squares summed over channels. 1: redrawn as it is. 0: no better than the blur. It does not depend on
    contrast: faint and strong detail count alike, down to a floor of 1 % of the value range, below which a place is
    plain and has nothing to lose. It says what the code remembers, not where the encoder looks.

    Settings:
        target: The whole code, the only question that it answers.
        blur: Standard deviation in pixels of the blur that detail is measured against; by default a quarter of a
            code cell, so that detail is what is finer than the cells.
        window: Standard deviation in pixels of the window; by default a quarter of a code cell.

    Returns:
        A map per pixel in 0..1; `raw` is (images, height, width), below 0 where the redrawing is worse than the blur.

    Raises:
        InputError: A blur or window that is not above 0.
        NotApplicable: The model does not redraw its image, or the target is not the whole code.
    """
    if target.kind != "code":
        raise NotApplicable(f"detail_kept is about the whole code, not {target.name!r}; leave the target out.")
    if not run.encoder.is_autoencoder:
        raise NotApplicable(
            f"detail_kept needs a model that redraws its image; {run.encoder.name!r} only encodes. Give the whole "
            "autoencoder."
        )
    cell = float(max(cell_size(run.encoder, (images.shape[1], images.shape[2]), target)))
    sigma, spread = cell / 4 if blur is None else blur, cell / 4 if window is None else window
    for name, width in (("blur", sigma), ("window", spread)):
        if not width > 0:
            raise InputError(f"{name}={width}: give more than 0, in pixels.")
    low, high = run.encoder.value_range
    output = run.encoder.network.output
    run.expect(len(images))
    redrawn = run.activations(images, [output])[output].astype(np.float32)
    lost = gaussian_blur(_energy(redrawn - images), spread)
    detail = gaussian_blur(_energy(gaussian_blur(images, sigma) - images), spread)
    shares = 1 - lost.sum(axis=(1, 2)) / np.maximum(detail.sum(axis=(1, 2)), 1e-30)
    floor = images.shape[-1] * (_FLOOR * (high - low)) ** 2
    raw = 1 - lost / (detail + floor)
    return Map(
        values=np.clip(raw, 0, 1).astype(np.float32),
        raw=raw.astype(np.float32),
        units="share of the local detail that the redrawing keeps",
        signed=False,
        is_share=True,
        notes=(
            f"detail is what the image has beyond its own blur of {sigma:g} px, squared, in windows of {spread:g} px",
        ),
        settings={"blur": sigma, "window": spread},
        view="spotlight",
        redrawn=redrawn,
        scores={"detail_kept": shares},
        sentences=tuple(
            _sentence(share, values, (images.shape[2], images.shape[1]), is_plain=is_plain)
            for share, values, is_plain in zip(
                shares, np.clip(raw, 0, 1), detail.mean(axis=(1, 2)) <= floor, strict=True
            )
        ),
    )


def _sentence(share_kept: float, values: Array, size: tuple[int, int], *, is_plain: bool) -> str:
    if not np.isfinite(share_kept):
        return ""  # numbers that grew too large: the map is refused when it is looked at
    if is_plain:
        return "The photo is plain: it has no detail to keep."
    where, share_there = main_region(1 - values)
    place = f"; of what is lost, most ({100 * share_there:.0f} %) lies in {where}" if where != EVERYWHERE else ""
    return sentence(f"{kept_in_words(share_kept, size)}{place}")


def _energy(values: Array) -> Array:
    return np.asarray((values * values).sum(axis=-1, dtype=np.float64), np.float32)
