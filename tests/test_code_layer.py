"""Which layer is the code of which kind of model, and what its parts are called."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import saccade
from saccade.errors import UnknownName
from saccade.models import code_layer, find_layer, open_live


class Latent(NamedTuple):
    mu: torch.Tensor
    spread: torch.Tensor


@dataclass
class Coded:
    recon: torch.Tensor
    latent: torch.Tensor


class Posterior:
    """As diffusers' distribution: an object that holds tensors."""

    def __init__(self, parameters: torch.Tensor) -> None:
        self.parameters = parameters
        self.mean, self.logvar = parameters.chunk(2, 1)
        self.deterministic = True


class Variational(nn.Module):
    """A variational autoencoder of 16 px, which gives its results in one of many ways."""

    def __init__(self, gives: str) -> None:
        super().__init__()
        self.gives = gives
        self.body = nn.Sequential(nn.Conv2d(3, 4, 4, 4), nn.ReLU(), nn.Flatten())
        self.a, self.b = nn.Linear(64, 6), nn.Linear(64, 6)
        self.decoder = nn.Sequential(nn.Linear(6, 768), nn.Unflatten(1, (3, 16, 16)))

    def forward(self, image: torch.Tensor) -> Any:
        hidden = self.body(image)
        mu, logvar = self.a(hidden), self.b(hidden)
        recon = self.decoder(mu)
        return {
            "tuple": (recon, mu, logvar),
            "with its image": [recon, image, mu, logvar],
            "dict": {"recon": recon, "logvar": logvar, "mu": mu},
            "named tuple": Latent(mu, logvar),
            "dataclass": Coded(recon, mu),
            "distribution": torch.distributions.Normal(mu, logvar.exp()),
            "independent": torch.distributions.Independent(torch.distributions.Normal(mu, logvar.exp()), 1),
            "nested": {"recon": recon, "posterior": Latent(mu, logvar)},
        }[self.gives]


@pytest.mark.parametrize(
    ("gives", "called"),
    [
        ("tuple", "output[1]"),
        ("with its image", "output[2]"),
        ("dict", "output.mu"),
        ("named tuple", "output.mu"),
        ("dataclass", "output.latent"),
        ("distribution", "output.loc"),
        ("independent", "output.base_dist.loc"),
        ("nested", "output.posterior.mu"),
    ],
)
def test_of_a_variational_autoencoder_the_mean_is_the_code(gives: str, called: str) -> None:
    module = Variational(gives).eval()
    network = open_live(module, input_shape=(16, 16, 3))
    chosen = code_layer(network)
    assert chosen.path == "a"
    assert chosen.runner_up is not None
    # Every part can be asked for as it is called there, and as the layer that made it.
    assert find_layer(network, called) == find_layer(network, called.replace(".", "[", 1)) == "a" or "[" in called
    images = np.random.default_rng(0).random((2, 16, 16, 3), np.float32)
    encoder = saccade.Encoder(module, input_shape=(16, 16, 3), layer=called)
    with torch.no_grad():
        expected = module.a(module.body(torch.tensor(images).permute(0, 3, 1, 2)))
    assert_allclose(encoder.codes(images).reshape(2, -1), expected, rtol=1e-5, atol=1e-6)


def test_parts_that_no_module_made_can_be_named_and_tapped() -> None:
    class Moments(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.decoder = nn.Conv2d(3, 8, 4, 4), nn.ConvTranspose2d(4, 3, 4, 4)

        def encode(self, image: torch.Tensor) -> dict[str, Posterior]:
            return {"latent_dist": Posterior(self.body(image))}

        def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"sample": self.decoder(self.encode(image)["latent_dist"].mean)}

    module = Moments().eval()
    network = open_live(module, input_shape=(16, 16, 3))
    chosen = code_layer(network)
    assert chosen.path == "encode[latent_dist][mean]"
    assert chosen.reason == "what the model's encode() gives, its mean"
    assert "encode" not in vars(module), "the method is as it was"
    images = torch.rand(2, 16, 16, 3)
    with network.inference_mode(), torch.no_grad():
        mean = network.run(images, [chosen.path])[chosen.path]
        torch.testing.assert_close(mean, module.body(images.permute(0, 3, 1, 2))[:, :4].permute(0, 2, 3, 1))
        # What the decoder reads is what was put in the mean's place.
        redrawn = network.run(images, ["decoder"], {chosen.path: lambda values: values * 0 + 0.5})["decoder"]
        expected = module.decoder(torch.full((2, 4, 4, 4), 0.5)).permute(0, 2, 3, 1)
    torch.testing.assert_close(redrawn, expected)
    assert "encode" not in vars(module)
    # A method that the owner has put there himself stays.
    module.encode = own = module.encode
    open_live(module, input_shape=(16, 16, 3)).layers  # noqa: B018
    assert vars(module)["encode"] is own


def test_what_encode_gives_is_the_code() -> None:
    class Split(Variational):
        def encode(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            hidden = self.body(image)
            return self.a(hidden), self.b(hidden)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            mu, logvar = self.encode(image)
            return self.decoder(mu + torch.randn_like(mu) * logvar.exp())

    chosen = code_layer(open_live(Split(""), input_shape=(16, 16, 3)))
    assert (chosen.path, chosen.reason) == ("encode[0]", "what the model's encode() gives")


# --- models that redraw


def steps(*parts: nn.Module) -> nn.Sequential:
    return nn.Sequential(*parts)


def test_the_narrowest_point_is_measured_at_a_real_size() -> None:
    autoencoder = steps(
        nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU(),
        nn.ConvTranspose2d(16, 8, 2, 2), nn.ReLU(), nn.ConvTranspose2d(8, 3, 2, 2), nn.Sigmoid(),
    )  # fmt: skip
    for shape in (None, (64, 64, 3)):
        chosen = code_layer(open_live(autoencoder, input_shape=shape))
        assert chosen.path == "3"
        assert chosen.reason == "the narrowest point of the autoencoder (4,096 numbers an image)"


def test_a_redrawing_that_is_flat_is_no_code() -> None:
    dense = steps(nn.Flatten(), nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, 784), nn.Sigmoid())
    assert code_layer(open_live(dense, input_shape=(28, 28, 1))).path == "2"


