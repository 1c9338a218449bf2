"""The feature maps of one layer: raw numbers, and how they are sorted and drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from saccade.errors import UnknownName
from saccade.picture import Scale, scale_of
from saccade.picture.numerals import number
from saccade.results.result import read_only
from saccade.typing import Array

ORDERS = ("variation", "energy", "index")
"""How the maps of a layer can be sorted."""
_MATTER = 0.05
"""Values below zero that reach further than this share of the range are shown as what they are."""


@dataclass(frozen=True, eq=False)
class LayerMaps:
    """The feature maps of one layer.

    Attributes:
        path: The layer's path.
        kind: Its class, such as `"Conv2D"`.
        values: float32 (rows, columns, channels), raw; a plain vector is one cell.
        receptive_field: Rows and columns of the model's image that one inner cell sees; None: all of it.
        stride: Pixels between neighbouring cells, down and across; None for a vector.
    """

    path: str
    kind: str
    values: Array
    receptive_field: tuple[int, int] | None
    stride: tuple[float, float] | None

    def __post_init__(self) -> None:
        read_only(self.values)

    @cached_property
    def energy(self) -> NDArray[np.float64]:
        """How strong is each channel? The sum of its squared values, float64 (channels,)."""
        return _squares(self.values)

    @cached_property
    def variation(self) -> NDArray[np.float64]:
        """How much does each channel change from place to place? Its energy about its own mean, float64 (channels,)."""
        centred = self.values - self.values.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
        return _squares(centred)

    @cached_property
    def signed(self) -> bool:
        """Do values below zero matter beside the others? Beyond 5 % of the layer's range, or as all of a channel."""
        low, high = self.values.min(axis=(0, 1)), self.values.max(axis=(0, 1))
        reach = max(float(high.max()), 0.0) - float(low.min())
        return bool(low.min() < -_MATTER * reach or ((high <= 0) & (low < 0)).any())

    @cached_property
    def signed_apart(self) -> bool:
        """Do values below zero matter where every channel has a scale of its own?"""
        low, high = self.values.min(axis=(0, 1)), self.values.max(axis=(0, 1))
        return bool((low < -_MATTER * (np.maximum(high, 0) - low)).any())

    @cached_property
    def below(self) -> float:
        """The lowest value, or 0 if none lies below zero."""
        return min(0.0, float(self.values.min()))

    def order(self, by: str = "variation") -> NDArray[np.intp]:
        """The channels by falling variation or energy, or as they are numbered.

        Raises:
            UnknownName: No such order.
        """
        if by not in ORDERS:
            raise UnknownName.of("order", by, ORDERS)
        if by == "index":
            return np.arange(self.values.shape[2])
        return np.argsort(-(self.variation if by == "variation" else self.energy), kind="stable")

    def tiles(self, channels: NDArray[np.intp], *, signed: bool) -> Array:
        """Some maps as they are drawn, (channels, rows, columns): without a sign, what is below zero is zero."""
        maps = np.moveaxis(self.values[..., channels], -1, 0)
        return np.ascontiguousarray(maps if signed else np.maximum(maps, 0), np.float32)

    def scale(self, *, signed: bool) -> Scale:
        """One scale for all maps of the layer."""
        values = self.values if signed else np.maximum(self.values, 0)
        return scale_of(values, signed=signed, shared="all maps of the layer")

    def colours(self, *, signed: bool) -> str:
        """What the colours of these maps mean, in plain words."""
        if signed:
            return "Orange answers are above zero, blue ones below, black is nothing."
        faint = f" Values below zero (down to {number(self.below)}) are drawn as zero." if self.below < 0 else ""
        return f"Black is nothing, the brighter the stronger.{faint}"

    def only_enlarges(self, before: LayerMaps) -> bool:
        """Does this layer repeat each cell of the one before it, and nothing else?"""
        (rows, columns, before_count), (high, wide, count) = before.values.shape, self.values.shape
        if count != before_count or high % rows or wide % columns or (high, wide) == (rows, columns):
            return False
        cells = self.values.reshape(rows, high // rows, columns, wide // columns, count)
        return bool((cells == before.values[:, None, :, None]).all())


def _squares(values: Array) -> NDArray[np.float64]:
    """The sum of squares of each channel, in float64 without a copy in float64."""
    return np.asarray(np.einsum("ijc,ijc->c", values, values, dtype=np.float64))
