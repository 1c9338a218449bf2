"""What is scored or differentiated: a measure read at a layer, with every image's frozen reference."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from saccade.targets import Measure
from saccade.typing import Array


@dataclass(frozen=True)
class Objective:
    """A measure read at a layer.

    Attributes:
        measure: How the layer's values become one number per image.
        layer: The layer that is read.
        reference: Every image's frozen reference, (images, rows, columns, channels).
    """

    measure: Measure
    layer: str
    reference: Array

    def select(self, images: slice | NDArray[np.intp]) -> Objective:
        """The same for some of the images."""
        return replace(self, reference=self.reference[images])

    def repeated(self, times: int) -> Objective:
        """The same for every image `times` times over, (times, images) flattened, each with its own reference."""
        shape = (times, *self.reference.shape)
        reference = np.broadcast_to(self.reference[None], shape).reshape(-1, *self.reference.shape[1:])
        return replace(self, reference=reference)
