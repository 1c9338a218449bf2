"""Measure everything and write RESULTS.md: every framework in a process of its own, every memory figure too.

    .venv-bench/bin/python benchmarks/run.py [--only speed|memory] [--frameworks tensorflow,torch,jax] [--seconds 12] [--quick]

Answers are kept in benchmarks/out/, so that a part can be measured again while the rest of the page stays.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from table import Row, page

HERE = Path(__file__).parent
FRAMEWORKS = ("tensorflow", "torch", "jax")
METHODS = ("activation_energy", "saliency", "smoothgrad", "integrated_gradients", "occlusion")
PACKAGES = ("tensorflow_cpu", "torch", "jax", "keras", "numpy", "xplique", "captum", "tf-keras-vis")
MEMORY = [(size, 1024) for size in (224, 448, 1024)] + [(448, 256), (1024, 256)]


def main() -> None:
    """Measure what was asked for and write the page."""
    asked = _asked()
    kept = HERE / "out"
    kept.mkdir(exist_ok=True)
    for framework in asked.frameworks.split(","):
        if asked.only != "memory":
            _keep(kept / f"speed-{framework}.json", _speed(framework, asked.seconds, asked.quick))
        if asked.only != "speed":
            _keep(kept / f"memory-{framework}.json", list(_memory(framework, asked.quick)))
    rows = [row for path in _in_order(kept) for row in json.loads(path.read_text(encoding="utf-8"))]
    if not asked.quick:
        (HERE / "RESULTS.md").write_text(page(rows, _facts()), encoding="utf-8")
        print(f"wrote {HERE / 'RESULTS.md'}")
    else:
        print(page(rows, _facts()))


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("speed", "memory"))
    parser.add_argument("--frameworks", default=",".join(FRAMEWORKS))
    parser.add_argument("--seconds", type=float, default=12.0, help="about how long each comparison runs")
    parser.add_argument("--quick", action="store_true", help="see that everything runs; the figures mean nothing")
    return parser.parse_args()


def _speed(framework: str, seconds: float, quick: bool) -> list[Row]:
    rows = _child(framework, "speed.py", framework, str(seconds), *["--quick"] * quick)
    return [{"framework": framework, **row} for row in rows]


def _memory(framework: str, quick: bool) -> Iterator[Row]:
    for size, budget in [(64, 1024)] if quick else MEMORY:
        for method in METHODS:
            yield {"kind": "memory", **_child(framework, "memory.py", framework, method, str(size), str(budget))}


def _child(framework: str, script: str, *arguments: str) -> Any:
    """Run a script in a process of its own and read the JSON that it prints last."""
    print(f"{time.strftime('%H:%M:%S')} {script} {' '.join(arguments)}", flush=True)
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
    backend = {"KERAS_BACKEND": "jax" if framework == "jax" else "tensorflow"}
    done = subprocess.run(
        [sys.executable, str(HERE / script), *arguments],
        env={**os.environ, **quiet, **backend},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def _keep(path: Path, rows: list[Row]) -> None:
    path.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def _in_order(kept: Path) -> list[Path]:
    names = [f"{kind}-{framework}.json" for kind in ("speed", "memory") for framework in FRAMEWORKS]
    return [kept / name for name in names if (kept / name).exists()]


def _facts() -> list[str]:
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    return [
        f"Day: {time.strftime('%Y-%m-%d')}.",
        f"Machine: {len(os.sched_getaffinity(0))} processor cores ({model}), {platform.system()}, no accelerator.",
        f"Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in PACKAGES) + ".",
    ]


if __name__ == "__main__":
    main()
