"""PyTorch models in a page: their data compute what they compute, by a naive interpreter and in a browser."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from browsers import opened
from pages import document
from plain_networks import interpreted
from torch import nn
from torch.nn import functional

import saccade
from saccade.errors import NotApplicable
from saccade.report.array_spec import array_spec
from saccade.report.in_page_network import in_page_network
from saccade.report.page_file import joined_modules


class Processing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, (3, 5), stride=(2, 1), padding=(0, 2), bias=False)
        self.normalised = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8)
        self.multiplied = nn.Conv2d(8, 16, 3, padding=1, groups=8)
        self.grouped = nn.Conv2d(16, 6, 1, groups=2)
        self.up = nn.ConvTranspose2d(6, 5, 3, stride=2, padding=1, output_padding=1)
        self.code = nn.Conv2d(5, 4, 3, padding="same")

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.normalised(self.first((image - 0.4) / 0.3)), inplace=True)
        x = functional.leaky_relu(self.depthwise(x), 0.2)
        x = functional.elu(self.multiplied(x), 0.7)
        x = functional.avg_pool2d(functional.max_pool2d(functional.hardtanh(self.grouped(x)), 3, 2, 1), 3, 1, 1)
        x = functional.silu(self.up(x))
        x = functional.interpolate(x, scale_factor=(2, 3), mode="bilinear")
        x = functional.pad(x, (1, 0, -1, 2))
        return self.code(1 - functional.gelu(x, approximate="tanh"))


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.narrow, self.wide = nn.Conv2d(8, 2, 1), nn.Conv2d(2, 8, 1)
        self.register_buffer("offset", torch.linspace(-1, 1, 8)[:, None, None])
        self.dense, self.grown = nn.Linear(16 * 3 * 3, 12), nn.Linear(12, 18)
        self.last = nn.Conv2d(2, 5, 3)
        self.code = nn.Linear(5, 7, bias=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = functional.selu(self.first(image)) + self.offset
        x = x + functional.softplus(self.second(x))
        gate = torch.sigmoid(self.wide(functional.hardswish(self.narrow(functional.adaptive_avg_pool2d(x, 1)))))
        x = torch.cat([x * gate, torch.maximum(x, 2 - x)], 1)
        x = functional.max_pool2d(x, 2, ceil_mode=True)
        x = functional.adaptive_avg_pool2d(x, 3).flatten(1)
        x = torch.tanh(self.grown(functional.hardsigmoid(self.dense(x)))).view(-1, 2, 3, 3)
        x = torch.exp(functional.dropout(self.last(x), 0.5, training=self.training)).mean((2, 3))
        return self.code(functional.softmax(x.clamp(0.1, 3), 1))


class Redrawing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2))
        self.decoder = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(4, 3, 3, padding=1), nn.Sigmoid())

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.encoder(image))


MODELS = {
    "processing": (Processing, "code", (20, 23), {}),
    "branching": (Branching, "code", (12, 12), {}),
    "redrawing": (Redrawing, "encoder", (8, 10), {}),
    "normalised": (Redrawing, "encoder", (8, 10), {"normalize": "imagenet"}),
    "written into": (Redrawing, "encoder.0", (8, 10), {}),
}


def _encoder(name: str) -> saccade.Encoder:
    kind, layer, size, settings = MODELS[name]
    torch.manual_seed(3)
    model = kind().eval()
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):  # as after training: no longer the identity
            for tensor in (part.weight.data, part.bias.data, part.running_mean, part.running_var):
                tensor.uniform_(0.5, 1.5)
    return saccade.Encoder(
        model, layer=layer, input_shape=(*size, 3), **{"value_range": (0.0, 1.0), "normalize": "none"} | settings
    )


@pytest.fixture(scope="module")
def encoders() -> dict[str, saccade.Encoder]:
    return {name: _encoder(name) for name in MODELS}


def _images(name: str) -> np.ndarray:
    return np.random.default_rng(7).random((2, *MODELS[name][2], 3), np.float32)


def _expected(encoder: saccade.Encoder, images: np.ndarray) -> dict[str, np.ndarray]:
    paths = {"code": encoder.layer} | ({"redrawn": encoder.network.output} if encoder.is_autoencoder else {})
    values = encoder.activations(images, list(paths.values()))
    return {name: values[path].reshape(len(images), -1) for name, path in paths.items()}


def _error(computed: Any, expected: np.ndarray) -> float:
    """The largest difference as a share of the largest number."""
    return float(np.abs(np.ravel(computed) - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("name", MODELS)
def test_the_data_compute_what_pytorch_computes(encoders: dict[str, saccade.Encoder], name: str) -> None:
    encoder = encoders[name]
    images = _images(name)
    network = json.loads(json.dumps(in_page_network(encoder, *MODELS[name][2])))
    values = interpreted(network, images[0])
    expected = _expected(encoder, images)
    for part, numbers in expected.items():
        assert _error(values[network[part]], numbers[0]) < 2e-3, part
    assert ("redrawn" in expected) == (network["redrawn"] is not None)


RUNS = """
const carried = JSON.parse(document.getElementById("data").textContent);
const results = {};
for (const [name, { network: spec, image, moved }] of Object.entries(carried)) {
  const network = await InPageNetwork.open(spec);
  const first = await network.run(decodeArray(image).values);
  const second = await network.run(decodeArray(moved).values);
  results[name] = [first, second].map(({ code, redrawn }) => ({ code: [...code], redrawn: redrawn && [...redrawn] }));
  network.close();
}
globalThis.results = results;
"""


def test_a_page_computes_what_pytorch_computes(
    browser: Any, encoders: dict[str, saccade.Encoder], tmp_path: Path
) -> None:
    images = {name: _images(name) for name in MODELS}
    for pair in images.values():
        pair[1] = pair[0]
        pair[1, 2:5, 3:7] = 0.5  # a change of a part, after which only that part is computed again
    carried = {
        name: {
            "network": in_page_network(encoder, *MODELS[name][2]),
            "image": array_spec(images[name][0]),
            "moved": array_spec(images[name][1]),
        }
        for name, encoder in encoders.items()
    }
    page = tmp_path / "page.html"
    page.write_text(document(joined_modules("in_page_network.js") + RUNS, carried), encoding="utf-8")
    with opened(browser, page) as tab:
        end = time.monotonic() + 60
        while not (results := tab.evaluate("globalThis.results")) and time.monotonic() < end:
            time.sleep(0.05)
    for name, encoder in encoders.items():
        for part, numbers in _expected(encoder, images[name]).items():
            for answer, row in zip(results[name], numbers, strict=True):
                assert _error(answer[part], row) < 2e-3, (name, part)


class Turning(nn.Module):
    def __init__(self, change: Any) -> None:
        super().__init__()
        self.first, self.code, self.change = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3), change

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.code(self.change(self.first(image)))


def _decided(x: torch.Tensor) -> torch.Tensor:
    return x if x.mean().item() > 0.1 else -x


def _written(x: torch.Tensor) -> torch.Tensor:
    x[:, :2].relu_()
    return x


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (torch.sin, "computes 'sin', which a page cannot compute"),
        (lambda x: x.transpose(2, 3), "computes 'transpose'"),
        (lambda x: functional.interpolate(x, size=(11, 13)), "a factor that is not whole"),
        (lambda x: functional.pad(x, (1, 1, 1, 1), value=2.0), "by other numbers than zeros"),
        (lambda x: functional.instance_norm(x), "which a page cannot compute"),
        (_written, "in place"),
        (_decided, "decides by the numbers of an image"),
    ],
)
def test_an_operation_that_a_page_cannot_compute_is_named(change: Any, reason: str) -> None:
    torch.manual_seed(0)
    encoder = saccade.Encoder(
        Turning(change).eval(), layer="code", input_shape=(8, 8, 3), value_range=(0, 1), normalize="none"
    )
    with pytest.raises(NotApplicable, match=reason):
        in_page_network(encoder, 8, 8)
