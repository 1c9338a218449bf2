"""A run that was stopped continues where it was: one file beside the output, written after every epoch."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.atomic_files import atomic_file
from saccade.errors import FileError


@dataclass
class State:
    """All that the next epoch depends on.

    Attributes:
        epoch: Epochs done.
        seconds: Time spent.
        history: One entry an epoch: `epoch`, `loss`, `validation_loss`.
        weights: The model's weights.
        optimizer: The optimizer's variables, its count of steps among them.
        best: The weights with the lowest validation loss.
    """

    epoch: int = 0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    weights: list[NDArray[Any]] = field(default_factory=list)
    optimizer: list[NDArray[Any]] = field(default_factory=list)
    best: list[NDArray[Any]] = field(default_factory=list)


def checkpoint_path(output: Path) -> Path:
    """Return where the checkpoint of an output lies."""
    return output.with_name(f"{output.name}.checkpoint")


def save(path: Path, state: State, run: str) -> None:
    """Write the state, whole or not at all; `run` says which run it belongs to."""
    arrays = {
        f"{kind}_{index:03}": value
        for kind in ("weights", "optimizer", "best")
        for index, value in enumerate(getattr(state, kind))
    }
    about = {"run": run, "epoch": state.epoch, "seconds": state.seconds, "history": state.history}
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
            kinds = {
                kind: [stored[name] for name in sorted(stored.files) if name.startswith(f"{kind}_")]
                for kind in ("weights", "optimizer", "best")
            }
            if about["run"] == run:
                return State(about["epoch"], about["seconds"], about["history"], **kinds)
    except Exception as error:  # whatever numpy, zip or zlib make of damaged bytes
        raise FileError(f"{path} is damaged; delete it and train from the start.") from error
    raise FileError(
        f"{path} belongs to a run with other settings or photos, or another start; "
        "delete it, or train without resuming."
    )
