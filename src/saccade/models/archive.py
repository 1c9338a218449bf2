"""A zip archive whose members are read only as far as they are what they claim to be."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from saccade.errors import FileError

_ALWAYS_ALLOWED = 2**28
_MOST_EXPANSION = 100
"""Keras stores weights as they are, and packing them again gains little; only a trap grows further than this."""

_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    KeyError,
)
"""What reading a damaged or encrypted archive raises; all of it means that the file cannot be used."""


class Archive:
    """An open archive.

    Attributes:
        path: Where it lies.
        names: Its members.
    """

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path = path
        self.names = frozenset(archive.namelist())
        self._archive = archive

    def read(self, name: str, *, most: int) -> bytes:
        """The content of a member.

        Args:
            name: Which.
            most: How many bytes it may have.

        Raises:
            FileError: It is missing, damaged, or larger.
        """
        self.check(name, most=most)
        try:
            with self._archive.open(name) as member:
                content = member.read(most + 1)
        except _DAMAGE as error:
            raise FileError(f"{name} in {self.path} is damaged: {_reason(error)}.") from error
        if len(content) > most:
            raise FileError(f"{name} in {self.path} is damaged: it is larger than it says.")
        return content

    def check(self, name: str, *, most: int | None = None) -> None:
        """Is this member here, of a size that may be read, and what it claims to be?

        Raises:
            FileError: It is not.
        """
        if name not in self.names:
            raise FileError(f"{self.path} is damaged: it lacks {name}.")
        if sum(info.filename == name for info in self._archive.infolist()) > 1:
            raise FileError(f"{self.path} is damaged: it holds {name} twice.")
        info = self._archive.getinfo(name)
        if most is not None and info.file_size > most:
            raise FileError(f"{name} in {self.path} is damaged: it has {info.file_size:,} bytes, more than {most:,}.")
        if info.file_size > _ALWAYS_ALLOWED and info.file_size > _MOST_EXPANSION * info.compress_size:
            raise FileError(
                f"{name} in {self.path} is damaged: {info.compress_size:,} bytes that grow to {info.file_size:,}."
            )


def is_archive(path: Path) -> bool:
    """Is this file a zip archive, whole or damaged?"""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        # It is one, of which a part is missing.
        return True


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open a zip archive for reading.

    Raises:
        FileError: It is damaged, or no such archive.
    """
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise FileError(f"{path} is damaged: {_reason(error)}.") from error
    with archive:
        yield Archive(path, archive)


def _reason(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:200].rstrip(".")
