"""Writing down a torch module's data flow: from shapes alone, and without keeping what it computes."""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn import functional

import saccade
from saccade.models import open_live
from saccade.models.torch import measurement
from saccade.models.torch.network import TorchNetwork
from saccade.models.torch.runs import InternalTorchError, TracedRun, traced
from saccade.models.torch.shapes import BareModule, shapes_only


class Branched(nn.Module):
    """Skips, in-place arithmetic, writing into a part, tokens and back."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 5, padding=2)
        self.norm, self.mix, self.last = nn.LayerNorm(8), nn.Linear(8, 8), nn.Conv2d(8, 2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.zeros(x.shape[0], 8, *x.shape[2:])
        y[:, :4] = self.first(x)
        y[:, 4:] += functional.elu(self.second(x), inplace=True)
        tokens = self.mix(self.norm(y.flatten(2).transpose(1, 2)))
        return self.last(functional.max_pool2d(tokens.transpose(1, 2).reshape(y.shape), 2))


def reference() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ELU(), nn.MaxPool2d(2), nn.BatchNorm2d(4), nn.Upsample(None, 2)
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*torch.jit:FutureWarning")
@pytest.mark.parametrize(
    "module",
    [reference, Branched, lambda: torch.jit.script(reference()), lambda: reference().double()],
    ids=["reference", "branched", "script", "double"],
)
def test_shapes_alone_tell_what_a_true_run_tells(
    module: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = TorchNetwork(module())
    network.dataflow(20, 20)
    true = network._measurement._with_numbers((1, 3, 46, 38)).trace.operations
    monkeypatch.setattr(measurement, "traced", _never)
    assert network.dataflow(46, 38).operations == true


def _never(*_: object) -> None:
    pytest.fail("numbers were computed to learn the shapes")


class Choosing(nn.Module):
    """Decides by the numbers of its picture."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.pool = nn.Conv2d(3, 4, 3, padding=1), nn.MaxPool2d(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        return y if y.mean() > 1e6 else self.pool(y)


def test_a_module_that_needs_its_numbers_is_run_with_them() -> None:
    network = TorchNetwork(Choosing())
    flow = network.dataflow(30, 26)
    assert flow.grid(network.output) == (15, 13)
    assert flow.operations == network._measurement._with_numbers((1, 3, 30, 26)).trace.operations


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*torch.jit:FutureWarning")
def test_what_pytorch_says_of_numbers_that_are_missing_is_not_quoted_as_the_modules() -> None:
    bare = BareModule(torch.jit.script(Choosing()))
    with bare.without_numbers, torch.jit.optimized_execution(False), pytest.raises(InternalTorchError):
        traced(bare.copy, torch.zeros(2, 3, 30, 26))
    assert shapes_only(lambda: bare, lambda: torch.zeros(2, 3, 30, 26)) == ""


class Caching(nn.Module):
    """Keeps a ramp for the last size that it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.ramps: dict[int, torch.Tensor] = {}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        width = x.shape[-1]
        if width not in self.ramps:
            self.ramps[width] = torch.linspace(0, 1, width)
        return self.conv(x) * self.ramps[width]


def test_nothing_without_numbers_is_left_in_the_module() -> None:
    module = Caching()
    network = TorchNetwork(module)
    network.dataflow(18, 22)
    assert 22 not in module.ramps
    picture = torch.rand(1, 18, 22, 3)
    with network.inference_mode(), torch.no_grad():
        output = network.run(picture, [network.output])[network.output]
    expected = module.conv(picture.permute(0, 3, 1, 2)) * torch.linspace(0, 1, 22)
    torch.testing.assert_close(output, expected.permute(0, 2, 3, 1))


class Counting(nn.Module):
    """Counts how many of the results before it are still in memory."""

    def __init__(self, storages: list[StorageWeakRef], most: list[int]) -> None:
        super().__init__()
        self.storages, self.most = storages, most

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.tanh(x)
        self.storages.append(StorageWeakRef(y.untyped_storage()))
        self.most.append(sum(not each.expired() for each in self.storages))
        return y


def test_a_true_run_keeps_no_result_longer_than_the_module_does() -> None:
    storages: list[StorageWeakRef] = []
    most: list[int] = []
    network = TorchNetwork(nn.Sequential(*(Counting(storages, most) for _ in range(8))), input_shape=(8, 8, 3))
    assert network.layers
    assert len(most) >= 8
    assert max(most) <= 2


class WithConstants(nn.Module):
    """Makes a tensor that depends on nothing, which a compiler computes once and for all."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sum(torch.ones([3, 5]))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*torch.jit:FutureWarning")
