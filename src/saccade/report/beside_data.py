"""Another network beside the first, on the same photos: where both look, and which photos each finds alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.encoder import Encoder
from saccade.errors import NotApplicable
from saccade.evaluation.agreement import rank_correlation
from saccade.explanation import explain
from saccade.images import Images, Photo
from saccade.picture.numerals import percent
from saccade.picture.pair import score_text
from saccade.report.map_data import map_data
from saccade.report.pair_data import known_centre, pair_data, similarities
from saccade.report.subjects import on_subject
from saccade.results import Attribution
from saccade.typing import Array, Box

COMPARED = ("layer_cam", "occlusion")
"""What both networks are asked unless methods are named: the first that both answer. It must be one that takes little
time with a large network, and that treats both alike."""
_SIDE = 96
"""Maps are compared on a grid over the photo with so many places on its longer side."""
_STRONGEST = 0.2
"""Places that count most: this share of the photo."""
_DIFFERENT, _SAME = 0.5, 0.75
"""Below the one most of what counts for either does not count for the other; from the other on nearly all does."""
_SPECK = 0.02
"""A spot is worth counting from this share of the strongest places on."""
_CLEAR = 0.02
"""Similarities that differ by less are not told apart."""


def beside_data(
    encoder: Encoder,
    images: Images,
    other: Encoder,
    table: Array,
    *,
    methods: Sequence[str] | None,
    lead: str | None,
    subjects: Mapping[str, Box],
    stop: Callable[[], bool] | None,
    pairs: bool = True,
) -> dict[str, Any]:
    """What does another network see in the same photos?

    Args:
        encoder: The first network.
        images: The photos, as read for it.
        other: The other network.
        table: (photos, photos) similarities by the first one.
        methods: Names of methods, of which the first that both answer is asked; None: of `COMPARED`.
        lead: What is to be said of the two.
        subjects: Boxes of the photos' subjects, by name.
        stop: As for `explain`.
        pairs: Also why it finds every two alike, which takes longest.

    Raises:
        NotApplicable: No method that both answer.
    """
    seen = other.read([_source(photo) for photo in images.photos])
    first, second = _both_asked(encoder, images, other, seen, methods or COMPARED, stop)
    codes = other.codes(seen)
    centre = known_centre(other, codes)
    names = network_names(encoder, other)
    theirs = similarities(codes, centre)
    photos = []
    for index, photo in enumerate(images.photos):
        shared, likeness = overlap(first, second, index)
        entry: dict[str, Any] = {
            "box": list(seen.photos[index].placement.shares),
            "maps": [map_data(first, index), map_data(second, index)],
            "shared": shared,
            "likeness": likeness,
            "spots": [spots(each, index) for each in (first, second)],
            "nearest": _nearest_sentence(index, images.names, names, (table, theirs)),
        }
        box = subjects.get(photo.name)
        shares_on_subject = [
            on_subject(each.values[index], each.images.photos[index], box) for each in (first, second) if box
        ]
        parts = [part for part, _ in filter(None, shares_on_subject)]
        if len(parts) == 2:
            entry["on_subject"] = parts
        entry["sentence"] = _look_sentence(entry, names)
        photos.append(entry)
    return {
        "names": list(names),
        "lead": lead or f"{names[1]} was given the same photo{'s' * (len(photos) > 1)} and asked the same.",
        "described": [encoder.describe(), other.describe()],
        "codes": [_code_words(encoder, images), _code_words(other, seen)],
        "centred": centre is not None,
        "photos": photos,
        "pairs": pair_data(other, seen, centre, subjects=subjects, stop=stop) if pairs else [],
        "table": theirs.tolist(),
        "headline": _headline(photos, (table, theirs)),
        "detail": _detail(photos, names, (table, theirs)),
    }


def network_names(encoder: Encoder, other: Encoder) -> tuple[str, str]:
    """What the two are called, so that they can be told apart."""
    if encoder.name != other.name:
        return encoder.name, other.name
    if encoder.layer != other.layer:
        return f"{encoder.name}, {encoder.layer}", f"{other.name}, {other.layer}"
    return f"{encoder.name}, the first", f"{other.name}, the second"


def overlap(first: Attribution, second: Attribution, index: int) -> tuple[float, float]:
    """How far do two maps of a photo lie on the same places?

    Returns:
        Which share of the fifth of the photo that counts most for the one also counts most for the other, and the rank
        correlation of both maps; over what both networks see of the photo.
    """
    placed = [_over_photo(each.values[index], each.images.photos[index]) for each in (first, second)]
    both = ~np.isnan(placed[0]) & ~np.isnan(placed[1])
    values = [each[both] for each in placed]
    if not both.any():
        return 0.0, 0.0
    count = max(1, round(_STRONGEST * int(both.sum())))
    strongest = [set(np.argsort(-each, kind="stable")[:count].tolist()) for each in values]
    shared = len(strongest[0] & strongest[1]) / count
    return shared, float(rank_correlation(values[0][None], values[1][None])[0])


def spots(attribution: Attribution, index: int) -> int:
    """Into how many separate spots does the fifth of a photo fall that counts most? Specks are not counted."""
    values = _over_photo(attribution.values[index], attribution.images.photos[index])
    order = np.argsort(-np.nan_to_num(values, nan=-np.inf), axis=None, kind="stable")
    count = max(1, round(_STRONGEST * int((~np.isnan(values)).sum())))
    strongest = np.zeros(values.size, bool)
    strongest[order[:count]] = True
    return sum(size >= _SPECK * count for size in _sizes(strongest.reshape(values.shape)))


def _sizes(mask: NDArray[np.bool_]) -> list[int]:
    """Of how many places is every connected part?"""
    left = mask.copy()
    sizes = []
    for start in np.argwhere(mask):
        waiting, size = [(int(start[0]), int(start[1]))], 0
        while waiting:
            row, column = waiting.pop()
            inside = 0 <= row < left.shape[0] and 0 <= column < left.shape[1]
            if inside and left[row, column]:
                left[row, column] = False
                size += 1
                waiting += [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
        if size:
            sizes.append(size)
    return sizes


def _over_photo(values: Array, photo: Photo) -> Array:
    """A map on a coarse grid over the whole photo; NaN where the model sees nothing."""
    height, width = photo.original.shape[:2]
    shrunk = _SIDE / max(height, width)
    placement = photo.placement.on_resized(max(1, round(height * shrunk)), max(1, round(width * shrunk)))
    return placement.onto_original(values, outside=np.nan)


def _source(photo: Photo) -> Path | NDArray[np.uint8]:
    """What the other network can read: the file, or the photo as it was shown."""
    return photo.source if photo.source is not None and photo.source.is_file() else photo.original


def _both_asked(
    encoder: Encoder,
    images: Images,
    other: Encoder,
    seen: Images,
    methods: Sequence[str],
    stop: Callable[[], bool] | None,
) -> tuple[Attribution, Attribution]:
    reasons = []
    for name in methods:
        try:
            return explain(encoder, images, name, stop=stop), explain(other, seen, name, stop=stop)
        except NotApplicable as error:
            reasons.append(str(error))
    raise NotApplicable(f"{encoder.name} and {other.name} answer none of the same methods: {' '.join(reasons)}")


def _code_words(encoder: Encoder, images: Images) -> str:
    return f"{encoder.layer_size(encoder.layer, images.array[:1]):,} numbers"


def _spots_words(counts: Sequence[float], names: tuple[str, str]) -> str:
    """How many spots does each pick out, in whole numbers?"""
    numbers = [max(1, round(count)) for count in counts]
    spots_of_first = "a single spot" if numbers[0] == 1 else f"{numbers[0]} separate spots"
    if numbers[0] == numbers[1]:
        return f"both pick out {spots_of_first}"
    spots_of_second = "a single one" if numbers[1] == 1 else f"{numbers[1]} of them"
    return f"{names[0]} picks out {spots_of_first}, {names[1]} {spots_of_second}"


def _look_sentence(photo: Mapping[str, Any], names: tuple[str, str]) -> str:
    """Where do both look in this photo?"""
    text = (
        f"Here {_spots_words(photo['spots'], names)}; {percent(photo['shared'])} of what counts most is the same, "
        f"where chance would give {percent(_STRONGEST)}."
    )
    if "on_subject" not in photo:
        return text
    first, second = (percent(share) for share in photo["on_subject"])
    return f"{text} On the subject lie {first} of the one map and {second} of the other."


def _nearest(table: Array, index: int) -> int:
    """The other photo that is most alike."""
    row = table[index].copy()
    row[index] = -np.inf
    return int(row.argmax())


def _differ(tables: tuple[Array, Array], index: int) -> bool:
    """Does each network clearly prefer its own choice to the other's?"""
    first, second = (_nearest(table, index) for table in tables)
    ahead = (tables[0][index, first] - tables[0][index, second], tables[1][index, second] - tables[1][index, first])
    return bool(min(ahead) >= _CLEAR)


