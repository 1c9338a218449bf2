"""Second-order insertion and deletion: right links are told from wrong ones at the same score."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from skimage import data

import saccade
from saccade.attribution.smoothing import gaussian_blur
from saccade.errors import NotApplicable
from saccade.evaluation.pair_test import pair_test
from saccade.pairs import strongest_links
from saccade.results import Link

CAT = data.chelsea()[:, 80:380]
SIZE = 32


@pytest.fixture(scope="module")
def encoder() -> saccade.Encoder:
    """Kernels that look the same in a mirror, so that the codes of a photo and its mirror image are the same."""
    keras.utils.set_random_seed(3)
    image = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(48, 4, strides=4, activation="relu", name="cells")(image)
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D(name="code")(x))
    model.set_weights([(w + w[:, ::-1]) * 3 if w.ndim == 4 else w - 0.4 for w in model.get_weights()])
    return saccade.Encoder(model, layer="code", value_range=(0, 1))


def test_right_links_show_more_than_wrong_ones_at_the_same_score(encoder: saccade.Encoder) -> None:
    why = saccade.compare(encoder, CAT, CAT[:, ::-1])
    assert why.score == pytest.approx(1, abs=1e-5)
    run = saccade.Run(encoder)
    right = [Link((row, column), (row, 7 - column), 0.1) for row in range(2, 7) for column in range(8)]
    wrong = [Link(link.a, right[(number + 11) % len(right)].b, 0.1) for number, link in enumerate(right)]
    links, others = (pair_test(run, why, each) for each in (right, wrong))
    assert links.holds
    assert links.insertion > 0.1
    assert links.insertion > others.insertion + 0.1
    assert np.allclose(links.links, 1, atol=1e-4)
    assert "do not trust" not in links.sentence
    backwards = [Link(link.a, (7 - link.a[0], link.a[1]), 0.1) for link in right]
    assert pair_test(run, why, backwards).insertion < links.insertion


def test_found_links_hold_on_mirror_images(encoder: saccade.Encoder) -> None:
    why = saccade.compare(encoder, CAT, CAT[:, ::-1])
    assert why.interactions is not None
    links = strongest_links(why.interactions)
    assert sum(link.b == (link.a[0], 7 - link.a[1]) for link in links) >= 0.8 * len(links)
    test = pair_test(saccade.Run(encoder), why, links)
    assert test.holds
    assert test.over_strongest > -1e-6
    assert test.insertion > 0.05


def test_curves_are_those_made_by_hand(encoder: saccade.Encoder) -> None:
    why = saccade.compare(encoder, CAT, CAT[::-1])
    links = [Link((1, 2), (3, 4), 0.3), Link((0, 0), (7, 7), 0.2), Link((5, 5), (2, 1), 0.1)]
    test = pair_test(saccade.Run(encoder), why, links)
    images = encoder.read([CAT, CAT[::-1]]).array
    filler = gaussian_blur(images, 4.0)

    def code(shown: np.ndarray, filler: np.ndarray) -> np.ndarray:
        codes = encoder.codes(np.stack([shown, filler])).reshape(2, -1).astype(float)
        return np.asarray(codes[0] - codes[1])

    assert test.counts == (1, 2, 3)
    for count in test.counts:
        shown, hidden = filler.copy(), images.copy()
        for link in links[:count]:
            for side, (row, column) in enumerate((link.a, link.b)):
                box = side, slice(4 * row, 4 * row + 4), slice(4 * column, 4 * column + 4)
                shown[box], hidden[box] = images[box], filler[box]
        a, b = (code(shown[side], filler[side]) for side in (0, 1))
        cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        assert test.links[count - 1] == pytest.approx(cosine, abs=1e-4)
        whole = [code(images[side], filler[side]) for side in (0, 1)]
        left = code(hidden[0], filler[0]) @ whole[1] / np.prod([np.linalg.norm(each) for each in whole])
        assert test.links_hidden[count - 1] == pytest.approx(left, abs=1e-4)
    with pytest.raises(NotApplicable, match="fewer than two"):
        pair_test(saccade.Run(encoder), why, links[:1])
