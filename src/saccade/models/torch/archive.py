"""A zip archive as PyTorch writes one: its members, read as PyTorch reads them, every size bounded first.

Python and PyTorch have each a zip reader of their own, and a file could show one thing to one and another thing to the
other. So sizes are taken from the table of contents, which must be plain, and what is checked comes out of PyTorch's
own reader.
"""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from functools import cached_property
from pathlib import Path
from typing import Any

from saccade.errors import FileError

_LARGEST_TEXT = 2**24
"""Code, pickles and JSON of an honest model stay far below; tensors lie in members of their own."""

_ARCHIVE = b"PK\x03\x04"
"""The first bytes of every archive of PyTorch's."""
_LARGEST_MARK = 4096
_MARKS = ("version", "byteorder", "serialization_id", ".format_version", ".storage_alignment", "archive_format",
          "archive_version")  # fmt: skip
"""Members of a few characters that PyTorch reads before anything else."""
_MOST_GROWTH = 20
"""How many times its packed size a member may become; PyTorch itself does not pack."""
_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, NotImplementedError, RuntimeError, OSError, EOFError,
    ValueError, OverflowError,
)  # fmt: skip
"""What Python's and PyTorch's readers raise on damaged archives."""


class Archive:
    """The members of one archive, by name, without the folder that PyTorch puts around them.

    Args:
        path: The file, by whose name its errors call it.
        content: What is in the archive, if it lies in memory and not in that file.

    Attributes:
        sizes: The size of every member.

    Raises:
        FileError: The archive is damaged, or is none that PyTorch would write.
    """

    def __init__(self, path: Path, content: bytes | None = None) -> None:
        self._path, self._content = path, content
        try:
            with zipfile.ZipFile(self._source()) as archive:
                members = archive.infolist()
        except _UNREADABLE as error:
            raise self.damaged("the archive's table of contents cannot be read") from error
        length = path.stat().st_size if content is None else len(content)
        names = [member.filename for member in members]
        self._root = _root(names)
        for member in members:
            self._check(member, length)
        # PyTorch finds members without regard to capitals, so two of them could be taken for each other.
        if len({name.casefold() for name in names}) < len(names):
            raise self.damaged("two members have the same name")
        self.sizes: dict[str, int] = {member.filename.removeprefix(self._root): member.file_size for member in members}

    def read(self, name: str) -> bytes:
        """The contents of a member of text, a pickle or the like, as PyTorch reads it.

        Raises:
            FileError: It is missing, damaged or larger than such a member can be.
        """
        if name not in self.sizes:
            raise self.damaged(f"the member {name!r} is missing")
        if self.sizes[name] > _LARGEST_TEXT:
            raise self.damaged(f"the member {name!r} holds {self.sizes[name]:,} bytes where text is expected")
        return self._content_of(name)

    def _content_of(self, name: str) -> bytes:
        """The contents of a member of any kind and size: `_check` has bounded what it can grow to."""
        try:
            if not self._root:
                with zipfile.ZipFile(self._source()) as archive:
                    return archive.read(name)
            return bytes(self._reader.get_record(name))
        except _UNREADABLE as error:
            raise self.damaged(f"the member {name!r} cannot be read") from error

    def storage(self, name: str) -> Any:
        """The numbers in a member, as untyped storage of PyTorch's.

        Raises:
            FileError: It is missing or damaged.
        """
        import torch

        if name not in self.sizes:
            raise self.damaged(f"the member {name!r} is missing")
        try:
            typed = self._reader.get_storage_from_record(name, self.sizes[name], torch.UntypedStorage)
        except _UNREADABLE as error:
            raise self.damaged(f"the member {name!r} cannot be read") from error
        return typed._typed_storage()._untyped_storage

    def damaged(self, reason: str) -> FileError:
        """The error that says what is wrong with this file."""
        return FileError(f"{self._path} is damaged: {reason}; copy or download it again.")

    def tensors(self, name: str) -> Archive | bytes:
        """A member that `torch.save` wrote: an archive in this one, as large as its tensors are.

        Returns:
            The archive; what the member begins with, if it is none.

        Raises:
            FileError: It is damaged.
        """
        content = self._content_of(name)
        return Archive(self._path, content) if content.startswith(_ARCHIVE) else content[: len(_ARCHIVE)]

    def _source(self) -> Any:
        return self._path if self._content is None else io.BytesIO(self._content)

    @cached_property
    def _reader(self) -> Any:
        import torch

        source = self._source()
        reader = torch._C.PyTorchFileReader(str(source) if source is self._path else source)
        if set(reader.get_all_records()) != set(self.sizes):
            raise self.damaged("its table of contents can be read in two ways")
        return reader

    def _check(self, member: zipfile.ZipInfo, length: int) -> None:
        name = member.filename.removeprefix(self._root)
        shown = ascii(name if len(name) <= 60 else f"{name[:60]}...")
        # PyTorch would take DATA.PKL for data.pkl; only code, which is named after classes, has capitals.
        is_odd = name != name.lower() and not name.startswith(("code/", "extra/"))
        if is_odd or not name.isascii() or not name.isprintable() or len(name) > 1000 or ".." in name.split("/"):
            raise self.damaged(f"the archive holds a member of the odd name {shown}")
        if member.flag_bits & 1:
            raise self.damaged(f"the member {shown} is encrypted")
        if member.compress_type not in _READABLE:
            raise self.damaged(f"the member {shown} is packed in a way that PyTorch cannot read")
        stored = member.compress_type == zipfile.ZIP_STORED
        if member.header_offset + member.compress_size > length or (
            stored and member.file_size != member.compress_size
        ):
            raise self.damaged(f"the member {shown} claims {member.file_size:,} bytes that are not there")
        if member.file_size > max(_MOST_GROWTH * member.compress_size, _LARGEST_TEXT):
            raise self.damaged(
                f"the member {shown} would grow from {member.compress_size:,} to {member.file_size:,} bytes"
            )
        if member.file_size > _LARGEST_MARK and name.rsplit("/", 1)[-1] in _MARKS:
            raise self.damaged(f"the member {shown} holds {member.file_size:,} bytes where a few are expected")


def is_archive(path: Path) -> bool:
    """Does the file begin as every zip archive of PyTorch's does?"""
    with path.open("rb") as file:
        return file.read(len(_ARCHIVE)) == _ARCHIVE


def _root(names: list[str]) -> str:
    """The folder, with its slash, in which all members lie; empty if there is none."""
    folders = {name.partition("/")[0] if "/" in name else "" for name in names}
    return f"{folders.pop()}/" if len(folders) == 1 and "" not in folders else ""
