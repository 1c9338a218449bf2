"""What is known of a model from how it was opened, beside the model itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from saccade.models.carried import Carried


@dataclass(frozen=True)
class Opened:
    """A live model, and what the way to it has shown.

    Attributes:
        model: A Keras model, a PyTorch module, or a network of the user's own.
        name: What people call it, where its class does not say so.
        carried: What is known of the images that it was trained on, where it does not carry that itself.
        notes: What its user should know of how it was opened.
        missing_weights: Weights that its file did not have, as the model calls them.
    """

    model: Any
    name: str | None = None
    carried: Carried | None = None
    notes: tuple[str, ...] = ()
    missing_weights: tuple[str, ...] = ()
