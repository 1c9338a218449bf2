"""The image as the model redraws it: what is hard to redraw, everywhere or in one part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from saccade.targets.form import TextForm, bounds, two_values
from saccade.targets.measure import MEAN_SQUARED_ERROR, WEIGHTED_SQUARED_ERROR
from saccade.targets.quantity import Quantity
from saccade.targets.spans import Bounds, Span, span
from saccade.targets.target import Codes, CodeSource, Target


def reconstruction_error(*, rows: Bounds = None, columns: Bounds = None) -> Target:
    """Which places are hard to redraw? `s = mean((g(f(x')) - x')²)` over pixels and channels, at the model's output.

    Covering a place by its blurred copy makes it easy; what the error loses then is what the place was worth. For a
    part of the image the mean is over that part alone: what, anywhere in the image, makes it hard to redraw?

    Args:
        rows: First row of pixels and the row behind the last, `(10, 40)`, counted from 0 in the image as the model
            sees it; a slice; None for all.
        columns: The same for columns.

    Raises:
        InputError: A part without pixels; once the image is known, one that leaves it.

    Example:
        >>> saccade.targets.reconstruction_error(rows=(10, 40), columns=(20, 60)).name
        'reconstruction_error:10:40,20:60'
    """
    part = Part(span("rows", rows), span("columns", columns))
    name = "reconstruction_error" if part.is_whole else f"reconstruction_error:{part.rows},{part.columns}"
    where = (
        ""
        if part.is_whole
        else f" of {part.rows.in_words('row', 'rows')} and {part.columns.in_words('column', 'columns')}"
    )
    measure = MEAN_SQUARED_ERROR if part.is_whole else WEIGHTED_SQUARED_ERROR
    return Target(
        kind="reconstruction_error",
        arguments=part,
        name=name,
        text=name,
        question="what is hard to redraw" if part.is_whole else f"what makes the part{where} hard to redraw",
        gradient_measure=measure,
        gradient_units=Quantity(f"mean squared error{where}"),
        occlusion_measure=measure,
        occlusion_units=Quantity(f"mean squared error{where} that goes away"),
        reads="output",
    )


@dataclass(frozen=True)
class Part:
    """A rectangle of pixels, or the whole image."""

    rows: Span
    columns: Span

    @property
    def is_whole(self) -> bool:
        """Is it the whole image?"""
        return self.rows == self.columns == Span(None, None)

    def reference(self, codes: Codes, _: CodeSource) -> Codes:
        """How much each pixel counts: zero outside the part, and on average one; the whole image needs no weights."""
        count, height, width = codes.shape[:3]
        if self.is_whole:
            return np.zeros((count, 1, 1, 1), np.float32)
        size = f"the model sees images of {height}x{width} pixels"
        rows, columns = self.rows.within(height, size, "rows"), self.columns.within(width, size, "columns")
        weights = np.zeros((count, height, width, 1), np.float32)
        weights[:, rows, columns] = height * width / ((rows.stop - rows.start) * (columns.stop - columns.start))
        return weights


def _read_part(value: str) -> Target:
    rows, columns = two_values(value)
    return reconstruction_error(rows=bounds(rows), columns=bounds(columns))


TEXT_FORMS = (
    TextForm("reconstruction_error", "", "how badly the image is redrawn", lambda _: reconstruction_error()),
    TextForm("reconstruction_error", "ROWS,COLUMNS", "the same in a part, in pixels", _read_part, "10:40,20:60"),
)
"""How these targets are written."""
