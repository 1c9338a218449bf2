"""torchvision from the index is built for another PyTorch; with its operators declared, it can be imported."""

from __future__ import annotations

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
