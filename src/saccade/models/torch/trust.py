"""What in a torch program would run code of its own when it is opened?

`torch.export.load` unpickles whatever fails to load as plain weights, evaluates size formulas as Python, and resolves
operation names to any function that torch can reach; TorchScript can write files. An honest file needs none of that,
so a file that holds it is only opened when the caller trusts it.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_OPERATION = re.compile(
    r"torch\.ops\.(?!load_library\b|import_module\b|_)\w+\.(?!from_file\b|save\b)\w+(\.\w+)?"
    r"|torch\._?sym_\w+|math\.\w+"
    r"|_operator\.(add|sub|mul|floordiv|truediv|mod|neg|pow|eq|ne|lt|le|gt|ge|and_|or_|not_|getitem|lshift|rshift)"
)
_NAME_OF_A_SIZE = re.compile(r"Symbol\('\w+'")
_CALLED = re.compile(r"([A-Za-z_]\w*)\s*\(")
_SCRIPT_REACHES_OUT = re.compile(rb"\b(torch\.save|from_file)\b")


def untrusted_in_script(path: Path) -> str | None:
    """What in a TorchScript archive reaches out of it; None when nothing does."""
    with zipfile.ZipFile(path) as archive:
        code = [name for name in archive.namelist() if "/code/" in f"/{name}" and name.endswith(".py")]
        if any(_SCRIPT_REACHES_OUT.search(archive.read(name)) for name in code):
            return "a script that reads or writes files"
    return None


def untrusted_in_program(path: Path) -> str | None:
    """The first thing in an exported program that could run code of its own; None when there is none."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if len(set(names)) < len(names):
            return "two entries of one name"
        return next(filter(None, (_in_entry(name, archive) for name in names)), None)


def _in_entry(name: str, archive: zipfile.ZipFile) -> str | None:
    last = name.rsplit("/", 1)[-1]
    if "aotinductor/" in name or last.endswith((".so", ".dll", ".dylib")):
        return "compiled machine code"
    if last.startswith(("custom_obj", "opaque_obj")):
        return "pickled objects"
    if last.endswith((".pt", ".pkl")) or last.startswith(("serialized_state", "serialized_const")):
        return None if _is_plain(archive.read(name)) else "pickled objects"
    return _in_json(json.loads(archive.read(name))) if last.endswith(".json") else None


def _is_plain(content: bytes) -> bool:
    """Only tensors and plain containers, so that loading it cannot fall back to unpickling?"""
    import torch

    if not content:
        return True
    try:
        torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    except Exception:
        return False
    return True


def _in_json(content: Any) -> str | None:
    for each in _dicts(content):
        if each.get("use_pickle"):
            return "pickled weights"
        formula = each.get("expr_str")
        if isinstance(formula, str) and not _is_size(formula):
            return f"a size formula that is none ({formula[:40]!r})"
        target = each.get("target")
        if isinstance(target, str) and "inputs" in each and not _is_operation(target):
            return f"a call of {target[:60]!r}"
    return None


def _is_operation(target: str) -> bool:
    return "__" not in target and _OPERATION.fullmatch(target) is not None


def _is_size(formula: str) -> bool:
    """A formula of symbols, whole numbers and sympy's own functions; no text that could be evaluated again."""
    rest = _NAME_OF_A_SIZE.sub("Symbol(", formula)
    if re.search(r"['\"\[\]{}\\;:@`]|__|\.\s*[A-Za-z_]|\blambda\b", rest):
        return False
    return all(name[0].isupper() and name != "S" for name in _CALLED.findall(rest))


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from _dicts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _dicts(each)
