"""The torchvision of the index may be built for another PyTorch; declared, its operators do not stop its import."""

from __future__ import annotations

import torch

_LIBRARY = torch.library.Library("torchvision", "DEF")


def declare_operators() -> None:
    """Declare what torchvision's import asks for, once, before it or timm is imported."""
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            _LIBRARY.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
