"""The files that a command names, looked at before a model is opened: a framework takes seconds to load."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from saccade.cli.console import Console

_FITS_SOME_MODEL = frozenset({".npy", ".tif", ".tiff"})
"""What is read by the number of channels that a model wants, and cannot be judged without it."""
_FILES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".html", ".htm", ".npz", ".json"})
"""Endings of what commands write."""
_PICTURES = ("png", "jpg", "webp")
"""Kinds of images that pages are drawn as; the default comes first."""
_MODELS = frozenset({".keras", ".h5", ".hdf5", ".pt2", ".pt", ".pth", ".onnx", ".safetensors"})
"""Endings of models, which somebody names where a photo belongs."""


def readable_photo(path: Path, max_pixels: int | None = None) -> Path:
    """A photo that is there and can be decoded.

    Args:
        path: The photo.
        max_pixels: The limit that the user gave.

    Raises:
        FileError: It is not there, is a folder, or may not be read.
        ImageError: It is empty, damaged, too large, or no photo.
    """
    from saccade.images import decoding
    from saccade.images.files import existing
    from saccade.images.recipe import ImageRecipe

    checked = existing(path)
    _refuse_model(checked)
    if checked.suffix.lower() not in _FITS_SOME_MODEL:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is worth a word is said when it is read for the model
            decoding.from_file(checked, 3, max_pixels or ImageRecipe(None, None, 3).max_pixels)
    return checked


def readable_photos(patterns: Sequence[str], max_pixels: int | None = None) -> list[Path]:
    """The photos that files, folders and globs stand for, of which at least one can be decoded.

    Args:
        patterns: What the user named.
        max_pixels: The limit that the user gave.

    Raises:
        FileError: Something is not there, or holds no photo.
        ImageError: Not one of them can be decoded; the first reason is given.
    """
    from saccade.errors import FileError, ImageError
    from saccade.images import find

    for pattern in patterns:
        _refuse_model(Path(pattern))
    photos = find(patterns)
    first: FileError | ImageError | None = None
    for photo in photos:
        try:
            readable_photo(photo, max_pixels)
        except (FileError, ImageError) as error:
            first = first or error
        else:
            return photos
    assert first is not None
    if len(photos) == 1:
        raise first
    raise ImageError(f"none of the {len(photos):,} photos can be read; the first: {first}")


def _refuse_model(path: Path) -> None:
    """A model where a photo belongs: the two were swapped."""
    from saccade.errors import FileError

    if path.suffix.lower() in _MODELS:
        raise FileError(f"{path} is named like a model, not like a photo; the model comes first, then the photos.")


def readable_folder(path: Path) -> Path:
    """A folder of photos, or whatever else stands for several, that holds at least one.

    Raises:
        FileError: It is not there, or holds no photo.
        ImageError: Not one of its photos can be decoded.
    """
    readable_photos([str(path)])
    return path


def writable_result(path: Path, console: Console) -> Path:
    """A file that a result can be saved as; its folder is made.

    Raises:
        FileError: No result ends so, or the folder cannot be made or written.
    """
    from saccade.atomic_files import check_writable
    from saccade.results.result import check_ending

    check_ending(path)
    make_folder_of(path, console)
    check_writable(path)
    return path


def make_folder_of(path: Path, console: Console) -> None:
    """Make the folder that a file goes to; if nothing came of it, it is gone when the command ends.

    Raises:
        FileError: It cannot be made or written.
    """
    from saccade.atomic_files import writable_path
    from saccade.collection.output_folder import output_folder

    console.ending.enter_context(output_folder(writable_path(path).parent))


def picture_format(path: Path, image_format: str) -> str | None:
    """The kind of image that an output's name ends in; None where it is named like a folder.

    Args:
        path: What the user gave.
        image_format: The kind of image that was asked for besides, or the default.

    Raises:
        InputError: Another kind was asked for.
    """
    from saccade.errors import InputError

    ending = {".jpeg": "jpg"}.get(path.suffix.lower(), path.suffix.lower()[1:])
    if ending not in _PICTURES or path.is_dir():
        return None
    if image_format not in (ending, _PICTURES[0]):
        raise InputError(f"--output {path} ends in .{ending}, and --format says {image_format}; leave one of them out.")
    return ending


@contextmanager
def results_folder(path: Path) -> Iterator[Path]:
    """A folder for what a command writes; removed again if it was made for this and nothing came of it.

    Raises:
        FileError: It is named like a single file, or cannot be made or written.
    """
    from saccade.collection.output_folder import output_folder
    from saccade.errors import FileError

    if path.suffix.lower() in _FILES and not path.is_dir():
        raise FileError(f"--output {path} is named like a file, and takes a folder; give one, such as {path.stem}.")
    with output_folder(path):
        yield path
