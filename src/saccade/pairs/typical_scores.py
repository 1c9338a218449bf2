"""What a score means: how alike two photos of a collection typically are."""

from __future__ import annotations

from dataclasses import dataclass

from saccade.images import Images
from saccade.images.files import photos_beside
from saccade.pairs.pair_codes import PairCodes
from saccade.pairs.reference import FEW_IMAGES, MeanCode
from saccade.picture.numerals import number
from saccade.reference import Reference


@dataclass(frozen=True)
class TypicalScores:
    """How alike two photos of a collection are.

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


def typical_of_mean(mean: MeanCode, pair: PairCodes, *, centred: bool, pooled: bool) -> TypicalScores | None:
    """How alike are two photos of a collection that was read for this pair? None where too few were read.

    Args:
        mean: The collection.
        pair: The pair.
        centred: Codes are compared less the mean.
        pooled: The score compares mean cells.
    """
    scores = mean.typical(pair.places[0], centred=centred, pooled=pooled)
    return None if scores is None else TypicalScores(*scores, f"of the {mean.count:,} reference photos")


def typical_of_reference(reference: Reference, *, centred: bool) -> TypicalScores:
    """How alike are two photos of a collection whose codes are known?"""
    scores = reference.typical(centred=centred)
    return TypicalScores(*scores, f"of {reference.name} ({reference.count:,} photos)")


def collection_beside(images: tuple[Images, Images]) -> list[str]:
    """Where nothing says what a score means: a note that names the folder of a photo, which would say it."""
    for each in images:
        source = each.photos[0].source
        if source is None:
            continue
        photos = photos_beside(source)
        if photos >= FEW_IMAGES:
            # The note stands on pages that are sent to others, who must not learn where the folder lies.
            folder = f"the folder of {each.photos[0].name} would ({photos:,} photos)"
            note = "nothing tells what a typical pair scores"
            return [f"{note}; {folder}: `saccade compare` and `saccade report` take it with --reference FOLDER"]
    return []
