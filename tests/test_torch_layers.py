"""The layers of a PyTorch module: their names, kinds, shapes and weights, and what counts as a result."""

from __future__ import annotations

import warnings
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn
from torch_autoencoder import Autoencoder, autoencoder, pictures, read

from saccade.errors import ModelError
from saccade.models.network import find_layer
from saccade.models.torch.network import TorchNetwork


@pytest.fixture
def module() -> Autoencoder:
    return autoencoder()


def test_layers_say_what_they_are_in_the_order_of_computation(module: Autoencoder) -> None:
    network = TorchNetwork(module)
    assert network.input_shape == (None, None, 3)
    assert list(network.layers) == [
        "bend", "encoder.0", "encoder.1", "encoder.2", "encoder.3", "encoder.4", "encoder.5", "encoder.6", "encoder",
        "bend:2", "decoder.grow", "decoder.draw", "output",
    ]  # fmt: skip
    code = network.layers["encoder.4"]
    assert (code.kind, code.shape, code.parameters) == ("Conv2d", (None, None, 8), 4 * 8 * 9 + 8)
    assert network.output == "output"
    assert network.hints.output_activation == "sigmoid"
    assert network.hints.rescaling is None
    assert network.fixed_batch is None
    assert network.device == torch.device("cpu")
    assert network.framework == "torch"
    assert network.name == "Autoencoder"
    assert find_layer(network, "draw") == "decoder.draw"


def test_modules_without_parts_have_one_layer() -> None:
    network = TorchNetwork(nn.Conv2d(3, 4, 3))
    assert list(network.layers) == ["output"]
    assert network.layers["output"].kind == "Conv2d"
    assert read(network, pictures(), "output")[0].shape == (2, 22, 30, 4)


def test_shared_blocks_are_counted_part_by_part() -> None:
    block = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ELU())
    module = nn.Sequential(block, block)
    network = TorchNetwork(module)
    assert list(network.layers) == ["0.0", "0.1", "0", "0.0:2", "0.1:2", "0:2"]
    first, second = read(network, pictures(), "0", "0:2")
    with torch.no_grad():
        torch.testing.assert_close(block(first.permute(0, 3, 1, 2)).permute(0, 2, 3, 1), second)
    only = read(network, pictures(), "0.1:2")[0]
    torch.testing.assert_close(only, second)


