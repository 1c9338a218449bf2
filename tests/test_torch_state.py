"""A PyTorch module stays as it was: its mode, its weights, its statistics, its hooks, and the random numbers."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch_autoencoder import Autoencoder, autoencoder, pictures, read

import saccade
from saccade.errors import ModelError
from saccade.models.torch.image_layout import ImageLayout
from saccade.models.torch.network import TorchNetwork
from saccade.models.torch.state import _only_reads, inference_mode


@pytest.fixture
def module() -> Autoencoder:
    return autoencoder()


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


class Renaming(nn.Module):
    """Notes the same number under another name at every call."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)
        self.first = 1

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        name = "first" if hasattr(self, "first") else "second"
        delattr(self, name)
        setattr(self, {"first": "second", "second": "first"}[name], 1)
        return self.convolution(images)


def test_attributes_that_go_by_another_name_afterwards_are_put_back() -> None:
    module = Renaming()
    with inference_mode(module):
        module(torch.zeros(1, 3, 8, 8))
        assert hasattr(module, "second")
    assert (module.first, hasattr(module, "second")) == (1, False)


def test_the_device_is_that_of_the_first_weight_wherever_it_stands() -> None:
    meta = nn.Conv2d(3, 4, 3, device="meta")
    buffers = nn.BatchNorm2d(3, affine=False)
    deep: nn.Module = meta
    for _ in range(12):
        deep = nn.Sequential(deep)
    modules = [meta, deep, nn.Sequential(nn.ReLU(), meta), nn.Sequential(buffers, nn.ReLU(), meta, nn.Linear(2, 2))]
    assert [ImageLayout(module).device.type for module in modules] == ["meta"] * len(modules)
    assert [ImageLayout(module).device.type for module in (buffers, nn.ReLU(), nn.Sequential())] == ["cpu"] * 3
    moved = nn.Sequential(nn.Linear(2, 2))
    layout = ImageLayout(moved)
    assert layout.device.type == "cpu"
    moved.to("meta")
    assert layout.device.type == "meta"


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


def test_batch_statistics_that_were_trained_in_between_are_kept(module: Autoencoder) -> None:
    network = TorchNetwork(module)
    images = pictures()
    read(network, images, "output")
    module.train()
    module(torch.rand(2, 3, 16, 16))
    trained = [buffer.clone() for buffer in module.buffers()]
    read(network, images, "output")
    assert all(torch.equal(one, two) for one, two in zip(trained, module.buffers(), strict=True))


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
