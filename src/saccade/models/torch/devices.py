"""The devices on which PyTorch can compute here."""

from __future__ import annotations

from typing import Any

from saccade.errors import InputError

_ALIASES = {"gpu": "cuda"}


def device_named(name: str) -> Any:
    """The torch device of this name, such as `"cpu"`, `"cuda:0"`, `"gpu"` or `"mps"`.

    Raises:
        InputError: There is no such device here.
    """
    import torch

    kind, colon, index = str(name).strip().lower().removeprefix("/").partition(":")
    devices = _devices()
    for device in devices:
        if device.type == _ALIASES.get(kind, kind) and (str(device.index or 0) == index or not colon):
            return device
    raise InputError(
        f"no device {str(name)[:40]!r} for PyTorch {torch.__version__} here; there are {', '.join(map(str, devices))}."
    )


def check_device(name: str, current: Any) -> None:
    """Raise InputError unless this is the device where the model lies already.

    A live model is its owner's: it is neither moved nor copied, so that what is explained is what is being trained.
    """
    import torch

    device, current = device_named(name), torch.device(current)
    if (device.type, device.index or 0) != (current.type, current.index or 0):
        raise InputError(
            f"the model lies on {current}, and that is where it computes; move it by model.to({str(device)!r}), or "
            "leave out the device."
        )


def _devices() -> list[Any]:
    import torch

    devices = [torch.device("cpu")]
    devices += [torch.device("cuda", number) for number in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append(torch.device("mps"))
    return devices
