"""The photos of a training run: found, read once, split, and handed out in batches."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.errors import FileError, ImageError
from saccade.images import ImageRecipe, find, read
from saccade.typing import Array

MEMORY_LIMIT = 2 * 2**30
"""Bytes of decoded photos that stay in memory; larger collections are decoded again in every epoch."""


@dataclass(frozen=True)
class Photos:
    """Readable photos at one size, in a fixed order.

    Attributes:
        folder: Last part of the folder's name; no path, so that a record says nothing about the machine.
        paths: Where they are.
        digests: SHA-256 of each file's content, in the order of `paths`.
        names: Names relative to the folder, with forward slashes.
        skipped: Names of the files that could not be read as a photo.
        size: Height and width in pixels (stretched: every part of a photo is seen, nothing is cut off).
        channels: 3 for RGB, 1 for grey.
        pixels: uint8 (photos, size, size, channels), or None when that would not fit into `MEMORY_LIMIT`.
    """

    folder: str
    paths: tuple[Path, ...]
    digests: tuple[str, ...]
    names: tuple[str, ...]
    skipped: tuple[str, ...]
    size: int
    channels: int
    pixels: NDArray[np.uint8] | None = field(repr=False)

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def digest(self) -> str:
        """SHA-256 over the names and contents of all photos."""
        lines = sorted(f"{digest}  {name}\n" for name, digest in zip(self.names, self.digests, strict=True))
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()

    def at(self, indices: Sequence[int] | NDArray[Any]) -> NDArray[np.uint8]:
        """Return some photos: uint8 (indices, size, size, channels)."""
        if self.pixels is not None:
            return self.pixels[np.asarray(indices, np.intp)]
        return _all_decoded([self.paths[index] for index in indices], self.size, self.channels)

    def images(self, indices: Sequence[int] | NDArray[Any]) -> Array:
        """Return some photos as a model wants them: float32 (indices, size, size, channels) in 0..1."""
        return np.asarray(self.at(indices) / np.float32(255), np.float32)

    def at_size(self, size: int) -> Photos:
        """Return the same photos at another size, read from their files again.

        Raises:
            FileError: One has gone since.
            ImageError: One is no photo any more.
        """
        if size == self.size:
            return self
        pixels = None
        if self.pixels is not None:
            pixels = _all_decoded(self.paths, size, self.channels)
        return replace(self, size=size, pixels=pixels)

    def only(self, indices: Sequence[int]) -> Photos:
        """Return a part of the collection, in the order given."""
        return replace(
            self,
            paths=tuple(self.paths[index] for index in indices),
            digests=tuple(self.digests[index] for index in indices),
            names=tuple(self.names[index] for index in indices),
            pixels=None if self.pixels is None else self.pixels[np.asarray(indices, np.intp)],
        )

    def split(self, fraction: float) -> tuple[Photos, Photos]:
        """Hold back a share for validation: which photos belong there depends on the content of the files alone.

        Copies of one file land on the same side, whatever their names are.
        """
        unique = sorted(set(self.digests))
        validation = set(unique[: max(1, round(len(unique) * fraction))])
        inside = [index for index, digest in enumerate(self.digests) if digest in validation]
        outside = [index for index, digest in enumerate(self.digests) if digest not in validation]
        return self.only(outside), self.only(inside)


def gather(folder: Path | Sequence[Path], size: int, channels: int, *, memory_limit: int = MEMORY_LIMIT) -> Photos:
    """Read every photo of a folder and the folders in it, or of a list of files.

    Raises:
        FileError: There is no such folder or file.
    """
    paths, root, label = _listed(folder)
    in_memory = len(paths) * size * size * channels <= memory_limit
    readable: list[tuple[Path, str, str]] = []
    skipped: list[str] = []
    pixels: list[NDArray[np.uint8]] = []

    def read_one(path: Path) -> tuple[str, NDArray[np.uint8] | None] | None:
        try:
            photo = decoded(path, size, channels)
            return hashlib.sha256(path.read_bytes()).hexdigest(), photo if in_memory else None
        except (FileError, ImageError, OSError):
            return None

    with ThreadPoolExecutor() as threads:
        for path, result in zip(paths, threads.map(read_one, paths), strict=True):
            name = path.relative_to(root).as_posix() if root else path.name
            if result is None:
                skipped.append(name)
                continue
            digest, photo = result
            readable.append((path, digest, name))
            if photo is not None:
                pixels.append(photo)
    return Photos(
        label,
        tuple(path for path, _, _ in readable),
        tuple(digest for _, digest, _ in readable),
        tuple(name for _, _, name in readable),
        tuple(skipped),
        size,
        channels,
        np.stack(pixels) if pixels else None,
    )


def decoded(path: Path, size: int, channels: int) -> NDArray[np.uint8]:
    """Read one photo, stretched to a square: uint8 (size, size, channels).

    Raises:
        FileError: The file is missing or may not be read.
        ImageError: It is not a photo, or a damaged one.
    """
    image = read(path, ImageRecipe(size, size, channels, fit="stretch")).array[0]
    pixels: NDArray[np.uint8] = np.rint(image * 255).astype(np.uint8)
    return pixels


def _all_decoded(paths: Sequence[Path], size: int, channels: int) -> NDArray[np.uint8]:
    with ThreadPoolExecutor() as threads:
        return np.stack(list(threads.map(lambda path: decoded(path, size, channels), paths)))


def _listed(folder: Path | Sequence[Path]) -> tuple[list[Path], Path | None, str]:
    """Return the files, the folder they are named after, and its name."""
    if not isinstance(folder, Path):
        return find(folder), None, "photos"
    if not folder.is_dir():
        raise FileError(f"{folder} is not a folder; give one with photos in it.")
    return find([folder]), folder, folder.resolve().name
