"""The photographs of a training run: found, read once, split, and handed out in batches."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from saccade.errors import FileError, ImageError
from saccade.images import ImageRecipe, find, read

Array = np.ndarray[Any, np.dtype[Any]]

MEMORY_LIMIT = 2 * 2**30
"""Bytes of decoded photographs kept in memory; larger collections are decoded anew in every epoch."""


@dataclass(frozen=True)
class Photographs:
    """Readable photographs at one size, in a fixed order.

    Attributes:
        folder: Last part of the folder's name; no path, so that a record says nothing about the machine.
        paths: Where they are.
        digests: SHA-256 of each file's content, in the order of `paths`.
        names: Names relative to the folder, with forward slashes.
        skipped: Names of the files that could not be read as a picture.
        size: Height and width in pixels (stretched: every part of a photograph is seen, nothing is cut off).
        channels: 3 for RGB, 1 for grey.
        kept: uint8 (photographs, size, size, channels), or None when that would not fit into `MEMORY_LIMIT`.
    """

    folder: str
    paths: tuple[Path, ...]
    digests: tuple[str, ...]
    names: tuple[str, ...]
    skipped: tuple[str, ...]
    size: int
    channels: int
    kept: Array | None = field(repr=False)

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def digest(self) -> str:
        """SHA-256 over the names and contents of all photographs."""
        lines = sorted(f"{digest}  {name}\n" for name, digest in zip(self.names, self.digests, strict=True))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def at(self, indices: Sequence[int] | Array) -> Array:
        """Return some photographs: uint8 (indices, size, size, channels)."""
        if self.kept is not None:
            return self.kept[np.asarray(indices, np.intp)]
        return np.stack([decoded(self.paths[index], self.size, self.channels) for index in indices])

    def only(self, indices: Sequence[int]) -> Photographs:
        """Return a part of the collection, in the order given."""
        return Photographs(
            self.folder,
            tuple(self.paths[index] for index in indices),
            tuple(self.digests[index] for index in indices),
            tuple(self.names[index] for index in indices),
            self.skipped,
            self.size,
            self.channels,
            None if self.kept is None else self.kept[np.asarray(indices, np.intp)],
        )

    def split(self, fraction: float) -> tuple[Photographs, Photographs]:
        """Hold back a share for validation: who belongs there depends on the content of the files alone.

        Copies of one file land on the same side, whatever their names are.
        """
        unique = sorted(set(self.digests))
        held = set(unique[: max(1, round(len(unique) * fraction))])
        inside = [index for index, digest in enumerate(self.digests) if digest in held]
        outside = [index for index, digest in enumerate(self.digests) if digest not in held]
        return self.only(outside), self.only(inside)


def gather(folder: Path | Sequence[Path], size: int, channels: int, *, memory_limit: int = MEMORY_LIMIT) -> Photographs:
    """Read every photograph of a folder and the folders in it, or of a list of files.

    Raises:
        FileError: There is no such folder or file.
    """
    paths, root, label = _listed(folder)
    keep = len(paths) * size * size * channels <= memory_limit
    good: list[tuple[Path, str, str]] = []
    skipped: list[str] = []
    kept: list[Array] = []
    for path in paths:
        name = path.relative_to(root).as_posix() if root else path.name
        try:
            pixels = decoded(path, size, channels)
        except (FileError, ImageError):
            skipped.append(name)
            continue
        good.append((path, hashlib.sha256(path.read_bytes()).hexdigest(), name))
        if keep:
            kept.append(pixels)
    return Photographs(
        label,
        tuple(path for path, _, _ in good),
        tuple(digest for _, digest, _ in good),
        tuple(name for _, _, name in good),
        tuple(skipped),
        size,
        channels,
        np.stack(kept) if kept else None,
    )


def decoded(path: Path, size: int, channels: int) -> Array:
    """Read one photograph, stretched to a square: uint8 (size, size, channels).

    Raises:
        FileError: The file is missing or may not be read.
        ImageError: It is not a picture, or a damaged one.
    """
    image = read(path, ImageRecipe(size, size, channels, fit="stretch")).array[0]
    pixels: Array = np.rint(image * 255).astype(np.uint8)
    return pixels


def _listed(folder: Path | Sequence[Path]) -> tuple[list[Path], Path | None, str]:
    """Return the files, the folder they are named after, and its name."""
    if not isinstance(folder, Path):
        return find(folder), None, "photographs"
    if not folder.is_dir():
        raise FileError(f"{folder} is not a folder; give one with photographs in it.")
    return find([folder]), folder, folder.resolve().name
