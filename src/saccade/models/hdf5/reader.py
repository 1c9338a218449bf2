"""A program of its own that reads one HDF5 file for `saccade.models.hdf5.file`.

The HDF5 library ends the process on some damaged files, and on others it never comes back; no exception handler helps
against either. So it works here, with bounds on memory and processor time, and the process that shows the images gets
numbers and texts only. It imports nothing of saccade.

Standard input: one line of JSON `{"path": ..., "member": ...}` (member: of a zip archive, or null), then one line
`{"read": [names from the root to an array]}` for each array wanted. Standard output: one line of JSON with everything
but the numbers of the arrays, then for each request one line `{"bytes": n}` and the numbers, or `{"error": ...}`.
"""

from __future__ import annotations

import contextlib
import json
import lzma
import sys
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

try:
    import h5py
    import numpy as np
except ImportError:
    sys.exit(3)

_DAMAGE = (OSError, RuntimeError, ValueError, KeyError, TypeError, MemoryError)
_DEEPEST = 60
_MOST_MEMBERS = 200_000
_MOST_ITEMS = 1_000_000
_BASE_MEMORY = 4 * 2**30
_BASE_SECONDS = 8
_BYTES_A_SECOND = 20 * 2**20


def main() -> None:
    """Answer requests until standard input ends."""
    answers = sys.stdout.buffer
    request = json.loads(sys.stdin.buffer.readline())
    _set_bounds(Path(request["path"]).stat().st_size)
    try:
        file = h5py.File(_source(request["path"], request["member"]), "r")
        tree = _tree(file)
    except (*_DAMAGE, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error, lzma.LZMAError) as error:
        _answer(answers, {"error": _reason(error)})
        return
    _answer(answers, {"root": tree})
    for line in sys.stdin.buffer:
        try:
            numbers = _numbers(file, json.loads(line)["read"])
        except _DAMAGE as error:
            _answer(answers, {"error": _reason(error)})
            continue
        _answer(answers, {"bytes": numbers.nbytes})
        answers.write(numbers.reshape(-1).view(np.uint8).data)
        answers.flush()


def _set_bounds(size: int) -> None:
    """Let the system end this process when it takes too much memory or time."""
    try:
        import resource
    except ImportError:
        return  # Windows: the other side ends this process after a while
    for what, most in (
        (resource.RLIMIT_AS, _BASE_MEMORY + 4 * size),
        (resource.RLIMIT_CPU, _BASE_SECONDS + size // _BYTES_A_SECOND),
        (resource.RLIMIT_CORE, 0),
    ):
        # Some systems know a limit but do not take one.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, resource.getrlimit(what)[1]))


def _source(path: str, member: str | None) -> Any:
    if member is None:
        return path
    with zipfile.ZipFile(path) as archive:
        return BytesIO(archive.read(member))


def _answer(answers: BinaryIO, value: dict[str, Any]) -> None:
    answers.write(json.dumps(value).encode() + b"\n")
    answers.flush()


def _reason(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "it does not fit into memory"
    if isinstance(error, UnicodeDecodeError):
        return "it is no UTF-8 text"
    # A KeyError would put its own text between quotes.
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    return " ".join(str(text).split())[:200] or type(error).__name__


# The tree


def _tree(file: Any) -> dict[str, Any]:
    root = _group(file)
    waiting: list[tuple[Any, dict[str, Any], int]] = [(file, root["members"], 0)]
    visited = {_address(file)}
    count = 0
    while waiting:
        group, members, depth = waiting.pop()
        for name in group:
            count += 1
            if count > _MOST_MEMBERS:
                raise ValueError(f"it holds more than {_MOST_MEMBERS} groups and arrays")
            try:
                members[name], inner = _member(group, name, visited, depth)
            except _DAMAGE as error:
                members[name], inner = {"unreadable": f"cannot be read ({_reason(error)})"}, None
            if inner is not None:
                waiting.append((inner, members[name]["members"], depth + 1))
    return root


def _member(group: Any, name: str, visited: set[int], depth: int) -> tuple[dict[str, Any], Any]:
    link = group.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        return {"unreadable": "is a link to another place or file"}, None
    item = group[name]
    if isinstance(item, h5py.Dataset):
        return _array(item), None
    if not isinstance(item, h5py.Group):
        return {"unreadable": "is neither a group nor an array"}, None
    address = _address(item)
    if address in visited:
        return {"unreadable": "is a group that lies in two places"}, None
    if depth >= _DEEPEST:
        return {"unreadable": f"lies more than {_DEEPEST} groups deep"}, None
    visited.add(address)
    return _group(item), item


def _address(group: Any) -> int:
    return int(h5py.h5o.get_info(group.id).addr)


def _group(group: Any) -> dict[str, Any]:
    return {"attributes": dict(_attributes(group)), "members": {}}


def _array(item: Any) -> dict[str, Any]:
    stored = _stored_type(item.dtype)
    if stored is None:
        return {"unreadable": f"holds {_content(item.dtype)} instead of numbers"}
    if item.shape is None:
        return {"unreadable": "is empty"}
    if item.external or item.is_virtual:
        return {"unreadable": "lies in another file"}
    # A few bytes can claim any shape; a real array is never this much larger than what is stored.
    if item.nbytes > 1000 * item.id.get_storage_size() + 2**20:
        return {"unreadable": f"claims {item.nbytes:,} bytes, which are not in the file"}
    return {"shape": [int(size) for size in item.shape], "type": stored}


def _stored_type(kind: np.dtype[Any]) -> str | None:
    """As what numbers of this type are sent; None for what is no number."""
    if kind.kind == "V" and kind.itemsize == 2 and kind.names is None:
        return "<f4"  # bfloat16, which HDF5 does not know
    if kind.kind == "f":
        return f"<f{min(kind.itemsize, 8)}"
    if kind.kind in "iub":
        return kind.newbyteorder("<").str if kind.itemsize > 1 else kind.str
    return None


def _content(kind: np.dtype[Any]) -> str:
    return {"S": "text", "U": "text", "O": "text or lists", "c": "complex numbers"}.get(kind.kind, "records")


def _attributes(group: Any) -> Iterator[tuple[str, Any]]:
    for name in group.attrs:
        try:
            size = group.attrs.get_id(name).get_space().get_simple_extent_npoints()
            if size > _MOST_ITEMS:
                raise ValueError(f"it claims {size:,} items")
            yield name, _plain(group.attrs[name])
        except _DAMAGE as error:
            yield name, {"damaged": _reason(error)}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()]
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, (str, int, float)):
        return value
    raise TypeError("it is neither text nor a number")


# The numbers


def _numbers(file: Any, names: list[str]) -> np.ndarray:
    item = file
    for name in names:
        item = item[name]
    values = np.asarray(item[()])
    if values.dtype.kind == "V":
        values = (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    stored = _stored_type(values.dtype)
    if stored is None:
        raise TypeError("it holds no numbers")
    return np.ascontiguousarray(values, np.dtype(stored))


if __name__ == "__main__":
    main()
