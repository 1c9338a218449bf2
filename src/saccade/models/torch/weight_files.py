"""Reading the weights in a file: safetensors, or what `torch.save` wrote of tensors and plain containers.

Nothing is unpickled but what PyTorch's own list allows, and no tensor is larger than what the file holds of it.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from saccade.errors import FileError, MissingPackage, ModelError
from saccade.models.messages import plain_sentence
from saccade.models.torch.archive import Archive, is_archive
from saccade.models.torch.pickles import DamagedPickle, read_pickle
from saccade.models.torch.programs import is_program
from saccade.models.torch.script_code import is_script
from saccade.typing import Tensor

Weights = dict[str, Tensor]

_NESTED = ("state_dict", "model_state_dict", "model", "net", "network", "weights")
"""Where training programs keep the weights inside a checkpoint."""
_LONGEST_HEADER = 100_000_000
"""As in safetensors itself."""
_LONGEST_PICKLES = 2**24
_PICKLES_BEFORE_CONTENT = 3
"""In files of before PyTorch 1.6: a magic number, a version, and how the machine stored numbers."""


def weights_in(path: Path) -> Weights:
    """The weights in a safetensors file or a weights-only `.pt`, by name.

    Raises:
        FileError: Missing, empty or damaged.
        ModelError: The file holds something else.
    """
    check_not_empty(path)
    if is_safetensors(path):
        return _safetensors(path)
    if is_archive(path):
        archive = Archive(path)
        if is_program(archive) or is_script(archive):
            raise ModelError(f"{path.name} is a model of its own, not weights; give it as the model.")
    return weights_among(plain_content(path), path)


def weights_among(content: Any, path: Path) -> Weights:
    """The weights in what `torch.load` gave, wherever a training program put them."""
    while isinstance(content, Mapping):
        tensors = {str(name): value for name, value in content.items() if hasattr(value, "shape")}
        if tensors:
            return tensors
        inner = next((content[key] for key in _NESTED if isinstance(content.get(key), Mapping)), None)
        if inner is None:
            break
        content = inner
    raise ModelError(f"{path.name} holds no weights but a {type(content).__name__}.")


def plain_content(path: Path) -> Any:
    """What `torch.save` put into a file, as long as it is tensors and plain containers.

    Raises:
        FileError: Damaged, or not a file of torch.
        ModelError: It holds Python objects, which only unpickling would bring back.
    """
    import torch

    _check_sizes(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        classes = pickled_classes(path)
        if not classes:
            raise _damaged(path) from error
        raise ModelError(
            f"{path.name} holds pickled Python objects ({classes}), and bringing them back runs code from the file. "
            "Save its weights with torch.save(model.state_dict(), 'weights.pt') and give package.module:factory "
            "--weights weights.pt; or give --trust if the file is your own."
        ) from error
    except Exception as error:
        raise _damaged(path) from error


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


def is_safetensors(path: Path) -> bool:
    """Does the file begin as safetensors do: the length of a JSON header, then the header?"""
    with path.open("rb") as file:
        start = file.read(9)
    return len(start) == 9 and start[8:] == b"{" and struct.unpack("<Q", start[:8])[0] <= _LONGEST_HEADER


def _check_sizes(path: Path) -> None:
    """Raise FileError where tensors are larger than what the file holds of them; PyTorch would make room first."""
    try:
        if not is_archive(path):
            _check_old_sizes(path)
            return
        archive = Archive(path)
        if "data.pkl" in archive.sizes:
            pickled = read_pickle(io.BytesIO(archive.read("data.pkl")))
            for key, size in pickled.storages.items():
                if archive.sizes.get(f"data/{key}") != size:
                    raise DamagedPickle("a tensor in it is not all there")
    except DamagedPickle as error:
        raise FileError(f"{path} is damaged: {error}; copy or download it again.") from error


def _check_old_sizes(path: Path) -> None:
    """A file of before PyTorch 1.6: some pickles in a row, then all numbers."""
    with path.open("rb") as file:
        start = io.BytesIO(file.read(_LONGEST_PICKLES))
    try:
        for _ in range(_PICKLES_BEFORE_CONTENT):
            read_pickle(start)
    except DamagedPickle as error:
        raise _damaged(path) from error
    pickled = read_pickle(start)
    if sum(pickled.storages.values()) > path.stat().st_size:
        raise DamagedPickle("a tensor in it is not all there")


def _damaged(path: Path) -> FileError:
    return FileError(f"{path} is damaged or no file of PyTorch's; copy or download it again.")


def _safetensors(path: Path) -> Weights:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise MissingPackage.of("safetensors", "torch") from error
    try:
        return dict(load_file(path, device="cpu"))
    except (SafetensorError, ValueError, OSError, KeyError) as error:
        raise FileError(f"{path} is damaged: {plain_sentence(error)}; copy or download it again.") from error
