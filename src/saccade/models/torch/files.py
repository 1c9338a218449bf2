"""Opening the files in which PyTorch models are kept.

.pt2 (torch.export)          opened; the whole computation lies in it
TorchScript .pt, .ts         opened; its parts are compiled and cannot be read one by one
a pickled module .pt, .pth   only with trust, because unpickling runs code from the file
weights .pt, .safetensors    hold no computation: a factory is needed as well
"""

from __future__ import annotations

import logging
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from saccade.errors import FileError, ModelError
from saccade.models.torch.network import TorchNetwork
from saccade.models.torch.sizes import InputShape
from saccade.models.torch.trust import untrusted_in_program, untrusted_in_script
from saccade.models.torch.weights import (
    check_not_empty,
    entries_of,
    found_weights,
    is_safetensors,
    load_torch_weights,
    pickled_classes,
    plain_content,
)

__all__ = ["load_torch_weights", "open_torch_file"]


def open_torch_file(path: Path, *, trust: bool = False, input_shape: InputShape | None = None) -> TorchNetwork:
    """Open a PyTorch model from a file.

    Args:
        path: `.pt2`, TorchScript, or (with trust) a pickled module.
        trust: Let code that lies in the file run.
        input_shape: Height and width (None: free) and channels, for models that do not say.

    Raises:
        FileError: Missing, empty or damaged.
        ModelError: Not a model, or one that must not be opened without trust.
    """
    check_not_empty(path)
    if is_safetensors(path):
        raise _only_weights(path)
    entries = entries_of(path)
    if any(entry in ("models/model.json", "serialized_exported_program.json") for entry in entries):
        _check_trust(path, trust, untrusted_in_program)
        return _exported(path, input_shape)
    if "constants.pkl" in entries and any(entry.startswith("code/") for entry in entries):
        _check_trust(path, trust, untrusted_in_script)
        return _script(path, input_shape)
    if entries and "data.pkl" not in entries:
        raise ModelError(
            f"{path.name} is a zip archive but no PyTorch model; it holds {', '.join(sorted(entries)[:3])}. Give a "
            ".pt2, a TorchScript .pt, or package.module:factory."
        )
    return _pickled(path, trust, input_shape)


def _check_trust(path: Path, trust: bool, untrusted_in: Callable[[Path], str | None]) -> None:
    try:
        found = None if trust else untrusted_in(path)
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError) as error:
        raise _damaged(path, error) from error
    if found is not None:
        raise ModelError(
            f"{path.name} holds {found}, which could run code of its own; give --trust if the file is your own, or "
            "save the model again with torch.export.save."
        )


def _exported(path: Path, input_shape: InputShape | None) -> TorchNetwork:
    import torch

    try:
        with _quietly():
            program = torch.export.load(path)
            module = torch.export.unflatten(program)
    except Exception as error:
        raise _damaged(path, error) from error
    signature = program.graph_signature.user_inputs
    inputs = [node for node in program.graph.nodes if node.op == "placeholder" and node.name in signature]
    if len(inputs) != 1:
        raise ModelError(
            f"{path.name} takes {len(inputs)} inputs; saccade explains models that take one picture. Export a module "
            "of one input."
        )
    value = inputs[0].meta["val"]
    shape = tuple(getattr(value, "shape", ()))
    if len(shape) != 4:
        raise ModelError(f"{path.name} takes input of shape {shape}; a picture needs (batch, channels, height, width).")
    batch, channels, height, width = (each if isinstance(each, int) else None for each in shape)
    if input_shape is None and channels is not None:
        input_shape = height, width, channels
    return TorchNetwork(module, input_shape=input_shape, fixed_batch=batch, name=path.stem)


def _script(path: Path, input_shape: InputShape | None) -> TorchNetwork:
    import torch

    try:
        with _quietly():
            module = torch.jit.load(str(path), map_location="cpu")
    except Exception as error:
        raise _damaged(path, error) from error
    return TorchNetwork(module, input_shape=input_shape, name=path.stem)


def _pickled(path: Path, trust: bool, input_shape: InputShape | None) -> TorchNetwork:
    import torch

    if not trust or not pickled_classes(path):
        content = plain_content(path)
        found_weights(content, path)
        raise _only_weights(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=False)
    except (ImportError, AttributeError) as error:
        raise ModelError(
            f"{path.name} needs the Python code that the model was made with: {error}. Run saccade in the folder where "
            "that code lies, or give package.module:factory --weights FILE."
        ) from error
    except Exception as error:
        raise _damaged(path, error) from error
    if not isinstance(content, torch.nn.Module):
        found_weights(content, path)
        raise _only_weights(path)
    return TorchNetwork(content, input_shape=input_shape, name=path.stem)


def _only_weights(path: Path) -> ModelError:
    return ModelError(
        f"{path.name} holds weights but not the model they belong to; give the function that makes it as well: "
        f"package.module:factory --weights {path.name}"
    )


def _damaged(path: Path, error: Exception) -> FileError:
    lines = str(error).strip().splitlines()
    reason = lines[0][:160] if lines else type(error).__name__
    return FileError(f"{path} is damaged or was made by another version of PyTorch: {reason}")


@contextmanager
def _quietly() -> Iterator[None]:
    """Torch warns that its own formats will change, and logs what is raised anyway."""

    def nothing(_record: Any) -> bool:
        return False

    loggers = [logging.getLogger(name) for name in ("torch.export", "torch.export.pt2_archive._package")]
    for each in loggers:
        each.addFilter(nothing)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for each in loggers:
            each.removeFilter(nothing)
