"""The training loop: photographs in, a model that redraws them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from saccade.atomic_files import atomic_file, check_writable
from saccade.errors import InputError
from saccade.picture.files import FORMATS
from saccade.training import checkpoint
from saccade.training.augmentation import plain
from saccade.training.photographs import Photographs, gather
from saccade.training.preview import draw
from saccade.training.record import TrainingRecord, command_line, contents, versions
from saccade.training.run import Run, Watcher
from saccade.training.settings import TrainingSettings
from saccade.training.start import Start, read_start

FEWEST = 8
"""Photographs below which nothing can be learnt."""
MARGIN = 1.5
"""Photographs are kept this much larger than the model's images, so that a crop is not a blur."""
SHOWN = 8
"""Photographs in the preview."""


def train(
    folder: Path | Sequence[Path],
    output: Path,
    settings: TrainingSettings | None = None,
    *,
    validation: Path | None = None,
    resume: bool = True,
    progress: Watcher | None = None,
    preview: Path | None = None,
    start_from: Path | None = None,
) -> TrainingRecord:
    """Train the reference autoencoder on photographs: which small code is enough to draw them again?

    Minimises the mean squared error between a variation of a photograph and its reconstruction, with Muon
    or Adam; the learning rate warms up and then falls along a cosine. Keeps the weights with the lowest validation
    loss. After every epoch a checkpoint is written beside the output; a run that was stopped continues from
    it on the same schedule, and the checkpoint goes when the model is complete.

    Args:
        folder: A folder with photographs, searched with the folders in it; or the files themselves.
        output: The `.keras` file to write; the record goes beside it, with the ending `.json`.
        settings: What can be chosen; None takes the defaults.
        validation: A folder with the validation photographs; None holds back a share of `folder`.
        resume: Continue from the checkpoint if there is one; False starts again.
        progress: Called after every batch and after every epoch. What it raises ends the run; the checkpoint
            of the last complete epoch stays.
        preview: A picture file to write after every epoch: validation photographs above, redrawn below.
        start_from: A `.keras` file of an earlier run to train further, of the architecture that `settings`
            describe; the learning rate warms up and falls again. None starts from random weights.

    Returns:
        The record that is also written beside the output.

    Raises:
        InputError: Fewer than 8 readable photographs, an ending that does not fit the file, or a start of
            another architecture.
        ModelError: The start is not a Keras model that opens without trust.
        FileError: The folder or the start does not exist, the output cannot be written, or the checkpoint is
            of another run.
        MissingPackage: Keras is not installed.

    Example:
        >>> train(Path("photos"), Path("photos.keras"), TrainingSettings(epochs=20))  # doctest: +SKIP
    """
    settings = settings or TrainingSettings()
    if output.suffix != ".keras":
        raise InputError(f"{output.name} is not a .keras file; give an output such as {output.stem}.keras.")
    check_writable(output)
    if preview is not None:
        if preview.suffix.lower() not in FORMATS:
            raise InputError(f"{preview.name} is not a picture file; its ending must be {', '.join(FORMATS)}.")
        check_writable(preview)
    start = None if start_from is None else read_start(start_from, settings)
    learned, held = _collections(folder, validation, settings)
    run = Run(settings, learned, held, start)
    saved = checkpoint.beside(output)
    state = checkpoint.load(saved, run.digest) if resume else None
    if state is not None:
        run.restore(state)
    while not run.finished:
        run.epoch(progress, lambda: checkpoint.save(saved, run.state, run.digest))
        if preview is not None:
            chosen = np.linspace(0, len(held) - 1, min(SHOWN, len(held))).round().astype(int)
            photographs = plain(held.at(chosen), settings.size)
            draw(photographs, run.redraw(photographs), preview)
    record = _finish(run, output, settings, learned, held, validation, start)
    saved.unlink(missing_ok=True)
    return record


def _finish(
    run: Run,
    output: Path,
    settings: TrainingSettings,
    learned: Photographs,
    held: Photographs,
    validation: Path | None,
    start: Start | None,
) -> TrainingRecord:
    """Write the model and its record."""
    import keras

    model, errors = run.result()
    record = TrainingRecord(
        model=output.name,
        command=command_line(
            learned.folder,
            output.name,
            settings,
            held.folder if validation else None,
            None if start is None else start.model,
        ),
        settings=asdict(settings),
        training=contents(learned),
        validation=contents(held),
        skipped=learned.skipped + (held.skipped if validation else ()),
        start=None if start is None else _began(run, start),
        epochs_run=run.state.epoch,
        best_epoch=run.best_epoch,
        history=tuple(run.state.history),
        validation_loss=float(errors.mean()),
        validation_psnr=float(np.mean(10 * np.log10(1 / np.maximum(errors, 1e-12)))),
        seconds=round(run.state.seconds, 1),
        versions=versions(keras.backend.backend()),
    )
    with atomic_file(output) as part:
        model.save(part)
    record.write(output.with_suffix(".json"))
    return record


def _began(run: Run, start: Start) -> dict[str, Any]:
    """Say which model the run began with, and how good that was."""
    _, errors = run.objective(start.weights)
    return {"model": start.model, "sha256": start.sha256, "validation_loss": float(errors.mean())}


def _collections(
    folder: Path | Sequence[Path], validation: Path | None, settings: TrainingSettings
) -> tuple[Photographs, Photographs]:
    """Return the photographs to learn from and those to measure on."""
    size = round(settings.size * (MARGIN if settings.augment else 1))
    photographs = gather(folder, size, settings.image_channels)
    if len(photographs) < FEWEST:
        skipped = f" ({len(photographs.skipped)} could not be read)" if photographs.skipped else ""
        found = f"{len(photographs)} photograph{'' if len(photographs) == 1 else 's'}"
        raise InputError(
            f"{photographs.folder} has {found}{skipped}; training needs at least {FEWEST}, "
            "and a useful model some hundreds."
        )
    if validation is None:
        return photographs.split(settings.validation_fraction)
    held = gather(validation, settings.size, settings.image_channels)
    if not len(held):
        raise InputError(f"{validation} has no readable photographs; validation needs at least one.")
    return photographs, held
