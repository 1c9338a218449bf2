"""pythae's autoencoders and lightly's self-supervised models, with their own encoders; random weights."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
import torch_models
from torch import nn

codes_of = torch_models.codes_of
LIBRARIES = ("torch", "pythae", "lightly")


def models() -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """Heading, name and maker of every model."""
    yield from (("pythae", name, partial(_pythae, name, part)) for name, part in _PYTHAE)
    yield from (("lightly", name, make) for name, make in _LIGHTLY.items())


_PYTHAE = (
    ("AE, its encoder", "encoder"),
    ("VAE, its encoder", "encoder"),
    ("VQVAE, its encoder", "encoder"),
    ("VAE", ""),
)


def _pythae(name: str, part: str) -> Any:
    kind = name.partition(",")[0]
    library = importlib.import_module("pythae.models")
    config = getattr(library, f"{kind}Config")(input_dim=(1, 28, 28), latent_dim=16)
    if kind == "VQVAE":
        parts = importlib.import_module("pythae.models.nn.benchmarks.mnist")
        encoder, decoder = parts.Encoder_ResNet_VQVAE_MNIST(config), parts.Decoder_ResNet_VQVAE_MNIST(config)
    else:
        parts = importlib.import_module("pythae.models.nn.benchmarks.mnist.convnets")
        encoder, decoder = getattr(parts, f"Encoder_Conv_{kind}_MNIST")(config), parts.Decoder_Conv_AE_MNIST(config)
    model = getattr(library, kind)(config, encoder, decoder).eval()
    return getattr(model, part) if part else model


class _WithProjection(nn.Module):
    """As in lightly's examples: a backbone, and the head that its loss sees."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        resnet = importlib.import_module("torchvision").models.resnet18(weights=None)
        self.backbone = nn.Sequential(*list(resnet.children())[:-1])
        self.projection_head = head

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.projection_head(self.backbone(images).flatten(start_dim=1))


def _simclr() -> Any:
    return _WithProjection(_heads().SimCLRProjectionHead(512, 64, 16)).eval()


def _swav() -> Any:
    return _WithProjection(_heads().SwaVProjectionHead(512, 64, 16)).eval()


def _dino() -> Any:
    vit = importlib.import_module("timm").create_model("vit_tiny_patch16_224", img_size=64, depth=2, num_classes=0)

    class Student(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = _heads().MaskedVisionTransformerTIMM(vit)
            self.head = _heads().DINOProjectionHead(192, 64, 16, 32)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.head(self.backbone(images))

    return Student().eval()


def _masked_timm() -> Any:
    vit = importlib.import_module("timm").create_model("vit_tiny_patch16_224", img_size=64, depth=2, num_classes=0)
    return _heads().MaskedVisionTransformerTIMM(vit).eval()


def _masked_torchvision() -> Any:
    vision_transformer = importlib.import_module("torchvision").models.VisionTransformer
    vit = vision_transformer(image_size=64, patch_size=16, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=64)
    return _heads().MaskedVisionTransformerTorchvision(vit).eval()


def _generated() -> Any:
    model = importlib.import_module("lightly.models").ResNetGenerator("resnet-9", 0.25)
    return nn.Sequential(*list(model.children())[:-1], nn.AdaptiveAvgPool2d(1)).eval()


def _heads() -> Any:
    return importlib.import_module("lightly.models.modules")


_LIGHTLY: dict[str, Callable[[], Any]] = {
    "SimCLR: ResNet and projection head": _simclr,
    "SwAV: ResNet and projection head": _swav,
    "DINO: ViT and projection head": _dino,
    "MaskedVisionTransformerTIMM": _masked_timm,
    "MaskedVisionTransformerTorchvision": _masked_torchvision,
    "ResNetGenerator('resnet-9')": _generated,
}
