"""Write docs/cli.md from the real `--help` of every command; `--check` only says whether it is up to date."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path

from saccade.cli import main
from saccade.cli.program import app

PAGE = Path(__file__).with_name("cli.md")
COLUMNS = "100"
_START = """\
# The command line

Written by `docs/generate_cli.py` from `saccade COMMAND --help`; do not edit by hand.

Exit status: 0 done, also when some photos had to be left out (they are named on stderr); 1 a defect in the program;
2 something that you can put right, with one line on stderr that says how; 130 stopped with Ctrl-C, at any moment, with
nothing half-written; 141 the reader of a pipe went away. Results go to stdout; notes, errors and progress go to stderr.
With `--json` stdout holds one JSON value and nothing else; after an error it stays empty.
"""


def page() -> str:
    """The page as it should be."""
    shown = [command.callback for command in app.registered_commands if command.callback and not command.hidden]
    commands = [callback.__name__.replace("_", "-") for callback in shown]
    parts = [_START, _section("saccade", []), *(_section(f"saccade {name}", [name]) for name in commands)]
    return "\n".join(parts)


def _section(title: str, words: list[str]) -> str:
    printed = io.StringIO()
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = COLUMNS
    try:
        with contextlib.redirect_stdout(printed):
            main([*words, "--help"])
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before
    lines = [line.rstrip() for line in printed.getvalue().rstrip().splitlines()]
    return "\n".join([f"## {title}", "", "```text", *lines, "```", ""])


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        if not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page():
            sys.exit("docs/cli.md is not up to date; run: python docs/generate_cli.py")
    else:
        PAGE.write_text(page(), encoding="utf-8")