def test_no_constant_without_numbers_is_left_in_a_script() -> None:
    script = torch.jit.script(WithConstants())
    network = TorchNetwork(script, input_shape=(20, 20, 3))
    for side in (20, 21, 22, 23):
        assert network._measurement._without_numbers((1, 3, side, side)) is not None
    for _ in range(3):
        assert torch.equal(script(torch.ones(1, 3, 20, 20)), torch.full((1, 3, 20, 20), 15.0))


class TurnedInPlace(nn.Module):
    """Changes the very shape of its tensors in place."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, (3, 1), padding=(1, 0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(self.conv(x)[:, :3].transpose_(2, 3).unsqueeze_(0).squeeze_(0)).transpose_(2, 3)


def test_shapes_changed_in_place_are_followed() -> None:
    network = TorchNetwork(TurnedInPlace(), input_shape=(20, 24, 3))
    flow = network.dataflow(20, 24)
    assert flow.footprint(network.output, 0, (10, 11)) == (9, 12)
    assert flow.footprint(network.output, 1, (5, 6)) == (4, 7)


def test_sizes_that_are_tried_leave_nothing_on_the_screen(caplog: pytest.LogCaptureFixture) -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 4, 4), nn.Flatten(), nn.Linear(4 * 8 * 8, 5))
    assert TorchNetwork(net).input_shape == (32, 32, 3)
    assert not caplog.records


@functools.lru_cache(maxsize=8)
def _coordinates(rows: int, columns: int) -> torch.Tensor:
    return torch.linspace(-1, 1, rows * columns)[:, None]


class Rotary(nn.Module):
    """As DINOv3 of transformers: the positions of its tokens come from a function that remembers its results."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.block, self.last = nn.Conv2d(3, 4, 32, 32), nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.patches(images)
        positions = _coordinates(*features.shape[2:])
        tokens = self.block(features.flatten(2).transpose(1, 2) + positions)
        return self.last(tokens * positions.cos()).mean(1)


def test_what_a_function_remembers_of_a_run_without_numbers_is_forgotten() -> None:
    _coordinates.cache_clear()
    module, images = Rotary().eval(), torch.zeros(1, 3, 160, 160)
    run = shapes_only(lambda: BareModule(module), lambda: torch.zeros(1, 3, 160, 160))
    assert isinstance(run, TracedRun)
    with torch.no_grad():
        assert type(module(images)) is torch.Tensor


def test_what_a_function_remembers_does_not_depend_on_the_image() -> None:
    module = Rotary().eval()
    module(torch.zeros(1, 3, 64, 64))
    flow = open_live(module, input_shape=(64, 64, 3)).dataflow(64, 64)
    assert flow.is_cut("block", "last")
    assert "unknown" not in {source for operation in flow.operations.values() for source in operation.inputs}


def test_the_objects_of_the_process_are_gone_through_only_where_a_function_may_remember(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a process with much in it that takes longer than opening a model, which is run at many sizes."""
    searches: list[int] = []
    every_object = gc.get_objects
    monkeypatch.setattr(gc, "get_objects", lambda: searches.append(1) or every_object())
    assert open_live(nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 3))).input_shape == (28, 28, 1)
    assert not searches
    module = Rotary().eval()
    module(torch.zeros(1, 3, 64, 64))
    open_live(module, input_shape=(64, 64, 3)).dataflow(64, 64)
    assert searches


class OfRememberedBatch(nn.Module):
    """Shapes a later layer by the size of the batch that came in, as some of transformers' pyramids do."""

    def __init__(self, *, remembered: bool, ends_flat: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.remembered, self.ends_flat = remembered, ends_flat
        self.first, self.second = nn.Conv2d(3, 6, 4, 4), nn.Conv2d(6, 5, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        values = self.first(image)
        batch = image.shape[0] if self.remembered else values.shape[0]
        if self.ends_flat:
            return self.second(values.relu()).reshape(batch, -1)
        return self.second(values.relu().permute(0, 2, 3, 1).reshape(batch, 4, 4, -1).permute(0, 3, 1, 2))


@pytest.mark.parametrize("ends_flat", [False, True])
def test_a_model_that_remembers_the_size_of_its_batch_runs_whole(ends_flat: bool) -> None:
    """Where the channels of a layer are dropped one by one, more images come out of it than went in."""
    image = np.random.default_rng(0).random((16, 16, 3), np.float32)
    maps = []
    for remembered in (False, True):
        network = OfRememberedBatch(remembered=remembered, ends_flat=ends_flat).eval()
        encoder = saccade.Encoder(network, input_shape=(16, 16, 3), value_range=(0, 1))
        maps.append(saccade.explain(encoder, image, "ablation_cam", at="first").values)
    assert maps[0].max() > 0
    np.testing.assert_allclose(maps[1], maps[0], rtol=1e-4, atol=1e-7)
