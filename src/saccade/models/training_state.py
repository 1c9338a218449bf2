"""Does a model look as if it had been trained?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from saccade.errors import ModelError
from saccade.models.network import Network


def looks_untrained(network: Network) -> Iterator[str]:
    """Notice weights that are still as a framework draws them.

    Keras starts every bias at exactly zero; PyTorch draws kernels and biases evenly within one over the root of the
    inputs. A trained model leaves both behind.

    Yields:
        A plain sentence for each thing that is odd.

    Raises:
        ModelError: A weight is not a number, so nothing can be computed.
    """
    weights = network.weights()
    for name, values in weights:
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ModelError(
                f"{network.name!r} holds weights that are not numbers (NaN or infinite) in {name!r}; the training went "
                "wrong, and nothing can be shown."
            )
    if _fresh_keras(weights) or _fresh_torch(weights):
        yield "the weights look untrained: they are still as they were drawn at random. The pictures will mean little."


def _fresh_keras(weights: list[tuple[str, np.ndarray]]) -> bool:
    biases = [values for name, values in weights if name.rsplit("/", 1)[-1] in ("bias", "beta")]
    return bool(biases) and not any(values.any() for values in biases)


def _fresh_torch(weights: list[tuple[str, np.ndarray]]) -> bool:
    kernels = [values for name, values in weights if name.endswith("weight") and values.ndim in (2, 4)]
    if len(kernels) < 2:
        return False
    for values in kernels:
        reach = np.abs(values).max() * np.sqrt(values[0].size)
        evenness = values.std() * np.sqrt(3) / max(np.abs(values).max(), 1e-12)
        if values.size >= 64 and not (0.8 < reach <= 1.0001 and 0.8 < evenness < 1.25):
            return False
    return True
