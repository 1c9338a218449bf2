"""Zip archives that lie about their members."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from saccade.errors import FileError
from saccade.models import archive as module
from saccade.models.archive import open_archive


def zipped(path: Path, content: bytes = b"hello", compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("a.txt", content)
    return path


def read(path: Path, *, most: int = 1000) -> bytes:
    with open_archive(path) as archive:
        return archive.read("a.txt", most=most)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_member_is_read(tmp_path: Path, compression: int) -> None:
    assert read(zipped(tmp_path / "a.zip", compression=compression)) == b"hello"


def test_a_member_larger_than_allowed(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", b" " * 100_000)
    with pytest.raises(FileError, match=r"a.txt in .*a.zip is damaged: it has 100,000 bytes, more than 1,000"):
        read(path)


def test_a_member_that_grows_a_hundredfold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path / "a.zip", b" " * 100_000)
    assert len(read(path, most=10**6)) == 100_000
    monkeypatch.setattr(module, "_ALWAYS_ALLOWED", 50_000)
    with pytest.raises(FileError, match=r"is damaged: \d+ bytes that grow to 100,000"):
        read(path, most=10**6)


@pytest.mark.parametrize(
    ("offset", "value", "says"),
    [
        (8, struct.pack("<H", 1), "encrypted"),
        (10, struct.pack("<H", 99), "compression method is not supported"),
        (24, struct.pack("<I", 2**32 - 2), "more than 1,000"),
        (42, struct.pack("<I", 2**31), "damaged"),
        (16, struct.pack("<I", 1), "Bad CRC"),
    ],
    ids=["encrypted", "method", "size", "offset", "checksum"],
)
def test_lies_in_the_directory(tmp_path: Path, offset: int, value: bytes, says: str) -> None:
    path = zipped(tmp_path / "a.zip")
    content = bytearray(path.read_bytes())
    at = content.find(b"PK\x01\x02") + offset
    content[at : at + len(value)] = value
    path.write_bytes(content)
    with pytest.raises(FileError, match=rf"a.txt in .*a.zip is damaged: .*{says}|a.zip is damaged"):
        read(path)


def test_a_member_that_is_missing_or_there_twice(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("b.txt", "")
    with pytest.raises(FileError, match=r"a.zip is damaged: it lacks a.txt"):
        read(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
        archive.writestr("a.txt", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.txt", "2")
    with pytest.raises(FileError, match=r"a.zip is damaged: it holds a.txt twice"):
        read(tmp_path / "a.zip")
    (tmp_path / "a.zip").write_bytes((tmp_path / "a.zip").read_bytes()[:40])
    with pytest.raises(FileError, match=r"a.zip is damaged"):
        read(tmp_path / "a.zip")
