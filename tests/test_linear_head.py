"""A code without places, split over the cells that it is made of: against sums over cells written out."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import torch
from skimage import data
from torch import nn

import saccade
from saccade.errors import NotApplicable

CAT, CUP = data.chelsea()[:, 80:380], data.coffee()[:, 100:500]
L = keras.layers
SIZE = 32


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def checked(encoder: saccade.Encoder, layer: str) -> saccade.results.Similarity:
    """An exact split whose score is the cosine of the codes and whose shares sum to it."""
    why = saccade.compare(encoder, CAT, CUP)
    a, b = (code.ravel().astype(float) for code in encoder.codes(encoder.read([CAT, CUP])))
    assert why.split == "exact"
    assert why.error is None
    assert (why.matching, why.cells) == ("anywhere", layer)
    assert f"cells of layer {layer}" in why.notes[0]
    assert why.score == pytest.approx(cosine(a, b), abs=1e-5)
    assert why.interactions is not None
    assert why.interactions.sum() + why.special == pytest.approx(why.score, abs=1e-5)
    assert np.allclose(why.interactions.sum(axis=(2, 3)), why.shares_a)
    assert np.allclose(why.interactions.sum(axis=(0, 1)), why.shares_b)
    return why


def keras_model(*, steps: list[L.Layer], seed: int = 3) -> saccade.Encoder:
    keras.utils.set_random_seed(seed)
    image = keras.Input((SIZE, SIZE, 3))
    x = L.Conv2D(12, 3, strides=2, activation="elu")(image)
    x = L.Conv2D(16, 3, strides=4, activation="elu", padding="same", name="cells")(x)
    for step in steps:
        x = step(x)
    model = keras.Model(image, x, name="tiny")
    rng = np.random.default_rng(seed)
    # Statistics and offsets as after training, none of them 0 or 1.
    model.set_weights(
        [w + 0.3 * rng.random(w.shape).astype(w.dtype) if w.ndim == 1 else w for w in model.get_weights()]
    )
    return saccade.Encoder(model, layer=steps[-1].name, value_range=(0, 1))


def cells_of(encoder: saccade.Encoder, layer: str = "cells") -> np.ndarray:
    images = encoder.read([CAT, CUP])
    return encoder.activations(images.array, [layer])[layer].astype(float)


def test_the_mean_of_cells_is_split_over_all_pairs_of_them() -> None:
    encoder = keras_model(steps=[L.GlobalAveragePooling2D(name="code")])
    why = checked(encoder, "cells")
    cells = cells_of(encoder)
    lengths = np.prod([np.linalg.norm(own.mean(axis=(0, 1))) for own in cells])
    for a_place in np.ndindex(4, 4):
        for b_place in np.ndindex(4, 4):
            expected = cells[0][a_place] @ cells[1][b_place] / 16 / 16 / lengths
            assert why.interactions[(*a_place, *b_place)] == pytest.approx(expected, rel=1e-5)  # type: ignore[index]
    assert why.special == 0
    other = saccade.compare(keras_model(steps=[L.Identity(name="code")]), CAT, CUP, matching="anywhere")
    assert np.allclose(why.shares_a, other.shares_a, atol=1e-6)
    assert np.allclose(why.interactions, other.interactions, atol=1e-6)


def test_only_the_largest_cell_of_a_channel_gives_it() -> None:
    encoder = keras_model(steps=[L.GlobalMaxPooling2D(name="code")])
    why = checked(encoder, "cells")
    cells = cells_of(encoder).reshape(2, 16, 16)
    terms = np.zeros_like(cells)
    for image in range(2):
        for channel in range(16):
            largest = cells[image, :, channel].argmax()
            terms[image, largest, channel] = cells[image, largest, channel]
    table = terms[0] @ terms[1].T / np.prod(np.linalg.norm(terms.sum(axis=1), axis=1))
    assert np.allclose(why.interactions.reshape(16, 16), table, atol=1e-6)  # type: ignore[union-attr]


def test_linear_layers_and_batch_normalisation_are_gone_through() -> None:
    steps = [
        L.GlobalAveragePooling2D(), L.BatchNormalization(name="norm"), L.Dropout(0.5), L.Dense(16, name="first"),
        L.Dense(5, use_bias=False, name="code"),
    ]  # fmt: skip
    encoder = keras_model(steps=steps)
    why = checked(encoder, "cells")
    gamma, beta, mean, variance = (np.asarray(w) for w in steps[1].get_weights())
    first, offset = steps[3].get_weights()
    (last,) = steps[4].get_weights()
    scale = gamma / np.sqrt(variance + steps[1].epsilon)
    terms = (cells_of(encoder).reshape(2, 16, 16) / 16 * scale) @ first @ last
    constant = ((beta - mean * scale) @ first + offset) @ last
    codes = terms.sum(axis=1) + constant
    table = terms[0] @ terms[1].T / np.prod(np.linalg.norm(codes, axis=1))
    assert np.allclose(why.interactions.reshape(16, 16), table, atol=1e-5)  # type: ignore[union-attr]
    assert why.special == pytest.approx(why.score - table.sum(), abs=1e-5)
    assert abs(why.special) > 1e-3
    assert why.special_kind == "constant"


def test_a_flattened_map_gives_each_cell_its_rows_of_the_kernel() -> None:
    dense = L.Dense(6, name="code")
    encoder = keras_model(steps=[L.Flatten(), dense])
    why = checked(encoder, "cells")
    kernel, _ = dense.get_weights()
    cells, rows = cells_of(encoder).reshape(2, 16, 16), kernel.reshape(16, 16, 6)
    terms = np.stack([[cell @ own for cell, own in zip(image, rows, strict=True)] for image in cells])
    codes = encoder.codes(encoder.read([CAT, CUP])).reshape(2, 6).astype(float)
    table = terms[0] @ terms[1].T / np.prod(np.linalg.norm(codes, axis=1))
    assert np.allclose(why.interactions.reshape(16, 16), table, atol=1e-5)  # type: ignore[union-attr]


def test_the_mean_is_taken_off_every_place_alike() -> None:
    encoder = keras_model(steps=[L.GlobalAveragePooling2D(), L.Dense(6, name="code")])
    centre = np.random.default_rng(1).normal(size=6)
    why = saccade.compare(encoder, CAT, CUP, centre=centre)
    a, b = encoder.codes(encoder.read([CAT, CUP])).reshape(2, 6).astype(float) - centre
    assert why.score == pytest.approx(cosine(a, b), abs=1e-6)
    assert why.special == 0
    assert why.shares_a.sum() == pytest.approx(why.score, abs=1e-9)
    assert why.shares_b.sum() == pytest.approx(why.score, abs=1e-9)


@pytest.mark.parametrize("step", ["relu", "tanh"])
def test_a_bend_on_the_way_is_no_linear_head(step: str) -> None:
    encoder = keras_model(steps=[L.GlobalAveragePooling2D(), L.Dense(16, activation=step), L.Dense(5, name="code")])
    with pytest.raises(NotApplicable, match=r"no linear function of cells.*split='masked'"):
        saccade.compare(encoder, CAT, CUP, split="exact")
    assert saccade.compare(encoder, CAT, CUP, masks=32, cells=4).split == "estimated"


class Net(nn.Module):
    """Functional pooling, as most code does it, and what may follow."""

    def __init__(self, way: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ELU(), nn.Conv2d(8, 12, 3, 4))
        self.norm = nn.LayerNorm(12)
        nn.init.normal_(self.norm.weight)
        nn.init.normal_(self.norm.bias)
        self.fc = nn.Linear(12 if way != "both" else 24, 7)
        self.flat = nn.Linear(12 * 16, 7)
        self.way = way

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.body(x)
        match self.way:
            case "rectified":
                return self.fc(nn.functional.relu(x).mean((2, 3)))
            case "both":
                pooled = [nn.functional.adaptive_max_pool2d(x, 1), nn.functional.adaptive_avg_pool2d(x, 1)]
                return self.fc(torch.cat(pooled, 1).flatten(1))
            case "normalised":
                return self.fc(self.norm(x.mean((2, 3))))
            case "unit":
                return nn.functional.normalize(self.fc(x.mean((2, 3))), dim=1)
            case "flat":
                return self.flat(x.flatten(1))
        raise AssertionError(self.way)


@pytest.mark.parametrize("way", ["rectified", "both", "normalised", "unit", "flat"])
def test_functional_pooling_in_torch(way: str) -> None:
    encoder = saccade.Encoder(Net(way).eval(), input_shape=(SIZE, SIZE, 3), value_range=(0, 1))
    why = checked(encoder, "body")
    assert why.shares_a.shape == (4, 4)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("way", ["rectified", "flat"])
def test_an_onnx_file(way: str, tmp_path: Path) -> None:
    net = Net(way).eval()
    path = tmp_path / "net.onnx"
    torch.onnx.export(net, (torch.zeros(2, 3, SIZE, SIZE),), path, dynamo=False, verbose=False)
    encoder = saccade.load(path, value_range=(0, 1))
    why = saccade.compare(encoder, CAT, CUP)
    live = saccade.compare(saccade.Encoder(net, input_shape=(SIZE, SIZE, 3), value_range=(0, 1)), CAT, CUP)
    assert why.split == "exact"
    assert np.allclose(why.interactions, live.interactions, atol=1e-5)


def test_photos_of_different_sizes_are_split_too() -> None:
    encoder = saccade.Encoder(Net("rectified").eval(), value_range=(0, 1))
    why = saccade.compare(encoder, np.ascontiguousarray(CAT[:64, :48]), np.ascontiguousarray(CUP[:40, :80]))
    assert why.split == "exact"
    assert why.shares_a.shape != why.shares_b.shape
    assert why.interactions.sum() + why.special == pytest.approx(why.score, abs=1e-5)  # type: ignore[union-attr]


def test_both_photos_are_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = keras_model(steps=[L.GlobalAveragePooling2D(name="code")])
    saccade.compare(encoder, CAT, CUP)  # the way to the code is found
    runs: list[int] = []
    run = type(encoder.network).run

    def counted(self: object, images: np.ndarray, *rest: object) -> object:
        runs.append(len(images))
        return run(self, images, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(type(encoder.network), "run", counted)
    saccade.compare(encoder, CUP, CAT)
    assert sum(runs) <= 2


def test_a_head_that_adds_most_is_named_first() -> None:
    torch.manual_seed(0)
    head = nn.Linear(8, 16)
    with torch.no_grad():
        head.bias.fill_(3.0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    encoder = saccade.Encoder(net.eval(), input_shape=(SIZE, SIZE, 3), value_range=(0, 1))
    why = saccade.compare(encoder, CAT, CUP)
    assert why.special > 0.5 * why.score
    assert (
        f"alike: {100 * why.special / why.score:.0f} % of it comes from a constant that the network adds"
        in why.sentence
    )
    assert why.shares.sum() + why.special == pytest.approx(why.score, abs=1e-6)
