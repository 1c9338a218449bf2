"""Finding picture files, and saying plainly why one cannot be opened."""

from __future__ import annotations

import difflib
import glob
from collections.abc import Iterable, Iterator
from pathlib import Path

from saccade.errors import FileError, ImageError

EXTENSIONS: frozenset[str] = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif", ".npy"}
)

_KINDS = "JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF or .npy"


def find(patterns: Iterable[str | Path], *, recursive: bool = True) -> list[Path]:
    """Which pictures are meant?

    Args:
        patterns: Files (taken whatever they are called), folders (their pictures, known by `EXTENSIONS` in
            any case, sorted, hidden files and folders left out) and globs such as `photos/*.jpg`
            (likewise). One alone will do.
        recursive: Look into folders inside folders, and let `**` do so.

    Returns:
        Each file once, in the order of the patterns.

    Raises:
        FileError: A pattern matches nothing (the line names the nearest file), or a folder may not be read.

    Example:
        >>> find(["cat.jpg", "holiday/", "more/*.png"])
        [PosixPath('cat.jpg'), ...]
    """
    if isinstance(patterns, (str, Path)):
        patterns = [patterns]
    found: dict[Path, Path] = {}
    for pattern in patterns:
        try:
            for path in _matches(pattern, recursive):
                found.setdefault(path.resolve(), path)
        except OSError as error:
            raise unreadable(Path(pattern), error) from error
    return list(found.values())


def existing(path: str | Path) -> Path:
    """The path of a file that is there and holds something.

    Raises:
        FileError: It is not there, or is a folder.
        ImageError: It is empty.
    """
    path = Path(path).expanduser()
    try:
        if path.is_dir():
            raise FileError(
                f"{path} is a folder; give the pictures in it: saccade.images.find([{str(path)!r}]) lists them."
            )
        if not path.exists():
            raise _missing(path)
        if path.stat().st_size == 0:
            raise ImageError(f"{path} is empty (0 bytes); copy or download it again.")
    except OSError as error:  # a folder that may not be entered; a name that is too long
        raise unreadable(path, error) from error
    return path


def unreadable(path: Path, error: OSError) -> FileError:
    """The error for a file that is there but may not be read."""
    return FileError(f"{path} cannot be read: {error.strerror or error}.")


def not_a_picture(name: str, suffix: str) -> ImageError:
    """The error for a file that is something else."""
    if suffix.lower() in {".heic", ".heif"}:
        return ImageError(f"{name} is a HEIC photo, which cannot be opened here; save it as JPEG or PNG first.")
    return ImageError(f"{name} is not a picture that can be opened; give {_KINDS}.")


def _matches(pattern: str | Path, recursive: bool) -> Iterator[Path]:
    path = Path(pattern).expanduser()
    text = str(path)
    if path.is_dir():
        pictures = sorted(_pictures(path, recursive))
        if not pictures:
            deeper = "" if recursive else ", not looking into the folders in it"
            raise FileError(f"no pictures in the folder {path}{deeper}; looked for {_KINDS} files.")
        yield from pictures
    elif path.exists():
        yield path
    elif glob.has_magic(text):
        # Path.glob takes no absolute patterns.
        files = (Path(match) for match in glob.glob(text, recursive=recursive))  # noqa: PTH207
        pictures = sorted(file for file in files if _is_picture(file))
        if not pictures:
            raise FileError(f"no pictures match {text}; looked for {_KINDS} files.")
        yield from pictures
    else:
        raise _missing(path)


def _pictures(folder: Path, recursive: bool) -> Iterator[Path]:
    for path in folder.rglob("*") if recursive else folder.iterdir():
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and _is_picture(path):
            yield path


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in EXTENSIONS and path.is_file()


def _missing(path: Path) -> FileError:
    if "://" in str(path) or str(path).startswith(("http:/", "https:/")):
        return FileError(f"{path} is an address on the web; download the picture and give the file.")
    if not path.parent.is_dir():
        return FileError(f"no file {path}: there is no folder {path.parent}.")
    names = sorted(entry.name for entry in path.parent.iterdir() if not entry.name.startswith("."))
    lowered = {name.lower(): name for name in reversed(names)}
    near = difflib.get_close_matches(path.name.lower(), lowered, n=1, cutoff=0.5)
    hint = f"; the nearest there is {lowered[near[0]]!r}" if near else ""
    return FileError(f"no file {path}{hint}.")
