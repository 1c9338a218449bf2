"""Two layers of a Keras model that are computed together, in less time and with the same result.

It is done inside functional and Sequential models, where nothing can read a layer's result but the layers and
operations that are recorded, and only for Keras's own layers. Other layers work in their places; they themselves are
not changed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from saccade.models.keras.calls import Call, tensors_in
from saccade.typing import Tensor

Replacement = Callable[..., Tensor]
"""Works in place of a layer: gets Keras's own call of a layer, and what that layer is called with."""


@dataclass(frozen=True)
class Rewrite(ABC):
    """Two layers that are computed together.

    Attributes:
        layer: The path of the first, whose result is not there in a run that is rewritten.
        reader: The path of the second.
    """

    layer: str
    reader: str

    @classmethod
    @abstractmethod
    def started(cls, rewrites: Sequence[Self]) -> Mapping[str, Replacement]:
        """What works in place of the layers in one run, by path."""


class Calls:
    """The calls of one run in order, and who reads what they give.

    Args:
        calls: Every call.
        result: What the model gave.
    """

    def __init__(self, calls: Sequence[Call], result: Tensor) -> None:
        import keras

        self._calls = calls
        self._readers: dict[int, list[Call]] = {}
        for call in calls:
            for tensor in call.inputs:
                self._readers.setdefault(id(tensor), []).append(call)
        # What a sub-model hands on may be read by others.
        models = [call.output for call in calls if isinstance(call.layer, keras.Model)]
        self._handed_on = {id(tensor) for tensor in tensors_in([result, *models])}

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls)

    def only_reader(self, call: Call) -> Call | None:
        """The call that alone reads what another gives; None where several do, or where that is not certain."""
        readers = self._readers.get(id(call.output), [])
        if len(readers) != 1 or id(call.output) in self._handed_on or not (call.in_graph and readers[0].in_graph):
            return None
        return readers[0]


def is_kind(layer: Any, *names: str) -> bool:
    """Is this one of Keras's own layers with these names?"""
    kind = type(layer)
    return kind.__module__.startswith("keras.src.layers.") and kind.__name__ in names
