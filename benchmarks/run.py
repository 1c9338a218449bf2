"""Measure groups one after the other, each in a process of its own, and write RESULTS.md from all that is kept.

    .venv-bench/bin/python benchmarks/run.py [--only speed|memory|growth] [--groups a,b] [--limit SECONDS] [--quick]
    .venv-bench/bin/python benchmarks/run.py --page      only write the page
    .venv-bench/bin/python benchmarks/run.py --list      the groups in their order, with their limits

A group's rows lie in benchmarks/out/GROUP.json as soon as they are measured, so it can be stopped at any time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from groups import GROUPS, Group
from result_file import Row
from table import page

HERE = Path(__file__).parent
OUT = HERE / "out"
GRACE = 45
"""Seconds that a group may go on after its limit with the case that it has begun."""


def main() -> None:
    """Measure what was asked for and write the page."""
    arguments = _arguments()
    names = arguments.groups.split(",") if arguments.groups else [group.name for group in GROUPS]
    unknown = set(names) - {group.name for group in GROUPS}
    if unknown:
        sys.exit(f"no group {', '.join(sorted(unknown))}; there are {', '.join(group.name for group in GROUPS)}.")
    chosen = [group for group in GROUPS if group.name in names and arguments.only in (None, group.kind)]
    if arguments.list:
        for group in chosen:
            print(f"{group.name:32} at most {group.limit} s")
        return
    # A quick run keeps apart from figures that mean something.
    out = OUT / "quick" if arguments.quick else OUT
    if not arguments.page:
        out.mkdir(parents=True, exist_ok=True)
        for group in chosen:
            _measure(group, out, arguments.limit or group.limit, arguments.quick)
    records = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(out.glob("*.json"))}
    if arguments.quick:
        print(page(records))
    else:
        (HERE / "RESULTS.md").write_text(page(records), encoding="utf-8")
        print(f"wrote {HERE / 'RESULTS.md'}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("speed", "memory", "growth"))
    parser.add_argument("--groups", help="names, with commas; all of them by default")
    parser.add_argument("--limit", type=float, help="seconds after which a group begins nothing new")
    parser.add_argument("--page", action="store_true", help="measure nothing, write the page")
    parser.add_argument("--list", action="store_true", help="name the groups")
    parser.add_argument("--quick", action="store_true", help="see that everything runs; the figures mean nothing")
    return parser.parse_args()


def _measure(group: Group, out: Path, limit: float, quick: bool) -> None:
    path = out / f"{group.name}.json"
    path.unlink(missing_ok=True)
    print(f"{time.strftime('%H:%M:%S')} {group.name}, at most {limit:g} s", flush=True)
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
    backend = {"KERAS_BACKEND": "jax" if group.framework == "jax" else "tensorflow"}
    command = [sys.executable, str(HERE / f"{group.kind}.py"), group.name, str(path), str(limit)]
    try:
        done = subprocess.run(
            command + ["--quick"] * quick, env={**os.environ, **quiet, **backend}, timeout=limit + GRACE, check=False
        )
        state = f"failed with status {done.returncode}" if done.returncode else None
    except subprocess.TimeoutExpired:
        state = "stopped at its limit"
    if state:
        _say(path, state)


def _say(path: Path, state: str) -> None:
    """Write down how a group ended that could not do so itself."""
    record: Row = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"rows": [], "left": ["all"]}
    record["state"] = state
    path.write_text(json.dumps(record, indent=1), encoding="utf-8")
    print(f"  {state}")


if __name__ == "__main__":
    main()
