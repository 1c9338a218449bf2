"""What a result depends on, as one number: a run that was stopped knows by it what is there already."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from saccade.encoder import Encoder
    from saccade.targets import Target


class FileState(NamedTuple):
    """What tells a file from a changed one, and from others.

    Attributes:
        path: Without links.
        size: In bytes; 0 for a file that is not there.
        time: Of its last change, in nanoseconds; likewise.
    """

    path: str
    size: int
    time: int


def fingerprint(*parts: Any) -> str:
    """Tell these things from any others: numbers, texts, arrays, paths, and lists, mappings and dataclasses of them.

    Anything else gets another fingerprint every time: what cannot be recognised is never taken for known.
    """
    text = json.dumps([_plain(part) for part in parts], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def encoder_fingerprint(encoder: Encoder) -> str:
    """Tell a model, its code layer and how it reads photos from others: the same wherever its file lies."""
    digest = hashlib.sha256(version("saccade").encode())
    digest.update(f"{encoder.layer} {encoder.recipe!r} {encoder.draws}".encode())
    for layer in encoder.layers.values():
        digest.update(repr(layer).encode())
    weights = encoder.network.weights()
    if not weights:  # a function of the user's own, which nothing tells from another
        digest.update(uuid.uuid4().bytes)
    for name, values in weights:
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def target_fingerprint(target: Target) -> Any:
    """Tell a target from others: by its text and the files that it reads; without a text it is never recognised."""
    from saccade.images import find

    if target.text is None:
        return uuid.uuid4().hex
    return [target.text, [file_state(path) for path in find(target.files)]]


def file_state(path: Path) -> FileState:
    """The state of a file now."""
    try:
        status = path.stat()
    except OSError:
        return FileState(str(path.resolve()), 0, 0)
    return FileState(str(path.resolve()), status.st_size, status.st_mtime_ns)


def _plain(value: Any) -> Any:
    """The value as JSON can hold it, without loss."""
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.ascontiguousarray(value)
        if array.dtype != object:
            return [str(array.dtype), list(array.shape), hashlib.sha256(array.tobytes()).hexdigest()]
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return uuid.uuid4().hex
