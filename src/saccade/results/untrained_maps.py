"""The same map of networks that have learned nothing: what any network of this shape would say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.results.result import read_only
from saccade.typing import Array


@dataclass(frozen=True, eq=False)
class UntrainedMaps:
    """What networks of the same shape with fresh weights say of the same images.

    Attributes:
        mean: float32 (images, rows, columns): the mean of their maps, each scaled to the total magnitude of the trained
            network's map, so that both go on one scale.
        likeness: (networks, images): the rank correlation of the magnitudes of each map with the trained network's.
    """

    mean: Array
    likeness: NDArray[np.float64]

    def __post_init__(self) -> None:
        read_only(self.mean, self.likeness)

    def __getitem__(self, rows: slice) -> UntrainedMaps:
        """The same for some of the images."""
        return UntrainedMaps(self.mean[rows], self.likeness[:, rows])

    def sentence(self, index: int) -> str:
        """How alike they are to the trained network's map of one image, in plain words."""
        own = self.likeness[:, index]
        spread = f" ({own.min():.2f} to {own.max():.2f})" if len(own) > 1 else ""
        word = "any network of this shape would say much the same" if own.mean() >= 0.7 else "1 would be the same map"
        return (
            f"{len(own)} untrained network{'' if len(own) == 1 else 's'} of the same shape: rank correlation "
            f"{own.mean():.2f}{spread} with this map; {word}."
        )
