"""What is typical of a collection for one encoder: its mean code, how codes and scores spread, its mean image."""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from saccade.atomic_files import atomic_file
from saccade.errors import FileError
from saccade.typing import Array

SUFFIX = ".reference.npz"
"""Ending of the file beside a model: `autoencoder.reference.npz` belongs to `autoencoder.keras`."""

QUANTILES = 101
"""From 0 to 100 %."""

_BYTES = 256 * 2**20


@dataclass(frozen=True, eq=False)
class Reference:
    """What is typical of a collection.

    Attributes:
        count: How many images it is made of.
        mean_code: float32 (rows, columns, channels).
        code_spread: float32, the same shape: the standard deviation of every number of the code.
        mean_image: float32 (height, width, channels), in the model's value range.
        scores: float64 (101,): the quantiles of the cosine similarity of pairs, 0 to 100 %.
        centred_scores: The same for codes less the mean code.
    """

    count: int
    mean_code: Array
    code_spread: Array
    mean_image: Array
    scores: NDArray[np.float64]
    centred_scores: NDArray[np.float64]

    def typical(self, *, centred: bool) -> tuple[float, float]:
        """The score of a typical pair (the median), and that which 5 % of all pairs exceed."""
        quantiles = self.centred_scores if centred else self.scores
        return float(quantiles[50]), float(quantiles[95])

    def save(self, path: Path) -> Path:
        """Write it as `.npz`, whole or not at all; codes and image in half precision."""
        half = {name: getattr(self, name).astype(np.float16) for name in ("mean_code", "code_spread", "mean_image")}
        with atomic_file(path) as part, part.open("wb") as file:
            np.savez_compressed(
                file,
                metadata=np.array(json.dumps({"count": self.count})),
                scores=self.scores.astype(np.float32),
                centred_scores=self.centred_scores.astype(np.float32),
                **half,
            )
        return path

    @classmethod
    def load(cls, path: Path) -> Reference:
        """Open what `save` wrote.

        Raises:
            FileError: Missing, damaged, far too large, or not written by `save`.
        """
        try:
            with zipfile.ZipFile(path) as archive:
                if sum(member.file_size for member in archive.infolist()) > _BYTES:
                    raise FileError(f"{path} is no reference of a collection: it is too large.")
            with np.load(path, allow_pickle=False) as file:
                codes = {name: file[name].astype(np.float32) for name in ("mean_code", "code_spread", "mean_image")}
                scores = {name: file[name].astype(np.float64) for name in ("scores", "centred_scores")}
                count = int(json.loads(str(file["metadata"]))["count"])
        except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise FileError(f"{path} is missing, damaged, or was not saved by saccade.") from error
        whole = all(np.isfinite(array).all() for array in (*codes.values(), *scores.values()))
        shapes = codes["mean_code"].shape == codes["code_spread"].shape and codes["mean_code"].ndim == 3
        if not whole or not shapes or any(quantiles.shape != (QUANTILES,) for quantiles in scores.values()):
            raise FileError(f"{path} is damaged, or was not saved by saccade.")
        return cls(count, **codes, **scores)


def beside(model: Path) -> Path:
    """Where the reference of a model lies."""
    return model.with_suffix(SUFFIX)
