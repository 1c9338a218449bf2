"""torchvision from the index is built for another PyTorch; with its operators declared, it can be imported."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def declared_operators() -> Iterator[None]:
    """Declare what torchvision's import asks for, as long as this lasts."""
    library = torch.library.Library("torchvision", "DEF")
    try:
        for name in ("nms", "qnms"):
            if not hasattr(torch.ops.torchvision, name):
                library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    except RuntimeError:
        pass  # declared already, or torchvision fits
    yield


@contextmanager
def imported_with_operators(*names: str) -> Iterator[None]:
    """Import modules that import torchvision; what these warn of themselves is not ours."""
    with declared_operators(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            importlib.import_module(name)
        yield
