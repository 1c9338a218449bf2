"""What was measured of one method on the photos of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.evaluation.cache import Arrays
from saccade.typing import Array


@dataclass(frozen=True)
class Measurements:
    """What was measured of one method; rows of photos.

    Attributes:
        name: Its name.
        title: Its name for people.
        is_control: Whether it knows nothing of the model.
        curves: By filler (photos, 2, cuts).
        grid: (photos, cells): its maps on the grid on which maps are compared.
        strength: The same of their strengths, whatever the sign.
        localisation: (photos, measures), NaN without a mask.
        seconds: Time that one map takes.
        checks: `randomised` (checked, stages), `owed_to_weights`, `direction` and `stability` (checked,), as far as
            they were tested.
    """

    name: str
    title: str
    is_control: bool
    curves: Arrays
    grid: Array
    strength: Array
    localisation: NDArray[np.float64]
    seconds: float
    checks: Arrays
