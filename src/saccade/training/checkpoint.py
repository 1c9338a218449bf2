"""A run that was stopped continues where it was: one file beside the output, written again and again."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.atomic_files import atomic_file
from saccade.errors import FileError

_NUMBERS = ("steps", "seconds", "error_sum", "error_steps", "history")
_ARRAYS = ("weights", "mean", "optimizer", "best")


@dataclass
class State:
    """All that the next step depends on.

    Attributes:
        steps: Steps done.
        seconds: Time spent.
        error_sum: Sum of the steps' mean squared errors since the last measurement.
        error_steps: How many steps that sum is of.
        history: One entry a measurement: `epoch`, `step`, `seconds`, `loss`, `validation_loss`.
        weights: The model's weights.
        mean: Their exponential mean.
        optimizer: The optimizer's variables, its count of steps among them.
        best: The mean with the lowest validation loss.
    """

    steps: int = 0
    seconds: float = 0.0
    error_sum: float = 0.0
    error_steps: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    weights: list[NDArray[Any]] = field(default_factory=list)
    mean: list[NDArray[Any]] = field(default_factory=list)
    optimizer: list[NDArray[Any]] = field(default_factory=list)
    best: list[NDArray[Any]] = field(default_factory=list)


def checkpoint_path(output: Path) -> Path:
    """Return where the checkpoint of an output lies."""
    return output.with_name(f"{output.name}.checkpoint")


def save(path: Path, state: State, run: str) -> None:
    """Write the state, whole or not at all; `run` says which run it belongs to."""
    arrays = {f"{kind}_{index:03}": value for kind in _ARRAYS for index, value in enumerate(getattr(state, kind))}
    about = {"run": run} | {name: getattr(state, name) for name in _NUMBERS}
    with atomic_file(path) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, about=np.array(json.dumps(about)), **arrays)


def load(path: Path, run: str) -> State | None:
    """Read the state of a run; None when there is none yet.

    Raises:
        FileError: The file is damaged, or belongs to a run with other settings, photos or start.
    """
    if not path.exists():
        return None
    try:
        # Opened here: numpy leaves the file of a damaged archive open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            about = json.loads(str(stored["about"]))
            arrays: dict[str, Any] = {
                kind: [stored[name] for name in sorted(stored.files) if name.startswith(f"{kind}_")] for kind in _ARRAYS
            }
            if about["run"] == run:
                return State(**{name: about[name] for name in _NUMBERS}, **arrays)
    except Exception as error:  # whatever numpy, zip or zlib make of damaged bytes
        raise FileError(f"{path} is damaged; delete it and train from the start.") from error
    raise FileError(
        f"{path} belongs to a run with other settings or photos, or another start; "
        "delete it, or begin again with --no-resume (resume=False)."
    )
