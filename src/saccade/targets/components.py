"""A principal component of the cells of a collection's codes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.errors import InputError
from saccade.targets.collection_facts import Collected
from saccade.targets.form import TextForm, file_name, two_values, whole_number
from saccade.targets.given_images import GivenImages
from saccade.targets.measure import INNER_PRODUCT
from saccade.targets.positions import mean_over_places
from saccade.targets.quantity import Quantity
from saccade.targets.quoting import quoted
from saccade.targets.spans import position
from saccade.targets.spread import Spread
from saccade.targets.target import Codes, CodeSource, Target


def component(index: int, of: Any) -> Target:
    """What drives a principal component of a collection's cells? `s = mean over places of <f(x')[u], v>`, signed.

    v is the eigenvector (of length 1) of the covariance of all cells of all the collection's codes about their mean
    cell; a code without places is one cell. Cells and not whole codes: a component then is a mixture of channels that
    may show anywhere, some dozen images are enough for it, and images of any size can be compared. Its sign is free;
    the largest entry of v is made positive. The collection is encoded once for a target, and again if the model has
    changed since. Files that cannot be used are left out, with a warning.

    Args:
        index: The component, counted from 0, the strongest first.
        of: The collection: a folder, a glob, or images.

    Raises:
        InputError: A negative index; once the collection is known, a component that it does not have.

    Example:
        >>> saccade.targets.component(0, "holiday/").name
        'component:0,holiday'
    """
    index = position("component", index)
    if index < 0:
        raise InputError(f"component {index}: components are counted from 0, the strongest first.")
    images = GivenImages.of(of)
    return Target(
        kind="component",
        arguments=Component(index, Collected(images, _components)),
        name=f"component:{index},{quoted(images.name)}" if images.name else f"component:{index}",
        text=f"component:{index},{quoted(images.path)}" if images.path else None,
        files=images.files,
        question=f"what drives principal component {index} of {images.name or 'the collection'}",
        gradient_measure=INNER_PRODUCT,
        gradient_units=Quantity(f"mean of component {index}"),
        occlusion_measure=INNER_PRODUCT,
        occlusion_units=Quantity(f"fall of the mean of component {index}"),
    )


@dataclass(frozen=True)
class Component:
    """A principal component of a collection.

    Attributes:
        index: Which one, counted from 0.
        collected: The collection's components.
    """

    index: int
    collected: Collected[NDArray[np.float64]]

    def reference(self, codes: Codes, source: CodeSource) -> Codes:
        """The component over the number of places, one number per channel."""
        components = self.components(source)
        if self.index >= len(components):
            cells = f"the cells of {self.collected.name}"
            if not len(components):
                raise InputError(f"{cells} are all the same, so they have no components; give other images.")
            raise InputError(
                f"{cells} vary in {len(components)} directions only, so component {self.index} does not exist; give 0 "
                f"to {len(components) - 1}, or more images."
            )
        values = components[self.index] * mean_over_places(codes, source)
        return np.broadcast_to(values, (len(codes), *values.shape[1:])).astype(np.float32)

    def components(self, source: CodeSource) -> NDArray[np.float64]:
        """The principal components of the cells, (components, channels), the strongest first.

        Raises:
            InputError: Not one image can be used.
        """
        return self.collected.value(source)


def _components(codes: Iterator[Codes], source: CodeSource) -> NDArray[np.float64]:
    spread = Spread()
    for batch in codes:
        cells = _cells(batch, source)
        spread.add(cells.reshape(-1, cells.shape[-1]))
    return spread.components()


def _cells(codes: Codes, source: CodeSource) -> Codes:
    """The cells of codes without their special tokens; of a vector it is the whole."""
    places = source.code_places(codes)
    if places is None or places.channels_first or places.tokens != codes.shape[1] * codes.shape[2]:
        return codes
    return places.split(codes)[0]


def _read_component(value: str) -> Target:
    index, folder = two_values(value)
    return component(whole_number(index), file_name(folder))


TEXT_FORMS = (
    TextForm("component", "K,FOLDER", "principal component K of a folder's photos", _read_component, "0,photos"),
)
"""How this target is written."""
