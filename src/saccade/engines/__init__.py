"""Asking a model questions, once per framework."""

from __future__ import annotations

from saccade.engines.capacity import DEFAULT_MEMORY
from saccade.engines.engine import Engine, Objective, Receive
from saccade.models.network import Network

__all__ = ["DEFAULT_MEMORY", "Engine", "Objective", "Receive", "engine_for"]


def engine_for(network: Network, *, memory: int = DEFAULT_MEMORY, device: str | None = None) -> Engine:
    """The engine that speaks the network's framework.

    Args:
        network: The opened model.
        memory: Bytes that one question may use beyond the model's own.
        device: Where to compute, such as `"cpu"` or `"gpu:0"`; None leaves it to the framework.
    """
    kind: type[Engine]
    if network.framework == "tensorflow":
        from saccade.engines.tensorflow import TensorFlowEngine as kind  # noqa: N813
    elif network.framework == "torch":
        from saccade.engines.torch import TorchEngine as kind  # noqa: N813
    elif network.framework == "jax":
        from saccade.engines.jax import JaxEngine as kind  # noqa: N813
    else:
        from saccade.engines.reference import ReferenceEngine as kind  # noqa: N813
    return kind(network, memory=memory, device=device)
