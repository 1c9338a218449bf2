"""How places move through a Keras model, layer call by layer call."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Literal

from saccade.models.dataflow import POINTWISE, Dataflow, Operation
from saccade.models.keras.calls import ROOT, Call, Recorder, named_parts
from saccade.models.keras.channel_order import ChannelOrder
from saccade.models.keras.windows import windows_of
from saccade.models.places import Places
from saccade.typing import Tensor

_UNKNOWN = "unknown"
"""Stands for what computed a tensor outside of all layers."""


def dataflow_of(
    recorder: Recorder, order: ChannelOrder, layers: Collection[str], *, inside_layers: bool = True
) -> Dataflow:
    """How places move through a model at the size of one image.

    Args:
        recorder: One run on an image of this size.
        order: The order of the model's channels.
        layers: The paths of all layers that can be read.
        inside_layers: What a layer computes between the layers inside it, such as attention, counts as computed of
            all that it has read and made so far; else nothing is known of it.
    """
    following = _Following(recorder, order, inside_layers=inside_layers)
    for call in recorder.calls:
        following.add(call)
    following.add_outputs(recorder, layers)
    shapes = {
        path: order.shape(result) for call in recorder.calls for path, result in named_parts(call.path, call.output)
    }
    return Dataflow(following.size, following.operations, shapes)


class _Following:
    """Follows the tensors of one run from call to call.

    Attributes:
        size: Height and width of the image.
        operations: What every call does with places.
    """

    def __init__(self, recorder: Recorder, order: ChannelOrder, *, inside_layers: bool) -> None:
        self.operations: dict[str, Operation] = {}
        height, width, _ = order.shape(recorder.images)
        self.size = height, width
        self._order = order
        self._inside_layers = inside_layers
        self._calls = {call.path: call for call in recorder.calls}
        self._makers: dict[int, str] = {id(recorder.images): "input"}
        self._alive: list[Tensor] = []  # ids are only unique while the tensors live
        self._places: dict[str, Places] = {}

    def add(self, call: Call) -> None:
        """One call more."""
        self._alive.extend(call.inputs)
        sources = tuple(map(self._maker, call.inputs))
        is_followed = _UNKNOWN not in sources
        if not is_followed and self._inside_layers:
            sources = self._sources_inside(call, sources)
        maker = self._makers.get(id(call.output))
        if maker is not None and maker not in sources:
            self.operations[call.path] = self._handed_on(call, maker)
        else:
            self.operations[call.path] = self._computed(call, sources, is_followed=is_followed)
        for path, result in named_parts(call.path, call.output):
            if path != call.path:
                # One of several results; a sub-model hands on what its own layers made.
                maker = self._makers.get(id(result), call.path)
                self.operations[path] = Operation((maker,), POINTWISE, self._order.grid(result))
            self._alive.append(result)
            self._makers[id(result)] = path

    def add_outputs(self, recorder: Recorder, layers: Collection[str]) -> None:
        """What the model gives; where no layer made it, something outside of them has computed it."""
        for path, result in named_parts(ROOT, recorder.output):
            if path in layers and path not in self.operations:
                self.operations[path] = Operation((self._maker(result),), None, self._order.grid(result))

    def _maker(self, tensor: Tensor) -> str:
        return self._makers.get(id(tensor), _UNKNOWN)

    def _sources_inside(self, call: Call, sources: Sequence[str]) -> tuple[str, ...]:
        """All that the layer around a call has read and made so far, beside what is known."""
        owner = self._calls.get(call.path.rpartition("/")[0])
        if owner is None:
            return tuple(sources)
        inside = [path for path in self.operations if path.startswith(f"{owner.path}/")]
        known_sources = [source for source in sources if source != _UNKNOWN]
        return tuple(dict.fromkeys([*known_sources, *inside, *map(self._maker, owner.inputs)]))

    def _handed_on(self, call: Call, maker: str) -> Operation:
        """A sub-model or block hands on what one of its own layers made."""
        grid = self._order.grid(call.output)
        places = self._places.get(maker)
        if places is not None:
            self._places[call.path] = places
        return Operation((maker,), POINTWISE, grid, places if places is not None and grid is None else "grid")

    def _computed(self, call: Call, sources: tuple[str, ...], *, is_followed: bool) -> Operation:
        grids = [self._order.grid(tensor) for tensor in call.inputs]
        leaving = self._order.grid(call.output) if hasattr(call.output, "shape") else None
        windows = windows_of(call.layer, grids, leaving, self._order.axis) if is_followed else None
        places = self._places_after(call, sources, leaving)
        if isinstance(places, Places):
            self._places[call.path] = places
        elif places == "grid" and leaving is not None:
            self._places[call.path] = Places(*leaving)
        return Operation(sources, windows, leaving, places)

    def _places_after(
        self, call: Call, sources: Sequence[str], leaving: tuple[int, int] | None
    ) -> Places | Literal["grid"] | None:
        """Where rows and columns lie in what a layer gave: a map put in another form keeps them."""
        kind = type(call.layer).__name__
        before = self._places.get(sources[0]) if len(sources) == 1 else None
        if tuple(sources) == ("input",):
            before = Places(*self.size)
        if kind == "EinsumDense" and before is None:
            return None  # tokens by heads
        if kind not in ("Flatten", "Reshape") or before is None or not hasattr(call.output, "shape"):
            return "grid"
        if leaving == before.grid and not before.special:
            return "grid"
        if self._order.is_first and len(call.inputs[0].shape) == 4:
            # Flatten puts the channels last if it is told that they come first.
            first = kind == "Reshape" or call.layer.data_format != "channels_first"
            return replace(before, channels_first=first)
        return before
