"""Archives of PyTorch: read as PyTorch reads them, and never further than what is there."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from saccade.errors import FileError
from saccade.models.torch.archive import Archive
from saccade.models.torch.pickles import DamagedPickle, read_pickle
from saccade.models.torch.weight_files import checkpoint_in


@pytest.fixture
def path(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    torch.save(nn.Conv2d(3, 4, 3).state_dict(), tmp_path / "net.pt")
    return tmp_path / "net.pt"


def written(path: Path, extra: Callable[[zipfile.ZipFile], None], method: int = zipfile.ZIP_STORED) -> Path:
    """The same archive, and something more."""
    with zipfile.ZipFile(path) as source:
        contents = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(path, "w", method) as target:
        extra(target)
        for name, content in contents.items():
            if name not in target.namelist():
                target.writestr(name, content)
    return path


def test_members_lie_in_a_folder_that_is_left_out(path: Path) -> None:
    archive = Archive(path)
    assert archive.sizes["data/0"] == 4 * 3 * 9 * 4
    assert archive.read("version").strip() == b"3"
    inner = Archive(path, path.read_bytes())
    assert inner.read("data.pkl") == archive.read("data.pkl")
    with pytest.raises(FileError, match="the member 'data/9' is missing"):
        archive.read("data/9")


def test_packed_archives_are_read(path: Path) -> None:
    before = checkpoint_in(path).entries[""]["weight"]
    written(path, lambda _: None, zipfile.ZIP_DEFLATED)
    assert torch.equal(checkpoint_in(path).entries[""]["weight"], before)


@pytest.mark.parametrize("name", ["net/version", "net/data.pkl", "net/data/0", "net/extra/text"])
def test_members_that_would_grow_without_measure(path: Path, name: str) -> None:
    def bomb(archive: zipfile.ZipFile) -> None:
        with archive.open(name, "w", force_zip64=True) as member:
            for _ in range(200):
                member.write(b" " * 2**20)

    with pytest.raises(FileError, match=r"is damaged: the member .* would grow from 2\d\d,\d\d\d to 209,715,200 bytes"):
        checkpoint_in(written(path, bomb, zipfile.ZIP_DEFLATED))


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        (lambda archive: archive.writestr("net/version", b"3" * 5000), "5,000 bytes where a few are expected"),
        (lambda archive: archive.writestr("net/Data.pkl", b""), "the odd name"),
        (lambda archive: [archive.writestr(f"net/code/{name}.py", b"") for name in "aA"], "members have the same name"),
        (lambda archive: archive.writestr("net/../../up", b""), "the odd name"),
        (lambda archive: archive.writestr("net/a\nb", b""), "the odd name"),
        (lambda archive: archive.writestr("net/x", b"x" * 9, zipfile.ZIP_LZMA), "packed in a way"),
    ],
)
def test_members_that_pytorch_never_writes(path: Path, extra: Callable[[zipfile.ZipFile], None], reason: str) -> None:
    with pytest.raises(FileError, match=f"is damaged: .*{reason}") as raised:
        checkpoint_in(written(path, extra))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("offset", "value", "reason"),
    [
        (8, struct.pack("<H", 1), "is encrypted"),
        (20, struct.pack("<I", 2**31), "that are not there"),
        (24, struct.pack("<I", 2**31), "that are not there"),
        (10, struct.pack("<H", 99), "packed in a way"),
    ],
)
def test_tables_of_contents_that_lie(path: Path, offset: int, value: bytes, reason: str) -> None:
    content = bytearray(path.read_bytes())
    at = content.find(b"PK\x01\x02") + offset
    content[at : at + len(value)] = value
    path.write_bytes(bytes(content))
    with pytest.raises(FileError, match=f"is damaged: .*({reason}|cannot be read)"):
        checkpoint_in(path)


def test_an_archive_that_reads_in_two_ways(path: Path) -> None:
    # Python takes what stands before an archive into account, PyTorch does not.
    decoy = io.BytesIO()
    with zipfile.ZipFile(decoy, "w") as archive:
        archive.writestr("net/other", b"")
    path.write_bytes(decoy.getvalue() + path.read_bytes())
    with pytest.raises(FileError, match="is damaged"):
        Archive(path).read("data.pkl")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"K\x04K\x03K\x03K\x03", b"J\x00\x00\x00\x10K\x03K\x03K\x03"),  # the first of the sizes
        (b"K\x1bK\tK\x03K\x01", b"K\x1bK\tK\x03K\xff"),  # the last of the strides
    ],
)
def test_tensors_lie_inside_their_storage(path: Path, zipped: bool, before: bytes, after: bytes) -> None:
    torch.save(torch.load(path), path, _use_new_zipfile_serialization=zipped)
    assert before in path.read_bytes()
    if zipped:
        with zipfile.ZipFile(path) as source:
            contents = {name: source.read(name) for name in source.namelist()}
        with zipfile.ZipFile(path, "w") as target:
            for name, content in contents.items():
                target.writestr(name, content.replace(before, after))
    else:
        path.write_bytes(path.read_bytes().replace(before, after))
    with pytest.raises(FileError, match="is damaged: a tensor in it is larger than what is stored of it"):
        checkpoint_in(path)


def test_storages_that_are_not_there(path: Path) -> None:
    torch.save(torch.load(path), path, _use_new_zipfile_serialization=False)
    # The number of weights stands in the pickle as a two-byte number, which a four-byte one replaces.
    path.write_bytes(path.read_bytes().replace(b"K\x6c", b"J\x00\x00\x00\x40"))
    with pytest.raises(FileError, match="is damaged: a tensor in it is not all there"):
        checkpoint_in(path)


@pytest.mark.parametrize(
    "pickled",
    [
        b"\x80\x02K\x01r\xff\xff\xff\xff.",  # a memo of 32 GiB in Python's own reader
        b"\x80\x05\x96\xff\xff\xff\xff\x0f\x00\x00\x00.",  # room for 68 GB of bytes that are not there
        b"\x80\x02K\x01q\x05.",  # counts otherwise than PyTorch's reader of scripts
        b"\x80\x02\x82\x01.",  # names something by a number
        b"\x80\x02(K\x01",
        b"",
    ],
)
def test_pickles_that_ask_for_the_impossible(pickled: bytes) -> None:
    with pytest.raises(DamagedPickle):
        read_pickle(io.BytesIO(pickled))


def test_what_a_pickle_names_is_told_and_not_called() -> None:
    pickled = read_pickle(io.BytesIO(b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00exit\x85R}X\x01\x00\x00\x00aK\x01sb."))
    assert pickled.names == {"posix.system"}
