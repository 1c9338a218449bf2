"""Factories, `package.module:function`, which are the user's own code and may go wrong in any way."""

from __future__ import annotations

import ast
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saccade.errors import FileError, InputError, ModelError
from saccade.models import open_model
from saccade.models.factory_call import is_factory, read_call

CODE = """
import sys
import torch

def good(size=3):
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, size), torch.nn.ELU())

class Own(torch.nn.Sequential):
    def __init__(self, width):
        super().__init__(torch.nn.Conv2d(3, width, 3))

def needs(width, *, depth, name="x", **more):
    return None

def sized(width, kernel=3, *, name="x"):
    return torch.nn.Sequential(torch.nn.Conv2d(3, width, kernel), torch.nn.ELU())

made = good()

def fails():
    raise RuntimeError("no\\nweights\\x1b[31m here")

def leaves():
    sys.exit("enough")

def interrupted():
    raise KeyboardInterrupt

def gives():
    return 3
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "factories_of_mine.py").write_text(CODE)
    (tmp_path / "broken_factories.py").write_text("def good(:\n")
    (tmp_path / "leaving_factories.py").write_text("raise SystemExit(4)\n")
    (tmp_path / "failing_factories.py").write_text("x = 1\ny = [][x]\n")
    (tmp_path / "importing_factories.py").write_text("import a_package_that_is_not_there\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


def test_a_factory_is_called_without_arguments() -> None:
    assert open_model("factories_of_mine:good", input_shape=(8, 8, 3)).framework == "torch"


@pytest.mark.parametrize(
    ("factory", "says"),
    [
        (
            "factories_of_mine:needs",
            r"needs needs arguments \(width, depth\); give them in .* 'factories_of_mine:needs\(width=\.\.\.,depth",
        ),
        ("factories_of_mine:Own", r"factories_of_mine:Own needs arguments \(width\)"),
        (
            "factories_of_mine:fails",
            r"fails failed: RuntimeError: no weights here \(line 21 of .*factories_of_mine.py\)",
        ),
        ("factories_of_mine:leaves", r"leaves failed: it ended the program \(exit enough\)"),
        ("factories_of_mine:gives", "gave a int; a factory must give"),
        ("factories_of_mine:missing", "module 'factories_of_mine' has no 'missing' to call"),
        ("factories_of_mine:god", "has no 'god' to call; the nearest is 'good'"),
        ("factories_of_mine:sized(kernel=1)", r"sized needs arguments \(width\)"),
        ("factories_of_mine:sized(4,kernal=1)", "sized takes no argument 'kernal'; the nearest is 'kernel'"),
        ("factories_of_mine:sized(4,3,x)", r"sized takes 2 arguments in order \(width, kernel\), and 3 were given"),
        ("factories_of_mine:sized(4,width=3)", "given its argument 'width' twice"),
        ("factories_of_mine:sized(wide)", r"sized failed: TypeError: .*\(line \d+ of"),
        ("factories_of_mine:made()", "made is a Sequential and no function, so it takes no arguments"),
        ("broken_factories:good", r"importing 'broken_factories' failed: .* in line 1 of .*broken_factories.py"),
        ("leaving_factories:good", r"importing 'leaving_factories' failed: it ended the program \(exit 4\)"),
        ("failing_factories:good", r"importing 'failing_factories' failed: IndexError: .* \(line 2 of .*\)"),
        ("importing_factories:good", r"importing 'importing_factories' failed: .*a_package_that_is_not_there"),
        ("factories_of_yours:good", "no module 'factories_of_yours' to import the factory from"),
    ],
)
def test_what_goes_wrong_is_one_line(factory: str, says: str) -> None:
    with pytest.raises(ModelError, match=says) as caught:
        open_model(factory)
    assert str(caught.value).isprintable()


def test_control_c_stays_control_c() -> None:
    with pytest.raises(KeyboardInterrupt):
        open_model("factories_of_mine:interrupted")


@pytest.mark.parametrize("name", ["a" * 5000, "a\0b", "a" * 300 + ":" + "b"])
def test_a_name_that_no_file_can_have(name: str) -> None:
    with pytest.raises(InputError, match=r"no file|no module|is no model"):
        open_model(name)


def test_weights_that_are_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="is no file"):
        open_model("factories_of_mine:good", weights=tmp_path)
    with pytest.raises(FileError, match="no file"):
        open_model("factories_of_mine:good", weights="missing.pt")


@pytest.mark.parametrize("call", ["sized(5)", "sized( width=5 , kernel=3 )", "sized(kernel=3,width=5)", "good( )"])
def test_a_factory_is_called_with_its_arguments(call: str) -> None:
    network = open_model(f"factories_of_mine:{call}", input_shape=(8, 8, 3))
    assert network.layers[network.output].shape == (6, 6, 4 if "good" in call else 5)


def test_a_module_that_stands_there_already_needs_no_brackets() -> None:
    assert open_model("factories_of_mine:made", input_shape=(8, 8, 3)).framework == "torch"


@pytest.mark.parametrize(
    ("text", "arguments", "named"),
    [
        ("a:f", (), {}),
        ("a:f()", (), {}),
        ("timm:create_model(vit_tiny_patch16_224,num_classes=0)", ("vit_tiny_patch16_224",), {"num_classes": 0}),
        ("a:f(resnet50.a1_in1k, 3x3, efficientnet-b0)", ("resnet50.a1_in1k", "3x3", "efficientnet-b0"), {}),
        ("a:f(weights=False,other=none,last=TRUE)", (), {"weights": False, "other": None, "last": True}),
        ("a:f('none', \"it's\", 'a,b')", ("none", "it's", "a,b"), {}),
        ("a:f(-1.5,1e-3,+2,007,1_000)", (-1.5, 1e-3, 2, "007", 1000), {}),
        ("a:f((1,2),[a,b,],(1),(1,),())", ((1, 2), ["a", "b"], 1, (1,), ()), {}),
        ("a:f({depth: 2,'a b':[1]},where=/tmp/x.json)", ({"depth": 2, "a b": [1]},), {"where": "/tmp/x.json"}),
        ("a.b:C.f (1)", (1,), {}),
    ],
)
def test_arguments_are_read(text: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
    assert is_factory(text)
    call = read_call(text)
    assert (call.arguments, call.settings) == (arguments, named)
    assert [type(each) for each in call.arguments] == [type(each) for each in arguments]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a:f(1", "cannot be read at its end: the closing '\\)' is missing"),
        ("a:f(x=)", "cannot be read at '\\)': a value after 'x' is missing"),
        ("a:f(x=1,2)", "at '2\\)': an argument without a name follows one with a name"),
        ("a:f(x=1,x=2)", "at 'x=2\\)': 'x' is given twice"),
        ("a:f(1 2)", "at '2\\)': a comma or '\\)' is expected"),
        ("a:f([1,2)", "at '\\)': a comma or '\\]' is expected"),
        ("a:f('x)", "a quote is not closed"),
        ("a:f({1})", "a colon is missing after the key 1"),
        ("a:f({[1]:2})", "a key is neither a word nor a number"),
        ("a:f(1).g(2)", "at '.g\\(2\\)': something follows the bracket"),
        ("a:f(,)", "an argument is missing"),
        ("a:f(" + "[" * 500 + "]" * 500 + ")", "nested more than 20 levels deep"),
        ("a:f(__import__('os').system('true'))", "a comma or '\\)' is expected"),
    ],
)
def test_arguments_that_cannot_be_read_are_one_line(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        open_model(text)
    assert str(caught.value).isprintable()
    assert "module:function(word,1.5,name=value,sizes=[1,2])" in str(caught.value)


LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(LITERALS)
@settings(max_examples=200, deadline=None)
def test_what_python_writes_is_read_as_python_reads_it(value: Any) -> None:
    (read,) = read_call(f"a:f({value!r})").arguments
    assert repr(read) == repr(ast.literal_eval(repr(value)))


@given(st.text(alphabet="ab1.,'\"()[]{}=: \\\n", max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(InputError):
        read_call(f"a:f({text}")


def test_a_torchvision_of_another_torch_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "misfit.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelError, match="built for another PyTorch; install the two that belong together"):
        open_model("misfit:make")
