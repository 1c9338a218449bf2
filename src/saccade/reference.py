"""What is typical of a collection for one encoder: its mean code, how codes and scores spread, its mean image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from saccade.results.arrays import numbers, opened_arrays, save_arrays
from saccade.typing import Array

SUFFIX = ".reference.npz"
"""Ending of the file beside a model: `autoencoder.reference.npz` belongs to `autoencoder.keras`."""

QUANTILES = 101
"""From 0 to 100 %."""

MODEL_COLLECTION = "the collection that the model knows"
"""What the collection of a file beside a model is called."""

_BYTES = 256 * 2**20


@dataclass(frozen=True, eq=False)
class Reference:
    """What is typical of a collection.

    Attributes:
        count: How many images it is made of.
        mean_code: float32 (rows, columns, channels).
        code_spread: float32, the same shape: the standard deviation of every number of the code.
        scores: float64 (101,): the quantiles of the cosine similarity of pairs, 0 to 100 %.
        centred_scores: The same for codes less the mean code.
        mean_image: float32 (height, width, channels), in the model's value range; None where only the codes are known.
        name: Which collection it is, in words.
    """

    count: int
    mean_code: Array
    code_spread: Array
    scores: NDArray[np.float64]
    centred_scores: NDArray[np.float64]
    mean_image: Array | None = None
    name: str = MODEL_COLLECTION

    def typical(self, *, centred: bool) -> tuple[float, float]:
        """The score of a typical pair (the median), and that which 5 % of all pairs exceed."""
        quantiles = self.centred_scores if centred else self.scores
        return float(quantiles[50]), float(quantiles[95])

    def save(self, path: Path) -> Path:
        """Write it as `.npz`, whole or not at all; codes and image in half precision."""
        names = ("mean_code", "code_spread", *(() if self.mean_image is None else ("mean_image",)))
        half = {name: getattr(self, name).astype(np.float16) for name in names}
        scores = {name: getattr(self, name).astype(np.float32) for name in ("scores", "centred_scores")}
        return save_arrays(path, {**scores, **half}, {"count": self.count})

    @classmethod
    def load(cls, path: Path) -> Reference:
        """Open what `save` wrote.

        Raises:
            FileError: Missing, damaged, far too large, or not written by `save`.
        """
        with opened_arrays(path, most=_BYTES) as (metadata, file):
            mean_code, code_spread = (
                numbers(file, name, 3).astype(np.float32) for name in ("mean_code", "code_spread")
            )
            mean_image = numbers(file, "mean_image", 3).astype(np.float32) if "mean_image" in file else None
            scores, centred_scores = (
                numbers(file, name, 1).astype(np.float64) for name in ("scores", "centred_scores")
            )
            arrays = (mean_code, code_spread, scores, centred_scores)
            if mean_code.shape != code_spread.shape or not scores.shape == centred_scores.shape == (QUANTILES,):
                raise ValueError(f"shapes {[array.shape for array in arrays]}")
            if not all(np.isfinite(array).all() for array in (*arrays, *(() if mean_image is None else (mean_image,)))):
                raise ValueError("numbers that are not finite")
            return cls(int(metadata["count"]), *arrays, mean_image=mean_image)


def reference_path(model: Path) -> Path:
    """Where the reference of a model lies."""
    return model.with_suffix(SUFFIX)
