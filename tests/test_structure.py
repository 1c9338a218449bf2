"""The package as a whole: nothing heavy is loaded by importing it, every name is exported once, settings are alike."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import saccade

HEAVY = {
    "keras", "tensorflow", "torch", "jax", "tf_keras", "h5py", "skimage", "scipy", "matplotlib", "lance", "pyarrow",
}  # fmt: skip
LOADED = "import sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"


def loaded_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{LOADED}"], capture_output=True, text=True, check=True, timeout=120
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "code",
    [
        "import saccade",
        "import saccade; saccade.Encoder, saccade.explain, saccade.targets, saccade.compare, saccade.feature_maps",
        "from saccade.methods import available; available()",
        "import saccade.cli",
        "import saccade.collection",
    ],
)
def test_importing_loads_no_framework(code: str) -> None:
    assert not loaded_by(code) & HEAVY


def test_importing_the_package_alone_loads_not_even_numpy() -> None:
    assert not loaded_by("import saccade, saccade.cli") & (HEAVY | {"numpy", "PIL"})


def test_the_check_for_absence_can_fail() -> None:
    assert "h5py" in loaded_by("import h5py")


def test_every_exported_name_is_there() -> None:
    assert saccade.__all__ == sorted(saccade.__all__, key=lambda name: (name in ("methods", "pairs", "targets"), name))
    for name in saccade.__all__:
        assert getattr(saccade, name) is not None
    assert set(saccade.__all__) <= set(dir(saccade))
    with pytest.raises(AttributeError, match="no attribute 'explane'"):
        saccade.explane  # noqa: B018


def test_explain_stays_a_function_after_its_module_was_imported() -> None:
    import saccade.explanation

    assert callable(saccade.explain)
    assert callable(saccade.compare)
    assert callable(saccade.feature_maps)


# Which file imports which; also inside functions, and for types alone

ROOT = Path(saccade.__file__).parent


def modules(root: Path) -> dict[str, Path]:
    paths = {".".join(path.relative_to(root.parent).with_suffix("").parts): path for path in root.rglob("*.py")}
    return {name.removesuffix(".__init__"): path for name, path in paths.items()}


def imported(path: Path, names: Collection[str]) -> Iterator[str]:
    """Of these modules those that stand in an import anywhere in a file; a package where only its names are taken."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names if alias.name in names)
            case ast.ImportFrom(level=0, module=str(module)) if module in names:
                members = [f"{module}.{alias.name}" for alias in node.names]
                yield from (member if member in names else module for member in members)


def circle(root: Path) -> list[str]:
    """The modules of one circle of imports, the first again at the end; empty where there is none."""
    paths = modules(root)
    graph: Mapping[str, set[str]] = {name: set(imported(path, paths.keys())) for name, path in paths.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_imports_go_round_in_no_circle() -> None:
    assert circle(ROOT) == []


def test_no_import_is_relative() -> None:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in ROOT.rglob("*.py")]
    assert not [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]


@pytest.mark.parametrize(
    "back",
    [
        "import net.a",
        "from net.a import A",
        "from net import a",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from net.a import A",
        "def later():\n    from net.a import A",
    ],
)
def test_the_check_for_circles_can_fail(back: str, tmp_path: Path) -> None:
    root = tmp_path / "net"
    root.mkdir()
    for name, text in {"__init__": "", "a": "from net.b import B", "b": back}.items():
        (root / f"{name}.py").write_text(text)
    assert {*circle(root)} == {"net.a", "net.b"}
    (root / "b.py").write_text("import numpy")
    assert circle(root) == []


# What variables are called

PROJECT = ROOT.parent.parent
WRITTEN_IN = ("src", "tests", "benchmarks", "docs", "examples")
SAYS_NOTHING = {
    "asked", "found", "given", "held", "kept", "known", "made", "said", "seen", "taken", "told", "wanted",
}  # fmt: skip
"""A variable is called after what it holds, not after what was done with it."""


def names(source: str) -> Iterator[str]:
    """What is named here: variables, also of loops, parameters, attributes, and functions. Not what an import names."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name


def python_of(path: Path) -> str:
    """The Python of a file: all of a module, the examples of a document, the cells of a notebook."""
    text = path.read_text(encoding="utf-8")
    match path.suffix:
        case ".md":
            return "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.S | re.M))
        case ".ipynb":
            cells = json.loads(text)["cells"]
            return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return text


def test_variables_are_called_after_what_they_hold() -> None:
    paths = [
        path
        for folder in WRITTEN_IN
        for path in (PROJECT / folder).rglob("*")
        if path.suffix in (".py", ".md", ".ipynb")
    ]
    paths.append(PROJECT / "README.md")
    assert {path.suffix for path in paths} == {".py", ".md", ".ipynb"}
    assert not {
        f"{path.relative_to(PROJECT)}: {name}"
        for path in paths
        for name in SAYS_NOTHING.intersection(names(python_of(path)))
    }


def test_the_check_of_names_can_fail(tmp_path: Path) -> None:
    source = """
async def given(told, *, taken=None):
    for kept in told:
        found = [asked for asked in kept]
    with open(kept) as held:
        held.known = taken
    try:
        pass
    except ValueError as said:
        match said:
            case [wanted, *seen]:
                made: int = 1
"""
    assert {*names(source)} == SAYS_NOTHING
    (tmp_path / "a.md").write_text("Words.\n```python\nfound = 1\n```\n```sh\nls\n```\n```python\nkept = 2\n```\n")
    assert [*names(python_of(tmp_path / "a.md"))] == ["found", "kept"]
    notebook = {"cells": [{"cell_type": "code", "source": ["seen = 1\n", "seen"]}, {"cell_type": "raw", "source": []}]}
    (tmp_path / "a.ipynb").write_text(json.dumps(notebook))
    assert [*names(python_of(tmp_path / "a.ipynb"))] == ["seen"]
