"""What a target knows of a whole collection: computed once for an encoder, and again if the model has changed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from saccade.errors import SaccadeWarning
from saccade.images.collection import Collection, skipped_in_words
from saccade.targets.given_images import GivenImages
from saccade.targets.target import Codes, CodeSource

Value = TypeVar("Value")


@dataclass(frozen=True)
class Collected(Generic[Value]):
    """A value of a collection's codes.

    Attributes:
        images: The collection.
        compute: Makes the value from the collection's codes, which come some images at a time, and who encodes them.
    """

    images: GivenImages
    compute: Callable[[Iterator[Codes], CodeSource], Value] = field(compare=False, repr=False)
    _computed: WeakKeyDictionary[Any, tuple[Codes, Value]] = field(
        compare=False, repr=False, default_factory=WeakKeyDictionary
    )

    @property
    def name(self) -> str:
        """The collection's name, for messages."""
        return self.images.name or "the collection"

    def value(self, source: CodeSource) -> Value:
        """The value; it is kept for as long as the encoder gives the same code for the first image.

        Files that cannot be used are left out, with a warning.

        Raises:
            InputError: Not one image can be used.
        """
        collection = Collection(self.images.source, source.encoder.images, name=self.name)
        _, first = next(collection.images())
        probe = source.codes(first.array, remember=False)
        computed = self._computed.get(source.encoder)
        if computed is None or not _same(probe, computed[0]):
            value = self.compute((source.codes(batch, remember=False) for batch in collection.batches()), source)
            if collection.skipped:
                left_out = skipped_in_words(collection.skipped, f"the images in {self.name}")
                warnings.warn(f"{left_out}.", SaccadeWarning, stacklevel=2)
            computed = self._computed[source.encoder] = (probe, value)
        return computed[1]


def _same(a: Codes, b: Codes) -> bool:
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-4, atol=1e-6 * float(np.abs(b).max(initial=0)))
