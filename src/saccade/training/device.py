"""Where a run computes: the framework's own choice, or the device asked for."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from saccade.errors import InputError


class Device:
    """A device of the framework that Keras runs on.

    Args:
        name: Such as `cpu` or `gpu:0`; None leaves it to the framework.

    Raises:
        InputError: There is no such device.

    Attributes:
        is_accelerator: Whether it works beside the processor.
    """

    def __init__(self, name: str | None = None) -> None:
        import keras

        self._backend = keras.backend.backend()
        available = _available(self._backend)
        if name is None:
            self._name = available[0]
            self._is_named = False
        else:
            kind, _, index = name.lower().lstrip("/").removeprefix("device:").partition(":")
            self._name = f"{kind.replace('cuda', 'gpu')}:{index or 0}"
            self._is_named = True
            if self._name not in available:
                raise InputError(f"no device {name!r} for {self._backend} here; there are {', '.join(available)}.")
        self.is_accelerator = not self._name.startswith("cpu")

    def scope(self) -> AbstractContextManager[Any]:
        """Inside, variables are made and functions compiled for the device."""
        import keras

        return keras.device(self._name) if self._is_named else nullcontext()

    def __str__(self) -> str:
        """The name of the product where the framework knows it, else the name of the device."""
        index = int(self._name.partition(":")[2])
        if not self._name.startswith("gpu"):
            return self._name
        if self._backend == "tensorflow":
            import tensorflow as tf

            details = tf.config.experimental.get_device_details(tf.config.list_physical_devices("GPU")[index])
            return str(details.get("device_name", self._name))
        if self._backend == "jax":
            import jax

            return str(jax.devices("gpu")[index].device_kind)
        import torch

        return str(torch.cuda.get_device_name(index))


def _available(backend: str) -> list[str]:
    """Name the devices of a framework, the one that it chooses by itself first."""
    import keras

    if backend == "torch":
        import torch

        default = str(keras.ops.zeros(()).device).replace("cuda", "gpu")
        names = [default if ":" in default else f"{default}:0"]
        names += [f"gpu:{index}" for index in range(torch.cuda.device_count())]
    else:
        names = [name for name in keras.distribution.list_devices() if not name.startswith("cpu")]
    return list(dict.fromkeys([*names, "cpu:0"]))
