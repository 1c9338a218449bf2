"""Asking why two images are alike: the only place where a `Similarity` is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from numpy.typing import ArrayLike

from saccade.arguments import checks_arguments
from saccade.attribution.masks import cells_of
from saccade.encoder import Encoder, as_encoder
from saccade.errors import InputError, UnknownName
from saccade.images import Images
from saccade.images.collection import skipped_in_words
from saccade.pairs import links
from saccade.pairs.cosine_split import MATCHINGS
from saccade.pairs.cover import cover_test
from saccade.pairs.masked import check_masks
from saccade.pairs.pair_codes import PairCodes
from saccade.pairs.reference import FEW_IMAGES, MeanCode, mean_code
from saccade.pairs.score_split import SPLITS, ScoreSplit, split_score
from saccade.pairs.typical_scores import collection_beside, typical_of_mean, typical_of_reference
from saccade.reference import Reference
from saccade.results import CoverTest, Match, Similarity


@checks_arguments
def compare(
    encoder: Encoder | Any,
    a: Any,
    b: Any,
    *,
    matching: str | None = None,
    split: str = "auto",
    masks: int = 256,
    cells: int = 7,
    seed: int = 0,
    reference: Any = None,
    centre: ArrayLike | None = None,
    centred: bool | None = None,
    cover: bool = False,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Similarity:
    """Why are these two images alike?

    The similarity is the cosine of the two codes, split over their places: the shares add up to the score, and evidence
    against it is negative. A code with places is split exactly:

        place      score = <A, B> / (|A| |B|),          share of cell u = <A_u, B_u> / (|A| |B|)
        anywhere   score = <A', B'> / (|A'| |B'|),      A', B' the mean cells;
                   share of cell u of A = sum over v of <A_u, B_v> / (n m |A'| |B'|), and likewise for B

    A vector is split as `anywhere`, over all pairs of places. Where it is pooled of cells, or a linear layer of them,
    the cells of that earlier layer are taken, exactly too (`linear_head`). Of any other encoder, parts of both images
    are masked, and the shares are estimated (`masked`).

    Args:
        encoder: The model and its code; a live model is made an `Encoder` with its defaults.
        a: An image: a path, a PIL image, an array, or one of `encoder.read`.
        b: The other image.
        matching: `"place"` compares each cell with the cell at the same place, `"anywhere"` with all cells; by default
            the former where the code has places.
        split: `"exact"`, `"masked"`, or `"auto"`: exact where it can be.
        masks: How many masked copies of each image are encoded where the split is estimated.
        cells: Places along the shorter side of an image, there.
        seed: Fixes the masks.
        reference: A folder, or a list of images: their mean code is taken off both codes first, so that what is
            left is what these two share beyond what all images share. With `"anywhere"` it is their mean cell.
            Files that cannot be used are left out and counted in the notes. A `Reference`, such as the encoder's own
            (`encoder.reference`), has that mean ready.
        centre: Instead of `reference`, what is taken off: (rows, columns, channels) or (channels,).
        centred: Take off what all photos share, the mean code of `reference`, or that which the model knows itself
            (`encoder.reference`); by default wherever one is known. Centred scores spread more, and tell a little
            better which photos show the same kind of thing. False compares the codes as they are.
        cover: Try what the score really becomes when the strongest matches are covered, too, on one photo at a time
            (`Similarity.cover_test`); two images more are encoded for each match.
        progress: Called with what is done and what is to do, while the reference is read and while masked copies are
            encoded.
        stop: Asked between images; True ends the work with `Cancelled`.

    Returns:
        The score, its shares, links and matches; it draws and saves itself.

    Raises:
        FileError: A file or folder does not exist.
        InputError: Not one image each, codes of different shape, or a code without direction.
        NotApplicable: A code without places, and a split or matching that needs them.
        UnknownName: No such matching or split.
        Cancelled: `stop` said so.

    Example:
        >>> why = saccade.compare(encoder, "a.jpg", "b.jpg", reference="holiday/")
        >>> why.save("why.png")
        PosixPath('why.png')
    """
    encoder = as_encoder(encoder)
    _check_centring(encoder, reference, centre, centred)
    if matching is not None and matching not in MATCHINGS:
        raise UnknownName.of("matching", matching, MATCHINGS)
    if split not in SPLITS:
        raise UnknownName.of("split", split, SPLITS)
    if reference is None and centre is None and centred is not False:
        reference = encoder.reference
    images = _single_image(encoder, a, "first"), _single_image(encoder, b, "second")
    pair = PairCodes.of(encoder, images, exact=split != "masked", progress=progress, stop=stop)
    pair.check(matching, split)
    if split == "masked":
        for image in images:
            check_masks(masks, cells_of((image.shape[1], image.shape[2]), cells))
    notes: list[str] = []
    mean: MeanCode | None = None
    if isinstance(reference, Reference):
        pair.check_reference(reference)
        centre = None if centred is False else reference.mean_code
    elif reference is not None:
        size = pair.images[0].shape[1:3]
        mean = mean_code(encoder, reference, size=(size[0], size[1]), progress=progress, stop=stop)
        centre = None if centred is False else mean.code
        notes += _notes_of_mean(mean)
    score = split_score(pair, matching, split, masks=masks, cells=cells, seed=seed, centre=centre)
    known = reference if isinstance(reference, Reference) else encoder.reference
    typical = None
    if mean is not None:
        typical = typical_of_mean(mean, pair, centred=centre is not None, pooled=not score.is_whole)
    elif known is not None and score.is_whole and (centre is None or isinstance(reference, Reference)):
        typical = typical_of_reference(known, centred=centre is not None)
    else:
        notes += collection_beside(pair.images)
    matches = _matches(score)
    parts = score.parts
    return Similarity(
        score=parts.score,
        shares_a=parts.shares_a,
        shares_b=parts.shares_b,
        images=pair.images,
        model=encoder.name,
        layer=encoder.layer,
        matching=score.matching,
        centred=centre is not None,
        references=0 if centre is None or (mean or reference) is None else (mean or reference).count,
        places=True,
        special=parts.special,
        special_kind=score.special_kind,
        typical="" if typical is None else typical.in_words,
        median_score=None if typical is None else typical.median,
        high_score=None if typical is None else typical.high,
        split="estimated" if score.masked else "exact",
        cells=pair.head.layer if pair.head is not None and score.masked is None else "",
        interactions=parts.interactions,
        within=parts.within,
        error=score.errors_of_shares(),
        matches=matches,
        rest=parts.score - sum(match.share for match in matches),
        cover_test=_cover_test(pair, score, matches, centre) if cover else None,
        notes=(*notes, *score.notes, *encoder.notes),
    )


def _check_centring(encoder: Encoder, reference: Any, centre: ArrayLike | None, centred: bool | None) -> None:
    """Refuse what contradicts itself about what is taken off the codes, before the work.

    Raises:
        InputError: It is so.
    """
    if reference is not None and centre is not None:
        raise InputError("both reference and centre were given; the codes can be centred once only. Give one.")
    if centred and reference is None and centre is None and encoder.reference is None:
        raise InputError(
            "centred=True needs to know what most photos share, and nothing beside this model says so; give a "
            "reference, a folder of photos (--reference FOLDER)."
        )
    if centred is False and centre is not None:
        raise InputError("centred=False takes nothing off, and centre says what is taken off; give one of them.")


def _matches(score: ScoreSplit) -> tuple[Match, ...]:
    """The few regions that make the score."""
    if score.matching == "place":
        return links.regions(score.parts.shares_a)
    if score.parts.interactions is None:
        return ()
    matches = links.matches(score.parts.interactions, score.errors())
    return tuple(replace(match, error=score.error_of(match)) for match in matches)


def _cover_test(
    pair: PairCodes, score: ScoreSplit, matches: tuple[Match, ...], centre: ArrayLike | None
) -> CoverTest | None:
    centres = (0.0, 0.0) if centre is None else pair.centres(centre, "place" if score.is_whole else "anywhere")
    return cover_test(pair.run, pair.images, matches, score.parts, (centres[0], centres[1]), pooled=not score.is_whole)


def _single_image(encoder: Encoder, image: Any, which: str) -> Images:
    images = encoder.images(image)
    if len(images) != 1:
        raise InputError(f"the {which} image is {len(images)} images; compare two single ones.")
    photo = images.photos[0]
    if photo.source is not None or photo.name != "image 1":
        return images
    # Two nameless images would both be called the first of their kind.
    return Images(images.array, (replace(photo, name=f"{which} image"),), images.value_range)


def _notes_of_mean(mean: MeanCode) -> list[str]:
    """What must be known of the reference collection."""
    notes = []
    if mean.count < FEW_IMAGES:
        plural = "s" * (mean.count != 1)
        notes.append(f"the reference is only {mean.count} image{plural}; some hundred make a steadier mean")
    if mean.skipped:
        notes.append(skipped_in_words(mean.skipped, "the reference images"))
    return notes
