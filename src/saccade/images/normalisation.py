"""The mean and the spread of each channel that a model was trained with.

They are not applied to the images: these stay in the value range that people know (0..1), and so do fillers, noise and
gradients. The network subtracts the mean and divides by the spread on the way in (`models/normalised_network.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

from saccade.errors import InputError, UnknownName

Range = tuple[float, float]


@dataclass(frozen=True)
class Normalisation:
    """What is done to every channel of an image on its way into the model: (value - mean) / std.

    Attributes:
        mean: One number a channel, in the images' value range; a single number stands for all channels.
        std: The spread, as many numbers.
        value_range: The range of the images that mean and spread belong to.
        order: `"BGR"` for models that read the channels backwards, as those from Caffe do; mean and std are in the
            order in which the model reads.
        name: The short name, such as `"imagenet"`, if there is one.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    value_range: Range = (0.0, 1.0)
    order: Literal["RGB", "BGR"] = "RGB"
    name: str = ""

    def describe(self) -> str:
        """Say it in a few words: the short name, or the numbers."""
        if self.name:
            return f"normalised as {self.name}"
        return f"normalised by {_numbers(self.mean)}/{_numbers(self.std)}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {"name": self.name or None, "mean": list(self.mean), "std": list(self.std), "order": self.order}


_ON_RGB = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "clip": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}
NAMED = {
    **{name: Normalisation(mean, std, name=name) for name, (mean, std) in _ON_RGB.items()},
    "caffe": Normalisation((103.939, 116.779, 123.68), (1.0, 1.0, 1.0), (0.0, 255.0), "BGR", "caffe"),
}
"""The normalisations that have a name: `half` is 0.5/0.5, which gives -1..1."""


def normalisation_of(normalize: Any) -> Normalisation | None:
    """A normalisation from a name, numbers or text; None for `"none"`.

    Args:
        normalize: A `Normalisation`; a name (`"imagenet"`, `"clip"`, `"half"`, `"caffe"`, `"none"`); `"M,M,M/S,S,S"`;
            or a pair of mean and std.

    Raises:
        InputError: It is none of them, or a spread is not above zero.
        UnknownName: No normalisation has that name.
    """
    if isinstance(normalize, Normalisation):
        return normalize
    if isinstance(normalize, str):
        if normalize == "none":
            return None
        if "/" not in normalize:
            if normalize not in NAMED:
                raise UnknownName.of(
                    "normalisation", normalize, (*NAMED, "none"), hint="Or give means and spreads, M,M,M/S,S,S."
                )
            return NAMED[normalize]
        halves = [half.split(",") for half in normalize.split("/")]
    elif isinstance(normalize, (tuple, list)):
        halves = [list(half) if isinstance(half, Iterable) else [half] for half in normalize]
    else:
        halves = []
    try:
        mean, std = (tuple(float(number) for number in half) for half in halves)
    except (TypeError, ValueError, OverflowError) as error:
        raise _unreadable(normalize) from error
    return _named(checked(mean, std, normalize))


def checked(mean: tuple[float, ...], std: tuple[float, ...], normalize: Any) -> Normalisation:
    """A normalisation of these numbers; on 0..255 where the means are far above 1.

    Raises:
        InputError: Not as many means as spreads, or a spread that is not above zero.
    """
    numbers = (*mean, *std)
    if not mean or len(mean) != len(std) or not all(isinstance(number, Real) for number in numbers):
        raise _unreadable(normalize)
    if not all(math.isfinite(number) for number in numbers) or min(std) <= 0:
        raise InputError(f"normalize={normalize!r:.60}: every mean must be a number, and every spread above 0.")
    return Normalisation(mean, std, (0.0, 255.0) if max(map(abs, numbers)) > 4 else (0.0, 1.0))


def _named(normalisation: Normalisation) -> Normalisation:
    """The same under its name, where it has one; files round their numbers."""
    for named in NAMED.values():
        pairs = zip((*named.mean, *named.std), (*normalisation.mean, *normalisation.std), strict=False)
        same_kind = (len(named.mean), named.value_range, named.order) == (
            len(normalisation.mean), normalisation.value_range, normalisation.order,
        )  # fmt: skip
        if same_kind and all(abs(a - b) < 5e-4 for a, b in pairs):
            return named
    return normalisation


def _unreadable(normalize: Any) -> InputError:
    return InputError(
        f"normalize={normalize!r:.60} cannot be read; give imagenet, clip, half, caffe or none, or the means and "
        "spreads of the channels, such as 0.5,0.5,0.5/0.25,0.25,0.25."
    )


def _numbers(values: tuple[float, ...]) -> str:
    distinct = values[:1] if len(set(values)) == 1 else values
    return ",".join(f"{value:.4g}" for value in distinct)
