"""Graphs that show that nothing is drawn and no images are mixed cost no trial; all others are measured as before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from keras import layers
from torch import nn

import saccade
from saccade.engines import trials as trials_module
from saccade.errors import ModelError

GREY = np.full((16, 16, 3), 128, np.uint8)


class Own(layers.Layer):
    """Nobody knows what it does."""

    def call(self, values: Any) -> Any:
        return values * 2


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.conv = layers.Conv2D(4, 4)

    def call(self, image: Any) -> Any:
        return self.conv(image)


def functional(between: Callable[[Any], Any]) -> keras.Model:
    image = keras.Input((16, 16, 3))
    return keras.Model(image, layers.Conv2D(2, 1, name="code")(between(layers.Conv2D(4, 4, 4)(image))))


def attended(maps: Any) -> Any:
    tokens = layers.Reshape((16, 4))(maps)
    mixed = layers.MultiHeadAttention(2, 2)(tokens, tokens)
    return layers.Reshape((4, 4, 4))(layers.LayerNormalization()(layers.Add()([tokens, mixed])))


def nested(maps: Any) -> Any:
    inside = keras.Sequential([keras.Input((4, 4, 4)), layers.BatchNormalization(), layers.Dropout(0.5)])
    return inside(maps) + keras.ops.relu(maps)


STEADY = {"plain": layers.ReLU(), "attention": attended, "nested": nested}
MEASURED = {
    "a layer of one's own": Own(),
    "batch normalisation that trains": lambda maps: layers.BatchNormalization()(maps, training=True),
    "dropout in a model that trains": lambda maps: nested_in_training(maps),
    "a mean over the images": lambda maps: maps - keras.ops.mean(maps, 0, keepdims=True),
    "a lambda": layers.Lambda(lambda maps: maps + keras.random.normal((4,))),
}


REFUSED = ("a mean over the images", "a lambda")
"""Keras takes the model's own `training=False` for what trains inside it."""


def nested_in_training(maps: Any) -> Any:
    return keras.Sequential([keras.Input((4, 4, 4)), layers.Dropout(0.5)])(maps, training=True)


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The layers that are tried."""
    tried: list[str] = []
    refuse = trials_module.refuse_unsteady

    def noted(trial: Any) -> None:
        tried.append(trial.layer)
        refuse(trial)

    monkeypatch.setattr(trials_module, "refuse_unsteady", noted)
    return tried


@pytest.mark.parametrize("between", STEADY)
def test_a_graph_of_known_layers_is_not_tried(between: str, trials: list[str]) -> None:
    encoder = saccade.Encoder(functional(STEADY[between]), layer="code")
    assert encoder.codes(GREY).shape == (1, 4, 4, 2)
    assert not trials


@pytest.mark.parametrize("between", MEASURED)
def test_what_no_graph_shows_is_measured(between: str, trials: list[str]) -> None:
    encoder = saccade.Encoder(functional(MEASURED[between]), layer="code")
    if between in REFUSED:
        with pytest.raises(ModelError, match=r"drawn at random|depends on the other images"):
            encoder.codes(GREY)
    else:
        encoder.codes(GREY)
    assert trials == ["code"]


def test_a_subclassed_model_is_measured(trials: list[str]) -> None:
    model = Subclassed()
    model(np.zeros((1, 16, 16, 3), np.float32))
    saccade.Encoder(model).codes(GREY)
    assert len(trials) == 1


def test_an_exported_program_of_one_image_is_not_tried(tmp_path: Path, trials: list[str]) -> None:
    class Net(nn.Module):
        def __init__(self, draws: bool) -> None:
            super().__init__()
            self.conv, self.draws = nn.Conv2d(3, 4, 4, 4), draws

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            maps = self.conv(image).relu()
            return maps + torch.randn_like(maps) if self.draws else maps

    for draws in (False, True):
        program = torch.export.export(Net(draws).eval(), (torch.zeros(1, 3, 16, 16),))
        torch.export.save(program, tmp_path / "net.pt2")
        encoder = saccade.load(tmp_path / "net.pt2")
        if draws:
            with pytest.raises(ModelError, match="drawn at random"):
                encoder.codes(GREY)
        else:
            encoder.codes(GREY)
        assert len(trials) == draws
