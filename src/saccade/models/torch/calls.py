"""Hearing the parts of a torch module at work, through forward hooks that stay for one call only."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from saccade.models.network import EverythingFound, Taps
from saccade.typing import Tensor

Part = tuple[int | str, ...]
"""Where a tensor lies inside a result: () for a plain tensor, (0,) in a tuple, ("mean",) in a dict."""


@dataclass(frozen=True)
class Place:
    """A tensor that can be read: the part of a module's result at its n-th call.

    Attributes:
        name: The module's name inside the model; None for the result of the model itself.
        time: 1 for the first call, 2 for the second.
        part: Where the tensor lies in the result.
    """

    name: str | None
    time: int
    part: Part


Recorded = Callable[[str, int, Any], Any]
"""Called with a module's name, the number of the call, and the result; may give another result."""


@contextmanager
def recording(modules: Mapping[str, Any], heard: Recorded) -> Iterator[None]:
    """Call `heard` after every call that this thread makes to one of the modules inside the block."""
    thread = threading.get_ident()
    times: dict[str, int] = {}
    handles = []

    def hook_of(name: str) -> Callable[[Any, Any, Any], Any]:
        def hook(_module: Any, _inputs: Any, output: Any) -> Any:
            if threading.get_ident() != thread:
                return None
            times[name] = times.get(name, 0) + 1
            return heard(name, times[name], output)

        return hook

    try:
        for name, module in modules.items():
            handles.append(module.register_forward_hook(hook_of(name)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def hearable(module: Any) -> dict[str, Any]:
    """Every part that Python calls, by its dotted name; a script calls its own parts where no hook sees it."""
    import torch

    return {
        name: part for name, part in module.named_modules() if name and not isinstance(part, torch.jit.ScriptModule)
    }


def parts_of(output: Any, at: Part = ()) -> Iterator[tuple[Part, Tensor]]:
    """Every tensor in a result, and where it lies."""
    import torch

    if isinstance(output, torch.Tensor):
        yield at, output
    elif isinstance(output, (list, tuple)):
        for k, each in enumerate(output):
            yield from parts_of(each, (*at, k))
    elif isinstance(output, Mapping):
        for key, each in output.items():
            yield from parts_of(each, (*at, str(key)))


def part_of(output: Any, part: Part) -> Tensor | None:
    """The tensor at one place of a result, or None when there is none this time."""
    return dict(parts_of(output)).get(part)


def with_part(output: Any, part: Part, tensor: Tensor) -> Any:
    """The same result with another tensor at one place; nothing is written into."""
    if not part:
        return tensor
    step, *rest = part
    if isinstance(output, Mapping):
        key = next(key for key in output if str(key) == step)
        changed: Any = copy.copy(output)
        changed[key] = with_part(output[key], tuple(rest), tensor)
        return changed
    values = [with_part(each, tuple(rest), tensor) if k == step else each for k, each in enumerate(output)]
    return type(output)(*values) if hasattr(output, "_fields") else type(output)(values)


def path_of(name: str, time: int, part: Part) -> str:
    """How people ask for it: `encoder.4`, its second call `encoder.4:2`, a tuple's first `encoder.4[0]`."""
    # "input" names the picture itself.
    first = f"{name}:1" if name == "input" else name
    return (first if time == 1 else f"{name}:{time}") + "".join(f"[{each}]" for each in part)


@dataclass
class Reading:
    """One call of the model, in which some places are read, and taps added.

    Attributes:
        places: What can be read, by path.
        wanted: The paths to read.
        taps: Change a result, by path.
        overwritten: Paths whose result a later operation writes into, so that a copy must be kept.
        found: The results so far.
    """

    places: Mapping[str, Place]
    wanted: frozenset[str]
    taps: Taps
    overwritten: frozenset[str]
    found: dict[str, Tensor] = field(default_factory=dict)
    _versions: dict[str, int] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        """The modules that must be heard."""
        return {name for path in (*self.wanted, *self.taps) if (name := self.places[path].name) is not None}

    def heard(self, name: str | None, time: int, output: Any) -> Any:
        """Read from a module's result and add the taps; ends the computation once everything is found."""
        here = []
        for path in self.wanted | self.taps.keys():
            place = self.places[path]
            if (place.name, place.time) != (name, time):
                continue
            tensor = part_of(output, place.part)
            if tensor is None:
                continue
            if path in self.taps:
                tensor = self.taps[path](tensor)
                output = with_part(output, place.part, tensor)
            if path in self.wanted:
                self.found[path] = tensor
                here.append(path)
        if name is not None and self.wanted <= self.found.keys():
            raise EverythingFound
        for path in here:
            if path in self.overwritten:
                self.found[path] = self.found[path].clone()
            elif not self.found[path].is_inference():
                self._versions[path] = self.found[path]._version
        return output

    def finished(self, output: Any) -> None:
        """Read from the result of the model itself."""
        self.heard(None, 1, output)

    def changed(self) -> set[str]:
        """The paths whose result was written into after it was read."""
        return {path for path, version in self._versions.items() if self.found[path]._version != version}
