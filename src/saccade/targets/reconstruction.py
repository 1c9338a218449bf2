"""The picture as the model redraws it: what is hard to redraw, everywhere or in one part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from saccade.targets.measure import MEAN_SQUARED_ERROR, WEIGHTED_SQUARED_ERROR
from saccade.targets.spans import Given, Span, span
from saccade.targets.target import Codes, CodeSource, Target


def reconstruction_error(*, rows: Given = None, columns: Given = None) -> Target:
    """Which places are hard to redraw? `s = mean((g(f(x')) - x')²)` over pixels and channels, at the model's output.

    Covering a place by its blurred copy makes it easy; what the error loses then is what the place was worth. For a
    part of the picture the mean is over that part alone: what, anywhere in the picture, makes it hard to redraw?

    Args:
        rows: First row of pixels and the row behind the last, `(10, 40)`, counted from 0 in the picture as the model
            sees it; a slice; None for all.
        columns: The same for columns.

    Raises:
        InputError: A part without pixels; once the picture is known, one that leaves it.

    Example:
        >>> saccade.targets.reconstruction_error(rows=(10, 40), columns=(20, 60)).name
        'reconstruction_error:10:40,20:60'
    """
    down, across = span("rows", rows), span("columns", columns)
    whole = down == across == Span(None, None)
    name = "reconstruction_error" if whole else f"reconstruction_error:{down},{across}"
    where = "" if whole else f" of {down.in_words('row', 'rows')} and {across.in_words('column', 'columns')}"
    measure = MEAN_SQUARED_ERROR if whole else WEIGHTED_SQUARED_ERROR
    return Target(
        name=name,
        text=name,
        question="what is hard to redraw" if whole else f"what makes the part{where} hard to redraw",
        gradient=measure,
        gradient_units=f"mean squared error{where}",
        cover=measure,
        occlusion_units=f"mean squared error{where} that goes away when this is covered",
        place="output",
        freeze=_Part(down, across),
    )


@dataclass(frozen=True)
class _Part:
    """How much each pixel counts: zero outside the part, and on average one."""

    rows: Span
    columns: Span

    def __call__(self, codes: Codes, _: CodeSource) -> Codes:
        count, height, width = codes.shape[:3]
        if self.rows == self.columns == Span(None, None):
            return np.zeros((count, 1, 1, 1), np.float32)
        rows, columns = (
            each.within(length, f"the model sees pictures of {height}x{width} pixels", name)
            for each, length, name in ((self.rows, height, "rows"), (self.columns, width, "columns"))
        )
        weights = np.zeros((count, height, width, 1), np.float32)
        weights[:, rows, columns] = height * width / ((rows.stop - rows.start) * (columns.stop - columns.start))
        return weights
