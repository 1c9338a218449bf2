"""Where on a photo, in words: a patch is named after the thing it covers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.demo.photos import Box, DescribedPhoto

_ROWS, _COLUMNS = ("top", "middle", "bottom"), ("left", "middle", "right")


@dataclass(frozen=True)
class Peak:
    """A place that stands out.

    Attributes:
        value: How much it counts.
        box: Where it lies, as shares of the photo.
        name: What lies there, in words.
    """

    value: float
    box: Box
    name: str


def name_of(photo: DescribedPhoto, x: float, y: float) -> str:
    """What lies at this place? The smallest named thing round it, else what lies elsewhere, and where."""
    around = [
        ((right - left) * (bottom - top), name)
        for name, (left, top, right, bottom) in photo.things
        if left <= x <= right and top <= y <= bottom
    ]
    return min(around)[1] if around else f"{photo.elsewhere} {_position(x, y)}"


def peaks(values: NDArray[np.floating], patch: tuple[float, float], photo: DescribedPhoto, most: int = 3) -> list[Peak]:
    """Which places stand out, and what lies there?

    Args:
        values: (rows, columns) of patches, evenly spaced from edge to edge of the photo.
        patch: Height and width of one, as shares of the photo.
        photo: What lies where.
        most: At most this many; patches that overlap a stronger one, and things already named, are left out.

    Returns:
        The strongest first.
    """
    strongest: list[Peak] = []
    for index in np.argsort(-values, axis=None, kind="stable"):
        row, column = divmod(int(index), values.shape[1])
        top = row * (1 - patch[0]) / max(1, values.shape[0] - 1)
        left = column * (1 - patch[1]) / max(1, values.shape[1] - 1)
        box = (left, top, left + patch[1], top + patch[0])
        name = name_of(photo, left + patch[1] / 2, top + patch[0] / 2)
        if all(peak.name != name and not _overlap(peak.box, box) for peak in strongest):
            strongest.append(Peak(float(values[row, column]), box, name))
        if len(strongest) == most:
            break
    return strongest


def listed(names: Sequence[str]) -> str:
    """Several things as one phrase: `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _overlap(one: Box, other: Box) -> bool:
    slack = 1e-9
    beside = one[0] >= other[2] - slack or other[0] >= one[2] - slack
    return not (beside or one[1] >= other[3] - slack or other[1] >= one[3] - slack)


def _position(x: float, y: float) -> str:
    row, column = _ROWS[min(2, int(y * 3))], _COLUMNS[min(2, int(x * 3))]
    if row == column == "middle":
        return "in the middle"
    if row == "middle":
        return f"at the {column}"
    return f"at the {row}" if column == "middle" else f"at the {row} {column}"
