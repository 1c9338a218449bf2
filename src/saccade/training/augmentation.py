"""New variations of photos (crops, rotations, mirror images, colours), made where the model computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

OVERSAMPLING = 2
"""Points in each direction that are averaged into one pixel: without them a reduced photo has false patterns."""


@dataclass(frozen=True)
class Strengths:
    """How far a variation may be from its photo; at zero each leaves the photo as it is.

    Attributes:
        crop: Largest share of a side that is cut off.
        stretch: How many variations have a crop whose two sides are drawn apart.
        mirror: How many are mirrored left and right.
        upside_down: How many are mirrored up and down.
        rotate: How many are rotated.
        angle: Largest rotation to either side, in radians.
        swap: How many get their colour channels in another order (the old one among them).
        negative: How many are drawn as a negative.
        gain: Largest change of the contrast, as a share.
        channel_gain: The same for each colour channel by itself.
        offset: Largest change of the brightness, in pixel values of 0..1.
        channel_offset: The same for each colour channel by itself.
        grey: How many lose their colours.
    """

    crop: float = 0.6
    stretch: float = 0.5
    mirror: float = 0.5
    upside_down: float = 0.1
    rotate: float = 0.3
    angle: float = 0.35
    swap: float = 0.3
    negative: float = 0.05
    gain: float = 0.25
    channel_gain: float = 0.12
    offset: float = 0.1
    channel_offset: float = 0.04
    grey: float = 0.08


def numbers_needed(channels: int) -> int:
    """How many random numbers does one variation take?"""
    return 14 + 3 * channels


def vary(pool: Any, indices: Any, numbers: Any, size: int, strengths: Strengths) -> Any:
    """Make one variation of each photo: the target of the autoencoder is the variation itself.

    A point (x, y) of the variation, -1..1 from edge to edge, shows the photo at

        (w (m cos(a) x - n sin(a) y) + t,  h (m sin(a) x + n cos(a) y) + s)

    with the crop's sides w and h, the mirroring m and n (1 or -1), the angle a and the crop's centre (t, s); beyond its
    edges the photo is reflected. Each pixel is the mean of 2 x 2 such points, each read between its four neighbours.
    The colours c of a pixel become M c + o, one matrix and one offset for the whole image: channels in another order,
    negative, gains, offsets and grey in one.

    It is a function of its arguments alone, in operations that TensorFlow, JAX and PyTorch all have, and is compiled
    together with the step that learns from the variations.

    Args:
        pool: uint8 (photos, height, width, channels), on the device.
        indices: int32 (images,), which photos.
        numbers: float32 (images, `numbers_needed(channels)`), uniform in 0..1.
        size: Height and width of the variations, in pixels.
        strengths: How far they may be from the photos.

    Returns:
        float32 (images, size, size, channels) in 0..1.
    """
    from keras import ops

    draws = _Draws(numbers)
    rows, columns = _places(draws, size * OVERSAMPLING, strengths)
    matrix, shift = _colours(draws, pool.shape[-1], strengths)
    points = _read(pool, indices, rows, columns)
    halved = (-1, size, OVERSAMPLING, size, OVERSAMPLING, pool.shape[-1])
    images = ops.mean(ops.reshape(points, halved), axis=(2, 4)) / 255.0
    # A sum of products and no matrix product: accelerators round the factors of those.
    images = ops.sum(images[:, :, :, None, :] * matrix[:, None, None, :, :], axis=-1) + shift[:, None, None, :]
    return ops.clip(images, 0.0, 1.0)


class _Draws:
    """Hands out the columns of the random numbers, each once."""

    def __init__(self, numbers: Any) -> None:
        self._numbers, self._used = numbers, 0

    def take(self, count: int) -> Any:
        """Uniform in 0..1, (images, count)."""
        self._used += count
        return self._numbers[:, self._used - count : self._used]

    def signed(self, count: int) -> Any:
        """Uniform in -1..1, (images, count)."""
        return 2.0 * self.take(count) - 1.0

    def happens(self, probability: float) -> Any:
        """1 with a probability, else 0, (images, 1)."""
        from keras import ops

        return ops.cast(self.take(1) < probability, "float32")


def _places(draws: _Draws, side: int, strengths: Strengths) -> tuple[Any, Any]:
    """Return where each point lies in its photo: rows and columns (images, side, side), 0..1 inside the photo."""
    from keras import ops

    # The power prefers large crops.
    width = 1.0 - strengths.crop * (1.0 - draws.take(1) ** 0.7)
    apart = 1.0 - strengths.crop * (1.0 - draws.take(1) ** 0.7)
    stretched = draws.happens(strengths.stretch)
    height = stretched * apart + (1.0 - stretched) * width
    mirror = 1.0 - 2.0 * draws.happens(strengths.mirror)
    flip = 1.0 - 2.0 * draws.happens(strengths.upside_down)
    angle = draws.happens(strengths.rotate) * strengths.angle * draws.signed(1)
    cosine, sine = ops.cos(angle), ops.sin(angle)
    left, top = draws.signed(1) * (1.0 - width), draws.signed(1) * (1.0 - height)
    line = (ops.arange(side, dtype="float32") + 0.5) * (2.0 / side) - 1.0
    across, down = line[None, None, :], line[None, :, None]

    def at(along_x: Any, along_y: Any, centre: Any) -> Any:
        position = along_x[:, :, None] * across + along_y[:, :, None] * down + centre[:, :, None]
        return (position + 1.0) * 0.5

    return (
        at(height * mirror * sine, height * flip * cosine, top),
        at(width * mirror * cosine, -width * flip * sine, left),
    )


def _read(pool: Any, indices: Any, rows: Any, columns: Any) -> Any:
    """Read photos at places between their pixels: float32 (images, side, side, channels) in 0..255."""
    from keras import ops

    _, height, width, channels = pool.shape
    # One flat table of pixels: the photos that are needed are never copied as a whole.
    table = ops.reshape(pool, (-1, channels))
    row, next_row, below = _neighbours(rows, height)
    column, next_column, right = _neighbours(columns, width)
    start = ops.cast(indices, "int32")[:, None, None] * height

    def pixels(at_row: Any, at_column: Any) -> Any:
        return ops.cast(ops.take(table, (start + at_row) * width + at_column, axis=0), "float32")

    upper = _between(pixels(row, column), pixels(row, next_column), right)
    lower = _between(pixels(next_row, column), pixels(next_row, next_column), right)
    return _between(upper, lower, below)


def _neighbours(places: Any, length: int) -> tuple[Any, Any, Any]:
    """Return the pixel before each place, the one after it, and how far the place lies between their centres."""
    from keras import ops

    # Reflected at the edges, as often as necessary.
    turns = ops.abs(places) * (1.0 / 2.0)
    turns = turns - ops.floor(turns)
    inside = 1.0 - ops.abs(1.0 - 2.0 * turns)
    position = ops.clip(inside * float(length) - 0.5, 0.0, float(length - 1))
    before = ops.floor(position)
    first = ops.cast(before, "int32")
    return first, ops.minimum(first + 1, length - 1), (position - before)[..., None]


def _between(first: Any, second: Any, share: Any) -> Any:
    return first + (second - first) * share


def _colours(draws: _Draws, channels: int, strengths: Strengths) -> tuple[Any, Any]:
    """Return what happens to the colours: a matrix (images, channels, channels) and an offset (images, channels)."""
    from keras import ops

    swapped = draws.happens(strengths.swap)[:, :, None]
    order = ops.one_hot(ops.argsort(draws.take(channels), axis=-1), channels, dtype="float32")
    matrix = swapped * order + (1.0 - swapped) * ops.eye(channels, dtype="float32")[None]
    negative = draws.happens(strengths.negative)
    gain = (1.0 + strengths.gain * draws.signed(1)) * (1.0 + strengths.channel_gain * draws.signed(channels))
    offset = strengths.offset * draws.signed(1) + strengths.channel_offset * draws.signed(channels)
    matrix = matrix * ((1.0 - 2.0 * negative) * gain)[:, :, None]
    shift = gain * (negative - 0.5) + 0.5 + offset
    grey = draws.happens(strengths.grey)
    matrix = _towards_mean(matrix, grey[:, :, None])
    return matrix, _towards_mean(shift, grey)


def _towards_mean(values: Any, share: Any) -> Any:
    """Replace values by their mean over the channels that come out, (images, channels, ...), where the share is 1."""
    from keras import ops

    return share * ops.mean(values, axis=1, keepdims=True) + (1.0 - share) * values
