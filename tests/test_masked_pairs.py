"""Pairs of places of any encoder by masked images: against plain least squares, and against what is known."""

from __future__ import annotations

import hashlib

import keras
import numpy as np
import pytest
from skimage import data

import saccade
from saccade.attribution.smoothing import gaussian_blur
from saccade.errors import Cancelled, InputError, NotApplicable, UnknownName
from saccade.pairs import masked_terms
from saccade.pairs.cosine_split import split_terms
from saccade.pairs.links import excess
from saccade.pairs.masked_terms import balanced_masks, block_size, fitted

CAT, CUP = data.chelsea()[:, 80:380], data.coffee()[:, 100:500]
L = keras.layers
SIZE = 32


@pytest.fixture(scope="module")
def encoder() -> saccade.Encoder:
    """A vector that is no linear function of any cells."""
    keras.utils.set_random_seed(3)
    image = keras.Input((SIZE, SIZE, 3))
    x = L.Conv2D(8, 3, strides=2, activation="elu")(image)
    x = L.Conv2D(12, 3, strides=2, activation="elu")(x)
    x = L.Dense(10, activation="tanh")(L.GlobalAveragePooling2D()(x))
    return saccade.Encoder(keras.Model(image, L.Dense(6, name="code")(x)), layer="code", value_range=(0, 1))


def test_whole_blocks_are_balanced() -> None:
    masks = balanced_masks([1, 0], 64, 20)
    assert block_size(20) == 32
    for block in (masks[:32], masks[32:]):
        together = block.astype(int).T @ block
        assert (np.diag(together) == 16).all()
        assert (together[~np.eye(20, dtype=bool)] == 8).all()
    assert np.array_equal(masks[32:], ~masks[:32])
    assert np.array_equal(balanced_masks([1, 0], 40, 20), masks[:40])
    assert not np.array_equal(balanced_masks([2, 0], 64, 20), masks)


def test_what_is_affine_is_found_exactly() -> None:
    rng = np.random.default_rng(0)
    masks, weights, offset = balanced_masks([0], 16, 6), rng.normal(size=(6, 5)), rng.normal(size=5)
    fit = fitted(masks, masks @ weights + offset, weights.sum(axis=0) + offset, (2, 3))
    terms = fit.terms.cells.reshape(6, 5)
    assert np.allclose(terms - terms.mean(axis=0), weights - weights.mean(axis=0))
    assert np.allclose(fit.terms.code, weights.sum(axis=0) + offset)
    assert np.allclose(fit.residuals, 0)


def test_pairs_are_those_of_the_joint_least_squares_over_all_pairs_of_copies() -> None:
    rng = np.random.default_rng(0)
    masks = [rng.random((count, places)) < 0.5 for count, places in ((60, 9), (50, 6))]
    codes = [
        np.maximum(visible @ rng.normal(size=(visible.shape[1], 64)) + 0.3, 0) @ rng.normal(size=(64, 16))
        for visible in masks
    ]
    whole = [rng.normal(size=16) for _ in masks]
    a, b = (fitted(*each) for each in zip(masks, codes, whole, ((3, 3), (2, 3)), strict=True))
    table = split_terms(a.terms, b.terms).interactions
    assert table is not None
    ones = [np.c_[np.ones(len(visible)), visible] for visible in masks]
    every = np.einsum("ni,mj->nmij", *ones).reshape(60 * 50, -1)
    joint = np.linalg.lstsq(every, (codes[0] @ codes[1].T).ravel(), rcond=None)[0].reshape(10, 7)[1:, 1:]
    lengths = np.linalg.norm(whole[0]) * np.linalg.norm(whole[1])
    expected = excess(joint.reshape(3, 3, 2, 3)) / lengths
    assert np.allclose(excess(table), expected)
    assert table.sum() == pytest.approx(whole[0] @ whole[1] / lengths)


def test_the_standard_errors_are_those_of_many_repetitions() -> None:
    rng = np.random.default_rng(0)
    first, second, whole = rng.normal(size=(12, 40)), rng.normal(size=(40, 8)), rng.normal(size=8)
    direction = rng.normal(size=8)
    answers, errors = [], []
    for seed in range(200):
        masks = balanced_masks([seed], 32, 12)
        fit = fitted(masks, np.tanh(masks @ first - first.sum(axis=0) / 2) @ second, whole, (3, 4))
        answers.append(fit.terms.cells @ direction)
        errors.append(np.sqrt(fit.variance(direction[None])[:, :, 0]))
    spread = np.std(answers, axis=0)
    assert np.allclose(np.mean(errors, axis=0), spread, rtol=0.35)
    assert np.mean(errors) == pytest.approx(spread.mean(), rel=0.15)


