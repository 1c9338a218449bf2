"""Why an image is closer to these than to those: a difference that adds up."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nets
import numpy as np
import pytest
from skimage import data

import saccade
from saccade.errors import FileError, InputError, UnknownName
from saccade.pairs import contrast
from saccade.results import Contrast

CAT, CUP, ROCKET, FACE = data.chelsea(), data.coffee(), data.rocket(), data.astronaut()


@pytest.fixture(scope="module")
def encoder() -> saccade.Encoder:
    return saccade.Encoder(nets.autoencoder(24, 3), layer="encoded")


@pytest.mark.parametrize("matching", ["place", "anywhere"])
def test_shares_are_the_differences_and_sum_to_the_difference(encoder: saccade.Encoder, matching: str) -> None:
    why = contrast(encoder, CAT, [CUP, FACE], ROCKET, matching=matching)
    single = [saccade.compare(encoder, CAT, other, matching=matching) for other in (CUP, FACE, ROCKET)]
    assert np.allclose(why.shares, (single[0].shares_a + single[1].shares_a) / 2 - single[2].shares_a, atol=1e-7)
    assert why.difference == pytest.approx((single[0].score + single[1].score) / 2 - single[2].score, abs=1e-6)
    assert why.shares.sum() + why.special == pytest.approx(why.difference, abs=1e-6)
    assert why.error is None
    back = contrast(encoder, CAT, ROCKET, [CUP, FACE], matching=matching)
    assert np.allclose(back.shares, -why.shares, atol=1e-7)


def test_a_reference_is_read_once(encoder: saccade.Encoder) -> None:
    reference = [CAT[::2], CUP[::2], ROCKET[::2], FACE[::2]]
    steps: list[tuple[int, int]] = []
    why = contrast(encoder, CAT, CUP, [ROCKET, FACE], reference=reference, progress=lambda *done: steps.append(done))
    single = [saccade.compare(encoder, CAT, other, reference=reference) for other in (CUP, ROCKET, FACE)]
    assert why.centred
    assert why.scores_nearer + why.scores_further == pytest.approx([each.score for each in single], abs=1e-5)
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_a_difference_is_measured_by_what_pairs_of_the_reference_score(encoder: saccade.Encoder) -> None:
    reference = [CAT[::2], CUP[::2], ROCKET[::2], FACE[::2]]
    why = contrast(encoder, CAT, CUP, ROCKET, reference=reference)
    pair = saccade.compare(encoder, CAT, CUP, reference=reference)
    assert (why.median_score, why.high_score) == pytest.approx((pair.median_score, pair.high_score), abs=1e-6)
    step = why.high_score - why.median_score
    for part, little in ((0.2, True), (0.3, False)):
        close = replace(why, scores_nearer=(0.1 + part * step,), scores_further=(0.1,))
        assert close.says_little == little
        assert close.headline.startswith("About as much like" if little else "More like")
        assert ("says little: a typical pair scores" in close.size_in_words) == little


def test_without_a_reference_a_difference_points_to_one(encoder: saccade.Encoder) -> None:
    why = contrast(encoder, CAT, CUP, ROCKET)
    assert why.median_score is None
    close = replace(why, scores_nearer=(0.9412,), scores_further=(0.9389,))
    assert close.headline.startswith("About as much like")
    assert close.headline.endswith(": 0.0023 more")
    for each in (close, replace(why, scores_nearer=(0.9,), scores_further=(0.5,))):
        assert "--reference FOLDER" in each.size_in_words
        assert "next to nothing" in each.size_in_words if each is close else "next to nothing" not in each.size_in_words


def test_errors_that_both_sides_share_cancel(encoder: saccade.Encoder) -> None:
    """The same photo on both sides: the difference is nothing, and that is certain."""
    why = contrast(encoder, CAT, CUP, [CUP, CUP], split="masked", masks=64, cells=4)
    assert why.error is not None
    assert np.abs(why.shares).max() < 1e-12
    assert why.error.max() < 1e-9
    one = saccade.compare(encoder, CAT, CUP, split="masked", masks=64, cells=4)
    assert one.error is not None
    assert one.error[0].min() > 1e-6


def test_the_errors_of_a_contrast_are_those_of_many_repetitions(encoder: saccade.Encoder) -> None:
    centre = np.random.default_rng(0).normal(size=encoder.codes(encoder.read([CAT])).shape[1:]) * 0.1
    answers = [
        contrast(encoder, CAT, CUP, [ROCKET, FACE], split="masked", masks=64, cells=4, seed=seed, centre=centre)
        for seed in range(24)
    ]
    spread = np.std([why.shares for why in answers], axis=0)
    errors = np.mean([why.error for why in answers], axis=0)
    assert errors.mean() == pytest.approx(spread.mean(), rel=0.35)


def test_estimated_contrasts_know_their_error(encoder: saccade.Encoder) -> None:
    why = contrast(encoder, CAT, CUP, ROCKET, split="masked", cells=3, masks=32)
    assert why.shares.shape == (3, 3)
    assert why.error is not None
    assert (why.error > 0).all()
    assert why.shares.sum() == pytest.approx(why.difference, abs=1e-9)


def test_it_is_drawn_saved_and_opened(encoder: saccade.Encoder, tmp_path: Path) -> None:
    why = contrast(encoder, CAT, CUP, [ROCKET, FACE])
    for theme in ("light", "dark"):
        assert why.figure(theme=theme, width=800).width == 800
    opened = Contrast.load(why.save(tmp_path / "why.npz"))
    assert opened.to_dict() == why.to_dict()
    assert json.loads(why.save(tmp_path / "why.json").read_text())["difference"] == pytest.approx(why.difference)
    assert "alike to" in why.sentence
    assert replace(why, centred=True).sentence.startswith("Beyond what all photos share, ")
    assert not replace(why, centred=False).sentence.startswith("Beyond")
    assert repr(why).startswith("Contrast(")
    with np.load(tmp_path / "why.npz") as file:
        arrays = dict(file)
    del arrays["further_1"]
    np.savez(tmp_path / "why.npz", **arrays)
    with pytest.raises(FileError, match="damaged"):
        Contrast.load(tmp_path / "why.npz")


def test_what_cannot_be_contrasted_says_so(encoder: saccade.Encoder) -> None:
    with pytest.raises(InputError, match="nothing to compare with"):
        contrast(encoder, CAT, CUP, [])
    with pytest.raises(UnknownName, match="the nearest is 'masks'"):
        contrast(encoder, CAT, CUP, ROCKET, mask=3)


def test_the_sentence_explains_the_side_that_it_is_more_like(encoder: saccade.Encoder) -> None:
    why, back = contrast(encoder, CAT, CUP, ROCKET), contrast(encoder, CAT, ROCKET, CUP)
    nearer, further = (why, back) if why.difference > 0 else (back, why)
    assert nearer.sentence.split("speaks for ")[1] == further.sentence.split("speaks for ")[1]
    assert "the whole photo" not in nearer.sentence


def test_what_no_place_adds_to_a_difference_is_said(encoder: saccade.Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    from saccade.results import contrast as module

    captions: list[str] = []
    monkeypatch.setattr(module, "figure", lambda *_, caption, **__: captions.append(caption[-1]) or object())
    why = replace(contrast(encoder, CAT, CUP, ROCKET), scores_nearer=(0.8,), scores_further=(0.5,))
    why.figure()
    replace(why, special=0.2).figure()
    assert captions[0].endswith("All places together make the difference.")
    assert captions[1].endswith("All places together make 0.10 of it; 0.20 comes from no place of the photo.")
