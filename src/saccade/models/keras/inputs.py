"""Which images does a Keras model take? Where it takes none, which part of it does is said."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from saccade.errors import InputError, ModelError
from saccade.models.input_shape import InputShape

_MOST_NUMBERS = 2**28
"""Numbers of a batch that a model may ask for by its fixed size."""
_FLAT = ((28, 28, 1), (32, 32, 3), (64, 64, 1), (64, 64, 3), (32, 32, 1), (8, 8, 1), (16, 16, 1), (28, 28, 3))


def input_of(model: Any, input_shape: InputShape | None, *, channels_first: bool) -> tuple[int | None, InputShape]:
    """The batch size of a model, where it is fixed, and height and width (None: free) and channels of one image.

    Args:
        model: The model.
        input_shape: As the caller says, for a model that does not.
        channels_first: Its layers have the channels first.

    Raises:
        ModelError: It takes no single image; the message says what to give instead.
    """
    shape, is_seen = _declared(model)
    if isinstance(shape, (list, dict)) and len(shape) == 1:
        shape = next(iter(shape.values())) if isinstance(shape, dict) else shape[0]
    if isinstance(shape, (list, dict)) and shape and not isinstance(next(iter(shape)), (int, type(None))):
        raise ModelError(
            f"{model.name!r} takes {len(shape)} inputs; saccade explains models that take one image: {_instead(model)}"
        )
    if not _has_call(model):
        raise ModelError(f"{model.name!r} has no call(), so it cannot be called; {_instead(model)}")
    if input_shape is not None:
        height, width, channels = input_shape
        if height in (1, 3) and channels not in (1, 3, 4) and not channels_first and width is not None:
            raise InputError(
                f"input_shape={input_shape} has its channels first; give them last: {(width, channels, height)}."
            )
        return None, input_shape
    if shape is None:
        raise ModelError(
            f"{model.name!r} was never built, so the size of its images is not known; call it once on a batch, "
            "or give input_shape=(height, width, channels)."
        )
    if len(shape) == 2 and shape[1] is not None:
        raise ModelError(
            f"{model.name!r} takes rows of {shape[1]:,} numbers, not images; {_unflattened(int(shape[1]))}"
        )
    if len(shape) != 4:
        raise ModelError(
            f"{model.name!r} takes input of shape {tuple(shape)}; an image needs (batch, height, width, channels)."
        )
    batch, *rest = shape
    height, width, channels = (rest[1], rest[2], rest[0]) if channels_first else rest
    if channels is None:
        raise ModelError(f"{model.name!r} does not say how many channels its images have; give input_shape=.")
    if 0 in shape or prod(size for size in shape if size is not None) > _MOST_NUMBERS:
        raise ModelError(f"{model.name!r} takes input of shape {tuple(shape)}, which is no batch of images.")
    return None if is_seen else batch, (height, width, channels)


def _declared(model: Any) -> tuple[Any, bool]:
    """The shape of what a model takes, and whether that is only what it was first called with."""
    try:
        return model.input_shape, False
    except (AttributeError, ValueError):
        # A subclassed model only knows its input once it was built; any batch would have done.
        shapes = getattr(model, "_build_shapes_dict", None)
        return (next(iter(shapes.values())) if shapes else None), True


def _has_call(model: Any) -> bool:
    import keras

    return type(model).call not in (keras.Model.call, keras.layers.Layer.call)


def _instead(model: Any) -> str:
    parts = list(dict.fromkeys(_encoders(model)))
    if not parts:
        return "wrap it in a model of one input."
    alternatives = f" (or {', '.join(parts[1:3])})" if parts[1:] else ""
    return f"give the part that takes one image: {parts[0]}{alternatives}."


def _encoders(model: Any) -> Iterator[str]:
    """How to get at the models inside that take one image."""
    import keras

    # On PyTorch a Keras model is a torch module too, which keeps its parts apart from its other attributes.
    named = {**vars(model), **getattr(model, "_modules", {})}
    attributes = {id(value): name for name, value in named.items() if isinstance(value, keras.Model)}
    for part in model._flatten_layers(include_self=False):
        if not isinstance(part, keras.Model):
            continue
        shape, _ = _declared(part)
        if isinstance(shape, tuple) and len(shape) == 4:
            name = attributes.get(id(part))
            yield f"model.{name}" if name is not None else f"model.get_layer({part.name!r})"


def _unflattened(numbers: int) -> str:
    shape = next((shape for shape in _FLAT if prod(shape) == numbers), None)
    shown = "(height, width, channels)" if shape is None else str(shape)
    return f"give keras.Sequential([keras.Input({shown}), keras.layers.Flatten(), model])."
