"""TorchScript archives: what a script may take, before it runs and while it runs, has a bound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch_archives import members, packed, scripted, with_line

from saccade.errors import FileError, ModelError
from saccade.models.torch.files import open_torch_file

OFTEN = "calls itself too often"
ENDLESS = "a loop that may never end"
GROWING = "grow without end"
READ = "gone through too often"
MANY = "more operations than any network has"


class Net(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x)


@pytest.fixture
def contents(tmp_path: Path) -> dict[str, bytes]:
    return members(scripted(Net().eval(), tmp_path / "honest.pt"))


def appended(count: int) -> str:
    """A list of so many thousand numbers."""
    return (
        f"_8 = [0]\n    for _9 in range({count}):\n      for _6 in range(1000):\n        _7 = torch.append(_8, 1)\n    "
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        # A counter that begins far below, or goes down, turns more often than its end says.
        ("for _9 in range(torch.__range_length(1000000000, 0, -1)):\n      x = torch.relu(x)", ENDLESS),
        ("for _9 in range(torch.__range_length(-1000000000, torch.dim(x), 1)):\n      x = torch.relu(x)", ENDLESS),
        ("for _9 in range(torch.sub(3, torch.sub(torch.dim(x), 1000000000))):\n      x = torch.relu(x)", ENDLESS),
        ("for _9 in range(3000):\n      for _7 in range(3000):\n        x = torch.relu(x)", OFTEN),
        ("_8 = torch.mul([0], 10000)\n" + "".join(
            f"{'  ' * (number + 2)}for _{number} in range(torch.len(_8)):\n" for number in range(4)
        ) + "            x = torch.relu(x)", OFTEN),
        ("_8 = [1]\n    for _9 in range(60):\n      torch.extend(_8, _8)\n    x = torch.add(x, (_8)[0])", GROWING),
        (f"{appended(500)}for _9 in range(9000):\n      torch.sort(_8)\n    x = torch.add(x, (_8)[0])", READ),
        (f"{appended(500)}for _9 in range(900):\n      x = torch.add(x, int(torch.__contains__(_8, 5)))", READ),
        ('_8 = "x"\n' + "    _8 = str(torch.list(_8))\n" * 20 + "    x = torch.add(x, torch.len(_8))", GROWING),
        # These would be computed already while the archive is loaded.
        ('_8 = "x"\n' + "    _8 = torch.add(_8, _8)\n" * 50 + "    x = torch.add(x, torch.len(_8))", GROWING),
        ('_8 = "x"\n' + '    _8 = torch.format("{}{}{}", _8, _8, _8)\n' * 50 + "    torch.warn(_8)", GROWING),
        ("_8 = (1, 1)\n" + "".join(f"    _{k + 1} = (_{k}, _{k})\n" for k in range(8, 60)), GROWING),
        (f'torch.warn("{"x" * 20000}", 2)', "a text of more than 10,000 letters"),
        ("x = torch.add(x, torch.len(annotate(List[int], torch.tolist(x))))", "a call of torch.tolist"),
        # What these take shows in the first run.
        ("_8 = [0]\n" + "    for _9 in range(torch.len(_8)):\n      _7 = torch.append(_8, 1)\n" * 33
         + "    x = torch.add(x, torch.len(_8))", "a list of more than 128 items"),
        ("for _9 in range(1000):\n      for _7 in range(100):\n        x = torch.relu(x)", MANY),
        ("x = torch.add(x, torch.len(torch.unbind(torch.zeros([50000000]))))", MANY),
        ("x = torch.add(x, torch.len(torch.split(torch.zeros([50000000]), 1)))", MANY),
        ("_8 = torch.ones([11000, 11000])\n    x = torch.add(x, torch.sum(torch.mm(_8, _8)))", MANY),
        ("_8 = torch.linalg_svd(torch.ones([8000, 8000]))\n    x = torch.add(x, torch.sum((_8)[0]))", MANY),
        (
            "_8 = [x]\n    for _9 in range(300):\n      _8 = torch.add(_8, [torch.zeros([10000000])])\n    x = (_8)[0]",
            "would take",
        ),
        # A way that is never taken, but whose constants PyTorch would compute to make the script quicker.
        (
            "if torch.eq(torch.dim(x), 5):\n      x = torch.add(x, torch.sum(torch.zeros([40000, 20000])))",
            "would take",
        ),
    ],
)  # fmt: skip
def test_what_a_script_may_take_has_a_bound(contents: dict[str, bytes], tmp_path: Path, line: str, reason: str) -> None:
    with pytest.raises((ModelError, FileError), match=reason) as raised:
        open_torch_file(packed(with_line(contents, "Net", line), tmp_path / "net.pt"))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "line",
    ["x = torch.relu(x)", "x = torch.add(x, torch.sum(torch.zeros([torch.mul(torch.size(x, 2), 9999), 20000])))"],
)
def test_a_way_that_only_other_images_take_is_bounded_too(
    contents: dict[str, bytes], tmp_path: Path, line: str
) -> None:
    branch = (
        "if bool(torch.gt(torch.sum(x), 1.)):\n      for _9 in range(1000):\n        for _8 in range(100):\n"
        f"          {line}\n    else:\n      pass"
    )
    network = open_torch_file(packed(with_line(contents, "Net", branch), tmp_path / "net.pt"), input_shape=(8, 8, 3))
    with network.inference_mode(), torch.no_grad():
        dark = network.run(torch.zeros(1, 8, 8, 3), [network.output])
        assert not np.asarray(dark[network.output]).any()
        with pytest.raises(ModelError, match="for some images the script takes more"):
            network.run(torch.ones(1, 8, 8, 3), [network.output])


class Branching(nn.Module):
    """Goes one way or the other by its numbers, loops over short lists, and joins texts."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = [x, x * 2]
        for each in maps:
            if float(each.sum()) > 1:
                x = x + each
        counter = 0
        while counter < len(maps):
            x = x + maps[counter]
            counter += 1
        name = "a" + str(x.shape[1])
        if x.dim() != 4:
            raise ValueError(f"{name} of {x.shape} and {name}")
        return x


def test_honest_branches_and_lists_are_computed(tmp_path: Path) -> None:
    network = open_torch_file(scripted(Branching().eval(), tmp_path / "net.pt"), input_shape=(8, 8, 3))
    for level in (0.0, 1.0):
        images = torch.full((2, 8, 8, 3), level)
        with network.inference_mode(), torch.no_grad():
            [tensor] = network.run(images, [network.output]).values()
        expected = Branching()(images.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        torch.testing.assert_close(tensor, expected)
