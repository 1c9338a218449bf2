"""A direction of the code's space: a vector of somebody's own, or a principal component of a collection."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from saccade.errors import FileError, InputError
from saccade.targets.collection import Collection
from saccade.targets.measure import INNER_PRODUCT
from saccade.targets.quoting import quoted
from saccade.targets.target import Codes, CodeSource, Target


def direction(vector: ArrayLike | str | Path, *, name: str | None = None) -> Target:
    """What pushes the code along a direction? Signed; the vector is taken as it is, its length counts.

        of the code's shape:    s = <f(x'), v>
        one per channel:        s = mean over places of <f(x')[u], v>

    So the direction with a single 1 is `channel`.

    Args:
        vector: Numbers of the code's shape, or one per channel; or a `.npy` file of them.
        name: What it is called on pictures; by default the file's name.

    Raises:
        FileError: The file cannot be read.
        InputError: Not numbers, or only zeros; once the code is known, another shape.

    Example:
        >>> smile = np.ones(encoder.codes("cat.jpg").shape[-1])
        >>> saccade.explain(encoder, "cat.jpg", target=saccade.targets.direction(smile, name="smile")).units
        'fall of the projection on smile when this is covered'
    """
    path = os.fspath(vector) if isinstance(vector, (str, Path)) else ""
    values = _checked(_loaded(path) if path else vector, Path(path).name or "the vector")
    called = name or Path(path).name or "a direction"
    told = bool(path) and name is None
    return Target(
        name=f"direction:{quoted(Path(path).name)}" if told else f"direction {name}" if name else "direction",
        text=f"direction:{quoted(path)}" if told else None,
        files=(path,) if path else (),
        question=f"what pushes the code along {called}",
        gradient=INNER_PRODUCT,
        gradient_units=f"projection on {called}",
        cover=INNER_PRODUCT,
        occlusion_units=f"fall of the projection on {called} when this is covered",
        freeze=_Vector(_digest(values), values),
    )


def component(index: int, of: Any) -> Target:
    """What drives a principal component of a collection's cells? `s = mean over places of <f(x')[u], v>`, signed.

    v is the eigenvector (of length 1) of the covariance of all cells of all the collection's codes about their mean
    cell; a code without places is one cell. Cells and not whole codes: a component then is a mixture of channels that
    may show anywhere, some dozen pictures are enough for it, and pictures of any size can be compared. Its sign is
    free; the largest entry of v is made positive. The collection is encoded once for a target, and again if the model
    has changed since.

    Args:
        index: The component, counted from 0, the strongest first.
        of: The collection: a folder, a glob, or pictures.

    Raises:
        InputError: A negative index; once the collection is known, a component that it does not have.

    Example:
        >>> saccade.targets.component(0, "holiday/").name
        'component:0,holiday'
    """
    if index < 0:
        raise InputError(f"component {index}: components are counted from 0, the strongest first.")
    collection = Collection.of(of)
    return Target(
        name=f"component:{index},{quoted(collection.name)}" if collection.name else f"component:{index}",
        text=f"component:{index},{quoted(collection.path)}" if collection.path else None,
        files=(collection.path,) if collection.path else (),
        question=f"what drives principal component {index} of {collection.name or 'the collection'}",
        gradient=INNER_PRODUCT,
        gradient_units=f"mean of component {index}",
        cover=INNER_PRODUCT,
        occlusion_units=f"fall of the mean of component {index} when this is covered",
        freeze=_Component(index, collection),
    )


@dataclass(frozen=True)
class _Vector:
    """A vector, known by its numbers."""

    digest: str
    values: NDArray[np.float32] = field(compare=False, repr=False)

    def __call__(self, codes: Codes, _: CodeSource) -> Codes:
        count, *grid = codes.shape
        shape, values = tuple(each for each in grid if each != 1), self.values
        if values.shape == (grid[-1],):
            return np.broadcast_to(values / (grid[0] * grid[1]), (count, 1, 1, grid[-1])).astype(np.float32)
        if tuple(each for each in values.shape if each != 1) != shape:
            wanted = "x".join(map(str, grid))
            raise InputError(
                f"a direction of shape {values.shape} does not fit the code; give {wanted}, or one number per channel: "
                f"({grid[-1]},)."
            )
        return np.broadcast_to(values.reshape(1, *grid), codes.shape).astype(np.float32)


@dataclass(frozen=True)
class _Component:
    """A principal component of a collection, one number per channel."""

    index: int
    collection: Collection

    def __call__(self, codes: Codes, source: CodeSource) -> Codes:
        found = self.collection.components(source)
        if self.index >= len(found):
            cells = f"the cells of {self.collection.in_words}"
            if not len(found):
                raise InputError(f"{cells} are all the same, so they have no components; give other pictures.")
            raise InputError(
                f"{cells} vary in {len(found)} directions only, so component {self.index} does not exist; give 0 to "
                f"{len(found) - 1}, or more pictures."
            )
        values = found[self.index] / (codes.shape[1] * codes.shape[2])
        return np.broadcast_to(values, (len(codes), 1, 1, codes.shape[-1])).astype(np.float32)


def _loaded(path: str) -> NDArray[Any]:
    try:
        return np.asarray(np.load(Path(path).expanduser(), allow_pickle=False))
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}; give a .npy file of numbers.") from error
    except (ValueError, EOFError) as error:
        raise FileError(f"{path} is no .npy file of numbers; save one with numpy.save.") from error


def _checked(given: Any, called: str) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            found = np.asarray(given)
            values = found.astype(np.float32) if found.dtype.kind in "biuf" else np.full((), np.nan, np.float32)
    except ValueError as error:
        raise InputError(f"{called} is no array of numbers: {error}.") from error
    if found.dtype.kind not in "biuf":
        raise InputError(f"{called} holds no real numbers; give an array of them.")
    if values.ndim == 0 or not values.size:
        raise InputError(f"{called} is no vector; give numbers of the code's shape, or one per channel.")
    if not np.isfinite(values).all():
        raise InputError(f"{called} holds values that are no numbers in float32 (NaN or infinite).")
    if not values.any():
        raise InputError(f"{called} is zero everywhere and so has no direction.")
    return np.array(values)


def _digest(values: NDArray[np.float32]) -> str:
    return hashlib.sha256(f"{values.shape}".encode() + values.tobytes()).hexdigest()
