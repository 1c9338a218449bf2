"""How many images are computed together: what fits into the memory allowed, and no more than is fastest."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from saccade.errors import MemoryBudgetError
from saccade.models.network import Layer

DEFAULT_MEMORY = 2**30
FASTEST_BATCH = 32
"""How many images at once are computed fastest on a processor; more only cost memory."""
Question = Literal["activations", "score", "gradient"]


@dataclass(frozen=True)
class Widths:
    """How many numbers one image has in each layer that a question computes.

    Attributes:
        counts: What the question starts from (the image, or the layer that moves in its place), then every layer
            after it up to the last one asked for.
        widest_before: The widest of what is computed only once, before the layer that moves; 0 where there is none.
    """

    counts: tuple[int, ...]
    widest_before: int = 0

    @property
    def widest(self) -> int:
        """The most numbers of one layer."""
        return max(self.counts)

    def bytes_each(self, question: Question) -> int:
        """About how many bytes one more image costs, as float32; the factors were measured (benchmarks/)."""
        # A forward pass frees what it has used, so the widest layer counts, coming and going; a gradient keeps all.
        start = 4 * self.counts[0]
        if question == "gradient":
            kept_numbers = 1.25 * sum(self.counts) + 2 * self.widest
        else:
            kept_numbers = 2.5 * self.widest + self.counts[-1]
        return int(4 * (kept_numbers + start))


def widths(
    layers: Mapping[str, Layer],
    size: tuple[int, ...],
    layers_read: Sequence[str],
    at: str | None,
    shape_at_size: Callable[[str], tuple[int, ...] | None],
) -> Widths:
    """Count the numbers of one image on its way to the layers asked for.

    Args:
        layers: All layers, in the order of computation.
        size: Of the image: height, width, channels.
        layers_read: The layers asked for.
        at: The layer that moves in place of the image, or None.
        shape_at_size: A layer's shape at this size, where its own leaves a part free.
    """
    before, counts = 0, [math.prod(size)]
    left = set(layers_read)
    for path, layer in layers.items():
        sizes = shape_at_size(path) if None in layer.shape else None
        shape = [size or 1 for size in sizes or layer.shape]
        if not layer.shares_memory:
            counts.append(math.prod(shape))
        if path == at:
            before, counts = max(counts), [math.prod(shape)]
        left.discard(path)
        if not left:
            break
    return Widths(tuple(counts), before)


def examples_within(
    memory: int, per_image: Widths, question: Question, *, fastest: int, fast_tensor_bytes: int | None = None
) -> int:
    """How many images fit into the memory allowed, and no more than is fastest.

    Args:
        memory: Bytes allowed.
        per_image: What one image takes.
        question: What is asked.
        fastest: How many whole images at once are computed fastest. Where narrow layers move in place of the image,
            more of them make up the same work.
        fast_tensor_bytes: How large one tensor may grow before the framework computes slower.

    Raises:
        MemoryBudgetError: Not even one fits.
    """
    needed = per_image.bytes_each(question)
    if needed > memory:
        raise MemoryBudgetError(
            f"one image needs about {needed / 2**20:,.0f} MiB, more than the {memory / 2**20:,.0f} MiB allowed; "
            "raise the limit (--memory, memory=), or give a smaller image."
        )
    fastest *= max(1, per_image.widest_before // per_image.widest)
    most = min(fastest, memory // needed)
    if fast_tensor_bytes is not None:
        most = min(most, fast_tensor_bytes // (4 * per_image.widest))
    return max(1, most)
