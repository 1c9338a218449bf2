"""Recording the results of a torch module's parts, through forward hooks that stay for one call only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from saccade.models.network import EverythingFound, Taps
from saccade.models.torch.result_parts import Part, part_of, with_part
from saccade.typing import Tensor


@dataclass(frozen=True)
class Result:
    """A tensor that can be recorded: a part of what a module gives at its n-th call.

    Attributes:
        name: The module's name inside the model; None for the model itself.
        call: 1 for the first call, 2 for the second.
        part: Where the tensor lies in what the module gives.
    """

    name: str | None
    call: int
    part: Part


OnOutput = Callable[[str, int, Any], Any]
"""Called with a module's name, the number of the call, and what the module gave; may give something else."""


@contextmanager
def hooked(modules: Mapping[str, Any], on_output: OnOutput) -> Iterator[None]:
    """Call `on_output` after every call that this thread makes to one of the modules inside the block."""
    thread = threading.get_ident()
    calls: dict[str, int] = {}
    handles = []

    def hook_of(name: str) -> Callable[[Any, Any, Any], Any]:
        def hook(_module: Any, _inputs: Any, output: Any) -> Any:
            if threading.get_ident() != thread:
                return None
            calls[name] = calls.get(name, 0) + 1
            return on_output(name, calls[name], output)

        return hook

    try:
        for name, module in modules.items():
            handles.append(module.register_forward_hook(hook_of(name)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def hookable(module: Any) -> dict[str, Any]:
    """Every part that Python calls, by its dotted name; a script calls its own parts where no hook runs."""
    import torch

    return {
        name: part for name, part in module.named_modules() if name and not isinstance(part, torch.jit.ScriptModule)
    }


def callable_parts(module: Any) -> dict[str, Any]:
    """Every part whose results can be recorded: those that can be hooked, and the method `encode` of the module."""
    parts = hookable(module)
    if callable(getattr(type(module), "encode", None)) and "encode" not in parts:
        parts["encode"] = Method(module, "encode")
    return parts


class Method:
    """A method of a module, hooked as a module is: what an autoencoder's `encode` gives is its code.

    Args:
        module: The module; between the first hook and the last, the method lies on it in a wrapper.
        name: The method's name.
    """

    _lock = threading.Lock()

    def __init__(self, module: Any, name: str) -> None:
        self._module = module
        self._name = name

    def register_forward_hook(self, hook: Callable[[Any, Any, Any], Any]) -> _MethodHook:
        """Call `hook(module, arguments, output)` after every call of the method, until it is removed."""
        with self._lock:
            wrapper = vars(self._module).get(self._name)
            if not isinstance(wrapper, _Wrapper):
                wrapper = _Wrapper(self._module, self._name)
                object.__setattr__(self._module, self._name, wrapper)
            wrapper.hooks = (*wrapper.hooks, hook)
        return _MethodHook(wrapper, hook)


class _Wrapper:
    """A method with hooks after it."""

    def __init__(self, module: Any, name: str) -> None:
        self.module, self.name = module, name
        self.had_own = name in vars(module)
        self.method = getattr(module, name)
        self.hooks: tuple[Callable[[Any, Any, Any], Any], ...] = ()

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        output = self.method(*arguments, **named)
        for hook in self.hooks:
            changed = hook(self.module, arguments, output)
            output = output if changed is None else changed
        return output


class _MethodHook:
    def __init__(self, wrapper: _Wrapper, hook: Callable[[Any, Any, Any], Any]) -> None:
        self._wrapper, self._hook = wrapper, hook

    def remove(self) -> None:
        """Take the hook off; with the last one the wrapper goes."""
        wrapper = self._wrapper
        with Method._lock:
            wrapper.hooks = tuple(hook for hook in wrapper.hooks if hook is not self._hook)
            if not wrapper.hooks and vars(wrapper.module).get(wrapper.name) is wrapper:
                if wrapper.had_own:
                    object.__setattr__(wrapper.module, wrapper.name, wrapper.method)
                else:
                    object.__delattr__(wrapper.module, wrapper.name)


def layer_path(name: str, call: int, part: Part) -> str:
    """How people ask for a result: `encoder.4`, its second call `encoder.4:2`, a tuple's first `encoder.4[0]`."""
    # "input" names the image itself.
    first = f"{name}:1" if name == "input" else name
    return (first if call == 1 else f"{name}:{call}") + "".join(f"[{step}]" for step in part)


@dataclass
class Recorder:
    """One call of the model, in which some results are recorded, and taps change some.

    Attributes:
        results: What can be recorded, by layer path.
        paths: The layer paths to record.
        taps: Change a result, by layer path.
        overwritten: Layers whose result a later operation writes into, so that a copy must be kept.
        single: The model is given its only image twice; one of the two results is recorded, and tapped.
        recorded: The results so far.
    """

    results: Mapping[str, Result]
    paths: frozenset[str]
    taps: Taps
    overwritten: frozenset[str]
    single: bool = False
    recorded: dict[str, Tensor] = field(default_factory=dict)
    _versions: dict[str, int] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        """The modules that must be hooked."""
        return {name for path in (*self.paths, *self.taps) if (name := self.results[path].name) is not None}

    def record(self, name: str | None, call: int, output: Any) -> Any:
        """Record parts of what a module gave, and tap it; ends the computation once everything is there."""
        recorded_here = []
        for path in self.paths | self.taps.keys():
            result = self.results[path]
            if (result.name, result.call) != (name, call):
                continue
            tensor = part_of(output, result.part)
            if tensor is None:
                continue
            if path in self.taps:
                tensor = self._tapped(path, tensor)
                output = with_part(output, result.part, tensor)
            if path in self.paths:
                self.recorded[path] = tensor[:1] if self.single else tensor
                recorded_here.append(path)
        if name is not None and self.paths <= self.recorded.keys():
            raise EverythingFound
        for path in recorded_here:
            if path in self.overwritten:
                self.recorded[path] = self.recorded[path].clone()
            elif not self.recorded[path].is_inference():
                self._versions[path] = self.recorded[path]._version
        return output

    def record_output(self, output: Any) -> None:
        """Record from what the model itself gave."""
        self.record(None, 1, output)

    def overwritten_since(self) -> set[str]:
        """The layers whose result was written into after it was recorded."""
        return {path for path, version in self._versions.items() if self.recorded[path]._version != version}

    def _tapped(self, path: str, tensor: Tensor) -> Tensor:
        import torch

        if not self.single:
            return self.taps[path](tensor)
        tapped = self.taps[path](tensor[:1])
        # A tap may put several changed copies in place of the one.
        self.single = len(tapped) == 1
        return torch.cat([tapped, tapped]) if self.single else tapped
