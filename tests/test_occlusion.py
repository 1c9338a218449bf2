"""Occlusion of several targets at once: the same answers from one set of passes, within a few cells of memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import asking
import keras
import nets
import numpy as np
import pytest

from saccade import targets
from saccade.encoder import Encoder
from saccade.errors import SaccadeWarning
from saccade.methods import find
from saccade.models.dataflow import POINTWISE, Dataflow, Operation
from saccade.targets import Target
from saccade.targets.paths import COVERED, Path

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(nets.autoencoder(32), layer="encoded")


@pytest.fixture(scope="module")
def images(encoder: Encoder) -> Any:
    return nets.pictures(encoder.network.model, 2)  # type: ignore[attr-defined]


def several(images: Any) -> list[Target]:
    return [
        targets.code(),
        targets.reconstruction_error(),
        targets.channel(1),
        targets.cell(3, 4),
        targets.like(images[::-1].copy()),
    ]


class Counted:
    """How many images a path has moved, counted where every engine computes: in its points."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._asked = asking.recorded(monkeypatch, "score")

    @property
    def questions(self) -> list[tuple[Path, int, int]]:
        return [(path, len(points), len(objectives)) for _, (_, objectives, path, points, *_), _ in self._asked]

    @property
    def passes(self) -> int:
        return sum(points for _, points, _ in self.questions)

    def clear(self) -> None:
        self._asked.clear()


@pytest.mark.parametrize("tiled", [True, False])
def test_several_targets_together_are_each_alone(encoder: Encoder, images: Any, tiled: bool) -> None:
    settings = {"patch": 5, "stride": 4, "tiled": tiled}
    together = find("occlusion")(encoder, images, several(images), **settings)
    for target, attribution in zip(several(images), together, strict=True):
        alone = find("occlusion")(encoder, images, target, **settings)
        np.testing.assert_allclose(attribution.raw, alone.raw, rtol=0, atol=1e-5 * np.abs(alone.raw).max())
        assert (attribution.units, attribution.signed) == (alone.units, alone.signed)
        assert (attribution.settings["passes"] < attribution.settings["holes"]) == tiled


def test_several_targets_take_the_passes_of_one(encoder: Encoder, images: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    of_the_code = [target for target in several(images) if target.reads == "code"]
    counted = Counted(monkeypatch)
    find("occlusion")(encoder, images, of_the_code[0], patch=5, stride=4)
    alone = counted.passes
    counted.clear()
    find("occlusion")(encoder, images, of_the_code, patch=5, stride=4)
    assert [(path, scored) for path, _, scored in counted.questions] == [(COVERED, len(of_the_code))]
    assert counted.passes == alone


def test_the_code_and_the_output_share_the_passes_of_the_output(
    encoder: Encoder, images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(monkeypatch)
    find("occlusion")(encoder, images, targets.reconstruction_error(), patch=5, stride=4)
    alone = counted.passes
    counted.clear()
    find("occlusion")(encoder, images, several(images), patch=5, stride=4)
    assert len(counted.questions) == 1
    assert counted.passes == alone


def test_a_target_that_cannot_tile_takes_the_others_along_hole_by_hole(encoder: Encoder, images: Any) -> None:
    largest = targets.of(lambda codes: keras.ops.max(codes, axis=(1, 2, 3)), name="largest")
    attributions = find("occlusion")(encoder, images[:1], [targets.code(), largest], patch=8, stride=8)
    for each in attributions:
        assert each.settings["passes"] == each.settings["holes"]
        assert any("hole by hole" in note for note in each.notes)
    alone = find("occlusion")(encoder, images[:1], targets.code(), patch=8, stride=8)
    np.testing.assert_allclose(attributions[0].raw, alone.raw, rtol=0, atol=1e-5 * np.abs(alone.raw).max())


def test_one_false_footprint_sends_all_targets_the_plain_way(
    encoder: Encoder, images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = find("occlusion")(encoder, images, several(images), patch=5, stride=4, tiled=False)
    true = encoder.dataflow(32, 32)
    lie = {
        name: Operation(each.inputs, POINTWISE if each.grid == (32, 32) else each.windows, each.grid)
        for name, each in true.operations.items()
    }
    monkeypatch.setattr(encoder, "dataflow", lambda height, width: Dataflow((height, width), lie))
    with pytest.warns(SaccadeWarning, match="tiling does not hold"):
        mended = find("occlusion")(encoder, images, several(images), patch=5, stride=4)
    for attribution, expected in zip(mended, plain, strict=True):
        np.testing.assert_allclose(attribution.raw, expected.raw, rtol=0, atol=1e-6 * np.abs(expected.raw).max())


def test_the_cells_of_all_passes_are_never_in_memory_at_once() -> None:
    encoder = Encoder(nets.autoencoder(64), layer="encoded")
    images = nets.pictures(encoder.network.model, 1)  # type: ignore[attr-defined]
    settings = {"patch": 8, "stride": 4}
    error = targets.reconstruction_error()
    passes = find("occlusion")(encoder, images, error, **settings).settings["passes"]
    tracemalloc.start()
    try:
        find("occlusion")(encoder, images, error, **settings)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.6 * passes * images.nbytes
