"""Asking why two images are alike: the only place where a `Similarity` is made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from saccade.arguments import checks_arguments
from saccade.attribution.abnormal_tokens import abnormal_tokens
from saccade.attribution.filled_tokens import filled_tokens
from saccade.attribution.masks import cells_of
from saccade.encoder import Encoder, as_encoder
from saccade.errors import InputError, NotApplicable, UnknownName
from saccade.images import Images
from saccade.images.collection import skipped_in_words
from saccade.images.files import photos_beside
from saccade.models.places import Places, special_tokens
from saccade.pairs import links
from saccade.pairs.cover import cover_test
from saccade.pairs.linear_head import LinearHead, linear_head, terms_of
from saccade.pairs.masked import MaskedTerms, check_masks, masked_terms
from saccade.pairs.reference import MeanCode, mean_code
from saccade.pairs.split import MATCHINGS, Split, split_terms
from saccade.pairs.split import split as split_of
from saccade.pairs.terms import Numbers, Terms
from saccade.picture.numerals import number
from saccade.reference import Reference
from saccade.results import Match, Similarity
from saccade.run import Run
from saccade.typing import Array

SPLITS = ("auto", "exact", "masked")
"""How a score is split over places."""

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
    if reference is not None and centre is not None:
        raise InputError("both reference and centre were given; the codes can be centred once only. Give one.")
    if centred and reference is None and centre is None and encoder.reference is None:
        raise InputError(
            "centred=True needs to know what most photos share, and nothing beside this model says so; give a "
            "reference, a folder of photos (--reference FOLDER)."
        )
    if centred is not False and reference is None and centre is None:
        reference = encoder.reference
    if centred is False and centre is not None:
        raise InputError("centred=False takes nothing off, and centre says what is taken off; give one of them.")
    if matching is not None and matching not in MATCHINGS:
        raise UnknownName.of("matching", matching, MATCHINGS)
    if split not in SPLITS:
        raise UnknownName.of("split", split, SPLITS)
    images = _one(encoder, a, "first"), _one(encoder, b, "second")
    pair = _Pair.of(encoder, images, exact=split != "masked", progress=progress, stop=stop)
    pair.check(matching, split)
    if split == "masked":
        for image in images:
            check_masks(masks, cells_of((image.shape[1], image.shape[2]), cells))
    notes: list[str] = []
    mean: MeanCode | None = None
    known = reference if isinstance(reference, Reference) else encoder.reference
    if isinstance(reference, Reference):
        _check_fits(reference, pair)
        centre = None if centred is False else reference.mean_code
    elif reference is not None:
        size = pair.images[0].shape[1:3]
        mean = mean_code(encoder, reference, size=(size[0], size[1]), progress=progress, stop=stop)
        centre = None if centred is False else mean.code
        notes += _about(mean)
    answer = _answer(pair, matching, split, masks=masks, cells=cells, seed=seed, centre=centre)
    typical = None
    if mean is not None:
        scores = mean.typical(pair.places[0], centred=centre is not None, pooled=not answer.is_whole)
        typical = None if scores is None else Typical(*scores, f"of the {mean.count:,} reference photos")
    elif known is not None and answer.is_whole and (centre is None or isinstance(reference, Reference)):
        known_scores = known.typical(centred=centre is not None)
        typical = Typical(*known_scores, f"of the collection that the model knows ({known.count:,} photos)")
    if typical is None and mean is None:
        notes += _offered(pair.images)
    parts = answer.parts
    matches: tuple[Match, ...] = ()
    if answer.matching == "place":
        matches = links.regions(parts.shares_a)
    elif parts.interactions is not None:
        matches = links.matches(parts.interactions, answer.errors())
        matches = tuple(replace(match, error=answer.error_of(match)) for match in matches)
    test = None
    if cover:
        zero = (0.0, 0.0)
        middles = zero if centre is None else _middles(pair, centre, answer)
        test = cover_test(pair.run, pair.images, matches, parts, middles, pooled=not answer.is_whole)
    return Similarity(
        score=parts.score,
        shares_a=parts.shares_a,
        shares_b=parts.shares_b,
        images=pair.images,
        model=encoder.name,
        layer=encoder.layer,
        matching=answer.matching,
        centred=centre is not None,
        references=0 if centre is None or (mean or reference) is None else (mean or reference).count,
        places=True,
        special=parts.special,
        typical="" if typical is None else typical.in_words,
        median_score=None if typical is None else typical.median,
        high_score=None if typical is None else typical.high,
        split="estimated" if answer.masked else "exact",
        cells=pair.head.layer if pair.head is not None and answer.masked is None else "",
        interactions=parts.interactions,
        within=parts.within,
        error=answer.errors_of_shares(),
        matches=matches,
        rest=parts.score - sum(match.share for match in matches),
        cover_test=test,
        notes=(*notes, *answer.notes, *encoder.notes),
    )


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two images, their codes, and the call.

    Attributes:
        places: Where the places of the codes lie; None for vectors.
        head: How the codes come of the cells of an earlier layer; None where the codes have places themselves, where it
            is not so, and where it was not asked for.
        cells: The values of that layer, one array for each image.
    """

    run: Run
    progress: Callable[[int, int], None] | None
    stop: Callable[[], bool] | None
    images: tuple[Images, Images]
    codes: list[NDArray[np.floating]]
    places: list[Places | None]
    head: LinearHead | None
    cells: list[Array]

    @classmethod
    def of(
        cls,
        encoder: Encoder,
        images: tuple[Images, Images],
        *,
        exact: bool,
        progress: Callable[[int, int], None] | None,
        stop: Callable[[], bool] | None,
    ) -> _Pair:
        """Encode both images, once.

        Args:
            encoder: The model and its code.
            images: The two.
            exact: Read the cells that the codes are made of, too.
            progress: Called while the call goes on.
            stop: Ends it.
        """
        run = Run(encoder, stop=stop)
        encoder.check_code()
        sizes = [(each.shape[1], each.shape[2]) for each in images]
        places = [encoder.places(encoder.layer, *size) for size in sizes]
        head = linear_head(run, sizes[0]) if exact and None in places else None
        layers = [encoder.layer] if head is None else [encoder.layer, head.layer]
        if images[0].shape == images[1].shape:
            both = run.activations(np.concatenate([each.array for each in images]), layers)
            values = [{layer: both[layer][row] for layer in layers} for row in (0, 1)]
        else:
            values = [{layer: own[0] for layer, own in run.activations(each.array, layers).items()} for each in images]
        codes = [encoder.on_grid(own[encoder.layer][None])[0] for own in values]
        cells = [] if head is None else [own[head.layer] for own in values]
        return cls(run, progress, stop, images, list(codes), places, head, cells)

    @property
    def has_places(self) -> bool:
        return all(place is not None for place in self.places)

    def check(self, matching: str | None, split: str) -> None:
        """Refuse what this code cannot be asked."""
        if self.has_places:
            if split == "masked" and matching == "place":
                raise NotApplicable("masked images pair all places; with split='masked' give matching='anywhere'.")
            return
        if matching == "place":
            raise NotApplicable(
                f"the code ({self.run.encoder.layer}) has no places that could be compared one by one; give "
                "matching='anywhere', or name a layer with cells."
            )


