"""What in an exported program (.pt2) could do more than compute?

`torch.export.load` unpickles whatever fails to load as plain weights, evaluates formulas of sizes as Python, builds
Python functions out of the names of the nodes, imports what the structure of the inputs names, and resolves operations
to any function that torch can reach. An honest file needs none of that. So every value is read along the schema by
which PyTorch reads it (`program_schema`), every text must be of the kind that belongs in its place (`program_texts`),
and its graphs must come to an end (`program_graphs`).
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

from saccade.models.torch.archive import Archive
from saccade.models.torch.pickles import DamagedPickle, check_inside, read_pickle
from saccade.models.torch.program_graphs import check_graphs
from saccade.models.torch.program_schema import SchemaReader
from saccade.models.torch.trust import Untrusted

_OLD_PROGRAM = "serialized_exported_program.json"
_PLAIN_PICKLE = re.compile(
    r"torch\._utils\._rebuild_(tensor|tensor_v2|parameter)|torch\.(storage\.)?\w+Storage|torch\.Size|torch\.device"
    r"|collections\.OrderedDict|torch\.(float|int|uint|bfloat|bool|complex)\d*"
)
_ITEM_SIZES = {
    "SHORT": 2, "INT": 4, "LONG": 8, "HALF": 2, "FLOAT": 4, "DOUBLE": 8, "COMPLEXHALF": 4, "COMPLEXFLOAT": 8,
    "COMPLEXDOUBLE": 16, "BFLOAT16": 2, "UINT16": 2, "UINT32": 4, "UINT64": 8,
}  # fmt: skip


def is_program(archive: Archive) -> bool:
    """Is this an exported program?"""
    return _OLD_PROGRAM in archive.sizes or any(name.startswith("models/") for name in archive.sizes)


def check_program(archive: Archive) -> None:
    """Look at everything that PyTorch would read of an exported program.

    Raises:
        Untrusted: Something in it could do more than compute.
        FileError: It is damaged.
    """
    from torch._export.serde import schema

    for name in archive.sizes:
        last = name.rsplit("/", 1)[-1]
        if "aotinductor/" in name or last.endswith((".so", ".dll", ".dylib")):
            raise Untrusted("compiled machine code")
        if last.startswith(("custom_obj", "opaque_obj")):
            raise Untrusted("pickled objects")
        if name.startswith("models/") or name == _OLD_PROGRAM:
            check_graphs(archive, SchemaReader(archive, name, schema).read(schema.ExportedProgram))
        elif last.endswith((".pt", ".pkl")) or last.startswith(("serialized_state", "serialized_const")):
            _check_tensors(archive, name)
        elif last.endswith("_config.json") and name.startswith(("data/weights/", "data/constants/")):
            payload = SchemaReader(archive, name, schema).read(schema.PayloadConfig)
            _check_payload(archive, name, payload["config"], schema)


def _check_tensors(archive: Archive, name: str) -> None:
    """Tensors as `torch.save` writes them: an archive in the archive."""
    inner = archive.tensors(name)
    if isinstance(inner, bytes):
        if not inner:
            return
        raise Untrusted(f"pickled objects ({name!r})")
    if "constants.pkl" in inner.sizes:
        raise Untrusted(f"a script where tensors are expected ({name!r})")
    try:
        pickled = read_pickle(io.BytesIO(inner.read("data.pkl")))
    except DamagedPickle as error:
        raise archive.damaged(f"{error} ({name!r})") from error
    if not all(_PLAIN_PICKLE.fullmatch(qualified_name) for qualified_name in pickled.names):
        raise Untrusted(f"pickled objects ({name!r})")
    for key, size in pickled.storages.items():
        if inner.sizes.get(f"data/{key}") != size:
            raise archive.damaged(f"a tensor in {name!r} is not all there")


def _check_payload(archive: Archive, name: str, entries: Mapping[str, Any], schema: Any) -> None:
    folder = name.rpartition("/")[0]
    for path, entry in entries.items():
        if entry["use_pickle"]:
            raise Untrusted(f"pickled weights ({path!r})")
        meta = entry["tensor_meta"]
        member = f"{folder}/{entry['path_name']}"
        if meta is None or member not in archive.sizes:
            raise archive.damaged(f"the numbers of {path!r} are missing")
        item_size = _ITEM_SIZES.get(schema.ScalarType(meta["dtype"]).name, 1)
        size, stride = ([each.get("as_int") for each in meta[key]] for key in ("sizes", "strides"))
        try:
            check_inside(size, stride, meta["storage_offset"].get("as_int"), archive.sizes[member] // item_size)
        except DamagedPickle as error:
            raise archive.damaged(f"{error} ({path!r})") from error
