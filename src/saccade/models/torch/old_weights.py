"""The weights in a file of PyTorch from before 1.6 as arrays, read without PyTorch.

Such a file is four pickles, which are followed without making anything of them, the keys of the storages, and then the
numbers of one storage after the other.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from saccade.errors import FileError
from saccade.models.torch.pickles import DamagedPickle, StoredTensor, read_pickle

_BEFORE_CONTENT = 3
"""Pickles: a magic number, a version, and how the machine stored numbers."""
_TYPES = {"Float": "<f4", "Double": "<f8", "Half": "<f2", "Long": "<i8", "Int": "<i4"}
_COUNT = 8
"""Bytes of the number that says how many numbers follow."""


def read_old_weights(path: Path) -> dict[str, NDArray[np.generic]]:
    """The tensors of a state dict, by name.

    Args:
        path: A file that `torch.save` wrote before PyTorch 1.6, or later in the old way.

    Raises:
        FileError: It is damaged, or holds something else.
    """
    file = io.BytesIO(path.read_bytes())
    try:
        for _ in range(_BEFORE_CONTENT):
            read_pickle(file)
        content = read_pickle(file).content
        keys = read_pickle(file).content
        if not isinstance(content, Mapping) or not isinstance(keys, list):
            raise DamagedPickle("it holds no weights by name")
        tensors = {str(name): value for name, value in content.items() if isinstance(value, StoredTensor)}
        storages = _storages(file, keys, {tensor.key: tensor for tensor in tensors.values()})
        return {name: _array(tensor, storages[tensor.key]) for name, tensor in tensors.items()}
    except (DamagedPickle, KeyError) as error:
        raise FileError(f"{path.name} is damaged: {error}; copy or download it again.") from error


def _storages(
    file: io.BytesIO, keys: list[object], users: Mapping[str, StoredTensor]
) -> dict[str, NDArray[np.generic]]:
    """The numbers of each storage, in the order in which they follow."""
    storages = {}
    for key in map(str, keys):
        if key not in users or users[key].kind not in _TYPES:
            raise DamagedPickle(f"nothing says what the numbers {key!r} are")
        kind = np.dtype(_TYPES[users[key].kind])
        head = file.read(_COUNT)
        count = users[key].numbers
        numbers = file.read(count * kind.itemsize)
        if head != count.to_bytes(_COUNT, "little") or len(numbers) != count * kind.itemsize:
            raise DamagedPickle("a tensor in it is not all there")
        storages[key] = np.frombuffer(numbers, kind)
    return storages


def _array(tensor: StoredTensor, storage: NDArray[np.generic]) -> NDArray[np.generic]:
    # A tensor was checked against what it says itself of its storage, and another one may say that it is of doubles.
    if tensor.numbers != len(storage) or _TYPES.get(tensor.kind) != storage.dtype.str:
        raise DamagedPickle(f"what is said of the numbers {tensor.key!r} contradicts itself")
    strides = [step * storage.itemsize for step in tensor.stride]
    laid_out = np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.size, strides, writeable=False)
    return np.ascontiguousarray(laid_out).reshape(tensor.size)
