"""The most memory that each method takes over the model's own, each in a process of its own.

    python benchmarks/memory.py GROUP FILE LIMIT [--quick]         all methods of a group, two at a time
    python benchmarks/memory.py --one FRAMEWORK METHOD SIZE MIB    one method once; prints JSON

The model's own is what the process holds after loading the model and encoding one picture of that size in the plain
way. From then on Linux writes down the highest mark that the process reaches. Counts that only repeat the same work
are small.
"""

from __future__ import annotations

import ctypes
import gc
import json
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import nets
import numpy as np
from groups import named
from result_file import ResultFile, Row

import saccade
from saccade.attribution.method import settings_of
from saccade.methods import available, find

BUDGET = 1024
FEW = {"samples": 4, "steps": 4, "masks": 16, "designs": 4, "probes": 16, "iterations": 2}
"""More of these is more of the same pieces, one after the other."""
OTHERS: dict[str, dict[str, Any]] = {"sobol": {"cells": 2}}


def measured(framework: str, method: str, size: int, budget: int) -> Row:
    """Bytes over the model's own."""
    picture = nets.picture(size)
    if framework == "torch":
        import torch

        whole, bare = nets.torch_nets()
        layer = "encoder.encoded"
        with torch.no_grad():
            bare(torch.tensor(picture).permute(0, 3, 1, 2))
    else:
        whole, bare = nets.keras_nets(None)
        layer = "encoded"
        np.asarray(bare(picture, training=False))
    encoder = saccade.Encoder(whole, layer=layer, value_range=nets.RANGE, memory=budget)
    allowed = settings_of(find(method))
    settings = {name: count for name, count in FEW.items() if name in allowed} | OTHERS.get(method, {})
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    own = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    row: Row = {"method": method, "size": size, "budget": budget, "own": own, "settings": settings}
    begun = time.perf_counter()
    try:
        saccade.explain(encoder, picture, method, **settings)
    except saccade.SaccadeError as error:
        return {**row, "refused": str(error), "peak": _status("VmHWM") - own}
    return {**row, "peak": _status("VmHWM") - own, "seconds": time.perf_counter() - begun}


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) * 1024


def _child(framework: str, method: str, size: int, result_file: ResultFile) -> Row | None:
    """One method in a process of its own; None when the time was up before it began."""
    left = result_file.ends - time.perf_counter()
    if left <= 0:
        return None
    command = [sys.executable, __file__, "--one", framework, method, str(size), str(BUDGET)]
    try:
        # What has begun may run on for a while.
        done = subprocess.run(command, capture_output=True, text=True, timeout=left + 30, check=False)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [""])[-1][:200]
        return {"method": method, "size": size, "budget": BUDGET * 2**20, "failed": f"exit {done.returncode}: {last}"}
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure one method, or all of a group."""
    warnings.simplefilter("ignore")
    if sys.argv[1] == "--one":
        framework, method, size, budget = sys.argv[2:]
        print(json.dumps(measured(framework, method, int(size), int(budget) * 2**20)))
        return
    group, quick = named(sys.argv[1]), "--quick" in sys.argv
    methods = list(available())
    result_file = ResultFile(Path(sys.argv[2]), float(sys.argv[3]), methods, quick)
    size = 64 if quick else group.size
    # Memory does not mind a neighbour.
    with ThreadPoolExecutor(2) as pool:
        waiting = {pool.submit(_child, group.framework, method, size, result_file): method for method in methods}
        for each in as_completed(waiting):
            if (row := each.result()) is not None:
                result_file.add(waiting[each], row)
    result_file.finish()


if __name__ == "__main__":
    main()
