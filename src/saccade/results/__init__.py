"""Frozen results: raw numbers, units, and how they were made. They draw and save themselves.

result               what every result can do
arrays               results on disk
plain_values         values as plain numbers and words

map                  what a method finds, before anybody draws it
attribution          what a method found about some images: `Attribution`
attribution_numbers  its maps, their units, and how they were made
untrained_maps       the same map of networks that have learned nothing
method_sheets        several methods side by side

similarity           why two images are alike: `Similarity`
similarity_numbers   its score, and what each place adds to it
matches              what it is made of: links, matches, and what covering them does
similarity_page      its page
similarity_words     its sentences
contrast             why an image is closer to these than to those: `Contrast`
neighbours           the photos of a collection that are most like one: `Neighbours`

feature_maps         what every layer makes of an image: `FeatureMaps`
layer_maps           the feature maps of one layer
feature_collage      their collage
cell_maps            what every cell of a code sees: `CellMaps`
effective_fields     how much of its field a cell really uses

evaluation           what an evaluation of methods found: `Evaluation`
method_score         how one method did
evaluation_pages     its pages

map_sentence         a map in one plain sentence
place_words          a spot on a photo in words
kept_detail          how much of a photo's detail a redrawing keeps, in words
no_place             what of a score comes from no place, in words
framing              the part of a photo that the model sees
model_image          an image of the model's own, as a person sees it
"""

from __future__ import annotations

from saccade.results.attribution import Attribution
from saccade.results.cell_maps import CellMaps
from saccade.results.contrast import Contrast
from saccade.results.evaluation import Evaluation
from saccade.results.feature_maps import FeatureMaps
from saccade.results.layer_maps import LayerMaps
from saccade.results.matches import CoverTest, Link, Match
from saccade.results.method_score import MethodScore
from saccade.results.method_sheets import methods_sheets
from saccade.results.neighbours import Neighbour, Neighbours
from saccade.results.result import Result
from saccade.results.similarity import Similarity
from saccade.results.similarity_numbers import Cell

__all__ = [
    "Attribution",
    "Cell",
    "CellMaps",
    "Contrast",
    "CoverTest",
    "Evaluation",
    "FeatureMaps",
    "LayerMaps",
    "Link",
    "Match",
    "MethodScore",
    "Neighbour",
    "Neighbours",
    "Result",
    "Similarity",
    "methods_sheets",
]
