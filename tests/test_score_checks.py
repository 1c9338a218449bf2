"""Tests of the test: worsened maps, maps that follow the photo, and the greedy ceiling, against closed forms."""

from __future__ import annotations

from typing import Any

import nets
import numpy as np
import pytest
from scipy.stats import spearmanr

import saccade
from saccade.attribution.smoothing import gaussian_blur
from saccade.engines import Objective
from saccade.errors import NotApplicable
from saccade.evaluation.ceiling import BLOCKS, greedy_map, in_blocks, spread
from saccade.evaluation.equivariance import likeness, moved
from saccade.evaluation.worsening import KINDS, LEVELS, is_ordered, verdict, worsened
from saccade.models.numpy_network import NumpyNetwork
from saccade.run import Run
from saccade.targets import COSINE


@pytest.fixture
def maps() -> Any:
    return np.random.default_rng(2).random((3, 32, 32)).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_a_map_gets_less_like_itself_level_by_level_and_chance_does_not_hang_on_the_batch(kind: str, maps: Any) -> None:
    smooth = gaussian_blur(maps, 3.0)
    np.testing.assert_array_equal(
        worsened(smooth, kind, 0.5, range(3), 4)[1:], worsened(smooth[1:], kind, 0.5, range(1, 3), 4)
    )
    like = []
    for level in (0.0, *LEVELS):
        pairs = zip(smooth, worsened(smooth, kind, level, range(3), 4), strict=True)
        like.append(np.mean([spearmanr(before.ravel(), after.ravel())[0] for before, after in pairs]))
    assert like[0] == pytest.approx(1.0)
    assert like[-1] < 0.7
    assert like[1] > like[-1]
    if kind == "shuffle":
        for before, after in zip(smooth, worsened(smooth, kind, 1.0, range(3), 4), strict=True):
            np.testing.assert_allclose(np.sort(before, axis=None), np.sort(after, axis=None))


def test_scores_that_fall_are_in_order_and_others_are_not() -> None:
    random = np.random.default_rng(0)
    noise = 0.02 * random.normal(size=(5, 12))
    falling = np.linspace(0.4, 0.0, 5)[:, None] + noise
    assert is_ordered(falling, 0, 0.95, 500)
    assert not is_ordered(falling[::-1], 0, 0.95, 500)
    assert not is_ordered(np.full((5, 12), 0.3) + noise, 0, 0.95, 500), "a score that does not fall tells nothing"
    bump = falling.copy()
    bump[2] += 0.5
    assert not is_ordered(bump, 0, 0.95, 500)
    assert verdict({"noise": True, "blur": True}) == []
    (text,) = verdict({"noise": True, "blur": False, "shift": False})
    assert text.endswith("it does not fall when maps are blurred or shifted.")


def test_maps_that_follow_the_photo_are_alike_and_maps_of_the_frame_are_not(maps: Any) -> None:
    images = np.random.default_rng(5).random((3, 32, 32, 3)).astype(np.float32)
    brightness = images.mean(axis=-1)
    for move in ("mirrored", "shifted"):
        of_moved = moved(images, move, 4).mean(axis=-1)
        np.testing.assert_allclose(likeness(brightness, of_moved, move, 4), 1.0)
        fixed = np.repeat(maps[:1], 3, axis=0)
        assert (np.abs(likeness(fixed, fixed, move, 4)) < 0.2).all(), "the same place in every photo"
    np.testing.assert_array_equal(moved(images, "shifted", 4)[:, :, 4:], images[:, :, :-4])


def test_blocks_and_their_spread_are_inverse(maps: Any) -> None:
    blocks = in_blocks(maps)
    assert blocks.shape == (3, BLOCKS, BLOCKS)
    np.testing.assert_allclose(blocks[0, 0, 0], maps[0, :4, :4].mean(), rtol=1e-5)
    np.testing.assert_allclose(in_blocks(spread(blocks, (32, 32))), blocks, rtol=1e-5)
    odd = np.random.default_rng(1).random((2, 29, 37)).astype(np.float32)
    np.testing.assert_allclose(in_blocks(spread(in_blocks(odd), (29, 37))), in_blocks(odd), rtol=1e-5)


def test_the_search_finds_the_blocks_that_make_the_code() -> None:
    """A code that is the image itself: the brightest blocks bring back most of the cosine."""
    weights = np.random.default_rng(3).permutation(64).reshape(8, 8).astype(np.float32) + 1
    image = np.repeat(np.repeat(weights, 2, axis=0), 2, axis=1)[None, :, :, None]
    network = NumpyNetwork(lambda values, _: {"code": values}, (16, 16, 1))
    encoder = saccade.Encoder(network, layer="code", value_range=(0.0, 64.0))
    found = greedy_map(Run(encoder), image, Objective(COSINE, "code", image), {"black": np.zeros_like(image)})
    assert sorted(found.ravel()) == list(range(1, 65))
    # Eight at a time: the first eight are the eight brightest, whatever their order among themselves.
    first = {int(value) for value in weights[found > 56]}
    assert first == set(range(57, 65))
    assert spearmanr(found.ravel(), weights.ravel())[0] > 0.95


@pytest.mark.engine
def test_an_evaluation_tests_its_own_score() -> None:
    encoder = saccade.Encoder(nets.autoencoder(), layer="encoded")
    images = nets.pictures(encoder.network.model, 8)  # type: ignore[attr-defined]
    evaluation = saccade.evaluate(encoder, images, ["saliency", "occlusion"], steps=6, resamples=100, ceiling=2)
    assert set(evaluation.ordered) == set(KINDS) == set(evaluation.worsened)
    assert all(len(levels) == 1 + len(LEVELS) for levels in evaluation.worsened.values())
    assert evaluation.ceiling is not None
    assert evaluation.ceiling.photos == 2
    assert evaluation.ceiling.sentence in evaluation.verdict
    for name in ("saliency", "occlusion"):
        score = evaluation[name].equivariance
        assert score is not None
        assert -1 <= score.mean <= 1
    assert set(evaluation.to_dict()["worsened"]) == set(KINDS)
    without = saccade.evaluate(encoder, images, ["saliency"], steps=6, resamples=100, ceiling=0)
    assert without.ceiling is None


def test_what_answers_another_question_is_not_scored_but_told() -> None:
    encoder = saccade.Encoder(nets.autoencoder(), layer="encoded")
    images = nets.pictures(encoder.network.model, 8)  # type: ignore[attr-defined]
    with pytest.raises(NotApplicable, match="detail_kept tells what it remembers"):
        saccade.evaluate(encoder, images, ["detail_kept"], steps=6)
    evaluation = saccade.evaluate(encoder, images, ["saliency"], steps=6, resamples=100, ceiling=0)
    assert any(note.startswith("the redrawing keeps ") for note in evaluation.notes)
