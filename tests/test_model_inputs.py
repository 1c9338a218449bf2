"""Models that do not take one image are refused in a line that names what to give instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch import nn

import saccade
from saccade.errors import InputError, ModelError
from saccade.models import open_live


class TwoTowers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.text, self.visual, self.other = nn.Linear(4, 4), nn.Conv2d(3, 4, 8), nn.Conv2d(3, 4, 8)

    def forward(self, image: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        return self.visual(image).mean((2, 3)) @ self.text(text).T


class TextFirst(TwoTowers):
    def forward(self, input_ids: Any = None, pixel_values: Any = None) -> Any:  # type: ignore[override]
        raise AssertionError("not called")


class ByName(nn.Module):
    def forward(self, *, pixel_values: torch.Tensor) -> torch.Tensor:
        return pixel_values


class Dictionary(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Conv2d(3, 4, 8)

    def forward(self, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return self.encoder(inputs["data"])


class UnnamedDictionary(nn.Module):
    """Its class for a batch is no mapping that Python knows, as in pythae."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 4)), nn.Linear(4, 784)

    def forward(self, inputs: Any) -> torch.Tensor:
        return self.decoder(self.encoder(inputs["data"]))


class NoForward(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.projector, self.backbone = nn.Linear(4, 4), nn.Conv2d(3, 4, 8)


class Blocks(nn.Module):
    def forward(self, inputs_embeds: torch.Tensor, attention_mask: torch.Tensor | None = None) -> torch.Tensor:
        return inputs_embeds


class PatchesGiven(nn.Module):
    """As SigLIP 2 of transformers: patches already cut, with their mask and grid; its encoder takes no image either."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings, self.encoder = nn.Linear(768, 4), Blocks()

    def forward(self, pixel_values: torch.Tensor, spatial_shapes: torch.Tensor) -> torch.Tensor:
        return self.encoder(self.embeddings(pixel_values))


REFUSALS = {
    "takes 2 inputs (pixel_values, spatial_shapes); saccade explains models that take one image: wrap it in a module "
    "of one input.": PatchesGiven(),
    "takes 2 inputs (image, text); saccade explains models that take one image: give the part that encodes images: "
    "model.visual (or model.other).": TwoTowers(),
    "the first input of 'TextFirst' is input_ids, which is no image; give the part that encodes images: model.visual": (
        TextFirst()
    ),
    "takes its image only by name (pixel_values=)": ByName(),
    "takes a dictionary (inputs)": Dictionary(),
    "it reads 'data' of its input, so it takes a dictionary; give the part that encodes images: model.encoder": (
        UnnamedDictionary()
    ),
    "has no forward(), so it cannot be called; give the part that encodes images: model.backbone.": NoForward(),
    "reads images as rows of 784 numbers; give torch.nn.Sequential(torch.nn.Flatten(), model) and input_shape="
    "(28, 28, 1)": nn.Sequential(nn.Linear(784, 32), nn.Linear(32, 784)),
}


@pytest.mark.parametrize("message", REFUSALS)
def test_a_torch_module_that_takes_no_single_image(message: str) -> None:
    for shape in (None, (28, 28, 1)):
        with pytest.raises(ModelError, match=re.escape(message)):
            saccade.Encoder(REFUSALS[message], input_shape=shape)


def test_what_the_message_says_works() -> None:
    dense = nn.Sequential(nn.Linear(784, 32), nn.Linear(32, 784))
    encoder = saccade.Encoder(nn.Sequential(nn.Flatten(), dense), input_shape=(28, 28, 1))
    assert encoder.codes(np.zeros((28, 28), np.uint8)).shape == (1, 1, 1, 32)
    assert open_live(TwoTowers().visual).input_shape == (None, None, 3)


def test_channels_are_last() -> None:
    with pytest.raises(InputError, match=re.escape("give them last: (224, 224, 3)")):
        saccade.Encoder(nn.Conv2d(3, 4, 8), input_shape=(3, 224, 224))


# --- Keras


def small(channels: int = 3, name: str | None = None) -> keras.Model:
    inputs = keras.Input((16, 16, channels))
    return keras.Model(inputs, keras.layers.Conv2D(4, 8)(inputs), name=name)


class NoCall(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.scale = small(), keras.layers.Dense(2)


@pytest.mark.engine
def test_a_keras_model_that_takes_no_single_image() -> None:
    message = "has no call(), so it cannot be called; give the part that takes one image: model.encoder."
    with pytest.raises(ModelError, match=re.escape(message)):
        open_live(NoCall())
    tower = small(name="tower")
    left, right = keras.Input((16, 16, 3)), keras.Input((16, 16, 3))
    siamese = keras.Model([left, right], keras.layers.Add()([tower(left), tower(right)]))
    message = "takes 2 inputs; saccade explains models that take one image: give the part that takes one image: "
    with pytest.raises(ModelError, match=re.escape(f"{message}model.get_layer('tower').")):
        open_live(siamese)
    flat = keras.Sequential([keras.Input((784,)), keras.layers.Dense(32), keras.layers.Dense(784)])
    message = "give keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), model])."
    with pytest.raises(ModelError, match=re.escape(f"takes rows of 784 numbers, not images; {message}")):
        open_live(flat)
    whole = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), flat])
    assert saccade.Encoder(whole).codes(np.zeros((28, 28), np.uint8)).shape == (1, 1, 1, 32)


@pytest.mark.engine
def test_channels_are_last_in_keras_too() -> None:
    class Free(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.conv = keras.layers.Conv2D(4, 8)

        def call(self, image: Any) -> Any:
            return self.conv(image)

    with pytest.raises(InputError, match=re.escape("give them last: (224, 224, 3)")):
        saccade.Encoder(Free(), input_shape=(3, 224, 224))
