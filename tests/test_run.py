"""One call, one Run: many threads on one encoder, each with its own progress, stop and partial results."""

from __future__ import annotations

import gc
import resource
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import nets
import numpy as np
import pytest

import saccade
from saccade.encoder import Encoder
from saccade.errors import Cancelled
from saccade.methods import available, find
from saccade.results import Attribution

pytestmark = pytest.mark.engine

SETTINGS: dict[str, dict[str, Any]] = {
    "smoothgrad": {"samples": 12},
    "vargrad": {"samples": 12},
    "integrated_gradients": {"steps": 9},
    "blur_integrated_gradients": {"steps": 40},
    "expected_gradients": {"steps": 2, "baselines": "blur,mean"},
    "occlusion": {"patch": 4, "stride": 3},
    "relax": {"masks": 80, "cells": 3, "repeats": 2},
    "sobol": {"cells": 2, "designs": 8},
    "extremal_perturbation": {"iterations": 4},
}


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(nets.autoencoder(24), layer="encoded")


@pytest.fixture(scope="module")
def images(encoder: Encoder) -> Any:
    return nets.pictures(encoder.network.model, 2)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def names(encoder: Encoder, images: Any) -> list[str]:
    """The methods that answer for this model."""
    able = []
    for name in available():
        try:
            saccade.explain(encoder, images, name, **SETTINGS.get(name, {}))
        except saccade.errors.NotApplicable:
            continue
        able.append(name)
    assert len(able) >= 18
    return able


def test_eight_threads_equal_the_same_calls_alone(encoder: Encoder, images: Any, names: list[str]) -> None:
    calls = [(name, number % 2) for number, name in enumerate(names * 2)]
    alone = {
        call: saccade.explain(encoder, images[call[1] :], call[0], **SETTINGS.get(call[0], {})) for call in set(calls)
    }
    heard: dict[int, list[tuple[int, int]]] = {number: [] for number in range(len(calls))}
    owners: dict[int, set[int]] = {number: set() for number in range(len(calls))}

    def explain(number: int) -> Attribution:
        name, first = calls[number]

        def progress(done: int, total: int) -> None:
            heard[number].append((done, total))
            owners[number].add(threading.get_ident())

        return saccade.explain(encoder, images[first:], name, progress=progress, **SETTINGS.get(name, {}))

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(explain, range(len(calls))))
    for number, (call, attribution) in enumerate(zip(calls, together, strict=True)):
        expected = alone[call]
        np.testing.assert_allclose(
            attribution.values, expected.values, rtol=0, atol=1e-5 * np.abs(expected.values).max() + 1e-9
        )
        assert heard[number]
        assert all(1 <= done <= total for done, total in heard[number])
        assert len(owners[number]) == 1


@pytest.mark.parametrize("target", ["code", ["code", "cell:1,2"]])
def test_progress_runs_once_from_the_beginning_to_the_end(
    encoder: Encoder, images: Any, names: list[str], target: Any
) -> None:
    """However many questions a method asks, and also where it explains one target after the other."""

    def heard_of(name: str) -> list[float]:
        heard: list[float] = []
        settings = SETTINGS.get(name, {})
        saccade.explain(
            encoder, images, name, target=target, progress=lambda done, total: heard.append(done / total), **settings
        )
        return heard

    for name in names:
        if target != "code" and name in ("eigen_cam", "detail_kept"):
            continue  # they answer for the whole code alone
        heard = heard_of(name)
        assert heard[-1] == 1, name
        assert heard == sorted(set(heard)), name


def test_what_is_asked_beyond_what_was_expected_waits_and_what_is_not_asked_is_made_up_for(
    encoder: Encoder, images: Any
) -> None:
    heard: list[tuple[int, int]] = []
    run = saccade.Run(encoder, progress=lambda *step: heard.append(step))
    run.codes(images)
    assert heard == [(1, 1)], "nobody said what to expect"
    run.expect(0)
    run.codes(images.copy())
    assert len(heard) == 1, "not known yet"
    run.expect(6)
    for done in (2, 4, 6):
        run.codes(images.copy())
        assert heard[-1] == (done, 6)
    run.codes(images.copy())
    run.expect(1000)
    assert heard[1:] == [(2, 6), (4, 6), (6, 6)]
    with run.equal_part(1, 2):
        run.expect(4)
        with run.own_progress(2, 4) as step:
            run.codes(images.copy())
            step()
        assert heard[-1] == (6, 8)
    run.finish_progress()
    run.codes(images.copy())
    assert heard[-1] == (8, 8)


