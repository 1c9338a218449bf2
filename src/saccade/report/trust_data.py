"""May this map be believed? The same map of untrained networks, of an edge detector, and what happens on deletion."""

from __future__ import annotations

from typing import Any

import numpy as np

from saccade.attribution.fillers import filler_images
from saccade.attribution.gradient_maps import default_low_pass
from saccade.attribution.scale import cell_size
from saccade.encoder import Encoder
from saccade.engines import Objective
from saccade.errors import NotApplicable
from saccade.evaluation.agreement import on_grid, rank_correlation
from saccade.evaluation.areas import area
from saccade.evaluation.controls import CONTROLS
from saccade.evaluation.rankings import ranks
from saccade.evaluation.similarity import CENTRED_COSINE
from saccade.evaluation.untrained import beside_untrained
from saccade.images import Images
from saccade.picture.numerals import number
from saccade.picture.scales import scale_of
from saccade.report.array_spec import array_spec
from saccade.report.map_data import scale_data
from saccade.results import Attribution
from saccade.run import Run
from saccade.targets import code
from saccade.targets.paths import RANKED, ArrayPoints
from saccade.typing import Array

_STEPS = 20
"""Deletion goes in twentieths of the photo."""
_NETWORKS = 2
_EQUAL = 0.02
"""Scores of one photo that differ by less are not told apart."""
_CHANCE = 0.05
"""Scores that are no further above that of a map at random are hardly better than chance."""
_ALIKE = 0.7
"""From this rank correlation on two maps say much the same."""


def trust_data(encoder: Encoder, images: Images, first: Attribution, centre: Array | None) -> list[dict[str, Any]]:
    """For every photo: the map beside those that know nothing, and the curves of deletion and insertion.

    Args:
        encoder: The model.
        images: The photos.
        first: The first method's answer.
        centre: The mean code that is taken off before codes are compared; None: nothing is.
    """
    smoothing = default_low_pass(encoder, images.array, code())
    numbers = range(len(images))
    controls = {
        control.name: control.draw(images.array, numbers, smoothing, 0)
        for control in CONTROLS
        if control.name in ("edges", "random")
    }
    curves = {name: _curves(encoder, images, maps, centre) for name, maps in {"map": first.heatmap, **controls}.items()}
    untrained: Attribution | None
    try:
        untrained = beside_untrained(encoder, first, first.method, networks=_NETWORKS)
    except NotApplicable:
        untrained = None
    edges = controls["edges"]
    likeness = rank_correlation(on_grid(np.abs(first.heatmap)), on_grid(edges))
    content = []
    for index in numbers:
        one: dict[str, Any] = {
            "centred": centre is not None,
            "steps": _STEPS,
            "edges": {
                "values": array_spec(edges[index], "float16"),
                "scale": scale_data(scale_of(edges[index], signed=first.signed)),
                "likeness": float(likeness[index]),
            },
            "curves": {
                name: {
                    "deletion": deleted_inserted[index, 0].tolist(),
                    "insertion": deleted_inserted[index, 1].tolist(),
                    "score": float(_score(deleted_inserted[index])),
                }
                for name, deleted_inserted in curves.items()
            },
        }
        if untrained is not None and untrained.untrained is not None:
            both = np.stack([first.values[index], untrained.untrained.mean[index]])
            one["untrained"] = {
                "values": array_spec(untrained.untrained.mean[index], "float16"),
                "scale": scale_data(scale_of(both, signed=first.signed)),
                "likeness": float(untrained.untrained.likeness[:, index].mean()),
                "networks": len(untrained.untrained.likeness),
                "sentence": untrained.untrained.sentence(index),
            }
        one["sentence"] = _verdict(one)
        content.append(one)
    return content


def _curves(encoder: Encoder, images: Images, maps: Array, centre: Array | None) -> Array:
    """The similarity of the code after each twentieth of the photo went, or came; (photos, 2, steps + 1)."""
    codes = encoder.codes(images)
    middle = np.zeros_like(codes[0]) if centre is None else centre.astype(np.float32)
    reference = np.concatenate([codes - middle, np.broadcast_to(middle, codes.shape)], axis=-1)
    objective = Objective(CENTRED_COSINE, encoder.layer, reference)
    size = (images.shape[1], images.shape[2])
    width = float(max(cell_size(encoder, size, code())))
    filler = filler_images(images.array, "blur", value_range=encoder.value_range, blur=width)
    levels = (np.arange(_STEPS + 1) / _STEPS).astype(np.float32)
    sides = np.repeat(np.array([-1, 1], np.float32), len(levels))
    points = ArrayPoints({"cut": np.concatenate([levels, levels]), "side": sides})
    fixed = {"rank": ranks(maps, _STEPS, range(len(images)), 0), "filler": filler}
    similarities = Run(encoder).score(images.array, [objective], RANKED, points, fixed)[0]
    return np.asarray(similarities.reshape(2, len(levels), -1).transpose(2, 0, 1))


def _score(curves: Array) -> float:
    """Area under insertion less area under deletion: 0 for a map at random."""
    below = area(curves[None].astype(np.float64), np.arange(_STEPS + 1) / _STEPS)[0]
    return float(below[1] - below[0])


def _verdict(trust: dict[str, Any]) -> str:
    """What the test says of this photo's map."""
    scores = {name: curve["score"] for name, curve in trust["curves"].items()}
    ahead = scores["map"] - scores["edges"]
    if scores["map"] - scores["random"] < _CHANCE:
        return (
            f"Taken at its word, this map finds what the code needs hardly better than chance: its score is "
            f"{number(scores['map'])}, that of an edge detector {number(scores['edges'])}, that of a map at random "
            f"{number(scores['random'])}."
        )
    beats = "about as surely as" if abs(ahead) < _EQUAL else "more surely than" if ahead > 0 else "less surely than"
    text = (
        f"Taken at its word, this map finds what the code needs {beats} an edge detector does "
        f"({number(scores['map'])} against {number(scores['edges'])}; a map at random has "
        f"{number(round(scores['random'], 2))}). Its rank correlation with the edges is "
        f"{number(trust['edges']['likeness'])}."
    )
    untrained = trust.get("untrained")
    if untrained is None:
        return text
    if untrained["likeness"] >= _ALIKE:
        return (
            text
            + " But networks that never learned draw nearly the same map: it shows the photo, not what was learned."
        )
    return text + f" Networks that never learned draw another one (rank correlation {untrained['likeness']:.2f})."
