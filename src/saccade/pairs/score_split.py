"""The score of a pair split over places, in the way that its codes allow.

cells of the code          exactly, where the code has places
cells of an earlier layer  exactly, where the code is pooled of them, or a linear layer of them (`linear_head`)
masked copies              estimated, for any encoder (`masked_terms`)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from saccade.attribution.abnormal_tokens import abnormal_tokens
from saccade.attribution.filled_tokens import filled_tokens
from saccade.errors import NotApplicable
from saccade.models.places import special_tokens
from saccade.pairs.cosine_split import Split, split, split_terms
from saccade.pairs.linear_head import terms_of
from saccade.pairs.masked_terms import MaskedTerms, masked_terms
from saccade.pairs.pair_codes import PairCodes, cells_and_special
from saccade.pairs.terms import Numbers, Terms
from saccade.results import Match
from saccade.results.no_place import BOTH, CONSTANT, TOKENS
from saccade.run import Run

SPLITS = ("auto", "exact", "masked")
"""How a score is split over places."""


@dataclass(frozen=True, eq=False)
class ScoreSplit:
    """The split of a pair's score, and how it was made.

    Attributes:
        parts: The score and its shares.
        matching: How places are matched: `"place"` or `"anywhere"`.
        is_whole: The score is the cosine of the whole codes, as it is known of collections.
        masked: How the terms were estimated; None where they are exact.
        terms: Both codes as sums over places; None where they are cells of the code.
        notes: What the reader of the shares must know.
        special_kind: What adds and is no place, a name of `results.no_place`; empty where nothing does.
    """

    parts: Split
    matching: str
    is_whole: bool
    masked: tuple[MaskedTerms, MaskedTerms] | None
    terms: tuple[Terms, Terms] | None
    notes: tuple[str, ...]
    special_kind: str = ""

    def errors(self) -> Numbers | None:
        """The standard errors of all pairs of places; None where they are exact."""
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
        sums = [terms.cells[places].sum(axis=0) for terms, places in zip(self.terms, sides, strict=True)]
        variances = [
            own.variance_together(places, other)
            for own, places, other in zip(self.masked, sides, sums[::-1], strict=True)
        ]
        return float(np.sqrt(sum(variances))) / self._lengths

    def errors_of_shares(self) -> tuple[Numbers, Numbers] | None:
        """The standard errors of the shares of both images: the whole of the other is not estimated."""
        if self.masked is None or self.terms is None:
            return None
        errors = [
            np.sqrt(masked.variance(terms.code[None])[:, :, 0]) / self._lengths
            for masked, terms in zip(self.masked, self.terms[::-1], strict=True)
        ]
        return errors[0], errors[1]

    @property
    def _lengths(self) -> float:
        assert self.terms is not None
        return float(np.prod([np.linalg.norm(terms.code) for terms in self.terms]))


def split_score(
    pair: PairCodes,
    matching: str | None,
    way: str,
    *,
    masks: int,
    cells: int,
    seed: int,
    centre: ArrayLike | None,
) -> ScoreSplit:
    """What does each place of both images add to their score?

    Args:
        pair: The two images.
        matching: How places are matched; None: place by place where the codes have places.
        way: One of `SPLITS`.
        masks: How many masked copies of each image are encoded where the split is estimated.
        cells: Places along the shorter side of an image, there.
        seed: Fixes the masks.
        centre: What is taken off both codes.

    Raises:
        InputError: The codes or the centre do not fit together, or too few masks.
        NotApplicable: An exact split of codes that have none.
        Cancelled: The call was stopped.
    """
    if pair.have_places and way != "masked":
        return _over_cells(pair, matching or "place", centre)
    centres = [None if centre is None else less.ravel() for less in pair.centres(centre, "whole")]
    if pair.codes[0].shape != pair.codes[1].shape:
        split(pair.codes[0], pair.codes[1])  # says what does not fit
    masked = None
    terms = None if way == "masked" else _exact_terms(pair)
    if terms is not None and pair.head is not None:
        notes = [f"the code is {pair.head.in_words}, and split over those cells"]
    elif way == "exact":
        raise NotApplicable(
            f"the code ({pair.run.encoder.layer}) has no places, and is no linear function of cells that could be "
            "read; give split='masked' (--split masked), which estimates the shares with masked images."
        )
    else:
        masked = _masked_terms(pair, masks, cells, seed)
        terms = masked[0].terms, masked[1].terms
        estimated = (
            f"the shares are estimated with {masks} masked copies of each photo, hidden places show "
            f"{masked[0].filler}; what places differ by is measured, what they have in common is shared out evenly"
        )
        notes = [estimated, *filled_tokens(pair.run.encoder, (pair.images[0].shape[1], pair.images[0].shape[2]))]
    a, b = (own if less is None else own.less(less) for own, less in zip(terms, centres, strict=True))
    parts = split_terms(a, b)
    kind = ""
    if parts.special:
        all_tokens = masked is None and pair.head is not None and pair.head.pooling.all_tokens
        kind = BOTH if all_tokens else CONSTANT
    return ScoreSplit(parts, "anywhere", True, masked, (a, b), tuple(notes), kind)


def _over_cells(pair: PairCodes, matching: str, centre: ArrayLike | None) -> ScoreSplit:
    """Codes with places, cell by cell."""
    encoder = pair.run.encoder
    notes: list[str] = []
    (first, special_a), (second, special_b) = map(cells_and_special, pair.less(centre, matching), pair.places)
    parts = split(first, second, matching, special=(special_a, special_b))
    if special_a.size:
        tokens = special_tokens(len(special_a))
        adds = f"{tokens} of the code, no place of the photo: {parts.special:.3g} of the score"
        notes.append(adds if matching == "place" else f"{tokens} of the code left out: no place of the photo")
    both = [first, second] if first.shape == second.shape else [first]
    notes += abnormal_tokens(encoder, encoder.layer, np.stack(both).astype(np.float32))
    return ScoreSplit(parts, matching, matching == "place", None, None, tuple(notes), TOKENS if parts.special else "")


def _exact_terms(pair: PairCodes) -> tuple[Terms, Terms] | None:
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
    return both[0], both[1]


def _masked_terms(pair: PairCodes, masks: int, cells: int, seed: int) -> tuple[MaskedTerms, MaskedTerms]:
    both = []
    # A photo has masks of its own, so that all of its pairs share its copies; an image beside itself needs others, else
    # both would be wrong in the same way.
    own = [int.from_bytes(hashlib.sha256(images.array.tobytes()).digest()[:4]) for images in pair.images]
    own[1] += own[0] == own[1]
    for side, (images, code) in enumerate(zip(pair.images, pair.codes, strict=True)):
        run = Run(pair.run.encoder, progress=_half_of_progress(pair.progress, side, masks), stop=pair.stop)
        flat = np.asarray(code, np.float64).ravel()
        both.append(masked_terms(run, images.array, flat, masks=masks, cells=cells, seed=[seed, own[side]]))
    return both[0], both[1]


def _half_of_progress(
    progress: Callable[[int, int], None] | None, side: int, masks: int
) -> Callable[[int, int], None] | None:
    """The progress of one of two equal parts."""
    if progress is None:
        return None
    return lambda done, total: progress(side * masks + masks * done // max(total, 1), 2 * masks)
