"""The most memory that one method takes over the model's own, in a process of its own. Prints JSON.

    python benchmarks/memory.py FRAMEWORK METHOD SIZE BUDGET_MIB

The model's own is what the process holds after loading the model and encoding one picture of that size in the plain
way. From then on Linux writes down the highest mark that the process reaches.
"""

from __future__ import annotations

import ctypes
import gc
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import nets
import numpy as np
from numpy.typing import NDArray

import saccade
from saccade.engines.chunks import chunks

SETTINGS: dict[str, dict[str, Any]] = {
    "activation_energy": {},
    "saliency": {},
    "smoothgrad": {},
    "integrated_gradients": {},
    "occlusion": {"patch": 16, "stride": 8},
}
PICTURES = {"saliency": 16}
POINTS = {"smoothgrad": 32, "integrated_gradients": 32, "occlusion": 69}
QUESTIONS = {"activation_energy": "activations", "occlusion": "score"}


def measured(framework: str, method: str, size: int, budget: int) -> dict[str, Any]:
    """Bytes over the model's own, and what the engine thought it would need."""
    pictures = nets.picture(size, PICTURES.get(method, 1))
    if framework == "torch":
        whole, bare = nets.torch_nets()
        encoder = saccade.Encoder(whole, layer="encoder.encoded", value_range=nets.RANGE, memory=budget)
        _torch_forward(bare, pictures[:1])
    else:
        whole, bare = nets.keras_nets(None)
        encoder = saccade.Encoder(whole, layer="encoded", value_range=nets.RANGE, memory=budget)
        np.asarray(bare(pictures[:1], training=False))
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    own = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    row: dict[str, Any] = {"framework": framework, "method": method, "size": size, "budget": budget}
    row |= {"pictures": len(pictures), "own": own, **_estimate(encoder, method, pictures)}
    begun = time.perf_counter()
    try:
        saccade.explain(encoder, pictures, method, **SETTINGS[method])
    except saccade.SaccadeError as error:
        return {**row, "refused": str(error)}
    return {**row, "peak": _status("VmHWM") - own, "seconds": time.perf_counter() - begun}


def _estimate(encoder: saccade.Encoder, method: str, pictures: NDArray[np.float32]) -> dict[str, Any]:
    engine = encoder.engine
    question = QUESTIONS.get(method, "gradient")
    each = engine._bytes(engine._numbers(pictures, [encoder.layer]), question)
    try:
        most = engine._at_once(pictures, [encoder.layer], question)
    except saccade.SaccadeError:
        return {"each": each, "at_once": 0}
    plan = chunks(len(pictures), POINTS.get(method, 1), most)
    return {"each": each, "at_once": plan.images * plan.points}


def _torch_forward(bare: Any, pictures: NDArray[np.float32]) -> None:
    import torch

    with torch.no_grad():
        bare(torch.tensor(pictures).permute(0, 3, 1, 2))


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) * 1024


def main() -> None:
    """Measure one method once."""
    framework, method, size, budget = sys.argv[1:]
    warnings.simplefilter("ignore")
    print(json.dumps(measured(framework, method, int(size), int(budget) * 2**20)))


if __name__ == "__main__":
    main()
