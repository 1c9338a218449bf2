"""Batch normalisations that are computed within a convolution: the same numbers, and only where nobody can tell."""

from __future__ import annotations

import copy
import gc
import weakref
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional

from saccade.models.torch import batch_norm_folding
from saccade.models.torch.batch_norm_folding import FoldedBatchNorm
from saccade.models.torch.network import TorchNetwork

Forward = Callable[["Functional", torch.Tensor], torch.Tensor]


@pytest.fixture(autouse=True)
def _small_nets_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FEWEST_WITH_GRADIENTS", "FEWEST_WITHOUT"):
        monkeypatch.setattr(batch_norm_folding, name, 0)


def with_statistics(module: nn.Module, seed: int = 0) -> nn.Module:
    """Evaluate with statistics, scales and shifts as training leaves them, some of them negative or nearly 0."""
    torch.manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d) and part.affine and part.track_running_stats:
            part.running_mean.normal_()
            part.running_var.uniform_(1e-4, 4)
            part.weight.data.normal_()
            part.bias.data.normal_()
    return module.eval()


def after(convolution: nn.Module, normalisation: nn.Module | None = None) -> nn.Module:
    return with_statistics(
        nn.Sequential(
            nn.Conv2d(3, 6, 1), nn.Tanh(), convolution, normalisation or nn.BatchNorm2d(8), nn.Tanh(),
            nn.Conv2d(8, 4, 3, padding=1),
        )
    )  # fmt: skip


class Functional(nn.Module):
    """A convolution and its normalisation, and what somebody does between and around them."""

    def __init__(self, forward: Forward) -> None:
        super().__init__()
        self.first, self.norm, self.second = nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Conv2d(6, 4, 3)
        self.work = forward
        with_statistics(self)

    def normalised(self, x: torch.Tensor) -> torch.Tensor:
        norm = self.norm
        return functional.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=1e-3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.work(self, x)


def values_and_gradient(network: TorchNetwork, layer: str, kind: torch.dtype = torch.float32) -> list[torch.Tensor]:
    """What the layer holds, and the gradient of a sum of it that tells all places apart."""
    images = torch.rand((2, 24, 24, 3), generator=torch.Generator().manual_seed(0)).to(kind) * 4 - 2
    with network.inference_mode():
        images.requires_grad_(True)
        values = network.run(images, [layer])[layer]
        weights = torch.linspace(1, 2, values.numel()).reshape(values.shape)
        (gradient,) = torch.autograd.grad((values * weights).sum(), images)
    return [values.detach(), gradient]


def plain_values_and_gradient(module: nn.Module) -> list[torch.Tensor]:
    """The same of the module's last result in float64, without anything of saccade."""
    images = torch.rand((2, 24, 24, 3), generator=torch.Generator().manual_seed(0)).double() * 4 - 2
    images.requires_grad_(True)
    values = copy.deepcopy(module).double()(images.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    weights = torch.linspace(1, 2, values.numel()).reshape(values.shape)
    (gradient,) = torch.autograd.grad((values * weights).sum(), images)
    return [values.detach(), gradient]


def check(module: nn.Module) -> TorchNetwork:
    """The module's last result and its gradient are those of the module alone."""
    network = TorchNetwork(module, input_shape=(24, 24, 3))
    for values, expected in zip(
        values_and_gradient(network, network.output), plain_values_and_gradient(module), strict=True
    ):
        torch.testing.assert_close(values.double(), expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
    return network


def folded(network: TorchNetwork) -> list[FoldedBatchNorm]:
    return [rewrite for rewrite in network._rewrites if isinstance(rewrite, FoldedBatchNorm)]


@pytest.mark.parametrize(
    "convolution",
    [
        nn.Conv2d(6, 8, 3),
        nn.Conv2d(6, 8, 3, bias=False),
        nn.Conv2d(6, 8, (1, 3), stride=2, padding=(0, 1)),
        nn.Conv2d(6, 8, 3, dilation=2, padding="same"),
        nn.Conv2d(6, 8, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(6, 8, 3, groups=2, bias=False),
        nn.Sequential(nn.Conv2d(6, 6, 3, groups=6, bias=False), nn.BatchNorm2d(6), nn.Conv2d(6, 8, 1)),
        nn.Conv2d(6, 8, 3).to(memory_format=torch.channels_last),
    ],
    ids=str,
)
def test_the_same_values_and_gradients(convolution: nn.Module) -> None:
    network = check(after(convolution))
    assert len(folded(network)) == sum(isinstance(part, nn.BatchNorm2d) for part in network.module.modules())
    assert folded(network)[-1].result == "3"


def test_the_normalisation_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    network = TorchNetwork(after(nn.Conv2d(6, 8, 3)), input_shape=(24, 24, 3))
    assert folded(network)
    monkeypatch.setattr(torch, "batch_norm", None)  # what it would be computed with
    values_and_gradient(network, network.output)


def test_normalisations_of_different_epsilon_and_in_blocks() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.way = nn.Sequential(
                nn.Conv2d(6, 12, 1, bias=False), nn.BatchNorm2d(12, eps=1e-3), nn.ReLU6(inplace=True),
                nn.Conv2d(12, 12, 3, padding=1, groups=12, bias=False), nn.BatchNorm2d(12), nn.ReLU6(inplace=True),
                nn.Conv2d(12, 6, 1), nn.BatchNorm2d(6, eps=0.1),
            )  # fmt: skip

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.way(x)

    module = with_statistics(nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), Block(), Block()))
    assert len(folded(check(module))) == 7


def test_an_activation_between_normalisation_and_pooling_waits_as_well() -> None:
    module = with_statistics(
        nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ELU(inplace=True), nn.MaxPool2d(2), nn.Conv2d(6, 4, 3))
    )
    assert [type(rewrite).__name__ for rewrite in check(module)._rewrites] == ["FoldedBatchNorm", "PostponedActivation"]


