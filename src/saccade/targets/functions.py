"""A target of one's own: a function of the code in the model's framework."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from saccade.errors import InputError
from saccade.targets.measure import function_measure
from saccade.targets.quantity import Quantity
from saccade.targets.target import Codes, CodeSource, Target
from saccade.typing import Tensor


def of(function: Callable[[Tensor], Tensor], *, name: str | None = None, units: str | None = None) -> Target:
    """What drives a number of your own? `s = function(f(x'))`.

    The function is differentiated by the model's framework and compiled once. Nothing of its number can be told place
    by place, so every hole of occlusion is computed by itself.

    Args:
        function: Takes codes (images, rows, columns, channels) as the model's own tensors (TensorFlow, PyTorch or JAX)
            and gives one number per image, (images,). It must not depend on anything that changes between two calls.
        name: What it is called on pages and in files; by default the function's own name.
        units: What its number counts; by default the name.

    Raises:
        InputError: Not a function; or, once it is asked, another shape than (images,).

    Example:
        >>> peak = saccade.targets.of(lambda codes: codes[:, 2, 3, 0] ** 2, name="peak")
        >>> saccade.explain(encoder, "cat.jpg", method="saliency", target=peak).units
        'change of peak per unit of pixel value'
    """
    if not callable(function):
        raise InputError(
            f"targets.of() takes a function of codes, not a {type(function).__name__}; for a vector use direction()."
        )
    title = str(name or getattr(function, "__name__", type(function).__name__))
    title = "a function of the code" if title == "<lambda>" else title
    # The compiled function holds the function alive, so no other one can come to the same number while it is kept.
    identity = (id(getattr(function, "__self__", None)), id(getattr(function, "__func__", function)))
    measure = function_measure(f"function {identity}", function)
    return Target(
        kind="function",
        arguments=CodeFunction(function),
        name=title,
        question=f"what drives {title}",
        gradient_measure=measure,
        gradient_units=Quantity(units or title),
        occlusion_measure=measure,
        occlusion_units=Quantity(f"fall of {units or title}"),
    )


@dataclass(frozen=True)
class CodeFunction:
    """A function of all numbers of the code."""

    function: Callable[[Tensor], Tensor]

    def reference(self, codes: Codes, _: CodeSource) -> Codes:
        """Nothing: a function needs no reference."""
        return np.zeros((len(codes), 1, 1, 1), np.float32)
