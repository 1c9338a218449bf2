"""Sums of targets: a part that dominates the others is told by its size, with weights that bring all to one size."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import nets
import numpy as np
import pytest
from commands import Run
from PIL import Image
from skimage import data

import saccade
from saccade.attribution.smoothing import gaussian_blur
from saccade.attribution.sum_sizes import dominated_parts
from saccade.errors import SaccadeWarning
from saccade.results import Attribution
from saccade.targets import Target


@pytest.fixture(scope="module")
def encoder() -> saccade.Encoder:
    return saccade.Encoder(nets.autoencoder(24), layer="encoded")


@pytest.fixture(scope="module")
def images(encoder: saccade.Encoder) -> Any:
    return nets.pictures(encoder.network.model, 3)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def sum_of_unlike(images: Any) -> Target:
    return saccade.targets.code() - 0.001 * saccade.targets.like(images[2:])


def likeness(one: Attribution, other: Attribution) -> float:
    return float(np.corrcoef(one.values.ravel(), other.values.ravel())[0, 1])


def test_sizes_are_the_changes_of_each_part_by_itself(
    encoder: saccade.Encoder, images: Any, sum_of_unlike: Target
) -> None:
    sizes = dominated_parts(saccade.Run(encoder), images[:1], sum_of_unlike, "gradient")
    assert sizes is not None
    blurred = gaussian_blur(images[:1], 6)
    run = saccade.Run(encoder)
    code, before, other = (
        run.codes(array)[0].astype(np.float64).ravel() for array in (images[:1], blurred, images[2:])
    )
    cosines = [float(each @ other / np.sqrt((each @ each) * (other @ other))) for each in (code, before)]
    expected = [abs(code @ code - before @ code), 0.001 * abs(cosines[0] - cosines[1])]
    np.testing.assert_allclose(sizes.changes, expected, rtol=1e-3)


def test_a_dominated_part_is_told_with_weights_that_show_it(
    encoder: saccade.Encoder, images: Any, sum_of_unlike: Target
) -> None:
    with pytest.warns(SaccadeWarning, match=r"shows code alone: it changes about 10,000 times as much") as warned:
        explained = saccade.explain(encoder, images[:1], target=sum_of_unlike)
    assert "without its detail the photo changes code by" in explained.notes[0]
    code = saccade.explain(encoder, images[:1])
    assert likeness(explained, code) > 0.999
    offered = str(warned[0].message).split("differ; ")[1].split(" would")[0]
    weight = float(offered.split(" - ")[1].split("*")[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        balanced = saccade.targets.code() - weight * saccade.targets.like(images[2:])
        shown = saccade.explain(encoder, images[:1], target=balanced)
    assert likeness(shown, code) < 0.99


@pytest.mark.parametrize("method", ["blur_integrated_gradients", "occlusion"])
def test_sums_of_one_kind_and_single_targets_say_nothing(encoder: saccade.Encoder, images: Any, method: str) -> None:
    like = [saccade.targets.like(images[number : number + 1]) for number in (1, 2)]
    for target in (like[0] - 0.0001 * like[1], saccade.targets.code(), saccade.targets.channel(1)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            attribution = saccade.explain(encoder, images[:1], method, target)
        assert not any("without its detail" in note for note in attribution.notes)


def test_the_command_says_it(run: Run, small_model: str, photos: Path) -> None:
    Image.fromarray(data.rocket()[::4, ::4]).save(photos / "b.png")
    status, _, stderr = run("explain", small_model, photos / "cat.jpg", "-t", f"code - 0.001*like:{photos / 'b.png'}")
    assert status == 0
    assert "shows code alone" in stderr
