"""May this map be believed? The same map of untrained networks, of an edge detector, and what happens on deletion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from saccade.attribution.fillers import filler_images
from saccade.attribution.gradient_maps import default_low_pass
from saccade.attribution.scale import cell_size
from saccade.encoder import Encoder
from saccade.engines import Objective, Stop
from saccade.errors import NotApplicable
from saccade.evaluation.agreement import on_grid, rank_correlation
from saccade.evaluation.areas import area
from saccade.evaluation.controls import CONTROLS
from saccade.evaluation.rankings import ranks
from saccade.evaluation.similarity import CENTRED_COSINE
from saccade.evaluation.untrained_networks import beside_untrained
from saccade.images import Images
from saccade.picture.numerals import MINUS, number
from saccade.picture.pair import score_text
from saccade.picture.scales import scale_of
from saccade.reference import Reference
from saccade.report.array_spec import array_spec
from saccade.report.map_data import scale_data
from saccade.results import Attribution
from saccade.run import Run
from saccade.targets import code
from saccade.targets.paths import RANKED, ArrayPoints
from saccade.typing import Array

_STEPS = 10
"""Deletion goes in tenths of the photo."""
_NETWORKS = 2
_FEWEST = 4
"""So many photos of the page itself have a mean code that may be taken off, where no other is known."""
_DISTINCT = 1e-3
"""A code that differs from a mean by a smaller share of the mean's length has no direction that could be compared."""
_EQUAL = 0.02
"""Scores of one photo that differ by less are not told apart."""
_CHANCE = 0.05
"""Scores that are no further above that of a map at random are hardly better than chance."""
_ADVICE = {
    False: "What all photos share hides what sets them apart: \u201csaccade report --reference FOLDER\u201d takes off "
    "what the photos of a folder share, and \u201csaccade evaluate\u201d asks a whole folder.",
    True: "\u201csaccade evaluate\u201d asks a whole folder.",
}
"""What can be done where this test cannot tell: where nothing was taken off the codes, and where something was."""
_ALIKE, _PARTLY = 0.7, 0.4
"""From these rank correlations on two maps say much the same, and partly the same."""


def trust_data(
    encoder: Encoder, images: Images, first: Attribution, reference: Reference | None
) -> list[dict[str, Any]]:
    """For every photo: the map beside those that know nothing, and the curves of deletion and insertion.

    Args:
        encoder: The model.
        images: The photos.
        first: The first method's answer.
        reference: Whose mean code is taken off before codes are compared. None: that of these photos, where they are
            enough, else nothing is.
    """
    curves, edges, mean_of = _tested(encoder, images, first, reference)
    untrained: Attribution | None
    try:
        untrained = beside_untrained(encoder, first, first.method, networks=_NETWORKS)
    except NotApplicable:
        untrained = None
    likeness = rank_correlation(on_grid(np.abs(first.heatmap)), on_grid(edges))
    content = []
    for index in range(len(images)):
        trust: dict[str, Any] = {
            "mean_of": mean_of,
            "steps": _STEPS,
            "edges": {
                "values": array_spec(edges[index], "float16"),
                "scale": scale_data(scale_of(edges[index], signed=first.signed)),
                "likeness": float(likeness[index]),
            },
            "curves": _curves_of(curves, index),
        }
        if untrained is not None and untrained.untrained is not None:
            both = np.stack([first.values[index], untrained.untrained.mean[index]])
            trust["untrained"] = {
                "values": array_spec(untrained.untrained.mean[index], "float16"),
                "scale": scale_data(scale_of(both, signed=first.signed)),
                "likeness": float(untrained.untrained.likeness[:, index].mean()),
                "networks": len(untrained.untrained.likeness),
                "sentence": untrained.untrained.sentence(index),
            }
        trust["sentence"], trust["meaning"] = _verdict(trust), _meaning(trust["curves"])
        trust["doubt"] = _doubt(trust["curves"])
        content.append(trust)
    return content


