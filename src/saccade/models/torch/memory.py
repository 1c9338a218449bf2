"""Telling tensors apart by the memory that they show, without keeping any of them alive."""

from __future__ import annotations

from typing import Any

from saccade.typing import Tensor

Geometry = tuple[Any, ...]
"""How a tensor shows its memory: shape, strides, offset and type."""


class Memory:
    """Numbers blocks of memory.

    A number is never given out again while this object lives, also when the block itself is long free.
    """

    def __init__(self) -> None:
        self._storages: dict[int, Any] = {}

    def block(self, tensor: Tensor) -> int:
        """The number of the memory that a tensor lies in."""
        from torch.multiprocessing.reductions import StorageWeakRef

        try:
            storage = tensor.untyped_storage()
        except (NotImplementedError, RuntimeError):
            # Sparse and packed tensors share their memory with nobody; they are few, and kept.
            self._storages[-id(tensor)] = tensor
            return -id(tensor)
        number = int(storage._cdata)
        if number not in self._storages:
            # The numbers are freed in time; only their address stays taken.
            self._storages[number] = StorageWeakRef(storage)
        return number


def geometry_of(tensor: Tensor) -> Geometry:
    """How a tensor shows its memory."""
    try:
        return tuple(tensor.shape), tuple(tensor.stride()), tensor.storage_offset(), tensor.dtype
    except (NotImplementedError, RuntimeError):
        return tuple(tensor.shape), tensor.dtype
