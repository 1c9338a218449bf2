"""Asking a network questions, the same ones in every framework."""

from __future__ import annotations

from saccade.engines.backend import Backend
from saccade.engines.capacity import DEFAULT_MEMORY
from saccade.engines.engine import Engine
from saccade.engines.execution import Progress, Stop
from saccade.engines.objective import Objective
from saccade.engines.questions import OnChunk, OnGradient, OnScores, Questions
from saccade.models.network import Network, capabilities

__all__ = [
    "DEFAULT_MEMORY",
    "Backend",
    "Engine",
    "Objective",
    "OnChunk",
    "OnGradient",
    "OnScores",
    "Progress",
    "Questions",
    "Stop",
    "engine_for",
]


def engine_for(network: Network, *, memory: int = DEFAULT_MEMORY, device: str | None = None) -> Engine:
    """The engine of a network: its framework's backend, on the device asked for.

    Args:
        network: The opened model.
        memory: Bytes that one call may use beyond the model's own.
        device: Where to compute, such as `"cpu"` or `"gpu:0"`; None leaves it to the framework.

    Raises:
        InputError: There is no such device.
    """
    backend: type[Backend]
    if network.framework == "tensorflow":
        from saccade.engines.tensorflow import TensorFlowBackend as backend  # noqa: N813
    elif network.framework == "torch":
        from saccade.engines.torch import TorchBackend as backend  # noqa: N813
    elif network.framework == "jax":
        from saccade.engines.jax import JaxBackend as backend  # noqa: N813
    elif capabilities(network).gradients:
        from saccade.engines.reference import ReferenceBackend as backend  # noqa: N813
    else:
        from saccade.engines.numpy import NumpyBackend as backend  # noqa: N813
    return Engine(network, backend(network, device), memory=memory)
