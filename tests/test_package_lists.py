"""What a package says of its modules: each is named in its docstring, and each that is named is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import saccade

ROOT = Path(saccade.__file__).parent
PACKAGES = [path.parent.name for path in sorted(ROOT.glob("*/__init__.py")) if path.parent.name != "methods"]
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
