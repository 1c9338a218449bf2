"""A group's result file: written anew after every row, so that a group that is stopped keeps what it has."""

from __future__ import annotations

import json
import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

Row = dict[str, Any]
PACKAGES = (
    "tensorflow_cpu",
    "torch",
    "jax",
    "keras",
    "numpy",
    "xplique",
    "captum",
    "tf-keras-vis",
    "grad-cam",
)


class ResultFile:
    """Rows of one group.

    Args:
        path: The result file.
        limit: Seconds after which nothing new is begun.
        planned: Every case that the group is to measure, in order.
        quick: The figures mean nothing.
    """

    def __init__(self, path: Path, limit: float, planned: list[str], quick: bool) -> None:
        self.path = path
        self.ends = time.perf_counter() + limit
        self.begun = time.perf_counter()
        self.record: Row = {
            "day": time.strftime("%Y-%m-%d"),
            "machine": machine(),
            "versions": versions(),
            "busy": busy(),
            "limit": limit,
            "quick": quick,
            "state": "running",
            "left": list(planned),
            "rows": [],
        }
        self._write()

    @property
    def over(self) -> bool:
        """Is the time up?"""
        return time.perf_counter() > self.ends

    def add(self, case: str, row: Row) -> None:
        """One case is measured."""
        self.record["rows"].append({"case": case, **row})
        self.record["left"].remove(case)
        self._write()

    def finish(self) -> None:
        """Nothing more will come; what is left was not measured."""
        self.record["state"] = "stopped at its limit" if self.record["left"] else "finished"
        self._write()

    def _write(self) -> None:
        self.record["seconds"] = time.perf_counter() - self.begun
        self.path.parent.mkdir(exist_ok=True)
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(self.record, indent=1), encoding="utf-8")
        part.replace(self.path)


def busy(seconds: float = 1.0) -> float:
    """The share of the processors' time that others take while nothing is measured."""
    before = _ticks()
    time.sleep(seconds)
    worked, passed = (now - then for now, then in zip(_ticks(), before, strict=True))
    return worked / passed


def _ticks() -> tuple[int, int]:
    """Ticks of all processors since the start of the machine: at work, and altogether."""
    user, nice, system, idle, waiting, *others = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9])
    worked = user + nice + system + sum(others)
    return worked, worked + idle + waiting


def machine() -> str:
    """The processor, as the kernel names it."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    return f"{len(os.sched_getaffinity(0))} processor cores ({model}), {platform.system()}, no accelerator"


def versions() -> str:
    """What is installed."""
    installed = [f"Python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            installed.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            installed.append(f"{name} not installed")
    return ", ".join(installed)
