"""Codes that cannot be explained are noticed on the first question, and said in one line."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import saccade
from saccade.errors import InputError, ModelError, NotApplicable, SaccadeWarning

GREY = np.full((32, 32, 3), 128, np.uint8)
SHAPE = (32, 32, 3)


class Drawn(nn.Module):
    """Two convolutions, between or behind which something happens."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.first, self.second = nn.Conv2d(3, 4, 8, 8), nn.Conv2d(4, 4, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        mean = self.first(image)
        if self.kind == "noise":
            return self.second(mean + torch.randn_like(mean))
        if self.kind == "one draw for all":
            return self.second(mean + torch.randn(1, 4, 1, 1))
        if self.kind == "one draw for each row":
            return self.second(mean + torch.randn(mean.shape, generator=torch.Generator().manual_seed(0)))
        if self.kind == "faint":
            return self.second(mean + 0.05 * torch.rand_like(mean))
        if self.kind == "dropout":
            return self.second(functional.dropout(mean, 0.3, training=True))
        if self.kind == "reparametrised":
            return mean + torch.randn_like(mean) * self.second(mean).exp()
        if self.kind == "batch statistics":
            return self.second(functional.batch_norm(mean, None, None, training=True))
        if self.kind == "batch mean":
            return self.second(mean - mean.mean(0, keepdim=True) / 2)
        return self.second(mean)


@pytest.mark.parametrize(
    "kind", ["noise", "one draw for all", "one draw for each row", "faint", "dropout", "reparametrised"]
)
def test_a_code_that_is_drawn_at_random_is_refused(kind: str) -> None:
    encoder = saccade.Encoder(Drawn(kind).eval(), input_shape=SHAPE)
    with pytest.raises(ModelError, match="is drawn at random") as refusal:
        saccade.explain(encoder, GREY, "occlusion")
    assert "an untouched copy of an image gets another code" in str(refusal.value)
    assert "'first'" in str(refusal.value)
    for question in (encoder.codes, lambda image: saccade.explain(encoder, image, "saliency")):
        with pytest.raises(ModelError, match="is drawn at random"):
            question(GREY)
    # The layers can still be listed, and the steady one explained.
    assert "first" in encoder.layers
    steady = saccade.Encoder(Drawn(kind).eval(), input_shape=SHAPE, layer="first")
    assert saccade.explain(steady, GREY, "occlusion").values.max() < 1e-9, "nothing can change on a plain grey image"


