"""A PyTorch module as a network: names, reading, taps, and the module left as it was found."""

from __future__ import annotations

import sys
import threading
import warnings
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import saccade
from saccade.errors import InputError, ModelError, UnknownName
from saccade.models.network import find_layer
from saccade.models.torch.devices import check_device
from saccade.models.torch.network import TorchNetwork
from saccade.models.torch.state import _only_reads


class Autoencoder(nn.Module):
    """In-place activations right behind every convolution, a shared part, a nested part, batch statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.BatchNorm2d(4),
            nn.Conv2d(4, 8, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        )  # fmt: skip
        self.bend = nn.ELU()
        self.decoder = nn.ModuleDict({"grow": nn.Upsample(scale_factor=4), "draw": nn.Conv2d(8, 3, 3, padding=1)})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.bend(self.encoder(self.bend(x)))
        return torch.sigmoid(self.decoder["draw"](self.decoder["grow"](x)))


@pytest.fixture
def module() -> Autoencoder:
    torch.manual_seed(0)
    module = Autoencoder()
    with torch.no_grad():
        module.encoder[3].running_mean.uniform_()
        module.encoder[3].running_var.uniform_(0.5, 1)
    return module


def pictures(count: int = 2, height: int = 24, width: int = 32, channels: int = 3, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, height, width, channels, generator=torch.Generator().manual_seed(seed))


def read(network: TorchNetwork, images: torch.Tensor, *layers: str, **options: object) -> list[torch.Tensor]:
    with network.inference_mode(), torch.no_grad():
        outputs = network.run(images, layers, **options)  # type: ignore[arg-type]
    return [outputs[path] for path in layers]


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


def test_reads_what_the_model_itself_computes(module: Autoencoder) -> None:
    network = TorchNetwork(module)
    images = pictures()
    code, output, second = read(network, images, "encoder", "output", "bend:2")
    module.eval()
    with torch.no_grad():
        first = images.permute(0, 3, 1, 2).contiguous()
        encoded = module.encoder(module.bend(first))
        expected = encoded.permute(0, 2, 3, 1)
        bent = module.bend(encoded.clone()).permute(0, 2, 3, 1)
        torch.testing.assert_close(output, module(first).permute(0, 2, 3, 1))
    torch.testing.assert_close(code, expected)
    torch.testing.assert_close(second, bent)
    assert code.shape == (2, 6, 8, 8)


def test_an_in_place_relu_behind_the_layer_does_not_change_what_was_read(module: Autoencoder) -> None:
    network = TorchNetwork(module)
    images = pictures()
    alone = read(network, images, "encoder.4")[0]
    assert (alone < 0).any()
    for others in (("encoder.4", "encoder.5"), ("encoder.4", "output")):
        torch.testing.assert_close(read(network, images, *others)[0], alone)
    with network.inference_mode(), torch.inference_mode():
        torch.testing.assert_close(network.run(images, ["encoder.4", "output"])["encoder.4"], alone)


def test_in_place_operations_that_only_sometimes_happen_are_noticed() -> None:
    class Moody(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 4, 1)
            self.last = nn.Identity()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.first(x)
            if x.shape[0] == 3:
                y.zero_()
            return self.last(y)

    network = TorchNetwork(Moody())
    images = pictures(3)
    alone = read(network, images, "first")[0]
    both = read(network, images, "first", "last")
    torch.testing.assert_close(both[0], alone)
    assert not both[1].any()


def test_a_model_that_writes_into_its_picture_does_not_write_into_ours() -> None:
    class Rude(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x.sub_(0.5).mul_(2)
            return self.conv(x)

    network = TorchNetwork(Rude())
    images = pictures()
    before = images.clone()
    moved = images.clone().requires_grad_(True)
    with network.inference_mode():
        network.run(moved, ["conv"])["conv"].sum().backward()
    read(network, images, "conv")
    assert torch.equal(images, before)
    assert moved.grad is not None


def test_the_picture_is_handed_on_as_a_view_with_channels_last(module: Autoencoder) -> None:
    network = TorchNetwork(module)
    images = pictures()
    _ = network.layers
    received = []
    handle = module.bend.register_forward_pre_hook(lambda _, inputs: received.append(inputs[0]))
    read(network, images, "bend")
    handle.remove()
    assert received[0].data_ptr() == images.data_ptr()
    assert received[0].is_contiguous(memory_format=torch.channels_last)


def test_models_that_flatten_with_view_work_too() -> None:
    class Old(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 6, 3, padding=1, stride=2)
            self.code = nn.Linear(6 * 14 * 14, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.conv(x)
            return self.code(y.view(y.shape[0], -1))

    module = Old()
    network = TorchNetwork(module)
    assert network.input_shape == (28, 28, 1)
    assert network.layers["code"].shape == (5,)
    assert network.layers["conv"].shape == (14, 14, 6)
    images = pictures(3, 28, 28, 1)
    with_shape = TorchNetwork(module, input_shape=(28, 28, 1))
    for each in (network, with_shape):
        conv, code = read(each, images, "conv", "code")
        with torch.no_grad():
            torch.testing.assert_close(code, module(images.reshape(3, 1, 28, 28)))
        assert conv.shape == (3, 14, 14, 6)


def test_taps_are_added_and_carry_the_gradient(module: Autoencoder) -> None:
    network = TorchNetwork(module)
    images = pictures()
    code, output = read(network, images, "encoder.6", "output")
    shift = torch.randn(code.shape, generator=torch.Generator().manual_seed(1))
    tapped, after = read(network, images, "encoder.6", "output", taps={"encoder.6": lambda values: values + shift})
    torch.testing.assert_close(tapped, code + shift)
    assert not torch.allclose(after, output)

    tap = torch.zeros(code.shape, requires_grad=True)
    with network.inference_mode():
        result = network.run(images, ["output"], {"encoder.6": lambda values: values + tap})["output"]
        (gradient,) = torch.autograd.grad(result.sum(), tap)
    tiny = 1e-2 * shift
    plus = read(network, images, "output", taps={"encoder.6": lambda values: values + tiny})[0].double().sum()
    minus = read(network, images, "output", taps={"encoder.6": lambda values: values - tiny})[0].double().sum()
    torch.testing.assert_close((gradient * 2 * tiny).double().sum(), plus - minus, rtol=1e-2, atol=1e-3)


def test_the_run_stops_once_everything_is_there(module: Autoencoder) -> None:
    network = TorchNetwork(module)
    _ = network.layers
    heard = []
    handle = module.decoder["draw"].register_forward_hook(lambda *_: heard.append(1))
    read(network, pictures(), "encoder.0", "encoder.2")
    assert not heard
    read(network, pictures(), "encoder.0", "output")
    assert heard
    handle.remove()


def state(module: nn.Module) -> list[object]:
    return [
        [(name, part.training) for name, part in module.named_modules()],
        [
            len(part._forward_hooks) + len(part._forward_pre_hooks) + len(part._backward_hooks)
            for part in module.modules()
        ],
        [(name, id(weight), weight.requires_grad, id(weight.grad)) for name, weight in module.named_parameters()],
        [(name, id(buffer)) for name, buffer in module.named_buffers()],
        [tensor.detach().clone().numpy().tolist() for tensor in module.state_dict().values()],
        torch.get_rng_state().tolist(),
    ]


@pytest.mark.parametrize("fails", [False, True])
def test_the_module_is_left_as_it_was_found(module: Autoencoder, fails: bool) -> None:
    module.encoder[3].eval()
    module.encoder[0].weight.requires_grad_(False)
    module(torch.rand(2, 3, 16, 16)).sum().backward()
    module.encoder[4].register_forward_hook(lambda *_: None)
    before = state(module)
    network = TorchNetwork(module)
    _ = network.layers, network.hints, network.dataflow(20, 20)
    assert state(module) == before
    images = pictures().requires_grad_(True)
    try:
        with network.inference_mode():
            assert not any(part.training for part in module.modules())
            assert not any(weight.requires_grad for weight in module.parameters())
            network.run(images, ["encoder.4", "output"])["output"].sum().backward()
            torch.rand(3)
            if fails:
                network.run(images[..., :2], ["encoder.4"])
    except RuntimeError:
        assert fails
    assert state(module) == before


def test_buffers_that_change_while_evaluating_are_put_back() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 1)
            self.register_buffer("calls", torch.zeros(()))
            self.register_buffer("last", torch.zeros(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            self.last = x.mean().reshape(1)
            return self.conv(x)

    module = Counting()
    network = TorchNetwork(module)
    last = module.last
    read(network, pictures(), "conv")
    assert module.calls == 0
    assert module.last is last


def test_visits_may_overlap_between_threads(module: Autoencoder) -> None:
    module.train()
    network = TorchNetwork(module)
    images = pictures()
    expected = read(network, images, "output")[0]
    wrong: list[object] = []

    def ask() -> None:
        for _ in range(10):
            code = read(network, images, "encoder.4", "output")[1]
            if not torch.equal(code, expected):
                wrong.append(code)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong
    assert all(part.training for part in module.modules())
    assert all(weight.requires_grad for weight in module.parameters())


def test_a_frozen_module_stays_frozen(module: Autoencoder) -> None:
    module.eval().requires_grad_(False)
    network = TorchNetwork(module)
    images = pictures().requires_grad_(True)
    with network.inference_mode():
        network.run(images, ["encoder"])["encoder"].sum().backward()
    assert images.grad is not None
    assert not any(weight.requires_grad for weight in module.parameters())
    assert not any(part.training for part in module.modules())


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


def test_half_precision_modules_take_and_give_float32() -> None:
    network = TorchNetwork(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).to(torch.bfloat16))
    assert read(network, pictures(), "1")[0].dtype == torch.float32
    assert network.weights()[0][1].dtype == np.float32


def test_weights_are_named_and_read_only(module: Autoencoder) -> None:
    weights = dict(TorchNetwork(module).weights())
    assert set(weights) == set(module.state_dict())
    np.testing.assert_array_equal(weights["encoder.3.running_mean"], module.encoder[3].running_mean.numpy())
    with pytest.raises(ValueError, match="read-only"):
        weights["encoder.0.weight"][:] = 0


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (nn.Sequential(nn.Conv2d(4, 4, 3, groups=2)), (None, None, 4)),
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3)), (None, None, 1)),
        (nn.Sequential(nn.Conv2d(3, 4, 3, 32, 1), nn.Flatten(), nn.Linear(4 * 49, 3)), (224, 224, 3)),
        (nn.Sequential(nn.Conv2d(3, 4, 3, 8, 1), nn.Flatten(), nn.Linear(4 * 16, 3)), (32, 32, 3)),
        (nn.Sequential(nn.PixelUnshuffle(64), nn.Conv2d(64 * 64 * 3, 2, 1), nn.PixelShuffle(1)), (None, None, 3)),
        (nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 3)), (28, 28, 1)),
    ],
)
def test_the_size_of_the_pictures_is_found(module: nn.Module, expected: tuple[int | None, int | None, int]) -> None:
    assert TorchNetwork(module).input_shape == expected


def test_a_size_that_cannot_be_found_is_asked_for() -> None:
    module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten(), nn.Linear(2 * 50 * 70, 3))
    with pytest.raises(
        ModelError, match=r"(?s)could not be found.*input_shape=\(height, width, channels\), or --input"
    ):
        TorchNetwork(module)
    network = TorchNetwork(module, input_shape=(50, 70, 3))
    assert network.layers["0"].shape == (50, 70, 2)
    with pytest.raises(ModelError, match="cannot compute an image of 40x40 with 3 channels"):
        _ = TorchNetwork(module, input_shape=(40, 40, 3)).layers


def test_an_image_larger_than_memory_is_refused_in_one_line() -> None:
    with pytest.raises(ModelError, match=r"1000000x1000000 with 3 channels: that does not fit into memory"):
        _ = TorchNetwork(nn.Conv2d(3, 4, 3), input_shape=(10**6, 10**6, 3)).layers


def test_models_for_one_picture_at_a_time_say_so() -> None:
    class One(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(x).reshape(1, 2, *(each - 2 for each in x.shape[2:]))

    assert TorchNetwork(One()).fixed_batch == 1
    assert TorchNetwork(nn.Conv2d(3, 2, 3)).fixed_batch is None


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


def test_mistakes_are_answered_plainly(module: Autoencoder) -> None:
    network = TorchNetwork(module)
    with pytest.raises(UnknownName, match=r"no layer 'encoder\.9'"):
        network.run(pictures(), ["encoder.9"])
    with pytest.raises(ModelError, match="lazy layers that were never called"):
        TorchNetwork(nn.Sequential(nn.LazyConv2d(3, 3)))
    with torch.device("meta"), pytest.raises(ModelError, match="where it has no weights"):
        TorchNetwork(nn.Conv2d(3, 4, 3))
    with pytest.raises(InputError, match=r"no device 'nowhere' for PyTorch .* here; there are cpu"):
        network.to("nowhere")

    class Constant(nn.Module):
        def forward(self, x: torch.Tensor) -> float:
            return 1.0

    with pytest.raises(ModelError, match="computes no tensor for each image"):
        _ = TorchNetwork(Constant(), input_shape=(8, 8, 3)).layers


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


class Squeezing(nn.Module):
    """Gives one image in place of a batch of one, as `squeeze()` at the end of a `forward` does."""

    def __init__(self, *, inside: bool) -> None:
        super().__init__()
        self.conv, self.mix, self.inside = nn.Conv2d(3, 4, 3), nn.Linear(4, 5), inside

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pooled = self.conv(x).mean((2, 3), keepdim=True).squeeze()
        return torch.softmax(self.mix(pooled), 1) if self.inside else pooled


@pytest.mark.parametrize("inside", [False, True])
def test_a_batch_of_one_keeps_its_axis(inside: bool) -> None:
    torch.manual_seed(0)
    module = Squeezing(inside=inside)
    network = TorchNetwork(module, input_shape=(16, 16, 3))
    images = pictures(3, 16, 16).requires_grad_(True)
    with network.inference_mode():
        [together] = network.run(images, [network.output]).values()
        for number in range(3):
            single = images[number : number + 1].detach().requires_grad_(True)
            conv, alone = network.run(single, ["conv", network.output]).values()
            assert conv.shape == (1, 14, 14, 4)
            torch.testing.assert_close(alone, together[number : number + 1])
            weights = torch.linspace(1, 2, alone.shape[1])
            (gradient,) = torch.autograd.grad((alone * weights).sum(), single)
            (expected,) = torch.autograd.grad((together[number] * weights).sum(), images, retain_graph=True)
            torch.testing.assert_close(gradient, expected[number : number + 1])
    flow = network.dataflow(16, 16)
    assert flow.footprint("conv", 0, (8, 9)) == (6, 9)
    assert network.output in flow.operations


def test_taps_on_a_batch_of_one_that_keeps_its_axis() -> None:
    torch.manual_seed(0)
    network = TorchNetwork(Squeezing(inside=True), input_shape=(16, 16, 3))
    single = pictures(1, 16, 16)
    plain, conv = read(network, single, network.output, "conv")
    shapes = []

    def shifted(values: torch.Tensor) -> torch.Tensor:
        shapes.append(tuple(values.shape))
        return values + 1

    tapped, shifted_conv = read(network, single, network.output, "conv", taps={"conv": shifted})
    assert tapped.shape == plain.shape
    assert not torch.allclose(tapped, plain)
    torch.testing.assert_close(shifted_conv, conv + 1)
    copies = torch.cat([conv, conv + 1, conv])
    [many] = read(network, single, network.output, taps={"conv": lambda _: copies})
    torch.testing.assert_close(many, torch.cat([plain, tapped, plain]))
    assert set(shapes) == {(1, 14, 14, 4)}


def test_batch_statistics_that_were_trained_in_between_are_kept(module: Autoencoder) -> None:
    network = TorchNetwork(module)
    images = pictures()
    read(network, images, "output")
    module.train()
    module(torch.rand(2, 3, 16, 16))
    trained = [buffer.clone() for buffer in module.buffers()]
    read(network, images, "output")
    assert all(torch.equal(one, two) for one, two in zip(trained, module.buffers(), strict=True))


@pytest.mark.parametrize("pooled_by_module", [True, False])
def test_the_function_mode_ends_with_the_last_pooling(pooled_by_module: bool) -> None:
    modes: list[object] = []

    class Watching(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            modes.append(torch.overrides._get_current_function_mode())
            return x

    class Pooling(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.max_pool2d(x, 2)

    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.curve, self.pool, self.last = nn.Conv2d(3, 4, 3), nn.ELU(), Pooling(), Watching()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            bent = self.curve(self.first(x))
            return self.last(self.pool(bent) if pooled_by_module else nn.functional.max_pool2d(bent, 2) * 1)

    network = TorchNetwork(Whole())
    _ = network.layers
    modes.clear()
    read(network, pictures(), "last")
    assert network._postponed
    assert [mode is None for mode in modes] == [pooled_by_module]
    assert torch.overrides._get_current_function_mode() is None


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((3, 224, 224), r"has its channels first; give them last: \(224, 224, 3\)"),
        ((20, 20), "is no shape of images"),
        ((20.5, 20, 3), "is no shape of images"),
        ((20, 20, None), "is no shape of images"),
        ((0, 20, 3), "is no shape of images"),
        ("20", "is no shape of images"),
    ],
)
def test_shapes_that_are_none(shape: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        TorchNetwork(nn.Conv2d(3, 4, 3), input_shape=shape)  # type: ignore[arg-type]


def test_shapes_that_only_look_odd() -> None:
    assert TorchNetwork(nn.Conv2d(7, 4, 3), input_shape=(3, 224, 7)).input_shape == (3, 224, 7)
    assert TorchNetwork(nn.Conv2d(1, 4, 1), input_shape=(3, 9, 1)).input_shape == (3, 9, 1)


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (lambda own, x: own.forward(x), "it calls itself without end"),
        (lambda own, x: sys.exit(3), "it ends the program"),
    ],
)
def test_modules_that_never_come_to_an_end(forward: object, message: str) -> None:
    module = type("Endless", (nn.Module,), {"forward": forward})()
    with pytest.raises(ModelError, match=message):
        _ = TorchNetwork(module, input_shape=(8, 8, 3)).layers


def test_a_live_model_computes_where_it_lies() -> None:
    module = nn.Conv2d(3, 4, 3)
    assert saccade.Encoder(module, device="cpu").codes(np.zeros((1, 8, 8, 3), np.float32)).shape == (1, 6, 6, 4)
    for name in ("cuda:97", "gpu:97", "nonsense"):
        with pytest.raises(InputError, match=f"no device '{name}' for PyTorch"):
            saccade.Encoder(module, device=name)
    for setting, message in (("device", "no name of a device"), ("memory", "no number of bytes"), ("size", "no size")):
        with pytest.raises(InputError, match=message):
            saccade.Encoder(module, **{setting: [5]})  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match=r"no layer \['4'\]; layers are named by texts"):
        saccade.Encoder(module, layer=["4"])  # type: ignore[arg-type]
    with torch.device("meta"):
        elsewhere = nn.Conv2d(3, 4, 3)
    with pytest.raises(InputError, match=r"the model lies on meta.*model\.to\('cpu'\)"):
        check_device("cpu", elsewhere.weight.device)


class Checkpointed(nn.Module):
    """Computes its middle again on the way back."""

    def __init__(self, *, reentrant: bool) -> None:
        super().__init__()
        self.first, self.middle, self.last = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 2, 1)
        self.reentrant = reentrant

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(checkpoint(self.middle, self.first(x), use_reentrant=self.reentrant))


class Rounding(nn.Module):
    """What quantised layers do: a gradient ends here, although the result belongs to a graph."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.shift = nn.Conv2d(3, 4, 3), nn.Parameter(torch.ones(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x.detach()).round() + torch.zeros((), requires_grad=True)


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
def test_gradients_that_pytorch_cannot_give_are_refused() -> None:
    images = np.random.default_rng(0).random((1, 8, 8, 3), np.float32)
    for module, message in (
        (Checkpointed(reentrant=True), "switch checkpointing off"),
        (Rounding(), "in a way that can be differentiated"),
    ):
        encoder = saccade.Encoder(module, input_shape=(8, 8, 3))
        with pytest.raises(ModelError, match=message):
            saccade.explain(encoder, images, "saliency")
        assert saccade.explain(encoder, images, "occlusion", patch=4).values.any()
    encoder = saccade.Encoder(Checkpointed(reentrant=False), input_shape=(8, 8, 3))
    assert saccade.explain(encoder, images, "saliency").values.any()


