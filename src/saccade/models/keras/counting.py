"""A bound on the weights of Keras layers, kept before their memory is taken."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from saccade.errors import ModelError
from saccade.models.messages import layer_label
from saccade.models.shared_patches import Patch, SharedPatches

_SPARE = 100_000
"""Numbers that a model may have beside those in its file: counters and seeds."""
_MOST_DRAWN = 2**27
"""Numbers that a model may have whose weights are drawn, for want of a file that holds them."""


class _TooLarge(BaseException):
    """A layer wants more weights than are allowed; not an Exception, so that Keras does not reword it."""


@dataclass
class _Allowance:
    """How many numbers are left, and of what they are."""

    left: int
    source: str

    def take(self, layer: Any, shape: Sequence[Any]) -> None:
        count = math.prod(size for size in shape if isinstance(size, int))
        if count > self.left:
            raise _TooLarge(
                f"{layer_label(layer.name, type(layer).__name__)} wants weights of shape "
                f"({', '.join(map(str, shape))}): {count:,} numbers, more than the {self.left:,} {self.source}."
            )
        self.left -= count


_allowance: ContextVar[_Allowance | None] = ContextVar("saccade_keras_weights", default=None)


@contextmanager
def weights_counted(stored: int | None) -> Iterator[None]:
    """Inside the block the layers made by this thread get no more weights than these, all layers together.

    Args:
        stored: How many numbers the weights in the file have; None: there is no file, and they are drawn.

    Raises:
        ModelError: A layer wants more; the message says which.
    """
    allowance = (
        _Allowance(_MOST_DRAWN, "that are drawn without a file of weights")
        if stored is None
        else _Allowance(stored + _SPARE, "that are left for it in the file")
    )
    with _patches.installed():
        token = _allowance.set(allowance)
        try:
            yield
        except _TooLarge as error:
            raise ModelError(str(error)) from None
        finally:
            _allowance.reset(token)


def _counted_layers() -> Iterator[Patch]:
    import keras

    yield keras.layers.Layer, "add_weight", _counted


def _counted(plain: Callable[..., Any]) -> Callable[..., Any]:
    def add_weight(self: Any, *args: Any, **kwargs: Any) -> Any:
        allowance = _allowance.get()
        if allowance is not None:
            shape = kwargs.get("shape", args[0] if args and not isinstance(args[0], str) else ())
            allowance.take(self, [shape] if isinstance(shape, int) else tuple(shape or ()))
        return plain(self, *args, **kwargs)

    return add_weight


_patches = SharedPatches(_counted_layers)
