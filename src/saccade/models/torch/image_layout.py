"""How images are laid out for a torch module: (N, C, H, W), of the module's type, in the memory order that it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, TypeVar

from saccade.models.torch.state import parts_in
from saccade.typing import Tensor

_Answer = TypeVar("_Answer")
_FIRST_PARTS = 8
"""So many first parts of first parts are asked for a weight before all parts are walked through."""


class ImageLayout:
    """The layout of one module's images.

    Args:
        module: The module.

    Attributes:
        is_contiguous: Images come to it in the usual order of memory.
    """

    def __init__(self, module: Any) -> None:
        self.module = module
        self.is_contiguous = False

    @property
    def device(self) -> Any:
        """The torch device of the first weight."""
        import torch

        # Asked several times for every image, and mostly answered by the first part of the first part.
        part = self.module
        for _ in range(_FIRST_PARTS):
            for weight in part._parameters.values():
                if weight is not None:
                    return weight.device
            part = next(iter(part._modules.values()), None)
            if part is None:
                break
        tensors = chain(self._tensors("_parameters"), self._tensors("_buffers"))
        return next((tensor.device for tensor in tensors), torch.device("cpu"))

    @property
    def dtype(self) -> Any:
        """The type of the first weight that is no whole number."""
        import torch

        weights = (weight for weight in self._tensors("_parameters") if weight.is_floating_point())
        return next((weight.dtype for weight in weights), torch.float32)

    def channels_first(self, images: Tensor) -> Tensor:
        """From (N, H, W, C) to the (N, C, H, W) that the module takes, as a view where that will do."""
        return self._ordered(images.permute(0, 3, 1, 2).to(self.dtype))

    def black(self, shape: tuple[int, ...]) -> Tensor:
        """Black images (N, C, H, W)."""
        import torch

        batch, channels, height, width = shape
        images = torch.zeros(batch, height, width, channels, device=self.device, dtype=self.dtype)
        return self._ordered(images.permute(0, 3, 1, 2))

    def either_order(self, compute: Callable[[], _Answer]) -> _Answer:
        """Channels last in memory, which is fast; the usual order for modules that say `x.view(n, -1)`."""
        try:
            return compute()
        except RuntimeError as error:
            if self.is_contiguous or "view size is not compatible" not in str(error):
                raise
        self.is_contiguous = True
        return compute()

    def _ordered(self, images: Tensor) -> Tensor:
        import torch

        # Not `contiguous()`: it leaves a single channel's strides as they are, from which torch guesses channels last.
        return images.clone(memory_format=torch.contiguous_format) if self.is_contiguous else images

    def _tensors(self, kind: str) -> Iterator[Tensor]:
        """The module's weights, or its buffers, without their names."""
        for part in parts_in(self.module):
            yield from (tensor for tensor in getattr(part, kind).values() if tensor is not None)