def test_the_error_of_a_match_is_that_of_many_repetitions() -> None:
    """Its places share their masked copies: as if they were independent, the error comes out too small."""
    rng = np.random.default_rng(0)
    nets = [(rng.normal(size=(12, 40)), rng.normal(size=(40, 8))) for _ in range(2)]
    wholes = [rng.normal(size=8) * 20 for _ in range(2)]
    parts = [np.zeros((3, 4), bool) for _ in range(2)]
    parts[0][:2, :3] = parts[1][1:, 1:] = True
    answers, errors, as_if_independent = [], [], []
    for seed in range(200):
        fits = []
        for side, ((first, second), whole) in enumerate(zip(nets, wholes, strict=True)):
            masks = balanced_masks([seed, side], 32, 12)
            fits.append(fitted(masks, np.tanh(masks @ first - first.sum(axis=0) / 2) @ second, whole, (3, 4)))
        sums = [fit.terms.cells[places].sum(axis=0) for fit, places in zip(fits, parts, strict=True)]
        answers.append(sums[0] @ sums[1])
        variances = [
            fit.variance_together(places, other) for fit, places, other in zip(fits, parts, sums[::-1], strict=True)
        ]
        errors.append(np.sqrt(sum(variances)))
        cells = [fit.terms.cells[places] for fit, places in zip(fits, parts, strict=True)]
        links = fits[0].variance(cells[1])[parts[0]].sum() + fits[1].variance(cells[0])[parts[1]].sum()
        as_if_independent.append(np.sqrt(links))
    spread = float(np.std(answers))
    assert np.mean(errors) == pytest.approx(spread, rel=0.15)
    assert np.mean(as_if_independent) < 0.85 * spread


def test_masked_copies_are_those_made_by_hand(encoder: saccade.Encoder) -> None:
    why = saccade.compare(encoder, CAT, CUP, split="masked", masks=64, cells=4, seed=5)
    images = encoder.read([CAT, CUP]).array
    hats = np.maximum(1 - np.abs(np.clip((np.arange(SIZE) + 0.5) / 8 - 0.5, 0, 3)[:, None] - np.arange(4)), 0)
    slopes = []
    for image in images:
        hidden = gaussian_blur(image[None], 8.0)[0]
        own = int.from_bytes(hashlib.sha256(image[None].tobytes()).digest()[:4])
        visible = balanced_masks([5, own], 64, 16)
        copies = [hidden + (hats @ row.reshape(4, 4) @ hats.T)[:, :, None] * (image - hidden) for row in visible]
        codes = encoder.codes(np.array(copies, np.float32)).reshape(64, -1).astype(float)
        design = np.c_[np.ones(64), visible]
        slopes.append(np.linalg.lstsq(design, codes, rcond=None)[0][1:])
    whole = encoder.codes(images).reshape(2, -1).astype(float)
    terms = [own - own.mean(axis=0) + code / 16 for own, code in zip(slopes, whole, strict=True)]
    table = terms[0] @ terms[1].T / np.prod(np.linalg.norm(whole, axis=1))
    assert np.allclose(why.interactions.reshape(16, 16), table, atol=1e-4 * np.abs(table).max())  # type: ignore[union-attr]


def test_estimated_shares_sum_to_the_score_and_know_their_errors(encoder: saccade.Encoder) -> None:
    steps: list[tuple[int, int]] = []
    why = saccade.compare(
        encoder, CAT, CUP, masks=64, cells=4, progress=lambda done, whole: steps.append((done, whole))
    )
    a, b = (code.ravel().astype(float) for code in encoder.codes(encoder.read([CAT, CUP])))
    assert why.score == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), abs=1e-6)
    for shares in (why.shares_a, why.shares_b):
        assert shares.sum() == pytest.approx(why.score, abs=1e-9)
    assert (why.split, why.special, why.matching) == ("estimated", 0, "anywhere")
    assert why.error is not None
    assert all((error > 0).all() for error in why.error)
    assert why.rest == pytest.approx(why.score - sum(match.share for match in why.matches))
    assert all(link.error is not None for match in why.matches for link in match.links)
    assert all(match.error is not None and match.error > 0 for match in why.matches)
    assert "64 masked copies of each photo" in why.notes[0]
    assert steps[-1] == (128, 128)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    same = saccade.compare(encoder, CAT, CUP, masks=64, cells=4)
    assert np.array_equal(same.interactions, why.interactions)  # type: ignore[arg-type]
    other = saccade.compare(encoder, CAT, CUP, masks=64, cells=4, seed=1)
    assert not np.array_equal(other.interactions, why.interactions)  # type: ignore[arg-type]