def test_a_stop_ends_its_own_call_and_no_other(encoder: Encoder, images: Any) -> None:
    goes_on, is_stopped = threading.Event(), threading.Event()
    pieces: list[int] = []

    def wait_for_the_other(done: int, total: int) -> None:
        pieces.append(done)
        goes_on.set()
        assert is_stopped.wait(60)

    def long() -> Attribution:
        return saccade.explain(encoder, images, "smoothgrad", samples=400, progress=wait_for_the_other)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(long)
        assert goes_on.wait(60)
        with pytest.raises(Cancelled):
            saccade.explain(encoder, images, "smoothgrad", samples=400, stop=lambda: True)
        is_stopped.set()
        assert np.isfinite(running.result(60).values).all()
    assert len(pieces) > 3


REFINED = ["occlusion", "relax", "sobol", "smoothgrad", "vargrad", "integrated_gradients", "blur_integrated_gradients"]


@pytest.mark.parametrize("name", REFINED)
def test_partial_results_come_soon_grow_better_and_end_with_the_result(
    encoder: Encoder, images: Any, name: str
) -> None:
    partials: list[Attribution] = []
    result = saccade.explain(encoder, images[:1], name, on_partial=partials.append, **SETTINGS[name])
    assert len(partials) >= 2
    plain = saccade.explain(encoder, images[:1], name, **SETTINGS[name])
    largest = np.abs(plain.values).max()
    np.testing.assert_allclose(result.values, plain.values, rtol=0, atol=1e-5 * largest)
    np.testing.assert_array_equal(partials[-1].values, result.values)
    assert all(partial.values.shape == result.values.shape for partial in partials)
    assert {partial.units for partial in partials} == {result.units}
    first, last = (np.abs(partial.values - result.values).mean() for partial in (partials[0], partials[-1]))
    assert 0 == last < first


@pytest.mark.parametrize("tiled", [True, False])
def test_partial_occlusion_is_right_where_it_is_done(encoder: Encoder, images: Any, tiled: bool) -> None:
    partials: list[Attribution] = []
    settings = {"patch": 4, "stride": 3, "tiled": tiled}
    result = saccade.explain(encoder, images[:1], "occlusion", on_partial=partials.append, **settings)
    for partial in partials[:-1]:
        exact = np.isclose(partial.raw, result.raw, rtol=0, atol=1e-6 * np.abs(result.raw).max())
        holes, passes = partial.settings["holes"], partial.settings["passes"]
        assert exact.sum() >= (passes if not tiled else min(holes, passes))
        assert passes < result.settings["passes"]


def test_each_target_gets_its_partial_results(encoder: Encoder, images: Any) -> None:
    partials: list[Attribution] = []
    several = [saccade.targets.code(), saccade.targets.channel(1)]
    results = saccade.explain(encoder, images, "relax", target=several, on_partial=partials.append, masks=40, cells=3)
    assert {partial.target for partial in partials} == {"code", "channel:1"}
    for result in results:
        own = [partial for partial in partials if partial.target == result.target]
        assert len(own) >= 2
        np.testing.assert_array_equal(own[-1].values, result.values)


def peak_memory() -> int:
    """Bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def test_many_repetitions_leave_memory_and_programs_flat(encoder: Encoder, images: Any, backend: str) -> None:
    def call(number: int) -> None:
        weight = 8 + number / 1000  # both parts are of one size, so nothing has to be warned of
        target = saccade.targets.code() - weight * saccade.targets.channel(1)
        saccade.explain(encoder, images[:1], ("saliency", "grad_cam", "activation_energy")[number % 3], target)

    for number in range(60):
        call(number)
    gc.collect()
    programs, traces = encoder.engine.programs, encoder.engine.traces
    before = peak_memory()
    for number in range(500):
        call(number)
    gc.collect()
    grown = peak_memory() - before
    assert encoder.engine.programs == programs
    if backend != "torch":  # torch traces nothing: every call runs the program itself
        assert encoder.engine.traces == traces
    assert grown < 24 * 2**20


def test_new_functions_push_old_programs_out(images: Any) -> None:
    own = Encoder(nets.autoencoder(24), layer="encoded")
    for number in range(80):

        def energy(code: Any, number: int = number) -> Any:
            return code[:, 0, 0, 0] * number

        run = saccade.Run(own)
        objective = run.objective(images, saccade.targets.of(energy, name="mine"))
        run.score(images, [objective], saccade.targets.paths.STAY, saccade.targets.paths.ONCE)
    assert own.engine.programs <= 64


def test_a_run_encodes_the_same_images_once(encoder: Encoder, images: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = saccade.Run(encoder)
    assert run.known_codes(images) is None
    codes = run.codes(images)
    np.testing.assert_array_equal(codes, encoder.codes(images))
    assert run.codes(images) is codes is run.known_codes(images)
    assert saccade.Run(encoder).known_codes(images) is None


def test_methods_take_an_encoder_or_a_run(encoder: Encoder, images: Any) -> None:
    method = find("saliency")
    np.testing.assert_array_equal(
        method(encoder, images, saccade.targets.code()).values,
        method(saccade.Run(encoder), images, saccade.targets.code()).values,
    )
