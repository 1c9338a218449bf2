"""A bound on what the operations of a file without trust may give, and on how many there are, looked at beforehand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from saccade.typing import Tensor

_LARGEST_RESULT = 2**29
"""Bytes that any result of an untrusted file may have, and"""
_MOST_GROWTH = 256
"""how many times larger than its images it may be besides."""
_MOST_OPERATIONS = 15_000
"""Of one run; the largest networks of libraries have 5,000."""
_MOST_TENSORS = 10_000
"""Of one operation."""
_CUBIC = frozenset({
    "_linalg_det", "_linalg_eigh", "_linalg_solve_ex", "_linalg_svd", "linalg_cholesky_ex", "linalg_inv_ex",
    "linalg_qr",
})  # fmt: skip
"""What takes time with the cube of a matrix's side."""
_PARTING = frozenset({"chunk", "split", "split_copy", "unbind", "unbind_copy", "unsafe_chunk", "unsafe_split"})


@dataclass
class ResultBound:
    """How large a result may be.

    Attributes:
        most: In bytes. All together may have twice as many.
        most_products: How many numbers a run may multiply.
        looks_ahead: Each operation is tried without numbers first; a run needs no such look that was tried as a whole.
        exceeded: The bytes of a result that would have had more; 0 where there was none. An error that ends the run
            may lose its name on its way through a script.
        is_endless: A run had more operations than any network, or one that gives more tensors, or multiplies more.
    """

    most: int
    most_products: float = math.inf
    looks_ahead: bool = False
    exceeded: int = 0
    is_endless: bool = False
    _operations: int = field(default=0, init=False)
    _products: float = field(default=0, init=False)
    _live: dict[int, tuple[Any, int]] = field(default_factory=dict, init=False)
    _live_bytes: int = field(default=0, init=False)

    def start(self) -> None:
        """Begin a run, of which nothing is counted yet."""
        self._operations, self._products, self._live_bytes = 0, 0, 0
        self._live.clear()

    def count(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Raise MemoryError for one ATen operation too many, or one that would part a tensor into too many."""
        self._operations += 1
        name = str(function._schema.name).removeprefix("aten::")
        tensors = _tensors_parted(_named(function, args, kwargs)) if name in _PARTING else 1
        if self._operations > _MOST_OPERATIONS or tensors > _MOST_TENSORS:
            self._end()

    def multiply(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> None:
        """Raise MemoryError once all operations of a run together multiply too many numbers.

        Args:
            function: The operation.
            args: Its own.
            kwargs: Its own.
            result: What it gave, or would give.
        """
        self._products += _products(function, args, kwargs, result)
        if self._products > self.most_products:
            self._end()

    def _end(self) -> None:
        self.is_endless = True
        raise MemoryError("more operations than any network has")

    def check(self, results: Iterable[Tensor]) -> None:
        """Raise MemoryError for a tensor that is too large."""
        for result in results:
            self._check_size(result.numel() * result.element_size())

    def _check_size(self, size: int) -> None:
        if size > self.most:
            self.exceeded = size
            raise MemoryError(f"a result of {size:,} bytes")

    def hold(self, results: Iterable[Tensor]) -> None:
        """Raise MemoryError once all results that are still there are too large together."""
        from torch.multiprocessing.reductions import StorageWeakRef

        for result in results:
            storage = result.untyped_storage()
            reference = StorageWeakRef(storage)
            if reference.cdata not in self._live:
                self._live[reference.cdata] = reference, storage.nbytes()
                self._live_bytes += storage.nbytes()
        if self._live_bytes > 2 * self.most:
            self._live = {key: live for key, live in self._live.items() if not live[0].expired()}
            self._live_bytes = sum(size for _, size in self._live.values())
            if self._live_bytes > 2 * self.most:
                self.exceeded = self._live_bytes
                raise MemoryError(f"results of {self._live_bytes:,} bytes")

    def look_ahead(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Raise MemoryError for an ATen operation that would give a tensor that is too large, or take too long.

        Also where a run needs no such look: for what does not depend on the images, which PyTorch may compute even if
        the run never comes there.
        """
        import torch
        from torch.utils._pytree import tree_leaves, tree_map_only

        def without_numbers(tensor: Tensor) -> Tensor:
            return torch.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype, device="meta")

        tensors = [each for each in tree_leaves((args, dict(kwargs))) if isinstance(each, torch.Tensor)]
        if torch.Tag.pointwise in function.tags and tensors:
            # Much quicker than to try it, and most operations are of this kind.
            sides = zip_longest(*(reversed(tensor.shape) for tensor in tensors), fillvalue=1)
            self._check_size(math.prod(map(max, sides)) * max(tensor.element_size() for tensor in tensors))
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
        if self.looks_ahead:
            self.multiply(function, bare_args, bare_kwargs, result)


def largest_result(images: int) -> int:
    """How many bytes may a result have, where the images have so many?"""
    return _LARGEST_RESULT + _MOST_GROWTH * images


def _named(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of an operation by their names."""
    parameters = function._schema.arguments
    stated = {each.name: value for each, value in zip(parameters, args, strict=False)}
    return {each.name: each.default_value for each in parameters if each.has_default_value()} | stated | dict(kwargs)


def _tensors_parted(arguments: Mapping[str, Any]) -> int:
    """Into how many tensors does an operation part one?"""
    size = arguments["self"].shape[arguments["dim"]]
    number = arguments.get("chunks", -(-size // max(arguments.get("split_size", 1), 1)))
    return min(int(number), int(size))


def _products(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> float:
    """How many numbers does an operation multiply, as far as it is one of those that take long for their size?"""
    import torch
    from torch.utils.flop_counter import flop_registry

    count = flop_registry.get(function._overloadpacket)
    if count is not None:
        return float(count(*args, **kwargs, out_val=result))
    if function._schema.name.removeprefix("aten::") not in _CUBIC:
        return 0
    shape = next((each.shape for each in args if isinstance(each, torch.Tensor)), ())
    return 10.0 * math.prod(shape) * max(shape, default=0)
