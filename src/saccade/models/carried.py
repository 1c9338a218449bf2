"""What a model carries about the images that it was trained on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from saccade.errors import FileError, InputError
from saccade.images.normalisation import NAMED, Normalisation, normalisation_of
from saccade.images.recipe import Fit, Interpolation

Size = tuple[int, int]
_MOST_PIXELS_A_SIDE = 4096
_LARGEST = 2**20
"""Bytes of a file of settings; real ones have a thousand."""
_PILLOW: tuple[Interpolation, ...] = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
"""Pillow's filters by their numbers, as Hugging Face's files give them."""


@dataclass(frozen=True)
class Carried:
    """What is known of the images that a model was trained on; None where nothing is.

    Attributes:
        source: Where it stands, such as `"its pretrained_cfg"`.
        sizes: Height and width, the likeliest first; a model may have been made for another size than its name says.
        normalisation: Mean and spread of each channel.
        value_range: The darkest and the brightest value, where there is no normalisation.
        fit: How photos get the model's shape.
        crop: The share of the photo's middle that is used.
        interpolation: How pixels are resized.
        multiple: Both sides are multiples of this.
    """

    source: str
    sizes: tuple[Size, ...] = ()
    normalisation: Normalisation | None = None
    value_range: tuple[float, float] | None = None
    fit: Fit | None = None
    crop: float | None = None
    interpolation: Interpolation | None = None
    multiple: int = 1


def from_timm(config: Mapping[str, Any], source: str) -> Carried:
    """Read timm's `pretrained_cfg`."""
    shape = config.get("input_size") or ()
    fits: dict[str, Fit] = {"center": "cover", "squash": "stretch", "border": "contain"}
    return Carried(
        source,
        sizes=tuple(sizes_in([shape[1:]])) if isinstance(shape, Sequence) else (),
        normalisation=_normalisation(config.get("mean"), config.get("std")),
        fit=fits.get(str(config.get("crop_mode", "center"))),
        crop=_share(config.get("crop_pct")),
        interpolation=interpolation_named(config.get("interpolation")),
    )


def from_open_clip(config: Mapping[str, Any], source: str) -> Carried:
    """Read open_clip's `preprocess_cfg`."""
    fits: dict[str, Fit] = {"shortest": "cover", "longest": "contain", "squash": "stretch"}
    return Carried(
        source,
        sizes=tuple(sizes_in([config.get("size")])),
        normalisation=_normalisation(config.get("mean"), config.get("std")),
        fit=fits.get(str(config.get("resize_mode", "shortest"))),
        interpolation=interpolation_named(config.get("interpolation")),
    )


def from_torchvision(settings: Mapping[str, Any], source: str) -> Carried:
    """Read the attributes of torchvision's `ImageClassification`, with which its weights were trained."""
    sides = {name: (settings.get(name) or [None])[0] for name in ("crop_size", "resize_size")}
    crop, resize = sides["crop_size"], sides["resize_size"]
    interpolation = settings.get("interpolation")
    return Carried(
        source,
        sizes=tuple(sizes_in([crop])),
        normalisation=_normalisation(settings.get("mean"), settings.get("std")),
        fit="cover",
        crop=_share(min(1.0, crop / resize)) if crop and resize else None,
        interpolation=interpolation_named(getattr(interpolation, "value", interpolation)),
    )


def from_preprocessor(config: Mapping[str, Any], source: str) -> Carried:
    """Read Hugging Face's `preprocessor_config.json`.

    Raises:
        InputError: Its mean and spread are none.
    """
    resize, crop = _edges(config.get("size")), _edges(config.get("crop_size"))
    crops = bool(config.get("do_center_crop")) and crop is not None
    size = crop if crops else resize
    share = None
    if crops and crop is not None and resize is not None:
        share = min(1.0, max(crop) / max(min(resize), 1))
    normalisation = None
    value_range: tuple[float, float] | None = None
    if config.get("do_rescale", True) is False:
        value_range = (0.0, 255.0)
    else:
        # BeiT and its kin count from the middle: value * 2 / 255 - 1.
        factor, offset = config.get("rescale_factor", 1 / 255), config.get("do_center") or config.get("offset")
        if isinstance(factor, (int, float)) and 0.003 < factor < 0.0045:
            value_range = (0.0, 1.0)
        elif isinstance(factor, (int, float)) and offset and 0.006 < factor < 0.009:
            value_range = (-1.0, 1.0)
    if config.get("do_normalize", config.get("image_mean") is not None):
        normalisation = _normalisation(config.get("image_mean"), config.get("image_std"))
        if normalisation is not None and value_range is not None:
            normalisation = _on_range(normalisation, value_range)
    if config.get("do_flip_channel_order"):
        plain = Normalisation((0.0,) * 3, (1.0,) * 3, value_range=value_range or (0.0, 1.0))
        normalisation = replace(normalisation or plain, order="BGR")
    shortest = isinstance(config.get("size"), Mapping) and "shortest_edge" in config["size"]
    number = config.get("resample")
    return Carried(
        source,
        sizes=() if size is None else (size,),
        normalisation=normalisation,
        value_range=None if normalisation is not None else value_range,
        fit="cover" if crops or shortest else "stretch",
        crop=share,
        interpolation=_PILLOW[number] if isinstance(number, int) and 0 <= number < len(_PILLOW) else None,
    )


