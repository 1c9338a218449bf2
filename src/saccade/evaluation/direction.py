"""Another question must change the map: a random direction of the code is not what the code is made of.

A method that paints the same map whatever it is asked shows the image, not the model's answer.
"""

from __future__ import annotations

import numpy as np

from saccade.targets import Target, direction


def random_direction(shape: tuple[int, ...], seed: int) -> Target:
    """`s = <f(x'), v>` with v drawn from a normal distribution over the whole code, of length 1.

    Args:
        shape: Rows, columns, channels of the code.
        seed: Of the draw.
    """
    drawn = np.random.default_rng([seed, 3]).standard_normal(shape)
    return direction(drawn / np.sqrt((drawn**2).sum()), name="a random direction")