def doubts(
    encoder: Encoder, images: Images, first: Attribution, reference: Reference | None, stop: Stop | None = None
) -> list[str]:
    """What must be said beside each photo's map; empty where it is clearly better than chance.

    It is what `trust_data` says as `doubt`, without asking untrained networks: some sixty passes for each photo.

    Args:
        encoder: The model.
        images: The photos.
        first: The first method's answer.
        reference: As for `trust_data`.
        stop: Asked between pieces; True ends the call with `Cancelled`.
    """
    curves, _, _ = _tested(encoder, images, first, reference, stop)
    return [_doubt(_curves_of(curves, index)) for index in range(len(images))]


def _tested(
    encoder: Encoder, images: Images, first: Attribution, reference: Reference | None, stop: Stop | None = None
) -> tuple[dict[str, Array], Array, str]:
    """The curves of the map and of controls, the control that is drawn, and whose mean code is taken off."""
    centre, mean_of = _centre(encoder.codes(images), reference)
    smoothing = default_low_pass(encoder, images.array, code())
    controls = {
        control.name: control.draw(images.array, range(len(images)), smoothing, 0)
        for control in CONTROLS
        if control.name in ("edges", "random")
    }
    curves = deletion_curves(encoder, images, {"map": first.heatmap, **controls}, centre, stop)
    return curves, controls["edges"], mean_of


def _curves_of(curves: Mapping[str, Array], index: int) -> dict[str, dict[str, Any]]:
    """The curves of one photo, and their scores."""
    return {
        name: {
            "deletion": deleted_inserted[index, 0].tolist(),
            "insertion": deleted_inserted[index, 1].tolist(),
            "score": float(_score(deleted_inserted[index])),
        }
        for name, deleted_inserted in curves.items()
    }


def _centre(codes: Array, reference: Reference | None) -> tuple[Array | None, str]:
    """The mean code that is taken off, and whose it is; None and nothing where none is known."""
    if reference is not None:
        return reference.mean_code, reference.name
    mean = codes.mean(axis=0, dtype=np.float64)
    away = np.linalg.norm((codes - mean).reshape(len(codes), -1), axis=1)
    if len(codes) < _FEWEST or away.min() <= _DISTINCT * np.linalg.norm(mean):
        return None, ""
    return mean.astype(np.float32), "the photos of this page"


def deletion_curves(
    encoder: Encoder, images: Images, maps: Mapping[str, Array], centre: Array | None, stop: Stop | None = None
) -> dict[str, Array]:
    """The similarity of the code after each tenth of the photo went, or came.

    Args:
        encoder: The model.
        images: The photos.
        maps: Each (photos, height, width), by name.
        centre: The mean code that is taken off before codes are compared; None: nothing is.
        stop: Asked between pieces; True ends the call with `Cancelled`.

    Returns:
        For each map (photos, 2, steps + 1): deletion and insertion.
    """
    codes = encoder.codes(images)
    middle = np.zeros_like(codes[0]) if centre is None else centre.astype(np.float32)
    reference = np.concatenate([codes - middle, np.broadcast_to(middle, codes.shape)], axis=-1)
    objective = Objective(CENTRED_COSINE, encoder.layer, reference)
    size = (images.shape[1], images.shape[2])
    width = float(max(cell_size(encoder, size, code())))
    filler = filler_images(images.array, "blur", value_range=encoder.value_range, blur=width)
    run = Run(encoder, stop=stop)

    def similarities(ranked: Array, cuts: Array, sides: Array) -> Array:
        points = ArrayPoints({"cut": cuts.astype(np.float32), "side": sides.astype(np.float32)})
        return np.asarray(run.score(images.array, [objective], RANKED, points, {"rank": ranked, "filler": filler})[0])

    # Whatever the order of the pixels, deletion starts from the whole photo and ends with the filler, and insertion
    # goes the other way: these two are asked once.
    anyhow = np.full((len(images), *size), 0.5, np.float32)
    whole, nothing = similarities(anyhow, np.array([0, 1]), np.array([-1, -1]))
    levels = np.arange(1, _STEPS) / _STEPS
    sides = np.repeat([-1, 1], len(levels))
    curves = {}
    for name, values in maps.items():
        between = similarities(ranks(values, _STEPS, range(len(images)), 0), np.concatenate([levels, levels]), sides)
        deleted, inserted = between.reshape(2, len(levels), -1)
        both = [[whole, *deleted, nothing], [nothing, *inserted, whole]]
        curves[name] = np.array(both, np.float32).transpose(2, 0, 1)
    return curves


