"""What torch modules of well-known libraries carry about the images that they were trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass, replace
from pathlib import Path
from typing import Any

from saccade.models.carried import Carried, by_name, from_open_clip, from_timm, preprocessor_beside, sizes_in

_HUGGING_FACE = {
    "imagenet": (
        "convnext", "convnextv2", "cvt", "deit", "dinov2", "dinov2_with_registers", "dinov3_convnext", "dinov3_vit",
        "dpt", "efficientnet", "focalnet", "hiera", "ijepa", "levit", "poolformer", "pvt", "pvt_v2", "regnet", "resnet",
        "segformer", "swin", "swinv2", "upernet", "van", "vit_mae", "vit_msn", "yolos",
    ),
    "half": (
        "beit", "bit", "data2vec-vision", "mobilenet_v1", "mobilenet_v2", "siglip", "siglip_vision_model", "siglip2",
        "siglip2_vision_model", "vit", "vit_hybrid",
    ),
    "clip": (
        "aimv2_vision_model", "align_vision_model",
        "altclip_vision_model", "blip", "blip_vision_model", "chinese_clip_vision_model", "clip",
        "clip_vision_model", "clipseg", "clipseg_vision_model", "metaclip_2_vision_model",
    ),
}  # fmt: skip
"""The normalisation with which the published weights of Hugging Face's kinds of models were trained. It stands in a
file beside the weights, not in the model, so it is what is likely."""


def carried(module: Any) -> Carried | None:
    """What does this module, or the one part of it that knows, say about its images?

    Raises:
        InputError: A file beside the model is damaged.
    """
    own = _of(module, "")
    if own is not None:
        return own
    for name, part in module.named_modules():
        of_part = _of(part, name) if name else None
        if of_part is not None:
            return of_part
    return None


def patch_size(module: Any) -> int:
    """Of how many pixels are the patches of which images must be made? 1 where there are none.

    The first convolution of a transformer steps by its own width, and leaves nothing over.
    """
    first = next((part for part in module.modules() if type(part).__name__ == "Conv2d"), None)
    stride = getattr(first, "stride", (1, 1))
    is_patch = first is not None and first.kernel_size == stride and first.padding in ((0, 0), 0, "valid")
    return int(stride[0]) if is_patch and stride[0] == stride[1] else 1


def _of(part: Any, name: str) -> Carried | None:
    whose = f"its part {name!r}" if name else "the model"
    timm = _mapping(getattr(part, "pretrained_cfg", None)) or _mapping(getattr(part, "default_cfg", None))
    if "mean" in timm:
        own = from_timm(timm, f"{whose} carries it (pretrained_cfg)")
        made_for = sizes_in([getattr(getattr(part, "patch_embed", None), "img_size", None)])
        return replace(own, sizes=tuple(dict.fromkeys([*made_for, *own.sizes])))
    open_clip = _mapping(getattr(part, "preprocess_cfg", None))
    if "mean" in open_clip:
        own = from_open_clip(open_clip, f"{whose} carries it (preprocess_cfg)")
        return replace(own, sizes=(*sizes_in([getattr(part, "image_size", None)]), *own.sizes))
    if getattr(part, "image_mean", None) is not None and getattr(part, "image_std", None) is not None:
        settings = {"mean": part.image_mean, "std": part.image_std, "size": getattr(part, "image_size", None)}
        return from_open_clip(settings, f"{whose} carries it (image_mean, image_std)")
    library = type(part).__module__.partition(".")[0]
    config = getattr(part, "config", None)
    if library == "diffusers" and isinstance(config, Mapping):
        # They are trained on crops of any size; `sample_size` is that of the noise for some, of the image for others.
        return Carried(f"{whose} is one of diffusers', which take -1..1", value_range=(-1.0, 1.0))
    if isinstance(getattr(config, "model_type", None), str):
        return _hugging_face(config, whose)
    return _trained_on_imagenet(part, whose)


def _hugging_face(config: Any, whose: str) -> Carried | None:
    vision = getattr(config, "vision_config", None) or config
    folder = getattr(config, "_name_or_path", "") or ""
    beside = preprocessor_beside(folder) if folder and Path(folder).is_dir() else None
    sizes = tuple(sizes_in([getattr(vision, "image_size", None)]))
    if beside is not None:
        # The image that reaches the model is the one that its file makes; the size that it was built for comes next.
        return replace(beside, sizes=(*beside.sizes, *sizes))
    kind = str(config.model_type)
    for name, kinds in _HUGGING_FACE.items():
        if kind in kinds:
            return by_name(name, f"{whose} is a {kind}, whose weights were trained so", sizes=sizes)
    return Carried(f"{whose} carries its size (config)", sizes=sizes) if sizes else None


def _trained_on_imagenet(part: Any, whose: str) -> Carried | None:
    """All weights of these libraries were trained with ImageNet's mean and spread, which stand beside the weights."""
    module = type(part).__module__
    if module.startswith("torchvision.models.") and not getattr(part, "transform_input", False):
        sizes = tuple(sizes_in([getattr(part, "image_size", None)])) or ((224, 224),)
        source = f"{whose} is one of torchvision's, whose weights were trained so"
        return by_name("imagenet", source, sizes=sizes, fit="cover", crop=224 / 256, interpolation="bilinear")
    if module.startswith("segmentation_models_pytorch."):
        return by_name("imagenet", f"{whose} is one of segmentation_models', whose weights were trained so")
    return None


def _mapping(config: Any) -> Mapping[str, Any]:
    """Timm's configurations are dictionaries, dataclasses, or lists of one."""
    if isinstance(config, (list, tuple)) and config:
        config = config[0]
    if is_dataclass(config) and not isinstance(config, type):
        config = asdict(config)
    return config if isinstance(config, Mapping) else {}
