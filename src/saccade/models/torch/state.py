"""Leaving a torch module exactly as it was found."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from operator import is_
from typing import Any
from weakref import WeakKeyDictionary

from saccade.typing import Tensor


@dataclass
class _State:
    """What is put back when nothing uses the module any more."""

    users: int = 0
    training: list[Any] = field(default_factory=list)
    learning: list[Tensor] = field(default_factory=list)
    buffers: list[tuple[dict[str, Any], str, Tensor, Tensor, int]] = field(default_factory=list)
    attributes: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    devices: set[Any] = field(default_factory=set)


_WELL_KNOWN = frozenset({"timm", "torch", "torchvision"})
"""Packages whose normalisations are known to leave their statistics alone outside of training."""

_states: WeakKeyDictionary[Any, _State] = WeakKeyDictionary()
_lock = threading.Lock()


@contextmanager
def inference_mode(module: Any) -> Iterator[None]:
    """Every part evaluates, and no weight asks for a gradient.

    Afterwards modes, flags, buffers, plain attributes (some classes note the size of their last image there, and
    compute by it) and random states are as before. May be entered again while it is on, also from another thread: the
    module is put back when the last one leaves. `train()` and `eval()` are not called, because classes override them
    to rewrite their weights.
    """
    with _lock:
        state = _states.setdefault(module, _State())
        state.users += 1
        if state.users == 1:
            _enter(module, state)
    try:
        with random_states_kept(state.devices):
            yield
    finally:
        with _lock:
            state.users -= 1
            if state.users == 0:
                _leave(state)
                del _states[module]


@contextmanager
def random_states_kept(devices: Collection[Any]) -> Iterator[None]:
    """Afterwards whatever draws random numbers on the processor or on one of these devices goes on as if nothing was.

    Args:
        devices: torch devices.
    """
    random_states = _random_states(devices)
    try:
        yield
    finally:
        for put_back, random_state in random_states:
            put_back(random_state)


def parts_in(module: Any) -> Iterator[Any]:
    """Every part once, the module itself first.

    As `module.modules()`, which names every part on the way: with the weights that was a tenth of a small question.
    """
    waiting, visited = [module], {id(module)}
    while waiting:
        part = waiting.pop()
        yield part
        children = part._modules
        if children:
            for child in reversed(children.values()):
                if child is not None and id(child) not in visited:
                    visited.add(id(child))
                    waiting.append(child)


def _enter(module: Any, state: _State) -> None:
    import torch

    has_other_devices = torch.cuda.is_initialized() or torch.backends.mps.is_available()
    for part in parts_in(module):
        kind = type(part)
        if not _notes_nothing(kind):  # type: ignore[arg-type]  # types can be hashed
            state.attributes.append((vars(part), dict(vars(part))))
        if getattr(part, "training", None) is True:
            state.training.append(part)
            part.training = False
        buffers = part._buffers
        if buffers and not _only_reads(kind):  # type: ignore[arg-type]
            for name, buffer in buffers.items():
                if buffer is not None:
                    copy = buffer.detach().clone()
                    state.buffers.append((buffers, name, buffer, copy, _version(buffer)))
        weights = part._parameters
        if weights:
            for weight in weights.values():
                if weight is not None and weight.requires_grad:
                    state.learning.append(weight)
                    weight.requires_grad = False
            if has_other_devices:
                state.devices.update(weight.device for weight in weights.values() if weight is not None)


@cache
def _notes_nothing(kind: type) -> bool:
    """Is a class one of PyTorch's own layers?"""
    return kind.__module__.startswith("torch.nn.")


@cache
def _only_reads(kind: type) -> bool:
    """Does a class write into its buffers in training only?

    A net has hundreds of these buffers, and to copy them for every question took longer than all else around it. They
    count no versions when they change in training, so that no copy could be kept. Classes of the user's own may write
    whenever they like.
    """
    import torch

    norms = (torch.nn.modules.batchnorm._NormBase, torch.nn.SyncBatchNorm)
    return issubclass(kind, norms) and kind.__module__.split(".")[0] in _WELL_KNOWN


def _leave(state: _State) -> None:
    import torch

    for attributes, values in state.attributes:
        _put_back(attributes, values)
    for part in state.training:
        part.training = True
    for weight in state.learning:
        weight.requires_grad = True
    if not state.buffers:
        return
    with torch.no_grad():
        for holder, name, buffer, values, version in state.buffers:
            if _version(buffer) != version or buffer.is_inference():
                buffer.copy_(values)
            if holder[name] is not buffer:
                holder[name] = buffer


def _put_back(attributes: dict[str, Any], values: dict[str, Any]) -> None:
    if list(attributes) == list(values) and all(map(is_, attributes.values(), values.values())):
        return
    for name in [name for name in attributes if name not in values]:
        del attributes[name]
    for name, value in values.items():
        if name not in attributes or attributes[name] is not value:
            attributes[name] = value


def _version(tensor: Tensor) -> int:
    # Tensors made in inference mode count no versions.
    return 0 if tensor.is_inference() else int(tensor._version)


def _random_states(devices: Collection[Any]) -> list[tuple[Any, Tensor]]:
    """The random states that a module on these devices can draw from, each with the function that puts it back."""
    import torch

    states: list[tuple[Any, Tensor]] = [(torch.set_rng_state, torch.get_rng_state())]
    if not (torch.cuda.is_initialized() or torch.backends.mps.is_available()):
        return states
    for device in devices:
        if device.type == "cuda":
            states.append(
                (
                    lambda state, at=device: torch.cuda.set_rng_state(state, at),
                    torch.cuda.get_rng_state(device),
                )
            )
        elif device.type == "mps":
            states.append((torch.mps.set_rng_state, torch.mps.get_rng_state()))
    return states
