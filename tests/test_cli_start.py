"""The command line starts at once, and its pages match it."""

from __future__ import annotations

import dataclasses
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from saccade.cli import main
from saccade.cli.program import app

ROOT = Path(__file__).parents[1]
HEAVY = ("numpy", "PIL", "rich", "keras", "tensorflow", "torch", "jax", "h5py")
COMMANDS = (
    "explain",
    "layers",
    "methods",
    "feature-maps",
    "cells",
    "compare",
    "index",
    "search",
    "atlas",
    "evaluate",
    "report",
    "serve",
    "train",
    "demo",
)


def _loaded_by(code: str) -> set[str]:
    script = f"{code}\nimport sys, json\nprint('\\n' + json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("words", [["--help"], ["explain", "--help"], ["--version"], []])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    assert not set(HEAVY) & _loaded_by(f"from saccade.cli import main\nassert main({words!r}) == 0")


def test_the_look_at_loaded_modules_can_fail() -> None:
    assert "numpy" in _loaded_by("import numpy")


def test_python_minus_m_is_the_same_program() -> None:
    done = subprocess.run([sys.executable, "-m", "saccade", "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: saccade")
    assert done.stderr == ""


def test_every_command_is_listed_and_helps(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    for name in COMMANDS:
        assert re.search(rf"^  {name}  ", listed, re.MULTILINE)
        assert main([name, "-h"]) == 0
        printed = capsys.readouterr().out
        for option in ("--json", "--quiet", "--debug", "--seed"):
            assert option in printed
    shown = [command.callback for command in app.registered_commands if command.callback and not command.hidden]
    assert [callback.__name__.replace("_", "-") for callback in shown] == list(COMMANDS)


def test_the_earlier_name_of_a_command_still_works(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inside", "--help"]) == 0
    earlier = capsys.readouterr().out
    assert main(["feature-maps", "--help"]) == 0
    assert capsys.readouterr().out == earlier.replace("saccade inside", "saccade feature-maps")
    assert main(["--help"]) == 0
    assert "inside" not in capsys.readouterr().out


def test_help_is_plain_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        main([name, "--help"])
    assert capsys.readouterr().out.isascii()


def test_no_words_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("Usage: saccade")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["explan"], "did you mean 'explain'"),
        (["explain"], "missing argument 'MODEL' of `saccade explain MODEL IMAGE...`. Try: saccade explain --help"),
        (["compare", "a.jpg", "b.jpg"], "missing argument 'B' of `saccade compare MODEL A B`"),
        (["explain", "m.keras", "a.png", "--methode", "x"], "--method"),
        (["layers", "m.keras", "--max-pixels", "many"], "--max-pixels"),
    ],
)
def test_a_line_that_cannot_be_parsed_is_answered_in_one_line(
    words: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert shown.err.startswith("saccade: ")
    assert line.lower() in shown.err.lower()
    assert "--help" in shown.err


def test_the_reference_page_is_up_to_date() -> None:
    page = ROOT / "docs" / "cli.md"
    generated = runpy.run_path(str(ROOT / "docs" / "generate_cli.py"))["page"]()
    assert page.read_text(encoding="utf-8") == generated, "run: python docs/generate_cli.py"
    for name in COMMANDS:
        assert f"## saccade {name}" in generated


def test_the_help_of_train_states_the_librarys_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    from saccade.training import TrainingSettings

    main(["train", "--help"])
    printed = " ".join(capsys.readouterr().out.split())
    stated = {}
    for option in ("size", "code-channels", "channels", "epochs", "batch-size", "learning-rate", "patience",
                   "validation-fraction", "precision"):  # fmt: skip
        match = re.search(rf"--{option} .*?\[default: ([^\]]*)\]", printed)
        assert match is not None
        stated[option.replace("-", "_")] = match[1]
    defaults = dataclasses.asdict(TrainingSettings())
    for name, text in stated.items():
        value = defaults[name]
        assert text == (",".join(map(str, value)) if isinstance(value, tuple) else str(value))
