"""What the computation of a torch module depends on, beside the values in its weights: is it still the same one?"""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain
from operator import attrgetter, is_, methodcaller
from typing import Any

from saccade.models.torch.state import parts_in

_address = methodcaller("data_ptr")
_kind = attrgetter("dtype")
_SEQUENCES = (list, tuple, set, frozenset)
_DEPTH = 2
"""Containers on an attribute are looked into, and containers in these; what lies deeper is only known as a whole."""


class Composition:
    """A module's parts, their attributes and where their weights lie, as they were at one moment.

    The values in the weights may change, as in training. Everything else that a part refers to is kept alive here, so
    that nothing new can take its place in memory unnoticed; attributes that are dicts, lists, tuples or sets are looked
    into.

    Args:
        module: The module.

    Example:
        >>> import torch
        >>> module = torch.nn.ELU(alpha=1.0)
        >>> composition = Composition(module)
        >>> module.alpha = 2.0
        >>> composition.holds()
        False
    """

    def __init__(self, module: Any) -> None:
        self._contents: list[Collection[Any]] = []  # the values of a dict show what it holds at any time
        self._lengths: list[int] = []
        self._values: list[Any] = []
        self._empty: list[Collection[Any]] = []
        self._tensors: list[Any] = []
        for part in parts_in(module):
            self._record(vars(part), 0)
        self._addresses = list(map(_address, self._tensors))
        self._kinds = list(map(_kind, self._tensors))
        self._precision = _precision()

    def is_in_place(self) -> bool:
        """Do its tensors still lie where they lay? Then what computes with these addresses at least reads them."""
        return list(map(_address, self._tensors)) == self._addresses

    def holds(self) -> bool:
        """Is the module still put together like this, at the same addresses, and computed in the same precision?"""
        return (
            not any(self._empty)
            and list(map(len, self._contents)) == self._lengths
            and all(map(is_, chain.from_iterable(self._contents), self._values))
            and self.is_in_place()
            and list(map(_kind, self._tensors)) == self._kinds
            and _precision() == self._precision
        )

    def _record(self, container: Collection[Any], depth: int) -> None:
        if not container:
            self._empty.append(container)
            return
        content = container.values() if isinstance(container, dict) else container
        values = list(content)
        self._contents.append(content)
        self._lengths.append(len(values))
        self._values += values
        for value in values:
            if hasattr(value, "data_ptr"):
                self._tensors.append(value)
            elif depth < _DEPTH and isinstance(value, (dict, *_SEQUENCES)):
                self._record(value, depth + 1)


def _precision() -> tuple[Any, ...]:
    """What torch is told about precision and algorithms for the whole process."""
    import torch

    backends = torch.backends
    return (
        backends.cuda.matmul.allow_tf32,
        backends.cudnn.allow_tf32,
        backends.cudnn.enabled,
        backends.cudnn.benchmark,
        backends.cudnn.deterministic,
        torch.are_deterministic_algorithms_enabled(),
        torch.is_autocast_enabled(),
    )
