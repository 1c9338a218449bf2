"""Results on disk as plain numbers: an `.npz` that is complete or not there at all, with its settings inside."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.atomic_files import atomic_file
from saccade.errors import FileError


def save_arrays(path: str | os.PathLike[str], arrays: Mapping[str, NDArray[Any]], made: Mapping[str, Any]) -> Path:
    """Write an `.npz` so that it appears only when it is whole.

    Args:
        path: Where to.
        arrays: The numbers, by name.
        made: How they were made: anything that JSON can hold. It is kept under the name `metadata`.

    Returns:
        The path.

    Raises:
        FileError: The folder is missing or cannot be written.
    """
    with atomic_file(path) as part, part.open("wb") as file:
        np.savez_compressed(file, metadata=np.array(json.dumps(dict(made))), **arrays)  # type: ignore[arg-type]
    return Path(path)


@contextmanager
def opened_arrays(path: str | os.PathLike[str]) -> Iterator[tuple[dict[str, Any], Any]]:
    """Open a saved `.npz`: how it was made, and its arrays by name.

    Raises:
        FileError: Missing, damaged, or not saved by `save_arrays`; also when the block misses an entry.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            yield json.loads(str(file["metadata"])), file
    except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise FileError(f"{path} is missing, damaged, or was not saved by saccade.") from error
