"""The tensors in what a torch module gives: a tensor, or several in whatever holds them.

Tuples, named tuples, lists, dictionaries (also those of Hugging Face and diffusers), dataclasses, PyTorch's
distributions, and plain objects that hold tensors.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from saccade.typing import Tensor

Part = tuple[int | str, ...]
"""Where a tensor lies inside a result: () for a plain tensor, (0,) in a tuple, ("mean",) in a dict."""

_DEEPEST = 6


def parts_of(output: Any, at: Part = ()) -> Iterator[tuple[Part, Tensor]]:
    """Every tensor in what a module gave, and where it lies."""
    import torch

    if isinstance(output, torch.Tensor):
        yield at, output
    elif len(at) < _DEEPEST:
        for step, value in _steps(output):
            yield from parts_of(value, (*at, step))


def part_of(output: Any, part: Part) -> Tensor | None:
    """The tensor at one place of what a module gave, or None when there is none this time."""
    return dict(parts_of(output)).get(part)


def with_part(output: Any, part: Part, tensor: Tensor) -> Any:
    """The same with another tensor at one place; nothing is written into."""
    if not part:
        return tensor
    step, *rest = part
    value = with_part(dict(_steps(output))[step], tuple(rest), tensor)
    if isinstance(output, Mapping):
        changed: Any = copy.copy(output)
        changed[next(key for key in output if str(key) == step)] = value
        return changed
    if isinstance(output, tuple) and hasattr(output, "_fields"):
        return type(output)(*(value if name == step else item for name, item in _steps(output)))
    if isinstance(output, (list, tuple)):
        return type(output)(value if number == step else item for number, item in enumerate(output))
    changed = copy.copy(output)
    object.__setattr__(changed, str(step), value)  # also where it is frozen
    return changed


def _steps(output: Any) -> Iterator[tuple[int | str, Any]]:
    """What lies directly in a result, by its key, field or number."""
    import torch

    if isinstance(output, Mapping):
        yield from ((str(key), value) for key, value in output.items())
    elif isinstance(output, tuple) and hasattr(output, "_fields"):
        yield from zip(output._fields, output, strict=True)
    elif isinstance(output, (list, tuple)):
        yield from enumerate(output)
    elif is_dataclass(output) and not isinstance(output, type):
        yield from ((field.name, getattr(output, field.name, None)) for field in fields(output))
    elif isinstance(output, torch.distributions.Distribution):
        # What it was made of; what follows from that is computed when it is asked for.
        own = vars(output)
        yield from ((name, own[name]) for name in (*output.arg_constraints, "base_dist") if name in own)
    elif not isinstance(output, (torch.nn.Module, type)) and hasattr(output, "__dict__"):
        yield from list(vars(output).items())
