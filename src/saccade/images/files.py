"""Finding photos, and saying plainly why one cannot be opened."""

from __future__ import annotations

import glob
import os
import stat
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from saccade.errors import FileError, ImageError, SaccadeWarning
from saccade.images import heif
from saccade.images.own_pages import is_own_page
from saccade.images.signatures import KINDS
from saccade.nearest_names import nearest_file

EXTENSIONS: frozenset[str] = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif", ".npy"}
)

_UNREAD = frozenset(
    {*heif.SUFFIXES, ".jxl", ".jp2", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".psd", ".pdf"}
)
"""What may be a photo, and cannot be read here (HEIC: without the package that reads it)."""


def find(patterns: Iterable[str | Path], *, recursive: bool = True) -> list[Path]:
    """Which photos are meant?

    Pages that saccade wrote are no photos, and are left out with a warning; unless they alone are named one by one.

    Args:
        patterns: Files (taken whatever they are called), folders (their photos, known by `EXTENSIONS` in
            any case, sorted, hidden files and folders left out) and globs such as `photos/*.jpg`
            (likewise). One alone will do.
        recursive: Look into folders inside folders, also where links lead to them, and let `**` do so.

    Returns:
        Each file once, in the order of the patterns. One that is named more than once is told in a warning.

    Raises:
        FileError: A pattern matches nothing (the line names the nearest file), or a folder may not be read.

    Example:
        >>> find(["cat.jpg", "holiday/", "more/*.png"])
        [PosixPath('cat.jpg'), ...]
    """
    patterns = [patterns] if isinstance(patterns, (str, Path)) else list(patterns)
    files: dict[Path, Path] = {}
    again: dict[Path, None] = {}
    real_path = _RealPaths()
    for pattern in patterns:
        path = expanded(pattern)
        try:
            for match in _matches(path, recursive):
                real = real_path(match)
                if match == path and real in files:
                    again[match] = None
                files.setdefault(real, match)
        except (OSError, ValueError, RuntimeError) as error:
            raise unreadable(path, error) from error
    if again:
        names = ", ".join(map(str, again))
        warnings.warn(f"{names}: named more than once, and taken once.", SaccadeWarning, stacklevel=2)
    return _without_own_pages(list(files.values()), patterns)


class _RealPaths:
    """Where files lie once all links are followed; the way to each folder is followed only once."""

    def __init__(self) -> None:
        self._folders: dict[Path, Path] = {}

    def __call__(self, file: Path) -> Path:
        if not file.name or file.is_symlink():
            return file.resolve()
        folder = file.parent
        if folder not in self._folders:
            self._folders[folder] = folder.resolve()
        return self._folders[folder] / file.name


def photos_beside(path: Path) -> int:
    """How many photos does the folder of a photo hold, folders inside it left out? 0 where it may not be read."""
    try:
        return sum(_is_photo(file) and not is_own_page(file) for file in path.parent.iterdir())
    except OSError:
        return 0


def _without_own_pages(files: list[Path], patterns: Sequence[str | Path]) -> list[Path]:
    photos = [file for file in files if not is_own_page(file)]
    count = len(files) - len(photos)
    if not count or (not photos and all(expanded(pattern) in files for pattern in patterns)):
        return files
    if not photos:
        raise FileError(
            f"{', '.join(map(str, patterns))}: only pages that saccade wrote, and no photos; give the photos."
        )
    pages = "1 page that saccade wrote is" if count == 1 else f"{count} pages that saccade wrote are"
    warnings.warn(f"{pages} left out; {'it is no photo' if count == 1 else 'they are no photos'}.", SaccadeWarning, 3)
    return photos


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with a leading `~` replaced by the home folder; a file whose name begins so is left as it is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:  # no user of that name
        return Path(path)


