"""Recorded programs of a GPU, with recordings that only remember: when is one made, played, and thrown away?"""

from __future__ import annotations

import copy
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import saccade
from saccade.engines import cuda_graphs
from saccade.engines.cuda_graphs import CudaGraphs
from saccade.engines.torch import TorchBackend
from saccade.models.torch.composition import Composition
from saccade.models.torch.state import inference_mode


class Scaled(nn.Module):
    """A convolution times a number that is no weight."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)
        self.factors = [2.0]
        self.scale = 3.0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.convolution(images) * self.factors[0] * self.scale


class Drawn(nn.Module):
    """Adds noise."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values + 0.1 * torch.randn_like(values)


def double_first_factor(module: Scaled) -> None:
    module.factors[0] = 4.0


def add_hook(module: Scaled) -> None:
    module.convolution.register_forward_hook(lambda part, inputs, result: -result)


def put_weights_elsewhere(module: Scaled) -> None:
    module.convolution.weight.data = module.convolution.weight.data.clone()


def put_another_part(module: Scaled) -> None:
    module.convolution = nn.Conv2d(3, 4, 3)


def scale_again(module: Scaled) -> None:
    module.scale = 1.5


@pytest.mark.parametrize(
    "change", [double_first_factor, add_hook, put_weights_elsewhere, put_another_part, scale_again]
)
def test_a_module_that_is_put_together_again_is_another_composition(change: Any) -> None:
    module = Scaled()
    composition = Composition(module)
    assert composition.holds()
    change(module)
    assert not composition.holds()


def test_new_values_in_the_same_weights_are_the_same_composition() -> None:
    module = Scaled()
    composition = Composition(module)
    optimiser = torch.optim.SGD(module.parameters(), lr=0.1)
    module(torch.ones(1, 3, 5, 5)).sum().backward()
    optimiser.step()
    module.load_state_dict(Scaled().state_dict())
    optimiser.zero_grad()
    assert composition.holds()


