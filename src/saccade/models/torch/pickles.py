"""What a pickle in a torch file would make, told without making it.

A pickle is a small program that calls what it names. Here it is followed with stand-ins for everything it names, so
that nothing is imported or called. A tensor must lie inside its storage: what is then handed to PyTorch asks for no
memory that is not there.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

_OPCODES = b"".join(
    (
        pickle.PROTO, pickle.FRAME, pickle.STOP, pickle.MARK, pickle.POP, pickle.POP_MARK, pickle.DUP, pickle.NONE,
        pickle.NEWTRUE, pickle.NEWFALSE, pickle.INT, pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.LONG,
        pickle.LONG1, pickle.FLOAT, pickle.BINFLOAT, pickle.STRING, pickle.BINSTRING, pickle.SHORT_BINSTRING,
        pickle.UNICODE, pickle.BINUNICODE, pickle.SHORT_BINUNICODE, pickle.BINUNICODE8, pickle.BINBYTES,
        pickle.SHORT_BINBYTES, pickle.BINBYTES8, pickle.EMPTY_LIST, pickle.APPEND, pickle.APPENDS, pickle.LIST,
        pickle.EMPTY_TUPLE, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.EMPTY_DICT, pickle.DICT,
        pickle.SETITEM, pickle.SETITEMS, pickle.EMPTY_SET, pickle.ADDITEMS, pickle.GET, pickle.BINGET,
        pickle.LONG_BINGET, pickle.PUT, pickle.BINPUT, pickle.LONG_BINPUT, pickle.MEMOIZE, pickle.GLOBAL,
        pickle.STACK_GLOBAL, pickle.REDUCE, pickle.BUILD, pickle.NEWOBJ, pickle.BINPERSID,
    )
)  # fmt: skip
"""The others make room for bytes that are not there, or name things by a number."""

_ITEM_SIZES = {
    "Bool": 1, "Byte": 1, "Char": 1, "Short": 2, "Half": 2, "BFloat16": 2, "Int": 4, "Float": 4, "Long": 8,
    "Double": 8, "ComplexFloat": 8, "ComplexDouble": 16, "QInt8": 1, "QUInt8": 1, "QInt32": 4, "QUInt4x2": 1,
    "QUInt2x4": 1, "Untyped": 1,
}  # fmt: skip
_PLACED = ("torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_qtensor")
_MOST_DIMENSIONS = 64


class DamagedPickle(Exception):
    """The pickle does not say what a pickle of PyTorch's says."""


@dataclass(frozen=True)
class Pickled:
    """What one pickle names and needs.

    Attributes:
        names: Every class and function, as `module.name`.
        storages: The bytes of every storage, by its key.
        content: The plain containers and numbers, a `StoredTensor` for every tensor, a `StoredObject` for every object
            of a class that is a script itself, and stand-ins for all else.
        objects: All of the stored objects.
    """

    names: frozenset[str]
    storages: Mapping[str, int]
    content: Any
    objects: tuple[StoredObject, ...] = ()


def read_pickle(file: Any) -> Pickled:
    """Follow one pickle from where a file in memory stands, which is left behind it.

    Raises:
        DamagedPickle: It breaks off, holds something that PyTorch never writes, or a tensor outside its storage.
    """
    follower = _Follower(file)
    try:
        content = follower.load()
    except DamagedPickle:
        raise
    except Exception as error:
        # A damaged pickle can trip over anything that the stack machine does.
        raise DamagedPickle("a pickle in it cannot be followed") from error
    return Pickled(frozenset(follower.names), follower.storages, content, tuple(follower.objects))


def check_inside(size: Any, stride: Any, offset: Any, count: int) -> None:
    """Raise DamagedPickle unless a tensor of this shape lies inside its storage of so many numbers."""
    sizes, strides = _counts(size), _counts(stride)
    if sizes is None or strides is None or len(sizes) != len(strides) or not _is_count(offset):
        raise DamagedPickle("a tensor in it has no proper shape")
    if not all(sizes):
        last = offset - 1
    else:
        last = offset + sum((length - 1) * step for length, step in zip(sizes, strides, strict=True))
    if last >= count:
        raise DamagedPickle("a tensor in it is larger than what is stored of it")


class _Storage(NamedTuple):
    """A stand-in for the numbers of one or more tensors: where they lie. As a tuple nothing can be set on it."""

    key: str
    kind: str
    numbers: int


class _StorageType(NamedTuple):
    """A stand-in for the class of a storage: the kind of its numbers, and the bytes of each."""

    kind: str
    item_size: int


class _Anything:
    """A stand-in for a class or a function, and for whatever it makes."""

    def __new__(cls, *_arguments: Any) -> Self:
        return object.__new__(cls)

    def __init__(self, *_arguments: Any) -> None:
        """Take the arguments of any class."""

    def __call__(self, *_arguments: Any) -> _Anything:
        return self

    def __setstate__(self, _state: Any) -> None:
        """Take the state of any object."""

    def __setitem__(self, _key: Any, _value: Any) -> None:
        """Take the items of any mapping."""

    def append(self, _value: Any) -> None:
        """Take the items of any list."""


