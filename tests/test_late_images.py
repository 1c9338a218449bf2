"""Images that are checked and copied while an accelerator computes, tried on a processor that is taken for one."""

from __future__ import annotations

import nets
import numpy as np
import pytest

import saccade
from saccade.encoder import Encoder
from saccade.errors import ImageError

pytestmark = pytest.mark.engine


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> Encoder:
    """Its backend says that it is an accelerator."""
    encoder = Encoder(nets.autoencoder(), layer="encoded")
    monkeypatch.setattr(type(encoder.engine.backend), "is_accelerator", property(lambda backend: True))
    return encoder


def images_of(encoder: Encoder, count: int = 3) -> np.ndarray:
    return nets.pictures(encoder.network.model, count)  # type: ignore[attr-defined]


def test_a_gradient_that_takes_several_pieces_is_joined_when_it_is_whole(encoder: Encoder) -> None:
    images = images_of(encoder)
    whole = saccade.explain(encoder, images, "smoothgrad", samples=12)
    encoder.engine.batch = 4
    cut = saccade.explain(encoder, images, "smoothgrad", samples=12)
    np.testing.assert_allclose(cut.values, whole.values, rtol=0, atol=1e-5 * whole.values.max())


@pytest.mark.parametrize("method", ["saliency", "smoothgrad", "occlusion"])
def test_images_that_are_no_numbers_are_refused_whatever_was_computed_meanwhile(encoder: Encoder, method: str) -> None:
    images = images_of(encoder)
    images[1, 0, 0, 0] = np.nan
    with pytest.raises(ImageError, match="not numbers"):
        saccade.explain(encoder, images, method)
    with pytest.raises(ImageError, match="far outside"):
        saccade.explain(encoder, images_of(encoder) * 1000, method)
    with pytest.raises(ImageError, match="read them"):
        saccade.explain(encoder, np.zeros((2, 3, 3, 3), np.float32), method)


def test_a_result_keeps_images_of_its_own(encoder: Encoder) -> None:
    images = images_of(encoder)
    before = images.copy()
    attribution = saccade.explain(encoder, images, "saliency")
    images[:] = 0
    np.testing.assert_array_equal(attribution.images.array, before)
    np.testing.assert_allclose(saccade.explain(encoder, before, "saliency").values, attribution.values, rtol=1e-5)
    assert not np.allclose(saccade.explain(encoder, images, "saliency").values, attribution.values)


def test_an_image_that_changes_between_two_calls_is_sent_again(encoder: Encoder) -> None:
    images = images_of(encoder, 1)
    first = saccade.explain(encoder, images, "smoothgrad", samples=4)
    images[:] = images[:, ::-1]
    second = saccade.explain(encoder, images, "smoothgrad", samples=4)
    again = saccade.explain(encoder, images.copy(), "smoothgrad", samples=4)
    np.testing.assert_array_equal(second.values, again.values)
    assert not np.allclose(first.values, second.values)
