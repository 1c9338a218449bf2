"""What TensorFlow reads where it lies, and what it copies."""

from __future__ import annotations

import nets
import numpy as np
import pytest

from saccade.encoder import Encoder


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(nets.autoencoder(), layer="encoded")


@pytest.mark.parametrize("shape", [(1, 8, 8, 3), (8, 224, 224, 3)])
def test_an_array_that_may_be_written_into_is_sent_as_it_was(encoder: Encoder, shape: tuple[int, ...]) -> None:
    backend = encoder.engine.backend
    values = np.zeros(shape, np.float32)
    with backend.context():
        tensor = backend.tensor(values)
        values += 1
        assert not backend.array(tensor).any()


def test_images_are_read_where_they_lie(encoder: Encoder) -> None:
    images = encoder.images(nets.pictures(encoder.network.model, 3))  # type: ignore[attr-defined]
    backend = encoder.engine.backend
    with backend.context():
        assert np.shares_memory(backend.array(backend.tensor(images.array)), images.array)
