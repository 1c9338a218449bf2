"""A bound on what any operation of a file without trust may give, looked at before it is computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from saccade.typing import Tensor


@dataclass
class ResultBound:
    """How large a result may be.

    Attributes:
        most: In bytes.
        looks_ahead: Each operation is tried without numbers first; a run that has no numbers itself needs no such look.
        exceeded: The bytes of a result that would have had more; 0 where there was none. An error that ends the run
            may lose its name on its way through a script.
    """

    most: int
    looks_ahead: bool = False
    exceeded: int = 0

    def check(self, results: Iterable[Tensor]) -> None:
        """Raise MemoryError for a tensor that is too large."""
        for result in results:
            size = result.numel() * result.element_size()
            if size > self.most:
                self.exceeded = size
                raise MemoryError(f"a result of {size:,} bytes")

    def look_ahead(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Raise MemoryError for an ATen operation that would give a tensor that is too large."""
        import torch
        from torch.utils._pytree import tree_leaves, tree_map_only

        def without_numbers(tensor: Tensor) -> Tensor:
            return torch.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype, device="meta")

        if not self.looks_ahead:
            return
        try:
            bare_args, bare_kwargs = tree_map_only(torch.Tensor, without_numbers, (args, dict(kwargs)))
            if any(each.name == "device" for each in function._schema.arguments):
                bare_kwargs["device"] = torch.device("meta")
            result = function(*bare_args, **bare_kwargs)
        except Exception:
            # It needs its numbers to know its shape, or fails anyway.
            return
        self.check(each for each in tree_leaves(result) if isinstance(each, torch.Tensor))
