"""Whole numbers and objects of TorchScript archives on which PyTorch would end the process, not raise."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch_archives import members, packed, scripted, with_line

from saccade.errors import ModelError
from saccade.models.torch import measurement
from saccade.models.torch.files import open_torch_file
from saccade.models.torch.network import TorchNetwork

SMALLEST = "torch.sub(-9223372036854775807, 1)"


class Plain(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.avg_pool2d(x, 2)


def opened_with(line: str, folder: Path) -> TorchNetwork:
    contents = members(scripted(Plain(), folder / "honest.pt"))
    return open_torch_file(packed(with_line(contents, "Plain", line), folder / "net.pt"), input_shape=(8, 8, 3))


@pytest.mark.parametrize(
    "line",
    [
        "x = torch.add(x, torch.remainder(7, 0))",
        "x = torch.add(x, 7 % 0)",
        f"x = torch.add(x, torch.floordiv({SMALLEST}, -1))",
        f"x = torch.add(x, {SMALLEST} // -1)",
        "_9 = 0\n    x = torch.add(x, torch.remainder(7, _9))",
        "x = torch.add(x, ops.aten.remainder(b=0, a=7))",
        "_9 = 7\n    x = torch.add(x, _9.remainder(0))",
        "_9 = (x, 0)\n    x = torch.add(x, torch.remainder(7, _9[1]))",
        "_9, _8 = (x, 0)\n    x = torch.add(x, torch.remainder(7, _8))",
        "x = torch.add(x, torch.remainder(7, torch.sub(torch.len((x, x)), 2)))",
        "for _9 in (0, 0):\n      x = torch.add(x, torch.remainder(7, _9))",
    ],
)
def test_divisions_that_are_computed_while_loading_are_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ModelError, match=r"a division of constants, which .*end the program; give --trust"):
        opened_with(line, tmp_path)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("x = torch.add(x, torch.divmod(7, 2)[0])", "a call of torch.divmod"),
        ("x = torch.add(x, ops.aten.__round_to_zero_floordiv(7, 0))", "a call of ops.aten.__round_to_zero_floordiv"),
        ('x = torch.add(x, torch.count("", "", 0, 9))', "a call of torch.count"),
        ('x = torch.add(x, torch.len(torch.replace("", "", "", 9)))', "a call of torch.replace"),
        ("x = torch.add(x, torch.remainder(7, torch.item(torch.sum(x))))", "whose kind only shows when it runs"),
        (
            '_9 = torch.full([1], -1, dtype=4)\n    x = torch.add(x, torch.div(_9, _9, rounding_mode="trunc"))',
            "a division that rounds towards zero",
        ),
        (
            '_9 = torch.full([1], -1, dtype=4)\n    x = torch.add(x, torch.div(_9, _9, rounding_mode="trunc", out=_9))',
            "a division that rounds towards zero",
        ),
    ],
)
def test_operations_that_may_end_the_process_are_refused(tmp_path: Path, line: str, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        opened_with(line, tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "x = torch.add(x, torch.remainder(7, torch.sub(torch.size(x, 0), torch.size(x, 0))))",
        f"x = torch.add(x, torch.floordiv({SMALLEST}, torch.sub(torch.dim(x), 5)))",
        f"x = torch.add(x, torch.remainder({SMALLEST}, torch.sub(torch.dim(x), 5)))",
    ],
)
def test_a_division_that_cannot_be_computed_is_an_error_like_any_other(tmp_path: Path, line: str) -> None:
    with pytest.raises(
        ModelError, match="with 3 channels: it asks a list for an item that is not there, or divides by 0"
    ):
        _ = opened_with(line, tmp_path).layers


def test_pixels_cannot_end_the_process(tmp_path: Path) -> None:
    network = opened_with("x = torch.add(x, torch.remainder(7, torch.sub(1, int(torch.max(x)))))", tmp_path)
    black, white = torch.zeros(1, 8, 8, 3), torch.ones(1, 8, 8, 3)
    assert network.run(black, ["output"])["output"].shape == (1, 4, 4, 3)
    with pytest.raises(RuntimeError, match="list index out of range"):
        network.run(white, ["output"])


def padding(size: list[int], window: list[int]) -> list[int]:
    return [0, (window[1] - size[3] % window[1]) % window[1], 0, (window[0] - size[2] % window[0]) % window[0]]


class Windows(nn.Module):
    """Divides sizes by constants, attributes, arguments, items and counters, as windowed attention does."""

    def __init__(self) -> None:
        super().__init__()
        self.window = [5, 7]
        self.stride = 3

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.pad(x, padding(list(x.shape), self.window))
        rows = x.shape[2] // self.window[0] + -(-x.shape[3] // self.stride)
        for number in range(1, 4):
            if rows % number == 0 and number % 2 == 1:
                x = x * (rows // number)
        return x


@pytest.mark.parametrize("traced", [False, True])
def test_honest_divisions_give_the_same(tmp_path: Path, traced: bool) -> None:
    module = Windows()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's own
        path = scripted(module, tmp_path / "net.pt", traced=traced)
    network = open_torch_file(path, input_shape=(32, 32, 3))
    for images in (torch.rand(1, 32, 32, 3), torch.rand(2, 32, 32, 3)):
        expected = module(images.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        torch.testing.assert_close(network.run(images, ["output"])["output"], expected)


class RoundedTowardsZero(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        half = torch.div(torch.tensor(x.shape[2]), torch.tensor(2), rounding_mode="trunc")
        return x[:, :, : int(half)]


def test_tensors_are_divided_by_constants(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's own
        path = scripted(RoundedTowardsZero(), tmp_path / "net.pt", traced=True)
    network = open_torch_file(path, input_shape=(32, 32, 3))
    images = torch.rand(1, 32, 32, 3)
    torch.testing.assert_close(network.run(images, ["output"])["output"], images[:, :16])


# Objects


class Small(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1


class Large(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = 1, 2, 3

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.third


class Both(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.small, self.large = Small(), Large()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.large(self.small(x))


def test_an_object_is_of_the_class_that_the_code_says(tmp_path: Path) -> None:
    contents = members(scripted(Both(), tmp_path / "honest.pt"))
    name = next(name for name in contents if name.endswith("/data.pkl"))
    pickled = contents[name]
    assert open_torch_file(packed(contents, tmp_path / "net.pt"), input_shape=(8, 8, 3)).layers
    swapped = {**contents, name: pickled.replace(b"Large\n", b"Small\n")}
    assert swapped[name] != pickled
    with pytest.raises(ModelError, match=r"an object that may be of another kind than its code says \('large'\)"):
        open_torch_file(packed(swapped, tmp_path / "net.pt"), input_shape=(8, 8, 3))


@pytest.mark.parametrize(
    "line",
    [
        "_9 = unchecked_cast({large}, self.small)\n    x = torch.add(x, _9.third)",
        "_9 = unchecked_cast(List[{large}], [self.small])\n    x = torch.add(x, _9[0].third)",
        "_9 = annotate(Any, self.small)\n    _8 = unchecked_cast({large}, _9)\n    x = torch.add(x, _8.third)",
    ],
)
def test_an_object_is_not_taken_for_another(tmp_path: Path, line: str) -> None:
    contents = members(scripted(Both(), tmp_path / "honest.pt"))
    code = next(content for content in contents.values() if b"class Both(" in content).decode()
    large = code.partition("large : ")[2].partition("\n")[0]
    changed = with_line(contents, "Both", line.replace("{large}", large))
    with pytest.raises(ModelError, match="an object that is taken for another kind"):
        open_torch_file(packed(changed, tmp_path / "net.pt"), input_shape=(8, 8, 3))


# The search for a size


class Fixed(nn.Module):
    """Takes images of 32 x 32, and says so in the words of an operation."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 4, 4, 4), nn.Linear(4 * 8 * 8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.first(x).flatten(1))


