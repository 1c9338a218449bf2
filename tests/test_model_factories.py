"""Factories, `package.module:function`, which are the user's own code and may go wrong in any way."""

from __future__ import annotations

from pathlib import Path

import pytest

from saccade.errors import FileError, InputError, ModelError
from saccade.models import open_model

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
        ("factories_of_mine:needs", r"factories_of_mine:needs needs arguments \(width, depth\); give a factory that"),
        ("factories_of_mine:Own", r"factories_of_mine:Own needs arguments \(width\)"),
        (
            "factories_of_mine:fails",
            r"fails failed: RuntimeError: no weights here \(line 16 of .*factories_of_mine.py\)",
        ),
        ("factories_of_mine:leaves", r"leaves failed: it ended the program \(exit enough\)"),
        ("factories_of_mine:gives", "gave a int; a factory must give"),
        ("factories_of_mine:missing", "module 'factories_of_mine' has no 'missing' to call"),
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
