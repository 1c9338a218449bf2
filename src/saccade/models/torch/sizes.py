"""Finding out which images a torch module takes, by trying."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from saccade.errors import InputError
from saccade.models.input_shape import InputShape

Attempt = Callable[[int, int, int], None]
"""Runs one image of this height, width and channels; raises whatever the module raises."""

_FREE = ((64, 96), (64, 128), (128, 256), (224, 448))
"""A module that takes both sizes of a pair takes any that fits its strides."""
_MOST_CHANNELS = 64
_USUAL_CHANNELS = (1, 3, 4)
_COMMON = (28, 32, 48, 64, 96, 128, 160, 192, 224, 256, 299, 320, 384, 448, 512)
_LIKELIEST = (224, 32, 64, 128, 256, 512)


class NoSizeFitsError(Exception):
    """No size that was tried ran; the cause is what the module said to the most likely one."""


class NoOtherSizeError(Exception):
    """Trying other sizes is of no use; the message says why."""


def check_channels_last(shape: InputShape, module: Any) -> None:
    """Raise InputError for a shape that has its channels first, as torch has them."""
    height, width, channels = shape
    usual = _channels_of_convolutions(module)[:1] or _USUAL_CHANNELS
    if height in usual and channels not in usual and width is not None:
        raise InputError(
            f"input_shape={shape} has its channels first; give them last: ({width}, {channels}, {height})."
        )


def find_input_shape(attempt: Attempt, channels: Sequence[int], named: Sequence[tuple[int, int]] = ()) -> InputShape:
    """Height and width (None: free) and channels of the images that a module takes.

    Args:
        attempt: Runs one image.
        channels: Numbers of channels to try, the likeliest first.
        named: Heights and widths that the module itself names; they are tried before any other.

    Raises:
        NoSizeFitsError: Nothing ran.
        NoOtherSizeError: An attempt said so.
    """
    errors: dict[tuple[int, int, int], Exception] = {}
    works: dict[tuple[int, int, int], bool] = {}

    def fits(height: int, width: int, count: int) -> bool:
        key = (height, width, count)
        if key not in works:
            try:
                attempt(*key)
                works[key] = True
            except NoOtherSizeError:
                raise
            except Exception as error:
                errors[key] = error
                works[key] = False
        return works[key]

    def runs(size: int, count: int) -> bool:
        return fits(size, size, count)

    for count in channels:
        size_named = next((size for size in named if fits(*size, count)), None)
        if any(all(runs(size, count) for size in pair) for pair in _free_pairs(size_named)):
            return None, None, count
        if size_named is not None:
            return *size_named, count
        fitting = [size for size in _COMMON if runs(size, count)]
        if fitting and max(fitting) >= 2 * min(fitting):
            return None, None, count
        if fitting:
            # Rounding inside the model lets neighbours of the true size pass.
            size = next((likely for likely in _LIKELIEST if likely in fitting), fitting[0])
            return size, size, count
    first = (*named[0], channels[0]) if named else (64, 64, channels[0])
    raise NoSizeFitsError from errors[first]


def _free_pairs(named: tuple[int, int] | None) -> Sequence[tuple[int, int]]:
    """Sizes of which a module that takes any takes both."""
    if named is None:
        return _FREE
    side = min(named)
    return (64, 96), (max(side // 2, 1), max(side // 4 * 3, 1))


def likely_channels(module: Any) -> list[int]:
    """How many channels the images may have: what the first convolutions read, else colour, grey, four."""
    counts = [count for count in _channels_of_convolutions(module) if count <= _MOST_CHANNELS]
    return list(dict.fromkeys([*counts[:1], 3, 1, *counts[1:4], 4]))


def trial_sizes(shape: InputShape, named: Sequence[tuple[int, int]] = ()) -> Iterator[tuple[int, int]]:
    """Sizes at which a module with this input shape can be measured, the likeliest first; fixed sides stay."""
    height, width, _ = shape
    if height is not None and width is not None:
        yield height, width
        return
    for size in (64, 96):
        yield height or size, width or size
    for named_height, named_width in named:
        yield height or named_height, width or named_width
        yield height or named_height // 2, width or named_width // 2
    for size in (128, 192, 224, 256, 448, 32, 28, 512):
        yield height or size, width or size


def _channels_of_convolutions(module: Any) -> list[int]:
    counts = [
        int(part.in_channels)
        for part in module.modules()
        if type(part).__name__.startswith("Conv") and getattr(part, "in_channels", None)
    ]
    # Compiled and exported modules only show their weights: (out, in, height, width).
    return counts or [int(weight.shape[1]) for weight in module.parameters() if weight.dim() == 4][:1]
