"""Ask saccade about the image encoders that people have, and write docs/encoders.md."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from examination import Row, examine
from page import page

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
    parser.add_argument("--family", choices=FAMILIES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.family:
        _ask(arguments.family, arguments.only)
        return 0
    rows: list[Row] = []
    versions: dict[str, str] = {}
    for family in FAMILIES:
        command = [sys.executable, __file__, "--family", family, "--only", arguments.only]
        answers = subprocess.run(  # noqa: S603
            command, stdout=subprocess.PIPE, check=True, env={**os.environ, "KERAS_BACKEND": "tensorflow"}
        )
        lines = [json.loads(line) for line in answers.stdout.decode().splitlines() if line.startswith("{")]
        versions |= lines.pop()
        rows += [Row(**line) for line in lines]
    text = page(rows, versions, len(available()))
    if arguments.only:
        print(text)
    else:
        PAGE.write_text(text, encoding="utf-8")
    return 1 if any(row.fault or not (row.refusal or row.agrees or row.is_dead or row.is_still) for row in rows) else 0


def _ask(family: str, pattern: str) -> None:
    """A line of JSON for every model of a family, and one with the versions."""
    module = import_module(family)
    if family.startswith("keras"):
        seed = import_module("keras").utils.set_random_seed
    else:
        seed = import_module("torch").manual_seed
    for group, name, make in module.models():
        if re.search(pattern, f"{group}: {name}", re.IGNORECASE):
            seed(0)
            row = examine(group, name, make, module.codes_of)
            print(json.dumps(row.to_dict()), flush=True)
            state = row.fault or row.refusal or f"{row.code}, {row.difference}"
            print(f"{group}: {name}: {state}", file=sys.stderr, flush=True)
    print(json.dumps({name: _version(name) for name in module.LIBRARIES}), flush=True)


def _version(name: str) -> str:
    return getattr(import_module(name), "__version__", None) or version(name)


if __name__ == "__main__":
    sys.exit(main())
