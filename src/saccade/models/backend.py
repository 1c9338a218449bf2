"""On which framework Keras runs, decided before Keras is loaded."""

from __future__ import annotations

import importlib.util
import os
import sys

from saccade.errors import InputError, MissingPackage
from saccade.models.quiet_import import load_tensorflow_quietly

BACKENDS = ("tensorflow", "torch", "jax")
"""Keras backends in the order of speed on a CPU."""


def choose_backend(name: str | None = None) -> str:
    """Decide on which backend Keras runs, before Keras is loaded: as asked, as set, else the fastest installed."""
    if name is not None and (not isinstance(name, str) or name not in BACKENDS):
        raise InputError(f"no backend {name!r}; allowed: {', '.join(BACKENDS)}.")
    if "keras" in sys.modules:
        running = str(sys.modules["keras"].backend.backend())
        if name is not None and name != running:
            raise InputError(f"Keras already runs on {running} in this process, so {name} cannot be chosen any more.")
        return running
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    backend_name = name or os.environ.get("KERAS_BACKEND")
    if backend_name is None:
        backend_name = next((backend for backend in BACKENDS if importlib.util.find_spec(backend)), None)
        if backend_name is None:
            raise MissingPackage.of("TensorFlow, PyTorch or JAX", "tensorflow")
    os.environ["KERAS_BACKEND"] = backend_name
    if backend_name == "tensorflow":
        load_tensorflow_quietly()
    return backend_name


def choose_backend_quietly(backend: str | None) -> None:
    """Choose a Keras backend for a factory that may not need Keras at all."""
    try:
        choose_backend(backend)
    except MissingPackage:
        # A factory of torch modules needs no Keras; one of Keras models will say so itself when it imports.
        return
