"""Asking why two pictures are alike: the only place where a `Similarity` is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from saccade.encoder import Encoder
from saccade.errors import InputError
from saccade.images import Images
from saccade.pairs.reference import mean_code
from saccade.pairs.split import split
from saccade.results import Similarity

_FEW = 20
"""A mean of fewer pictures than this is still mostly these pictures."""
_ROUNDING = 1e-5
"""What float32 leaves of a code after itself is taken off, as a share of its length."""


def compare(
    encoder: Encoder,
    a: Any,
    b: Any,
    *,
    matching: str = "place",
    reference: Any = None,
    centre: ArrayLike | None = None,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Similarity:
    """Why are these two pictures alike?

    The similarity is the cosine of the two codes, split exactly over their cells: the shares add up to the score, and
    evidence against it is negative.

        place      score = <A, B> / (|A| |B|),          share of cell u = <A_u, B_u> / (|A| |B|)
        anywhere   score = <A', B'> / (|A'| |B'|),      A', B' the mean cells;
                   share of cell u of A = sum over v of <A_u, B_v> / (n m |A'| |B'|), and likewise for B

    Args:
        encoder: The model and its code.
        a: A picture: a path, a PIL image, an array, or one of `encoder.read`.
        b: The other picture.
        matching: `"place"` compares each cell with the cell at the same place, `"anywhere"` with all cells.
        reference: A folder, or a list of pictures: their mean code is taken off both codes first, so that what is
            left is what these two share beyond what all pictures share. With `"anywhere"` it is their mean cell.
            Files that cannot be read are left out and counted in the notes.
        centre: Instead of `reference`, what is taken off: (rows, columns, channels) or (channels,).
        progress: Called with the reference pictures done and those in all.
        stop: Asked between batches; True ends the work with `Cancelled`.

    Returns:
        The score and its shares; it draws and saves itself.

    Raises:
        FileError: A file or folder does not exist.
        InputError: Not one picture each, codes of different shape, or a code without direction.
        UnknownName: No such matching.
        Cancelled: `stop` said so.

    Example:
        >>> why = saccade.compare(encoder, "a.jpg", "b.jpg", reference="holiday/")
        >>> why.save("why.png")
        PosixPath('why.png')
    """
    if reference is not None and centre is not None:
        raise InputError("both reference and centre were given; the codes can be centred once only. Give one.")
    pictures = _one(encoder, a, "first"), _one(encoder, b, "second")
    codes = _codes(encoder, pictures)
    notes: list[str] = []
    count = 0
    if reference is not None:
        size = pictures[0].shape[1:3]
        mean = mean_code(encoder, reference, size=(size[0], size[1]), progress=progress, stop=stop)
        centre, count = mean.code, mean.count
        notes += _about(mean.count, mean.skipped)
    if centre is not None:
        codes = _centred(codes, centre, matching)
    found = split(codes[0], codes[1], matching)
    places = len(encoder.layers[encoder.layer].shape) == 3 and min(code[..., 0].size for code in codes) > 1
    if not places:
        names = [images.photos[0].source or images.names[0] for images in pictures]
        notes.append(
            f"the code ({encoder.layer}) has no places, so the similarity cannot be drawn; to see which parts matter: "
            f"saccade explain MODEL {names[0]} --target like:{names[1]}"
        )
    return Similarity(
        score=found.score,
        shares_a=found.shares_a,
        shares_b=found.shares_b,
        images=pictures,
        model=encoder.name,
        layer=encoder.layer,
        matching=matching,
        centred=centre is not None,
        references=count,
        places=places,
        notes=(*notes, *encoder.notes),
    )


def _one(encoder: Encoder, given: Any, which: str) -> Images:
    images = encoder.images(given)
    if len(images) != 1:
        raise InputError(f"the {which} picture is {len(images)} pictures; compare two single ones.")
    photo = images.photos[0]
    if photo.source is not None or photo.name != "image 1":
        return images
    # Two nameless pictures would both be called the first of their kind.
    return Images(images.array, (replace(photo, name=f"{which} picture"),), images.value_range)


def _codes(encoder: Encoder, pictures: tuple[Images, Images]) -> list[NDArray[np.floating]]:
    first, second = pictures
    if first.shape == second.shape:
        return list(encoder.codes(np.concatenate([first.array, second.array])))
    return [encoder.codes(each)[0] for each in pictures]


def _centred(codes: list[NDArray[np.floating]], centre: ArrayLike, matching: str) -> list[NDArray[np.floating]]:
    """Take the centre off both codes."""
    middle = np.asarray(centre, np.float64)
    if matching == "anywhere" and middle.ndim == 3:
        middle = middle.mean(axis=(0, 1))  # places do not count here, and the two grids may differ
    centred: list[NDArray[np.floating]] = []
    for code, which in zip(codes, ("first", "second"), strict=True):
        if middle.shape not in (code.shape, code.shape[-1:]):
            raise InputError(
                f"a centre of shape {middle.shape} for a code of shape {code.shape}; give that shape, or one "
                f"number for each channel: ({code.shape[-1]},)."
            )
        rest = code - middle
        if np.linalg.norm(rest) <= _ROUNDING * np.linalg.norm(middle):
            raise InputError(
                f"the {which} code is exactly the mean that is taken off, so nothing is left to compare; "
                "give a reference collection of more, or of other pictures."
            )
        centred.append(rest)
    return centred


def _about(count: int, skipped: tuple[str, ...]) -> list[str]:
    """What must be known of the reference collection."""
    notes = []
    if count < _FEW:
        notes.append(f"the reference is only {count} picture{'s' * (count != 1)}; some hundred make a steadier mean")
    if skipped:
        shown = ", ".join(skipped[:3]) + (", ..." if len(skipped) > 3 else "")
        were = "pictures could not be read and were" if len(skipped) > 1 else "picture could not be read and was"
        notes.append(f"{len(skipped)} reference {were} left out ({shown})")
    return notes
