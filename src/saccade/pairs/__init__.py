"""Why two images are alike.

comparison   compare(encoder, a, b) -> Similarity
contrasting  contrast(encoder, a, nearer, further) -> Contrast
reference    what is typical of a collection: its mean code, taken off before comparing; how alike two of it are
split        the exact split of a cosine over places: arrays in, arrays out
terms        a code as a sum over places
linear_head  that sum, exactly, where the code is pooled of cells or a linear layer of them
masked       that sum, estimated with masked images, for any encoder
cover        what the score becomes when the matches are covered
links        from all pairs of places to the few that a person can look at
"""

from __future__ import annotations

from saccade.pairs.comparison import compare
from saccade.pairs.contrasting import contrast
from saccade.pairs.links import strongest_links
from saccade.pairs.reference import MeanCode, mean_code, reference_of
from saccade.pairs.split import MATCHINGS, Split, split

__all__ = [
    "MATCHINGS",
    "MeanCode",
    "Split",
    "compare",
    "contrast",
    "mean_code",
    "reference_of",
    "split",
    "strongest_links",
]
