"""How the cost counts_increase with pixels, samples, cells and batch: times, fitted exponents, and one picture.

    python benchmarks/growth.py GROUP FILE LIMIT [--quick]

The exponent is the gradient of a straight line through the logarithms: 1 means twice the work, twice the time.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from clock import timed
from groups import named
from growth_picture import drawn
from nets import picture, subject
from result_file import ResultFile

import saccade

SIZES, SAMPLES, BATCHES = (112, 160, 224, 320, 448), (8, 16, 32, 64), (1, 2, 4, 8, 16)
LINES = (
    "saliency against pixels",
    "occlusion against pixels",
    "all cells against cells",
    "SmoothGrad against samples",
    "saliency against pictures",
)


def _points(line: str, framework: str, quick: bool) -> Iterator[tuple[float, Callable[[], Any]]]:
    """How much work, and the work."""
    sizes, middle = ((48, 64), 64) if quick else (SIZES, 224)
    if line.endswith(("pixels", "cells")):
        for size in sizes:
            encoder, one = subject(framework, "reference", size).encoder, picture(size)
            if line.startswith("all cells"):
                yield (size // 16) ** 2, lambda encoder=encoder, one=one: saccade.cells(encoder, one)
            else:
                method = line.split()[0]
                settings = {"patch": 16, "stride": 8} if method == "occlusion" else {}
                yield (
                    size**2,
                    lambda encoder=encoder, one=one, method=method, settings=settings: saccade.explain(
                        encoder, one, method, **settings
                    ),
                )
        return
    encoder = subject(framework, "reference", middle).encoder
    if line.endswith("samples"):
        for count in SAMPLES:
            yield (
                count,
                lambda count=count: saccade.explain(encoder, picture(middle), "smoothgrad", samples=count),
            )
        return
    for count in BATCHES:
        yield count, lambda count=count: saccade.explain(encoder, picture(middle, count), "saliency")


def main() -> None:
    """Measure, fit, draw."""
    group, quick = named(sys.argv[1]), "--quick" in sys.argv
    warnings.simplefilter("ignore")
    result_file = ResultFile(Path(sys.argv[2]), float(sys.argv[3]), list(LINES), quick)
    for line in LINES:
        if result_file.over:
            break
        amounts, seconds = [], []
        for amount, work in _points(line, group.framework, quick):
            work()
            amounts.append(amount)
            seconds.append(median(timed(work) for _ in range(1 if quick else 3)))
        exponent = float(np.polyfit(np.log(amounts), np.log(seconds), 1)[0])
        result_file.add(line, {"amounts": amounts, "seconds": seconds, "exponent": exponent})
    result_file.finish()
    target = Path(sys.argv[2]).with_suffix(".png") if quick else Path(__file__).parent / "growth.png"
    drawn(result_file.record["rows"]).save(target)


if __name__ == "__main__":
    main()
