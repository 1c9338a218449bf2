"""From a live model to a network."""

from __future__ import annotations

import sys
from typing import Any

from saccade.errors import ModelError
from saccade.models.input_shape import InputShape, checked_shape
from saccade.models.network import Network
from saccade.models.opened_model import Opened


def open_live(model: Any, *, input_shape: InputShape | None = None, opened: Opened | None = None) -> Network:
    """A network from a live Keras model or PyTorch module; a network is given back as it is.

    Args:
        model: The model.
        input_shape: Height, width, channels, for a model that does not say.
        opened: What is known from how it was opened.
    """
    opened = opened or Opened(model)
    if input_shape is not None:
        input_shape = checked_shape(input_shape)
    keras = sys.modules.get("keras")
    if keras is not None and isinstance(model, keras.Model):
        from saccade.models.keras.network import KerasNetwork

        return KerasNetwork(model, input_shape=input_shape, carried=opened.carried, notes=opened.notes)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module):
        from saccade.models.torch.network import TorchNetwork

        return TorchNetwork(
            model,
            input_shape=input_shape,
            name=opened.name,
            carried=opened.carried,
            notes=opened.notes,
            missing_weights=opened.missing_weights,
        )
    if is_network(model):
        return model  # type: ignore[no-any-return]
    if type(model).__module__.startswith("tf_keras"):
        raise ModelError(
            "this is a live Keras 2 model (tf_keras), which Keras 3 cannot call; save it with "
            "model.save('model.keras') and open the file."
        )
    raise ModelError(
        f"a {type(model).__module__}.{type(model).__name__} is no model that saccade knows; give a Keras 3 model, a "
        "torch.nn.Module, or the path of a file."
    )


def is_model(value: Any) -> bool:
    """A Keras model, a PyTorch module, or a network of the user's own?"""
    keras, torch = sys.modules.get("keras"), sys.modules.get("torch")
    return (
        (keras is not None and isinstance(value, keras.Model))
        or (torch is not None and isinstance(value, torch.nn.Module))
        or is_network(value)
    )


def is_network(value: Any) -> bool:
    """A user's own `Network`; a class of them is a factory."""
    return not isinstance(value, type) and hasattr(value, "run") and hasattr(value, "dataflow")
