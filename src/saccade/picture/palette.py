"""How strongly is a value painted, and in which colour?

The paint of a scale: one colour and one opacity per position. Nothing (zero) is fully transparent, so that
it looks like the photo; opacity rises smoothly with the strength of the value and is nearly full from the
middle of the scale on. Overlay and colour bar use the same paint, so that a reader can find a colour of the
image on the bar.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from saccade.errors import InputError
from saccade.picture.colormaps import ramp
from saccade.picture.scales import Scale

STEPS = 1025  # odd, so that zero of a signed scale is exactly one of the steps

UNSIGNED, SIGNED = "inferno", "tide"
"""The colour maps that are used when none is named."""


@dataclass(frozen=True)
class Palette:
    """Colours and opacities along a scale.

    Attributes:
        colours: float32 (STEPS, 3), 0 to 255.
        opacity: float32 (STEPS,), 0 to 1; 0 where the value is zero.
        strength: float32 (STEPS,), 0 to 1: distance from zero.
    """

    colours: NDArray[np.float32]
    opacity: NDArray[np.float32]
    strength: NDArray[np.float32]

    def over(self, grey: NDArray[np.float32]) -> NDArray[np.float32]:
        """Paint every step over grey, 0 to 255, float32 (STEPS,) or (1,); returns (STEPS, 3)."""
        veil = self.opacity[:, None]
        painted: NDArray[np.float32] = np.asarray(grey, np.float32).reshape(-1, 1) * (1 - veil) + self.colours * veil
        return painted


def palette(scale: Scale, *, opacity: float = 0.85, name: str | None = None) -> Palette:
    """Return the paint of a scale.

    Args:
        scale: Signed scales take a diverging map.
        opacity: The largest opacity, 0 to 1.
        name: A colour map; None: the one of the scale.
    """
    if not 0 <= opacity <= 1:
        raise InputError(f"opacity must lie between 0 and 1; got {opacity}.")
    return _palette(scale.signed, float(opacity), name or (SIGNED if scale.signed else UNSIGNED))


@lru_cache(maxsize=16)
def _palette(signed: bool, opacity: float, name: str) -> Palette:
    position = np.linspace(0, 1, STEPS, dtype=np.float32)
    strength = np.abs(2 * position - 1) if signed else position
    rise = np.clip(strength / 0.7, 0, 1)
    # between a line and a smooth step: faint values stay visible, yet zero meets the photo without an edge
    veil = 0.5 * rise * (2 - rise) + 0.5 * rise * rise * (3 - 2 * rise)
    return Palette(ramp(name, STEPS), (opacity * veil).astype(np.float32), strength.astype(np.float32))


def steps_of(values: NDArray[np.floating], scale: Scale) -> NDArray[np.uint16]:
    """Return the step of each value, uint16 0 to STEPS - 1, the shape of `values`."""
    return np.rint(scale.position(values) * (STEPS - 1)).astype(np.uint16)
