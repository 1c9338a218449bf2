"""Reading the layers of a PyTorch module, and changing them on the way: the values are those that it computes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch_autoencoder import Autoencoder, autoencoder, pictures, read

from saccade.models.torch.network import TorchNetwork


@pytest.fixture
def module() -> Autoencoder:
    return autoencoder()


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


def test_half_precision_modules_take_and_give_float32() -> None:
    network = TorchNetwork(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).to(torch.bfloat16))
    assert read(network, pictures(), "1")[0].dtype == torch.float32
    assert network.weights()[0][1].dtype == np.float32


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
    assert network._rewrites
    assert [mode is None for mode in modes] == [pooled_by_module]
    assert torch.overrides._get_current_function_mode() is None


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
