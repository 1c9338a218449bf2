"""Ask saccade about the image encoders that people have, and write docs/encoders.md."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from examination import examine
from page import page
from record import RECORD, Answer, add, answers, source

from saccade.methods import available

PAGE = Path(__file__).parent.with_suffix(".md")
FAMILIES = ("keras_models", "keras_hub_models", "torch_models", "pythae_lightly_models", "onnx_models")


def main() -> int:
    """Each family of models in a process of its own, then the page; 1 if a model fails or differs."""
    parser = argparse.ArgumentParser(prog="python docs/encoders", description=__doc__)
    parser.add_argument(
        "--only",
        metavar="PATTERN",
        default="",
        help="only models whose heading or name matches, printed instead of written: 'swin|ViT'",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help=f"keep the rows in {RECORD.parent.name}/{RECORD.name} that earlier runs with the same versions gave, ask "
        "for those that are missing, and with --only for those that match, then write the page",
    )
    parser.add_argument("--family", choices=FAMILIES, help=argparse.SUPPRESS)
    parser.add_argument("--run", default=datetime.now(UTC).isoformat(" ", "seconds"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.family:
        _ask(arguments)
        return 0
    is_whole = arguments.resume or not arguments.only
    if is_whole and not arguments.resume:
        RECORD.unlink(missing_ok=True)
    replies: list[Answer] = []
    for family in FAMILIES:
        command = [sys.executable, __file__, "--family", family, "--only", arguments.only, "--run", arguments.run]
        lines = subprocess.run(  # noqa: S603
            [*command, *["--resume"] * arguments.resume],
            stdout=subprocess.PIPE,
            check=True,
            env={**os.environ, "KERAS_BACKEND": "tensorflow"},
        ).stdout.decode()
        replies += [Answer.from_line(line) for line in lines.splitlines() if line.startswith("{")]
    text = page(replies, len(available()))
    if is_whole:
        PAGE.write_text(text, encoding="utf-8")
    else:
        print(text)
    rows = [answer.row for answer in replies]
    return 1 if any(row.fault or not (row.refusal or row.agrees or row.is_dead or row.is_still) for row in rows) else 0


def _ask(arguments: argparse.Namespace) -> None:
    """A line of JSON for every model of a family."""
    module = import_module(arguments.family)
    if arguments.family.startswith("keras"):
        seed = import_module("keras").utils.set_random_seed
    else:
        seed = import_module("torch").manual_seed
    versions = {name: _version(name) for name in module.LIBRARIES}
    earlier = answers(versions) if arguments.resume else {}
    for group, name, make in module.models():
        matches = re.search(arguments.only, f"{group}: {name}", re.IGNORECASE) is not None
        answer = earlier.get((group, name))
        if answer is None or (arguments.only and matches):
            if not (matches or arguments.resume):
                continue
            seed(0)
            row = examine(group, name, make, module.codes_of)
            answer = Answer(row, versions, arguments.run, source())
            if arguments.resume or not arguments.only:
                add(answer)
            state = row.fault or row.refusal or f"{row.code}, {row.difference}"
            print(f"{group}: {name}: {state}", file=sys.stderr, flush=True)
        print(answer.to_line(), flush=True)


def _version(name: str) -> str:
    return getattr(import_module(name), "__version__", None) or version(name)


if __name__ == "__main__":
    sys.exit(main())
