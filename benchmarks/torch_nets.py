"""MobileNetV2 and ResNet50 without their heads as torch modules, with random weights.

Written from the papers, because torchvision is not in the environment: Sandler et al. (2018), arXiv:1801.04381, and He
et al. (2015), arXiv:1512.03385, with the stride in the 3x3 convolution as everybody builds it today. The weights are not
those of the Keras nets of the same names.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn


def mobilenetv2() -> nn.Sequential:
    """Up to the last feature map: 1,280 channels at a stride of 32."""
    parts: list[tuple[str, nn.Module]] = [("stem", _convolution(3, 32, 3, 2, curve=nn.ReLU6))]
    before = 32
    for stage, (wider, width, count, stride) in enumerate(
        [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)], 1
    ):
        for number in range(count):
            name = f"stage_{stage}_block_{number + 1}"
            way = _inverted(before, width, wider, stride if number == 0 else 1)
            past = number > 0
            # A way that nothing goes past lies open, so that the net can be cut inside it.
            parts += [(name, _Added(way))] if past else [(f"{name}_{k}", each) for k, each in enumerate(way, 1)]
            before = width
    parts.append(("last", _convolution(before, 1280, 1, curve=nn.ReLU6)))
    return _ready(parts)


def resnet50() -> nn.Sequential:
    """Up to the last feature map: 2,048 channels at a stride of 32."""
    stem = _convolution(3, 64, 7, 2, curve=nn.ReLU)
    parts: list[tuple[str, nn.Module]] = [("stem", stem), ("pool", nn.MaxPool2d(3, 2, 1))]
    before = 64
    for stage, (width, count) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)], 1):
        for number in range(count):
            stride = 2 if number == 0 and stage > 1 else 1
            parts.append((f"stage_{stage}_block_{number + 1}", _Bottleneck(before, width, stride)))
            before = 4 * width
    return _ready(parts)


def _inverted(before: int, after: int, wider: int, stride: int) -> nn.Sequential:
    """Widen, look round each channel by itself, narrow."""
    inner = before * wider
    steps = [_convolution(before, inner, 1, curve=nn.ReLU6)] if wider > 1 else []
    steps.append(_convolution(inner, inner, 3, stride, groups=inner, curve=nn.ReLU6))
    return nn.Sequential(*steps, _convolution(inner, after, 1))


class _Added(nn.Module):
    """A way, and what came in added to it."""

    def __init__(self, way: nn.Module) -> None:
        super().__init__()
        self.way = way

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.way(x)


class _Bottleneck(nn.Module):
    """Narrow, look round, widen, and add what came in."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.way = nn.Sequential(
            _convolution(before, width, 1, curve=nn.ReLU),
            _convolution(width, width, 3, stride, curve=nn.ReLU),
            _convolution(width, 4 * width, 1),
        )
        same = stride == 1 and before == 4 * width
        self.past = nn.Identity() if same else _convolution(before, 4 * width, 1, stride)
        self.curve = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.curve(self.way(x) + self.past(x))


def _convolution(
    before: int, after: int, side: int, stride: int = 1, *, groups: int = 1, curve: type[nn.Module] | None = None
) -> nn.Sequential:
    steps = [
        nn.Conv2d(before, after, side, stride, side // 2, groups=groups, bias=False),
        nn.BatchNorm2d(after),
    ]
    return nn.Sequential(*steps, *([curve()] if curve else []))


def _ready(parts: list[tuple[str, nn.Module]]) -> nn.Sequential:
    module = nn.Sequential(OrderedDict(parts))
    drawn = torch.Generator().manual_seed(2018)
    for weight in module.parameters():
        if weight.dim() == 4:
            nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=drawn)
    return module.eval().requires_grad_(False).to(memory_format=torch.channels_last)
