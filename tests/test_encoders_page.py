"""The script behind docs/encoders.md: rows outlive an interrupted run, and the page says how it was made."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "docs" / "encoders"
MODULES = ("examination", "record", "page")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SimpleNamespace]:
    monkeypatch.syspath_prepend(str(SCRIPT))
    modules = SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
    monkeypatch.setattr(modules.record, "RECORD", tmp_path / "out" / "encoders.jsonl")
    yield modules
    for name in MODULES:
        del sys.modules[name]


def _answer(script: SimpleNamespace, name: str, run: str = "1", source: str = "a", **fields: Any) -> Any:
    row = script.examination.Row("A library", name, difference=1e-7, alone="framework", code="code", **fields)
    return script.record.Answer(row, {"torch": "2.0"}, run, source)


def test_rows_of_an_interrupted_run_are_found_again(script: SimpleNamespace) -> None:
    first, second = _answer(script, "first"), _answer(script, "second")
    script.record.add(first)
    with script.record.RECORD.open("a") as file:
        file.write(second.to_line()[:40])
    script.record.add(_answer(script, "third"))
    answers = script.record.answers({"torch": "2.0"})
    assert [name for _, name in answers] == ["first", "third"]
    assert answers["A library", "first"] == first
    assert script.record.answers({"torch": "2.1"}) == {}


def test_the_last_answer_about_a_model_counts(script: SimpleNamespace) -> None:
    script.record.add(_answer(script, "net", seconds=1.0))
    script.record.add(_answer(script, "net", run="2", seconds=2.0))
    (answer,) = script.record.answers({"torch": "2.0"}).values()
    assert (answer.run, answer.row.seconds) == ("2", 2.0)


@pytest.mark.parametrize(
    ("runs", "sources", "sentence"),
    [
        ("11", "aa", "Asked in one run."),
        ("12", "aa", "Asked in 2 runs: 1 of the models after the first, with the same source of saccade."),
        ("12", "ab", "Asked in 2 runs: 1 of the models after the first, when saccade's own source had changed."),
    ],
)
def test_the_page_says_in_how_many_runs_it_was_made(
    script: SimpleNamespace, runs: str, sources: str, sentence: str
) -> None:
    answers = [_answer(script, name, run, source) for name, run, source in zip(("a", "b"), runs, sources, strict=True)]
    text = script.page.page(answers, 23)
    assert f"Made with torch 2.0. {sentence}\n" in text
    assert "2 models, opened with no settings: 2 are explained (2 of them pass the check" in text
