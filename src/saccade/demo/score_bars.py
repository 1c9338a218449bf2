"""A score as a sum in bars: what raised it, what lowered it, what is left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.demo.markup import Markup, element, exact
from saccade.picture.numerals import number, signed


def score_bars(shares: NDArray[np.floating], score: float) -> Markup:
    """Draw the sum of the positive shares, of the negative ones, and the score, on one scale."""
    raised, lowered = float(shares[shares > 0].sum()), float(shares[shares < 0].sum())
    low, high = min(0.0, score, raised + lowered), max(raised, score, 1e-12)
    bars = (
        ("raised it", 0.0, raised, signed(raised), raised, "warm"),
        ("lowered it", raised + lowered, raised, signed(lowered), lowered, "cool"),
        ("together", min(0.0, score), max(0.0, score), number(score), score, "total"),
    )
    rows = [
        element(
            "div",
            element("dt", name),
            element("dd", _bar((start - low) / (high - low), (stop - low) / (high - low), kind), exact(value, text)),
            class_=kind,
        )
        for name, start, stop, text, value, kind in bars
    ]
    return element("dl", rows, class_="sums")


def _bar(start: float, stop: float, kind: str) -> Markup:
    place = {"x": f"{1000 * start:.1f}", "y": "0", "width": f"{1000 * (stop - start):.1f}", "height": "10"}
    drawing = {"viewBox": "0 0 1000 10", "preserveAspectRatio": "none", "aria_hidden": "true", "focusable": "false"}
    return element("svg", element("rect", class_=kind, **place), **drawing)
