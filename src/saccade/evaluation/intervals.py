"""What does the number of photos allow to say? Confidence intervals of means over photos, by the bootstrap."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from saccade.results.method_score import Estimate

FEWEST = 8
"""With fewer photos an interval says nothing that could be relied on."""

FEW = 20
"""With fewer photos than this, only large differences can be told apart."""


def intervals(
    values: NDArray[np.floating], seed: int, *, confidence: float = 0.95, resamples: int = 2000
) -> list[Estimate]:
    """Where do these means lie? The percentile bootstrap over photos, widened for small samples.

    Photos are drawn with replacement; the same draws serve every row. Percentiles of the resampled means are too
    narrow for few photos: their distance from the mean is stretched by `sqrt(n / (n - 1)) * t / z`, with Student's t
    for n - 1 degrees of freedom and the normal quantile z.

    Args:
        values: (rows, photos).
        seed: Of the draws.
        confidence: How often such an interval covers the true mean.
        resamples: How often photos are drawn.

    Returns:
        One interval a row.

    Source: Hesterberg (2015), What Teachers Should Know About the Bootstrap, The American Statistician 69.
    """
    count = values.shape[-1]
    exact = values.astype(np.float64)
    means = exact.mean(axis=-1)
    drawn = np.random.default_rng(seed).integers(0, count, (resamples, count))
    shares = np.zeros((resamples, count))
    np.add.at(shares, (np.arange(resamples)[:, None], drawn), 1.0 / count)
    resampled = exact @ shares.T
    tail = (1 - confidence) / 2
    ends = np.quantile(resampled, [tail, 1 - tail], axis=-1)
    stretch = sqrt(count / (count - 1)) * student_t(1 - tail, count - 1) / NormalDist().inv_cdf(1 - tail)
    low, high = means + stretch * (ends - means)
    return [Estimate(float(m), float(a), float(b)) for m, a, b in zip(means, low, high, strict=True)]


def student_t(probability: float, freedom: int) -> float:
    """Student's t quantile, by the expansion of Cornish and Fisher; good to 1 % from 5 degrees of freedom on."""
    z = NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return float(z + sum(term / float(freedom ** (order + 1)) for order, term in enumerate(terms)))
