"""Which ReLUs stand before a layer, and whether anything else does that bends the image's way to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from saccade.models.dataflow import Dataflow


@dataclass(frozen=True)
class Rectifiers:
    """The nonlinearities between the image and a layer.

    Attributes:
        paths: The layers whose result is that of a ReLU, in the order of computation; each can be tapped.
        obstacle: The first nonlinearity that is no ReLU, or that cannot be tapped, in words; None: there is none.
    """

    paths: tuple[str, ...] = ()
    obstacle: str | None = None


def steps_before(flow: Dataflow, layer: str) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """Every operation that a layer depends on, the layer itself among them, in the order of computation.

    Yields:
        The operation's name, what it reads, and whether all of that can be followed back to the image.
    """
    needed = {layer}
    for key in reversed(list(flow.operations)):
        if key in needed:
            needed.update(flow.operations[key].inputs)
    for key, operation in flow.operations.items():
        if key in needed:
            is_known = all(source == "input" or source in flow.operations for source in operation.inputs)
            yield key, operation.inputs, is_known and bool(operation.inputs)