class _Memo(dict[int, Any]):
    """Values to come back to, numbered in the order in which they come.

    Python goes by the number that the file names, PyTorch's reader of scripts by the order; so they must be the same.
    """

    def __setitem__(self, number: int, value: Any) -> None:
        if number != len(self):
            raise DamagedPickle("a pickle in it counts in an odd way")
        super().__setitem__(number, value)


class _Follower(pickle._Unpickler):
    """Python's own stack machine, with stand-ins in place of everything that it would import.

    Not its twin in C, whose memo grows to whatever number the file names.
    """

    dispatch = {code: pickle._Unpickler.dispatch[code] for code in _OPCODES}  # noqa: RUF012  (as in the class above)

    def __init__(self, file: Any) -> None:
        super().__init__(file, encoding="utf-8")
        self.memo = _Memo()
        self.names: set[str] = set()
        self.storages: dict[str, int] = {}
        self.objects: list[StoredObject] = []

    def find_class(self, module: str, name: str) -> Any:
        """A stand-in for a class or a function."""
        self.names.add(f"{module}.{name}")
        if f"{module}.{name}" in _PLACED:
            return _placed
        if f"{module}.{name}" == "torch._utils._rebuild_parameter":
            return _parameter
        if f"{module}.{name}" == "collections.OrderedDict":
            return OrderedDict
        if module in ("torch", "torch.storage") and name.endswith("Storage"):
            item_size = _ITEM_SIZES.get(name.removesuffix("Storage"))
            if item_size is None:
                raise DamagedPickle(f"it holds numbers of an unknown kind ({name[:40]!r})")
            return _StorageType(name.removesuffix("Storage"), item_size)
        if module.startswith("torch.jit._pickle"):
            return _typed
        if f"{module}.".startswith("__torch__."):
            return _class_of(f"{module}.{name}", self.objects)
        return _Anything

    def persistent_load(self, pid: Any) -> Any:
        """A stand-in for a storage, whose bytes lie elsewhere in the file, or for a class with its source."""
        if isinstance(pid, tuple) and len(pid) > 1 and pid[0] == "module":
            return pid[1]
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage" or not isinstance(pid[1], _StorageType):
            raise DamagedPickle("it refers to something that is no storage")
        key, count = str(pid[2]), pid[4]
        if not _is_count(count):
            raise DamagedPickle("a storage in it has no size")
        size = count * pid[1].item_size
        if self.storages.setdefault(key, size) != size:
            raise DamagedPickle("a storage in it has two sizes")
        return _Storage(key, pid[1].kind, count)


class StoredObject(_Anything):
    """A stand-in for an object of a script.

    Attributes:
        kind: The full name of its class.
        states: What was set on it, one after the other.
    """

    kind: str
    states: list[Any]

    def __setstate__(self, state: Any) -> None:
        self.states.append(state)


def _class_of(kind: str, objects: list[StoredObject]) -> Any:
    """A stand-in for the class of this name; what is made of it is put into the list."""

    class OfKind(StoredObject):
        def __new__(cls, *_arguments: Any) -> Self:
            instance = object.__new__(cls)
            instance.kind, instance.states = kind, []
            objects.append(instance)
            return instance

    return OfKind


class StoredTensor(_Anything):
    """A stand-in for a tensor: where its numbers lie, and how they are laid out.

    No state is set on it, because that could give it another size.

    Attributes:
        key: Its storage.
        kind: The kind of the storage's numbers: `"Float"`, `"Half"`, ...
        numbers: How many numbers the storage holds.
        offset: At which of them it begins.
        size: Its shape.
        stride: How far apart its neighbours lie along each axis.
    """

    key: str
    kind: str
    numbers: int
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def __setstate__(self, _state: Any) -> None:
        raise DamagedPickle("a tensor in it is made in an odd way")


def _placed(storage: Any, offset: Any, size: Any, stride: Any, *_rest: Any) -> StoredTensor:
    """A stand-in for the functions that make a tensor out of a storage."""
    if not isinstance(storage, _Storage):
        raise DamagedPickle("a tensor in it has no storage")
    check_inside(size, stride, offset, storage.numbers)
    tensor = StoredTensor()
    tensor.key, tensor.kind, tensor.numbers = storage
    tensor.offset, tensor.size, tensor.stride = offset, tuple(size), tuple(stride)
    return tensor


def _parameter(tensor: Any, *_rest: Any) -> Any:
    return tensor


def _typed(value: Any, *_rest: Any) -> Any:
    """A stand-in for the functions that say of which type a list is."""
    return value


def _counts(values: Any) -> list[int] | None:
    if not isinstance(values, (list, tuple)) or len(values) > _MOST_DIMENSIONS:
        return None
    return list(values) if all(_is_count(value) for value in values) else None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
