"""An HDF5 file as groups, attributes and arrays whose numbers are read only when they are wanted."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from saccade.errors import FileError, MissingPackage

_READER = Path(__file__).with_name("reader.py")
_PATIENCE = 60.0
"""Seconds for one answer, besides what its size takes, on systems that know no bound on processor time."""
_BYTES_A_SECOND = 10 * 2**20
_LONGEST_LINE = 2**29
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
    # A file may name a filter that HDF5 would load as a plugin.
    "HDF5_PLUGIN_PRELOAD": "::",
}  # fmt: skip
_NO_PACKAGE = 3
"""The status with which the reader ends when it cannot import what it needs."""


@dataclass(frozen=True)
class Unreadable:
    """A member that is not what Keras writes, and why, as the rest of a sentence."""

    path: str
    reason: str


@dataclass(frozen=True)
class Array:
    """An array in the file; its numbers stay there until `read`.

    Attributes:
        path: Where it lies in the file.
        shape: Its shape.
        dtype: The type in which its numbers are given.
    """

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    _reader: _Reader = field(repr=False)

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)

    def read(self) -> np.ndarray:
        """Its numbers.

        Raises:
            FileError: They are damaged.
        """
        return self._reader.read(self)


@dataclass(frozen=True)
class Group:
    """A group: attributes, and members by name."""

    path: str
    attributes: Mapping[str, Any]
    members: Mapping[str, Group | Array | Unreadable]

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def group(self, path: str) -> Group:
        """The group of this name, or along this path of names.

        Raises:
            FileError: There is none, or it cannot be read.
        """
        group = self
        for name in path.split("/"):
            member = group._member(name)
            if not isinstance(member, Group):
                raise FileError(f"{member.path!r} is an array where a group belongs.")
            group = member
        return group

    def groups(self) -> dict[str, Group]:
        """Every group directly in this one, by name."""
        return {name: member for name, member in self.members.items() if isinstance(member, Group)}

    def array(self, path: str) -> Array:
        """The array of this name, or along this path of names.

        Raises:
            FileError: There is none, or it cannot be read.
        """
        steps, _, name = path.rpartition("/")
        member = (self.group(steps) if steps else self)._member(name)
        if not isinstance(member, Array):
            raise FileError(f"{member.path!r} is a group where an array belongs.")
        return member

    def arrays(self) -> Iterator[Array]:
        """Every array in this group and in the groups inside it."""
        waiting: list[Group] = [self]
        while waiting:
            for member in waiting.pop().members.values():
                if isinstance(member, Group):
                    waiting.append(member)
                elif isinstance(member, Array):
                    yield member

    def attribute(self, name: str) -> Any:
        """A text, a number or a list of these; None when there is no such attribute.

        Raises:
            FileError: It is damaged.
        """
        value = self.attributes.get(name)
        if isinstance(value, Mapping):
            raise FileError(f"the attribute {name!r} of {self.path!r} is damaged: {value['damaged']}.")
        return value

    def text(self, name: str) -> str | None:
        """An attribute that is text; None when there is none.

        Raises:
            FileError: It is damaged, or something else than text.
        """
        value = self.attribute(name)
        if value is not None and not isinstance(value, str):
            raise FileError(f"the attribute {name!r} of {self.path!r} is damaged: it is no text.")
        return value

    def _member(self, name: str) -> Group | Array:
        member = self.members.get(name)
        if member is None:
            raise FileError(f"{_joined(self.path, name)!r} is missing.")
        if isinstance(member, Unreadable):
            raise FileError(f"{member.path!r} {member.reason}.")
        return member


@contextmanager
def open_hdf5(
    path: Path, member: str | None = None, *, meanwhile: Callable[[], object] | None = None
) -> Iterator[Group]:
    """Open an HDF5 file, or one that lies in a zip archive, for reading.

    Args:
        path: The file.
        member: Its name in the archive that `path` is.
        meanwhile: What to do while the other process starts and reads, such as a long import.

    Raises:
        FileError: Missing, damaged, or no HDF5 file.
        MissingPackage: h5py is not installed.
    """
    if not path.is_file():
        raise FileError(f"no file {path}.")
    reader = _Reader(path, member)
    try:
        if meanwhile is not None:
            meanwhile()
        yield reader.open()
    finally:
        reader.close()


class _Reader:
    """The process that reads, seen from here."""

    def __init__(self, path: Path, member: str | None) -> None:
        self._path = path
        self._member = member
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, and no shell
                [sys.executable, str(_READER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **_ENVIRONMENT},
            )
        except OSError as error:
            raise FileError(f"{path} cannot be read: the program that reads HDF5 files does not start.") from error
        self._send({"path": str(path.resolve()), "member": member})

    def open(self) -> Group:
        with self._waiting(self._path.stat().st_size):
            answer = self._answer()
        if "error" in answer:
            raise FileError(f"{self._name} is damaged or no HDF5 file: {answer['error']}.")
        return self._group((), answer["root"])

    def read(self, array: Array) -> np.ndarray:
        values = np.empty(array.shape, array.dtype)
        with self._waiting(values.nbytes):
            self._send({"read": array.path.split("/")})
            answer = self._answer()
            if answer.get("bytes") != values.nbytes:
                raise FileError(f"{self._name} is damaged: {array.path!r} cannot be read.")
            self._fill(values.reshape(-1).view(np.uint8).data)
        return values

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def _name(self) -> str:
        return str(self._path) if self._member is None else f"{self._member} in {self._path}"

    def _send(self, request: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        # A process that has ended answers nothing, and that is where it is noticed.
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline(_LONGEST_LINE)
        if not line.endswith(b"\n"):
            self._ended()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _fill(self, values: memoryview) -> None:
        assert self._process.stdout is not None
        while values:
            count = self._process.stdout.readinto(values)  # type: ignore[attr-defined]
            if not count:
                self._ended()
            values = values[count:]

    def _ended(self) -> None:
        """Say why the process ended early."""
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        if status == _NO_PACKAGE:
            raise MissingPackage.of("h5py", "tensorflow")
        slow = status in (-getattr(signal, "SIGXCPU", 0), -getattr(signal, "SIGKILL", 0))
        raise FileError(
            f"{self._name} is damaged: reading it {'does not come to an end' if slow else 'breaks the HDF5 library'}."
        )

    @contextmanager
    def _waiting(self, size: int) -> Iterator[None]:
        """End the process when its answer takes far too long."""
        timer = threading.Timer(_PATIENCE + size / _BYTES_A_SECOND, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _group(self, steps: tuple[str, ...], node: Mapping[str, Any]) -> Group:
        members: dict[str, Group | Array | Unreadable] = {}
        for name, member in node["members"].items():
            inner = (*steps, name)
            path = "/".join(inner)
            if "members" in member:
                members[name] = self._group(inner, member)
            elif "unreadable" in member:
                members[name] = Unreadable(path, member["unreadable"])
            else:
                members[name] = Array(path, tuple(member["shape"]), np.dtype(member["type"]), self)
        return Group("/".join(steps) or "/", node["attributes"], members)


def _joined(path: str, name: str) -> str:
    return name if path == "/" else f"{path}/{name}"
