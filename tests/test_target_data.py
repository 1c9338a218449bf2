"""Targets are data: their kind and arguments decide, never a name, a unit or a sentence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nets
import numpy as np
import pytest

import saccade
from saccade import targets
from saccade.encoder import Encoder
from saccade.errors import InputError, NotApplicable
from saccade.explanation import settings_of
from saccade.methods import available, find
from saccade.results import Attribution
from saccade.targets import Quantity, Target, parse
from saccade.targets.positions import Cell, Channel, Region
from saccade.targets.spans import Span

FEW = {"samples": 4, "masks": 24, "steps": 6, "iterations": 3, "probes": 6, "repeats": 2, "designs": 4}


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(nets.rectified(), layer="encoded")


def reworded(target: Target, quantity: str = "shared turnips") -> Target:
    """The same target in words that say nothing."""
    return replace(
        target,
        name="x:1:y",
        question="what?",
        text=None,
        gradient_units=Quantity(quantity, target.gradient_units.is_share),
        occlusion_units=Quantity(quantity, target.occlusion_units.is_share),
    )


@pytest.mark.parametrize("method", sorted(available()))
def test_words_decide_nothing(method: str, encoder: Encoder) -> None:
    images = nets.pictures(encoder.network.model, 1)  # type: ignore[attr-defined]
    settings = {name: few for name, few in FEW.items() if name in settings_of(find(method))}
    for target in (targets.code(), targets.channel(1), targets.cell(1, 0)):
        try:
            plain = find(method)(encoder, images, target, **settings)
        except NotApplicable:
            with pytest.raises(NotApplicable):
                find(method)(encoder, images, reworded(target), **settings)
            continue
        other = find(method)(encoder, images, reworded(target), **settings)
        np.testing.assert_array_equal(other.values, plain.values)
        assert (other.signed, other.is_share) == (plain.signed, plain.is_share)
        assert other.settings == plain.settings


def test_a_map_says_as_data_whether_it_is_read_in_percent(encoder: Encoder, tmp_path: Path) -> None:
    images = nets.pictures(encoder.network.model, 1)  # type: ignore[attr-defined]

    def shares(method: str, target: Any, **settings: Any) -> tuple[bool, bool]:
        attribution = saccade.explain(encoder, images, method, target=target, **settings)
        again = Attribution.load(attribution.save(tmp_path / "map.npz"))
        return attribution.is_share, again.is_share

    assert shares("occlusion", "code") == (True, True)
    assert shares("occlusion", reworded(targets.code())) == (True, True)
    assert shares("occlusion", reworded(targets.channel(1), "share of nothing")) == (False, False)
    assert shares("activation_energy", "code") == (True, True)
    assert shares("activation_energy", targets.like(images)) == (False, False)
    assert shares("saliency", "code") == (False, False)
    assert shares("sobol", "channel:1", designs=4) == (True, True)


@pytest.mark.parametrize("form", targets.FORMS)
def test_the_word_of_a_form_is_the_kind_of_its_target(form: str, tmp_path: Path) -> None:
    np.save(tmp_path / "FILE.npy", [1.0, 2.0])
    examples = {"K": "1", "ROWS,COLUMNS": "0:2,1:3", "ROW,COLUMN": "1,2", "FILE.npy": f"{tmp_path}/FILE.npy"}
    text = form
    for word, example in examples.items():
        text = text.replace(word, example)
    assert parse(text).kind == form.partition(":")[0]


def test_arguments_are_read_by_name() -> None:
    assert targets.channel(3).arguments == Channel(3)
    assert targets.cell(4, 5).arguments == Cell(row=4, column=5)
    assert targets.region((2, 5), None).arguments == Region(Span(2, 5), Span(None, None))
    both = targets.code() - 2 * targets.channel(1)
    assert both.kind == "sum"
    assert both.parts == ((1.0, targets.code()), (-2.0, targets.channel(1)))
    assert targets.channel(1).parts == ((1.0, targets.channel(1)),)
    assert targets.toward("a.jpg", than="b.jpg").kind == "toward"
    assert targets.of(lambda code: code[:, 0, 0, 0]).kind == "function"


@dataclass(frozen=True)
class Brighter:
    """The arguments of a target that is defined here: all channels of the code, weighted by their number."""

    power: float

    def reference(self, codes: Any, _: Any) -> Any:
        weights = np.arange(1, codes.shape[-1] + 1, dtype=np.float32) ** self.power
        return np.broadcast_to(weights, (len(codes), 1, 1, codes.shape[-1]))


def test_a_kind_of_target_needs_nothing_from_the_package(encoder: Encoder) -> None:
    images = nets.pictures(encoder.network.model, 1)  # type: ignore[attr-defined]
    own = Target(
        kind="brighter",
        arguments=Brighter(0.0),
        name="brighter",
        question="what makes the code brighter",
        gradient_measure=targets.INNER_PRODUCT,
        gradient_units=Quantity("brightness of the code"),
        occlusion_measure=targets.INNER_PRODUCT,
        occlusion_units=Quantity("fall of the brightness of the code"),
    )
    rows, columns, channels = encoder.codes(images).shape[1:]
    same = sum(rows * columns * targets.channel(index) for index in range(channels))
    for method in ("saliency", "occlusion"):
        looks = [saccade.explain(encoder, images, method, target=target) for target in (own, same, own - 0.5 * own)]  # type: ignore[list-item]
        np.testing.assert_allclose(looks[0].raw, looks[1].raw, rtol=0, atol=1e-4 * np.abs(looks[1].raw).max())
        np.testing.assert_allclose(looks[2].raw, looks[0].raw / 2, rtol=0, atol=1e-4 * np.abs(looks[0].raw).max())
    assert looks[0].units == "fall of the brightness of the code when this is covered"


def test_indices_are_whole_numbers() -> None:
    assert targets.channel(np.int64(1)) == targets.channel(1)  # type: ignore[arg-type]
    for wrong in (lambda: targets.channel("3"), lambda: targets.cell(1, 2.5), lambda: targets.component(1.0, "a")):
        with pytest.raises(InputError, match="give a whole number, counted from 0"):
            wrong()  # type: ignore[no-untyped-call]
    with pytest.raises(InputError, match=r"rows=3: give the first and the one behind the last, as in \(2, 5\)"):
        targets.region(3, 4)  # type: ignore[arg-type]


def test_the_help_of_explain_names_every_form(capsys: pytest.CaptureFixture[str]) -> None:
    from saccade.cli import main

    assert main(["explain", "--help"]) == 0
    text = "".join(capsys.readouterr().out.replace("│", "").split())
    for form in targets.FORMS:
        assert form in text, form
