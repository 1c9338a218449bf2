"""The curves of deletion and insertion in a report, against photos covered by hand."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

import saccade
from saccade.attribution.scale import cell_size
from saccade.attribution.smoothing import gaussian_blur
from saccade.report.trust_data import deletion_curves


def test_curves_are_those_of_photos_covered_by_hand() -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((20, 20, 3)), layers.Conv2D(4, 4, 4), layers.ELU(), layers.Flatten()])
    encoder = saccade.Encoder(model, value_range=(0, 1))
    photos = encoder.images(np.random.default_rng(0).random((2, 20, 20, 3), np.float32))
    maps = {name: np.random.default_rng(seed).random((2, 20, 20)) for seed, name in enumerate(("map", "random"))}
    curves = deletion_curves(encoder, photos, maps, None)
    codes = encoder.codes(photos).reshape(2, -1).astype(float)
    hidden = gaussian_blur(photos.array, float(max(cell_size(encoder, (20, 20), saccade.targets.code()))))
    for name, values in maps.items():
        assert curves[name].shape == (2, 2, 11)
        for photo in range(2):
            order = np.argsort(-values[photo].ravel())
            for step in range(11):
                gone = np.zeros(400, bool)
                gone[order[: 40 * step]] = True
                for side, shown in enumerate((~gone, gone)):
                    seen = np.where(shown.reshape(20, 20, 1), photos.array[photo], hidden[photo])
                    code = encoder.codes(seen[None]).ravel().astype(float)
                    cosine = code @ codes[photo] / np.linalg.norm(code) / np.linalg.norm(codes[photo])
                    np.testing.assert_allclose(curves[name][photo, side, step], cosine, atol=1e-4)
