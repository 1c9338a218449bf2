"""Frozen results: raw numbers, units, and how they were made. They draw and save themselves."""

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
from saccade.results.similarity import Cell, Similarity

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