@dataclass(frozen=True, eq=False)
class _Answer:
    """The split of a pair, and how it was made."""

    parts: Split
    matching: str
    is_whole: bool
    """The score is the cosine of the whole codes, as it is known of collections."""
    masked: tuple[MaskedTerms, MaskedTerms] | None
    terms: tuple[Terms, Terms] | None
    notes: tuple[str, ...]

    def errors(self) -> Numbers | None:
        """The standard errors of all pairs."""
        if self.masked is None or self.terms is None or self.parts.interactions is None:
            return None
        a, b = self.masked
        flat_a, flat_b = (terms.cells.reshape(-1, terms.cells.shape[-1]) for terms in self.terms)
        grid_a, grid_b = (terms.grid for terms in self.terms)
        of_a = a.variance(flat_b).reshape(*grid_a, *grid_b)
        of_b = b.variance(flat_a).reshape(*grid_b, *grid_a).transpose(2, 3, 0, 1)
        return np.asarray(np.sqrt(of_a + of_b) / self._lengths)

    def error_of(self, match: Match) -> float | None:
        """The standard error of a match, all of whose links come of the same masked copies; None where it is exact."""
        if self.masked is None or self.terms is None:
            return None
        sides = (match.places_a, match.places_b)
        parts = [terms.cells[places].sum(axis=0) for terms, places in zip(self.terms, sides, strict=True)]
        variances = [
            own.variance_together(places, other)
            for own, places, other in zip(self.masked, sides, parts[::-1], strict=True)
        ]
        return float(np.sqrt(sum(variances))) / self._lengths

    def errors_of_shares(self) -> tuple[Numbers, Numbers] | None:
        """The standard errors of the shares of both images: the whole of the other is not estimated."""
        if self.masked is None or self.terms is None:
            return None
        errors = [
            np.sqrt(one.variance(other.code[None])[:, :, 0]) / self._lengths
            for one, other in zip(self.masked, self.terms[::-1], strict=True)
        ]
        return errors[0], errors[1]

    @property
    def _lengths(self) -> float:
        assert self.terms is not None
        return float(np.prod([np.linalg.norm(terms.code) for terms in self.terms]))


