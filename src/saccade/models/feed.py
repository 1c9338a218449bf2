"""How does a model want its images? As told; else as it computes; else as it carries; else the best guess."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from saccade.errors import InputError, ModelError
from saccade.images.normalisation import Normalisation, normalisation_of
from saccade.images.recipe import Fit, Interpolation, checked_range
from saccade.models.carried import Carried
from saccade.models.entrance import Entrance, entrance_of
from saccade.models.network import Network

Range = tuple[float, float]


@dataclass(frozen=True)
class Feed:
    """What a model is fed with.

    Attributes:
        value_range: The darkest and the brightest value of an image.
        normalisation: What is then done to every channel, or None.
        reason: How both are known.
        is_assumed: Nothing says so: it is what most models take.
        size: Height and width of an image; None where every photo keeps its own.
        fit: How photos get the model's shape.
        crop: The share of the photo's middle that is used.
        interpolation: How pixels are resized.
    """

    value_range: Range
    normalisation: Normalisation | None
    reason: str
    is_assumed: bool = False
    size: tuple[int | None, int | None] = (None, None)
    fit: Fit = "stretch"
    crop: float = 1.0
    interpolation: Interpolation = "auto"


def feed_of(
    network: Network,
    *,
    value_range: Sequence[float] | None = None,
    normalize: Any = None,
    fit: Fit | None = None,
    crop: float | None = None,
    interpolation: Interpolation | None = None,
    size: tuple[int, int] | None = None,
) -> Feed:
    """How does this model want its images?

    Args:
        network: The opened model.
        value_range: As the caller says.
        normalize: As the caller says: whatever `normalisation_of` reads.
        fit: As the caller says.
        crop: As the caller says.
        interpolation: As the caller says.
        size: As the caller says.

    Raises:
        InputError: What the caller says cannot be read.
        ModelError: The model takes images of another size only.
    """
    carried = _for_channels(getattr(network, "carried", None) or Carried(""), network.input_shape[2])
    feed = _brightness(network, carried, value_range, normalize)
    fitted = fit or carried.fit or "stretch"
    share = crop if crop is not None else (carried.crop if fit in (None, carried.fit) else None)
    return replace(
        feed,
        size=_size(network, size, carried),
        fit=fitted,
        crop=1.0 if share is None or (fitted != "cover" and crop is None) else share,
        interpolation=interpolation or carried.interpolation or "auto",
    )


def _for_channels(carried: Carried, channels: int) -> Carried:
    """The same for a model of another number of channels: the mean of the colours for grey, nothing for any other."""
    normalisation = carried.normalisation
    if normalisation is None or len(normalisation.mean) in (1, channels):
        return carried
    if channels != 1:
        return replace(carried, normalisation=None)
    mean, std = (sum(numbers) / len(numbers) for numbers in (normalisation.mean, normalisation.std))
    grey = Normalisation((mean,), (std,), value_range=normalisation.value_range)
    return replace(carried, normalisation=grey, source=f"{carried.source}; the mean of its colours, for grey")


def _brightness(network: Network, carried: Carried, value_range: Sequence[float] | None, normalize: Any) -> Feed:
    stated = None if value_range is None else checked_range(value_range)
    if normalize is not None:
        normalisation = normalisation_of(normalize)
        own = (0.0, 1.0) if normalisation is None else normalisation.value_range
        if stated is not None and normalisation is not None:
            normalisation = replace(normalisation, value_range=stated)
        if stated is not None or normalisation is not None:
            return Feed(stated or own, normalisation, "as given")
    is_plain = normalize is not None  # "none": nothing is normalised, whatever the model carries
    if stated is not None:
        carried_range = carried.normalisation.value_range if carried.normalisation is not None else None
        if is_plain or carried_range != stated or not _is_plain_entrance(network):
            return Feed(stated, None, "as given")
        return Feed(stated, carried.normalisation, f"the range as given; mean and spread: {carried.source}")
    entrance = _entrance(network)
    if entrance is not None and not entrance.is_identity and entrance.value_range is not None:
        return Feed(entrance.value_range, None, entrance.describe())
    normalises = entrance is not None and not entrance.is_identity
    if carried.normalisation is not None and not is_plain and not normalises:
        return Feed(carried.normalisation.value_range, carried.normalisation, carried.source)
    if carried.value_range is not None:
        return Feed(carried.value_range, None, carried.source)
    return _guessed(network)


def _guessed(network: Network) -> Feed:
    hints = network.hints
    if hints.rescaling is not None:
        scale, offset = hints.rescaling
        if scale < 0.05:
            return Feed((0.0, 255.0), None, f"the model itself rescales by {scale:.4g} and {offset:+.4g}")
    if hints.output_activation == "tanh":
        return Feed((-1.0, 1.0), None, "the model ends in tanh")
    if hints.output_activation == "sigmoid":
        return Feed((0.0, 1.0), None, "the model ends in a sigmoid")
    reason = (
        "assumed; give --value-range LOW,HIGH (value_range=) or --normalize (normalize=) if it was trained otherwise"
    )
    return Feed((0.0, 1.0), None, reason, is_assumed=True)


def _is_plain_entrance(network: Network) -> bool:
    entrance = _entrance(network)
    return entrance is None or entrance.is_identity


def _entrance(network: Network) -> Entrance | None:
    """The arithmetic at the entrance, for networks that can show it."""
    first_read = getattr(network, "first_read", None)
    if first_read is None:
        return None
    try:
        return entrance_of(first_read, network.input_shape[2])
    except Exception:  # whatever a model makes of images of one level; the first question says why it cannot compute
        return None


def _size(network: Network, size: tuple[int, int] | None, carried: Carried) -> tuple[int | None, int | None]:
    """As the caller says, else as the model carries it; the sides that a model fixes are fixed."""
    height, width, _ = network.input_shape
    if size is None:
        return next((each for each in carried.sizes if _takes(network, each)), (height, width))
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise InputError(f"size={size!r:.40} is no size; give (height, width).")
    if not _takes(network, size):
        raise ModelError(f"the model takes images of {height}x{width} only; size={size} cannot be had.")
    return size


def _takes(network: Network, size: tuple[int, int]) -> bool:
    height, width, _ = network.input_shape
    return height in (None, size[0]) and width in (None, size[1])
