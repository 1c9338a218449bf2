"""The torch engine and malloc: freed memory is kept for the next piece, unless somebody has tuned malloc already."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import resource
import numpy, saccade, torch
torch.set_num_threads(1)
layers = [torch.nn.Conv2d(3, 32, 3, padding=1), torch.nn.ELU(), torch.nn.MaxPool2d(2)]
encoder = saccade.Encoder(torch.nn.Sequential(*layers), layer="2", value_range=(0, 1))
picture = numpy.random.default_rng(0).random((4, 160, 160, 3), numpy.float32)
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    saccade.explain(encoder, picture, "saliency", low_pass=0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print([faults() for _ in range(5)][-1])
"""


def pages_fetched(**tuned: str) -> int:
    """How many pages of memory the fifth question of a fresh process gets from the system."""
    environment = {name: value for name, value in os.environ.items() if "MALLOC" not in name}
    program = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(program, env={**environment, **tuned}, capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_a_question_asked_again_finds_its_memory_still_there() -> None:
    # A tuning of the user's is left alone: with such thresholds every layer is fetched anew.
    anew = pages_fetched(MALLOC_TRIM_THRESHOLD_="131072", MALLOC_MMAP_THRESHOLD_="131072")
    assert pages_fetched() < anew / 4
