"""Masks and what is read from them: RELAX, Sobol indices, extremal perturbation, against explicit full-size masks."""

from __future__ import annotations

from typing import Any

import asking
import keras
import nets
import numpy as np
import pytest
import scipy.stats
from numpy.typing import NDArray

from saccade import targets
from saccade.attribution.fillers import FILLERS, filler_images
from saccade.attribution.masks import RandomMasks, cells_of, gaussian, linear
from saccade.attribution.smoothing import gaussian_blur
from saccade.encoder import Encoder
from saccade.errors import InputError, UnknownName
from saccade.methods import find
from saccade.methods.sobol import Designs, jansen, latin_hypercube
from saccade.run import Run
from saccade.targets.paths import MASKED

pytestmark = pytest.mark.engine

L = keras.layers


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(nets.autoencoder(), layer="encoded")


@pytest.fixture(scope="module")
def images() -> Any:
    # Smooth pictures: on white noise every blur is the same grey.
    noise = np.random.default_rng(3).random((2, 24, 24, 1), dtype=np.float32)
    return np.clip(0.5 + 3 * (gaussian_blur(noise, 2.0) - 0.5), 0, 1)


def explicit(masks: RandomMasks) -> NDArray[np.float64]:
    """Every mask at full size, pixel by pixel: the grid's four nearest numbers, linearly mixed."""
    grids, down, across = masks.draws(0, len(masks))
    full = np.empty((len(masks), *masks.size))
    for n in range(len(masks)):
        for y in range(masks.size[0]):
            row = (y + 0.5) * masks.cells[0] / masks.size[0] + (down[n] + 0.5) / masks.shifts
            for x in range(masks.size[1]):
                column = (x + 0.5) * masks.cells[1] / masks.size[1] + (across[n] + 0.5) / masks.shifts
                i, j = int(row), int(column)
                a, b = row - i, column - j
                four = grids[n, i : i + 2, j : j + 2].astype(float)
                full[n, y, x] = np.array([1 - a, a]) @ four @ np.array([1 - b, b])
    return full


def hidden(images: Any, masks: NDArray[np.floating], fill: Any) -> Any:
    """(masks * images, ...): every picture under every mask, by hand."""
    shown = masks[:, None, :, :, None]
    moved = images[None] * shown + fill[None] * (1 - shown)
    return moved.reshape(-1, *images.shape[1:]).astype(np.float32)


def cosines(encoder: Encoder, images: Any, moved: Any) -> NDArray[np.float64]:
    codes = encoder.codes(images).astype(np.float64).reshape(len(images), -1)
    moved_codes = encoder.codes(moved).astype(np.float64).reshape(-1, *codes.shape)
    return (moved_codes * codes).sum(-1) / np.linalg.norm(moved_codes, axis=-1) / np.linalg.norm(codes, axis=-1)


# Masks


@pytest.mark.parametrize("keep", [0.4, 0.5])
def test_masks_depend_on_seed_and_step_alone(keep: float) -> None:
    masks = RandomMasks(5, 1100, (13, 10), (4, 3), keep=keep)
    whole = masks.take(1000, 1100)
    pieces = [masks.take(start, start + 20) for start in range(1000, 1100, 20)]
    for name, values in whole.items():
        np.testing.assert_array_equal(values, np.concatenate([piece[name] for piece in pieces]))
    full = whole["rows"] @ whole["grid"] @ whole["columns"]
    assert full.min() >= 0
    assert full.max() <= 1 + 1e-6
    assert len(np.unique(whole["grid"], axis=0)) > 90
    other = RandomMasks(6, 1100, (13, 10), (4, 3), keep=keep).take(1000, 1100)
    assert (other["grid"] != whole["grid"]).mean() > 0.3