def _answer(
    pair: _Pair, matching: str | None, split: str, *, masks: int, cells: int, seed: int, centre: ArrayLike | None
) -> _Answer:
    encoder = pair.run.encoder
    if pair.has_places and split != "masked":
        return _exact(pair, matching or "place", centre)
    notes: list[str] = []
    whole = [np.asarray(code, np.float64) for code in pair.codes]
    centred = whole if centre is None else _centred(pair.codes, centre, "whole", pair.places)
    middles = [None if centre is None else (code - less).ravel() for code, less in zip(whole, centred, strict=True)]
    if whole[0].shape != whole[1].shape:
        split_of(whole[0], whole[1])  # says what does not fit
    masked = None
    terms = None if split == "masked" else _exact_terms(pair, notes)
    if terms is None:
        if split == "exact":
            raise NotApplicable(
                f"the code ({encoder.layer}) has no places, and is no linear function of cells that could be read; "
                "give split='masked' (--split masked), which estimates the shares with masked images."
            )
        masked = _masked(pair, masks, cells, seed)
        terms = masked[0].terms, masked[1].terms
        notes.append(
            f"the shares are estimated with {masks} masked copies of each photo, hidden places show "
            f"{masked[0].filler}; what places differ by is measured, what they have in common is shared out evenly"
        )
        notes += filled_tokens(encoder, (pair.images[0].shape[1], pair.images[0].shape[2]))
    both = [own if middle is None else own.less(middle) for own, middle in zip(terms, middles, strict=True)]
    return _Answer(
        parts=split_terms(both[0], both[1]),
        matching="anywhere",
        is_whole=True,
        masked=masked,
        terms=(both[0], both[1]),
        notes=tuple(notes),
    )


def _middles(pair: _Pair, centre: ArrayLike, answer: _Answer) -> tuple[Numbers, Numbers]:
    """What is taken off each code."""
    matching = "anywhere" if not answer.is_whole else "place"
    centred = _centred(pair.codes, centre, matching, pair.places)
    first, second = (np.asarray(code, np.float64) - less for code, less in zip(pair.codes, centred, strict=True))
    return first, second


def _exact(pair: _Pair, matching: str, centre: ArrayLike | None) -> _Answer:
    """A code with places, cell by cell."""
    encoder = pair.run.encoder
    notes: list[str] = []
    codes = pair.codes if centre is None else _centred(pair.codes, centre, matching, pair.places)
    (first, special_a), (second, special_b) = map(_cells, codes, pair.places)
    parts = split_of(first, second, matching, special=(special_a, special_b))
    if special_a.size:
        tokens = special_tokens(len(special_a))
        adds = f"{tokens} of the code, no place of the photo: {parts.special:.3g} of the score"
        notes.append(adds if matching == "place" else f"{tokens} of the code left out: no place of the photo")
    both = [first, second] if first.shape == second.shape else [first]
    notes += abnormal_tokens(encoder, encoder.layer, np.stack(both).astype(np.float32))
    return _Answer(parts, matching, matching == "place", None, None, tuple(notes))


def _exact_terms(pair: _Pair, notes: list[str]) -> tuple[Terms, Terms] | None:
    """Both codes as sums over the cells of an earlier layer, where they are."""
    if pair.head is None:
        return None
    both = []
    for images, code, cells in zip(pair.images, pair.codes, pair.cells, strict=True):
        size = images.shape[1], images.shape[2]
        terms = terms_of(pair.run.encoder, pair.head, size, np.asarray(code, np.float64).ravel(), cells)
        if terms is None:
            return None
        both.append(terms)
    notes.append(f"the code is {pair.head.in_words}, and split over those cells")
    return both[0], both[1]


