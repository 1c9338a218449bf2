"""Tests of the test: worsened maps, maps that follow the photo, the best order known; against closed forms."""

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
from saccade.evaluation.ceiling import OrderSearch
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


def search_on_pixels(parts: int = 12) -> tuple[OrderSearch, np.ndarray]:
    """A code that is the image itself, 16x16 pixels of as many values: the brightest are worth most."""
    weights = np.random.default_rng(3).permutation(256).reshape(1, 16, 16, 1).astype(np.float32) + 1
    network = NumpyNetwork(lambda values, _: {"code": values}, (16, 16, 1))
    encoder = saccade.Encoder(network, layer="code", value_range=(0.0, 256.0))
    objective = Objective(COSINE, "code", weights)
    return OrderSearch(Run(encoder), weights, objective, {"black": np.zeros_like(weights)}, parts), weights[0, :, :, 0]


def test_the_worth_of_a_set_is_that_of_the_image_with_it_less_that_without() -> None:
    search, weights = search_on_pixels()
    sets = np.random.default_rng(0).random((21, 256)) < 0.4
    energy = weights.ravel().astype(np.float64) ** 2
    cosines = np.sqrt((sets * energy).sum(axis=1) / energy.sum()), np.sqrt((~sets * energy).sum(axis=1) / energy.sum())
    np.testing.assert_allclose(search.worth(sets), cosines[0] - cosines[1], atol=1e-6)


def test_the_search_from_nothing_shows_the_brightest_first() -> None:
    search, weights = search_on_pixels()
    order = search.from_nothing(np.zeros_like(weights))
    assert sorted(order) == list(range(256))
    brightness = weights.reshape(8, 2, 8, 2).__pow__(2).sum(axis=(1, 3)).repeat(2, axis=0).repeat(2, axis=1)
    position = np.empty(256)
    position[order] = np.arange(256)
    assert spearmanr(-position, brightness.ravel())[0] > 0.95


@pytest.mark.parametrize("parts", [6, 7, 12])
def test_swaps_only_improve_and_an_order_that_is_best_stays(parts: int) -> None:
    search, weights = search_on_pixels(parts)

    def worth(order: np.ndarray) -> float:
        total = 0.0
        for cut in np.cumsum([len(part) for part in np.array_split(order, parts)])[:-1]:
            shown = np.isin(np.arange(256), order[:cut])
            total += float(search.worth(shown[None])[0])
        return total

    shuffled = np.random.default_rng(1).permutation(256)
    better = search.swapped(shuffled)
    assert sorted(better) == list(range(256))
    assert worth(better) > worth(shuffled) + 1e-3
    best = np.argsort(-weights.ravel())
    assert worth(search.swapped(best)) == pytest.approx(worth(best))
    assert worth(best) > worth(better)


def test_maps_that_are_found_have_the_orders_that_are_found() -> None:
    search, weights = search_on_pixels()
    from_nothing, swapped = search.maps(-weights)
    np.testing.assert_array_equal(np.argsort(-from_nothing.ravel()), search.from_nothing(-weights))
    np.testing.assert_array_equal(np.argsort(-swapped.ravel()), search.swapped(search.of_map(-weights)))
    np.testing.assert_array_equal(np.argsort(-search.maps(weights)[1].ravel()), np.argsort(-weights.ravel()))


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
    assert evaluation.ceiling.score >= evaluation.ceiling.method_score
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
    assert any(", the redrawing keeps " in note for note in evaluation.notes)
