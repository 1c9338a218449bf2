"""Activation energy: the code itself, laid over the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.abnormal_tokens import abnormal_tokens
from saccade.attribution.method import method
from saccade.errors import NotApplicable
from saccade.models.places import special_tokens
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.typing import Array

_SQUARES = ("code", "cell", "region")
"""Targets of which a place's part is a square, and so never negative. For all others the map has two signs, also where
only one happens to occur: one colour language a quantity."""


@method(
    title="Activation energy",
    summary="where the code is strong: each cell of the code lights up the part of the photo that it stands for",
    source="LaFAM, Karjauv and Albayrak (2024), arXiv:2407.06059, with the energy in place of the mean",
    cost="1 forward",
)
def activation_energy(run: Run, images: Array, target: Target) -> Map:
    """Where is the code strong?

    m[u] = sum over channels of f(x)[u] * r[u] / total, where r is the target's frozen reference. For the whole code
    r = f(x), and m is each cell's share of the code's energy |f(x)|². For `like` it is each cell's share of the cosine
    similarity: it sums to the score, and evidence against is negative. One forward pass; no gradients.

    Returns:
        A map on the code's own grid. It says where the code is strong, not which pixels made it so.

    Raises:
        NotApplicable: The code has no places, or the target is a function of the whole code.
    """
    if not target.tiles:
        raise NotApplicable(
            f"activation_energy needs a target that is a sum over places; {target.name!r} is a function of the whole "
            "code. Use occlusion or saliency."
        )
    run.expect(2 * len(images))
    objective = run.objective(images, target, "shares")
    values = run.codes(images) if target.reads == "code" else run.encoder.reconstruct(images)
    places = run.encoder.places(objective.layer, images.shape[1], images.shape[2])
    if places is None:
        raise NotApplicable(
            f"activation_energy needs a code with places; {objective.layer!r} {_without_places(values)}. Name a layer "
            "with places (--layer), or use occlusion."
        )
    terms = [
        places.in_line(np.broadcast_to(term, values.shape)).sum(axis=-1, dtype=np.float64)
        for term in objective.measure.terms(values, objective.reference, images)
    ]
    size = int(np.prod(values.shape[1:]))
    totals = [term.sum(axis=(1, 2)) for term in terms]
    score = objective.measure.number(totals, size)
    if target.kind == "code":
        shares = terms[0] / np.maximum(totals[0], 1e-30)[:, None, None]
        units = "share of the code's energy"
    else:
        shares = objective.measure.shares(terms, size)
        units = f"part of the {target.gradient_units}"
    on_image, elsewhere = places.off_line(shares)
    notes = ["cells of the code, not pixels: each stands for everything it can see"]
    if places.special:
        notes.append(
            f"{special_tokens(places.special)} of the code, no place of the photo: {_amount(elsewhere)} {units}"
        )
    cells = places.split(values)[0]
    notes += abnormal_tokens(run.encoder, objective.layer, cells)
    return Map(
        values=on_image.astype(np.float32),
        raw=cells,
        units=units,
        signed=target.kind not in _SQUARES,
        is_share=target.kind == "code",
        notes=tuple(notes),
        scores={"score": score, **({"special_tokens": elsewhere} if places.special else {})},
    )


def _amount(values: NDArray[np.float64]) -> str:
    """What special tokens hold, of one image or of several."""
    low, high = float(values.min()), float(values.max())
    return f"{low:.3g}" if high - low <= 1e-3 * abs(high) else f"{low:.3g} to {high:.3g}"


def _without_places(values: Array) -> str:
    return "is a plain vector" if values.shape[1:3] == (1, 1) else "is tokens of which it is not known where they lie"
