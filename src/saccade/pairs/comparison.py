"""Asking why two images are alike: the only place where a `Similarity` is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from saccade.arguments import checks_arguments
from saccade.attribution.abnormal_tokens import abnormal_tokens
from saccade.encoder import Encoder, as_encoder
from saccade.errors import InputError
from saccade.images import Images
from saccade.images.collection import skipped_in_words
from saccade.models.places import Places, special_tokens
from saccade.pairs.reference import MeanCode, mean_code
from saccade.pairs.split import split
from saccade.picture.numerals import number
from saccade.reference import Reference
from saccade.results import Similarity

_FEW = 20
"""A mean of fewer images than this is still mostly these images."""
_ROUNDING = 1e-5
"""What float32 leaves of a code when it is taken off itself, as a share of its length."""


@checks_arguments
def compare(
    encoder: Encoder | Any,
    a: Any,
    b: Any,
    *,
    matching: str = "place",
    reference: Any = None,
    centre: ArrayLike | None = None,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Similarity:
    """Why are these two images alike?

    The similarity is the cosine of the two codes, split exactly over their cells: the shares add up to the score, and
    evidence against it is negative.

        place      score = <A, B> / (|A| |B|),          share of cell u = <A_u, B_u> / (|A| |B|)
        anywhere   score = <A', B'> / (|A'| |B'|),      A', B' the mean cells;
                   share of cell u of A = sum over v of <A_u, B_v> / (n m |A'| |B'|), and likewise for B

    Args:
        encoder: The model and its code; a live model is made an `Encoder` with its defaults.
        a: An image: a path, a PIL image, an array, or one of `encoder.read`.
        b: The other image.
        matching: `"place"` compares each cell with the cell at the same place, `"anywhere"` with all cells.
        reference: A folder, or a list of images: their mean code is taken off both codes first, so that what is
            left is what these two share beyond what all images share. With `"anywhere"` it is their mean cell.
            Files that cannot be used are left out and counted in the notes. A `Reference`, such as the encoder's own
            (`encoder.reference`), has that mean ready.
        centre: Instead of `reference`, what is taken off: (rows, columns, channels) or (channels,).
        progress: Called with the reference images done and those in all.
        stop: Asked between images; True ends the work with `Cancelled`.

    Returns:
        The score and its shares; it draws and saves itself.

    Raises:
        FileError: A file or folder does not exist.
        InputError: Not one image each, codes of different shape, or a code without direction.
        UnknownName: No such matching.
        Cancelled: `stop` said so.

    Example:
        >>> why = saccade.compare(encoder, "a.jpg", "b.jpg", reference="holiday/")
        >>> why.save("why.png")
        PosixPath('why.png')
    """
    encoder = as_encoder(encoder)
    if reference is not None and centre is not None:
        raise InputError("both reference and centre were given; the codes can be centred once only. Give one.")
    images = _one(encoder, a, "first"), _one(encoder, b, "second")
    codes = _codes(encoder, images)
    notes: list[str] = []
    count = 0
    known = reference if isinstance(reference, Reference) else encoder.reference
    if isinstance(reference, Reference):
        centre, count = reference.mean_code, reference.count
    elif reference is not None:
        size = images[0].shape[1:3]
        mean = mean_code(encoder, reference, size=(size[0], size[1]), progress=progress, stop=stop)
        centre, count = mean.code, mean.count
        notes += _about(mean)
    places = [encoder.places(encoder.layer, image.shape[1], image.shape[2]) for image in images]
    if centre is not None:
        codes = _centred(codes, centre, matching, places)
    (first, special_a), (second, special_b) = map(_cells, codes, places)
    parts = split(first, second, matching, special=(special_a, special_b))
    typical = ""
    if known is not None and matching == "place" and (centre is None or isinstance(reference, Reference)):
        typical = _typical(known, centred=centre is not None)
    has_places = all(place is not None for place in places)
    if special_a.size:
        tokens = special_tokens(len(special_a))
        adds = f"{tokens} of the code, no place of the photo: {parts.special:.3g} of the score"
        notes.append(adds if matching == "place" else f"{tokens} of the code left out: no place of the photo")
    if has_places:
        both = [first, second] if first.shape == second.shape else [first]
        notes += abnormal_tokens(encoder, encoder.layer, np.stack(both).astype(np.float32))
    else:
        files = [image.photos[0].source or image.names[0] for image in images]
        missing = (
            "has no places" if codes[0].shape[:2] == (1, 1) else "is tokens of which it is not known where they lie"
        )
        notes.append(
            f"the code ({encoder.layer}) {missing}, so the similarity cannot be drawn; to see which parts matter: "
            f"saccade explain MODEL {files[0]} --target like:{files[1]}"
        )
    return Similarity(
        score=parts.score,
        shares_a=parts.shares_a,
        shares_b=parts.shares_b,
        images=images,
        model=encoder.name,
        layer=encoder.layer,
        matching=matching,
        centred=centre is not None,
        references=count,
        places=has_places,
        special=parts.special,
        typical=typical,
        notes=(*notes, *encoder.notes),
    )


def _one(encoder: Encoder, image: Any, which: str) -> Images:
    images = encoder.images(image)
    if len(images) != 1:
        raise InputError(f"the {which} image is {len(images)} images; compare two single ones.")
    photo = images.photos[0]
    if photo.source is not None or photo.name != "image 1":
        return images
    # Two nameless images would both be called the first of their kind.
    return Images(images.array, (replace(photo, name=f"{which} image"),), images.value_range)


def _codes(encoder: Encoder, images: tuple[Images, Images]) -> list[NDArray[np.floating]]:
    first, second = images
    if first.shape == second.shape:
        return list(encoder.codes(np.concatenate([first.array, second.array])))
    return [encoder.codes(image)[0] for image in images]


def _cells(code: NDArray[np.floating], places: Places | None) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """The cells of a code (rows, columns, channels), and its special tokens (tokens, channels)."""
    if places is None:
        return code, code[0, :0]
    cells, special = places.split(code[None])
    return cells[0], special[0]


def _centred(
    codes: list[NDArray[np.floating]], centre: ArrayLike, matching: str, places: Sequence[Places | None]
) -> list[NDArray[np.floating]]:
    """Take the centre off both codes."""
    try:
        middle = np.asarray(centre, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("centre is no array of numbers; give (rows, columns, channels) or (channels,).") from error
    if not np.isfinite(middle).all():
        raise InputError("centre holds values that are not numbers (NaN or infinite).")
    if matching == "anywhere" and middle.ndim == 3:
        # Places do not count here, and the two grids may differ.
        fits = places[0] is not None and middle.shape == codes[0].shape
        middle = (_cells(middle, places[0])[0] if fits else middle).mean(axis=(0, 1))
    centred: list[NDArray[np.floating]] = []
    for code, which in zip(codes, ("first", "second"), strict=True):
        if middle.shape not in (code.shape, code.shape[-1:]):
            raise InputError(
                f"a centre of shape {middle.shape} for a code of shape {code.shape}; give that shape, or one "
                f"number for each channel: ({code.shape[-1]},)."
            )
        centred_code = code - middle
        if np.linalg.norm(centred_code) <= _ROUNDING * np.linalg.norm(middle):
            raise InputError(
                f"the {which} code is exactly the mean that is taken off, so nothing is left to compare; "
                "give a reference collection of more, or of other images."
            )
        centred.append(centred_code)
    return centred


def _typical(known: Reference, *, centred: bool) -> str:
    """What a score means: how alike two photos of the collection typically are."""
    median, high = known.typical(centred=centred)
    of = "of the collection that the model knows"
    return (
        f"a typical pair {of} ({known.count:,} photos) scores {number(median)}; 5 % of them score over {number(high)}"
    )


def _about(mean: MeanCode) -> list[str]:
    """What must be known of the reference collection."""
    notes = []
    if mean.count < _FEW:
        plural = "s" * (mean.count != 1)
        notes.append(f"the reference is only {mean.count} image{plural}; some hundred make a steadier mean")
    if mean.skipped:
        notes.append(skipped_in_words(mean.skipped, "the reference images"))
    return notes
