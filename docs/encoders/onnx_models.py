"""ONNX files as PyTorch exports them, of the encoders that people export most; their codes by onnxruntime alone."""

from __future__ import annotations

import importlib
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from examination import Codes
from torchvision_operators import declare_operators

import saccade
from saccade.models import open_model
from saccade.typing import Array

declare_operators()

LIBRARIES = ("onnx", "onnxruntime")
_FOLDER = tempfile.TemporaryDirectory()
_FILES: dict[int, Path] = {}
"""Which file an opened network came from, by identity."""
_KEPT: list[Any] = []
_TIMM: list[tuple[str, dict[str, Any]]] = [
    ("resnet18", {"num_classes": 0}),
    ("mobilenetv3_small_100", {"num_classes": 0}),
    ("convnext_atto", {"num_classes": 0}),
    ("vit_tiny_patch16_224", {"num_classes": 0, "img_size": 64}),
]


def models() -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """Heading, name and maker of every model."""
    yield "ONNX exports", "convolutional autoencoder", partial(_exported, _autoencoder)
    for name, settings in _TIMM:
        yield "ONNX exports", f"timm {name}", partial(_exported, partial(_timm, name, settings))


def codes_of(model: Any, encoder: saccade.Encoder) -> Codes | None:
    """The codes as onnxruntime alone computes them; None where the layer is no output of the graph."""
    session = onnxruntime.InferenceSession(_FILES[id(model)], providers=["CPUExecutionProvider"])
    normalisation = encoder.recipe.normalisation
    if encoder.layer not in [output.name for output in session.get_outputs()]:
        return None

    def codes(images: Array) -> Array:
        values = images.transpose(0, 3, 1, 2)
        if normalisation is not None:
            mean, std = (
                np.asarray(numbers, np.float32)[:, None, None] for numbers in (normalisation.mean, normalisation.std)
            )
            values = (values - mean) / std
        (answer,) = session.run([encoder.layer], {session.get_inputs()[0].name: np.ascontiguousarray(values)})
        return np.asarray(answer)

    return codes


def _exported(make: Callable[[], torch.nn.Module]) -> Any:
    """A model written by PyTorch and opened from its file."""
    path = Path(_FOLDER.name) / f"{len(_FILES)}.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            make().eval(), (torch.zeros(1, 3, 64, 64),), str(path), dynamo=False, input_names=["image"],
            output_names=["output"], dynamic_axes={"image": {0: "batch"}, "output": {0: "batch"}},
        )  # fmt: skip
    network = open_model(path)
    _KEPT.append(network)  # its identity names its file, so it must stay
    _FILES[id(network)] = path
    return network


def _timm(name: str, settings: dict[str, Any]) -> torch.nn.Module:
    return importlib.import_module("timm").create_model(name, **settings)


def _autoencoder() -> torch.nn.Module:
    down = [torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ELU(), torch.nn.MaxPool2d(2)]
    code = [torch.nn.Conv2d(8, 4, 3, padding=1), torch.nn.ELU(), torch.nn.MaxPool2d(2)]
    up = [torch.nn.Upsample(scale_factor=4), torch.nn.Conv2d(4, 3, 3, padding=1), torch.nn.Sigmoid()]
    return torch.nn.Sequential(*down, *code, *up)
