"""Small log-log charts side by side, one for each kind of growth."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from saccade.picture.canvas import Canvas
from saccade.picture.themes import theme_of

WIDE, TALL, LEFT, TOP, FOOT = 380, 340, 64, 64, 56


def drawn(rows: list[dict[str, Any]]) -> Image.Image:
    """Seconds against the amount of work, both on logarithmic axes, with the fitted line dashed."""
    theme = theme_of("light")
    canvas = Canvas(WIDE * max(len(rows), 1), TALL, theme)
    for number, row in enumerate(rows):
        left, right = number * WIDE + LEFT, (number + 1) * WIDE - 24
        bottom = TALL - FOOT
        across, up = np.log10(row["amounts"]), np.log10(row["seconds"])
        low, high = np.floor(up.min() - 0.05), np.ceil(up.max() + 0.05)

        def place(x: float, y: float, left: int = left, right: int = right, bottom: int = bottom, low: float = low,
                  high: float = high, first: float = across[0], last: float = across[-1]) -> tuple[float, float]:  # fmt: skip
            return left + (x - first) / (last - first) * (right - left), bottom - (y - low) / (high - low) * (
                bottom - TOP
            )

        what, against = row["case"].split(" against ")
        canvas.words((left - 46, 22), f"{what}: exponent {row['exponent']:.2f}", 17, theme.ink, bold=True)
        canvas.words((left - 46, 44), "seconds, logarithmic", 13, theme.muted)
        for power in range(int(low), int(high) + 1):
            y = place(across[0], power)[1]
            canvas.line([(left, y), (right, y)], theme.rule, 1)
            canvas.words((left - 8, y), f"{10.0**power:g}", 13, theme.muted, align="right")
        for amount, x in zip(row["amounts"], across, strict=True):
            shown = f"{amount / 1000:.0f}k" if amount >= 10000 else f"{amount:g}"
            canvas.words((place(x, low)[0], bottom + 16), shown, 13, theme.muted, align="centre")
        canvas.words(((left + right) / 2, bottom + 38), f"{against}, logarithmic", 13, theme.muted, align="centre")
        start = float((up - row["exponent"] * across).mean())
        fit = [place(x, start + row["exponent"] * x) for x in (across[0], across[-1])]
        canvas.line(fit, theme.muted, 1.4, dash=5)
        canvas.line([place(x, y) for x, y in zip(across, up, strict=True)], theme.ink, 2.6)
    return canvas.finish()
