"""One run of a torch module, traced, with the names of its parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from saccade.models.torch.calls import Result, callable_parts, hooked, layer_path
from saccade.models.torch.remembered_tensors import remembered_tensors
from saccade.models.torch.result_bound import ResultBound
from saccade.models.torch.result_parts import parts_of
from saccade.models.torch.rewrites import numbered_functions, rewrites
from saccade.models.torch.rewritten_calls import CallTrace, Rewrite, tracing_calls
from saccade.models.torch.trace import Trace, tensors_in, tracing
from saccade.typing import Tensor

PLAIN_ERRORS: tuple[type[Exception], ...] = (AssertionError, IndexError, RuntimeError, TypeError, ValueError)
"""What an operation raises that cannot compute what it is given. Where numbers are missing, it is another class."""


class InternalTorchError(RuntimeError):
    """An operation of a script raised none of `PLAIN_ERRORS`: what it says is about PyTorch, and not quoted."""


@dataclass
class TracedRun:
    """What happened in one run.

    Attributes:
        input_shape: The shape of the images, (N, C, H, W).
        trace: Every operation.
        results: Everything that can be recorded, by layer path, in the order of computation.
        shapes: The shape of each for one image, channels last.
        shared: Those that lie where an earlier one lies.
        outputs: Every tensor that the model itself gives, by what it is called in that (`output`, `output[mu]`), and
            the path of the layer that it is.
        output: The path of the one that is most like an image; None if there is none.
        activation: The operation that computed it.
        rewrites: The calls that can be computed together, in the order of computation.
    """

    input_shape: tuple[int, ...]
    trace: Trace = field(default_factory=Trace)
    results: dict[str, Result] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    outputs: dict[str, str] = field(default_factory=dict)
    output: str | None = None
    activation: str | None = None
    rewrites: tuple[Rewrite, ...] = ()


def traced(module: Any, images: Tensor, bound: ResultBound | None = None) -> TracedRun:
    """Call a module with images (N, C, H, W), and take down everything that happens; no result exceeds the bound."""
    run = TracedRun(tuple(int(size) for size in images.shape), Trace(bound=bound))
    paths: dict[Any, str] = {}
    module_names = {name for name, _ in module.named_modules()}

    def is_readable(tensor: Tensor) -> bool:
        return bool(tensor.is_floating_point() and tensor.dim() and tensor.shape[0] == images.shape[0])

    def rank(path: str) -> tuple[bool, bool]:
        """Of several results the model's output is the one like the images; else the first map; else the first."""
        shape = run.shapes[path]
        return shape == _for_one_image(images, channels_last=False), len(shape) == 3

    def record(name: str | None, call: int, output: Any) -> None:
        for part, tensor in parts_of(output):
            if not is_readable(tensor):
                continue
            path = paths.get(run.trace.view(tensor))
            if name is not None or path is None or path in run.trace.overwritten:
                path = layer_path(name or "output", call, part)
                while path in run.results or (path in module_names and path != name):
                    path += "'"
                if run.trace.view(tensor) in paths:
                    run.shared.add(path)
                run.trace.name(path, tensor)
                run.results[path] = Result(name, call, part)
                run.shapes[path] = _for_one_image(tensor, path in run.trace.channels_last)
                paths[run.trace.view(tensor)] = path
            if name is None:
                run.outputs[layer_path("output", 1, part)] = path
            if name is None and (run.output is None or rank(path) > rank(run.output)):
                run.output, run.activation = path, run.trace.kind(tensor)

    users_hooks = {name for name, part in module.named_modules() if part._forward_hooks or part._backward_hooks}
    users_pre_hooks = {name for name, part in module.named_modules() if part._forward_pre_hooks}
    calls = CallTrace(run.trace, numbered_functions(), frozenset(map(id, _tensors_of(module))))
    run.trace.start(images, _tensors_of(module), remembered_tensors)
    with hooked(callable_parts(module), record), tracing(run.trace), tracing_calls(calls):
        try:
            output = module(images)
        except RuntimeError as error:
            # On its way through a script an error loses its text.
            if run.trace.failure is None or not str(error).rstrip().endswith("RuntimeError:"):
                raise
            kind, text = run.trace.failure
            raise (kind if kind in PLAIN_ERRORS else InternalTorchError)(text) from error
        record(None, 1, output)
    run.trace.finish()
    if not any(is_compiled(part) for part in module.modules()):
        run.rewrites = rewrites(calls, run.results, users_hooks, users_pre_hooks)
    return run


def _for_one_image(tensor: Tensor, channels_last: bool) -> tuple[int, ...]:
    shape = tuple(int(size) for size in tensor.shape[1:])
    return (*shape[1:], shape[0]) if len(shape) == 3 and not channels_last else shape


def is_compiled(part: Any) -> bool:
    """Is this part run by `torch.compile`, which may turn calls into others from one time to the next?"""
    return hasattr(part, "_orig_mod") or getattr(part, "_compiled_call_impl", None) is not None


def _tensors_of(module: Any) -> Iterator[Tensor]:
    """Every tensor that a module holds: weights, buffers, and those in plain attributes."""
    yield from module.parameters()
    yield from module.buffers()
    for part in module.modules():
        yield from tensors_in(list(vars(part).values()))
