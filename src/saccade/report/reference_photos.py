"""Reference photos of a page: what they share is taken off before the photos of the page are compared."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from saccade.collection import Catalogue, catalogue_of, sample
from saccade.collection.catalogue_file import is_catalogue_name
from saccade.collection.code_space import FEWEST_CENTRED
from saccade.encoder import Encoder
from saccade.errors import InputError
from saccade.images import Images, find
from saccade.images.collection import skipped_in_words
from saccade.reference import Reference

_OF_A_SECOND = 300
NAME = "the reference"
"""What these photos are called."""


def with_reference(
    encoder: Encoder,
    images: Images,
    reference: Any,
    *,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> tuple[Encoder, str]:
    """The encoder that compares photos less what these share.

    Args:
        encoder: The model.
        images: The photos of the page.
        reference: A `Reference`, a `Catalogue` or its file, or photos, which are then encoded.
        progress: Called with the photos done and the photos in all.
        stop: Asked between photos; True ends the work with `Cancelled`.

    Returns:
        It, and a line about photos that could not be used; empty where all could.

    Raises:
        InputError: A catalogue or reference of another encoder or another size, or fewer than three photos.
        FileError: A file or folder does not exist, or holds no photo.
        Cancelled: `stop` said so.
    """
    skipped = ""
    if not isinstance(reference, Reference):
        catalogue = _catalogue(encoder, reference, (images.shape[1], images.shape[2]), progress, stop)
        skipped = skipped_in_words(catalogue.skipped, "the reference photos")
        if catalogue.reference is None:
            raise InputError(
                f"{len(catalogue)} reference photo{'s' * (len(catalogue) > 1)}: what they share is not what all photos "
                f"share; give {FEWEST_CENTRED} or more, better some hundred."
            )
        reference = replace(catalogue.reference, name=NAME)
    stored, own = reference.mean_code.shape, encoder.codes(images).shape[1:]
    if stored != own:
        shapes = ["x".join(map(str, shape)) for shape in (stored, own)]
        raise InputError(
            f"the reference is of another model, layer or size of photos: its codes are {shapes[0]}, and those of this "
            f"page {shapes[1]}; give the folder of the photos."
        )
    knowing = copy.copy(encoder)
    knowing.reference = reference
    return knowing, skipped


def knowing_the_same(
    other: Encoder, images: Images, reference: Any, *, stop: Callable[[], bool] | None = None
) -> Encoder:
    """A second network that compares photos less what the reference photos share to it, as the first one does.

    At most 300 of them, drawn at random, are encoded for it. It is handed back as it is where it knows a collection of
    its own, or where those photos are not at hand: a `Reference` has none, and of a catalogue they may be gone.

    Args:
        other: The second network.
        images: The photos of the page.
        reference: As for `with_reference`, for the first network.
        stop: Asked between photos; True ends the work with `Cancelled`.

    Raises:
        InputError: Fewer than three of the photos can be used.
        FileError: A file or folder does not exist, or holds no photo.
        Cancelled: `stop` said so.
    """
    if other.reference is not None:
        return other
    chosen = photos_for_a_second(_photos_of(reference))
    if len(chosen) < FEWEST_CENTRED:
        return other
    images_of_other = other.read([photo.original for photo in images.photos])
    knowing, _ = with_reference(other, images_of_other, chosen, stop=stop)
    return knowing


def photos_for_a_second(photos: Sequence[Any]) -> list[Any]:
    """Those of the reference photos that a second network encodes: at most 300, drawn at random."""
    return [photos[row] for row in sample(len(photos), _OF_A_SECOND)]


def _photos_of(reference: Any) -> list[Any]:
    """The reference photos themselves, as far as they are there."""
    if isinstance(reference, (str, Path)):
        if not is_catalogue_name(reference):
            return list(find([reference]))
        reference = Catalogue.load(reference)
    if isinstance(reference, Catalogue):
        return [path for row in range(len(reference)) if (path := reference.file(row)) is not None]
    return [] if isinstance(reference, Reference) else list(reference)


def _catalogue(
    encoder: Encoder,
    reference: Any,
    size: tuple[int, int],
    progress: Callable[[int, int], None] | None,
    stop: Callable[[], bool] | None,
) -> Catalogue:
    """The codes of the reference photos."""
    if isinstance(reference, (str, Path)) and is_catalogue_name(reference):
        reference = Catalogue.load(reference)
    if isinstance(reference, Catalogue):
        reference.check_fits(encoder)
        return reference
    of_one_size = copy.copy(encoder)
    of_one_size.recipe = replace(encoder.recipe, height=size[0], width=size[1], multiple=1)
    return catalogue_of(of_one_size, reference, progress=progress, stop=stop)