def test_a_child_called_input_or_output_is_not_mistaken() -> None:
    class Clash(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.input = nn.Conv2d(3, 4, 3)
            self.output = nn.Conv2d(4, 3, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.output(self.input(x)) * 2

    module = Clash()
    network = TorchNetwork(module)
    assert list(network.layers) == ["input:1", "output", "output'"]
    assert network.output == "output'"
    flow = network.dataflow(12, 16)
    assert flow.grid("input") == (12, 16)
    assert flow.grid("input:1") == (10, 14)
    inner, outer = read(network, pictures(), "output", "output'")
    torch.testing.assert_close(outer, inner * 2)


def test_results_that_are_no_plain_tensors() -> None:
    class Variational(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Conv2d(3, 4, 4, 4)
            self.split = Split()
            self.decoder = nn.ConvTranspose2d(2, 3, 4, 4)

        def forward(self, x: torch.Tensor) -> dict[str, object]:
            mean, spread = self.split(self.encoder(x))
            noise = torch.randn_like(mean)
            return {"moments": (mean, spread["log"]), "drawn": self.decoder(mean + noise * spread["log"].exp()).tanh()}

    class Split(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, OrderedDict[str, torch.Tensor]]:
            mean, log = x.chunk(2, 1)
            return mean, OrderedDict(log=log)

    network = TorchNetwork(Variational())
    assert list(network.layers) == ["encoder", "split[0]", "split[1][log]", "decoder", "output[drawn]"]
    assert network.output == "output[drawn]"
    assert network.hints.output_activation == "tanh"
    images = pictures()
    before = torch.get_rng_state()
    mean, log = read(network, images, "split[0]", "split[1][log]")
    encoded = read(network, images, "encoder")[0]
    assert torch.equal(torch.get_rng_state(), before)
    torch.testing.assert_close(torch.cat([mean, log], -1), encoded)
    tap = torch.full(mean.shape, 0.25)
    with network.inference_mode(), torch.no_grad():
        tapped = network.run(images, ["split[0]"], {"split[0]": lambda values: values + tap})["split[0]"]
        torch.testing.assert_close(tapped, mean + 0.25)
        state_before = torch.get_rng_state()
        plain = network.run(images, ["output[drawn]"])["output[drawn]"]
        torch.set_rng_state(state_before)
        tapped = network.run(images, ["output[drawn]"], {"split[1][log]": lambda values: values + tap})["output[drawn]"]
    assert not torch.allclose(plain, tapped)
    flow = network.dataflow(16, 16)
    assert flow.footprint("output[drawn]", 0, (0, 1)) == (0, 4)


class Tokens(nn.Module):
    """A small vision transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 8, 8)
        self.places = nn.Parameter(torch.zeros(1, 17, 8))
        self.first = nn.Parameter(torch.zeros(1, 1, 8))
        self.blocks = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2, enable_nested_tensor=False
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.first.expand(x.shape[0], -1, -1), tokens], 1) + self.places
        return self.blocks(tokens)[:, 0]


def test_tokens_stay_tokens_and_attention_mixes_places() -> None:
    torch.manual_seed(0)
    network = TorchNetwork(Tokens())
    assert network.input_shape == (32, 32, 3)
    assert network.layers["patches"].shape == (4, 4, 8)
    assert network.layers["blocks.layers.0"].shape == (17, 8)
    assert read(network, pictures(2, 32, 32), "blocks.layers.0")[0].shape == (2, 17, 8)
    flow = network.dataflow(32, 32)
    assert flow.footprint("patches", 0, (9, 10)) == (1, 2)
    assert flow.grid("blocks") is None
    assert flow.footprint("blocks", 0, (9, 10)) == (0, 1)


def test_results_with_channels_last_inside_are_not_turned() -> None:
    class Last(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.permute(0, 2, 3, 1)

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 6, 4, 4)
            self.turn = Last()
            self.norm = nn.LayerNorm(6)
            self.mix = nn.Linear(6, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.mix(self.norm(self.turn(self.stem(x))))

    network = TorchNetwork(Model())
    assert network.layers["stem"].shape == (None, None, 6)
    assert network.layers["mix"].shape == (None, None, 5)
    stem, turn, mix = read(network, pictures(), "stem", "turn", "mix")
    assert mix.shape == (2, 6, 8, 5)
    torch.testing.assert_close(stem, turn)
    tap = torch.ones(mix.shape)
    torch.testing.assert_close(read(network, pictures(), "mix", taps={"mix": lambda values: values + tap})[0], mix + 1)
    assert network.dataflow(24, 32).footprint("mix", 1, (4, 8)) == (1, 2)


def test_layers_that_a_picture_does_not_reach_are_missed() -> None:
    class Choosing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dark, self.light = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.light(x) if x.mean() > 0.5 else self.dark(x)

    network = TorchNetwork(Choosing())
    assert list(network.layers) == ["dark"]
    with network.inference_mode(), pytest.raises(ModelError, match="layer 'dark' did not run"):
        network.run(torch.ones(1, 4, 4, 3), ["dark"])


def test_what_lies_in_the_memory_of_another_layer_is_known(module: Autoencoder) -> None:
    layers = TorchNetwork(module).layers
    # An activation in place, and a block that hands on what its last part made.
    assert {path for path, layer in layers.items() if layer.shares_memory} == {"encoder.1", "encoder.5", "encoder"}


def test_wrappers_are_looked_through(module: Autoencoder) -> None:
    assert "encoder.4" in TorchNetwork(nn.DataParallel(module)).layers
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, on loading its compiler
        compiled = torch.compile(module)
    assert "encoder.4" in TorchNetwork(compiled).layers


def test_weights_are_named_and_read_only(module: Autoencoder) -> None:
    weights = dict(TorchNetwork(module).weights())
    assert set(weights) == set(module.state_dict())
    np.testing.assert_array_equal(weights["encoder.3.running_mean"], module.encoder[3].running_mean.numpy())
    with pytest.raises(ValueError, match="read-only"):
        weights["encoder.0.weight"][:] = 0
