"""Joining channels against numpy in float64."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.attribution import channels


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30, 0.0])
def test_channels_are_joined_as_by_numpy(scale: float, random: np.random.Generator) -> None:
    values = (scale * random.standard_normal((2, 181, 93, 3))).astype(np.float32)
    wide = values.astype(np.float64)
    np.testing.assert_allclose(channels.length(values), np.sqrt((wide**2).sum(axis=-1)), rtol=1e-6)
    np.testing.assert_allclose(channels.summed(values), wide.sum(axis=-1), rtol=1e-5, atol=1e-6 * scale)
    assert channels.length(values).dtype == channels.summed(values).dtype == np.float32
