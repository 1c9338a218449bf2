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
from saccade.pairs import links
from saccade.pairs.centring import Centring, check_centring
from saccade.pairs.cosine_split import MATCHINGS
from saccade.pairs.cover import cover_test
from saccade.pairs.masked_terms import check_masks
from saccade.pairs.pair_codes import PairCodes
from saccade.pairs.score_split import SPLITS, ScoreSplit, split_score
from saccade.pairs.typical_scores import collection_beside
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
    are masked, and the shares are estimated (`masked_terms`).

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
    check_centring(encoder, reference, centre, centred)
    if matching is not None and matching not in MATCHINGS:
        raise UnknownName.of("matching", matching, MATCHINGS)
    if split not in SPLITS:
        raise UnknownName.of("split", split, SPLITS)
    images = _single_image(encoder, a, "first"), _single_image(encoder, b, "second")
    pair = PairCodes.of(encoder, images, exact=split != "masked", progress=progress, stop=stop)
    pair.check(matching, split)
    if split == "masked":
        for image in images:
            check_masks(masks, cells_of((image.shape[1], image.shape[2]), cells))
    centring = Centring.of(pair, reference, centre, centred, progress=progress, stop=stop)
    score = split_score(pair, matching, split, masks=masks, cells=cells, seed=seed, centre=centring.centre)
    typical = centring.typical(pair, score)
    beside = collection_beside(pair.images) if typical is None and centring.mean is None else ()
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
        centred=centring.centre is not None,
        references=centring.count,
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
        cover_test=_cover_test(pair, score, matches, centring.centre) if cover else None,
        notes=(*centring.notes, *beside, *score.notes, *encoder.notes),
    )


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