def test_another_precision_is_another_composition() -> None:
    module = Scaled()
    composition = Composition(module)
    allowed = torch.backends.cudnn.allow_tf32
    try:
        torch.backends.cudnn.allow_tf32 = not allowed
        assert not composition.holds()
    finally:
        torch.backends.cudnn.allow_tf32 = allowed


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many times something was recorded, and the values in that moment; a recording computes by these."""
    recordings: list[int] = []

    class Played:
        def __init__(self, function: Any, arguments: Any, composition: Any) -> None:
            self.function, self.composition = function, composition
            self.structure = torch.utils._pytree.tree_flatten(arguments)[1]

        def play(self, leaves: list[Any]) -> Any:
            recordings[-1] += 1
            return self.function(*torch.utils._pytree.tree_unflatten(leaves, self.structure))

        def wait(self) -> None:
            """What a processor computes is there."""

    def record(function: Any, arguments: Any, leaves: Any, composition: Any) -> Any:
        assert leaves
        recordings.append(0)
        return Played(function, arguments, composition)

    monkeypatch.setattr(cuda_graphs, "_recorded", record)
    monkeypatch.setattr(cuda_graphs, "_allocated", lambda: 0)
    monkeypatch.setattr(cuda_graphs, "_largest", lambda: 2**30)
    return recordings


def test_what_comes_again_is_recorded_once_for_each_shape_and_again_after_a_change(recorded: list[int]) -> None:
    module = Scaled().requires_grad_(False)
    program = CudaGraphs(lambda images, points: [module(images) + points["shift"]], lambda: Composition(module))
    points = {"shift": torch.ones(1)}

    def ask(size: int) -> None:
        images = torch.rand(2, 3, size, size)
        torch.testing.assert_close(program(images, points)[0], module(images) + 1)

    for _ in range(2):
        ask(5)
        ask(6)
    assert recorded == []
    for _ in range(3):
        ask(5)
    assert recorded == [3]
    ask(6)
    assert recorded == [3, 1]
    scale_again(module)
    for _ in range(4):
        ask(5)  # the first time it is played, and the answer thrown away
    assert recorded == [3, 2, 2]


def test_what_was_computed_by_other_parts_is_thrown_away(recorded: list[int]) -> None:
    module = Scaled().requires_grad_(False)
    before = copy.deepcopy(module)
    program = CudaGraphs(lambda images: [before(images)], lambda: Composition(module))
    for _ in range(3):
        program(torch.ones(1, 3, 5, 5))
    program._function = lambda images: [module(images)]
    scale_again(module)
    images = torch.rand(1, 3, 5, 5)
    torch.testing.assert_close(program(images)[0], module(images))
    assert recorded == [2]


def test_what_lies_elsewhere_is_not_played(recorded: list[int]) -> None:
    module = Scaled().requires_grad_(False)
    program = CudaGraphs(lambda images: [module(images)], lambda: Composition(module))
    for _ in range(4):
        program(torch.ones(1, 3, 5, 5))
    assert recorded == [2]
    put_weights_elsewhere(module)
    program(torch.ones(1, 3, 5, 5))
    assert recorded == [2]


def test_a_recording_of_a_module_in_training_is_played_and_leaves_it_as_it_was(recorded: list[int]) -> None:
    module = nn.Sequential(Scaled(), nn.Dropout(0.5)).train()
    modes: list[bool] = []

    def answer(images: torch.Tensor) -> list[torch.Tensor]:
        modes.append(module[1].training)
        return [module(images).detach()]

    program = CudaGraphs(answer, lambda: Composition(module), lambda: inference_mode(module))
    for _ in range(3):
        program(torch.ones(1, 3, 5, 5))
    assert (recorded, modes) == ([1], [False] * 3)
    program(torch.ones(1, 3, 5, 5))
    assert recorded == [2]
    assert all(part.training for part in module.modules())
    assert all(weight.requires_grad for weight in module.parameters())


def test_playing_leaves_random_states_as_they_were(recorded: list[int]) -> None:
    program = CudaGraphs(lambda images: [images + torch.rand(3)], lambda: Composition(Scaled()))
    for _ in range(3):
        program(torch.zeros(3))
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    program(torch.zeros(3))
    assert recorded == [2]
    torch.testing.assert_close(torch.rand(2), expected)


def test_arguments_are_told_apart_by_how_they_lie_in_lists_and_by_name() -> None:
    one, two = torch.ones(1), torch.ones(2)
    others: list[Any] = [
        ([one, two],), ([one], two), ([two, one],), ({"one": one}, two), ({"two": one}, two), ([one, two], []),
        ([one, two.double()],), ([one, torch.ones(4)[::2]],),
    ]  # fmt: skip
    structures = [cuda_graphs._structure(arguments, []) for arguments in others]
    assert len(set(structures)) == len(others)
    for arguments in others:
        leaves: list[torch.Tensor] = []
        cuda_graphs._structure(arguments, leaves)
        assert str(cuda_graphs._rebuilt(arguments, iter(leaves))) == str(arguments)


def test_what_needs_much_memory_or_cannot_be_recorded_is_computed_as_it_comes(
    recorded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for = iter(range(0, 2**40, 2**30 + 1))
    calls: list[int] = []

    def double(images: torch.Tensor) -> list[torch.Tensor]:
        calls.append(1)
        return [2 * images]

    with monkeypatch.context() as patched:
        patched.setattr(cuda_graphs, "_allocated", lambda: next(asked_for))
        large = CudaGraphs(double, lambda: Composition(Scaled()))
        for _ in range(6):
            large(torch.ones(3))
    assert (recorded, len(calls)) == ([], 6)
    monkeypatch.setattr(cuda_graphs, "_recorded", lambda *_: None)
    hindered = CudaGraphs(double, lambda: Composition(Scaled()))
    for _ in range(6):
        torch.testing.assert_close(hindered(torch.ones(3))[0], torch.full((3,), 2.0))
    assert len(calls) == 12


def test_what_is_played_all_the_time_stays_recorded_while_others_come_and_go(recorded: list[int]) -> None:
    program = CudaGraphs(lambda images: [2 * images], lambda: Composition(Scaled()))
    for size in range(1, 2 * cuda_graphs._GRAPHS):
        for _ in range(3):
            program(torch.ones(size))
        program(torch.ones(1))
    assert len(recorded) == 2 * cuda_graphs._GRAPHS - 1
    program(torch.ones(2))  # it was forgotten, and is computed as it comes until it comes often
    assert len(recorded) == 2 * cuda_graphs._GRAPHS - 1


def test_threads_compute_at_the_same_time_what_is_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = threading.Barrier(2, timeout=20)
    is_shared = False

    def double(images: torch.Tensor) -> list[torch.Tensor]:
        if is_shared:
            meeting.wait()  # whoever computes waits for the other one
        return [2 * images]

    monkeypatch.setattr(cuda_graphs, "_recorded", lambda *_: None)
    monkeypatch.setattr(cuda_graphs, "_allocated", lambda: 0)
    monkeypatch.setattr(cuda_graphs, "_largest", lambda: 2**30)
    program = CudaGraphs(double, lambda: Composition(Scaled()))
    for _ in range(3):
        program(torch.ones(3))
    is_shared = True
    with ThreadPoolExecutor(2) as threads:
        for answer in threads.map(program, [torch.ones(3), torch.zeros(3)]):
            assert len(answer) == 1


def test_maps_of_a_processor_are_computed_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CudaGraphs, "__call__", lambda *_: pytest.fail("was recorded"))
    module = Scaled().eval()
    encoder = saccade.Encoder(module, layer="convolution", value_range=(0, 1), input_shape=(16, 16, 3))
    images = np.random.default_rng(0).random((1, 16, 16, 3), np.float32)
    saccade.explain(encoder, images, "saliency")


@pytest.mark.parametrize(("draws", "answer"), [(None, "recorded"), (4, "computed")])
def test_images_on_a_gpu_are_asked_of_recordings_wherever_the_model_was_when_they_were_compiled(
    draws: int | None, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = nn.Sequential(Scaled(), Drawn())
    encoder = saccade.Encoder(module, layer="1", value_range=(0, 1), input_shape=(16, 16, 3), draws=draws or 1)
    backend = TorchBackend(encoder.network if draws else encoder.network.network)  # type: ignore[attr-defined]
    monkeypatch.setattr(CudaGraphs, "__call__", lambda *_: "recorded")
    program = backend.compile(lambda *_: "computed")
    on_gpu = SimpleNamespace(device=torch.device("cuda", 0))
    assert (program(torch.ones(1), torch.ones(1)), program(on_gpu)) == ("computed", answer)


def test_on_a_gpu_the_program_itself_puts_the_module_into_inference_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Scaled().train()
    backend = saccade.Encoder(module, layer="convolution", value_range=(0, 1), input_shape=(16, 16, 3)).engine.backend
    with backend.program_context():
        assert not module.training
        assert not torch.is_grad_enabled()
    monkeypatch.setattr(TorchBackend, "_device", lambda _: torch.device("cuda", 0))
    with backend.program_context():
        assert module.training
        assert not torch.is_grad_enabled()
    assert module.training
