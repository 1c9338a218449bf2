"""Asking a network questions, the same ones in every framework.

questions          `activations`, `score`, `gradient`, `vjp`
execution          one call at work: cut into pieces, halved when memory runs out, stopped
uploads            what programs get of a piece, sent to the device
gathered           what pieces give, put together
joined_maps        gradients per channel joined into maps, on the device
programs           the functions of tensors that questions compile
objective          what is scored or differentiated: a measure at a layer, with frozen references
terms              a measure's terms for grids, tokens and vectors
engine             what calls on one network share

backend            what a framework adds: a dozen operations on tensors
tensorflow, torch, jax, numpy  the backends
cuda_graphs        small programs on a GPU, recorded once and played again
cuda_copies        arrays to a GPU and back, behind the program's back
freed_memory       memory of the process that is kept for the next arrays

capacity           how many images are computed together
chunks             work cut into pieces of one shape
pace               how long a question will take
moments            mean and variance, piece by piece
matmul             matrix products in numpy that stay in their own thread

trial              a few images, encoded before the first question: can this code be explained?
trials             the trials of one network, each made once
objections         what speaks against a code, in one line each
place_measurement  which token stands for which part of the image, by measurement
"""

from __future__ import annotations

import importlib

from saccade.engines.backend import Backend, Join
from saccade.engines.capacity import DEFAULT_MEMORY, FASTEST_BATCH
from saccade.engines.engine import Engine
from saccade.engines.execution import Progress, Stop
from saccade.engines.joined_maps import Joining
from saccade.engines.objective import Objective
from saccade.engines.pace import Cheapening, Cheaper, Estimate, OnEstimate
from saccade.engines.questions import OnChunk, OnGradient, OnScores, Questions
from saccade.errors import InputError, ModelError
from saccade.models.network import Network

__all__ = [
    "BACKENDS",
    "DEFAULT_MEMORY",
    "Backend",
    "Cheaper",
    "Cheapening",
    "Engine",
    "FASTEST_BATCH",
    "Estimate",
    "Join",
    "Joining",
    "Objective",
    "OnChunk",
    "OnEstimate",
    "OnGradient",
    "OnScores",
    "Progress",
    "Questions",
    "Stop",
    "engine_for",
]


BACKENDS = {
    "tensorflow": ("saccade.engines.tensorflow", "TensorFlowBackend"),
    "torch": ("saccade.engines.torch", "TorchBackend"),
    "jax": ("saccade.engines.jax", "JaxBackend"),
    "numpy": ("saccade.engines.numpy", "NumpyBackend"),
}
"""Where each framework's backend lies; it is imported when a network of the framework is asked for the first time."""


def engine_for(network: Network, *, memory: int | None = None, device: str | None = None) -> Engine:
    """The engine of a network: its framework's backend, on the device asked for.

    A network of a framework that is not in `BACKENDS` brings its own backend: its class, in an attribute `backend`.

    Args:
        network: The opened model.
        memory: Bytes that one call may use beyond the model's own; by default 1 GiB, on an accelerator half of what
            is free there.
        device: Where to compute, such as `"cpu"` or `"gpu:0"`; None leaves it to the framework.

    Raises:
        InputError: There is no such device, or the memory is no number.
        ModelError: A framework that is not known, and no backend.
    """
    if memory is not None and not isinstance(memory, (int, float)):
        raise InputError(f"memory={memory!r:.40} is no number of bytes.")
    if device is not None and not isinstance(device, str):
        raise InputError(f'device={device!r:.40} is no name of a device; give one such as "cpu" or "gpu:0".')
    backend: type[Backend] | None = getattr(network, "backend", None)
    if backend is None:
        if network.framework not in BACKENDS:
            raise ModelError(
                f"{network.name!r} is of framework {network.framework!r}; known are {', '.join(BACKENDS)}. For another "
                "one the network needs an attribute backend, a class made of saccade.engines.Backend."
            )
        module, name = BACKENDS[network.framework]
        backend = getattr(importlib.import_module(module), name)
    return Engine(network, backend(network, device), memory=memory)