class UNet(nn.Module):
    def __init__(self, channels: int, gives: str = "map") -> None:
        super().__init__()
        self.gives = gives
        self.pool, self.enlarge = nn.MaxPool2d(2), nn.Upsample(scale_factor=2)
        self.gate = steps(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1), nn.Sigmoid())
        self.first, self.second = self.block(3, 4), self.block(4, 8)
        self.last, self.head = self.block(12, 4), nn.Conv2d(4, channels, 1)

    @staticmethod
    def block(before: int, after: int) -> nn.Module:
        return steps(nn.Conv2d(before, after, 3, 1, 1), nn.ReLU())

    def forward(self, image: torch.Tensor) -> Any:
        fine = self.first(image)
        coarse = self.second(self.pool(fine))
        coarse = coarse * self.gate(coarse)
        if self.gives == "maps":
            return image, fine, coarse
        return self.head(self.last(torch.cat([self.enlarge(coarse), fine], 1)))


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_of_a_u_net_the_deepest_level_is_the_code(channels: int) -> None:
    chosen = code_layer(open_live(UNet(channels), input_shape=(16, 16, 3)))
    assert chosen.path == "second"
    assert chosen.reason == "the deepest level (8x8x8); skips go round it"
    assert chosen.runner_up is not None
    assert chosen.runner_up.path == "head"


class AttentionUNet(UNet):
    """A gate on the deepest level, which says where the skip counts, is computed from the bottom and the skip."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.of_skip, self.of_bottom = nn.Conv2d(4, 4, 2, 2), nn.Conv2d(8, 4, 1)
        self.attend = steps(nn.ReLU(), nn.Conv2d(4, 1, 1), nn.Sigmoid())

    def forward(self, image: torch.Tensor) -> Any:
        fine = self.first(image)
        coarse = self.second(self.pool(fine))
        gate = self.attend(self.of_skip(fine) + self.of_bottom(coarse))
        return self.head(self.last(torch.cat([self.enlarge(coarse), fine * self.enlarge(gate)], 1)))


def test_an_attention_gate_at_the_deepest_level_is_not_the_code() -> None:
    chosen = code_layer(open_live(AttentionUNet(1), input_shape=(16, 16, 3)))
    assert (chosen.path, chosen.reason) == ("second", "the deepest level (8x8x8); skips go round it")


def test_of_a_pyramid_the_deepest_map_is_the_code_and_never_the_image() -> None:
    chosen = code_layer(open_live(UNet(3, "maps"), input_shape=(16, 16, 3)))
    assert chosen.path == "output[2]"
    assert chosen.reason == "the deepest of the 2 maps that the model gives"


def test_one_layer_that_gives_a_picture_says_that_it_is_no_code() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        script = torch.jit.script(steps(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, 3, 2, 2)))
    assert "no layer inside it can be read" in code_layer(open_live(script, input_shape=(32, 32, 3))).reason


# --- well-known names


class Tokens(nn.Module):
    """As Hugging Face's: a patch projection called `embeddings`, blocks, an output in parts."""

    def __init__(self, gives: str) -> None:
        super().__init__()
        self.gives = gives
        self.embeddings = nn.Conv2d(3, 8, 8, 8)
        self.blocks = steps(*(nn.Linear(8, 8) for _ in range(4)))
        self.layernorm = nn.LayerNorm(8)

    def forward(self, image: torch.Tensor) -> Any:
        hidden = self.layernorm(self.blocks(self.embeddings(image).flatten(2).transpose(1, 2)))
        if self.gives == "tokens":
            return hidden
        return {"last_hidden_state": hidden, "pooler_output": hidden.mean(1)}


def test_a_well_known_name_at_the_entrance_is_no_evidence() -> None:
    assert code_layer(open_live(Tokens("tokens"), input_shape=(32, 32, 3))).path == "layernorm"
    network = open_live(Tokens("dict"), input_shape=(32, 32, 3))
    chosen = code_layer(network)
    assert chosen.path == "output[pooler_output]"
    assert chosen.reason == "the model gives it as 'output[pooler_output]'"
    assert chosen.runner_up is not None
    assert chosen.runner_up.path == "layernorm" == find_layer(network, "output.last_hidden_state")
    with pytest.raises(UnknownName, match=r"no layer 'output\.last_hidden'"):
        find_layer(network, "output.last_hidden")


def test_a_well_known_name_near_the_end_is() -> None:
    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.embedding, self.head = nn.Conv2d(3, 4, 4, 4), nn.Linear(64, 8), nn.Linear(8, 10)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return self.head(self.embedding(self.body(image).flatten(1)))

    chosen = code_layer(open_live(Classifier(), input_shape=(16, 16, 3)))
    assert chosen.path == "embedding"
    assert chosen.runner_up is not None
    assert chosen.runner_up.path == "head"


def test_the_runner_up_is_said() -> None:
    encoder = saccade.Encoder(UNet(3), input_shape=(16, 16, 3))
    assert "; else --layer head (the model's output)" in encoder.describe()
