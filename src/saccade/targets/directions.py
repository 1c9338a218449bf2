"""A direction of the code's space: a vector of one's own."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from saccade.errors import FileError, InputError
from saccade.images.files import expanded
from saccade.targets.form import TextForm, file_name
from saccade.targets.measure import INNER_PRODUCT
from saccade.targets.positions import mean_over_places
from saccade.targets.quantity import Quantity
from saccade.targets.quoting import quoted
from saccade.targets.target import Codes, CodeSource, Target


def direction(vector: ArrayLike | str | Path, *, name: str | None = None) -> Target:
    """What pushes the code along a direction? Signed; the vector is taken as it is, its length counts.

        of the code's shape:    s = <f(x'), v>
        one per channel:        s = mean over places of <f(x')[u], v>

    So the direction with a single 1 is `channel`.

    Args:
        vector: Numbers of the code's shape, or one per channel; or a `.npy` file of them.
        name: What it is called on pages; by default the file's name.

    Raises:
        FileError: The file cannot be read.
        InputError: Not numbers, or only zeros; once the code is known, another shape.

    Example:
        >>> smile = np.ones(encoder.codes("cat.jpg").shape[-1])
        >>> saccade.explain(encoder, "cat.jpg", target=saccade.targets.direction(smile, name="smile")).units
        'part of the change of projection on smile, per pixel'
    """
    path = os.fspath(vector) if isinstance(vector, (str, Path)) else ""
    file = Path(path).name
    values = _checked(_loaded(path) if path else vector, file or "the vector")
    title = name or file or "a direction"
    is_the_file = bool(path) and name is None
    return Target(
        kind="direction",
        arguments=Vector(_digest(values), values),
        name=f"direction:{quoted(file)}" if is_the_file else f"direction {name}" if name else "direction",
        text=f"direction:{quoted(path)}" if is_the_file else None,
        files=(path,) if path else (),
        question=f"what pushes the code along {title}",
        gradient_measure=INNER_PRODUCT,
        gradient_units=Quantity(f"projection on {title}"),
        occlusion_measure=INNER_PRODUCT,
        occlusion_units=Quantity(f"fall of the projection on {title}"),
    )


@dataclass(frozen=True)
class Vector:
    """A vector, known by its numbers.

    Attributes:
        digest: Of shape and numbers.
        values: The numbers, of the code's shape or one per channel.
    """

    digest: str
    values: NDArray[np.float32] = field(compare=False, repr=False)

    def reference(self, codes: Codes, source: CodeSource) -> Codes:
        """The vector, or at every place its numbers over the number of places."""
        count, *grid = codes.shape
        values = self.values
        if values.shape == (grid[-1],):
            shares = values * mean_over_places(codes, source)
            return np.broadcast_to(shares, (count, *shares.shape[1:])).astype(np.float32)
        if tuple(side for side in values.shape if side != 1) != tuple(side for side in grid if side != 1):
            raise InputError(
                f"a direction of shape {values.shape} does not fit the code; give {'x'.join(map(str, grid))}, or one "
                f"number per channel: ({grid[-1]},)."
            )
        return np.broadcast_to(values.reshape(1, *grid), codes.shape).astype(np.float32)


def _loaded(path: str) -> NDArray[Any]:
    try:
        return np.asarray(np.load(expanded(path), allow_pickle=False))
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}; give a .npy file of numbers.") from error
    except Exception as error:  # whatever numpy's reader makes of a damaged file
        raise FileError(f"{path} is no .npy file of numbers; save one with numpy.save.") from error


def _checked(vector: Any, title: str) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            array = np.asarray(vector)
            values = array.astype(np.float32) if array.dtype.kind in "biuf" else np.full((), np.nan, np.float32)
    except ValueError as error:
        raise InputError(f"{title} is no array of numbers: {error}.") from error
    if array.dtype.kind not in "biuf":
        raise InputError(f"{title} holds no real numbers; give an array of them.")
    if values.ndim == 0 or not values.size:
        raise InputError(f"{title} is no vector; give numbers of the code's shape, or one per channel.")
    if not np.isfinite(values).all():
        raise InputError(f"{title} holds values that are no numbers in float32 (NaN or infinite).")
    if not values.any():
        raise InputError(f"{title} is zero everywhere and so has no direction.")
    return np.array(values)


def _digest(values: NDArray[np.float32]) -> str:
    return hashlib.sha256(f"{values.shape}".encode() + values.tobytes()).hexdigest()


TEXT_FORMS = (
    TextForm("direction", "FILE.npy", "a vector of numbers", lambda value: direction(file_name(value))),
)  # fmt: skip
"""How this target is written."""
