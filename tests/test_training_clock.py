"""Runs by the clock, what they keep while they run, and how often they are measured; the clock is the test's own."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from pictures import discs

from saccade.errors import InputError
from saccade.training import TrainingProgress, TrainingSettings, train
from saccade.training import batches as batches_module
from saccade.training.checkpoint import State
from saccade.training.photos import Photos, gather
from saccade.training.trainer import Trainer

TINY = TrainingSettings(size=16, code_channels=4, channels=(6,), epochs=3, batch_size=4, seed=3, patience=99)


class Clock:
    """Moves on by so many seconds whenever it is read."""

    def __init__(self, now: float, tick: float) -> None:
        self.now, self.tick = now, tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Photos, Photos]:
    folder = discs(tmp_path_factory.mktemp("data") / "discs")
    training, validation = gather(folder, 24, 3).split(0.1)
    return training, validation.at_size(16)


def finish(trainer: Trainer, reported: list[TrainingProgress] | None = None) -> State:
    while not trainer.finished:
        trainer.advance(None if reported is None else reported.append)
    return trainer.state


def same(one: State, other: State) -> None:
    for kind in ("weights", "mean", "best"):
        for left, right in zip(getattr(one, kind), getattr(other, kind), strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5)
    for key in ("step", "loss", "validation_loss"):
        assert [entry[key] for entry in one.history] == pytest.approx([entry[key] for entry in other.history], rel=1e-3)


def test_a_run_by_the_clock_ends_when_its_time_is_over(photos: tuple[Photos, Photos]) -> None:
    reported: list[TrainingProgress] = []
    trainer = Trainer(dataclasses.replace(TINY, minutes=1.0), *photos, clock=Clock(500.0, 1.0))
    state = finish(trainer, reported)
    assert 60 <= state.history[-1]["seconds"] < 66
    before_last = [step for step in reported if not step.measured][-2]
    assert before_last.seconds < 60
    assert {step.epochs for step in reported} == {None}
    for step in reported:
        assert step.share == pytest.approx(min(1, step.seconds / 60))
        assert step.seconds_left == pytest.approx(max(0, 60 - step.seconds), abs=1e-6)
    assert state.history[-1]["step"] == state.steps == sum(not step.measured for step in reported)
    assert trainer.best_epoch <= trainer.epochs


def test_a_run_by_the_clock_that_goes_on_counts_what_was_spent(photos: tuple[Photos, Photos]) -> None:
    settings = dataclasses.replace(TINY, minutes=1.0)
    first = Trainer(settings, *photos, clock=Clock(500.0, 1.0))
    first.advance()
    first.advance()
    spent = first.state.seconds
    assert 0 < spent < 60
    second = Trainer(settings, *photos, clock=Clock(9.0, 1.0))
    second.restore(first.state)
    state = finish(second)
    assert 60 <= state.seconds < 66
    assert state.history[: len(first.state.history)] == first.state.history
    same(finish(first), state)


def test_a_run_is_kept_between_measurements_and_goes_on_from_there(photos: tuple[Photos, Photos]) -> None:
    saved: list[State] = []
    whole = Trainer(TINY, *photos, clock=Clock(0.0, 9.0))
    while not whole.finished:
        whole.advance(None, lambda: saved.append(whole.state))
    times = [state.seconds for state in saved]
    assert max(np.diff([0.0, *times])) < 30 + 5 * 9
    # One in the middle of an epoch, after a measurement.
    (middle, *_) = (state for state in saved if state.history and state.steps % 4)
    assert middle.error_steps == middle.steps % 4
    parts = Trainer(TINY, *photos)
    parts.restore(middle)
    reported: list[TrainingProgress] = []
    same(finish(parts, reported), whole.state)
    assert (reported[0].epoch - 1) * 4 + reported[0].batch == middle.steps + 1


def test_photos_that_do_not_fit_on_the_device_go_there_batch_by_batch(
    photos: tuple[Photos, Photos], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_device = finish(Trainer(TINY, *photos))
    monkeypatch.setattr(batches_module, "DEVICE_LIMIT", 1000)
    same(finish(Trainer(TINY, *photos)), on_device)


def test_a_long_run_is_measured_fifty_times(photos: tuple[Photos, Photos]) -> None:
    settings = dataclasses.replace(TINY, epochs=100, batch_size=18)
    state = finish(Trainer(settings, *photos))
    assert [entry["epoch"] for entry in state.history] == list(range(2, 101, 2))
    assert [entry["step"] for entry in state.history] == list(range(2, 101, 2))


def test_the_command_of_a_run_by_the_clock_repeats_it(tmp_path: Path) -> None:
    folder = discs(tmp_path / "discs")
    settings = dataclasses.replace(TINY, minutes=0.02)
    record = train(folder, tmp_path / "model.keras", settings, device="cpu")
    assert "--minutes 0.02" in record.command
    assert record.device == "cpu:0"
    assert record.precision == "float32"
    assert record.steps == record.history[-1]["step"] > 0


def test_a_device_that_is_not_there_is_refused(tmp_path: Path) -> None:
    folder = discs(tmp_path / "discs")
    with pytest.raises(InputError, match=r"no device 'gpu:7' for tensorflow here; there are .*cpu:0\."):
        train(folder, tmp_path / "model.keras", TINY, device="gpu:7")
