"""Leaving a torch module exactly as it was found."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from saccade.typing import Tensor


@dataclass
class _Visit:
    """What is put back when the last visitor leaves.

    Attributes:
        visitors: How many are inside.
        training: The parts that were training.
        learning: The weights that asked for a gradient.
        buffers: Every buffer, behind the dictionary and the name under which it hangs.
        versions: How often each had been written into.
        copies: The numbers of some buffers, by their places among `buffers`, one after another in one tensor.
    """

    visitors: int = 0
    training: list[Any] = field(default_factory=list)
    learning: list[Tensor] = field(default_factory=list)
    buffers: list[tuple[dict[str, Any], str, Tensor]] = field(default_factory=list)
    versions: list[int | None] = field(default_factory=list)
    copies: list[tuple[list[int], Tensor]] = field(default_factory=list)


_visits: WeakKeyDictionary[Any, _Visit] = WeakKeyDictionary()
_lock = threading.Lock()


@contextmanager
def inference_mode(module: Any) -> Iterator[None]:
    """Every part evaluates, no weight asks for a gradient; afterwards modes, flags, buffers and dice are as before.

    May be entered again while it is on, also from another thread: the module is put back when the last one leaves.
    `train()` and `eval()` are not called, because classes override them to rewrite their weights.
    """
    with _lock:
        visit = _visits.setdefault(module, _Visit())
        visit.visitors += 1
        if visit.visitors == 1:
            _enter(module, visit)
    random_states = _random_states(module)
    try:
        yield
    finally:
        for put_back, state in random_states:
            put_back(state)
        with _lock:
            visit.visitors -= 1
            if visit.visitors == 0:
                _leave(visit)
                del _visits[module]


def parts_in(module: Any) -> Iterator[Any]:
    """Every part once, the module itself first.

    As `module.modules()`, which names every part on the way: with the weights that was a tenth of a small question.
    """
    waiting, seen = [module], {id(module)}
    while waiting:
        part = waiting.pop()
        yield part
        for child in reversed(list(part._modules.values())):
            if child is not None and id(child) not in seen:
                seen.add(id(child))
                waiting.append(child)


def _enter(module: Any, visit: _Visit) -> None:
    for part in parts_in(module):
        if getattr(part, "training", None) is True:
            visit.training.append(part)
            part.training = False
        for name, buffer in part._buffers.items():
            if buffer is not None:
                visit.buffers.append((part._buffers, name, buffer))
        for weight in part._parameters.values():
            if weight is not None and weight.requires_grad:
                visit.learning.append(weight)
                weight.requires_grad_(False)
    visit.versions = _versions(visit)
    visit.copies = list(_copies([buffer for _, _, buffer in visit.buffers]))


def _copies(buffers: list[Tensor]) -> Iterator[tuple[list[int], Tensor]]:
    """The numbers of all buffers.

    Copied anew for every question, because batch statistics change in training without counting a version. One by one
    that took as long as all else around a question; the statistics of a net are copied together.
    """
    import torch

    groups: dict[tuple[Any, ...], list[int]] = {}
    with torch.no_grad():
        for number, buffer in enumerate(buffers):
            if buffer.dim() <= 1 and buffer.layout is torch.strided:
                groups.setdefault((buffer.dim(), buffer.dtype, buffer.device), []).append(number)
            else:
                yield [number], buffer.detach().clone()
        for (dimensions, *_), numbers in groups.items():
            group = [buffers[number] for number in numbers]
            yield numbers, torch.cat(group) if dimensions else torch.stack(group)


def _leave(visit: _Visit) -> None:
    import torch

    for part in visit.training:
        part.training = True
    for weight in visit.learning:
        weight.requires_grad_(True)
    changed = {
        number
        for number, (before, now) in enumerate(zip(visit.versions, _versions(visit), strict=True))
        if before != now or now is None
    }
    if changed:
        with torch.no_grad():
            _put_back(visit, changed)
    for holder, name, buffer in visit.buffers:
        if holder[name] is not buffer:
            holder[name] = buffer


def _put_back(visit: _Visit, changed: set[int]) -> None:
    for numbers, copy in visit.copies:
        buffers = [visit.buffers[number][2] for number in numbers]
        copies = copy.split([buffer.numel() for buffer in buffers]) if len(buffers) > 1 else [copy]
        for number, buffer, values in zip(numbers, buffers, copies, strict=True):
            if number in changed:
                buffer.copy_(values.reshape(buffer.shape))


def _versions(visit: _Visit) -> list[int | None]:
    """How often each buffer was written into; None for those made in inference mode, which do not count."""
    return [None if buffer.is_inference() else buffer._version for _, _, buffer in visit.buffers]


def _random_states(module: Any) -> list[tuple[Any, Tensor]]:
    """The random states that the module can draw from, each with the function that puts it back."""
    import torch

    states: list[tuple[Any, Tensor]] = [(torch.set_rng_state, torch.get_rng_state())]
    if not (torch.cuda.is_initialized() or torch.backends.mps.is_available()):
        return states
    for device in {weight.device for weight in module.parameters()}:
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