def test_functions_and_classes_of_others_too() -> None:
    class Activated(nn.BatchNorm2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return functional.relu(super().forward(x))

    assert folded(check(Functional(lambda own, x: own.second(own.normalised(own.first(x))))))
    assert folded(check(after(nn.Conv2d(6, 8, 3), Activated(8))))


def test_a_normalisation_that_no_module_but_the_method_encode_gives() -> None:
    class Encoding(Functional):
        def encode(self, x: torch.Tensor) -> torch.Tensor:
            return self.normalised(self.first(x))

    network = check(Encoding(lambda own, x: own.second(own.encode(x))))  # type: ignore[attr-defined]
    assert [rewrite.result for rewrite in folded(network)] == ["encode"]


@pytest.mark.parametrize(
    "normalisation",
    [
        nn.BatchNorm2d(8, affine=False),
        nn.BatchNorm2d(8, track_running_stats=False),
        nn.InstanceNorm2d(8, affine=True),
        nn.GroupNorm(2, 8),
    ],
    ids=str,
)
def test_other_normalisations_are_computed_as_they_are(normalisation: nn.Module) -> None:
    assert not folded(check(after(nn.Conv2d(6, 8, 3), normalisation)))


def test_only_where_it_saves_time(monkeypatch: pytest.MonkeyPatch) -> None:
    module = after(nn.Conv2d(6, 8, 3, padding=1))
    network = check(module)
    (rewrite,) = folded(network)
    monkeypatch.undo()
    numbers = 8 * 24 * 24

    def plan(images: int, side: int = 24, differentiated: bool = True) -> list[object]:
        tensor = torch.zeros(images, side, side, 3, requires_grad=differentiated)
        return list(network._plan([network.output], tensor))

    enough = -(-batch_norm_folding.FEWEST_WITH_GRADIENTS // numbers)
    assert plan(enough) == [rewrite]
    assert plan(enough - 1) == []
    assert plan(-(-enough // 4), side=48) == [rewrite], "larger images have more numbers"
    assert plan(enough, differentiated=False) == []
    assert plan(-(-batch_norm_folding.FEWEST_WITHOUT // numbers), differentiated=False) == [rewrite]
    assert not rewrite.saves_time(1e9, differentiated=True, is_processor=False)


def test_a_convolution_with_many_weights_for_few_numbers_is_left_alone() -> None:
    network = check(
        with_statistics(nn.Sequential(nn.Conv2d(3, 32, 3, stride=8), nn.Conv2d(32, 32, 3), nn.BatchNorm2d(32)))
    )
    (rewrite,) = folded(network)
    assert not rewrite.saves_time(1, differentiated=True, is_processor=True)


@pytest.mark.parametrize(
    "forward",
    [
        lambda own, x: own.second(own.norm(first := own.first(x)) + first.mean()),
        lambda own, x: own.second(own.norm(own.first(x) * 1)),
        lambda own, x: own.second(own.norm(first := own.first(x))) + first[:, :4, 1:-1, 1:-1],
        lambda own, x: own.second(own.norm(own.first(x)) + own.norm(own.first(x))),
    ],
)  # fmt: skip
def test_what_something_else_reads_is_there(forward: Forward) -> None:
    check(Functional(forward))


def test_who_asks_for_the_convolution_itself_gets_it() -> None:
    module = after(nn.Conv2d(6, 8, 3))
    network = TorchNetwork(module, input_shape=(24, 24, 3))
    images = torch.rand(2, 24, 24, 3)
    with network.inference_mode():
        values = network.run(images, ["2", "4"])
    torch.testing.assert_close(values["2"], module[:3](images.permute(0, 3, 1, 2)).detach().permute(0, 2, 3, 1))
    torch.testing.assert_close(values["4"], module[:5](images.permute(0, 3, 1, 2)).detach().permute(0, 2, 3, 1))


def test_a_change_of_the_weights_is_seen_however_it_is_made() -> None:
    module = after(nn.Conv2d(6, 8, 3))
    network = check(module)
    for change in (
        lambda: module[2].weight.data.mul_(-2),
        lambda: module[3].running_var.data.mul_(3),
        lambda: module[3].bias.detach().numpy().__imul__(-1),
        lambda: module.load_state_dict({name: value + 0.1 for name, value in module.state_dict().items()}),
    ):
        change()
        expected = plain_values_and_gradient(module)
        for values, truth in zip(values_and_gradient(network, network.output), expected, strict=True):
            torch.testing.assert_close(values.double(), truth, rtol=1e-4, atol=1e-4 * float(truth.abs().max()))
        assert folded(network)


@pytest.mark.parametrize(
    "change",
    [
        lambda module: setattr(module[3], "weight", nn.Parameter(torch.full((8,), 2.0))),
        lambda module: setattr(module[2], "bias", None),
        lambda module: setattr(module[3], "eps", 0.5),
        lambda module: setattr(module[2], "stride", (2, 2)),
    ],
)
def test_another_tensor_or_setting_ends_it(change: Callable[[nn.Module], None]) -> None:
    module = after(nn.Conv2d(6, 8, 3))
    network = check(module)
    assert folded(network)
    change(module)
    expected = plain_values_and_gradient(module)
    for values, truth in zip(values_and_gradient(network, network.output), expected, strict=True):
        torch.testing.assert_close(values.double(), truth, rtol=1e-4, atol=1e-4 * float(truth.abs().max()))
    assert not folded(network)


def test_somebody_elses_hook_hears_the_convolution() -> None:
    for register in (
        lambda module, hear: module[2].register_forward_hook(lambda part, inputs, result: hear(result)),
        lambda module, hear: module[3].register_forward_pre_hook(lambda part, inputs: hear(inputs[0])),
    ):
        module = after(nn.Conv2d(6, 8, 3))
        heard: list[torch.Tensor] = []
        register(module, heard.append)
        network = TorchNetwork(module, input_shape=(24, 24, 3))
        images = torch.rand(2, 24, 24, 3)
        with network.inference_mode():
            network.run(images, ["5"])
        torch.testing.assert_close(heard[-1].detach(), module[:3](images.permute(0, 3, 1, 2)).detach())


def test_half_precision_is_left_alone() -> None:
    network = TorchNetwork(after(nn.Conv2d(6, 8, 3)).to(torch.bfloat16), input_shape=(24, 24, 3))
    assert not folded(network)


def test_nothing_of_the_run_is_kept_alive() -> None:
    references: list[weakref.ref[torch.Tensor]] = []

    def forward(own: Functional, x: torch.Tensor) -> torch.Tensor:
        first = own.first(x)
        references.append(weakref.ref(first))
        return own.second(own.norm(first))

    gc.collect()
    gc.disable()
    try:
        network = TorchNetwork(Functional(forward), input_shape=(24, 24, 3))
        values_and_gradient(network, network.output)
        assert folded(network)
        assert [each() for each in references] == [None] * len(references)
    finally:
        gc.enable()
