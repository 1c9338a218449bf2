"""Show where an image encoder looks, without any class label.

    encoder = saccade.load("autoencoder.keras")
    look = saccade.explain(encoder, "cat.jpg")
    look.save("cat.png")

Names are loaded when they are first used, so that importing the package loads no framework.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # as in `typing`, which takes longer to load than everything else here
if TYPE_CHECKING:
    from typing import Any

    from saccade import methods as methods
    from saccade import pairs as pairs
    from saccade import targets as targets
    from saccade.attribution.method import method as method
    from saccade.encoder import Encoder as Encoder
    from saccade.errors import SaccadeError as SaccadeError
    from saccade.errors import SaccadeWarning as SaccadeWarning
    from saccade.evaluation import evaluate as evaluate
    from saccade.evaluation.untrained_networks import explain_beside_untrained as explain_beside_untrained
    from saccade.explanation import explain as explain
    from saccade.images import Images as Images
    from saccade.inside import cells as cells
    from saccade.inside import feature_maps as feature_maps
    from saccade.loading import load as load
    from saccade.pairs import compare as compare
    from saccade.report import report_view as report_view
    from saccade.report import report_widget as report_widget
    from saccade.report import write_report as write_report
    from saccade.results import Attribution as Attribution
    from saccade.results import CellMaps as CellMaps
    from saccade.results import Evaluation as Evaluation
    from saccade.results import FeatureMaps as FeatureMaps
    from saccade.results import Similarity as Similarity
    from saccade.results import methods_sheets as methods_sheets
    from saccade.results.map import Map as Map
    from saccade.run import Run as Run

_MODULES = {
    "Attribution": "saccade.results",
    "CellMaps": "saccade.results",
    "Encoder": "saccade.encoder",
    "Evaluation": "saccade.results",
    "FeatureMaps": "saccade.results",
    "Images": "saccade.images",
    "Map": "saccade.results.map",
    "Run": "saccade.run",
    "SaccadeError": "saccade.errors",
    "SaccadeWarning": "saccade.errors",
    "Similarity": "saccade.results",
    "cells": "saccade.inside",
    "compare": "saccade.pairs",
    "evaluate": "saccade.evaluation",
    "explain": "saccade.explanation",
    "explain_beside_untrained": "saccade.evaluation.untrained_networks",
    "feature_maps": "saccade.inside",
    "load": "saccade.loading",
    "method": "saccade.attribution.method",
    "methods_sheets": "saccade.results",
    "report_view": "saccade.report",
    "report_widget": "saccade.report",
    "write_report": "saccade.report",
}

_PACKAGES = ("methods", "pairs", "targets")

__all__ = [*_MODULES, *_PACKAGES]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f"saccade.{name}")
    if name not in _MODULES:
        raise AttributeError(f"module 'saccade' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
