"""Which colour stands for which value?

Three maps, each a short table of control colours joined by straight lines in sRGB:

    inferno  how much   black, purple, orange, pale yellow; lightness rises evenly (van der Walt and Smith, CC0)
    cividis  how much   dark blue to yellow; the same with and without colour blindness (Nunez et al., 2018)
    tide     which way  bright blue, black, bright orange; both sides equally light, zero is the exact middle

No rainbow: jet and similar maps draw edges where the data has none.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from saccade.errors import InputError, UnknownName

_CONTROLS = {
    "inferno": """
        000004 02020c 050417 0a0722 10092d 160b39 1e0c45 260c51 2f0a5b 380962 400a67 490b6a 510e6c 59106e
        61136e 69166e 71196e 781c6d 801f6c 88226a 902568 982766 a02a63 a82e5f b0315b b73557 bf3952 c63d4d
        cc4248 d34743 d94d3d df5337 e45a31 e9612b ed6925 f1711f f47918 f78212 f98b0b fa9407 fb9d07 fca60c
        fcb014 fbba1f fac42a f8cd37 f6d746 f4e156 f2ea69 f2f27d f5f992 fcffa4
    """,
    "cividis": """
        00224e 002656 002a5f 002d68 003070 083370 163770 203a6f 273e6e 2e416d 34456c 3a486c 3f4c6c 444f6c
        49536c 4e566c 535a6d 575d6d 5c616e 60646f 656870 696b71 6d6f72 727274 767676 7a7a78 7e7d78 838179
        888578 8d8878 928c78 969077 9b9476 a09875 a59c74 aaa073 afa471 b5a86f baac6d bfb06b c4b468 c9b965
        cfbd62 d4c15f dac65b dfca57 e5cf52 ead34c f0d846 f6dd3f fce236 fee838
    """,
    "tide": """
        77d9ff 0ec2ff 15a6e5 258ac8 2b70a9 2a5889 264168 202d46 1b1a18 44221a 65301c 84401c a35319 c16810
        dd7f02 f79909 ffbc64
    """,
}

COLORMAPS = tuple(_CONTROLS)
"""The names of all colour maps."""


@lru_cache(maxsize=32)
def ramp(name: str, steps: int) -> NDArray[np.float32]:
    """Return `steps` colours evenly along a map, unrounded.

    Args:
        name: One of `COLORMAPS`.
        steps: At least 2. An odd number gives a diverging map an exact middle.

    Returns:
        float32 (steps, 3), 0 to 255, read-only.

    Raises:
        UnknownName: There is no such map.
    """
    if name not in _CONTROLS:
        raise UnknownName.of("colour map", name, COLORMAPS)
    controls = np.array([list(bytes.fromhex(colour)) for colour in _CONTROLS[name].split()], np.float64)
    places = np.linspace(0, len(controls) - 1, steps)
    channels = [np.interp(places, np.arange(len(controls)), controls[:, channel]) for channel in range(3)]
    table = np.stack(channels, axis=1).astype(np.float32)
    table.setflags(write=False)
    return table


def colormap(name: str) -> NDArray[np.uint8]:
    """Return the 256 colours of a map, as uint8 (256, 3).

    Example:
        >>> colormap("inferno")[0].tolist()
        [0, 0, 4]
    """
    return np.rint(ramp(name, 256)).astype(np.uint8)


def apply(values: ArrayLike, name: str) -> NDArray[np.uint8]:
    """Colour values between 0 and 1; what lies outside takes the end colours.

    Args:
        values: Any shape. For a diverging map 0.5 is zero.
        name: One of `COLORMAPS`.

    Returns:
        uint8, the shape of `values` with three channels added at the end.

    Raises:
        InputError: A value is not a number.
        UnknownName: There is no such map.
    """
    numbers = np.asarray(values, np.float32)
    if np.isnan(numbers).any():
        raise InputError("cannot colour values that are not numbers (NaN); find out where they come from.")
    # 1021 = 4 * 255 + 1 steps hit each of the 256 colours exactly, and the middle of a diverging map too
    table = np.rint(ramp(name, 1021)).astype(np.uint8)
    coloured: NDArray[np.uint8] = table[np.rint(np.clip(numbers, 0, 1) * 1020).astype(np.intp)]
    return coloured
