"""Which weights belong to which layer of a torch module."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.models.randomisation import Weight
from saccade.typing import Tensor


def layer_weights(module: Any, parts: Mapping[str, str | None]) -> dict[str, list[Weight]]:
    """Every parameter and buffer under the innermost layer that holds it, in the order of computation.

    Args:
        module: The whole module.
        parts: The module's own name of every layer, by path; None for the module itself.
    """
    first: dict[str, str] = {}
    for path, name in parts.items():
        first.setdefault(name or "", path)
    weights: dict[str, list[Weight]] = {path: [] for path in parts}
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if not tensor.is_floating_point():
            continue
        holder = name.rpartition(".")[0]
        while holder and holder not in first:  # a part that is never called, such as a parametrization
            holder = holder.rpartition(".")[0]
        if holder in first:
            owner = module.get_submodule(name.rpartition(".")[0])
            resets = callable(getattr(owner, "reset_parameters", None))
            initial = partial(_initial, owner, name.rpartition(".")[2]) if resets else None
            weights[first[holder]].append(Weight(name, partial(_read, tensor), partial(_write, tensor), initial))
    return {path: own for path, own in weights.items() if own}


def _initial(owner: Any, name: str, seed: int) -> NDArray[Any]:
    """What the part's own `reset_parameters` draws with this seed; the part itself stays as it is."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = copy.deepcopy(owner).cpu()
        fresh.reset_parameters()
    return _read(getattr(fresh, name))


def _read(tensor: Tensor) -> NDArray[Any]:
    import torch

    values = tensor.detach().cpu()
    return np.array((values.float() if values.dtype == torch.bfloat16 else values).numpy())


def _write(tensor: Tensor, values: NDArray[Any]) -> None:
    import torch

    with torch.no_grad():
        tensor.copy_(torch.from_numpy(np.ascontiguousarray(values)))