def test_a_script_is_not_tried_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = scripted(Fixed(), tmp_path / "net.pt")
    assert open_torch_file(path).input_shape == (32, 32, 3)
    monkeypatch.setattr(measurement, "_LONGEST_SEARCH", -1.0)
    with pytest.raises(ModelError, match=r"could not be found .*64x64.* same reduction dim.*; give input_shape="):
        open_torch_file(path)
    assert open_torch_file(path, trust=True).input_shape == (32, 32, 3)


def test_what_an_operation_of_a_script_says_is_quoted(tmp_path: Path) -> None:
    path = scripted(Fixed(), tmp_path / "net.pt")
    with pytest.raises(ModelError, match=r"40x40 with 3 channels: mat1 and mat2 shapes cannot be multiplied \("):
        _ = open_torch_file(path, input_shape=(40, 40, 3), trust=True).layers


class Failing(nn.Module):
    """Counts how often it is run with numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last, self.runs = nn.Conv2d(3, 4, 4, 4), nn.Linear(7, 5), 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.runs += type(x) is torch.Tensor
        return self.last(self.first(x).flatten(1))


def test_what_fails_in_the_same_way_without_numbers_is_not_computed() -> None:
    module = Failing()
    with pytest.raises(ModelError, match="could not be found"):
        TorchNetwork(module)
    assert module.runs <= 5
