"""Can a model that was built from a file be called at all, within the memory and the time that there are?"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from saccade.errors import ModelError
from saccade.models.messages import layer_label

_MOST_NUMBERS = 2**28
"""Numbers that a layer may give for one image."""
_MOST_PLACES = 10**6
"""Places along one axis of a map; some layers compute as many windows while they are called."""
_MOST_STEPS = 10_000
"""Steps of a sequence for each of which a layer is called once."""


def refuse_unfit(model: Any) -> None:
    """Refuse what Keras builds without effort, and cannot call.

    Args:
        model: A model as it was built, before it is called.

    Raises:
        ModelError: A layer would get its weights only then, or would give or take far too much; it says which.
    """
    _refuse_unbuilt(model)
    for operation, shape in _results(model):
        label = layer_label(operation.name, type(operation).__name__)
        # Frameworks pad an image to the size of a dilated window, and end the process where it is beyond all bounds.
        kernel, dilation = (getattr(operation, name, ()) for name in ("kernel_size", "dilation_rate"))
        window = [(side - 1) * apart + 1 for side, apart in zip(kernel, dilation, strict=False)]
        if prod(window) > _MOST_NUMBERS:
            raise ModelError(f"{label} looks at {prod(window):,} places at once, more than {_MOST_NUMBERS:,}.")
        sizes = [size for size in shape[1:] if size is not None]
        if prod(sizes) > _MOST_NUMBERS:
            raise ModelError(f"{label} gives {prod(sizes):,} numbers for one image, more than {_MOST_NUMBERS:,}.")
        if len(sizes) > 1 and max(sizes) > _MOST_PLACES:
            raise ModelError(f"{label} gives {max(sizes):,} places along one axis, more than {_MOST_PLACES:,}.")
        if type(operation).__name__ == "TimeDistributed" and (shape[1] or 0) > _MOST_STEPS:
            raise ModelError(f"{label} calls a layer {shape[1]:,} times, more than {_MOST_STEPS:,}.")


def _refuse_unbuilt(model: Any) -> None:
    """A layer of Keras that was not built with the model would get weights when it is first called, uncounted."""
    layers = model._flatten_layers()
    # What lies inside a class of the user's own need not be called at all.
    if all(type(layer).__module__.startswith("keras.") for layer in layers):
        unbuilt = next((layer for layer in layers if not layer.built), None)
        if unbuilt is not None:
            raise ModelError(
                f"{layer_label(unbuilt.name, type(unbuilt).__name__)} lies inside another layer, such as its "
                "activation, and has weights of its own, which cannot be rebuilt."
            )


def _results(model: Any) -> Iterator[tuple[Any, tuple[int | None, ...]]]:
    """Every result in the graph of a model, and of the models inside it, by its shape."""
    import keras

    for part in model._flatten_layers():
        if isinstance(part, keras.Model):
            graph = getattr(part, "_functional", None) or part
            for operation in getattr(graph, "operations", ()):
                for node in operation._inbound_nodes:
                    yield from ((operation, tuple(tensor.shape)) for tensor in node.output_tensors)
