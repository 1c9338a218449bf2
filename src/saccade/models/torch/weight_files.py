"""Reading the weights in a file: safetensors, or what `torch.save` wrote of tensors and plain containers.

Nothing is unpickled but what PyTorch's own list allows, and no tensor is larger than what the file holds of it. Where
a training program left objects of classes beside the weights, such as its settings, the weights are read without them.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from saccade.errors import FileError, MissingPackage, ModelError
from saccade.models.messages import plain_sentence
from saccade.models.torch.archive import Archive, is_archive
from saccade.models.torch.pickles import DamagedPickle, Pickled, StoredTensor, read_pickle
from saccade.models.torch.programs import is_program
from saccade.models.torch.script_code import is_script
from saccade.typing import Tensor

Weights = dict[str, Tensor]

_DEEPEST = 4
"""How many containers deep the weights of a checkpoint may lie."""
_LONGEST_HEADER = 100_000_000
"""As in safetensors itself."""
_LONGEST_PICKLES = 2**24
_PICKLES_BEFORE_CONTENT = 3
"""In files of before PyTorch 1.6: a magic number, a version, and how the machine stored numbers."""
_OF_OLD_FILES = frozenset({
    "collections.OrderedDict", "torch._utils._rebuild_parameter", "torch._utils._rebuild_tensor_v2",
    *(f"torch.{kind}Storage" for kind in ("Bool", "Byte", "Char", "Double", "Float", "Half", "Int", "Long", "Short")),
})  # fmt: skip
"""What weights alone name in files of before PyTorch 1.6."""
_KINDS = {
    "Bool": "bool", "Byte": "uint8", "Char": "int8", "Short": "int16", "Half": "float16", "BFloat16": "bfloat16",
    "Int": "int32", "Float": "float32", "Long": "int64", "Double": "float64",
}  # fmt: skip


@dataclass(frozen=True)
class Checkpoint:
    """What a file of weights holds.

    Attributes:
        entries: The weights by name, under the containers in which they lie (`"teacher"`; `""` at the top).
        passed_over: The classes of objects beside them that were not brought back; empty where there are none.
    """

    entries: Mapping[str, Weights]
    passed_over: str = ""


def checkpoint_in(path: Path, *, trust: bool = False) -> Checkpoint:
    """The weights in a safetensors file or in what `torch.save` wrote, by container and name.

    Args:
        path: The file.
        trust: Let code that lies in the file run, where there is no other way to its weights.

    Raises:
        FileError: Missing, empty or damaged.
        ModelError: The file holds something else.
    """
    check_not_empty(path)
    if is_safetensors(path):
        return Checkpoint({"": read_safetensors(path)})
    if is_archive(path):
        archive = Archive(path)
        if is_program(archive) or is_script(archive):
            raise ModelError(f"{path.name} is a model of its own, not weights; give it as the model.")
    content, passed_over = _content(path, trust)
    entries = dict(_weights_within(content))
    if not entries:
        raise ModelError(f"{path.name} holds no weights but a {type(content).__name__}.")
    return Checkpoint(entries, passed_over)


def pickled_classes(path: Path) -> str:
    """The classes whose objects a file of `torch.save` holds, read without unpickling; empty if it cannot be told."""
    import torch

    try:
        if is_archive(path):
            names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        else:
            names = sorted(_old_content(path).names - _OF_OLD_FILES)
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


def read_safetensors(path: Path) -> Weights:
    """The weights in a safetensors file, by name.

    Raises:
        FileError: It is damaged.
    """
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise MissingPackage.of("safetensors", "torch") from error
    try:
        return dict(load_file(path, device="cpu"))
    except (SafetensorError, ValueError, OSError, KeyError) as error:
        raise FileError(f"{path} is damaged: {plain_sentence(error)}; copy or download it again.") from error


def _content(path: Path, trust: bool) -> tuple[Any, str]:
    """What `torch.save` put into a file, without objects of classes, and which classes these are."""
    import torch

    check_sizes(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True), ""
    except pickle.UnpicklingError as error:
        classes = pickled_classes(path)
        if not classes:
            raise _damaged(path) from error
        content = _followed(path)
        if next(_weights_within(content), None) is not None:
            return content, classes
        if trust:
            return _unpickled(path), ""
        raise ModelError(
            f"{path.name} holds pickled Python objects ({classes}), and bringing them back runs code from the file. "
            "Save its weights with torch.save(model.state_dict(), 'weights.pt') and give package.module:factory "
            "--weights weights.pt; or give --trust if the file is your own."
        ) from error
    except Exception as error:
        raise _damaged(path) from error


def _unpickled(path: Path) -> Any:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=False)
    except Exception as error:  # a trusted file may run anything, and anything may go wrong
        raise ModelError(f"{path.name} cannot be unpickled: {plain_sentence(error)}.") from error


def _followed(path: Path) -> Any:
    """The same without unpickling: containers and tensors, with stand-ins for objects of any class."""
    if not is_archive(path):
        return None
    archive = Archive(path)
    if "byteorder" in archive.sizes and archive.read("byteorder") != b"little":
        return None
    return _Storages(archive).brought_back(read_pickle(io.BytesIO(archive.read("data.pkl"))).content)


class _Storages:
    """Tensors from an archive, each storage read once."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.storages: dict[str, Any] = {}

    def brought_back(self, content: Any) -> Any:
        """Mappings with every tensor in them; everything else is left out."""
        if isinstance(content, StoredTensor):
            return self.tensor(content)
        if not isinstance(content, Mapping):
            return content
        inner = {name: self.brought_back(value) for name, value in content.items() if isinstance(name, str)}
        return {name: value for name, value in inner.items() if value is not None}

    def tensor(self, place: StoredTensor) -> Tensor | None:
        import torch

        if place.kind not in _KINDS:
            return None
        if place.key not in self.storages:
            self.storages[place.key] = self.archive.storage(f"data/{place.key}")
        empty = torch.empty(0, dtype=getattr(torch, _KINDS[place.kind]))
        return empty.set_(self.storages[place.key], place.offset, place.size, place.stride)


def _weights_within(content: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, Weights]]:
    """Every container of weights in what `torch.load` gave, wherever a training program put it."""
    if not isinstance(content, Mapping) or depth > _DEEPEST:
        return
    tensors = {str(key): value for key, value in content.items() if hasattr(value, "shape")}
    if tensors:
        yield name, tensors
    for key, value in content.items():
        if isinstance(key, str) and isinstance(value, Mapping):
            yield from _weights_within(value, f"{name}.{key}" if name else key, depth + 1)


def check_sizes(path: Path) -> None:
    """Raise FileError where tensors are larger than what a file of `torch.save` holds of them.

    PyTorch would make room for them first.
    """
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
    if sum(_old_content(path).storages.values()) > path.stat().st_size:
        raise DamagedPickle("a tensor in it is not all there")


def _old_content(path: Path) -> Pickled:
    """What a file of before PyTorch 1.6 holds: some pickles in a row, then all numbers."""
    with path.open("rb") as file:
        start = io.BytesIO(file.read(_LONGEST_PICKLES))
    try:
        for _ in range(_PICKLES_BEFORE_CONTENT):
            read_pickle(start)
    except DamagedPickle as error:
        raise _damaged(path) from error
    return read_pickle(start)


def _damaged(path: Path) -> FileError:
    return FileError(f"{path} is damaged or no file of PyTorch's; copy or download it again.")
