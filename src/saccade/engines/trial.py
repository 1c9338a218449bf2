"""A few images made for the purpose, encoded before the first question: is there a code that can be explained?

Every map compares codes. So the same image must get the same code: again, as another row of the batch, and among other
images. And different images must get different codes, or nothing can be seen. None of this is read off the model's
layers, since what draws at random or mixes the batch may be a line of Python; it is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from saccade.engines.engine import Engine
from saccade.errors import ModelError
from saccade.models.messages import cannot_compute
from saccade.typing import Array

Codes = NDArray[np.float64]

_SAME_ROW = 1e-3
"""The length by which two codes of one image may differ in one batch, as a share of theirs: rounding."""
_SAME_BATCH = 2e-2
"""The same among other neighbours: other kernels may compute it, in half precision."""
_UNIT = 1e-4


@dataclass(frozen=True)
class Trial:
    """A network, one of its layers, and the images for which it is tried.

    Attributes:
        engine: The network, made ready to be asked.
        layer: The code.
        size: Height and width of images that the model takes.
        value_range: Their darkest and brightest value.
    """

    engine: Engine
    layer: str
    size: tuple[int, int]
    value_range: tuple[float, float]

    # What is found

    @property
    def is_steady(self) -> bool:
        """Does an image get the same code at another call, in another row, among other images?

        Two batches tell: one of two images, one of two copies of the first. Where a code is unsteady, the further
        questions tell why.
        """
        among_others, among_copies = self._two_batches
        return all(_same(codes, among_others[0], _SAME_ROW) for codes in among_copies)

    @property
    def is_random(self) -> bool:
        """Does an untouched copy get another code?"""
        return any(not _same(codes, self._twice[0][0], _SAME_ROW) for batch in self._twice for codes in batch)

    @property
    def is_alike_in_a_batch(self) -> bool:
        """Do copies in one batch get one code, so that only the next call gives another?"""
        return all(_same(codes, batch[0], _SAME_ROW) for batch in self._twice for codes in batch)

    @property
    def unsteadiness(self) -> float:
        """How far apart are the codes of copies of one image, as a share of their length?"""
        first = self._twice[0][0]
        length = max(float(np.linalg.norm(first)), 1e-12)
        return max(float(np.linalg.norm(codes - first)) for batch in self._twice for codes in batch) / length

    @property
    def depends_on_neighbours(self) -> bool:
        """Does an image get another code among other images?"""
        return self.engine.network.fixed_batch is None and not _same(self._pair[0], self._twice[0][0], _SAME_BATCH)

    @cached_property
    def has_fixed_length(self) -> bool:
        """Are all codes of the same length, as after a normalisation to unit length?

        Every question about a gradient asks this, so it is found once: BLAS computes the length of a large code in
        threads of its own, and keeps a core busy long after.
        """
        lengths = [float(np.linalg.norm(codes)) for codes in (*self._pair, *self._ends)]
        lengths = [length for length in lengths if length > 0]  # black may give nothing, which has no direction
        longest = max(lengths, default=0.0)
        return (
            len(lengths) > 2 and min(lengths) > (1 - _UNIT) * longest and not _same(self._pair[0], self._pair[1], _UNIT)
        )

    @property
    def distance(self) -> float:
        """How differently are different images encoded? 1 - cosine similarity, the mean over pairs."""
        return self._distance_of([*self._pair, *self._ends])

    def distance_at(self, value_range: tuple[float, float]) -> float:
        """The same for images of another value range."""
        other = Trial(self.engine, self.layer, self.size, value_range)
        return other.distance

    def first_random(self, layers: Sequence[str]) -> str | None:
        """Which of these layers is the first whose results differ for copies of one image?"""
        steady = self.steady(layers)
        return next((layer for layer in layers if layer not in steady), None)

    def first_mixed(self, layers: Sequence[str]) -> str | None:
        """Which of these layers is the first whose result for an image depends on the other images?"""
        among_copies = self._encode([self._waves, self._waves], layers)
        among_others = self._encode([self._waves, self._noise], layers)
        pairs = ((layer, among_others[layer][0], among_copies[layer][0]) for layer in layers)
        return next((layer for layer, row, other in pairs if not _same(row, other, _SAME_BATCH)), None)

    def steady(self, layers: Sequence[str]) -> list[str]:
        """The layers of these whose results are the same for copies of one image."""
        first, second = self._copies(layers)
        rows = {layer: [*first[layer], *second[layer]] for layer in layers}
        return [layer for layer in layers if all(_same(row, rows[layer][0], _SAME_ROW) for row in rows[layer])]

    def is_direction_of(self, layer: str) -> bool:
        """Is the code what this layer gives, divided by its length, as a whole or place by place?"""
        images = [self._waves, self._noise]
        results = self._encode(images, [layer, self.layer])
        for values, code in zip(results[layer], results[self.layer], strict=True):
            if values.size != code.size:
                return False
            vectors = values.reshape(code.shape)
            by_place = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
            whole = vectors / max(float(np.linalg.norm(vectors)), 1e-12)
            length = max(float(np.linalg.norm(code)), 1e-12)
            if not any(_same(unit / np.linalg.norm(unit), code / length, 1e-3) for unit in (by_place, whole)):
                return False
        return not _same(results[layer][0], results[self.layer][0], 1e-3)

    # The images, and what they are encoded as

    @cached_property
    def _twice(self) -> list[Codes]:
        return [results[self.layer] for results in self._copies([self.layer])]

    def _copies(self, layers: Sequence[str]) -> list[dict[str, Codes]]:
        """Two copies of an image, encoded twice without a break: whatever draws at random has moved on."""
        images = self._batch([self._waves, self._waves])
        with self.engine.backend.context():
            return [self._read(images, layers) for _ in range(2)]

    @property
    def _pair(self) -> Codes:
        return self._two_batches[0]

    @cached_property
    def _two_batches(self) -> tuple[Codes, Codes]:
        """Two images, and two copies of the first, without a break: whatever draws at random has moved on."""
        with self.engine.backend.context():
            pair = self._rows([self._waves, self._noise], [self.layer])
            copies = self._rows([self._waves, self._waves], [self.layer])
        return pair[self.layer], copies[self.layer]

    @cached_property
    def _ends(self) -> Codes:
        black = np.zeros_like(self._waves)
        return self._encode([black, black + 1], [self.layer])[self.layer]

    @property
    def _waves(self) -> Array:
        """Something smooth: a gradient, and a bright disc."""
        rows, columns = np.mgrid[0 : self.size[0], 0 : self.size[1]] / np.array(self.size)[:, None, None]
        disc = (rows - 0.4) ** 2 + (columns - 0.6) ** 2 < 0.06
        tint = np.linspace(0.4, 1.0, self.engine.network.input_shape[2])
        plane: Array = (0.6 * (0.3 * rows + 0.7 * columns) + 0.4 * disc).astype(np.float32)
        return (plane[..., None] * tint).astype(np.float32)

    @property
    def _noise(self) -> Array:
        """Something rough."""
        shape = (*self.size, self.engine.network.input_shape[2])
        return np.random.default_rng(0).random(shape, np.float32)

    def _batch(self, images: Sequence[Array]) -> Array:
        """Images 0..1 in the value range; repeated where the model takes more at once."""
        low, high = self.value_range
        count = self.engine.network.fixed_batch or len(images)
        rows = [images[k % len(images)] for k in range(count)]
        return (low + np.stack(rows) * np.float32(high - low)).astype(np.float32)

    def _encode(self, images: Sequence[Array], layers: Sequence[str]) -> dict[str, Codes]:
        with self.engine.backend.context():
            return self._rows(images, layers)

    def _rows(self, images: Sequence[Array], layers: Sequence[str]) -> dict[str, Codes]:
        """The results for images in one batch, or one by one where the model takes fewer; inside a context."""
        batch = self.engine.network.fixed_batch
        groups = [images] if batch is None or batch >= len(images) else [[image] for image in images]
        parts = [self._read(self._batch(group), layers) for group in groups]
        return {layer: np.concatenate([part[layer] for part in parts])[: len(images)] for layer in layers}

    def _read(self, images: Array, layers: Sequence[str]) -> dict[str, Codes]:
        # Not compiled: it is asked once, and a program of its own would take longer than the answer.
        backend = self.engine.backend
        try:
            results = self.engine.network.run(backend.tensor(images), list(layers))
        except Exception as error:
            if not backend.is_failure_of_model(error):
                raise
            raise ModelError(cannot_compute(self.engine.network.name, self.size, error)) from error
        return {layer: backend.array(backend.as_float32(results[layer])).astype(np.float64) for layer in layers}

    @staticmethod
    def _distance_of(codes: Sequence[Codes]) -> float:
        flat = [row.ravel() for row in codes]
        distances = []
        for k, first in enumerate(flat):
            for second in flat[k + 1 :]:
                lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
                same = np.array_equal(first, second)
                distances.append(float(not same) if lengths == 0 else 1 - float(first @ second) / lengths)
        return float(np.mean(distances))


def _same(first: Codes, second: Codes, tolerance: float) -> bool:
    """Do two codes differ by less than a share of their length?"""
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return bool(np.array_equal(np.isfinite(first), np.isfinite(second)))  # what is not a number is told elsewhere
    return float(np.linalg.norm(first - second)) <= tolerance * max(float(np.linalg.norm(second)), 1e-12)
