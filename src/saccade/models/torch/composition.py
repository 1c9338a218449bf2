"""What the computation of a torch module depends on, beside the values in its weights: is it still the same one?"""

from __future__ import annotations

from typing import Any

from saccade.models.torch.state import parts_in

_CONTAINERS = (list, tuple, set, frozenset)


class Composition:
    """A module's parts, their attributes and where their weights lie, as they were at one moment.

    The values themselves may change, as in training. What hangs on an attribute is held, so that nothing new can take
    its place in memory unnoticed; attributes that are dicts, lists, tuples or sets are looked into.

    Args:
        module: The module.

    Example:
        >>> before = Composition(module)
        >>> module.scale = 2.0
        >>> before == Composition(module)
        False
    """

    def __init__(self, module: Any) -> None:
        import torch

        backends = torch.backends
        self._objects: list[Any] = []
        self._places: list[Any] = [
            backends.cuda.matmul.allow_tf32,
            backends.cudnn.allow_tf32,
            backends.cudnn.enabled,
            backends.cudnn.benchmark,
            backends.cudnn.deterministic,
            torch.get_float32_matmul_precision(),
            torch.are_deterministic_algorithms_enabled(),
            torch.is_autocast_enabled(),
        ]
        for part in parts_in(module):
            self._objects.append(part)
            for value in vars(part).values():
                self._add(value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Composition) or len(self._objects) != len(other._objects):
            return False
        same = all(mine is theirs for mine, theirs in zip(self._objects, other._objects, strict=True))
        return same and self._places == other._places

    __hash__ = None  # type: ignore[assignment]  # compared, never looked up

    def _add(self, value: Any, depth: int = 0) -> None:
        import torch

        if isinstance(value, torch.Tensor):
            self._objects.append(value)
            self._places.append((value.data_ptr(), value.dtype, value.shape, value.stride()))
        elif depth < 2 and isinstance(value, dict):
            for name, each in value.items():
                self._places.append(name)
                self._add(each, depth + 1)
        elif depth < 2 and isinstance(value, _CONTAINERS):
            self._places.append(len(value))
            for each in value:
                self._add(each, depth + 1)
        else:
            self._objects.append(value)