def existing(path: str | Path) -> Path:
    """The path of a file that is there and holds something.

    Raises:
        FileError: It is not there, or is a folder.
        ImageError: It is empty.
    """
    path = expanded(path)
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _missing(path) from error
    except (OSError, ValueError) as error:  # a folder that may not be entered, a name that cannot be one
        raise unreadable(path, error) from error
    if stat.S_ISDIR(status.st_mode):
        raise FileError(f"{path} is a folder, where one photo is wanted; name a photo in it.")
    if not stat.S_ISREG(status.st_mode):
        raise FileError(f"{path} is a device or a pipe, not a file; save the photo in a file.")
    if status.st_size == 0:
        raise ImageError(f"{path} is empty (0 bytes); copy or download it again.")
    return path


def unreadable(path: Path, error: Exception) -> FileError:
    """The error for a file that is there but may not be read, or whose name can be none."""
    if isinstance(error, OSError):
        return FileError(f"{path} cannot be read: {error.strerror or error}.")
    return FileError(f"{str(path)!r} cannot be the name of a file.")


def _matches(path: Path, recursive: bool) -> Iterator[Path]:
    text = str(path)
    if path.is_dir():
        photos = sorted(_photos(path, recursive))
        if not photos:
            deeper = "" if recursive else ", not looking into the folders in it"
            raise FileError(f"no photos in the folder {path}{deeper}; looked for {KINDS} files.")
        yield from photos
    elif path.exists():
        yield path
    elif glob.has_magic(text):
        # Path.glob takes no absolute patterns.
        files = (Path(match) for match in glob.glob(text, recursive=recursive))  # noqa: PTH207
        photos = sorted(file for file in files if _is_photo(file))
        if not photos:
            raise FileError(f"no photos match {text}; looked for {KINDS} files.")
        yield from photos
    else:
        raise _missing(path)


def _photos(folder: Path, recursive: bool) -> Iterator[Path]:
    """The photos of a folder, hidden ones left out; photos of a kind that cannot be read are counted and named."""
    unread: Counter[str] = Counter()
    entered = {folder.resolve()}

    def refuse(error: OSError) -> None:
        raise error

    for place, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        inside = [] if not recursive else [Path(place, name) for name in folders if not name.startswith(".")]
        # By where they lead, for links may lead in a circle.
        fresh = {path.resolve(): path.name for path in inside if path.resolve() not in entered}
        entered |= fresh.keys()
        folders[:] = sorted(fresh.values())
        for name in names:
            if name.startswith("."):
                continue
            # Most files of a large folder may be no photos: what is only a name costs little.
            suffix = f".{name.rpartition('.')[2].lower()}"
            if _is_photo_suffix(suffix) and (path := Path(place, name)).is_file():
                yield path
            elif suffix in _UNREAD:
                unread[suffix] += 1
    if unread.total():
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in sorted(unread.items()) if count)
        remedy = "save them as JPEG or PNG"
        if unread.keys() & heif.SUFFIXES and any(unread[suffix] for suffix in heif.SUFFIXES):
            remedy += "; HEIC is read after pip install 'saccade[heic]'"
        warnings.warn(
            f"{folder}: photos that cannot be read here are left out ({kinds}); {remedy}.",
            SaccadeWarning,
            stacklevel=2,
        )


def _is_photo(path: Path) -> bool:
    return _is_photo_suffix(path.suffix.lower()) and path.is_file()


def _is_photo_suffix(suffix: str) -> bool:
    return suffix in EXTENSIONS or (suffix in heif.SUFFIXES and heif.is_readable())


def _missing(path: Path) -> FileError:
    if "://" in str(path) or str(path).startswith(("http:/", "https:/")):
        return FileError(f"{path} is an address on the web; download the photo and give the file.")
    if path.is_symlink():
        return FileError(f"{path} is a link to {os.readlink(path)}, which is not there.")  # noqa: PTH115 - as it is written
    if not path.parent.is_dir():
        return FileError(f"no file {path}: there is no folder {path.parent}.")
    try:
        names = sorted(entry.name for entry in path.parent.iterdir() if not entry.name.startswith("."))
    except OSError:  # a folder that may be entered but not listed
        names = []
    near = nearest_file(path.name, names)
    hint = "" if near is None else f"; the nearest there is {near!r}"
    return FileError(f"no file {path}{hint}.")
