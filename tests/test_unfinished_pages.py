"""Long questions: an estimate from their first pieces, a first coarse page, and what is left when they are stopped."""

from __future__ import annotations

import signal
import subprocess
import time
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nets
import numpy as np
import pytest
from commands import COMMAND, NUMPY_FACTORY, Run, environment, files
from PIL import Image
from skimage import data

import saccade
from saccade.cli.durations import duration
from saccade.collection import BatchRun, PageStyle, Request
from saccade.collection import answering as answering_module
from saccade.collection import unfinished_page as unfinished_page_module
from saccade.collection.kept_work import kept_in_words
from saccade.engines import Estimate
from saccade.engines import pace as pace_module
from saccade.engines.pace import Cheaper, Pace
from saccade.errors import Cancelled
from saccade.picture import read_metadata
from saccade.results import Attribution

SLOW_FACTORY = (
    f"{NUMPY_FACTORY}\nimport time\n"
    """
def slowly(images, taps):
    time.sleep(0.1 * len(images))
    return encode(images, taps)

def make_slow():
    return Mine(slowly, (16, 16, 3), name="mine")
"""
)


@pytest.fixture
def slow_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock of estimates is five seconds after the one before."""
    looks = count()
    monkeypatch.setattr(pace_module, "time", SimpleNamespace(perf_counter=lambda: 5.0 * next(looks)))


@pytest.fixture(scope="module")
def encoder() -> saccade.Encoder:
    # So little memory that a question takes many pieces.
    return saccade.Encoder(nets.autoencoder(24), layer="encoded", memory=400_000)


@pytest.fixture(scope="module")
def images(encoder: saccade.Encoder) -> Any:
    return nets.pictures(encoder.network.model, 1)  # type: ignore[attr-defined]


def test_an_estimate_is_the_first_piece_and_as_many_as_are_left_like_the_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = iter([100.0, 104.0, 106.0])
    monkeypatch.setattr(pace_module, "time", SimpleNamespace(perf_counter=lambda: next(looks)))
    estimates: list[tuple[float, int]] = []
    pace = Pace(pieces=10, passes=77, tell=lambda *estimate: estimates.append(estimate))
    for done in range(1, 11):
        pace.piece(done)
    assert estimates == [(4 + 9 * 2, 77)]


def test_two_pieces_are_not_worth_an_estimate() -> None:
    estimates: list[Any] = []
    pace = Pace(pieces=2, passes=2, tell=lambda *estimate: estimates.append(estimate))
    pace.piece(1)
    pace.piece(2)
    assert not estimates


def test_the_dearest_cheaper_settings_within_ten_seconds_are_named() -> None:
    choices = [Cheaper({"patch": 4}, 0.5), Cheaper({"patch": 8}, 0.1), Cheaper({"patch": 16}, 0.01)]
    assert Estimate(90.0, 10, lambda: choices).cheaper() == choices[1]
    assert Estimate(9000.0, 10, lambda: choices).cheaper() == choices[2]
    assert Estimate(90.0, 10).cheaper() is None


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("occlusion", {"patch": 4, "stride": 2}),
        ("occlusion", {"patch": 4}),
        ("relax", {"masks": 80}),
        ("smoothgrad", {"samples": 64}),
        ("vargrad", {"samples": 64}),
        ("integrated_gradients", {"steps": 64}),
        ("extremal_perturbation", {"iterations": 40}),
        ("sobol", {"cells": 3, "designs": 16}),
    ],
)
def test_a_long_question_tells_what_would_take_less_and_it_does(
    encoder: saccade.Encoder, images: Any, method: str, settings: dict[str, Any], slow_clock: None
) -> None:
    estimates: list[Estimate] = []
    saccade.explain(encoder, images, method, on_estimate=estimates.append, **settings)
    longest = max(estimates, key=lambda estimate: estimate.passes)
    assert longest.seconds > 10
    cheaper = longest.cheaper()
    assert cheaper is not None
    assert 0 < cheaper.share < 1
    fewer: list[Estimate] = []
    saccade.explain(encoder, images, method, on_estimate=fewer.append, **{**settings, **cheaper.settings})
    assert all(estimate.passes < longest.passes for estimate in fewer)


def test_maps_so_far_come_of_long_questions_only_and_pieces_are_as_large_as_without(
    encoder: saccade.Encoder, images: Any, slow_clock: None
) -> None:
    pieces: dict[str, list[int]] = {"alone": [], "watched": []}
    partials: list[Attribution] = []
    settings: dict[str, Any] = {"patch": 4, "stride": 2, "tiled": False}
    alone = saccade.explain(
        encoder, images, "occlusion", progress=lambda done, total: pieces["alone"].append(total), **settings
    )
    watched = saccade.explain(
        encoder, images, "occlusion", progress=lambda done, total: pieces["watched"].append(total),
        on_partial=partials.append, partial_after=10.0, **settings,
    )  # fmt: skip
    assert pieces["alone"] == pieces["watched"]
    assert partials
    np.testing.assert_array_equal(alone.values, watched.values)
    partials.clear()
    saccade.explain(encoder, images, "occlusion", on_partial=partials.append, partial_after=1e9, **settings)
    assert not partials


def test_a_page_shows_what_is_found_so_far_says_so_and_is_replaced(
    encoder: saccade.Encoder, tmp_path: Path, slow_clock: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering_module, "_REST", 0)
    photo, out = tmp_path / "cat.png", tmp_path / "out"
    Image.fromarray(data.chelsea()).save(photo)
    requests = [Request("occlusion", settings={"patch": 4, "stride": 2, "tiled": False})]
    page = out / "cat-occlusion.png"
    pages: list[dict[str, str]] = []

    def look() -> bool:
        if page.is_file():
            pages.append(read_metadata(page))
        return False

    (record,) = BatchRun(encoder, [photo], requests, output=out, stop=look)
    assert "not finished" in pages[0]["title"]
    assert answering_module.UNFINISHED in pages[0]["notes"]
    assert "run" not in pages[0]
    finished = read_metadata(page)
    assert "not finished" not in finished["title"]
    assert answering_module.UNFINISHED not in finished["notes"]
    assert not record.already


def test_a_stopped_run_leaves_its_unfinished_page_and_the_next_run_finishes_it(
    encoder: saccade.Encoder, tmp_path: Path, slow_clock: None
) -> None:
    photo, out = tmp_path / "cat.png", tmp_path / "out"
    Image.fromarray(data.chelsea()).save(photo)
    requests = [Request("occlusion", settings={"patch": 4, "stride": 2, "tiled": False})]
    page = out / "cat-occlusion.png"
    with pytest.raises(Cancelled):
        list(BatchRun(encoder, [photo], requests, output=out, stop=page.is_file))
    assert "not finished" in read_metadata(page)["title"]
    (record,) = BatchRun(encoder, [photo], requests, output=out)
    assert not record.already
    assert "not finished" not in read_metadata(page)["title"]


def test_finished_answers_stay_where_a_run_is_stopped_before_the_others_are_there(
    encoder: saccade.Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unfinished_page_module, "_FIRST", 0.0)
    photo, out = tmp_path / "cat.png", tmp_path / "out"
    Image.fromarray(data.chelsea()).save(photo)
    requests = [Request("activation_energy"), Request("saliency"), Request("occlusion")]
    page = out / "cat-methods.png"
    with pytest.raises(Cancelled):
        list(BatchRun(encoder, [photo], requests, output=out, stop=page.is_file))
    unfinished = np.asarray(Image.open(page).convert("L"), np.int16)
    assert np.median(unfinished[-40:-10, 10:100]) < 60  # the plate of the note
    assert "run" not in read_metadata(page)
    (record,) = BatchRun(encoder, [photo], requests, output=out)
    assert not record.already
    assert [entry.method for entry in record.maps] == ["activation_energy", "saliency", "occlusion"]
    assert np.median(np.asarray(Image.open(page).convert("L"), np.int16)[-40:-10, 10:100]) > 150


def test_what_is_too_little_to_be_kept_is_said(encoder: saccade.Encoder, tmp_path: Path) -> None:
    photo, out = tmp_path / "cat.png", tmp_path / "out"
    Image.fromarray(data.chelsea()).save(photo)
    notes: list[str] = []

    def stop() -> bool:
        notes.append(kept_in_words())
        return "answers" in notes[-1]

    with pytest.raises(Cancelled):
        list(BatchRun(encoder, [photo], [Request("activation_energy"), Request("saliency")], output=out, stop=stop))
    assert notes[0] == ""
    assert notes[-1] == "1 of the 2 answers about cat.png was there, and nothing is kept of so little"
    assert not out.exists()


def test_an_unfinished_overlay_says_so_in_its_corner(
    encoder: saccade.Encoder, tmp_path: Path, slow_clock: None
) -> None:
    photo, out = tmp_path / "cat.png", tmp_path / "out"
    Image.fromarray(data.chelsea()).save(photo)
    requests = [Request("occlusion", settings={"patch": 4, "stride": 2, "tiled": False})]
    style, page = PageStyle(overlay_only=True), out / "cat-occlusion-overlay.png"
    with pytest.raises(Cancelled):
        list(BatchRun(encoder, [photo], requests, output=out, style=style, stop=page.is_file))
    unfinished = np.asarray(Image.open(page), np.int16)
    list(BatchRun(encoder, [photo], requests, output=out, style=style))
    finished = np.asarray(Image.open(page), np.int16)
    assert unfinished.shape == finished.shape
    corner = (slice(-40, -10), slice(10, 100))
    # The plate of the note is nearly black, with white letters.
    assert np.median(unfinished[corner]) < 60
    assert np.median(finished[corner]) > np.median(unfinished[corner])


def test_a_question_that_fails_leaves_no_unfinished_page(
    encoder: saccade.Encoder, tmp_path: Path, slow_clock: None
) -> None:
    photo, out = tmp_path / "cat.png", tmp_path / "out"
    Image.fromarray(data.chelsea()).save(photo)

    def fail() -> bool:
        if (out / "cat-occlusion.png").is_file():
            raise RuntimeError("the disk burns")
        return False

    requests = [Request("occlusion", settings={"patch": 4, "stride": 2, "tiled": False})]
    with pytest.raises(RuntimeError, match="burns"):
        list(BatchRun(encoder, [photo], requests, output=out, stop=fail))
    assert not files(tmp_path) - {"cat.png"}


def test_ctrl_c_leaves_the_first_page_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW_FACTORY)
    Image.fromarray(data.astronaut()[::8, ::8]).save(tmp_path / "a.png")
    page = tmp_path / "out" / "a-occlusion.png"
    process = subprocess.Popen(
        [*COMMAND, "explain", "slow:make_slow", "a.png", "-m", "occlusion", "-o", "out", "--memory", "30KB",
         "--set", "patch=2", "--set", "stride=1", "--set", "tiled=false"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    until = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < until and not page.is_file():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert stderr == f"saccade: stopped; {Path('out', page.name)} shows what was found so far, and says so.\n"
    assert "occlusion: about " in stdout
    assert "--set patch=4 --set stride=2 would take about" in stdout
    assert "not finished" in read_metadata(page)["title"]


def test_estimates_in_words() -> None:
    assert [duration(seconds) for seconds in (0.4, 38.2, 312, 9000)] == ["1 s", "38 s", "5 min", "2 h 30 min"]


def test_a_short_question_says_nothing_of_time(small_model: str, photos: Path, run: Run, tmp_path: Path) -> None:
    status, stdout, _ = run(
        "explain", small_model, str(next(photos.iterdir())), "-m", "occlusion", "-o", str(tmp_path / "o")
    )
    assert status == 0
    assert "about" not in stdout


def test_cells_one_by_one_are_estimated_as_a_whole(images: Any, slow_clock: None) -> None:
    encoder = saccade.Encoder(nets.autoencoder(24), layer="encoded")
    estimates: list[Estimate] = []
    maps = saccade.cells(encoder, images, coloured=False, on_estimate=estimates.append)
    assert maps.passes == estimates[-1].passes > 16
