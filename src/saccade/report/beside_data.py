"""Another network beside the first, on the same photos: where both look, and which photos each finds alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.encoder import Encoder
from saccade.errors import NotApplicable
from saccade.explanation import explain
from saccade.images import Images, Photo
from saccade.report.beside_words import ComparedMaps, TwoNetworks
from saccade.report.map_data import map_data
from saccade.report.map_overlap import overlap, spots
from saccade.report.pair_data import known_centre, pair_data, similarities
from saccade.report.subjects import on_subject
from saccade.results import Attribution
from saccade.typing import Array, Box

COMPARED = ("occlusion",)
"""What both networks are asked unless methods are named: the first that both answer. Covering treats both alike, in one
unit; maps of a layer would show the steps of its convolutions, and count them as spots."""


_MOST = 64
"""Places a side of a map on the page: it is smoother than that, and there are two for every photo."""


@dataclass(frozen=True)
class BothLooks:
    """Where both networks look in one photo.

    Attributes:
        maps: Both maps, as the page carries them.
        compared: What they have in common.
    """

    maps: tuple[dict[str, Any], dict[str, Any]]
    compared: ComparedMaps


def both_looks(
    encoder: Encoder,
    images: Images,
    other: Encoder,
    *,
    methods: Sequence[str] | None = None,
    subjects: Mapping[str, Box] | None = None,
    stop: Callable[[], bool] | None = None,
) -> list[BothLooks]:
    """Where does each of two networks look? One answer for each photo.

    Args:
        encoder: The first network.
        images: The photos, as read for it.
        other: The other network.
        methods: Names of methods, of which the first that both answer is asked; None: of `COMPARED`.
        subjects: Boxes of the photos' subjects, by name.
        stop: As for `explain`.

    Raises:
        NotApplicable: No method that both answer.
    """
    first, second = _attributions(encoder, images, other, _read_by(other, images), methods or COMPARED, stop)
    return [
        BothLooks(
            (map_data(first, index, most=_MOST, rounded=True), map_data(second, index, most=_MOST, rounded=True)),
            _compared(first, second, index, (subjects or {}).get(name)),
        )
        for index, name in enumerate(images.names)
    ]


def beside_data(
    encoder: Encoder,
    images: Images,
    other: Encoder,
    table: Array,
    looks: Sequence[BothLooks],
    *,
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
        looks: Where both look in each photo.
        lead: What is to be said of the two.
        subjects: Boxes of the photos' subjects, by name.
        stop: As for `explain`.
        pairs: Also why it finds every two alike, which takes longest.
    """
    images_of_other = _read_by(other, images)
    codes = other.codes(images_of_other)
    centre = known_centre(other, codes)
    networks = TwoNetworks(network_names(encoder, other), (table, similarities(codes, centre)))
    compared = [look.compared for look in looks]
    plural = "s" * (len(images) > 1)
    return {
        "names": list(networks.names),
        "lead": lead or f"{networks.names[1]} was given the same photo{plural} and asked the same.",
        "described": [encoder.describe(), other.describe()],
        "codes": [_code_words(encoder, images), _code_words(other, images_of_other)],
        "centred": centre is not None,
        "photos": [
            {
                "box": list(images_of_other.photos[index].placement.shares),
                "maps": list(looks[index].maps),
                "shared": maps.shared,
                "likeness": maps.rank_correlation,
                "spots": list(maps.spots),
                "nearest": networks.nearest(index, images.names),
                **({} if maps.on_subject is None else {"on_subject": list(maps.on_subject)}),
                "sentence": networks.look(maps),
            }
            for index, maps in enumerate(compared)
        ],
        "pairs": pair_data(other, images_of_other, centre, subjects=subjects, stop=stop) if pairs else [],
        "table": networks.tables[1].tolist(),
        "headline": networks.headline(compared),
        "detail": networks.detail(compared),
    }


def network_names(encoder: Encoder, other: Encoder) -> tuple[str, str]:
    """What the two are called, so that they can be told apart."""
    if encoder.name != other.name:
        return encoder.name, other.name
    files = [Path(one.file_name) for one in (encoder, other)]
    if all(file.name for file in files) and files[0].name != files[1].name:
        # Two that were trained by one script have one name, which is in the file; people know them by their files.
        stems = files[0].stem, files[1].stem
        return stems if stems[0] != stems[1] else (files[0].name, files[1].name)
    if encoder.layer != other.layer:
        return f"{encoder.name}, {encoder.layer}", f"{other.name}, {other.layer}"
    return f"{encoder.name}, the first", f"{other.name}, the second"


def _compared(first: Attribution, second: Attribution, index: int, subject: Box | None) -> ComparedMaps:
    """Two maps of a photo, compared."""
    of_first, of_second = (
        None if subject is None else on_subject(each.values[index], each.images.photos[index], subject)
        for each in (first, second)
    )
    return ComparedMaps(
        *overlap(first, second, index),
        (spots(first, index), spots(second, index)),
        None if of_first is None or of_second is None else (of_first[0], of_second[0]),
    )


def _read_by(other: Encoder, images: Images) -> Images:
    """The same photos as another network reads them."""
    return other.read([_source(photo) for photo in images.photos])


def _source(photo: Photo) -> Path | NDArray[np.uint8]:
    """What the other network can read: the file, or the photo as it was shown."""
    return photo.source if photo.source is not None and photo.source.is_file() else photo.original


def _attributions(
    encoder: Encoder,
    images: Images,
    other: Encoder,
    images_of_other: Images,
    methods: Sequence[str],
    stop: Callable[[], bool] | None,
) -> tuple[Attribution, Attribution]:
    """The maps of both networks, by the first method that both answer."""
    reasons = []
    for name in methods:
        try:
            return explain(encoder, images, name, stop=stop), explain(other, images_of_other, name, stop=stop)
        except NotApplicable as error:
            reasons.append(str(error))
    raise NotApplicable(f"{encoder.name} and {other.name} answer none of the same methods: {' '.join(reasons)}")


def _code_words(encoder: Encoder, images: Images) -> str:
    return f"{encoder.layer_size(encoder.layer, images.array[:1]):,} numbers"
