"""Files of PyTorch for tests: honest ones, and the same with other members."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import nn


def exported(net: nn.Module, path: Path, *, free: bool) -> Path:
    """An exported program for pictures of 32 x 48, or of free sizes."""
    free_sides = ({0: torch.export.Dim.AUTO, 2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO},)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(net, (torch.rand(2, 3, 32, 48),), dynamic_shapes=free_sides if free else None)
        torch.export.save(program, path)
    return path


def scripted(net: nn.Module, path: Path, *, traced: bool = False) -> Path:
    """A TorchScript archive."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = torch.jit.trace(net, torch.rand(1, 3, 32, 32), check_trace=False) if traced else torch.jit.script(net)
        script.save(path)
    return path


def members(path: Path) -> dict[str, bytes]:
    """What lies in an archive."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(contents: Mapping[str, bytes], path: Path) -> Path:
    """An archive of these members."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def rewritten(path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """The same archive with changed members."""
    return packed({name: change(name, content) for name, content in members(path).items()}, path.with_stem("changed"))


def code_of(contents: Mapping[str, bytes], class_name: str) -> str:
    """The member of a TorchScript archive that holds the code of a class."""
    start = f"class {class_name}(".encode()
    return next(name for name, content in contents.items() if name.endswith(".py") and start in content)


def with_line(contents: Mapping[str, bytes], class_name: str, line: str) -> dict[str, bytes]:
    """The same archive with another line at the beginning of the `forward` of a class."""
    name = code_of(contents, class_name)
    start = re.search(
        rf"class {class_name}\(.*?def forward\(self[^)]*\) -> Tensor:\n".encode(), contents[name], re.DOTALL
    )
    assert start is not None
    code = contents[name]
    return {**contents, name: code[: start.end()] + b"    " + line.encode() + b"\n" + code[start.end() :]}
