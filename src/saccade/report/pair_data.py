"""Why every two of the photos are alike, what a typical pair scores, and the questions of the game."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import numpy as np

from saccade.encoder import Encoder
from saccade.images import Images
from saccade.pairs import compare
from saccade.reference import Reference
from saccade.report.array_spec import array_spec
from saccade.report.map_data import scale_data
from saccade.report.subjects import subject_sentence
from saccade.results import Similarity
from saccade.results.framing import framed
from saccade.results.no_place import is_seen, name_of
from saccade.results.result import sentence
from saccade.results.similarity_words import shared_colour, where_from
from saccade.typing import Array, Box

_LEAST_MARGIN = 0.02
"""In a question of the game the two nearest photos are nearer than any other two by at least so much."""
_QUESTIONS = 6


def pair_data(
    encoder: Encoder,
    images: Images,
    centre: Array | None,
    *,
    subjects: Mapping[str, Box] | None = None,
    progress: Callable[[float], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> list[dict[str, Any]]:
    """Every two photos.

    Args:
        encoder: The model.
        images: The photos.
        centre: The mean code of the collection that `encoder.reference` tells of; None where none is known.
        subjects: Boxes of the photos' subjects, by name.
        progress: Called with the share that is done. The first photo's pairs take longest: there every photo's masked
            copies are encoded, where a code can be split in no other way.
        stop: Asked between pieces; True ends the work with `Cancelled`.
    """
    reference = encoder.reference if centre is not None else None
    pairs = []
    both = list(combinations(range(len(images)), 2))
    copies = [len({photo for pair in both[: number + 1] for photo in pair}) for number in range(len(both))]
    for number, (a, b) in enumerate(both):
        before = copies[number - 1] if number else 0

        def on_progress(done: int, total: int, start: int = before, end: int = copies[number]) -> None:
            if progress is not None:
                progress((start + (end - start) * done / max(total, 1)) / len(images))

        similarity = compare(encoder, images[a], images[b], reference=reference, progress=on_progress, stop=stop)
        pair = {"a": a, "b": b, **_pair(similarity, reference)}
        if subjects:
            boxes = [subjects.get(images.photos[index].name) for index in (a, b)]
            pair["subject"] = subject_sentence(similarity, boxes)
        pairs.append(pair)
    return pairs


def _pair(similarity: Similarity, reference: Reference | None) -> dict[str, Any]:
    grid_a, grid_b = similarity.shares_a.shape, similarity.shares_b.shape
    special = similarity.special if is_seen(similarity.special) else 0.0
    return {
        "score": similarity.score,
        "centred": similarity.centred,
        "mean_of": reference.name if reference is not None and similarity.centred else "",
        "matching": similarity.matching,
        "split": similarity.split,
        "places": similarity.places,
        "grid_a": list(grid_a),
        "grid_b": list(grid_b),
        "shares_a": array_spec(similarity.shares_a),
        "shares_b": array_spec(similarity.shares_b),
        "scale": scale_data(similarity.scale()),
        "matches": [
            {
                "share": match.share,
                "places_a": np.flatnonzero(match.places_a).tolist(),
                "places_b": np.flatnonzero(match.places_b).tolist(),
            }
            for match in similarity.matches
        ],
        "rest": similarity.rest - special,
        "special": special,
        "special_name": name_of(similarity.special_kind),
        "typical": None
        if similarity.median_score is None
        else {"scores": [similarity.median_score, similarity.high_score], "sentence": sentence(similarity.typical)},
        "sentence": _sentence(similarity),
        "rest_sentence": similarity.rest_sentence,
        "notes": list(similarity.notes),
    }


def _sentence(similarity: Similarity) -> str:
    """Where the score comes from, in one plain sentence; the score itself stands beside it."""
    if not similarity.places:
        return "The code has no places, so it is not known which parts of the photos make this score."
    shares = (similarity.shares_a, similarity.shares_b)
    photos = (framed(similarity.photos[0]), framed(similarity.photos[1]))
    colour = shared_colour(photos, shares, same_place=similarity.matching == "place")
    text = where_from(
        similarity.score, *shares, matches=similarity.matches, colour=colour,
        special=similarity.special, special_kind=similarity.special_kind,
    )  # fmt: skip
    return f"{text[:1].upper()}{text[1:]}."


def known_centre(encoder: Encoder, codes: Array) -> Array | None:
    """The mean code of the collection that the encoder knows, if it is about these codes."""
    reference = known_reference(encoder, codes)
    return None if reference is None else reference.mean_code


def known_reference(encoder: Encoder, codes: Array) -> Reference | None:
    """The collection that the encoder knows, if it is about these codes."""
    reference = encoder.reference
    return reference if reference is not None and reference.mean_code.shape == codes.shape[1:] else None


def similarities(codes: Array, centre: Array | None) -> Array:
    """The cosine of the codes of every two photos, less the mean code where one is known; float64 (photos, photos)."""
    flat = codes.reshape(len(codes), -1).astype(np.float64)
    if centre is not None:
        flat = flat - centre.reshape(1, -1)
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    unit = flat / np.maximum(lengths, 1e-30)
    return np.asarray(unit @ unit.T)


def game(table: Array) -> list[list[int]]:
    """Questions of the game: three photos each, of which the model finds two clearly more alike than any other two.

    Args:
        table: (photos, photos) similarities.

    Returns:
        At most six triples, the nearest two first; the clearest first, and no two photos are the answer again before
        all others were.
    """
    clear_questions = []
    for triple in combinations(range(len(table)), 3):
        ranked = sorted(combinations(triple, 2), key=lambda pair: -table[pair])
        margin = float(table[ranked[0]] - table[ranked[1]])
        if margin >= _LEAST_MARGIN:
            first, second = ranked[0]
            (third,) = set(triple) - {first, second}
            clear_questions.append((margin, [first, second, third]))
    clear_questions.sort(key=lambda entry: -entry[0])
    questions: list[list[int]] = []
    times: dict[tuple[int, int], int] = {}
    for most in (1, 2, len(table)):
        for _, question in clear_questions:
            answer = (question[0], question[1])
            if question not in questions and times.get(answer, 0) < most and len(questions) < _QUESTIONS:
                questions.append(question)
                times[answer] = times.get(answer, 0) + 1
    return questions