def test_blocks_are_balanced_and_every_mask_alone_is_random() -> None:
    masks = RandomMasks(5, 64, (13, 10), (4, 3))
    assert masks.block == 32
    for start in (0, 32):
        grids, down, across = masks.draws(start, start + 32)
        signs = 2 * grids.reshape(32, -1).astype(int) - 1
        assert (signs.sum(axis=0) == 0).all()
        np.testing.assert_array_equal(signs.T @ signs, 32 * np.eye(30))
        assert len({*down}) == len({*across}) == 1
    # The first mask of many seeds: every number and every pair of numbers as often as by coin, within five sigma.
    firsts = np.array(
        [2 * RandomMasks(seed, 1, (13, 10), (4, 3)).draws(0, 1)[0][0].ravel() - 1.0 for seed in range(2000)]
    )
    assert np.abs(firsts.mean(axis=0)).max() < 5 / 2000**0.5
    assert np.abs(firsts.T @ firsts / 2000 - np.eye(30)).max() < 5 / 2000**0.5
    shifts = [RandomMasks(0, 256, (13, 10), (4, 3)).draws(start, start + 1)[1][0] for start in range(0, 256, 32)]
    assert sorted(shifts) == list(range(8))


def test_masks_made_small_are_the_explicit_ones() -> None:
    masks = RandomMasks(1, 12, (13, 10), (4, 3), keep=0.4)
    points = masks.take(0, 12)
    full = explicit(masks)
    np.testing.assert_allclose(points["rows"] @ points["grid"] @ points["columns"], full, atol=1e-6)
    np.testing.assert_allclose(
        masks.at(np.array([0, 12]), np.array([3, 4, 9])), full[:, [0, 12]][:, :, [3, 4, 9]], atol=1e-6
    )
    weights = np.random.default_rng(0).normal(size=(9, 2))
    np.testing.assert_allclose(masks.weighted(weights, 3), np.einsum("nk,nhw->khw", weights, full[3:]), atol=1e-5)


@pytest.mark.parametrize("keep", [0.3, 0.5])
def test_every_pixel_is_visible_as_often_as_said(keep: float) -> None:
    masks = RandomMasks(2, 4096, (11, 17), (3, 5), keep=keep)
    visibility = masks.weighted(np.ones((4096, 1)))[0] / 4096
    # A mask's deviation is at most sqrt(keep (1 - keep)); in a block every pixel is visible in half of them exactly.
    np.testing.assert_allclose(visibility, keep, atol=1e-9 if keep == 0.5 else 4 * 0.46 / 4096**0.5)


def test_spreads_keep_constants_and_meet_the_middles() -> None:
    for spread in (linear(20, 5), gaussian(20, 5, 0.7)):
        np.testing.assert_allclose(spread.sum(axis=1), 1, atol=1e-6)
        assert spread.argmax(axis=1).tolist() == np.repeat(np.arange(5), 4).tolist()
    np.testing.assert_allclose(linear(9, 3)[4], [0, 1, 0], atol=1e-6)
    assert cells_of((100, 150), 4) == (4, 6)