def from_scale_and_offset(scale: Sequence[float], offset: Sequence[float], source: str, **further: Any) -> Carried:
    """What goes with images that are value * scale + offset, of values 0..255; one number a channel, or one for all."""
    count = max(len(scale), len(offset))
    scale, offset = (list(numbers) * (count if len(numbers) == 1 else 1) for numbers in (scale, offset))
    if len(scale) != len(offset) or min(scale) <= 0:
        return Carried(source, **further)
    if not any(offset) and len(set(scale)) == 1:
        return Carried(source, value_range=(0.0, 255 * scale[0]), **further)
    mean = tuple(-shift / factor / 255 for factor, shift in zip(scale, offset, strict=True))
    std = tuple(1 / factor / 255 for factor in scale)
    return Carried(source, normalisation=_normalisation(mean, std), **further)


def preprocessor_beside(folder: str | Path) -> Carried | None:
    """What `preprocessor_config.json` or `processor_config.json` in a folder says; None where there is none.

    Raises:
        FileError: It cannot be read.
    """
    for name in ("preprocessor_config.json", "processor_config.json"):
        path = Path(folder) / name
        if path.is_file():
            config = folder_settings(path)
            own = config.get("image_processor")
            return from_preprocessor(own if isinstance(own, Mapping) else config, f"the {name} beside it")
    return None


def folder_settings(path: Path) -> dict[str, Any]:
    """The settings in a JSON file that lies beside a model.

    Raises:
        FileError: It cannot be read, or holds something else.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise FileError(f"{path} is damaged: it is larger than {_LARGEST:,} bytes.")
        config = json.loads(path.read_bytes())
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path} is damaged: it is no JSON.") from error
    if not isinstance(config, dict):
        raise FileError(f"{path} holds no settings.")
    return config


def sizes_in(values: Sequence[Any]) -> Iterator[Size]:
    """Every size among what configurations hold: a number, or height and width."""
    for value in values:
        numbers = [value, value] if isinstance(value, int) else list(value) if isinstance(value, (list, tuple)) else []
        numbers = numbers * 2 if len(numbers) == 1 else numbers
        if len(numbers) == 2 and all(isinstance(n, int) and 0 < n <= _MOST_PIXELS_A_SIDE for n in numbers):
            yield numbers[0], numbers[1]


def interpolation_named(name: Any) -> Interpolation | None:
    """An interpolation by its name; None for what is none, such as timm's `random`."""
    return next((interpolation for interpolation in _PILLOW if interpolation == str(name).lower()), None)


def _edges(size: Any) -> Size | None:
    """A size as Hugging Face writes it: a number, height and width, or the shortest edge."""
    if isinstance(size, Mapping):
        size = (size["height"], size["width"]) if {"height", "width"} <= size.keys() else size.get("shortest_edge")
    return next(sizes_in([size]), None)


def _normalisation(mean: Any, std: Any) -> Normalisation | None:
    if mean is None or std is None:
        return None
    with suppress(InputError):
        return normalisation_of((mean, std))
    return None


def _on_range(normalisation: Normalisation, value_range: tuple[float, float]) -> Normalisation:
    return (
        normalisation if value_range == normalisation.value_range else replace(normalisation, value_range=value_range)
    )


def _share(number: Any) -> float | None:
    return float(number) if isinstance(number, (int, float)) and 0 < float(number) <= 1 else None


def by_name(name: str, source: str, **further: Any) -> Carried:
    """What goes with a normalisation's name."""
    return Carried(source, normalisation=NAMED[name], **further)
