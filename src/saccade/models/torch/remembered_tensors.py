"""Tensors that functions remember (`functools.lru_cache`), such as the coordinates of a rotary position embedding.

They outlive the call that made them. So a run without numbers must leave none behind, and what was there before a run
does not depend on its images.
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Iterator
from typing import Any

from saccade.typing import Tensor

_DEPTH = 3
"""Results lie in the cache itself, in its dictionary, or in a tuple or list of theirs."""


def remembered_tensors() -> Iterator[Tensor]:
    """Every tensor that a function remembers."""
    for function in _remembering_functions():
        yield from _tensors_of(function)


def forget(kind: type[Any]) -> None:
    """Empty the memory of every function that remembers a tensor of this kind."""
    for function in _remembering_functions():
        if any(isinstance(tensor, kind) for tensor in _tensors_of(function)):
            function.cache_clear()


def _remembering_functions() -> list[Any]:
    wrapper = functools._lru_cache_wrapper
    return [each for each in gc.get_objects() if type(each) is wrapper and each.cache_info().currsize]


def _tensors_of(function: Any) -> Iterator[Tensor]:
    import torch

    level = [each for each in gc.get_referents(function) if each is not function.__wrapped__]
    for _ in range(_DEPTH):
        yield from (each for each in level if isinstance(each, torch.Tensor))
        level = gc.get_referents(*(each for each in level if type(each) in (dict, tuple, list)))