class Adapting(nn.BatchNorm2d):
    """A normalisation of the user's own that adapts to what it sees, also when it evaluates."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            self.running_mean.mul_(0.9).add_(0.1 * values.mean((0, 2, 3)))  # type: ignore[union-attr]
        return super().forward(values)


def test_statistics_are_put_back_where_a_class_of_the_users_own_may_write_them() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), Adapting(4), nn.Conv2d(4, 2, 3)).eval()
    before = {name: values.clone() for name, values in module.state_dict().items()}
    encoder = saccade.Encoder(module, layer="2", input_shape=(16, 16, 3))
    with pytest.raises(ModelError, match="or another one at every call"):  # the map would hang on who asked before
        saccade.explain(encoder, np.ones((16, 16, 3), np.uint8), "saliency")
    encoder.activations(np.ones((1, 16, 16, 3), np.float32), ["2"])
    assert all(torch.equal(values, before[name]) for name, values in module.state_dict().items())


def test_statistics_are_copied_for_no_class_that_is_known_to_read_them_only() -> None:
    inherited = type("BatchNormAct2d", (nn.BatchNorm2d,), {"__module__": "timm.layers.norm_act"})
    assert all(map(_only_reads, (nn.BatchNorm2d, nn.SyncBatchNorm, nn.InstanceNorm1d, inherited)))
    assert not any(map(_only_reads, (Adapting, nn.Conv2d, nn.Module)))
