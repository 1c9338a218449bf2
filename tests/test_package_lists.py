"""What docstrings and documents say of the files: each module is listed, each file that is named is there."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import saccade

ROOT = Path(saccade.__file__).parent
PACKAGES = [
    path.parent.relative_to(ROOT).as_posix()
    for path in sorted(ROOT.glob("*/**/__init__.py"))
    if path.parent.name != "methods"
]
"""All but that in which every module is a method, listed by `saccade methods`."""


def docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def modules(package: Path) -> set[str]:
    """Its modules and packages; a command is listed by `saccade --help`."""
    files = {path.stem for path in package.glob("[!_]*.py") if not docstring(path).startswith("`saccade ")}
    return files | {path.parent.name for path in package.glob("*/__init__.py")}


def listed(text: str) -> list[str]:
    """The names at the beginnings of lines, with at least two spaces after them."""
    return [
        name
        for names in re.findall(r"^ *([a-z_0-9]+(?:, [a-z_0-9]+)*)  +\S", text, re.MULTILINE)
        for name in names.split(", ")
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_lists_its_modules(package: str) -> None:
    names = listed(docstring(ROOT / package / "__init__.py"))
    assert sorted(names) == sorted(modules(ROOT / package))


def test_the_list_is_read_as_people_read_it() -> None:
    assert listed("First line.\n\n    one  does this\n    two, three   do that\nno entry here\n") == [
        "one",
        "two",
        "three",
    ]


# Documents

PROJECT = Path(__file__).parent.parent
FILE = re.compile(r"`([a-z0-9_]+(?:/[a-z0-9_]+)*(?:\.py|\.js|/))`")


@pytest.mark.parametrize("document", ["architecture.md", "read-the-source.md"])
def test_every_file_that_a_document_names_is_there(document: str) -> None:
    names = FILE.findall((PROJECT / "docs" / document).read_text(encoding="utf-8"))
    assert len(names) > 3
    existing = [path.relative_to(PROJECT).as_posix() for path in (*PROJECT.glob("*/"), *PROJECT.glob("[bdst]*/**/*"))]
    paths = [f"/{path}" for path in existing]
    assert not [name for name in names if not any(path.endswith(f"/{name.rstrip('/')}") for path in paths)]


def contracts() -> list[dict[str, Any]]:
    """The import rules."""
    settings: dict[str, Any] = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return list(settings["contracts"])


@pytest.mark.parametrize(
    ("rule", "exceptions"),
    [
        ("Only models, engines and training import a framework", {"engines", "models", "pretrained", "training"}),
        ("Only the command line knows a terminal", {"cli"}),
    ],
)
def test_a_rule_of_imports_holds_for_every_other_module(rule: str, exceptions: set[str]) -> None:
    source_modules = next(contract["source_modules"] for contract in contracts() if contract["name"] == rule)
    names = {path.stem for path in ROOT.glob("[!_]*.py")} | {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert source_modules == [f"saccade.{name}" for name in sorted(names - exceptions)]


def test_the_list_of_the_architecture_is_the_order_of_imports() -> None:
    first_table = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("\n## ")[0]
    rows = re.findall(r"^\| ((?:`[^`]+`(?:, )?)+) \|", first_table, re.MULTILINE)
    table = [{name.removesuffix(".py").rstrip("/") for name in re.findall(r"`([^`]+)`", row)} for row in rows]
    layers = [set(layer.split(" | ")) for layer in reversed(contracts()[0]["layers"])]
    without_layers = {"typing", "views"}  # types alone, and no Python
    assert [row - without_layers for row in table if row - without_layers] == layers
