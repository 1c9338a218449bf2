"""Arrays in `.npy` files: numbers only, and no more of them than a photo has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.errors import FileError, ImageError, ImageTooLarge
from saccade.images.pixels import Pixels, refuse_shape

_BYTES_A_PIXEL = 12
"""Three channels of float32; the array may take this much for each of `max_pixels`."""


def from_npy(path: Path, channels: int, max_pixels: int) -> Pixels:
    """Read one image, also a batch of one, of the numbers that `Pixels.of` understands.

    Its shape is (height, width), (height, width, channels) or (1, height, width, channels).

    Raises:
        FileError: It may not be read.
        ImageError: It is damaged, no plain array of numbers, not one image, or too large.
    """
    name = str(path)
    try:
        # A map reads the header only; pickles, archives and headers of any other shape end here.
        mapped = np.lib.format.open_memmap(path, mode="r")
    except PermissionError as error:
        raise FileError(f"{name} cannot be read: {error.strerror}.") from error
    except Exception as error:
        raise ImageError(f"{name} is damaged or cut off, or does not hold one plain array of numbers.") from error
    shape, dtype, start, fortran = mapped.shape, mapped.dtype, mapped.offset, mapped.flags.fnc
    del mapped
    if len(shape) == 4 and shape[0] == 1:  # a batch of one
        shape = shape[1:]
    if len(shape) == 4:
        raise ImageError(
            f"{name} holds {shape[0]:,} images, an array of shape {shape}; save each in a file of its own, or in "
            f"Python give them as arrays: np.load({name!r})."
        )
    refuse_shape(name, shape, channels, max_pixels)
    count = int(np.prod(shape))
    most = _BYTES_A_PIXEL * max_pixels
    if count * dtype.itemsize > most:
        raise ImageTooLarge(
            f"{name} holds {count * dtype.itemsize / 1e6:,.0f} MB of {dtype} values; at most {most / 1e6:,.0f} MB are "
            f"read. Save it with fewer bytes a value (uint8, uint16, float32), or allow more with --max-pixels "
            f"{-(-count * dtype.itemsize // _BYTES_A_PIXEL)} (max_pixels= in Python)."
        )
    return Pixels.of(_values(path, dtype, count, start).reshape(shape, order="F" if fortran else "C"), name)


def _values(path: Path, dtype: np.dtype[Any], count: int, start: int) -> NDArray[Any]:
    # Read, not mapped: a file that another program shortens meanwhile would end this one.
    values = np.fromfile(path, dtype=dtype, count=count, offset=start)
    if len(values) != count:
        raise ImageError(f"{path} is cut off; copy or download it again.")
    return values
