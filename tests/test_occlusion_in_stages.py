"""Occlusion that is taken up at layers between: the same map as covering pictures one by one, for less work."""

from __future__ import annotations

from typing import Any

import asking
import keras
import nets
import numpy as np
import pytest
import torch

import saccade
from saccade import targets
from saccade.encoder import Encoder
from saccade.engines import engine_for
from saccade.engines.chunks import Chunks
from saccade.errors import Cancelled
from saccade.methods import find
from saccade.occlusion import stages
from saccade.occlusion.scores import occlusion_scores
from saccade.occlusion.tiling import holes
from saccade.run import Run
from saccade.targets.paths import COVERED, REPLACED

pytestmark = pytest.mark.engine

NETS = {name: make for name, make in {**nets.LOCAL, **nets.MIXING}.items() if name != "subclassed"}
NEVER_CUT = {"concatenating", "strided"}
"""No layer between is worth stopping at: what comes before it is computed in a moment."""


@pytest.fixture(autouse=True)
def _every_stage_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "WORTH_A_PICTURE", 1)
    monkeypatch.setattr(stages, "WORTH_IN_ALL", 1)


def agree(attribution: Any, plain: Any) -> None:
    # Shares and similarities are differences to 1, of which float32 rounds off half of 6e-8.
    np.testing.assert_allclose(attribution.raw, plain.raw, rtol=0, atol=1e-5 * np.abs(plain.raw).max() + 3e-8)
    np.testing.assert_allclose(attribution.scores["score"], plain.scores["score"], rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("name", list(NETS))
def test_stages_give_the_map_of_covering_one_by_one(name: str) -> None:
    build, layer = NETS[name]
    encoder = Encoder(build(), layer=layer)
    images = nets.pictures(encoder.network.model)  # type: ignore[attr-defined]
    cut = []
    for patch, stride in ((None, None), (5, 3), (3, 2)):
        attribution = find("occlusion")(encoder, images, targets.code(), patch=patch, stride=stride)
        agree(attribution, find("occlusion")(encoder, images, targets.code(), patch=patch, stride=stride, tiled=False))
        assert not any("cannot be taken up" in note for note in attribution.notes)
        cut.append(bool(attribution.settings["stages"]))
    assert any(cut) or name in NEVER_CUT


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(nets.deep_autoencoder(), layer="encoded")


@pytest.fixture(scope="module")
def images(encoder: Encoder) -> Any:
    return nets.pictures(encoder.network.model, 3)  # type: ignore[attr-defined]


def test_several_targets_keep_each_picture_s_own_reference(encoder: Encoder, images: Any) -> None:
    several = [
        targets.code(),
        targets.channel(1),
        targets.cell(3, 4),
        targets.like(images[::-1].copy()),
        targets.code() - 0.5 * targets.like(images[[1, 2, 0]]),
        targets.of(lambda codes: keras.ops.max(codes, axis=(1, 2, 3)), name="largest"),
    ]
    for chosen in (several[:-1], several):
        together = find("occlusion")(encoder, images, chosen, patch=5, stride=4)
        plain = find("occlusion")(encoder, images, chosen, patch=5, stride=4, tiled=False)
        for one, two in zip(together, plain, strict=True):
            agree(one, two)
            assert one.settings["stages"]
            assert "stages" in two.settings
            assert not two.settings["stages"]


def test_a_dense_code_computes_its_convolutions_for_many_holes_at_a_time() -> None:
    encoder = Encoder(nets.dense_code(), layer=nets.MIXING["dense"][1])
    images = nets.pictures(encoder.network.model, 1)  # type: ignore[attr-defined]
    attribution = find("occlusion")(encoder, images, targets.code(), patch=4, stride=2)
    assert attribution.settings["passes"] == attribution.settings["holes"]
    assert max(attribution.settings["stages"].values()) < attribution.settings["holes"]
    last = list(attribution.settings["stages"])[-1]
    assert f"computed hole by hole from {last} on: every cell of the code sees too much" in " ".join(attribution.notes)


def test_what_reads_the_picture_itself_is_not_cut(encoder: Encoder, images: Any) -> None:
    attribution = find("occlusion")(encoder, images, targets.reconstruction_error(), patch=5, stride=4)
    assert attribution.settings["stages"] == {}
    agree(
        attribution, find("occlusion")(encoder, images, targets.reconstruction_error(), patch=5, stride=4, tiled=False)
    )


def test_a_model_that_takes_one_batch_size_only_is_not_cut(
    encoder: Encoder, images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder.network, "fixed_batch", 1)
    assert find("occlusion")(encoder, images[:1], targets.code(), patch=5, stride=4).settings["stages"] == {}


def test_stages_that_would_hold_too_much_are_left_out(encoder: Encoder, images: Any) -> None:
    small = Encoder(encoder.network.model, layer="encoded", memory=270_000)  # type: ignore[attr-defined]
    attribution = find("occlusion")(small, images, targets.code(), patch=5, stride=4)
    wide = find("occlusion")(encoder, images, targets.code(), patch=5, stride=4)
    assert attribution.settings["stages"] == {}
    assert wide.settings["stages"] == {"pool_2": 9}
    agree(attribution, wide)


def test_what_the_stages_hold_is_left_free_by_the_questions(encoder: Encoder, images: Any) -> None:
    engine, run = encoder.engine, Run(encoder)
    pieces: list[int] = []

    def work(plan: Chunks) -> None:
        pieces.append(plan.images * plan.points)

    run.execute(work, images, 40, ["encoded"], "score")
    two = 2 * engine._widths((48, 48, 1), ("encoded",), None).bytes_each("score")
    with run.reserved(engine.memory - two):
        run.execute(work, images, 40, ["encoded"], "score")
    run.execute(work, images, 40, ["encoded"], "score")
    assert pieces[1] == 2 < pieces[0] == pieces[2]


def test_little_work_is_not_cut(encoder: Encoder, images: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "WORTH_A_PICTURE", 2**22)
    assert find("occlusion")(encoder, images, targets.code(), patch=5, stride=4).settings["stages"] == {}


def test_a_wrong_stage_is_noticed_and_the_whole_way_taken(
    encoder: Encoder, images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = find("occlusion")(encoder, images, targets.code(), patch=5, stride=4)
    right = stages.Pasted._footprints
    monkeypatch.setattr(stages.Pasted, "_footprints", lambda self, number: right(self, max(number - 1, 0)))
    attribution = find("occlusion")(encoder, images, targets.code(), patch=5, stride=4)
    assert attribution.settings["stages"] == {}
    assert any("cannot be taken up at" in note and "differs by" in note for note in attribution.notes)
    agree(attribution, plain)


def test_a_model_that_cannot_be_taken_up_in_between_is_explained_all_the_same(
    encoder: Encoder, images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = find("occlusion")(encoder, images, targets.code(), patch=5, stride=4, tiled=False)
    run_network = encoder.network.run

    def run(pictures: Any, layers: Any, taps: Any = None) -> Any:
        if taps:
            raise ValueError("cannot reshape 1 picture into 9")
        return run_network(pictures, layers, taps)

    monkeypatch.setattr(encoder.network, "run", run)
    fresh = Encoder.__new__(Encoder)
    fresh.__dict__.update(encoder.__dict__)
    fresh.engine = engine_for(encoder.network)
    attribution = find("occlusion")(fresh, images, targets.code(), patch=5, stride=4)
    assert attribution.settings["stages"] == {}
    assert any("cannot be taken up at" in note and "(ValueError)" in note for note in attribution.notes)
    agree(attribution, plain)


class CountsAtTheDoor(torch.nn.Module):
    """Insists behind its convolutions on as many pictures as came in."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.first = torch.nn.Conv2d(1, 4, 3, padding=1)
        self.second = torch.nn.Conv2d(4, 4, 3, stride=2, padding=1)
        self.code = torch.nn.Linear(4 * 12 * 12, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count = x.shape[0]
        return self.code(self.second(self.first(x)).reshape(count, -1))


def test_a_module_that_counts_its_pictures_at_the_door_is_explained_all_the_same() -> None:
    encoder = Encoder(CountsAtTheDoor(), layer="code", input_shape=(24, 24, 1))
    images = np.random.default_rng(0).random((1, 24, 24, 1), np.float32)
    attribution = find("occlusion")(encoder, images, targets.code(), patch=4, stride=2)
    assert attribution.settings["stages"] == {}
    assert any("cannot be taken up at second (RuntimeError)" in note for note in attribution.notes)
    agree(attribution, find("occlusion")(encoder, images, targets.code(), patch=4, stride=2, tiled=False))


def test_it_can_be_stopped_between_stages(encoder: Encoder, images: Any) -> None:
    stops = iter([False, False, True])
    with pytest.raises(Cancelled):
        saccade.explain(encoder, images, "occlusion", patch=5, stride=4, stop=lambda: next(stops))


def test_layers_between_take_fewer_passes(encoder: Encoder, images: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    questions = asking.recorded(monkeypatch, "score", "activations_along")
    where = holes((48, 48), (5, 5), (4, 4))
    fixed = {"filler": np.zeros_like(images[:1])}
    (scores,), notes = occlusion_scores(Run(encoder), images[:1], [targets.code()], where, fixed, tiled=True)
    assert notes == ()
    summaries = [(rest[2], settings.get("at"), len(rest[3])) for _, rest, settings in questions]
    chain = [each.layer for each in scores.stages]
    walked = [each for each in summaries if each[0] is REPLACED or (each[0] is COVERED and each[2] > 5)]
    assert [at for _, at, _ in walked] == [None, *chain]
    assert [points - 1 for _, _, points in walked] == [*(each.plan.passes for each in scores.stages), scores.passes]
    assert sorted(points for _, _, points in walked) == [points for _, _, points in walked]
