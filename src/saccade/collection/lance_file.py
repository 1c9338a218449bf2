"""A catalogue as a table of Lance (https://lance.org), LanceDB's format: what other tools of vectors open and search.

    name         text                  the photo's path below the folder of all
    exact_name   bytes, mostly null    the name, where it is no text of its own: half a character, as file systems allow
    code         n float32             the numbers of the code, row by row of its places
    thumbnail    bytes                 the photo small, a WebP file
    width        int64                 of the photo, in pixels
    height       int64
    box          4 float32             where the model's image lies on it: left, top, right, bottom, in shares
    state        2 int64               size and time of the file

What is known beside the photos is JSON under `saccade` in the schema's metadata. Lance keeps no sums of its bytes; of
damaged ones it gives other numbers, or ends the process. So the sums of its files, which it never changes, lie beside
them in `saccade-sums.json`.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import stat
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from saccade.atomic_files import atomic_folder, check_folder_writable, unwritable
from saccade.collection.catalogue_facts import (
    CatalogueFacts,
    PhotoEntry,
    check_entries,
    from_json,
    is_catalogue,
    no_catalogue,
    to_json,
)
from saccade.errors import FileError, MissingPackage, SaccadeError
from saccade.images.files import unreadable
from saccade.typing import Array

_KEY = b"saccade"
_SUMS = "saccade-sums.json"
_BATCH = 256
"""Photos that are written at once."""
_TAKEN = 32
"""Photos that are read at once; few, since what a few bytes say may be large, and nothing tells it before."""
_LARGEST = 2**20
"""Bytes of a photo's name, or of the photo small."""


def check_installed() -> None:
    """Refuse before the work what could not be opened or written.

    Raises:
        MissingPackage: pylance is not installed.
    """
    try:
        import lance  # noqa: F401
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise MissingPackage.of("pylance", extra="lance") from error


def check_replaceable(path: Path) -> None:
    """Refuse before the work a place that cannot be written, or at which something else than a catalogue lies.

    Raises:
        FileError: It is so.
    """
    check_folder_writable(path)
    if path.exists() and not (path / _SUMS).is_file():
        raise FileError(f"{path} is there, and is no catalogue that saccade wrote; remove it, or choose another name.")


def write_lance(
    path: Path, entries: Sequence[PhotoEntry], codes: Iterable[Array], shape: tuple[int, ...], facts: CatalogueFacts
) -> None:
    """Write it piece by piece, whole or not at all; see `catalogue_file.write_catalogue`."""
    import lance
    import pyarrow

    schema = _schema(math.prod(shape)).with_metadata({_KEY: to_json(facts, shape=list(shape)).encode()})
    failures: list[BaseException] = []

    def batches() -> Iterator[Any]:
        try:
            yield from _batches(schema, entries, codes)
        except GeneratorExit:  # Lance itself has given up
            raise
        except BaseException as error:  # which Lance would put into words of its own
            failures.append(error)
            raise

    with atomic_folder(path) as part:
        reader = pyarrow.RecordBatchReader.from_batches(schema, batches())
        try:
            lance.write_dataset(reader, str(part.absolute()))
            (part / _SUMS).write_text(json.dumps({name: _sum(part / name) for name in _unchanging(part)}))
        except BaseException as error:
            if failures:
                raise failures[0] from None
            if not isinstance(error, Exception) and not _is_panic(error):
                raise
            raise _unwritten(path, error) from error


def read_lance(path: Path) -> tuple[tuple[PhotoEntry, ...], Array, CatalogueFacts]:
    """The photos, their codes, and what else is known.

    Raises:
        FileError: Missing, damaged, or no catalogue.
        MissingPackage: pylance is not installed.
    """
    check_installed()
    with _damage_in_words(path):
        if not path.exists():
            raise FileError(f"no file {path}.")
        if not path.is_dir():
            raise FileError(f"{path} is a file; a catalogue of Lance is a folder.")
        _check_kinds(path)
        _check_sums(path)
        table, metadata = _opened(path)
        facts = from_json(metadata)
        shape = tuple(map(int, metadata["shape"]))
        if len(shape) != 3 or min(shape) < 1:
            raise ValueError(f"codes of {shape}")
        schema = _schema(math.prod(shape))
        for field in schema:
            if not table.schema.field(field.name).type.equals(field.type):
                raise ValueError(f"{field.name} is {table.schema.field(field.name).type}")
        entries, codes = _content(table, schema.names, shape, folder_bytes(path))
        check_entries(entries, facts.folder)
        return entries, codes, facts


