"""Python code that lies beside a trusted file: importable while the file is opened, and forgotten afterwards."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from saccade.errors import ModelError
from saccade.models.messages import plain_sentence

_LARGEST = 2**20
_MOST_FILES = 200
_LIBRARIES = ("site-packages", "dist-packages")
_DEFINING = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Pass)


@contextmanager
def importable(folder: Path) -> Iterator[list[str]]:
    """Inside the block modules in a folder, and in the current one, can be imported.

    Afterwards the process knows none of those in the folder any more, since the next file may have other code of the
    same name beside it, and no class that they registered with Keras, since the next file may not be trusted. A folder
    from which the process imports anyway is left as it is.

    Args:
        folder: The folder.

    Yields:
        A list that holds, afterwards, the names of the modules that were imported from it.
    """
    folder = folder.resolve()
    paths = [path for path in dict.fromkeys((str(folder), str(Path.cwd()))) if path not in sys.path]
    is_own = folder in {Path(path or ".").resolve() for path in sys.path}
    registered_before = set(_registered())
    modules_before = set(sys.modules)
    libraries = next((k for k, path in enumerate(sys.path) if Path(path).name in _LIBRARIES), len(sys.path))
    sys.path[libraries:libraries] = paths  # behind Python's own modules: a file beside may be called as one of them
    importlib.invalidate_caches()
    ran: list[str] = []
    try:
        yield ran
    finally:
        for path in paths:
            if path in sys.path:
                sys.path.remove(path)
        ran += sorted(name for name in set(sys.modules) - modules_before if _lies_in(name, folder))
        if not is_own:
            _forget(ran, set(_registered()) - registered_before)


class ClassesBeside(Mapping[str, Any]):
    """The classes and functions that modules in a folder define, imported when they are asked for.

    For files that call them by name and do not say where they are defined, or were written by the very script that
    defines them. Names of Keras's own layers are not among them.

    Args:
        folder: The folder, which must be importable.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> Any:
        bare = name.rpartition(">")[2]  # Keras writes the package before it
        files = self._files.get(bare, [])
        if not files:
            raise KeyError(name)
        if len(files) > 1:
            listed = ", ".join(path.name for path in files)
            raise ModelError(f"{bare} is defined in several files beside the model ({listed}); keep one of them there.")
        path = files[0]
        if not _only_defines(self._trees[path]):
            raise ModelError(
                f"{bare} is defined in {path.name}, which does more than define when it is imported; move the class "
                "into a module of its own beside the file."
            )
        try:
            return getattr(importlib.import_module(path.stem), bare)
        except Exception as error:  # it is anybody's code
            raise ModelError(f"importing {path} failed: {plain_sentence(error)}.") from error

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.rpartition(">")[2] in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    @cached_property
    def _trees(self) -> dict[Path, ast.Module]:
        trees = {}
        for path in sorted(self._folder.glob("*.py"))[:_MOST_FILES]:
            try:
                if path.stem.isidentifier() and path.stat().st_size <= _LARGEST:
                    trees[path] = ast.parse(path.read_bytes())
            except (OSError, SyntaxError, ValueError, RecursionError):
                continue  # it defines nothing that could be imported
        return trees

    @cached_property
    def _files(self) -> dict[str, list[Path]]:
        """Which files define a name."""
        own = set(dir(sys.modules["keras"].layers)) if "keras" in sys.modules else set()
        files: dict[str, list[Path]] = {}
        for path, tree in self._trees.items():
            for part in tree.body:
                if isinstance(part, (ast.ClassDef, ast.FunctionDef)) and part.name not in own:
                    files.setdefault(part.name, []).append(path)
        return files


def _only_defines(tree: ast.Module) -> bool:
    """Does importing it run nothing but definitions?"""
    return all(_is_definition(part) for part in tree.body)


def _is_definition(part: ast.stmt) -> bool:
    if isinstance(part, _DEFINING):
        return True
    if isinstance(part, (ast.Assign, ast.AnnAssign)):
        return part.value is None or not any(isinstance(inner, ast.Call) for inner in ast.walk(part.value))
    if isinstance(part, ast.Expr):
        return isinstance(part.value, ast.Constant)
    if isinstance(part, ast.Try):
        handlers = [inner for handler in part.handlers for inner in handler.body]
        return all(map(_is_definition, [*part.body, *handlers, *part.orelse, *part.finalbody]))
    return isinstance(part, ast.If) and "__main__" in ast.unparse(part.test) and "__name__" in ast.unparse(part.test)


def _lies_in(name: str, folder: Path) -> bool:
    """Was the module, or the package around it, found right in this folder? What lies deeper may be a library's."""
    module = sys.modules.get(name.partition(".")[0])
    file, package = getattr(module, "__file__", None), list(getattr(module, "__path__", None) or [])
    places = package or ([file] if isinstance(file, str) else [])
    return any(Path(place).resolve().parent == folder for place in places)


def _forget(modules: list[str], keys: set[str]) -> None:
    registered = _registered()
    for key in keys:
        if getattr(registered[key], "__module__", None) in modules:
            del registered[key]
    for name in modules:
        del sys.modules[name]


def _registered() -> dict[str, Any]:
    """What this process has registered with Keras, if it has loaded it."""
    keras = sys.modules.get("keras")
    saving = getattr(keras, "saving", None)
    return {} if saving is None else saving.get_custom_objects()
