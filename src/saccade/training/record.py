"""What a trained model was made from, in a JSON file beside it: enough to make it again."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from saccade.atomic_files import write_text
from saccade.training.photos import Photos
from saccade.training.settings import TrainingSettings


@dataclass(frozen=True)
class TrainingRecord:
    """The facts of a finished run; no machine path is among them.

    Attributes:
        model: Name of the model file.
        command: The command line that repeats the run.
        settings: All settings, defaults included.
        training: Of the photos learned from: `folder` (its name), `photos` (their number) and `sha256` (over their
            names and contents).
        validation: The same for the photos that decided which weights were kept.
        skipped: Names of files that could not be read as photos.
        start: Name and SHA-256 of the model that the run began with, and its mean squared error on the
            validation photos (`model`, `sha256`, `validation_loss`); None after a start from random weights.
        epochs_run: Epochs begun, fewer than the settings allow after an early stop.
        steps: Steps done.
        best_epoch: The epoch whose weights were kept, counted from 1.
        history: One entry a measurement: `epoch`, `step`, `seconds` (since the start), `loss` (mean squared error of
            the steps since the last one) and `validation_loss` (that of the mean of the weights); values 0..1.
        validation_loss: Mean squared error of the saved model on the validation photos.
        validation_psnr: Mean over these photos of 10 log10(1 / mean squared error), in decibels.
        seconds: Time the run took, without reading the photos.
        device: What computed it.
        precision: Of the hidden layers while it was trained.
        versions: Versions of what computed it.
    """

    model: str
    command: str
    settings: dict[str, Any]
    training: dict[str, Any]
    validation: dict[str, Any]
    skipped: tuple[str, ...]
    start: dict[str, Any] | None
    epochs_run: int
    steps: int
    best_epoch: int
    history: tuple[dict[str, float], ...]
    validation_loss: float
    validation_psnr: float
    seconds: float
    device: str
    precision: str
    versions: dict[str, str]

    def write(self, path: Path) -> None:
        """Write the record as JSON, whole or not at all."""
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"
        write_text(path, text)


def summary(photos: Photos) -> dict[str, Any]:
    """Say which photos were used, without saying where they lie."""
    return {"folder": photos.folder, "photos": len(photos), "sha256": photos.digest}


def photo_count(summarised: Mapping[str, Any]) -> int | None:
    """How many photos, by what `summary` said of them; None where it says nothing.

    Older records call them photographs.
    """
    count: int | None = summarised.get("photos", summarised.get("photographs"))
    return count


def command_line(
    folder: str, output: str, settings: TrainingSettings, validation: str | None, start: str | None = None
) -> str:
    """Return the command that repeats a run; settings at their defaults are left out."""
    words = ["saccade", "train", folder, "-o", output]
    if validation is not None:
        words += ["--validation", validation]
    if start is not None:
        words += ["--start-from", start]
    for setting in fields(settings):
        value = getattr(settings, setting.name)
        if value == setting.default:
            continue
        flag = setting.name.replace("_", "-")
        if setting.name == "image_channels":
            words.append("--grey")
        elif isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            words += [f"--{flag}", text]
    return shlex.join(words)


def versions(backend: str) -> dict[str, str]:
    """Return the versions of Python and of the packages that took part."""
    by_name = {"python": platform.python_version(), "backend": backend}
    for package in ("saccade", "keras", "numpy", "pillow", backend):
        names = (package, f"{package}-cpu")
        for name in names:
            try:
                by_name[package] = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                continue
            break
    return by_name
