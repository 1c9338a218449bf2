"""What a method finds: raw values with their unit, before anybody draws them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.typing import Array


@dataclass(frozen=True)
class Map:
    """What a method finds for one target.

    Attributes:
        values: float32 (images, rows, columns): the map on the method's own grid, which spans the image; signed values
            where signs mean something.
        raw: What the map was made from, before channels were joined or anything was smoothed.
        units: What one unit of `values` is.
        signed: Whether negative values mean evidence against; or less than the mean, where zero is the mean.
        zero_is_mean: Whether zero is each map's own mean, so that as much lies below zero as above, whatever is shown.
        is_share: Whether the values are shares of a whole, which people read in percent.
        grid: Rows and columns at which the map was really computed; by default those of `raw`.
        notes: What the reader of the map must know: smoothing, fallbacks, the size of holes.
        settings: Every setting with the value that was used, also where it was a default.
        scores: Numbers per image by name, such as the score at the image and at the baseline.
        view: How it is drawn unless it is asked otherwise; see `Attribution.drawn`.
        sentences: What each map says in one sentence, where the method knows better than `results.map_sentence`.
        redrawn: The images as the model redraws them, in its value range, where the map is about them.
    """

    values: Array
    raw: Array
    units: str
    signed: bool
    notes: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    is_share: bool = False
    grid: tuple[int, int] | None = None
    view: str = "heatmap"
    sentences: tuple[str, ...] = ()
    redrawn: Array | None = None
    zero_is_mean: bool = False
