"""TorchScript archives: whatever could do more than compute is named and refused before PyTorch sees it."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch_archives import code_of, members, packed, scripted, with_line

import saccade
from saccade.errors import FileError, ModelError
from saccade.models.torch.files import open_torch_file
from saccade.models.torch.operations import COMPUTING, SCRIPT_PRIMITIVES, only_computes


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ELU())
        self.size = 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.max_pool2d(self.parts(x), self.size)


@pytest.fixture
def contents(tmp_path: Path) -> dict[str, bytes]:
    torch.manual_seed(0)
    return members(scripted(Net().eval(), tmp_path / "honest.pt"))


def refusal(contents: dict[str, bytes], path: Path) -> str:
    with pytest.raises((ModelError, FileError)) as raised:
        open_torch_file(packed(contents, path))
    assert "\n" not in str(raised.value)
    return str(raised.value)


WRITES = [
    'torch.save([1], "MARK")',
    'torch . save([1], "MARK")',
    'ops.aten.save([1], "MARK")',
    'torch.\\\n      save([1], "MARK")',
    '(torch).save([1], "MARK")',
    '_9 = "MARK"\n    ops.aten.save(x, _9)',
    'x.save("MARK")',
    '[1].save("MARK")',
    '_9 = torch.save\n    _9([1], "MARK")',
    '_9 = [1].save\n    _9("MARK")',
    'getattr(torch, "save")([1], "MARK")',
    '_9 = getattr(torch, "save")\n    _9([1], "MARK")',
    '_9 = __torch__.Net\n    _9 = [1].save\n    _9("MARK")',
    '__torch__ = [1]\n    __torch__.save("MARK")',
    '_9 = torch.from_file("MARK", True, 10)',
    '_9 = ops.aten.from_file("MARK", True, 10)',
]


@pytest.mark.parametrize("line", WRITES)
def test_nothing_is_written(
    contents: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert re.search(
        r"holds .*(save|from_file|odd form|'_9').*--trust",
        refusal(with_line(contents, "Net", line), tmp_path / "net.pt"),
    )
    assert not (tmp_path / "MARK").exists()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("torch.manual_seed(7)", "a call of torch.manual_seed"),
        ("torch.set_grad_enabled(True)", "a call of torch.set_grad_enabled"),
        ('print("hello")', "a call of 'print'"),
        ("_9 = torch.quantized_batch_norm(x, None, None, x, x, 1., 1., 1)", "a call of torch.quantized_batch_norm"),
        ("_9 = ops.quantized.linear(x, x, 1., 1)", "a call of ops.quantized.linear"),
        ("_9 = __torch__.torch.classes.rnn.CellParamsBase()", "__torch__.torch.classes.rnn.CellParamsBase"),
        ("while True:\n      pass", "a loop that may never end"),
        ("for _9 in range(1000000000):\n      x = torch.add(x, 1)", "a loop that may never end"),
        ("for _9 in range(int(torch.sum(x))):\n      x = torch.add(x, 1)", "a loop that may never end"),
        ("x = torch.add(x, torch.len(torch.mul([0], torch.size(x, 0))))", "a list of unknown length"),
        ("x = torch._reshape_alias(x, [100000000], [1])", "a call of torch._reshape_alias"),
        ("x = torch._weight_norm(x, torch.ones([1]), 0)", "a call of torch._weight_norm"),
        ("_9 = torch.promote_types(100000, 100000)", "a call of torch.promote_types"),
        ("x = torch.to(x, 100000)", "a type of numbers that does not exist (100000)"),
        ("x = torch.add(x, torch.zeros([1], dtype=6, layout=77))", "a type of numbers that does not exist (77)"),
        ("x = torch.contiguous(x, memory_format=100)", "a type of numbers that does not exist (100)"),
        ("x = torch.to(x, torch.size(x, 0))", "a type of numbers that only shows when it runs"),
        ("_9 = [1]\n    for _8 in range(60):\n      _9 = torch.add(_9, _9)", "lists or texts that grow without end"),
        ('_9 = "x"\n    for _8 in range(60):\n      _9 = torch.format("{}{}", _9, _9)', "lists or texts that grow"),
        ("x = torch.add(x, torch.len(torch.mul(torch.mul([1], 9999), 9999)))", "lists or texts that grow without end"),
        ("_9 = lambda: 1", "code of an odd form"),
        ("_9 = [_8 for _8 in [1]]", "code of an odd form"),
        ("_9 = 1" + "+1" * 300, "nested"),
    ],
)
def test_code_that_does_more_than_compute_is_named(
    contents: dict[str, bytes], tmp_path: Path, line: str, reason: str
) -> None:
    message = refusal(with_line(contents, "Net", line), tmp_path / "net.pt")
    assert reason in message
    assert "--trust" in message


class Typed(nn.Module):
    """Hands a type of numbers on to a function."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.softmax(x, 1, dtype=torch.float32)


