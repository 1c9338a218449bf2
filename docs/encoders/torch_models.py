"""Encoders of the PyTorch world, small and with random weights."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from examination import Array, Codes, steps
from torch import nn
from torchvision_operators import declare_operators

import saccade

declare_operators()

LIBRARIES = ("torch", "torchvision", "timm", "transformers", "diffusers", "open_clip", "segmentation_models_pytorch")
_SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}


def models() -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """Heading, name and maker of every model."""
    yield from (("By hand, PyTorch", name, make) for name, make in _by_hand().items())
    yield from (("timm", _said(name, settings), partial(_timm, name, settings)) for name, settings in _TIMM)
    yield from (("torchvision", name, partial(_torchvision, name)) for name in _TORCHVISION)
    yield from (("transformers", name, partial(_transformers, name, settings)) for name, settings in _TRANSFORMERS)
    yield from (("diffusers", name, partial(_diffusers, name, settings)) for name, settings in _DIFFUSERS)
    yield from (("open_clip", name, partial(_open_clip, settings)) for name, settings in _OPEN_CLIP)
    yield from (("segmentation_models_pytorch", name, make) for name, make in _segmentation().items())


def codes_of(model: Any, encoder: saccade.Encoder) -> Codes | None:
    """The codes as PyTorch alone computes them; None where the layer is no module, output or part of one."""
    normalisation = encoder.recipe.normalisation
    name, parts = steps(encoder.layer)
    modules = dict(model.named_modules())
    if name not in ("output", "encode", *modules):
        return None
    if normalisation is not None and (
        normalisation.order != "RGB" or tuple(normalisation.value_range) != tuple(encoder.value_range)
    ):
        return None

    def codes(images: Array) -> Array:
        values = torch.tensor(images).permute(0, 3, 1, 2)
        if normalisation is not None:
            mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (normalisation.mean, normalisation.std))
            values = (values - mean) / std
        outputs: list[Any] = []
        with torch.no_grad():
            if name == "encode":
                outputs = [model.encode(values)]
            elif name == "output":
                outputs = [model(values)]
            else:
                hook = modules[name].register_forward_hook(lambda _module, _given, result: outputs.append(result))
                try:
                    model(values)
                finally:
                    hook.remove()
        result = outputs[-1]
        for part in parts:
            result = _part(result, part)
        return np.asarray(result.numpy())

    return codes


def _part(result: Any, part: str) -> Any:
    if isinstance(result, dict) and part in result:
        return result[part]
    return result[int(part)] if part.lstrip("-").isdigit() else getattr(result, part)


def _said(name: str, settings: dict[str, Any]) -> str:
    shown = [f"{key}={value}" for key, value in settings.items() if key in ("depth", "features_only", "depths")]
    return f"{name} ({', '.join(shown)})" if shown else name


# By hand


class _Autoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 8, 3, 2, 1)
        )
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(8, 16, 2, 2), nn.ReLU(), nn.ConvTranspose2d(16, 8, 2, 2), nn.ReLU(),
            nn.ConvTranspose2d(8, 3, 2, 2), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.encoder(images))


class _Variational(nn.Module):
    """As in PyTorch's examples, with convolutions before the two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.ReLU(), nn.Conv2d(8, 16, 4, 4), nn.ReLU())
        self.mu, self.logvar = nn.LazyLinear(12), nn.LazyLinear(12)
        self.decoder = nn.Sequential(
            nn.Linear(12, 16 * 16), nn.ReLU(), nn.Unflatten(1, (16, 4, 4)), nn.ConvTranspose2d(16, 8, 4, 4), nn.ReLU(),
            nn.ConvTranspose2d(8, 3, 4, 4), nn.Sigmoid(),
        )  # fmt: skip
        self(torch.zeros(2, 3, 64, 64))

    def encode(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.features(images).flatten(1)
        return self.mu(features), self.logvar(features)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        mu, logvar = self.encode(images)
        code = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return self.decoder(code), mu, logvar


class _Named(nn.Module):
    """Gives a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 16, 4, 4), nn.GELU(), nn.Conv2d(16, 24, 4, 4))

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        features = self.body(images)
        return {"features": features, "embedding": features.mean((2, 3))}


def _by_hand() -> dict[str, Callable[[], Any]]:
    return {
        "Convolutional autoencoder": lambda: _Autoencoder().eval(),
        "VAE that gives (image, mu, logvar)": lambda: _Variational().eval(),
        "A module that gives a dict": lambda: _Named().eval(),
    }


# Libraries

_VIT = {"img_size": 64, "depth": 2}
_TIMM: list[tuple[str, dict[str, Any]]] = [
    ("vit_tiny_patch16_224", _VIT),
    ("deit_tiny_patch16_224", _VIT),
    ("deit_tiny_distilled_patch16_224", _VIT),
    ("vit_small_patch14_dinov2", {"img_size": 56, "depth": 1}),
    ("vit_small_patch14_reg4_dinov2", {"img_size": 56, "depth": 1}),
    ("vit_small_patch16_dinov3", {"img_size": 64, "depth": 1}),
    ("vit_base_patch16_siglip_224", {"img_size": 64, "depth": 1, "embed_dim": 96, "num_heads": 4}),
    ("eva02_tiny_patch14_224", {"img_size": 56, "depth": 2}),
    ("cait_xxs24_224", {"img_size": 64, "depth": 2}),
    ("xcit_nano_12_p16_224", {"img_size": 64, "depth": 2, "cls_attn_layers": 1}),
    ("tnt_s_patch16_224", {"img_size": 64, "depth": 2}),
    ("crossvit_tiny_240", {"img_size": 120}),
    ("nest_tiny", {"img_size": 64}),
    ("mixer_s32_224", {"img_size": 64}),
    ("swin_tiny_patch4_window7_224", {"img_size": 112, "depths": (1, 1, 1, 1), "embed_dim": 24}),
    ("swinv2_tiny_window8_256", {"img_size": 128, "depths": (1, 1, 1, 1), "embed_dim": 24}),
    ("maxvit_pico_rw_256", {"img_size": 64}),
    ("pvt_v2_b0", {}),
    ("hiera_tiny_224", {"stages": (1, 1, 1, 1), "q_pool": 3, "img_size": (128, 128)}),
    ("convnext_atto", {}),
    ("convnextv2_atto", {}),
    ("resnet18", {}),
    ("resnet18", {"features_only": True}),
    ("resnet50", {}),
    ("regnety_002", {}),
    ("mobilenetv3_small_050", {}),
    ("mobilenetv4_conv_small_035", {}),
    ("efficientnet_lite0", {}),
    ("mobilevit_xxs", {}),
    ("levit_128s", {"img_size": 128}),
    ("fastvit_t8", {}),
    ("repvit_m0_9", {}),
    ("efficientvit_b0", {}),
    ("edgenext_xx_small", {}),
    ("tiny_vit_5m_224", {}),
]


def _timm(name: str, settings: dict[str, Any]) -> Any:
    timm = importlib.import_module("timm")
    headless = {} if settings.get("features_only") else {"num_classes": 0}
    return timm.create_model(name, **headless, **settings).eval()


_TORCHVISION = (
    "resnet18", "vgg11", "squeezenet1_1", "densenet121", "mobilenet_v2", "mobilenet_v3_small", "shufflenet_v2_x0_5",
    "convnext_tiny", "swin_t",
)  # fmt: skip


def _torchvision(name: str) -> Any:
    """With its classifier, as torchvision gives it."""
    return importlib.import_module("torchvision").models.get_model(name, weights=None).eval()


_TRANSFORMERS: list[tuple[str, dict[str, Any]]] = [
    ("ViTModel", {"image_size": 64, **_SMALL}),
    ("ViTMAEModel", {"image_size": 64, **_SMALL}),
    ("Dinov2Model", {"image_size": 56, **_SMALL}),
    ("Dinov2WithRegistersModel", {"image_size": 56, **_SMALL}),
    ("DINOv3ViTModel", {"image_size": 64, "num_register_tokens": 4, **_SMALL}),
    ("IJepaModel", {"image_size": 64, **_SMALL}),
    ("CLIPVisionModel", {"image_size": 64, **_SMALL}),
    ("CLIPVisionModelWithProjection", {"image_size": 64, "projection_dim": 16, **_SMALL}),
    ("SiglipVisionModel", {"image_size": 64, **_SMALL}),
    ("Siglip2VisionModel", {"num_patches": 16, **_SMALL}),
    ("Aimv2VisionModel", {"image_size": 64, "patch_size": 16, **_SMALL}),
    ("BeitModel", {"image_size": 64, **_SMALL}),
    (
        "SwinModel",
        {"image_size": 96, "window_size": 3, "embed_dim": 12, "depths": (1, 1, 1, 1), "num_heads": (1, 1, 2, 2)},
    ),
    ("Swinv2Model", {"image_size": 112, "embed_dim": 12, "depths": (1, 1, 1, 1), "num_heads": (1, 1, 2, 2)}),
    ("HieraModel", {"image_size": [64, 64], "embed_dim": 16, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2]}),
    ("ConvNextModel", {"hidden_sizes": (8, 16, 24, 32), "depths": (1, 1, 1, 1)}),
    ("ConvNextV2Model", {"hidden_sizes": (8, 16, 24, 32), "depths": (1, 1, 1, 1)}),
    ("ResNetModel", {"embedding_size": 16, "hidden_sizes": [16, 16, 24, 32], "depths": [1, 1, 1, 1]}),
    (
        "RegNetModel",
        {"embedding_size": 16, "hidden_sizes": [16, 16, 24, 32], "depths": [1, 1, 1, 1], "groups_width": 8},
    ),
    (
        "MobileViTModel",
        {"image_size": 64, "hidden_sizes": [16, 24, 32], "neck_hidden_sizes": [8, 8, 16, 16, 24, 32, 64]},
    ),
    (
        "PvtV2Model",
        {"image_size": 64, "hidden_sizes": [8, 16, 24, 32], "depths": [1] * 4, "num_attention_heads": [1] * 4},
    ),
    ("MobileNetV2Model", {"depth_multiplier": 0.35, "image_size": 64}),
    ("SegformerModel", {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 1, 2, 2]}),
    ("PoolFormerModel", {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}),
]


def _transformers(name: str, settings: dict[str, Any]) -> Any:
    hub = importlib.import_module("transformers")
    model = getattr(hub, name)
    return model(model.config_class(**settings)).eval()


_DIFFUSERS: list[tuple[str, dict[str, Any]]] = [
    ("AutoencoderTiny", {"encoder_block_out_channels": (8,) * 4, "decoder_block_out_channels": (8,) * 4}),
    ("AutoencoderKL", {
        "block_out_channels": (16, 16), "norm_num_groups": 4,
        "down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2,
    }),
    ("AutoencoderDC", {
        "latent_channels": 4, "encoder_block_out_channels": (8, 16), "decoder_block_out_channels": (8, 16),
        "encoder_block_types": "ResBlock", "decoder_block_types": "ResBlock", "encoder_layers_per_block": (1, 1),
        "decoder_layers_per_block": (1, 1), "encoder_qkv_multiscales": ((), ()), "decoder_qkv_multiscales": ((), ()),
    }),
    ("VQModel", {
        "block_out_channels": (16, 16), "norm_num_groups": 4, "num_vq_embeddings": 32,
        "down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2,
    }),
    ("AsymmetricAutoencoderKL", {
        "down_block_out_channels": (16, 16), "up_block_out_channels": (16, 16), "norm_num_groups": 4,
        "down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2,
    }),
]  # fmt: skip


def _diffusers(name: str, settings: dict[str, Any]) -> Any:
    return getattr(importlib.import_module("diffusers"), name)(**settings).eval()


_OPEN_CLIP: list[tuple[str, dict[str, Any]]] = [
    ("CLIP(...).visual, ViT", {"layers": 2, "width": 32, "patch_size": 16, "image_size": 64, "head_width": 16}),
    ("CLIP(...).visual, ResNet", {"layers": [1, 1, 1, 1], "width": 8, "image_size": 64}),
    ("CLIP(...).visual, timm", {
        "timm_model_name": "resnet18", "timm_model_pretrained": False, "timm_pool": "", "timm_proj": "linear",
        "image_size": 64,
    }),
]  # fmt: skip


def _open_clip(settings: dict[str, Any]) -> Any:
    importlib.import_module("open_clip")
    clip = importlib.import_module("open_clip.model").CLIP
    visual = clip(16, settings, {"vocab_size": 100, "width": 32, "heads": 2, "layers": 1}).eval().visual
    constants = importlib.import_module("open_clip.constants")
    visual.image_mean, visual.image_std = constants.OPENAI_DATASET_MEAN, constants.OPENAI_DATASET_STD
    return visual


def _segmentation() -> dict[str, Callable[[], Any]]:
    def make(form: str, encoder: str) -> Any:
        library = importlib.import_module("segmentation_models_pytorch")
        if form == "encoder":
            return library.encoders.get_encoder(encoder, weights=None).eval()
        return getattr(library, form)(encoder, encoder_weights=None).eval()

    return {
        "Unet('resnet18')": partial(make, "Unet", "resnet18"),
        "FPN('mobilenet_v2')": partial(make, "FPN", "mobilenet_v2"),
        "get_encoder('resnet18')": partial(make, "encoder", "resnet18"),
        "get_encoder('mobilenet_v2')": partial(make, "encoder", "mobilenet_v2"),
        "get_encoder('mit_b0')": partial(make, "encoder", "mit_b0"),
    }
