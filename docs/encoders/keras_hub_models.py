"""keras-hub's backbones and vision encoders, built from their classes, written small; random weights, no preset."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import keras_models

codes_of = keras_models.codes_of
LIBRARIES = ("keras", "keras_hub", "tensorflow")


def models() -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """Heading, name and maker of every model."""
    yield from (("keras-hub", name, partial(_made, name, settings)) for name, settings in _BACKBONES.items())
    yield from (("keras-hub", name, make) for name, make in _BUILT_ON_OTHERS.items())


def _made(name: str, settings: dict[str, Any]) -> Any:
    class_name = name.partition(",")[0]
    return getattr(importlib.import_module(_ELSEWHERE.get(class_name, "keras_hub.models")), class_name)(**settings)


_ELSEWHERE = {
    # Parts of diffusion models and of language models that see, which keras-hub does not export by themselves.
    "VAEBackbone": "keras_hub.src.models.vae.vae_backbone",
    "PaliGemmaVit": "keras_hub.src.models.pali_gemma.pali_gemma_vit",
}
_TRANSFORMER = {"num_layers": 2, "num_heads": 2, "hidden_dim": 32}
_SHAPE = {"image_shape": (64, 64, 3)}
_RESNET: dict[str, Any] = {
    "input_conv_filters": [64], "input_conv_kernel_sizes": [7], "stackwise_num_filters": [64, 64, 64],
    "stackwise_num_blocks": [1, 1, 1], "stackwise_num_strides": [1, 2, 2], "block_type": "basic_block",
}  # fmt: skip
_VITDET: dict[str, Any] = {
    "hidden_size": 32, "num_layers": 2, "intermediate_dim": 64, "num_heads": 2,
    "global_attention_layer_indices": [1], "patch_size": 16, "num_output_channels": 16, "window_size": 2,
    "image_shape": (128, 128, 3),
}  # fmt: skip
_MIT: dict[str, Any] = {
    "layerwise_depths": [1, 1, 1, 1], "num_layers": 4, "layerwise_num_heads": [1, 1, 2, 2],
    "layerwise_sr_ratios": [8, 4, 2, 1], "max_drop_path_rate": 0.1, "layerwise_patch_sizes": [7, 3, 3, 3],
    "layerwise_strides": [4, 2, 2, 2], "hidden_dims": [8, 12, 20, 24], **_SHAPE,
}  # fmt: skip
_VAE: dict[str, Any] = {
    "encoder_num_filters": [32, 32], "encoder_num_blocks": [1, 1], "decoder_num_filters": [32, 32],
    "decoder_num_blocks": [1, 1], "sample_channels": 8,
}  # fmt: skip

_BACKBONES: dict[str, dict[str, Any]] = {
    "ViTBackbone": {"patch_size": 16, "mlp_dim": 64, **_TRANSFORMER, **_SHAPE},
    "ViTBackbone, no class token": {
        "patch_size": 16, "mlp_dim": 64, "use_class_token": False, **_TRANSFORMER, **_SHAPE,
    },
    "DeiTBackbone": {"patch_size": 16, "intermediate_dim": 64, **_TRANSFORMER, **_SHAPE},
    "DINOV2Backbone": {
        "patch_size": 14, "intermediate_dim": 64, "num_register_tokens": 4, "image_shape": (56, 56, 3),
        "position_embedding_shape": (56, 56, 3), **_TRANSFORMER,
    },
    "DINOV3Backbone": {"patch_size": 16, "intermediate_dim": 64, **_TRANSFORMER, **_SHAPE},
    "SwinTransformerBackbone": {
        "embed_dim": 16, "depths": [1, 1, 1], "num_heads": [1, 2, 2], "window_size": 4, **_SHAPE,
    },
    "MiTBackbone": _MIT,
    "ViTDetBackbone": _VITDET,
    "CLIPVisionEncoder": {"patch_size": 16, "intermediate_dim": 64, **_TRANSFORMER, **_SHAPE},
    "SigLIPVisionEncoder": {"patch_size": 16, "intermediate_dim": 64, **_TRANSFORMER, **_SHAPE},
    "BLIP2VisionEncoder": {
        "image_size": 64, "patch_size": 16, "intermediate_dim": 64, "use_patch_bias": True, "use_class_token": True,
        "use_mha_bias": True, "use_mlp_bias": True, "dropout_rate": 0.0, "layer_norm_epsilon": 1e-6,
        "initializer_range": 0.02, **_TRANSFORMER,
    },
    "PaliGemmaVit": {"image_size": 64, "patch_size": 16, "intermediate_dim": 64, "num_classes": 8, **_TRANSFORMER},
    "ResNetBackbone": {**_RESNET, **_SHAPE},
    "ResNetBackbone, any size": _RESNET,
    "EfficientNetBackbone": {
        "stackwise_kernel_sizes": [3, 3, 5], "stackwise_num_repeats": [1, 1, 1],
        "stackwise_input_filters": [16, 16, 24], "stackwise_output_filters": [16, 24, 32],
        "stackwise_expansion_ratios": [1, 6, 6], "stackwise_squeeze_and_excite_ratios": [0.25, 0.25, 0.25],
        "stackwise_strides": [1, 2, 2], "stackwise_block_types": ["v1", "v1", "v1"],
        "stackwise_force_input_filters": [0, 0, 0], "stackwise_nores_option": [False] * 3, "num_features": 64,
        "stackwise_width_coefficients": [1.0] * 3, "stackwise_depth_coefficients": [1.0] * 3,
        "input_shape": (64, 64, 3),
    },
    "CSPNetBackbone": {
        "stem_filters": 16, "stem_kernel_size": 3, "stem_strides": 2, "stackwise_depth": [1, 1, 1],
        "stackwise_strides": [2, 2, 2], "stackwise_num_filters": [16, 24, 32], "block_type": "dark_block",
        "stage_type": "dark", **_SHAPE,
    },
    "VGGBackbone": {"stackwise_num_repeats": [1, 1, 2], "stackwise_num_filters": [8, 16, 24], **_SHAPE},
    "DenseNetBackbone": {"stackwise_num_repeats": [2, 2, 2], "growth_rate": 8, **_SHAPE},
    "XceptionBackbone": {
        "stackwise_conv_filters": [[8, 16], [16, 24], [32, 32]], "stackwise_pooling": [True, True, False], **_SHAPE,
    },
    "MobileNetBackbone": {
        "stackwise_expansion": [[16, 24], [40, 40]], "stackwise_num_blocks": [2, 2],
        "stackwise_num_filters": [[16, 16], [24, 24]], "stackwise_kernel_size": [[3, 3], [5, 5]],
        "stackwise_num_strides": [[2, 1], [2, 1]], "stackwise_se_ratio": [[None, None], [0.25, 0.25]],
        "stackwise_activation": [["relu", "relu"], ["hard_swish", "hard_swish"]],
        "stackwise_padding": [[1, 1], [2, 2]], "output_num_filters": 64, "depthwise_filters": 8,
        "depthwise_stride": 2, "depthwise_residual": False, "last_layer_filter": 48, **_SHAPE,
    },
    "HGNetV2Backbone": {
        "depths": [1, 1], "embedding_size": 16, "hidden_sizes": [24, 32], "stem_channels": [3, 8, 16],
        "hidden_act": "relu", "use_learnable_affine_block": False,
        "stackwise_stage_filters": [[16, 8, 24, 1, 2, 3], [24, 8, 32, 1, 2, 3]], "apply_downsample": [False, True],
        "use_lightweight_conv_block": [False, False], **_SHAPE,
    },
    "VAEBackbone": _VAE,
    "VAEBackbone, its mean": {**_VAE, "sampler_method": "mode"},
}  # fmt: skip


def _segformer() -> Any:
    return _made("SegFormerBackbone", {"image_encoder": _made("MiTBackbone", _MIT), "projection_filters": 16})


def _deeplab() -> Any:
    settings = {"spatial_pyramid_pooling_key": "P3", "upsampling_size": 2, "dilation_rates": [2], **_SHAPE}
    return _made("DeepLabV3Backbone", {"image_encoder": _made("ResNetBackbone", {**_RESNET, **_SHAPE}), **settings})


def _classifier() -> Any:
    hub = importlib.import_module("keras_hub")
    converter = hub.layers.ViTImageConverter(image_size=(64, 64), scale=1 / 127.5, offset=-1.0)
    preprocessor = hub.models.ViTImageClassifierPreprocessor(image_converter=converter)
    backbone = _made("ViTBackbone", _BACKBONES["ViTBackbone"])
    return hub.models.ViTImageClassifier(backbone=backbone, num_classes=8, preprocessor=preprocessor)


_BUILT_ON_OTHERS: dict[str, Callable[[], Any]] = {
    "SegFormerBackbone": _segformer,
    "DeepLabV3Backbone": _deeplab,
    "ViTImageClassifier with its preprocessor": _classifier,
}
