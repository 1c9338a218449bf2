"""Which method makes the first picture where none was named: by the kind of code, chosen by measurement.

The measurements stand in docs/choosing-a-method.md. Of every kind that an encoder is of, the page says why; the first
names the method.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from saccade.encoder import Encoder
from saccade.errors import NotApplicable
from saccade.targets import Target, code

DEFAULT_METHOD = "blur_integrated_gradients"
"""True to the code, and another map had the network learned something else."""

_STANDS_IN = f"so occlusion stands in for {DEFAULT_METHOD}"


@dataclass(frozen=True)
class Kind:
    """Codes whose first picture another method than `DEFAULT_METHOD` makes.

    Attributes:
        method: Its name.
        codes: Which codes these are, in words.
        includes: Is this encoder of the kind, for these targets?
        note: What the reader of the picture must know; `{model}` becomes the encoder's name.
    """

    method: str
    codes: str
    includes: Callable[[Encoder, Sequence[Target]], bool]
    note: str


def _offers_no_gradients(encoder: Encoder, targets: Sequence[Target]) -> bool:  # noqa: ARG001
    return not encoder.capabilities.gradients


def _has_one_length(encoder: Encoder, targets: Sequence[Target]) -> bool:
    if not encoder.capabilities.gradients or not any(
        part.kind == "code" for target in targets for _, part in target.parts
    ):
        return False
    try:
        encoder.check_gradient()
    except NotApplicable:
        return True
    return False


def _is_vector_alone(encoder: Encoder, targets: Sequence[Target]) -> bool:
    """Only for the whole code: by the centred code, whose shares have signs, covering was measured to be worse."""
    sides = encoder.layers[encoder.layer].shape[:-1]
    is_vector = None not in sides and math.prod(side or 1 for side in sides) == 1
    return is_vector and not encoder.is_autoencoder and all(target.kind == "code" for target in targets)


KINDS = (
    Kind(
        "occlusion",
        "of networks without gradients",
        _offers_no_gradients,
        f"{{model}} offers no gradients, {_STANDS_IN}",
    ),
    Kind(
        "occlusion",
        "of one length",
        _has_one_length,
        f"{{model}} gives codes of one length, whose likeness to themselves has no gradient, {_STANDS_IN}",
    ),
    Kind(
        "occlusion",
        "that are one vector, where nothing is redrawn",
        _is_vector_alone,
        "the code is one vector and nothing is redrawn, so occlusion makes the picture: on two such networks that name "
        f"things it scored far above {DEFAULT_METHOD}",
    ),
)
"""In the order in which they are asked."""

_BESIDE = (
    "on two networks that name things by such a code (one vector, nothing redrawn) an edge detector without a network "
    "scored {}; `saccade evaluate` tells for this model"
)
MEASURED_ON_VECTORS = {
    "occlusion": _BESIDE.format("as high as this map"),
    DEFAULT_METHOD: _BESIDE.format("far higher than this map, and so did occlusion"),
}
"""What the reader of a map of such a code must know, by method."""


def default_method(encoder: Encoder, targets: Sequence[Target] = ()) -> tuple[str, tuple[str, ...]]:
    """Which method explains this encoder if none was named, and what must be said about it?

    Args:
        encoder: The model and its code.
        targets: What is explained; none stands for the whole code.
    """
    explained = targets or (code(),)
    kinds = [kind for kind in KINDS if kind.includes(encoder, explained)]
    return kinds[0].method if kinds else DEFAULT_METHOD, tuple(kind.note.format(model=encoder.name) for kind in kinds)


def measured_caution(encoder: Encoder, method: str, target: Target) -> tuple[str, ...]:
    """What was measured of this method on codes of this kind that its map does not show?

    Args:
        encoder: The model and its code.
        method: The method's name, whoever chose it.
        target: What is explained.
    """
    is_known = method in MEASURED_ON_VECTORS and _is_vector_alone(encoder, (target,))
    return (MEASURED_ON_VECTORS[method],) if is_known else ()
