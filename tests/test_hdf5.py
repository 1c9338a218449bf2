"""HDF5 files read by a process of their own, against h5py; and files that break or block the library."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import h5py
import ml_dtypes
import numpy as np
import pytest

from saccade.errors import FileError, MissingPackage
from saccade.models.hdf5 import Array, Group, Unreadable, file, open_hdf5

TYPES = ["<f2", "<f4", "<f8", ">f4", "<i1", "<i8", "<u2", ">i4", "?", np.longdouble]


def test_numbers_come_as_h5py_reads_them(tmp_path: Path, random: np.random.Generator) -> None:
    values = {str(number): (9 * random.random((3, 4))).astype(kind) for number, kind in enumerate(TYPES)}
    with h5py.File(tmp_path / "a.h5", "w") as written:
        for name, array in values.items():
            written[f"deep/er/{name}"] = array
        written["scalar"], written["none"] = 3.5, np.zeros((0, 4), np.float32)
        written.create_dataset("packed", data=np.arange(1000.0), compression="gzip", chunks=(7,))
    with open_hdf5(tmp_path / "a.h5") as root:
        for name, array in values.items():
            stored = root.array(f"deep/er/{name}")
            assert (stored.shape, stored.size) == (array.shape, array.size)
            np.testing.assert_array_equal(stored.read(), array.astype(stored.dtype))
            assert stored.dtype == (np.float64 if array.dtype.itemsize > 8 else array.dtype.newbyteorder("="))
        assert root.array("scalar").read() == 3.5
        assert root.array("none").read().shape == (0, 4)
        np.testing.assert_array_equal(root.array("packed").read(), np.arange(1000.0))
        assert len(list(root.arrays())) == len(TYPES) + 3


def test_bfloat16_which_hdf5_does_not_know(tmp_path: Path) -> None:
    values = np.array([1.5, -0.0078125, 3e38], ml_dtypes.bfloat16)
    with h5py.File(tmp_path / "a.h5", "w") as written:
        written["x"] = values
    with open_hdf5(tmp_path / "a.h5") as root:
        np.testing.assert_array_equal(root.array("x").read(), values.astype(np.float32))


def test_attributes(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as written:
        written.attrs.update(
            {"text": "é", "bytes": b"a", "names": [b"a", b"bc"], "words": ["x", "y"], "n": 3, "r": 0.5}
        )
        written.attrs["bad"] = np.array([b"\xff\xfe"])
        written.attrs["none"] = h5py.Empty("f4")
    with open_hdf5(tmp_path / "a.h5") as root:
        assert [root.text(name) for name in ("text", "bytes", "missing")] == ["é", "a", None]
        assert [root.attribute(name) for name in ("names", "words", "n", "r")] == [["a", "bc"], ["x", "y"], 3, 0.5]
        for name in ("bad", "none"):
            with pytest.raises(FileError, match=f"the attribute '{name}' of '/' is damaged"):
                root.attribute(name)
        with pytest.raises(FileError, match="the attribute 'n' of '/' is damaged: it is no text"):
            root.text("n")


def test_in_an_archive(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as written:
        written["x"] = np.ones(3)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "a.h5", "in/side.h5")
        archive.writestr("other.h5", "nothing")
    with open_hdf5(tmp_path / "a.zip", "in/side.h5") as root:
        np.testing.assert_array_equal(root.array("x").read(), np.ones(3))
    with (
        pytest.raises(FileError, match=r"other.h5 in .*a.zip is damaged or no HDF5 file"),
        open_hdf5(tmp_path / "a.zip", "other.h5"),
    ):
        pass


def _external(written: h5py.File) -> Any:
    return written.create_dataset("x", (3,), "f4", external=[("secret.bin", 0, 12)])


def _virtual(written: h5py.File) -> Any:
    layout = h5py.VirtualLayout((3,), "f4")
    layout[...] = h5py.VirtualSource("other.h5", "y", (3,))
    return written.create_virtual_dataset("x", layout)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda w: w.__setitem__("x", h5py.ExternalLink("other.h5", "/y")), "is a link to another place or file"),
        (lambda w: w.__setitem__("x", h5py.SoftLink("/x")), "is a link to another place or file"),
        (lambda w: w.__setitem__("x", w["/"]), "is a group that lies in two places"),
        (_external, "lies in another file"),
        (_virtual, "lies in another file"),
        (lambda w: w.create_dataset("x", (10**6, 10**6), "f4", chunks=(9, 9)), "claims 4,000,000,000,000 bytes"),
        (lambda w: w.create_dataset("x", data="hello"), "holds text or lists instead of numbers"),
        (lambda w: w.create_dataset("x", (3,), "c8"), "holds complex numbers instead of numbers"),
        (lambda w: w.create_dataset("x", (3,), [("a", "f4"), ("b", "i4")]), "holds records instead of numbers"),
        (lambda w: w.create_dataset("x", data=h5py.Empty("f4")), "is empty"),
        (lambda w: w.create_group("/".join(["x"] * 70)), None),
    ],
    ids=["external", "soft", "loop", "storage", "virtual", "huge", "text", "complex", "records", "empty", "deep"],
)
def test_what_is_no_array_of_this_file_says_why(tmp_path: Path, make: Any, why: str | None) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as written:
        make(written)
    with open_hdf5(tmp_path / "a.h5") as root:
        if why is None:
            group: Any = root
            while isinstance(group, Group):
                group = group.members["x"]
            assert isinstance(group, Unreadable)
            assert "groups deep" in group.reason
            return
        with pytest.raises(FileError, match=why):
            root.array("x")
    with pytest.raises(FileError, match=r"'y' is missing"), open_hdf5(tmp_path / "a.h5") as root:
        root.array("y")


@pytest.mark.parametrize(
    ("program", "error", "says"),
    [
        ("import os; os.abort()", FileError, "is damaged: reading it breaks the HDF5 library"),
        ("while True: pass", FileError, "is damaged: reading it does not come to an end"),
        ("import sys; sys.exit(3)", MissingPackage, "h5py is not installed"),
        ("import sys; sys.stdin.readline(); print('{')", ValueError, None),
    ],
    ids=["crash", "hang", "no h5py", "nonsense"],
)
def test_a_library_that_breaks_or_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, error: type[Exception], says: str | None
) -> None:
    (tmp_path / "reader.py").write_text(program)
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    monkeypatch.setattr(file, "_READER", tmp_path / "reader.py")
    monkeypatch.setattr(file, "_PATIENCE", 0.5)
    with pytest.raises(error, match=says), open_hdf5(tmp_path / "a.h5"):
        pass


def test_an_array_that_is_damaged_is_noticed_when_it_is_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as written:
        written.create_dataset("x", data=np.arange(100_000.0), compression="gzip", chunks=(100_000,))
    content = bytearray((tmp_path / "a.h5").read_bytes())
    content[-5000:-4000] = b"\xff" * 1000
    (tmp_path / "a.h5").write_bytes(content)
    with open_hdf5(tmp_path / "a.h5") as root:
        array = root.array("x")
        assert isinstance(array, Array)
        with pytest.raises(FileError, match=r"a.h5 is damaged: 'x' cannot be read"):
            array.read()
