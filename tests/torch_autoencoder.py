"""A small autoencoder in PyTorch with whatever makes modules hard to read, and reading it by its layers."""

from __future__ import annotations

import torch
from torch import nn

from saccade.models.torch.network import TorchNetwork


class Autoencoder(nn.Module):
    """In-place activations right behind every convolution, a shared part, a nested part, batch statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.BatchNorm2d(4),
            nn.Conv2d(4, 8, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        )  # fmt: skip
        self.bend = nn.ELU()
        self.decoder = nn.ModuleDict({"grow": nn.Upsample(scale_factor=4), "draw": nn.Conv2d(8, 3, 3, padding=1)})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.bend(self.encoder(self.bend(x)))
        return torch.sigmoid(self.decoder["draw"](self.decoder["grow"](x)))


def autoencoder() -> Autoencoder:
    """Always the same weights and statistics."""
    torch.manual_seed(0)
    module = Autoencoder()
    with torch.no_grad():
        module.encoder[3].running_mean.uniform_()
        module.encoder[3].running_var.uniform_(0.5, 1)
    return module


def pictures(count: int = 2, height: int = 24, width: int = 32, channels: int = 3, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, height, width, channels, generator=torch.Generator().manual_seed(seed))


def read(network: TorchNetwork, images: torch.Tensor, *layers: str, **options: object) -> list[torch.Tensor]:
    with network.inference_mode(), torch.no_grad():
        outputs = network.run(images, layers, **options)  # type: ignore[arg-type]
    return [outputs[path] for path in layers]