def test_scores_under_masks_are_those_of_pictures_masked_by_hand(encoder: Encoder, images: Any) -> None:
    masks = RandomMasks(0, 21, (24, 24), (5, 5))
    fill = np.full_like(images, 0.2)
    scores = asking.score(encoder, images, [targets.code()], MASKED, masks, {"filler": fill})[0]
    moved = hidden(images, explicit(masks), fill)
    codes = encoder.codes(images).astype(np.float64)
    moved_codes = encoder.codes(moved).reshape(21, *codes.shape)
    share = ((moved_codes - codes) ** 2).sum(axis=(2, 3, 4)) / (codes**2).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(scores, share, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", [*FILLERS, 0.3])
def test_fillers_know_the_models_range(name: Any) -> None:
    images = np.full((1, 9, 8, 3), 0.25, np.float32)
    wide = Encoder(nets.odd((20, 20)), layer="encoded", value_range=(-1, 3))
    value = {"black": -1.0, "white": 3.0, "grey": 1.0, 0.3: 0.3}.get(name, 0.25)
    filled = filler_images(images, name, value_range=wide.value_range, neighbourhood=(3, 2), blur=2.0)
    np.testing.assert_allclose(filled, value, atol=1e-6)


# RELAX


def test_relax_is_what_explicit_masks_give(encoder: Encoder, images: Any) -> None:
    attribution = find("relax")(encoder, images, targets.code(), masks=60, cells=4, repeats=3, seed=4)
    masks = explicit(RandomMasks(4, 60, (24, 24), (4, 4)))
    scores = cosines(encoder, images, hidden(images, masks, gaussian_blur(images, 6.0)))
    for k in range(2):
        importance, uncertainty = np.zeros((24, 24)), np.zeros((24, 24))
        for mask, score in zip(masks, scores[:, k], strict=True):
            importance += mask * score / masks.sum(axis=0)
        for mask, score in zip(masks, scores[:, k], strict=True):
            uncertainty += mask * (score - importance) ** 2 / masks.sum(axis=0)
        above = []
        for start in (0, 20, 40):
            part = masks[start : start + 20]
            run = np.einsum("n,nhw->hw", scores[start : start + 20, k], part) / part.sum(axis=0)
            above.append(run > run.mean())
        np.testing.assert_allclose(attribution.raw[k, 0], importance, atol=1e-5)
        np.testing.assert_allclose(attribution.raw[k, 1], uncertainty, rtol=1e-3, atol=1e-9)
        # A pixel that lies on the mean up to rounding may fall on either side.
        assert (np.abs(attribution.raw[k, 2] - np.mean(above, axis=0)) < 1e-6).mean() > 0.99
        np.testing.assert_allclose(attribution.values[k], importance - scores[:, k].mean(), atol=1e-5)
    np.testing.assert_allclose(attribution.scores["mean"], scores.mean(axis=0), rtol=1e-5)
    assert attribution.signed
    assert any("surely important" in note for note in attribution.notes)


@pytest.mark.parametrize("keep", [0.5, 0.6])
def test_relax_of_a_linear_score_is_unbiased_and_its_standard_error_is_true(keep: float) -> None:
    # The score is a weighted sum of pixels, so what RELAX tends to is known: the covariance of pixels in a mask.
    size, cells = (14, 12), (4, 3)
    pixels = np.random.default_rng(0).normal(size=size)
    kernels = []
    for axis in (0, 1):
        spread = [np.asarray(each, np.float64) for each in RandomMasks(0, 2, size, cells)._spreads()[axis]]
        kernels.append(spread)
    # Mean over shifts of rows rows^T and of columns columns^T, since shifts down and across are independent.
    down, across = (np.mean([each @ each.T for each in spread], axis=0) for spread in kernels)
    # The score gained while visible: cov(M(x), sum_y w(y) M(y)) / keep; a number's variance is keep (1 - keep).
    expected = (1 - keep) * down @ pixels @ across
    maps, errors = _of_many_seeds(pixels, size, cells, keep)
    spread = np.std(maps, axis=0, ddof=1)
    off = (np.mean(maps, axis=0) - expected) / (spread / len(maps) ** 0.5)
    assert np.abs(off).max() < 5
    assert (off**2).mean() ** 0.5 < 1.6
    # Blocks take shifts in turn, which leaves less error than the stated one, never more.
    assert (0.4 if keep == 0.5 else 0.9) < np.median(spread) / np.median(errors) < 1.1


def test_balanced_blocks_leave_less_error_than_independent_masks() -> None:
    pixels = np.random.default_rng(0).normal(size=(14, 12))
    spreads = [np.std(_of_many_seeds(pixels, (14, 12), (4, 3), keep)[0], axis=0).mean() for keep in (0.5, 0.500001)]
    assert spreads[0] < 0.6 * spreads[1]


def _of_many_seeds(
    pixels: NDArray[np.floating], size: tuple[int, int], cells: tuple[int, int], keep: float
) -> tuple[list[NDArray[np.floating]], list[float]]:
    """Maps and stated errors where the score is a weighted sum of the masks' pixels."""
    from saccade.methods.relax import _map, _Similarity

    maps, errors = [], []
    for seed in range(60):
        masks = RandomMasks(seed, 128, size, cells, keep=keep)
        points = masks.take(0, 128)
        scores = 3 + np.einsum("nhw,hw->n", points["rows"] @ points["grid"] @ points["columns"], pixels)[:, None]
        attribution = _map(_Similarity(targets.code(), ""), scores, masks, "", {"repeats": 1})
        maps.append(attribution.values[0])
        errors.append(float(attribution.scores["standard_error"][0]))
    return maps, errors


def test_several_targets_share_the_passes(encoder: Encoder, images: Any) -> None:
    several = [targets.code(), targets.channel(1), targets.like(images[::-1].copy()), targets.cell(2, 3)]
    for name, settings in (("relax", {"masks": 40}), ("sobol", {"cells": 3, "designs": 4})):
        pieces: list[int] = []
        run = Run(encoder, progress=lambda _, total, pieces=pieces: pieces.append(total))
        together = find(name)(run, images, several, **settings)
        once = len(pieces)
        alone = [find(name)(run, images, each, **settings) for each in several]
        assert len(pieces) > 3 * once
        for one, other in zip(together, alone, strict=True):
            np.testing.assert_allclose(one.raw, other.raw, rtol=1e-4, atol=1e-6 * np.abs(other.raw).max())
            assert one.units == other.units
        assert len({one.units for one in together}) == 4


def test_masks_mean_the_same_in_every_value_range(images: Any) -> None:
    plain = nets.autoencoder()
    inputs = keras.Input((24, 24, 1))
    wide = keras.Model(inputs, plain(L.Rescaling(1 / 255.0)(inputs)))
    encoders = Encoder(plain, layer="encoded"), Encoder(wide, layer=f"{plain.name}/encoded", value_range=(0, 255))
    for name, settings in (
        ("relax", {"masks": 20, "filler": "grey", "repeats": 1}),
        ("extremal_perturbation", {"areas": (0.2,), "iterations": 5, "filler": "white"}),
    ):
        one, other = (
            find(name)(encoder, images * scale, targets.code(), **settings)
            for encoder, scale in zip(encoders, (1, np.float32(255)), strict=True)
        )
        np.testing.assert_allclose(one.values, other.values, rtol=2e-3, atol=2e-3 * np.abs(one.values).max())


# Sobol


def g_function(points: NDArray[np.floating], weights: NDArray[np.floating]) -> NDArray[np.floating]:
    """Sobol's function of product form, whose indices are known in closed form."""
    return np.prod((np.abs(4 * points - 2) + weights) / (1 + weights), axis=-1)


def test_indices_of_known_functions_come_out() -> None:
    designs, cells = 20000, 4
    halves = latin_hypercube(0, designs, 2 * cells).reshape(designs, 2, 2, 2).swapaxes(0, 1)
    points = Designs(halves, linear(8, 2), linear(8, 2))
    grids = points.take(0, len(points))["grid"].reshape(designs, cells + 2, cells).astype(np.float64)

    weights = np.array([1.0, -2.0, 0.5, 0.0])
    additive = jansen((grids @ weights)[..., None])
    exact = weights**2 / (weights**2).sum()
    np.testing.assert_allclose(additive.total[0], exact, atol=0.02)
    np.testing.assert_allclose(additive.first[0], exact, atol=0.02)
    np.testing.assert_allclose(additive.variance, (weights**2).sum() / 12, rtol=0.02)

    a = np.array([0.0, 0.5, 3.0, 9.0])
    product = jansen(g_function(grids, a)[..., None])
    alone = 1 / (3 * (1 + a) ** 2)
    variance = np.prod(1 + alone) - 1
    total = alone * np.prod(1 + alone) / (1 + alone) / variance
    np.testing.assert_allclose(product.total[0], total, atol=4 * product.error[0].max())
    np.testing.assert_allclose(product.first[0], alone / variance, atol=0.03)
    assert (product.total - product.first)[0, 0] > 0.03


def test_indices_equal_scipys() -> None:
    random = np.random.default_rng(0)
    scores = random.normal(size=(64, 2 + 5, 3)) + np.arange(7)[None, :, None] * 0.1
    indices = jansen(scores)
    first, second, mixed = scores[:, 0].T, scores[:, 1].T, scores[:, 2:].transpose(1, 2, 0)
    peer = scipy.stats.sobol_indices(func={"f_A": first, "f_B": second, "f_AB": mixed}, n=64)
    # SciPy takes the variance over 2n scores, not over 2n - 1.
    np.testing.assert_allclose(indices.total, peer.total_order * 127 / 128, rtol=1e-9)


def test_sobol_is_what_explicit_masks_give(encoder: Encoder, images: Any) -> None:
    attribution = find("sobol")(encoder, images, targets.code(), cells=3, designs=6, seed=2)
    halves = latin_hypercube(2, 6, 18).reshape(6, 2, 9).swapaxes(0, 1).astype(np.float64)
    fill = gaussian_blur(images, 8.0)
    codes = encoder.codes(images).astype(np.float64)

    def score(grid: NDArray[np.floating]) -> NDArray[np.float64]:
        mask = linear(24, 3) @ grid.reshape(3, 3) @ linear(24, 3).T
        hidden_codes = encoder.codes(hidden(images, mask[None], fill))
        return ((hidden_codes - codes) ** 2).sum(axis=(1, 2, 3)) / (codes**2).sum(axis=(1, 2, 3))

    first = np.stack([score(each) for each in halves[0]])
    second = np.stack([score(each) for each in halves[1]])
    variance = np.concatenate([first, second]).var(axis=0, ddof=1)
    for k in range(9):
        mixed = halves[0].copy()
        mixed[:, k] = halves[1][:, k]
        scores = np.stack([score(each) for each in mixed])
        total = ((first - scores) ** 2).mean(axis=0) / 2 / variance
        alone = 1 - ((second - scores) ** 2).mean(axis=0) / 2 / variance
        np.testing.assert_allclose(attribution.raw[:, 0, k // 3, k % 3], total, rtol=1e-2, atol=1e-4)
        np.testing.assert_allclose(attribution.raw[:, 1, k // 3, k % 3], alone, rtol=1e-2, atol=1e-4)
    assert attribution.settings["passes"] == 6 * 11


def test_every_slice_is_used_once() -> None:
    points = latin_hypercube(3, 16, 7)
    assert (np.sort((points * 16).astype(int), axis=0) == np.arange(16)[:, None]).all()


def test_where_nothing_varies_indices_are_zero(encoder: Encoder) -> None:
    flat = np.full((1, 24, 24, 1), 0.5, np.float32)
    attribution = find("sobol")(encoder, flat, targets.code(), cells=3, designs=4)
    assert np.abs(attribution.values).max() == 0
    assert np.abs(attribution.raw).max() == 0


# Extremal perturbation


def windowed() -> Encoder:
    """A code that sees rows 8 to 16 and columns 4 to 12 of the picture, and nothing else."""
    inputs = keras.Input((24, 24, 1))
    x = L.Cropping2D(((8, 8), (4, 12)))(inputs)
    x = L.Conv2D(4, 3, padding="same", activation="elu", name="seen")(x)
    model = keras.Model(inputs, L.AveragePooling2D(2, name="encoded")(x))
    random = np.random.default_rng(1)
    model.set_weights([random.normal(size=each.shape) for each in model.get_weights()])
    return Encoder(model, layer="encoded")


@pytest.mark.parametrize("mode", ["keep", "destroy"])
def test_masks_lie_where_the_code_looks_and_match_the_best_square(mode: str) -> None:
    encoder = windowed()
    images = np.random.default_rng(5).random((2, 24, 24, 1), dtype=np.float32)
    areas = (0.05, 64 / 576, 0.3)
    settings = {"mode": mode, "areas": areas, "smooth": 1.5, "filler": "grey", "iterations": 40}
    attribution = find("extremal_perturbation")(encoder, images, targets.code(), **settings)
    np.testing.assert_allclose(attribution.raw.mean(axis=(2, 3)), np.tile(areas, (2, 1)), atol=1e-5)
    window = attribution.raw[:, :, 8:16, 4:12]
    assert (window[:, 0].sum(axis=(1, 2)) > 0.7 * attribution.raw[:, 0].sum(axis=(1, 2))).all()
    done = np.stack(list(attribution.scores.values()), axis=1)
    assert (np.diff(done, axis=1) > 0).all()
    # Brute force: the same Gaussian's blobs of the smallest area at every pixel, all tried.
    spread = np.exp(-0.5 * ((np.arange(24)[:, None] - np.arange(24)) / 2.3) ** 2)
    blobs = np.clip(np.einsum("yh,xw->yxhw", spread, spread).reshape(-1, 24, 24), 0, 1)
    blobs *= np.minimum(areas[0] * 576 / blobs.sum(axis=(1, 2), keepdims=True), 1)
    masks = blobs if mode == "keep" else 1 - blobs
    codes = encoder.codes(images).astype(np.float64)

    def loss(masks: NDArray[np.floating]) -> NDArray[np.float64]:
        moved = hidden(images, masks, np.full_like(images, 0.5))
        moved_codes = encoder.codes(moved).reshape(len(masks), *codes.shape)
        return ((moved_codes - codes) ** 2).sum(axis=(2, 3, 4))

    share = loss(masks) / loss(np.zeros((1, 24, 24)))
    best = (1 - share if mode == "keep" else share).max(axis=0)
    assert (done[:, 0] >= 0.98 * best).all()


def test_the_masks_slope_is_that_of_finite_differences(encoder: Encoder, images: Any) -> None:
    from saccade.methods.extremal_perturbation import _of_area

    random = np.random.default_rng(0)
    field, covers = random.normal(size=(2, 3, 4, 5)), random.random((4, 5))
    covers /= covers.sum()
    areas = (0.1, 0.3, 0.8)
    grids = _of_area(field, covers, areas)
    np.testing.assert_allclose((grids * covers).sum(axis=(2, 3)), np.tile(areas, (2, 1)), atol=1e-12)
    cotangents = random.normal(size=grids.shape)
    soft = grids * (1 - grids)
    price = (cotangents * soft).sum(axis=(2, 3), keepdims=True) / (covers * soft).sum(axis=(2, 3), keepdims=True)
    gradient = soft * (cotangents - covers * price)
    for place in [(0, 0, 0, 0), (1, 1, 2, 3), (1, 2, 3, 4)]:
        step = np.zeros_like(field)
        step[place] = 1e-5
        ends = [(cotangents * _of_area(field + sign * step, covers, areas)).sum() for sign in (1, -1)]
        assert gradient[place] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5)


def test_references_stay_with_their_picture(encoder: Encoder, images: Any) -> None:
    others = images[::-1].copy()
    settings = {"areas": (0.1, 0.3), "iterations": 8}
    together = find("extremal_perturbation")(encoder, images, targets.like(others), **settings)
    for k in range(2):
        one = slice(k, k + 1)
        alone = find("extremal_perturbation")(encoder, images[one], targets.like(others[one]), **settings)
        np.testing.assert_allclose(together.raw[one], alone.raw, atol=5e-3)
    again = find("extremal_perturbation")(encoder, images, targets.like(others), **settings)
    np.testing.assert_allclose(again.raw, together.raw, atol=1e-5)


def test_progress_counts_the_passes_of_the_search(encoder: Encoder, images: Any) -> None:
    progress: list[tuple[int, int]] = []
    run = Run(encoder, progress=lambda done, total: progress.append((done, total)))
    find("extremal_perturbation")(run, images, targets.code(), areas=(0.2,), iterations=4)
    all_passes = progress[0][1]
    assert {total for _, total in progress} == {all_passes}
    assert [done for done, _ in progress[-4:]] == [all_passes - step * len(images) for step in (3, 2, 1, 0)]


# Bad input


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("relax", {"masks": 3, "repeats": 2}, "masks=3 cannot be cut into 2 runs"),
        ("relax", {"repeats": 0}, "repeats=0"),
        ("relax", {"keep": 1.0}, "keep=1: give a probability"),
        ("relax", {"cells": 1}, "cells=1: give 2 to 24"),
        ("relax", {"blur": 0.0}, "blur=0"),
        ("sobol", {"designs": 3}, "designs=3: give 4 or more"),
        ("sobol", {"cells": 25}, "cells=25: give 2 to 24"),
        ("extremal_perturbation", {"areas": (0.1, 1.0)}, "between 0 and 1"),
        ("extremal_perturbation", {"areas": ()}, "between 0 and 1"),
        ("extremal_perturbation", {"iterations": 0}, "iterations=0"),
        ("extremal_perturbation", {"smooth": 0.0}, "smooth=0"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    encoder: Encoder, images: Any, name: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        find(name)(encoder, images, targets.code(), **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["relax", "sobol", "extremal_perturbation"])
def test_the_nearest_name_is_given(encoder: Encoder, images: Any, name: str) -> None:
    with pytest.raises(UnknownName, match="the nearest is 'blur'"):
        find(name)(encoder, images, targets.code(), filler="blurr")
    with pytest.raises(UnknownName, match="the nearest is 'destroy'"):
        find("extremal_perturbation")(encoder, images, targets.code(), mode="destory")
