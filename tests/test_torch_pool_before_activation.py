"""Activations of torch modules that wait for a pooling: the same numbers, and only where nobody can tell."""

from __future__ import annotations

import gc
import threading
import warnings
import weakref
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional

from saccade.models.torch.network import TorchNetwork


class Functional(nn.Module):
    """A curve and a pooling that are called as functions, and what somebody does between and around them."""

    def __init__(self, forward: Callable[[Functional, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 4, 3, padding=1)
        self.work = forward

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.work(self, x)


def between(curve: nn.Module, pooling: nn.Module | None = None) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), curve, pooling or nn.MaxPool2d(2), nn.Conv2d(6, 4, 3, padding=1), nn.Tanh()
    )


def values_and_gradient(network: TorchNetwork, layer: str, taps: dict[str, object] | None = None) -> list[torch.Tensor]:
    """What the layer holds, and the gradient of a sum of it that tells all places apart."""
    shape = (2, *(side or 24 for side in network.input_shape[:2]), 3)
    images = torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 4 - 2
    with network.inference_mode():
        images.requires_grad_(True)
        values = network.run(images, [layer], taps)[layer]  # type: ignore[arg-type]
        (gradient,) = torch.autograd.grad(
            (values * torch.linspace(1, 2, values.numel()).reshape(values.shape)).sum(), images
        )
    return [values.detach(), gradient]


def check(module: nn.Module, layer: str = "output", taps: dict[str, object] | None = None) -> TorchNetwork:
    """The module gives the same as one of which nothing waits."""
    network, plain = TorchNetwork(module), TorchNetwork(module)
    plain.__dict__["_rewrites"] = ()
    layer = network.output if layer == "output" else layer
    for mine, expected in zip(
        values_and_gradient(network, layer, taps), values_and_gradient(plain, layer, taps), strict=True
    ):
        torch.testing.assert_close(mine, expected, rtol=1e-6, atol=1e-7)
    return network


CURVES = [
    nn.ELU(), nn.ELU(0.5), nn.ELU(inplace=True), nn.CELU(), nn.SELU(), nn.ReLU(), nn.ReLU(inplace=True), nn.ReLU6(),
    nn.LeakyReLU(), nn.Sigmoid(), nn.Tanh(), nn.Softplus(), nn.Softsign(), nn.Hardtanh(), nn.Hardsigmoid(),
    nn.LogSigmoid(),
]  # fmt: skip


@pytest.mark.parametrize("curve", CURVES, ids=str)
def test_a_curve_that_never_falls_waits(curve: nn.Module) -> None:
    network = check(between(curve))
    assert [(each.first, each.second, each.names, each.result) for each in network._rewrites] == [(2, 3, {"1"}, "2")]


@pytest.mark.parametrize(
    "curve", [nn.GELU(), nn.SiLU(), nn.Mish(), nn.Hardswish(), nn.LeakyReLU(-0.2), nn.PReLU()], ids=str
)
def test_a_curve_that_may_fall_does_not(curve: nn.Module) -> None:
    assert check(between(curve))._rewrites == ()


@pytest.mark.parametrize(
    ("pooling", "waits"),
    [
        (nn.MaxPool2d(3, stride=2, padding=1), True),
        (nn.MaxPool2d(2, ceil_mode=True, dilation=2), True),
        (nn.MaxPool2d(3, stride=1, padding=1), False),
        (nn.AvgPool2d(2), False),
    ],
    ids=str,
)
def test_only_for_a_pooling_that_leaves_fewer_numbers(pooling: nn.Module, waits: bool) -> None:
    assert bool(check(between(nn.ELU(), pooling))._rewrites) is waits


def test_the_curve_is_computed_for_fewer_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    network = TorchNetwork(between(nn.ELU()))
    bent = []
    plain = torch._C._nn.elu
    monkeypatch.setattr(torch._C._nn, "elu", lambda x, *rest: bent.append(x.shape[-1]) or plain(x, *rest))
    values_and_gradient(network, "3")
    assert bent == [12]


def test_who_asks_for_the_curve_itself_gets_it() -> None:
    module = between(nn.ELU())
    check(module, "1")
    check(module, "0")


def test_a_change_of_the_curve_itself_is_seen() -> None:
    check(between(nn.ELU()), taps={"1": lambda values: values * values})
    check(between(nn.ELU()), taps={"0": lambda values: values - 1, "2": lambda values: values * values})


def test_functions_wait_too() -> None:
    network = check(Functional(lambda own, x: own.second(functional.max_pool2d(functional.elu(own.first(x)), 2))))
    assert len(network._rewrites) == 1
    network = check(Functional(lambda own, x: own.second(torch.max_pool2d(own.first(x).relu(), 2))))
    assert len(network._rewrites) == 1