def _score(curves: Array) -> float:
    """Area under insertion less area under deletion; by chance 0.

    That is the mean over all shares of the photo of two similarities: with the share blurred that the map marks least,
    less with the share blurred that it marks most.
    """
    below = area(curves[None].astype(np.float64), np.arange(_STEPS + 1) / _STEPS)[0]
    return float(below[1] - below[0])


def _verdict(trust: dict[str, Any]) -> str:
    """What the test says of this photo's map."""
    curves = trust["curves"]
    scores = {name: curve["score"] for name, curve in curves.items()}
    if not _can_tell(curves):
        return (
            f"This test cannot tell here: with all of the photo blurred its code is still "
            f"{score_text(curves['map']['deletion'][-1])} alike to that of the photo, so every map scores about the "
            f"same (this map {number(scores['map'])}, an edge detector {number(scores['edges'])}, a map at random "
            f"{number(scores['random'])}). {_ADVICE[bool(trust['mean_of'])]}"
        )
    rank = _beside_chance(curves)
    if rank:
        text = f"This map finds what the code needs {rank}."
        return f"{text} An edge detector does better." if scores["edges"] - scores["map"] >= _CHANCE else text
    ahead = scores["map"] - scores["edges"]
    beats = "about as well as" if abs(ahead) < _EQUAL else "better than" if ahead > 0 else "less well than"
    joint = "but" if beats == "less well than" else "and"
    text = f"This map finds what the code needs {beats} an edge detector does, {joint} better than chance."
    untrained = trust.get("untrained")
    if untrained is None:
        return text
    if untrained["likeness"] >= _ALIKE:
        return (
            text
            + " But networks that never learned draw nearly the same map: it shows the photo, not what was learned."
        )
    other = "a partly different one" if untrained["likeness"] >= _PARTLY else "another one"
    return f"{text} Networks that never learned draw {other} (rank correlation {_hundredths(untrained['likeness'])})."


def _can_tell(curves: dict[str, Any]) -> bool:
    """Does blurring change the code so much that maps could score differently, or do they?"""
    whole, nothing = (curves["map"]["deletion"][step] for step in (0, -1))
    scores = [curve["score"] for curve in curves.values()]
    return bool(whole - nothing >= _CHANCE or max(scores) - min(scores) >= _CHANCE)


def _doubt(curves: dict[str, Any]) -> str:
    """What must be said beside this photo's map; empty where it is clearly better than chance."""
    if not _can_tell(curves):
        return "A test on this photo cannot tell whether it is better than chance."
    rank = _beside_chance(curves)
    return rank and f"A test on this photo finds it {rank}: do not build on it alone."


def _beside_chance(curves: dict[str, Any]) -> str:
    """How this photo's map compares with chance, if it is not clearly better; else empty."""
    ahead = curves["map"]["score"] - curves["random"]["score"]
    if ahead >= _CHANCE:
        return ""
    return "hardly better than chance" if ahead >= _EQUAL else "no better than chance"


def _meaning(curves: dict[str, Any]) -> str:
    """What the scores of this photo mean."""
    of_map, edges, random = (_hundredths(curves[name]["score"]) for name in ("map", "edges", "random"))
    return (
        f"Blurring the places that it marks most costs the code {of_map} more of its similarity than blurring as many "
        f"that it marks least; by an edge detector that is {edges}, by chance {random}."
    )


def _hundredths(value: float) -> str:
    """A number beside others of its kind: all to two decimals, so that what is as good as nothing reads 0.00."""
    return f"{value if abs(value) >= 0.005 else 0.0:.2f}".replace("-", MINUS)