def _nearest_sentence(index: int, photos: Sequence[str], names: tuple[str, str], tables: tuple[Array, Array]) -> str:
    """Which photo is most like this one, by either network? Empty where there is no choice."""
    if len(photos) < 3:
        return ""
    chosen = [_nearest(table, index) for table in tables]
    if chosen[0] == chosen[1]:
        return f"Both find {photos[chosen[0]]} most like {photos[index]}."
    first, second = (
        f"{photos[which]} ({score_text(float(table[index, which]))})"
        for which, table in zip(chosen, tables, strict=True)
    )
    close = "" if _differ(tables, index) else "; the two are nearly equal"
    return f"{names[0]} finds {first} most like {photos[index]}, {names[1]} {second}{close}."


def _headline(photos: Sequence[Mapping[str, Any]], tables: tuple[Array, Array]) -> str:
    """What differs, in one sentence?"""
    shared = float(np.mean([photo["shared"] for photo in photos]))
    places = "different" if shared < _DIFFERENT else "partly different" if shared < _SAME else "the same"
    text = f"They look at {places} places"
    if len(photos) < 3:
        return f"{text}."
    differ = sum(_differ(tables, index) for index in range(len(photos)))
    if differ == 0:
        return f"{text}, and find the same photos alike."
    return f"{text}, and find {'different' if differ >= len(photos) / 2 else 'mostly the same'} photos alike."


def _detail(photos: Sequence[Mapping[str, Any]], names: tuple[str, str], tables: tuple[Array, Array]) -> str:
    """The numbers behind the headline."""
    shared = float(np.mean([photo["shared"] for photo in photos]))
    spots_in_words = _spots_words(list(np.mean([photo["spots"] for photo in photos], axis=0)), names)
    text = (
        f"{'On average' if len(photos) > 1 else 'Here'} {spots_in_words}. Of the fifth of a photo that counts most for "
        f"each, {percent(shared)} is the same, where chance would give {percent(_STRONGEST)}."
    )
    if len(photos) < 3:
        return text
    differ = sum(_differ(tables, index) for index in range(len(photos)))
    if differ == 0:
        return f"{text} For no photo do they clearly differ in which other one is most alike."
    every = f"all {len(photos)}" if differ == len(photos) else f"{differ} of the {len(photos)}"
    return f"{text} For {every} photos they clearly differ in which other one is most alike."