def test_a_pooling_that_no_module_but_the_method_encode_gives() -> None:
    class Encoding(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 4, 3, padding=1)

        def encode(self, x: torch.Tensor) -> torch.Tensor:
            return functional.max_pool2d(functional.elu(self.first(x)), 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.tanh(self.second(self.encode(x)))

    for layer in ("output", "encode"):
        assert [rewrite.result for rewrite in check(Encoding(), layer)._rewrites] == ["encode"]


def test_a_curve_that_something_else_reads_does_not_wait() -> None:
    def skip(own: Functional, x: torch.Tensor) -> torch.Tensor:
        bent = functional.elu(own.first(x))
        return own.second(functional.max_pool2d(bent, 2)) + bent.mean()

    def view(own: Functional, x: torch.Tensor) -> torch.Tensor:
        bent = functional.elu(own.first(x))
        top = bent[:, :, 0]
        return own.second(functional.max_pool2d(bent, 2)) + top.mean()

    def places(own: Functional, x: torch.Tensor) -> torch.Tensor:
        pooled, at = functional.max_pool2d(functional.elu(own.first(x)), 2, return_indices=True)
        return own.second(pooled) + at.float().mean()

    def script(own: Functional, x: torch.Tensor) -> torch.Tensor:
        bent = functional.elu(own.first(x))
        return own.second(functional.max_pool2d(bent, 2)) + mean(bent)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        mean = torch.jit.trace(lambda values: values.mean(), torch.zeros(1, 6, 24, 24))
    for forward in (skip, view, places, script):
        assert check(Functional(forward))._rewrites == ()


def test_numbers_that_leave_for_python_keep_everything_where_it_is() -> None:
    def forward(own: Functional, x: torch.Tensor) -> torch.Tensor:
        bent = functional.elu(own.first(x))
        return own.second(functional.max_pool2d(bent, 2)) * float(bent.detach().numpy().mean())

    assert check(Functional(forward))._rewrites == ()


def test_a_module_that_goes_another_way_at_another_size_is_run_as_it_is() -> None:
    def forward(own: Functional, x: torch.Tensor) -> torch.Tensor:
        bent = functional.elu(own.first(x))
        extra = bent.mean() if x.shape[-1] == 24 else 0
        return own.second(functional.max_pool2d(bent, 2)) + extra

    def swapped(own: Functional, x: torch.Tensor) -> torch.Tensor:
        values = own.first(x)
        if x.shape[-1] == 24:
            values = functional.relu(values - 0.1)
            return own.second(functional.avg_pool2d(values, 2)) + functional.elu(values).mean()
        return own.second(functional.max_pool2d(functional.elu(values), 2))

    for way in (forward, swapped):
        module = Functional(way)
        assert len(TorchNetwork(module)._rewrites) == 1
        assert check(module)._rewrites == ()


def test_somebody_elses_hook_hears_the_curve() -> None:
    module = between(nn.ELU())
    heard: list[torch.Tensor] = []
    module[1].register_forward_hook(lambda part, inputs, result: heard.append(result.detach().clone()))
    network = TorchNetwork(module)
    heard.clear()
    values_and_gradient(network, "3")
    assert network._rewrites == ()
    assert heard[0].min() > -1


def test_nothing_is_kept_alive() -> None:
    references: list[weakref.ref[torch.Tensor]] = []

    def forward(own: Functional, x: torch.Tensor) -> torch.Tensor:
        first = own.first(x)
        references.append(weakref.ref(first))
        return own.second(functional.max_pool2d(functional.elu(first), 2))

    gc.collect()
    gc.disable()
    try:
        network = TorchNetwork(Functional(forward))
        values_and_gradient(network, network.output)
        assert len(network._rewrites) == 1
        assert [each() for each in references] == [None] * len(references)
    finally:
        gc.enable()


def test_compiled_parts_keep_everything_where_it_is() -> None:
    module = between(nn.ELU())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, on loading its compiler
        module[3].compile(backend="eager")
        assert check(module)._rewrites == ()


def test_other_threads_see_the_module_as_it_is() -> None:
    module = between(nn.ELU())
    network = TorchNetwork(module)
    images = torch.rand(1, 3, 24, 24)
    expected = module[:2](images)
    meanwhile: list[torch.Tensor] = []

    def look(values: torch.Tensor) -> torch.Tensor:
        thread = threading.Thread(target=lambda: meanwhile.append(module[:2](images).detach()))
        thread.start()
        thread.join()
        return values

    with network.inference_mode():
        network.run(images.permute(0, 2, 3, 1), ["3"], {"2": look, "0": look})
    for each in meanwhile:
        torch.testing.assert_close(each, expected.detach())
    assert len(meanwhile) == 2