def test_a_code_with_places_can_be_masked_too() -> None:
    keras.utils.set_random_seed(3)
    image = keras.Input((SIZE, SIZE, 3))
    cells = L.Conv2D(8, 8, strides=8, activation="elu", name="encoded")(image)
    encoder = saccade.Encoder(keras.Model(image, cells), value_range=(0, 1))
    why = saccade.compare(encoder, CAT, CUP, split="masked", masks=64, cells=4)
    assert why.score == pytest.approx(saccade.compare(encoder, CAT, CUP).score, abs=1e-6)
    # Its cells stand for themselves, so only places that share pixels under soft masks have anything in common.
    rows, columns = np.divmod(np.arange(16), 4)
    apart = np.maximum(np.abs(rows[:, None] - rows), np.abs(columns[:, None] - columns))
    own = excess(why.interactions).reshape(16, 16)  # type: ignore[arg-type]
    assert own[apart > 2].std() < 0.25 * own[apart == 0].std()
    with pytest.raises(NotApplicable, match="matching='anywhere'"):
        saccade.compare(encoder, CAT, CUP, split="masked", matching="place")


def test_what_cannot_be_masked_says_so(encoder: saccade.Encoder) -> None:
    with pytest.raises(InputError, match="masks=20 are too few for 4x4 places; give 32 or more"):
        saccade.compare(encoder, CAT, CUP, masks=20, cells=4)
    with pytest.raises(InputError, match="cells=50"):
        saccade.compare(encoder, CAT, CUP, cells=50)
    with pytest.raises(UnknownName, match="the nearest is 'masked'"):
        saccade.compare(encoder, CAT, CUP, split="masks")
    calls: list[None] = []

    def stop() -> bool:
        calls.append(None)
        return len(calls) > 4

    with pytest.raises(Cancelled):
        saccade.compare(encoder, CAT, CUP, masks=64, cells=4, seed=77, stop=stop)


def test_copies_that_are_asked_for_again_are_not_encoded_again(
    encoder: saccade.Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = saccade.compare(encoder, CAT, CUP, masks=64, cells=4, seed=9)
    fits: list[int] = []
    monkeypatch.setattr(masked_terms, "fitted", lambda *arguments: fits.append(1) or fitted(*arguments))
    again = saccade.compare(encoder, CAT, CUP, masks=64, cells=4, seed=9)
    assert np.array_equal(first.interactions, again.interactions)  # type: ignore[arg-type]
    assert fits == []
    turned = saccade.compare(encoder, CUP, CAT, masks=64, cells=4, seed=9)
    assert fits == []  # a photo has the same copies on either side, as in all pairs of a report
    assert np.allclose(turned.interactions, np.moveaxis(again.interactions, (0, 1), (2, 3)))  # type: ignore[arg-type]
    saccade.compare(encoder, CAT, CAT, masks=64, cells=4, seed=9)
    assert fits == [1]  # beside itself it has other masks
    saccade.compare(encoder, CAT, CUP, masks=32, cells=4, seed=9)
    assert fits == [1, 1, 1]


def test_photos_of_different_sizes_have_places_of_their_own() -> None:
    keras.utils.set_random_seed(3)
    image = keras.Input((None, None, 3))
    x = L.GlobalAveragePooling2D()(L.Conv2D(8, 3, strides=2, activation="elu")(image))
    model = keras.Model(image, L.Dense(6, activation="tanh", name="code")(x))
    encoder = saccade.Encoder(model, layer="code", value_range=(0, 1))
    tall, wide = np.ascontiguousarray(CAT[:48, :32]), np.ascontiguousarray(CUP[:24, :48])
    why = saccade.compare(encoder, tall, wide, masks=64, cells=4)
    assert (why.split, why.shares_a.shape, why.shares_b.shape) == ("estimated", (6, 4), (4, 8))
    assert why.shares_b.sum() == pytest.approx(why.score, abs=1e-9)


def test_a_code_of_zero_length_has_no_direction() -> None:
    image = keras.Input((SIZE, SIZE, 3))
    x = L.GlobalAveragePooling2D()(L.Conv2D(4, 3, activation="elu")(image))
    dead = L.Dense(3, activation="relu", name="code", bias_initializer=keras.initializers.Constant(-99))(x)
    encoder = saccade.Encoder(keras.Model(image, dead), layer="code", value_range=(0, 1))
    with pytest.raises(InputError, match="the first code is zero"):
        saccade.compare(encoder, CAT, CUP, masks=64, cells=4)


def test_the_same_photo_twice(encoder: saccade.Encoder) -> None:
    why = saccade.compare(encoder, CAT, CAT, masks=64, cells=4)
    assert why.score == pytest.approx(1, abs=1e-6)
    assert why.shares_a.sum() == pytest.approx(1, abs=1e-6)
