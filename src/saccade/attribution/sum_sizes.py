"""A sum of targets of unlike units: does one of them dominate the others?

A code's inner product with itself may change by thousands where a cosine changes by a tenth. Weights written without
knowing that make a sum that shows one of its parts alone, so the sizes are measured: how far each part changes when the
image is blurred, which is how far a map of it can reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.smoothing import gaussian_blur
from saccade.run import Run
from saccade.targets import Target
from saccade.targets.paths import ONCE, STAY
from saccade.targets.weighted_words import weighted_name
from saccade.typing import Array

_DOMINATED = 20.0
"""A part that changes so many times less than another one cannot be seen beside it."""


@dataclass(frozen=True)
class SumSizes:
    """How far the parts of a sum change, of which one dominates the others.

    Attributes:
        target: The sum.
        changes: How far each part changes with its weight, the median of the images.
    """

    target: Target
    changes: NDArray[np.float64]

    @property
    def names(self) -> list[str]:
        """The parts with their weights."""
        return [weighted_name([abs(weight)], [part.name]) for weight, part in self.target.parts]

    @property
    def warning(self) -> str:
        """That one part dominates the others, and by how much."""
        largest, smallest = int(self.changes.argmax()), int(self.changes.argmin())
        times = 10 ** round(float(np.log10(self.changes[largest] / self.changes[smallest])))
        return (
            f"{self.target.name} shows {self.names[largest]} alone: it changes about {times:,} times as much as "
            f"{self.names[smallest]}, since their units differ; {self.balanced} would weigh them alike."
        )

    @property
    def note(self) -> str:
        """The sizes themselves."""
        sizes = ", ".join(f"{name} by {change:.2g}" for name, change in zip(self.names, self.changes, strict=True))
        return f"without its detail the photo changes {sizes}, so the map shows little but the largest"

    @property
    def balanced(self) -> str:
        """The sum with weights that make all parts as large as the largest."""
        weights = []
        for (weight, _), change in zip(self.target.parts, self.changes, strict=True):
            raised = weight * float(self.changes.max() / change)
            weights.append(float(f"{raised:.2g}") if change < self.changes.max() else weight)
        return weighted_name(weights, [part.name for _, part in self.target.parts])


def dominated_parts(run: Run, images: Array, target: Target, use: Literal["gradient", "occlusion"]) -> SumSizes | None:
    """How far do the parts of a sum of unlike kinds change, if one dominates another? None for every other target.

    Args:
        run: The call, on an encoder.
        images: (images, height, width, channels).
        target: What is explained.
        use: Which of their measures the method reads.
    """
    if len({part.kind for _, part in target.parts}) < 2:
        return None
    blurred = gaussian_blur(images, min(images.shape[1:3]) / 4)
    objectives = [run.objective(images, part, use).repeated(2) for _, part in target.parts]
    scores = run.score(np.concatenate([images, blurred]), objectives, STAY, ONCE)
    weights = np.array([abs(weight) for weight, _ in target.parts])
    changes = [np.abs(np.subtract(*np.split(score[0], 2))) for score in scores]
    sizes = weights * np.median(changes, axis=1)
    # A part that does not change at all is no matter of units.
    if not sizes.min() > 0 or sizes.max() <= _DOMINATED * sizes.min():
        return None
    return SumSizes(target, sizes)
