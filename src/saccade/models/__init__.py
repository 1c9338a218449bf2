"""Opening what people have, naming its layers, and choosing the code."""

from __future__ import annotations

from saccade.models.backend import choose_backend
from saccade.models.code_layer import CodeLayer, code_layer
from saccade.models.dataflow import Dataflow
from saccade.models.live import open_live
from saccade.models.network import Layer, Network, find_layer
from saccade.models.opening import open_model

__all__ = [
    "CodeLayer",
    "Dataflow",
    "Layer",
    "Network",
    "choose_backend",
    "code_layer",
    "find_layer",
    "open_live",
    "open_model",
]