def test_the_layer_that_draws_and_the_mean_are_named() -> None:
    class Sampled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.mu, self.logvar = nn.Conv2d(3, 4, 8, 8), nn.Linear(64, 4), nn.Linear(64, 4)
            self.draw, self.head = Draw(), nn.Linear(4, 4)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            hidden = self.body(image).flatten(1)
            return self.head(self.draw(self.mu(hidden), self.logvar(hidden)))

    class Draw(nn.Module):
        def forward(self, mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
            return mu + torch.randn_like(mu) * (logvar / 2).exp()

    encoder = saccade.Encoder(Sampled().eval(), input_shape=SHAPE, layer="head")
    with pytest.raises(ModelError, match=re.escape("the first layer that is: 'draw'")) as refusal:
        encoder.codes(GREY)
    assert str(refusal.value).endswith("Name its mean: --layer mu (layer='mu').")


@pytest.mark.parametrize("kind", ["batch statistics", "batch mean"])
def test_a_code_that_depends_on_its_neighbours_is_refused(kind: str) -> None:
    encoder = saccade.Encoder(Drawn(kind).eval(), input_shape=SHAPE)
    with pytest.raises(ModelError, match="depends on the other images of its batch"):
        saccade.explain(encoder, GREY)
    steady = saccade.Encoder(Drawn(kind).eval(), input_shape=SHAPE, layer="first")
    assert steady.codes(GREY).shape == (1, 4, 4, 4)


def test_a_plain_code_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = saccade.Encoder(Drawn("").eval(), input_shape=SHAPE)
    encoder.codes(GREY)
    calls = []
    monkeypatch.setattr(type(encoder.network.module), "forward", lambda self, image: calls.append(len(image)))
    encoder.check_code()
    assert not calls


def test_a_plain_code_costs_four_images(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = saccade.Encoder(Drawn("").eval(), input_shape=SHAPE)
    batches: list[int] = []
    forward = Drawn.forward

    def counted(self: Drawn, image: torch.Tensor) -> torch.Tensor:
        batches.append(len(image))
        return forward(self, image)

    monkeypatch.setattr(Drawn, "forward", counted)
    encoder.check_code()
    assert batches == [2, 2]


def test_the_length_of_codes_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """BLAS takes the length of a large code in threads of its own, which wait and keep the framework from a core."""
    encoder = saccade.Encoder(Drawn("").eval(), input_shape=SHAPE)
    first = saccade.explain(encoder, GREY, "saliency")
    lengths: list[object] = []
    norm = np.linalg.norm
    monkeypatch.setattr(np.linalg, "norm", lambda *values, **settings: lengths.append(0) or norm(*values, **settings))
    assert np.array_equal(saccade.explain(encoder, GREY, "saliency").values, first.values)
    assert not lengths


def test_a_code_that_changes_from_call_to_call_is_refused() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.calls = nn.Conv2d(3, 4, 8, 8), [0]

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            self.calls[0] += 1
            return self.first(image) * self.calls[0]

    encoder = saccade.Encoder(Counting().eval(), input_shape=SHAPE)
    with pytest.raises(ModelError, match="drawn at random, or another one at every call"):
        encoder.codes(GREY)


# --- codes of unit length


class Unit(nn.Module):
    def __init__(self, place_by_place: bool = False) -> None:
        super().__init__()
        self.place_by_place = place_by_place
        self.body, self.project = nn.Conv2d(3, 4, 8, 8), nn.Linear(64, 8)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        if self.place_by_place:
            return functional.normalize(self.body(image), dim=1)
        return functional.normalize(self.project(self.body(image).flatten(1)), dim=-1)


@pytest.mark.parametrize(("place_by_place", "layer"), [(False, "project"), (True, "body")])
def test_of_a_code_of_unit_length_what_is_normalised_is_explained(place_by_place: bool, layer: str) -> None:
    module = Unit(place_by_place).eval()
    encoder = saccade.Encoder(module, input_shape=SHAPE)
    assert encoder.layer == layer
    assert encoder.layer_reason == "what 'output' brings to unit length"
    image = np.random.default_rng(1).integers(0, 256, SHAPE, np.uint8)
    assert np.abs(saccade.explain(encoder, image, "saliency").values).max() > 1e-6
    # Who names the normalised code is told, and may ask what has an answer.
    named = saccade.Encoder(module, input_shape=SHAPE, layer="output")
    with pytest.raises(NotApplicable, match=f"has the gradient 0; explain what is normalised, layer '{layer}'"):
        saccade.explain(named, image, "saliency")
    assert saccade.explain(named, image, "occlusion", patch=8, stride=8).values.max() > 0
    other = saccade.targets.like(np.flipud(image).copy())
    assert np.abs(saccade.explain(named, image, "saliency", other).values).max() > 1e-6


def test_a_unit_length_that_no_layer_explains_is_refused_for_gradients() -> None:
    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = nn.Parameter(torch.randn(8, 3, 8, 8))

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return functional.normalize(functional.conv2d(image, self.kernel, stride=8).flatten(1), dim=-1)

    encoder = saccade.Encoder(Whole().eval(), input_shape=SHAPE)
    with pytest.raises(NotApplicable, match="the gradient 0; take a target with another photo, such as toward:"):
        saccade.explain(encoder, GREY, "saliency")


# --- badly fed


class Dull(nn.Module):
    """Tells images of 0..255 apart; those of 0..1 drown in its bias."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Conv2d(3, 4, 8, 8), nn.Linear(64, 8)
        with torch.no_grad():
            self.body.bias += 60

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.body(image)).flatten(1))


def test_a_range_that_was_only_assumed_is_measured_and_warned_about() -> None:
    torch.manual_seed(0)
    module = Dull().eval()
    with pytest.warns(SaccadeWarning, match=r"almost the same code .* give --value-range 0,255"):
        encoder = saccade.Encoder(module, input_shape=SHAPE)
    assert "--value-range 0,255" in encoder.describe()
    assert any("--value-range 0,255" in note for note in saccade.explain(encoder, GREY).notes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        saccade.Encoder(module, input_shape=SHAPE, value_range=(0, 1))
        saccade.Encoder(module, input_shape=SHAPE, value_range=(0, 255))
        saccade.Encoder(Drawn("").eval(), input_shape=SHAPE)


# --- averaged on request


def test_a_code_that_is_drawn_can_be_averaged() -> None:
    module = Drawn("faint").eval()
    steady = saccade.Encoder(Drawn("").eval(), input_shape=SHAPE)
    steady.network.module.load_state_dict(module.state_dict())
    image = np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)
    with torch.no_grad():
        mean = module.second(module.first(torch.tensor(image[None] / 255.0).float().permute(0, 3, 1, 2)) + 0.025)
    errors = {}
    for draws in (1, 256):
        encoder = saccade.Encoder(module, input_shape=SHAPE, draws=draws)
        assert f"the mean of {draws} draws; that of an untouched copy still differs by" in encoder.describe()
        errors[draws] = float(np.linalg.norm(encoder.codes(image)[0] - mean[0].permute(1, 2, 0).numpy()))
    assert errors[256] < errors[1] / 6, "the error falls by the root of the number of draws"
    attribution = saccade.explain(encoder, image, "occlusion", patch=8, stride=8)
    expected = saccade.explain(steady, image, "occlusion", patch=8, stride=8)
    assert np.corrcoef(attribution.values.ravel(), expected.values.ravel())[0, 1] > 0.95
    assert any("so much of every map is chance" in note for note in attribution.notes)
    assert np.isfinite(saccade.explain(encoder, image, "saliency").values).all()


def test_draws_of_what_is_not_drawn_are_said_to_be_in_vain() -> None:
    encoder = saccade.Encoder(Drawn("").eval(), input_shape=SHAPE, draws=4)
    assert "nothing of the code is drawn at random, so the mean of 4 draws only costs time" in encoder.describe()
    assert "still differs" not in encoder.describe()


@pytest.mark.parametrize("draws", [0, 1.5, True, "many"])
def test_draws_are_a_whole_number(draws: object) -> None:
    with pytest.raises(InputError, match="give a whole number, 1 or more"):
        saccade.Encoder(Drawn("").eval(), input_shape=SHAPE, draws=draws)  # type: ignore[arg-type]
