"""Why two images are alike.

comparison         compare(encoder, a, b) -> Similarity
contrasting        contrast(encoder, a, nearer, further) -> Contrast
centring           what is taken off both codes first, and what is typical of that collection
pair_codes         two images and their codes, each less a centre where one is taken off
score_split        their score split over places, in the way that the codes allow
cosine_split       the exact split of a cosine over places: arrays in, arrays out
terms              a code as a sum over places
linear_head        that sum, exactly, where the code is pooled of cells or a linear layer of them
head_search        finding how the code comes of the cells
linear_steps       the steps on that way
candidate_weights  the weights that they could have
masked_terms       that sum, estimated with masked images, for any encoder
cover              what the score becomes when the matches are covered
links              from all pairs of places to the few that a person can look at
compact_parts      parts of a grid that stay compact while they grow
reference          what is typical of a collection: its mean code, taken off before comparing; how alike two of it are
typical_scores     what a score means: how alike two photos of a collection typically are
"""

from __future__ import annotations

from saccade.pairs.comparison import compare
from saccade.pairs.contrasting import contrast
from saccade.pairs.cosine_split import MATCHINGS, Split, split
from saccade.pairs.links import strongest_links
from saccade.pairs.reference import MeanCode, mean_code, reference_of

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
