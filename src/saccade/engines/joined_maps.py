"""Gradients per channel joined into maps, on the device that computed them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from saccade.engines.backend import Backend, Join
from saccade.typing import Array, Tensor

_MAPS = 64
"""So many images' maps are joined on the device at once."""


@dataclass(frozen=True, eq=False)
class Joining:
    """How gradients per channel become maps.

    Attributes:
        join: What the channels of a place become.
        matrices: Then `down @ map @ across.T` with these two, (height, height) and (width, width); none: the maps as
            they are.
    """

    join: Join
    matrices: tuple[Array, ...]

    def is_same(self, other: Joining) -> bool:
        """Does another one say the same, with the very same matrices?"""
        return self.join == other.join and list(map(id, self.matrices)) == list(map(id, other.matrices))


class JoinedMaps:
    """The maps of one call, and the last mean gradient, which an accelerator has still.

    Args:
        backend: The framework's operations.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._gradient: tuple[Array, Tensor] | None = None
        self._maps: tuple[Array, Joining, Array] | None = None

    def remember_gradient(self, values: Array, tensor: Tensor) -> None:
        """A mean gradient that was fetched from an accelerator, and its tensor there."""
        self._gradient = values, tensor

    def remember_maps(self, values: Array, joining: Joining, maps: Array) -> None:
        """Maps that were joined in the program that computed the gradient."""
        self._maps = values, joining, maps

    def has_gradient(self, values: Array) -> bool:
        """Is this array the last mean gradient, which is on the accelerator still?"""
        return self._gradient is not None and self._gradient[0] is values

    def of(self, values: Array, joining: Joining) -> Array:
        """Channels joined into one number a place, and spread if asked.

        Args:
            values: (images, height, width, channels).
            joining: How.

        Returns:
            float32 (images, height, width).
        """
        if self._maps is not None and self._maps[0] is values and self._maps[1].is_same(joining):
            return self._maps[2]
        backend = self._backend
        with backend.arithmetic():
            matrices = tuple(map(backend.constant, joining.matrices)) or None
            on_device = self._gradient[1] if self._gradient is not None and self.has_gradient(values) else None
            parts = []
            for start in range(0, len(values), _MAPS):
                some = slice(start, start + _MAPS)
                tensor = backend.tensor(values[some]) if on_device is None else on_device
                if on_device is not None and len(values) > _MAPS:
                    tensor = on_device[some]
                parts.append(backend.array(backend.joined(tensor, joining.join, matrices)))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)