def test_types_of_numbers_are_followed_through_functions(tmp_path: Path) -> None:
    contents = members(scripted(Typed(), tmp_path / "honest.pt"))
    packed(contents, tmp_path / "net.pt")
    assert open_torch_file(tmp_path / "net.pt", input_shape=(8, 8, 3)).output == "output"
    name = next(name for name, content in contents.items() if b"class Typed(" in content)
    changed = contents[name].replace(b"(x, 1, 3, 6,", b"(x, 1, 3, 100000,")
    assert changed != contents[name]
    assert "does not exist (100000)" in refusal({**contents, name: changed}, tmp_path / "net.pt")


def test_code_that_runs_while_it_is_loaded_is_refused(
    contents: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = code_of(contents, "Net")
    code = contents[name].decode()
    set_state = (
        "  def __getstate__(self) -> int:\n    return 1\n"
        "  def __setstate__(self: __torch__.Net, s: Any) -> NoneType:\n"
        '    ops.aten.save([1], "MARK")\n    return None\n'
    )
    # In UTF-7 the default value would read as a comment.
    hidden = code.replace("x: Tensor)", "x: Tensor, y: int +ACM-\n  =torch.len([1, 2]))", 1)
    for changed, reason in (
        (f"# coding: utf-7\n{hidden}", "its code cannot be read"),
        (code + set_state, "code that runs while it is loaded"),
        (code.replace("x: Tensor)", "x: Tensor, y: int=torch.len([1, 2]))", 1), "computed while it is loaded"),
        (code.replace("x: Tensor)", "x: Tensor, __torch__: Optional[int]=None)", 1), "an argument of an odd name"),
        (code.replace("  size : int", "  zero : Final[int] = torch.len([1])\n  size : int", 1), "computed while it is"),
    ):
        assert changed != code
        assert reason in refusal({**contents, name: changed.encode()}, tmp_path / "net.pt")
    assert not (tmp_path / "MARK").exists()


def test_code_is_found_however_its_member_is_spelled(
    contents: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # PyTorch looks its members up without regard to capitals.
    monkeypatch.chdir(tmp_path)
    name = code_of(contents, "Net")
    changed = with_line(contents, "Net", WRITES[0])
    for other in (name.replace(".py", ".PY"), name.replace("/code/", "/CODE/"), name.replace("__torch__", "__TORCH__")):
        spelled = {other if member == name else member: content for member, content in changed.items()}
        assert re.search("a call of torch.save|the odd name", refusal(spelled, tmp_path / "net.pt"))
    assert not (tmp_path / "MARK").exists()


def test_objects_in_the_pickles_are_judged(contents: dict[str, bytes], tmp_path: Path) -> None:
    name = next(name for name in contents if name.endswith("/data.pkl"))
    evil = b"\x80\x02c__torch__.torch.classes.rnn\nCellParamsBase\nq\x00)\x81."
    assert "an object of the kind __torch__.torch.classes" in refusal({**contents, name: evil}, tmp_path / "net.pt")
    evil = b"\x80\x02cposix\nsystem\nq\x00X\x04\x00\x00\x00exitq\x01\x85q\x02R."
    assert "an object of the kind posix.system" in refusal({**contents, name: evil}, tmp_path / "net.pt")
    assert "is damaged" in refusal({**contents, name: pickle.dumps([1])[:-1]}, tmp_path / "net.pt")
    assert "before PyTorch 1.4" in refusal({**contents, "honest/model.json": b"{}"}, tmp_path / "net.pt")


@pytest.mark.parametrize("change", [lambda content: b"", lambda content: content[:-4], lambda content: content * 2])
def test_numbers_that_are_not_there_never_reach_pytorch(
    contents: dict[str, bytes], tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    # An empty record ends the process inside PyTorch.
    name = next(name for name in contents if "/data/" in name)
    assert "bytes of numbers" in refusal({**contents, name: change(contents[name])}, tmp_path / "net.pt")
    del contents[name]
    assert "is missing" in refusal(contents, tmp_path / "net.pt")


@pytest.mark.parametrize("kind", ["functions", "classes", "calls"])
def test_code_that_refers_to_itself_too_deep_is_refused(contents: dict[str, bytes], tmp_path: Path, kind: str) -> None:
    if kind == "classes":
        parts = [f"class C{k}(Module):\n  a : Optional[__torch__.lib.C{k + 1}]\n" for k in range(3000)]
        line = "_9 = uninitialized(Optional[__torch__.lib.C0])"
    else:
        depth, times = (3000, 1) if kind == "functions" else (60, 2)
        # Sixty functions of which each calls the next one twice: one call of the first never ends.
        body = "".join("  x = _0(x, )\n" for _ in range(times))
        parts = [
            f"def f{k}(x: Tensor) -> Tensor:\n  _0 = __torch__.lib.f{k + 1}\n{body}  return x\n" for k in range(depth)
        ]
        parts.append(f"def f{depth}(x: Tensor) -> Tensor:\n  return x\n")
        line = "_9 = __torch__.lib.f0\n    _8 = _9(x, )"
    changed = {**with_line(contents, "Net", line), "honest/code/__torch__/lib.py": "".join(parts).encode()}
    assert re.search("refer to each other|calls itself too often", refusal(changed, tmp_path / "net.pt"))


@pytest.mark.parametrize(
    "line",
    [
        "x = torch.add(x, torch.sum(torch.zeros([200000, 20000])))",
        "for _9 in range(60):\n      x = torch.cat([x, x], 1)",
        # What needs its numbers cannot be looked through without them.
        "x = torch.add(x, torch.sum(torch.zeros([torch.add(200000, int(torch.item(torch.sum(x)))), 20000])))",
    ],
)
def test_no_result_is_larger_than_a_bound(contents: dict[str, bytes], tmp_path: Path, line: str) -> None:
    message = refusal(with_line(contents, "Net", line), tmp_path / "net.pt")
    assert re.search(r"one of its results alone would take [\d,]{11,} bytes; give --trust", message)


def test_memory_is_bounded_before_it_is_asked_for(contents: dict[str, bytes], tmp_path: Path) -> None:
    changed = with_line(contents, "Net", "x = torch.add(x, torch.sum(torch.zeros([100000, 100000])))")
    with pytest.raises(ModelError, match=r"would take 40,000,000,000 bytes.*--trust") as raised:
        saccade.Encoder(open_torch_file(packed(changed, tmp_path / "net.pt")))
    assert "\n" not in str(raised.value)


class ManyShapes(nn.Module):
    """Writes down shapes in each of many blocks, as stochastic depth does."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(50):
            shape = [x.shape[0]] + [1] * (x.ndim - 1)
            x = x + torch.ones(shape)
        return x


class Curious(nn.Module):
    """Loops over lists and dimensions, leaves one early, repeats lists, and formats text."""

    def first_wide(self, maps: list[torch.Tensor]) -> int:
        for number, each in enumerate(maps):
            if each.shape[1] > 3:
                return number
        return -1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = [x, x.repeat(1, 2, 1, 1)]
        for _ in range(x.dim() - 1):
            maps.append(maps[-1] * 2)
        pads = [0] * 4
        if self.first_wide(maps) < 0:
            raise ValueError(f"none of {len(maps)} maps is wide")
        with_noise = functional.interpolate(maps[self.first_wide(maps)], scale_factor=2.0, mode="bilinear")
        return functional.pad(with_noise, pads)


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize(
    "module",
    [
        Net(),
        Curious(),
        ManyShapes(),
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.PReLU(), nn.GroupNorm(2, 4), nn.PixelShuffle(2), nn.ReflectionPad2d(1)),
        nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.Flatten(2), nn.TransformerEncoderLayer(64, 2, 8, batch_first=True)),
        nn.Sequential(
            nn.AdaptiveAvgPool2d(4), nn.Flatten(2), nn.Linear(16, 4), nn.LayerNorm(4), nn.Dropout(), nn.GELU()
        ),
    ],
    ids=["net", "curious", "shapes", "layers", "attention", "dense"],
)
def test_honest_scripts_are_opened(module: nn.Module, tmp_path: Path, traced: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's own
        path = scripted(module.eval(), tmp_path / "net.pt", traced=traced)
    network = open_torch_file(path, input_shape=(32, 32, 3))
    images = torch.rand(1, 32, 32, 3)
    with network.inference_mode(), torch.no_grad():
        [tensor] = network.run(images, [network.output]).values()
        expected = module(images.permute(0, 3, 1, 2))
    torch.testing.assert_close(tensor, expected.permute(0, 2, 3, 1) if expected.dim() == 4 else expected)


def test_with_trust_a_script_may_do_everything(
    contents: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    network = open_torch_file(packed(with_line(contents, "Net", WRITES[0]), tmp_path / "net.pt"), trust=True)
    assert network.layers
    assert (tmp_path / "MARK").exists()


def test_the_list_of_operations_names_operations_that_exist() -> None:
    names = {schema.name for schema in torch._C._jit_get_all_schemas()}
    assert [name for name in COMPUTING if not {f"aten::{name}", f"aten::{name}_"} & names] == []
    for name in ("save", "from_file", "manual_seed", "_print", "set_grad_enabled", "set_", "resize_", "wait"):
        assert f"aten::{name}" in names or name == "set_grad_enabled"
        assert not only_computes(name)
    assert not {"PythonOp", "Print", "fork", "rpc_async", "IgnoredPythonOp"} & SCRIPT_PRIMITIVES
