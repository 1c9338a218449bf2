"""A principal component of the cells of a collection's codes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from saccade.errors import InputError, SaccadeWarning
from saccade.images.collection import Collection, skipped_in_words
from saccade.targets.form import TextForm, file_name, two_values, whole_number
from saccade.targets.given_images import GivenImages
from saccade.targets.measure import INNER_PRODUCT
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
        arguments=Component(index, images),
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
class _Computed:
    """The components, and the code of the first image when they were computed."""

    probe: Codes
    components: NDArray[np.float64]


@dataclass(frozen=True)
class Component:
    """A principal component of a collection.

    Attributes:
        index: Which one, counted from 0.
        images: The collection.
    """

    index: int
    images: GivenImages
    _computed: WeakKeyDictionary[Any, _Computed] = field(compare=False, repr=False, default_factory=WeakKeyDictionary)

    def reference(self, codes: Codes, source: CodeSource) -> Codes:
        """The component over the number of places, one number per channel."""
        components = self.components(source)
        if self.index >= len(components):
            cells = f"the cells of {self._name}"
            if not len(components):
                raise InputError(f"{cells} are all the same, so they have no components; give other images.")
            raise InputError(
                f"{cells} vary in {len(components)} directions only, so component {self.index} does not exist; give 0 "
                f"to {len(components) - 1}, or more images."
            )
        values = components[self.index] / (codes.shape[1] * codes.shape[2])
        return np.broadcast_to(values, (len(codes), 1, 1, codes.shape[-1])).astype(np.float32)

    def components(self, source: CodeSource) -> NDArray[np.float64]:
        """The principal components of the cells, (components, channels), the strongest first.

        They are kept for as long as the encoder gives the same code for the first image.

        Raises:
            InputError: Not one image can be used.
        """
        collection = Collection(self.images.source, source.encoder.images, name=self._name)
        _, first = next(collection.images())
        probe = source.codes(first.array, remember=False)
        computed = self._computed.get(source.encoder)
        if computed is None or not _same(probe, computed.probe):
            spread = Spread()
            for batch in collection.batches():
                cells = source.codes(batch, remember=False)
                spread.add(cells.reshape(-1, cells.shape[-1]))
            if collection.skipped:
                left_out = skipped_in_words(collection.skipped, f"the images in {self._name}")
                warnings.warn(f"{left_out}.", SaccadeWarning, stacklevel=2)
            computed = self._computed[source.encoder] = _Computed(probe, spread.components())
        return computed.components

    @property
    def _name(self) -> str:
        return self.images.name or "the collection"


def _same(a: Codes, b: Codes) -> bool:
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-4, atol=1e-6 * float(np.abs(b).max(initial=0)))


def _read_component(value: str) -> Target:
    index, folder = two_values(value)
    return component(whole_number(index), file_name(folder))


TEXT_FORMS = (
    TextForm("component", "K,FOLDER", "principal component K of a folder's photos", _read_component, "0,photos"),
)
"""How this target is written."""
