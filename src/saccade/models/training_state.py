"""Does a model look as if it had been trained?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from saccade.errors import ModelError
from saccade.models.network import Network

_LARGEST = 1e15
"""Codes are squared, and the squares summed: with a few weights above this, float32 ends."""


def looks_untrained(network: Network) -> Iterator[str]:
    """Notice weights that are still as a framework draws them.

    Keras starts every bias at exactly zero; PyTorch draws kernels and biases evenly within one over the root of the
    inputs. A trained model leaves both behind.

    Yields:
        A plain sentence for each thing that is odd.

    Raises:
        ModelError: A weight is not a number, or so large that nothing computed with it is.
    """
    weights = network.weights()
    for name, values in weights:
        if values.dtype.kind != "f" or not values.size:
            continue
        largest = float(np.abs(values).max())  # not a number where one of them is not
        if not largest <= _LARGEST and not _is_mask(values) and not _is_bound(name, values):
            what = f"as large as {largest:.3g}" if np.isfinite(largest) else "that are not numbers (NaN or infinite)"
            raise ModelError(
                f"{network.name!r} holds weights {what} in {name!r}; the training went wrong or the file is damaged, "
                "and nothing can be shown."
            )
    if _fresh_keras(weights) or _fresh_torch(weights):
        yield "the weights look untrained: they are still as they were drawn at random. The maps will mean little."


def _is_mask(values: np.ndarray) -> bool:
    """Does it hold nothing but 0 and one large negative number, as what is added to scores that must not count?"""
    low = values.min()
    return bool(low < 0 and ((values == 0) | (values == low)).all())


def _is_bound(name: str, values: np.ndarray) -> bool:
    """Is it one number that says how large others may become, where infinity is no limit?"""
    return bool(
        values.size == 1 and not np.isnan(values).any() and name.lower().endswith(("min", "max", "bound", "limit"))
    )


def _fresh_keras(weights: list[tuple[str, np.ndarray]]) -> bool:
    biases = [values for name, values in weights if name.rsplit("/", 1)[-1] in ("bias", "beta")]
    return bool(biases) and not any(values.any() for values in biases)


def _fresh_torch(weights: list[tuple[str, np.ndarray]]) -> bool:
    # In single precision: the squares of half-precision numbers overflow.
    kernels = [
        values.astype(np.float32, copy=False)
        for name, values in weights
        if name.endswith("weight") and values.ndim in (2, 4)
    ]
    if len(kernels) < 2:
        return False
    for values in kernels:
        reach = np.abs(values).max() * np.sqrt(values[0].size)
        evenness = values.std() * np.sqrt(3) / max(np.abs(values).max(), 1e-12)
        if values.size >= 64 and not (0.8 < reach <= 1.0001 and 0.8 < evenness < 1.25):
            return False
    return True
