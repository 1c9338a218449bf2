"""The package as a whole: nothing heavy is loaded by importing it, every name is exported once, settings are alike."""

from __future__ import annotations

import ast
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

SAYS_NOTHING = {
    "asked", "found", "given", "held", "kept", "known", "made", "said", "seen", "taken", "told", "wanted",
}  # fmt: skip
"""A variable is called after what it holds, not after what was done with it."""


def variables(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name


def test_variables_are_called_after_what_they_hold() -> None:
    assert not {
        f"{path.relative_to(ROOT)}: {name}"
        for path in ROOT.rglob("*.py")
        for name in SAYS_NOTHING.intersection(variables(path.read_text(encoding="utf-8")))
    }


def test_the_check_of_names_can_fail() -> None:
    assert {*variables("def f(told):\n    for kept in told:\n        found = [asked for asked in kept]")} == {
        "asked",
        "found",
        "kept",
        "told",
    }
