"""A code without places that is a sum over the cells of an earlier layer.

Many encoders pool their last cells (their mean, or the largest value of each channel) and add linear layers; others
flatten them into a dense layer. Then the code is a sum over cells, exactly. A normalisation of the pooled vector
divides by a number of this image alone, and the sum stays exact with that number as it is, as a cosine is split with
both lengths as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from saccade.encoder import Encoder
from saccade.models.network import declared_places
from saccade.models.places import Places
from saccade.pairs.linear_steps import Dense, Pooling, Step
from saccade.pairs.terms import Numbers, Terms
from saccade.typing import Array

TOLERANCE = 1e-5
"""The code must come out again to this part of its length; float32 leaves about a millionth."""


@dataclass(frozen=True, eq=False)
class LinearHead:
    """A way from cells to the code.

    Attributes:
        layer: The layer of the cells.
        pooling: How they become one vector.
        steps: What follows.
    """

    layer: str
    pooling: Pooling
    steps: tuple[Step, ...]

    def terms(self, cells: Numbers, special: Numbers) -> Terms:
        """The code of one image as a sum over its cells."""
        if self.pooling.kind.startswith("flat"):
            terms, steps = self._flat_terms(cells, special), self.steps[1:]
        else:
            terms, steps = self.pooling.terms(cells, special), self.steps
        for step in steps:
            terms = step.terms(terms)
        return terms

    def _flat_terms(self, cells: Numbers, special: Numbers) -> Terms:
        # Every cell has rows of the kernel to itself.
        dense = self.steps[0]
        assert isinstance(dense, Dense)
        rows, columns, channels = cells.shape
        tokens = np.concatenate([cells.reshape(-1, channels), special if self.pooling.all_tokens else special[:0]])
        tokens = np.maximum(tokens, 0) if self.pooling.rectified else tokens
        if self.pooling.kind == "flat":
            adds = np.einsum("uc,uck->uk", tokens, dense.kernel.reshape(*tokens.shape, -1))
        else:
            adds = np.einsum("uc,cuk->uk", tokens, dense.kernel.reshape(channels, len(tokens), -1))
        places = rows * columns
        return Terms(adds[:places].reshape(rows, columns, -1), adds[places:].sum(axis=0) + dense.offset)

    @property
    def in_words(self) -> str:
        """How the code comes of the cells."""
        parts = [f"{self.pooling.in_words} of the cells of layer {self.layer}"]
        kinds = [
            {"Dense": "a linear layer", "Scale": "a scaling"}.get(type(step).__name__, "a normalisation")
            for step in self.steps
        ]
        return ", then ".join(parts + kinds)


def terms_of(encoder: Encoder, head: LinearHead, size: tuple[int, int], code: Numbers, values: Array) -> Terms | None:
    """The code of one image as a sum over cells; None where it does not come out to 1e-5.

    Args:
        encoder: The model and its code.
        head: What `head_search.linear_head` found.
        size: Height and width of the image.
        code: The image's code, flat.
        values: What the layer of the cells holds for it.
    """
    places = places_of_cells(encoder, head.layer, size)
    if places is None:
        return None
    cells, special = (part[0] for part in split_cells(values[None], places))
    if head.pooling.kind.startswith("flat") and isinstance(head.steps[0], Dense):
        tokens = places.tokens if head.pooling.all_tokens else places.cells
        if tokens * cells.shape[-1] != len(head.steps[0].kernel):
            return None  # an image of another size
    terms = head.terms(cells, special)
    return terms if nearly_equal(terms.code, code) else None


def places_of_cells(encoder: Encoder, layer: str, size: tuple[int, int]) -> Places | None:
    """Where the cells of a layer lie, as the network declares it; None for fewer than two."""
    places = declared_places(encoder.network, layer, encoder.dataflow(*size))
    return None if places is None or places.cells < 2 else places


def split_cells(values: Array, places: Places) -> tuple[Numbers, Numbers]:
    """The cells and the special tokens of a layer, in double precision."""
    cells, special = places.split(values)
    return cells.astype(np.float64), special.astype(np.float64)


def nearly_equal(first: Numbers, second: Numbers) -> bool:
    """Whether two vectors, or two batches of them, are the same but for rounding."""
    return first.shape == second.shape and bool(np.linalg.norm(first - second) <= TOLERANCE * np.linalg.norm(second))
