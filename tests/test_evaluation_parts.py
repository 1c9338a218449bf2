"""The parts of an evaluation against closed forms and naive loops: ranks, areas, correlations, intervals, grades."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr

from saccade.errors import InputError
from saccade.evaluation.agreement import agreement, on_grid, rank_correlation
from saccade.evaluation.areas import area
from saccade.evaluation.controls import CONTROLS, local_contrast, sobel
from saccade.evaluation.imputation import linear_imputation, mean_colour, noisy_linear
from saccade.evaluation.intervals import intervals, student_t
from saccade.evaluation.localisation import localisation
from saccade.evaluation.rankings import ranks
from saccade.evaluation.removal import scores
from saccade.evaluation.settings import Settings
from saccade.evaluation.stability import with_noise
from saccade.evaluation.verdict import PhotoScores, graded

# Fillers


def _dense(picture: Any, removed: Any) -> Any:
    """The linear system written out, one equation a removed pixel, and solved by elimination."""
    height, width, _ = picture.shape
    unknown = {place: index for index, place in enumerate(zip(*np.nonzero(removed), strict=True))}
    matrix, right = np.zeros((len(unknown),) * 2), np.zeros((len(unknown), picture.shape[2]))
    for (row, column), index in unknown.items():
        for down in (-1, 0, 1):
            for across in (-1, 0, 1):
                other = (row + down, column + across)
                if (down, across) == (0, 0) or not (0 <= other[0] < height and 0 <= other[1] < width):
                    continue
                weight = 1 / 6 if 0 in (down, across) else 1 / 12
                matrix[index, index] += weight
                if other in unknown:
                    matrix[index, unknown[other]] -= weight
                else:
                    right[index] += weight * picture[other]
    filled = picture.copy()
    filled[removed] = np.linalg.solve(matrix, right)
    return filled


@pytest.mark.parametrize("size", [(12, 12), (13, 9), (7, 16), (2, 5)])
def test_linear_imputation_solves_the_system(size: tuple[int, int], random: np.random.Generator) -> None:
    picture = random.random((*size, 3))
    holes = [random.random(size) < share for share in (0.1, 0.5, 0.9)]
    block = np.zeros(size, bool)
    block[: size[0] // 2 + 1, : size[1] - 1] = True
    alone = np.ones(size, bool)
    alone[-1, -1] = False
    holes = [hole for hole in (*holes, block, ~block, alone, np.zeros(size, bool)) if not hole.all()]
    removed = np.stack(holes)
    filled = linear_imputation(np.repeat(picture[None], len(removed), axis=0), removed, tolerance=1e-12)
    for image, hole in zip(filled, removed, strict=True):
        np.testing.assert_allclose(image, _dense(picture, hole), atol=1e-9)


def test_the_tolerance_in_use_is_below_the_noise(random: np.random.Generator) -> None:
    picture = np.cumsum(np.cumsum(random.normal(size=(48, 48, 3)), axis=0), axis=1)
    picture = ((picture - picture.min()) / np.ptp(picture)).astype(np.float32)
    removed = np.stack([random.random((48, 48)) < 0.8, np.indices((48, 48))[0] > 8])
    pictures = np.repeat(picture[None], 2, axis=0)
    exact = linear_imputation(pictures.astype(np.float64), removed, tolerance=1e-10)
    used = linear_imputation(pictures, removed, tolerance=0.01)
    assert used.dtype == np.float32
    assert np.sqrt(((used - exact) ** 2).mean()) < 0.005
    noisy = noisy_linear(picture, removed, (0.0, 1.0), [3])
    np.testing.assert_array_equal(noisy[~removed], pictures[~removed])
    assert 0.008 < (noisy - used)[removed].std() < 0.012


def test_a_constant_is_imputed_by_itself_and_nothing_cannot_be() -> None:
    removed = np.ones((1, 9, 9), bool)
    removed[0, 4, 4] = False
    flat = np.full((1, 9, 9, 2), 0.3)
    np.testing.assert_allclose(linear_imputation(flat, removed, tolerance=1e-9), flat, atol=1e-9)
    with pytest.raises(ValueError, match="nothing to be filled from"):
        linear_imputation(flat, np.ones((1, 9, 9), bool), tolerance=1e-3)


def test_the_mean_colour_is_that_of_the_collection() -> None:
    pictures = np.zeros((2, 4, 4, 3), np.float32)
    pictures[1, :, :, 0] = 1.0
    assert mean_colour(pictures).shape == pictures.shape
    np.testing.assert_allclose(mean_colour(pictures)[0, 2, 1], [0.5, 0, 0])


# Orders


def test_ranks_follow_the_map_and_share_out_equal_parts(random: np.random.Generator) -> None:
    maps = random.normal(size=(3, 10, 12)).astype(np.float32)
    ranked = ranks(maps, 6, range(3), 0)
    for map_, rank in zip(maps, ranked, strict=True):
        by_value = rank.ravel()[np.argsort(-map_.ravel())]
        assert (np.diff(by_value) >= 0).all()
        assert np.unique(by_value, return_counts=True)[1].tolist() == [20] * 6
    cuts = np.arange(7) / 6
    assert np.abs(ranked[..., None] - cuts).min() > 0.05


def test_ties_are_broken_at_random_and_never_by_position() -> None:
    flat = np.zeros((40, 8, 8), np.float32)
    ranked = ranks(flat, 8, range(40), 1)
    # In reading order the upper half would come first in every picture.
    assert abs(ranked[:, :4].mean() - ranked[:, 4:].mean()) < 0.05
    assert np.abs(ranked.mean(axis=0) - 0.5).max() < 0.25


def test_lots_belong_to_the_picture_and_not_to_the_batch() -> None:
    flat = np.zeros((6, 8, 8), np.float32)
    whole = ranks(flat, 8, range(6), 5)
    np.testing.assert_array_equal(ranks(flat[2:5], 8, range(2, 5), 5), whole[2:5])
    images = np.zeros((6, 8, 8, 3), np.float32)
    for control in CONTROLS:
        drawn = control.draw(images, range(6), 1.0, 5)
        np.testing.assert_array_equal(control.draw(images[2:5], range(2, 5), 1.0, 5), drawn[2:5])
    noisy = with_noise(images, range(6), 0.1, 1, 5)
    np.testing.assert_array_equal(with_noise(images[2:5], range(2, 5), 0.1, 1, 5), noisy[2:5])
    assert 0.08 < noisy.std() < 0.12


def test_blocks_go_together() -> None:
    values = np.zeros((1, 7, 7), np.float32)
    values[0, 3:6, 0:3] = 1.0
    ranked = ranks(values, 9, range(1), 0, block=3)[0]
    assert (ranked[3:6, 0:3] == ranked.min()).all()
    assert ranked.shape == (7, 7)
    assert all(len(np.unique(ranked[r : r + 3, c : c + 3])) == 1 for r in (0, 3, 6) for c in (0, 3, 6))


def test_controls_are_what_they_are_called(random: np.random.Generator) -> None:
    images = random.random((2, 9, 11, 3), dtype=np.float32)
    drawn = {each.name: each.draw(images, range(2), 0.0, 0) for each in CONTROLS}
    assert all(each.shape == (2, 9, 11) for each in drawn.values())
    np.testing.assert_allclose(drawn["intensity"], images.mean(axis=-1), rtol=1e-6)
    assert np.unravel_index(drawn["centre"][0].argmax(), (9, 11)) == (4, 5)
    kernel = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
    for row, column in ((1, 1), (4, 7), (7, 9)):
        window = images[1, row - 1 : row + 2, column - 1 : column + 2].astype(np.float64)
        gradients = [np.einsum("ij,ijc->c", each, window) for each in (kernel, kernel.T)]
        np.testing.assert_allclose(
            sobel(images)[1, row, column], np.sqrt(sum((s**2).sum() for s in gradients)), rtol=1e-5
        )


def test_local_contrast_is_the_variance_in_a_gaussian_window(random: np.random.Generator) -> None:
    images = (1000 + random.random((2, 24, 20, 3))).astype(np.float32)
    exact = images.astype(np.float64)

    def windowed(values: Any) -> Any:
        return gaussian_filter(values, 2.0, axes=(1, 2), mode="reflect", truncate=4.0)

    expected = (windowed(exact**2) - windowed(exact) ** 2).sum(axis=-1)
    np.testing.assert_allclose(local_contrast(images, 2.0), expected, rtol=2e-3)
    assert (local_contrast(np.full((1, 8, 8, 3), 7.0, np.float32), 2.0) <= 1e-10).all()


# Numbers


def test_areas_have_closed_forms() -> None:
    shares = np.linspace(0, 1, 1001)
    np.testing.assert_allclose(area(shares, shares), 0.5)
    np.testing.assert_allclose(area(shares**2, shares), 1 / 3, atol=1e-6)
    np.testing.assert_allclose(area(np.full((2, 5), 0.7), np.array([0.1, 0.2, 0.4, 0.5, 0.9])), 0.7)


def test_a_score_is_insertion_less_deletion_and_ends_do_not_count() -> None:
    steps = 8
    inside = np.arange(1, steps) / steps
    linear = np.unique(np.round(np.linspace(2, steps - 2, 5)))
    curves = {
        "mean": np.stack([1 - inside, inside])[None],
        "blur": np.stack([1 - inside, inside])[None],
        "linear": np.broadcast_to([[[0.2], [0.9]]], (1, 2, len(linear))),
    }
    differences = scores(curves, steps)
    np.testing.assert_allclose(differences[2], 0.7)
    # Falling from 1 and rising from any end gives the same difference of areas.
    for end in (0.0, 0.4):
        whole = [np.concatenate([[1.0], 1 - inside, [end]]), np.concatenate([[end], inside, [1.0]])]
        places = np.linspace(0, 1, steps + 1)
        np.testing.assert_allclose(differences[0], area(whole[1], places) - area(whole[0], places), atol=1e-12)


def test_rank_correlation_is_spearmans(random: np.random.Generator) -> None:
    a = np.round(random.normal(size=(5, 60)), 1)  # with ties
    b = np.round(a + random.normal(size=(5, 60)), 1)
    expected = [spearmanr(x, y).statistic for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(rank_correlation(a, b), expected, rtol=1e-9)
    np.testing.assert_allclose(rank_correlation(a, a**3), 1.0)
    np.testing.assert_allclose(rank_correlation(a, -a), -1.0)
    assert rank_correlation(a, np.zeros_like(a)).tolist() == [0.0] * 5


def test_agreement_is_the_mean_over_pictures(random: np.random.Generator) -> None:
    maps = random.normal(size=(3, 4, 50))
    likeness = agreement(maps)
    np.testing.assert_allclose(likeness, likeness.T)
    np.testing.assert_allclose(likeness[0, 2], np.mean([spearmanr(*maps[[0, 2], k]).statistic for k in range(4)]))
    np.testing.assert_array_equal(np.diag(likeness), 1.0)


def test_maps_are_compared_on_means_of_cells(random: np.random.Generator) -> None:
    maps = random.random((2, 12, 9), dtype=np.float32)
    np.testing.assert_allclose(on_grid(maps, 3).reshape(2, 3, 3)[1, 2, 0], maps[1, 8:12, 0:3].mean(), rtol=1e-6)
    np.testing.assert_array_equal(on_grid(maps, 64), maps.reshape(2, -1))
    assert on_grid(maps, 5).shape == (2, 25)


def test_students_quantiles() -> None:
    for freedom, expected in ((7, 2.3646), (9, 2.2622), (23, 2.0687), (1000, 1.9623)):
        assert student_t(0.975, freedom) == pytest.approx(expected, rel=3e-3)


@pytest.mark.parametrize("kind", ["normal", "skewed"])
def test_intervals_cover_as_often_as_they_say(kind: str) -> None:
    random = np.random.default_rng(7)
    trials, count = 600, 12
    drawn = random.normal(size=(trials, count)) if kind == "normal" else random.gamma(4.0, size=(trials, count)) - 4.0
    estimates = [intervals(each[None], seed, resamples=400)[0] for seed, each in enumerate(drawn)]
    share = np.mean([each.low <= 0 <= each.high for each in estimates])
    assert 0.91 < share < 0.985
    assert all(each.low <= each.mean <= each.high for each in estimates)


def test_intervals_shrink_with_more_pictures_and_keep_their_seed() -> None:
    values = np.random.default_rng(0).normal(size=(1, 400))
    few, many = intervals(values[:, :25], 0)[0], intervals(values, 0)[0]
    assert 2.5 < (few.high - few.low) / (many.high - many.low) < 6
    assert intervals(values, 3) == intervals(values, 3)


def test_localisation_has_closed_forms() -> None:
    mask = np.zeros((8, 8), bool)
    mask[2:6, 2:6] = True
    even, inside, outside = np.ones((8, 8)), mask.astype(float), 1.0 - mask
    half = np.where(mask & (np.arange(8) < 4)[:, None], 2.0, 0.0)
    half[0, :8] = half[7, :8] = 1.0
    measures = localisation(np.stack([even, inside, outside, half, -even]), np.repeat(mask[None], 5, axis=0))
    np.testing.assert_allclose(measures[0], [0.25, 1, 0, 1, 0.25])
    np.testing.assert_allclose(measures[1], [0.25, 1, 0, 0.5, 0])
    # Of `half`, eight places on the mask come first, then eight of the sixteen outside, all equal.
    np.testing.assert_allclose(measures[2], [0.25, 1, 0, 0.5, 0.25])


# The verdict


def _measured(name: str, score: float, *, control: bool = False, **tests: float) -> PhotoScores:
    random = np.random.default_rng(sum(map(ord, name)))
    scored = score + 0.05 * random.normal(size=(3, 24))

    def some(test: str, default: float) -> Any:
        return None if control else tests.get(test, default) + 0.01 * random.normal(size=8)

    randomised = some("randomised", 0.1)
    return PhotoScores(
        name, name, scored, None if randomised is None else randomised[None], some("owed_to_weights", 0.2),
        some("direction", 0.0), some("stability", 0.95), None, None, 0.1, control,
    )  # fmt: skip


def _verdict(*methods: PhotoScores) -> tuple[dict[str, str], str]:
    controls = [_measured("random", 0.0, control=True), _measured("edges", 0.2, control=True)]
    ranked, sentences = graded([*controls, *methods], ("a", "b", "c"), (), Settings())
    assert [each.score[0] for each in ranked] == sorted((each.score[0] for each in ranked), reverse=True)
    return {each.method: each.grade for each in ranked}, " ".join(sentences)


def test_the_best_that_passes_everything_is_preferred() -> None:
    grades, verdict = _verdict(
        _measured("good", 0.4), _measured("lesser", 0.3), _measured("poor", 0.1), _measured("level", 0.205)
    )
    assert grades == {
        "good": "prefer", "lesser": "sound", "poor": "fails", "level": "undecided", "random": "control",
        "edges": "control",
    }  # fmt: skip
    assert verdict.startswith("On this model prefer good.")
    assert "Sound: lesser." in verdict
    assert "Do not trust: poor (edges, a control, does better)" in verdict


def test_of_the_best_the_one_that_changes_most_with_the_weights_is_preferred() -> None:
    methods = [_measured("one", 0.40, randomised=0.3), _measured("other", 0.401, randomised=0.6)]
    for order in (methods, methods[::-1]):
        grades, verdict = _verdict(*order, _measured("worse", 0.3, randomised=0.0))
        assert grades == {"one": "prefer", "other": "sound", "worse": "sound", "random": "control", "edges": "control"}
        assert "prefer one: no better than other by score, but it changes most with the weights." in verdict


def test_few_photos_are_said_to_be_few() -> None:
    def verdict(photos: int) -> str:
        controls = [_measured("random", 0.0, control=True)]
        measured = [replace(entry, scores=entry.scores[:, :photos]) for entry in (*controls, _measured("good", 0.4))]
        return " ".join(graded(measured, ("a", "b", "c"), (), Settings())[1])

    assert "8 photos are few: a score is known to about 0.0" in verdict(8)
    assert "few" not in verdict(24)


@pytest.mark.parametrize(
    ("tests", "reason"),
    [
        ({"stability": 0.2, "direction": 0.97}, "(a little noise changes the map and another question"),
        ({"stability": 0.2}, "a little noise changes the map"),
    ],
)
def test_a_method_that_fails_a_test_fails_however_high_its_score(tests: dict[str, float], reason: str) -> None:
    grades, verdict = _verdict(_measured("high", 0.6, **tests), _measured("low", 0.3))
    assert grades["high"] == "fails"
    assert grades["low"] == "prefer"
    assert reason in verdict


def test_a_true_map_that_any_network_would_give_is_said_to_be_one() -> None:
    grades, verdict = _verdict(_measured("any", 0.6, randomised=0.9, owed_to_weights=0.0), _measured("own", 0.3))
    assert grades["any"] == "unspecific"
    assert grades["own"] == "prefer"
    assert "True, but any network of this shape would say so: any (randomised weights give the same map)." in verdict
    assert _verdict(_measured("any", 0.6, direction=0.95))[0]["any"] == "unspecific"
    assert _verdict(_measured("any", 0.205, randomised=0.9))[0]["any"] == "undecided", "it does not beat the edges"
    grades, verdict = _verdict(_measured("any", 0.1, randomised=0.9, owed_to_weights=0.0))
    assert grades["any"] == "fails"
    assert "On this model no method beats every control" in verdict
    assert "any (edges, a control, does better and randomised weights give the same map)" in verdict


def test_a_map_that_stays_is_never_preferred_whatever_it_owes_to_the_weights() -> None:
    grades, _ = _verdict(_measured("stays", 0.4, randomised=0.9, owed_to_weights=0.1))
    assert grades["stays"] == "unspecific"


@pytest.mark.parametrize(
    ("name", "value"),
    [("steps", 5), ("block", 0), ("checked", 0), ("noise", 0.0), ("noise", 2.0), ("confidence", 1.0), ("seed", -1)],
)
def test_settings_that_cannot_be_used_are_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match=name):
        Settings(**{name: value}).checked_values()  # type: ignore[arg-type]
