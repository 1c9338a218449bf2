"""One run of a torch module, written down with the names of its parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from saccade.models.torch.calls import Place, hearable, parts_of, path_of, recording
from saccade.models.torch.pool_before_activation import Postponed, Watch, watching
from saccade.models.torch.trace import Trace, tensors_in, tracing
from saccade.typing import Tensor


@dataclass
class TracedRun:
    """What happened in one run.

    Attributes:
        picture: The shape of the pictures, (N, C, H, W).
        trace: Every operation.
        places: Everything that can be read, by path, in the order of computation.
        shapes: The shape of each for one image, channels last.
        shared: Those that lie where an earlier one lies.
        output: The path of the model's own result; None if it is no tensor.
        activation: The operation that computed it.
        postponed: The activations that may wait until after a pooling.
    """

    picture: tuple[int, ...]
    trace: Trace = field(default_factory=Trace)
    places: dict[str, Place] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    output: str | None = None
    activation: str | None = None
    postponed: tuple[Postponed, ...] = ()


def traced(module: Any, picture: Tensor) -> TracedRun:
    """Call a module with black pictures (N, C, H, W), and write down everything that happens."""
    run = TracedRun(tuple(int(each) for each in picture.shape))
    paths: dict[Any, str] = {}
    taken = {name for name, _ in module.named_modules()}

    def readable(tensor: Tensor) -> bool:
        return bool(tensor.is_floating_point() and tensor.dim() and tensor.shape[0] == picture.shape[0])

    def likeness(path: str) -> tuple[bool, bool]:
        """Of several results the model's output is the one like the picture; else the first map; else the first."""
        shape = run.shapes[path]
        return shape == _for_one_image(picture, channels_last=False), len(shape) == 3

    def heard(name: str | None, time: int, output: Any) -> None:
        for part, tensor in parts_of(output):
            if not readable(tensor):
                continue
            path = paths.get(run.trace.view(tensor))
            if name is not None or path is None or path in run.trace.overwritten:
                path = path_of(name or "output", time, part)
                while path in run.places or (path in taken and path != name):
                    path += "'"
                if run.trace.view(tensor) in paths:
                    run.shared.add(path)
                run.trace.name(path, tensor)
                run.places[path] = Place(name, time, part)
                run.shapes[path] = _for_one_image(tensor, path in run.trace.channels_last)
                paths[run.trace.view(tensor)] = path
            if name is None and (run.output is None or likeness(path) > likeness(run.output)):
                run.output, run.activation = path, run.trace.kind(tensor)

    listened = {name for name, part in module.named_modules() if part._forward_hooks}
    watch = Watch(run.trace)
    run.trace.start(picture, _held(module))
    with recording(hearable(module), heard), tracing(run.trace), watching(watch):
        heard(None, 1, module(picture))
    run.trace.finish()
    if not any(_is_compiled(part) for part in module.modules()):
        heard_elsewhere = {path for path, place in run.places.items() if place.name in listened}
        run.postponed = watch.postponed(run.places, heard_elsewhere)
    return run


def _for_one_image(tensor: Tensor, channels_last: bool) -> tuple[int, ...]:
    shape = tuple(int(each) for each in tensor.shape[1:])
    return (*shape[1:], shape[0]) if len(shape) == 3 and not channels_last else shape


def _is_compiled(part: Any) -> bool:
    """Is this part run by `torch.compile`, which may turn calls into others from one time to the next?"""
    return hasattr(part, "_orig_mod") or getattr(part, "_compiled_call_impl", None) is not None


def _held(module: Any) -> Iterator[Tensor]:
    """Every tensor that a module holds: weights, buffers, and those in plain attributes."""
    yield from module.parameters()
    yield from module.buffers()
    for part in module.modules():
        yield from tensors_in(list(vars(part).values()))
