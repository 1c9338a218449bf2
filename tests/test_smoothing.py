"""Gaussian smoothing against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from saccade.attribution.smoothing import gaussian_blur


@pytest.mark.parametrize("sigma", [0.5, 2.0, 7.3, 30.0])
@pytest.mark.parametrize("shape", [(2, 13, 40, 3), (3, 24, 17), (1, 130, 150, 1), (1, 200, 90)])
def test_blur_is_scipys(shape: tuple[int, ...], sigma: float) -> None:
    images = np.random.default_rng(0).random(shape, dtype=np.float32)
    sigmas = (0, sigma, sigma, *(0,) * (len(shape) - 3))
    blurred = gaussian_blur(images, sigma)
    expected = gaussian_filter(images.astype(np.float64), sigmas, mode="reflect", truncate=np.ceil(4 * sigma) / sigma)
    assert blurred.dtype == np.float32
    if sigma < 7:
        np.testing.assert_allclose(blurred, expected, atol=1e-5)
    else:
        # Beyond twice the picture the tails are cut; what is left of them is tiny.
        np.testing.assert_allclose(blurred, expected, atol=2e-3)


def test_a_constant_stays_and_no_blur_is_no_blur() -> None:
    images = np.full((1, 20, 30, 3), 0.7, np.float32)
    np.testing.assert_allclose(gaussian_blur(images, 5.0), images, atol=1e-6)
    assert gaussian_blur(images, 0) is images
