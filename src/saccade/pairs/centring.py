"""What is taken off two codes before they are compared, and how alike two photos of that collection typically are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from saccade.encoder import Encoder
from saccade.errors import InputError
from saccade.images.collection import skipped_in_words
from saccade.pairs.pair_codes import PairCodes
from saccade.pairs.reference import FEW_IMAGES, MeanCode, mean_code
from saccade.pairs.score_split import ScoreSplit
from saccade.pairs.typical_scores import TypicalScores, typical_of_mean, typical_of_reference
from saccade.reference import Reference


def check_centring(encoder: Encoder, reference: Any, centre: ArrayLike | None, centred: bool | None) -> None:
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


@dataclass(frozen=True, eq=False)
class Centring:
    """What two codes are compared beyond.

    Attributes:
        centre: What is taken off; None for nothing.
        mean: The mean code of the images that were given as a reference, if they were.
        reference: What is known of a collection, if that was given, or is known of the model.
    """

    centre: ArrayLike | None
    mean: MeanCode | None = None
    reference: Reference | None = None

    @classmethod
    def of(
        cls,
        pair: PairCodes,
        reference: Any,
        centre: ArrayLike | None,
        centred: bool | None,
        *,
        progress: Callable[[int, int], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> Centring:
        """From the arguments of `compare`, which says what they are."""
        encoder = pair.run.encoder
        if reference is None and centre is None and centred is not False:
            reference = encoder.reference
        if reference is None:
            return cls(centre)
        if isinstance(reference, Reference):
            pair.check_reference(reference)
            return cls(None if centred is False else reference.mean_code, reference=reference)
        height, width = pair.images[0].shape[1:3]
        mean = mean_code(encoder, reference, size=(height, width), progress=progress, stop=stop)
        return cls(None if centred is False else mean.code, mean=mean)

    @property
    def count(self) -> int:
        """Of how many images the centre is the mean; 0 where it was given as numbers, or there is none."""
        collection = self.mean or self.reference
        return 0 if self.centre is None or collection is None else collection.count

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known of the reference images."""
        return () if self.mean is None else tuple(_notes_of_mean(self.mean))

    def typical(self, pair: PairCodes, score: ScoreSplit) -> TypicalScores | None:
        """How alike two photos of the collection typically are; None where that is not known."""
        is_centred = self.centre is not None
        if self.mean is not None:
            return typical_of_mean(self.mean, pair, centred=is_centred, pooled=not score.is_whole)
        reference = self.reference or pair.run.encoder.reference
        if reference is None or not score.is_whole or (is_centred and self.reference is None):
            return None
        return typical_of_reference(reference, centred=is_centred)


def _notes_of_mean(mean: MeanCode) -> list[str]:
    """What must be known of the reference collection."""
    notes = []
    if mean.count < FEW_IMAGES:
        plural = "s" * (mean.count != 1)
        notes.append(f"the reference is only {mean.count} image{plural}; some hundred make a steadier mean")
    if mean.skipped:
        notes.append(skipped_in_words(mean.skipped, "the reference images"))
    return notes