def folder_bytes(path: Path) -> int:
    """How much it takes on the disk."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _schema(numbers: int) -> Any:
    import pyarrow

    return pyarrow.schema(
        [
            pyarrow.field("name", pyarrow.string(), nullable=False),
            pyarrow.field("exact_name", pyarrow.binary()),
            pyarrow.field("code", pyarrow.list_(pyarrow.float32(), numbers), nullable=False),
            pyarrow.field("thumbnail", pyarrow.binary(), nullable=False),
            pyarrow.field("width", pyarrow.int64(), nullable=False),
            pyarrow.field("height", pyarrow.int64(), nullable=False),
            pyarrow.field("box", pyarrow.list_(pyarrow.float32(), 4), nullable=False),
            pyarrow.field("state", pyarrow.list_(pyarrow.int64(), 2), nullable=False),
        ]
    )


def _batches(schema: Any, entries: Sequence[PhotoEntry], codes: Iterable[Array]) -> Iterator[Any]:
    import pyarrow

    done = 0
    for piece in codes:
        for start in range(0, len(piece), _BATCH):
            rows = np.ascontiguousarray(piece[start : start + _BATCH], np.float32)
            some = entries[done : done + len(rows)]
            done += len(rows)
            numbers = pyarrow.array(rows.reshape(-1))
            columns = [
                pyarrow.array([entry.name.encode("utf-8", "backslashreplace").decode() for entry in some]),
                pyarrow.array([_exact(entry.name) for entry in some], pyarrow.binary()),
                pyarrow.FixedSizeListArray.from_arrays(numbers, type=schema.field("code").type),
                pyarrow.array([entry.thumbnail for entry in some], pyarrow.binary()),
                pyarrow.array([entry.width for entry in some], pyarrow.int64()),
                pyarrow.array([entry.height for entry in some], pyarrow.int64()),
                pyarrow.array([entry.box for entry in some], schema.field("box").type),
                pyarrow.array([entry.state for entry in some], schema.field("state").type),
            ]
            yield pyarrow.record_batch(columns, schema=schema)
    assert done == len(entries)


def _content(table: Any, names: list[str], shape: tuple[int, ...], size: int) -> tuple[tuple[PhotoEntry, ...], Array]:
    """The photos and their codes; raises whatever damaged bytes lead to."""
    count = table.count_rows()
    if not count:
        raise ValueError("no photo")
    if 4 * count * math.prod(shape) > 4 * size + 2**24:  # floats are not compressed
        raise ValueError(f"more codes than {size} bytes can hold")
    codes = np.empty((count, *shape), np.float32)
    entries: list[PhotoEntry] = []
    for start in range(0, count, _TAKEN):
        # Not a scan: of some damaged bytes its stream ends the whole process.
        rows = table.take(list(range(start, min(start + _TAKEN, count))), columns=names)
        if any(rows.column(name).nbytes > _TAKEN * _LARGEST for name in ("name", "exact_name", "thumbnail")):
            raise ValueError("a name or a small photo that is far too large")
        columns = {name: rows.column(name).combine_chunks() for name in names}
        if any(column.null_count for name, column in columns.items() if name != "exact_name"):
            raise ValueError("something is missing")
        codes[start : start + len(rows)] = columns["code"].flatten().to_numpy().reshape(-1, *shape)
        for row in zip(*(columns[name].to_pylist() for name in names if name != "code"), strict=True):
            name, exact, thumbnail, width, height, box, state = row
            if exact is not None:
                name = exact.decode("utf-8", "surrogatepass")
            entries.append(PhotoEntry(name, thumbnail, width, height, tuple(box), tuple(state)))
    boxes = np.array([entry.box for entry in entries])
    if len(entries) != count or not np.isfinite(codes).all() or not np.isfinite(boxes).all():
        raise ValueError("rows are missing, or numbers that are not finite")
    return tuple(entries), codes


def _unchanging(folder: Path) -> list[str]:
    """The files of a table that Lance writes once, by their paths below its folder."""
    return [file.relative_to(folder).as_posix() for kind in ("*.lance", "*.manifest") for file in folder.rglob(kind)]


def _sum(file: Path) -> int:
    total = 0
    with file.open("rb") as content:
        while piece := content.read(2**20):
            total = zlib.crc32(piece, total)
    return total


def _check_kinds(folder: Path) -> None:
    """Refuse what Lance never writes, and what could be read for ever: pipes, devices, and links to them.

    Raises:
        ValueError: There is one.
    """
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            mode = Path(place, name).lstat().st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                raise ValueError(f"{name} is a link, a pipe or a device")


def _check_sums(folder: Path) -> None:
    """Refuse files that are not as they were written; of those that another tool has replaced nothing is known.

    Raises:
        ValueError: There is one.
    """
    if not (folder / _SUMS).is_file():
        return
    sums = json.loads((folder / _SUMS).read_text())
    for name in _unchanging(folder):
        if name in sums and _sum(folder / name) != sums[name]:
            raise ValueError(f"{name} is not as it was written")


def _opened(path: Path) -> tuple[Any, dict[str, Any]]:
    """The table, and what its file says of itself.

    Raises:
        FileError: It is no catalogue.
        Exception: It is damaged, or no table of Lance.
    """
    import lance

    table = lance.dataset(str(path.absolute()))
    text = (table.schema.metadata or {}).get(_KEY)
    metadata: dict[str, Any] = {} if text is None else json.loads(text)
    if not is_catalogue(metadata):
        raise no_catalogue(path)
    return table, metadata


@contextlib.contextmanager
def _damage_in_words(path: Path) -> Iterator[None]:
    """Say in one line whatever Lance, Arrow or JSON make of damaged bytes.

    Raises:
        FileError: In their place.
    """
    try:
        yield
    except SaccadeError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and not _is_panic(error):
            raise
        if isinstance(error, OSError) and error.errno:  # of the system; those of Lance have no number
            raise unreadable(path, error) from error
        raise FileError(f"{path} is damaged, or was not saved by saccade.") from error


def _is_panic(error: BaseException) -> bool:
    """Whether the library in Rust met a defect of its own, which is no `Exception` to Python."""
    return type(error).__name__ == "PanicException"


def _unwritten(path: Path, error: BaseException) -> FileError:
    """The error for a table that could not be written; of what Lance says, less where in its source it says so."""
    if isinstance(error, OSError) and error.errno:
        return unwritable(path, error)
    number = re.search(r"\(os error (\d+)\)", str(error))
    if number:
        return unwritable(path, OSError(int(number[1]), os.strerror(int(number[1]))))
    return FileError(f"{path} cannot be written: {str(error).partition(', /')[0].partition(chr(10))[0]:.200}.")


def _exact(name: str) -> bytes | None:
    try:
        name.encode()
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogatepass")
    return None
