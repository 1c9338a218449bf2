"""Putting the weights of a file into a live torch module."""

from __future__ import annotations

import pickle
import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from saccade.errors import FileError, MissingPackage, ModelError
from saccade.typing import Tensor

Weights = dict[str, Tensor]

_NESTED = ("state_dict", "model_state_dict", "model", "net", "network", "weights")
"""Where training programs keep the weights inside a checkpoint."""
_PREFIXES = ("module.", "model.", "_orig_mod.", "net.", "network.")
"""What wrappers put before every name."""


def load_torch_weights(module: Any, path: Path) -> None:
    """Fill a module with the weights of a safetensors file or a weights-only `.pt`.

    Wrappers' prefixes (`module.`, `model.`) and nesting under `state_dict` are undone. On failure the module keeps the
    weights it had.

    Raises:
        FileError: Missing, empty or damaged.
        ModelError: The file holds something else, or weights of another model.
    """
    import torch

    given = weights_in(path)
    expected = dict(module.state_dict())
    named = min(_renamed(given), key=lambda weights: len(_mismatch(weights, expected)))
    wrong = _mismatch(named, expected)
    if wrong:
        more = f", and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ModelError(
            f"the weights in {path.name} do not fit {type(module).__name__}: {', '.join(wrong[:3])}{more}. Give the "
            "factory that made the model these weights were saved from."
        )
    before = {name: tensor.clone() for name, tensor in expected.items() if hasattr(tensor, "clone")}
    try:
        module.load_state_dict({**expected, **named})
    except RuntimeError as error:
        with torch.no_grad():
            for name, values in before.items():
                expected[name].copy_(values)
        reason = " ".join(str(error).split())
        raise ModelError(f"the weights in {path.name} do not fit {type(module).__name__}: {reason}") from error


def weights_in(path: Path) -> Weights:
    """The weights in a safetensors file or a weights-only `.pt`, by name.

    Raises:
        FileError: Missing, empty or damaged.
        ModelError: The file holds something else.
    """
    check_not_empty(path)
    if is_safetensors(path):
        return _safetensors(path)
    if any(entry.startswith(("code/", "models/")) for entry in entries_of(path)):
        raise ModelError(f"{path.name} is a model of its own, not weights; give it as the model.")
    return found_weights(plain_content(path), path)


def found_weights(content: Any, path: Path) -> Weights:
    """The weights in what `torch.load` gave, wherever a training program put them."""
    while isinstance(content, Mapping):
        tensors = {str(name): each for name, each in content.items() if hasattr(each, "shape")}
        if tensors:
            return tensors
        inner = next((content[key] for key in _NESTED if isinstance(content.get(key), Mapping)), None)
        if inner is None:
            break
        content = inner
    raise ModelError(f"{path.name} holds no weights but a {type(content).__name__}.")


def plain_content(path: Path) -> Any:
    """What `torch.save` put into a file, as long as it is tensors and plain containers; nothing is unpickled.

    Raises:
        FileError: Damaged, or not a file of torch.
        ModelError: It holds Python objects, which only unpickling would bring back.
    """
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        held = pickled_classes(path)
        if not held:
            raise FileError(f"{path} is damaged or no file of PyTorch's; copy or download it again.") from error
        raise ModelError(
            f"{path.name} holds pickled Python objects ({held}), and bringing them back runs code from the file. Save "
            "its weights with torch.save(model.state_dict(), 'weights.pt') and give package.module:factory --weights "
            "weights.pt; or give --trust if the file is your own."
        ) from error
    except Exception as error:
        raise FileError(f"{path} is damaged or no file of PyTorch's; copy or download it again.") from error


def pickled_classes(path: Path) -> str:
    """The classes whose objects a file of `torch.save` holds, read without unpickling; empty if it cannot be told."""
    import torch

    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:
        # A file of another or a damaged kind; the caller says so.
        return ""
    own = [name for name in names if not name.startswith("torch.")] or names
    return ", ".join(own[-2:]) + (", ..." if len(own) > 2 else "")


def check_not_empty(path: Path) -> None:
    """Raise FileError for a missing or empty file."""
    if not path.is_file():
        raise FileError(f"no file {path}.")
    if path.stat().st_size == 0:
        raise FileError(f"{path} is empty.")


def entries_of(path: Path) -> set[str]:
    """What lies in an archive, with and without the folder around it; empty for files that are no archive."""
    with path.open("rb") as file:
        is_archive = file.read(2) == b"PK"
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile as error:
        if is_archive:
            raise FileError(f"{path} is damaged: the archive's end is missing; copy or download it again.") from error
        return set()
    return set(names) | {name.partition("/")[2] for name in names if "/" in name}


def is_safetensors(path: Path) -> bool:
    """Does the file begin as safetensors do: the length of a JSON header, then the header?"""
    with path.open("rb") as file:
        start = file.read(9)
    return len(start) == 9 and start[8:] == b"{" and struct.unpack("<Q", start[:8])[0] < 2**32


def _safetensors(path: Path) -> Weights:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise MissingPackage.of("safetensors", "torch") from error
    try:
        return dict(load_file(path, device="cpu"))
    except (SafetensorError, ValueError, OSError) as error:
        raise FileError(f"{path} is damaged: {error}; copy or download it again.") from error


def _renamed(weights: Weights) -> Iterator[Weights]:
    """The weights under the names they may have had before wrappers changed them."""
    yield weights
    while prefix := next((each for each in _PREFIXES if any(name.startswith(each) for name in weights)), None):
        # Beside the model a checkpoint may hold what only its training needed.
        weights = {name.removeprefix(prefix): each for name, each in weights.items() if name.startswith(prefix)}
        yield weights


def _mismatch(weights: Weights, expected: Mapping[str, Any]) -> list[str]:
    missing = [
        f"{name!r} is missing" for name in expected if name not in weights and not name.endswith("num_batches_tracked")
    ]
    foreign = [f"{name!r} is not in the model" for name in weights if name not in expected]
    shaped = [
        f"{name!r} has shape {tuple(each.shape)}, the model needs {tuple(expected[name].shape)}"
        for name, each in weights.items()
        if name in expected and hasattr(expected[name], "shape") and each.shape != expected[name].shape
    ]
    return [*missing, *foreign, *shaped]