def _masked(pair: _Pair, masks: int, cells: int, seed: int) -> tuple[MaskedTerms, MaskedTerms]:
    answers = []
    # A photo has masks of its own, so that all of its pairs share its copies; an image beside itself needs others, else
    # both would be wrong in the same way.
    own = [int.from_bytes(hashlib.sha256(images.array.tobytes()).digest()[:4]) for images in pair.images]
    own[1] += own[0] == own[1]
    for side, (images, code) in enumerate(zip(pair.images, pair.codes, strict=True)):
        run = Run(pair.run.encoder, progress=_half(pair.progress, side, masks), stop=pair.stop)
        flat = np.asarray(code, np.float64).ravel()
        answers.append(masked_terms(run, images.array, flat, masks=masks, cells=cells, seed=[seed, own[side]]))
    return answers[0], answers[1]


def _half(progress: Callable[[int, int], None] | None, side: int, masks: int) -> Callable[[int, int], None] | None:
    """The progress of one of two equal parts."""
    if progress is None:
        return None
    return lambda done, total: progress(side * masks + masks * done // max(total, 1), 2 * masks)


def _one(encoder: Encoder, image: Any, which: str) -> Images:
    images = encoder.images(image)
    if len(images) != 1:
        raise InputError(f"the {which} image is {len(images)} images; compare two single ones.")
    photo = images.photos[0]
    if photo.source is not None or photo.name != "image 1":
        return images
    # Two nameless images would both be called the first of their kind.
    return Images(images.array, (replace(photo, name=f"{which} image"),), images.value_range)


def _cells(code: NDArray[np.floating], places: Places | None) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """The cells of a code (rows, columns, channels), and its special tokens (tokens, channels)."""
    if places is None:
        return code, code[0, :0]
    cells, special = places.split(code[None])
    return cells[0], special[0]


def _centred(
    codes: Sequence[NDArray[np.floating]], centre: ArrayLike, matching: str, places: Sequence[Places | None]
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


def _check_fits(reference: Reference, pair: _Pair) -> None:
    """Refuse what is known of another model's codes, or of another layer's."""
    known, own = reference.mean_code.shape, pair.codes[0].shape
    if known != own and not (pair.has_places and known[-1:] == own[-1:]):
        shapes = ["x".join(map(str, shape)) for shape in (known, own)]
        raise InputError(
            f"the reference is of another model or layer: its codes are {shapes[0]}, and those of "
            f"{pair.run.encoder.layer!r} are {shapes[1]}; make one with saccade.pairs.reference_of(encoder, FOLDER)."
        )


class Typical(NamedTuple):
    """What a score means: how alike two photos of a collection typically are.

    Attributes:
        median: Half of its pairs score less.
        high: 5 % of its pairs score more.
        collection: Which collection, in words.
    """

    median: float
    high: float
    collection: str

    @property
    def in_words(self) -> str:
        """Both numbers in a sentence."""
        return (
            f"a typical pair {self.collection} scores {number(self.median)}; 5 % of them score over {number(self.high)}"
        )


def _offered(images: tuple[Images, Images]) -> list[str]:
    """Where nobody knows what a score means: the folder of a photo would tell."""
    for each in images:
        source = each.photos[0].source
        if source is None:
            continue
        photos = photos_beside(source)
        if photos >= _FEW:
            # The note stands on pages that are sent to others, who must not learn where the folder lies.
            folder = f"the folder of {each.photos[0].name} would ({photos:,} photos)"
            return [
                f"nothing tells what a typical pair scores; {folder}: `saccade compare --reference FOLDER` takes it"
            ]
    return []


def _about(mean: MeanCode) -> list[str]:
    """What must be known of the reference collection."""
    notes = []
    if mean.count < _FEW:
        plural = "s" * (mean.count != 1)
        notes.append(f"the reference is only {mean.count} image{plural}; some hundred make a steadier mean")
    if mean.skipped:
        notes.append(skipped_in_words(mean.skipped, "the reference images"))
    return notes
