"""The code less what most images share: what sets this image apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.errors import InputError
from saccade.targets.collection_facts import Collected
from saccade.targets.form import TextForm, file_name
from saccade.targets.given_images import GivenImages
from saccade.targets.measure import INNER_PRODUCT
from saccade.targets.quantity import Quantity
from saccade.targets.quoting import quoted
from saccade.targets.target import Codes, CodeSource, Target


def centred(of: Any = None) -> Target:
    """What sets this image apart from most? `s = <f(x'), f(x) - m>`, f(x) frozen, m a mean code; signed.

    Similarity is best compared on codes less their mean, and this is the question that belongs to it: what all images
    share falls out. Where most images share much (a black ground, a body in the middle), the map is another one than
    that of `code`, and truer to what tells images apart.

    Args:
        of: The collection whose mean code is taken off: a folder, a glob, or images. None takes the encoder's own
            (`Encoder.reference`): the model that ships and those of `saccade train` know theirs.

    Raises:
        InputError: Once it is asked: no collection was given and the encoder knows none, or a code of another shape.

    Example:
        >>> saccade.targets.centred("holiday/").question
        'what sets its code apart from the mean of holiday'
    """
    quantity = "inner product with the photo's code less the mean code"
    images = None if of is None else GivenImages.of(of)
    collected = None if images is None else Collected(images, _mean)
    whose = "the collection that the model knows" if collected is None else collected.name
    path = "" if images is None else images.path
    return Target(
        kind="centred",
        arguments=Centred(collected),
        name=f"centred:{quoted(images.name)}" if images is not None and images.name else "centred",
        text=f"centred:{quoted(path)}" if path else "centred" if images is None else None,
        files=() if images is None else images.files,
        question=f"what sets its code apart from the mean of {whose}",
        gradient_measure=INNER_PRODUCT,
        gradient_units=Quantity(quantity),
        occlusion_measure=INNER_PRODUCT,
        occlusion_units=Quantity(f"fall of the {quantity}"),
    )


@dataclass(frozen=True)
class Centred:
    """The code less a mean code.

    Attributes:
        collected: The mean code of a collection; None: the encoder's own.
    """

    collected: Collected[NDArray[np.float64]] | None

    def reference(self, codes: Codes, source: CodeSource) -> Codes:
        """The codes less the mean."""
        mean = self._mean(source)
        if mean.shape != codes.shape[1:]:
            raise InputError(
                f"the mean code has shape {mean.shape}, the code {codes.shape[1:]}; read all images at one size."
            )
        return np.asarray(codes - mean, np.float32)

    def _mean(self, source: CodeSource) -> NDArray[np.float64]:
        if self.collected is not None:
            return self.collected.value(source)
        own = getattr(source.encoder, "reference", None)
        if own is None:
            raise InputError(
                "target 'centred' needs to know what most images share, and nothing beside this model says so; name a "
                "folder of such photos: centred:FOLDER."
            )
        return np.asarray(own.mean_code, np.float64)


def _mean(codes: Iterator[Codes], _: CodeSource) -> NDArray[np.float64]:
    total, count = np.zeros(()), 0
    for batch in codes:
        if count and batch.shape[1:] != total.shape:
            raise InputError(
                f"the codes of the collection differ in shape ({total.shape} and {batch.shape[1:]}), so they have no "
                "mean; give photos of one size."
            )
        total, count = total + batch.sum(axis=0, dtype=np.float64), count + len(batch)
    return np.asarray(total / count)


TEXT_FORMS = (
    TextForm("centred", "", "what sets the code apart from the model's own collection", lambda _: centred()),
    TextForm(
        "centred", "FOLDER", "what sets the code apart from a folder's photos", lambda value: centred(file_name(value)),
        "photos",
    ),
)  # fmt: skip
"""How these targets are written."""
