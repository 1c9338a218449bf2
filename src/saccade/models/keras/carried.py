"""What Keras models say about the images that they were trained on.

The weights of keras.applications were trained on images that a function beside the model, `preprocess_input`, has made.
The name of the model, and that of its last block, say which. Those that rescale for themselves do not stand here, but
are measured (`models/entrance.py`). keras-hub's tasks carry a preprocessor, which makes their images of photos; any
model may carry it as timm's do (`pretrained_cfg`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from saccade.images.recipe import Fit
from saccade.models.carried import Carried, by_name, from_scale_and_offset, from_timm, interpolation_named, sizes_in


@dataclass(frozen=True)
class _Architecture:
    """A family of models: what their names look like, the layer that ends their last block, what they were fed."""

    names: str
    last: str
    normalisation: str
    size: int = 224


_ARCHITECTURES = (
    _Architecture(r"vgg(16|19)", "block5_pool", "caffe"),
    _Architecture(r"resnet(50|101|152)", "conv5_block3_out", "caffe"),
    _Architecture(r"resnet(50|101|152)v2", "post_relu", "half"),
    _Architecture(r"mobilenet_\d.*", "conv_pw_13_relu", "half"),
    _Architecture(r"mobilenetv2_\d.*", "out_relu", "half"),
    _Architecture(r"xception", "block14_sepconv2_act", "half", 299),
    _Architecture(r"inception_v3", "mixed10", "half", 299),
    _Architecture(r"inception_resnet_v2", "conv_7b_ac", "half", 299),
    _Architecture(r"nasnet(_mobile)?", "activation_187", "half"),
    _Architecture(r"nasnet_large", "activation_259", "half", 331),
    _Architecture(r"densenet(121|169|201)", "conv5_block16_concat", "imagenet"),
)


def carried(model: Any) -> Carried | None:
    """What was this model, or the first of its sub-models that is known, trained on?"""
    import keras

    converter = getattr(getattr(model, "preprocessor", None), "image_converter", None)
    if converter is not None:
        return _from_converter(converter)
    config = getattr(model, "pretrained_cfg", None)
    if isinstance(config, Mapping) and "mean" in config:
        return from_timm(config, "the model carries it (pretrained_cfg)")
    for part in model._flatten_layers():
        if isinstance(part, keras.Model):
            for architecture in _ARCHITECTURES:
                if re.fullmatch(architecture.names, str(part.name).lower()) and _has_layer(part, architecture.last):
                    source = f"it is keras.applications' {part.name}, whose weights were trained so"
                    return by_name(architecture.normalisation, source, sizes=((architecture.size,) * 2,))
    return None


def _from_converter(converter: Any) -> Carried:
    """Read keras-hub's `ImageConverter`: image_size, then value * scale + offset."""
    scale, offset = getattr(converter, "scale", None), getattr(converter, "offset", None)
    fits: tuple[tuple[str, Fit], ...] = (("crop_to_aspect_ratio", "cover"), ("pad_to_aspect_ratio", "contain"))
    return from_scale_and_offset(
        np.ravel(1.0 if scale is None else scale).tolist(),
        np.ravel(0.0 if offset is None else offset).tolist(),
        "its preprocessor",
        sizes=tuple(sizes_in([getattr(converter, "image_size", None)])),
        fit=next((fit for name, fit in fits if getattr(converter, name, False)), "stretch"),
        interpolation=interpolation_named(str(getattr(converter, "interpolation", "")).rstrip("35")),
    )


def _has_layer(model: Any, name: str) -> bool:
    return any(layer.name == name for layer in model.layers)
