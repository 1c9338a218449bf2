"""Why two images are alike.

comparison   compare(encoder, a, b) -> Similarity
reference    what is typical of a collection: its mean code, taken off before comparing; how alike two of it are
split        the exact split of a cosine over places: arrays in, arrays out
"""

from __future__ import annotations

from saccade.pairs.comparison import compare
from saccade.pairs.reference import MeanCode, mean_code, reference_of
from saccade.pairs.split import MATCHINGS, Split, split

__all__ = ["MATCHINGS", "MeanCode", "Split", "compare", "mean_code", "reference_of", "split"]
