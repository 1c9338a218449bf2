"""Results on disk as numbers and text: files that are complete or not there at all."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.atomic_files import atomic_file
from saccade.errors import FileError
from saccade.images.files import expanded, unreadable


def save_arrays(path: str | os.PathLike[str], arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]) -> Path:
    """Write an `.npz`.

    Args:
        path: Where to.
        arrays: The numbers, by name.
        metadata: How they were made: anything that JSON can hold. It is kept under the name `metadata`.

    Returns:
        The path.

    Raises:
        FileError: The folder is missing or cannot be written.
    """
    with atomic_file(path) as part, part.open("wb") as file:
        np.savez_compressed(file, metadata=np.array(json.dumps(dict(metadata))), **arrays)  # type: ignore[arg-type]
    return Path(path)


@contextmanager
def opened_arrays(path: str | os.PathLike[str], *, most: int | None = None) -> Iterator[tuple[dict[str, Any], Any]]:
    """Open a saved `.npz`: how it was made, and its arrays by name.

    Args:
        path: The file.
        most: Bytes that all arrays together may take, where that is known; a few bytes of zip can hold gigabytes.

    Raises:
        FileError: Missing, damaged, or not saved by `save_arrays`; also when what is made of it in the block fails.
    """
    try:
        with _file(path).open("rb") as content, np.load(content, allow_pickle=False) as file:
            if most is not None and sum(member.file_size for member in file.zip.infolist()) > most:
                raise ValueError(f"more than {most} bytes")
            metadata = json.loads(str(file["metadata"]))
            if not isinstance(metadata, dict):
                raise TypeError(f"metadata is {type(metadata).__name__}")
            yield metadata, file
    except FileError:
        raise
    except Exception as error:  # whatever numpy, zip or zlib make of damaged bytes, or the block of what they hold
        raise FileError(f"{path} is damaged, or was not saved by saccade.") from error


def numbers(file: Any, name: str, axes: int) -> NDArray[Any]:
    """An array of a saved `.npz` that must hold real numbers along so many axes.

    Raises:
        KeyError: There is none of that name.
        ValueError: It holds something else.
    """
    array: NDArray[Any] = file[name]
    if array.dtype.kind != "f" or array.ndim != axes or not array.size:
        raise ValueError(f"{name} is {array.dtype} {array.shape}")
    return array


def _file(path: str | os.PathLike[str]) -> Path:
    try:
        place = expanded(path)
    except TypeError as error:
        raise FileError(f"{path!r:.60} is no path of a file; give one as text, such as 'map.npz'.") from error
    try:
        if not stat.S_ISREG(place.stat().st_mode):
            raise FileError(f"{place} is a folder, a device or a pipe; give the .npz file of a result.")
    except FileNotFoundError as error:
        raise FileError(f"no file {place}.") from error
    except (OSError, ValueError) as error:
        raise unreadable(place, error) from error
    return place
