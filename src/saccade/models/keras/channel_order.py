"""In which order do a Keras model's tensors have their channels? What is asked and answered has them last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from saccade.errors import ModelError
from saccade.typing import Tensor


@dataclass(frozen=True)
class ChannelOrder:
    """The order of one model.

    Attributes:
        is_first: Maps are (images, channels, height, width) inside the model.
    """

    is_first: bool

    @property
    def axis(self) -> int:
        """The axis of the channels in a map inside the model."""
        return 1 if self.is_first else 3

    def from_last(self, tensor: Tensor) -> Tensor:
        """A tensor with its channels last, as the model has it."""
        return _transpose(tensor, (0, 3, 1, 2)) if self.is_first and len(tensor.shape) == 4 else tensor

    def to_last(self, tensor: Tensor) -> Tensor:
        """A tensor of the model, with its channels last."""
        return _transpose(tensor, (0, 2, 3, 1)) if self.is_first and len(tensor.shape) == 4 else tensor

    def inside(self, tap: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """A tap on channels-last values as one on the model's own, which may have another order and type."""
        import keras

        def changed(output: Tensor) -> Tensor:
            return keras.ops.cast(self.from_last(tap(self.to_last(output))), output.dtype)

        return changed

    def shape(self, tensor: Tensor) -> tuple[int, ...]:
        """The shape for one image of a tensor of the model, channels last."""
        shape = tuple(int(size) for size in tensor.shape[1:])
        return (*shape[1:], shape[0]) if self.is_first and len(shape) == 3 else shape

    def grid(self, tensor: Tensor) -> tuple[int, int] | None:
        """Height and width of a map of the model; None for what is no map."""
        shape = self.shape(tensor)
        return (shape[0], shape[1]) if len(shape) == 3 else None


def channel_order_of(model: Any) -> ChannelOrder:
    """The order that a model's layers have.

    Raises:
        ModelError: Some have one, and some the other.
    """
    # Flatten has an order, too, but it is the default in most models whose other layers have the other one.
    layers = (layer for layer in model._flatten_layers() if type(layer).__name__ != "Flatten")
    orders = {getattr(layer, "data_format", None) for layer in layers}
    if {"channels_first", "channels_last"} <= orders:
        raise ModelError(
            f"{model.name!r} mixes channels-first and channels-last layers; saccade needs one order throughout."
        )
    return ChannelOrder("channels_first" in orders)


def _transpose(tensor: Tensor, order: tuple[int, ...]) -> Tensor:
    import keras

    return keras.ops.transpose(tensor, order)
