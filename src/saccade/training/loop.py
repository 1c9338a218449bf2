"""The training loop: photos in, a model that redraws them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from saccade.atomic_files import atomic_file, check_writable
from saccade.errors import FileError, InputError
from saccade.picture.files import FORMATS
from saccade.training import checkpoint
from saccade.training.photos import Photos, gather
from saccade.training.preview import draw
from saccade.training.record import TrainingRecord, command_line, summary, versions
from saccade.training.settings import TrainingSettings
from saccade.training.start import Start, read_start
from saccade.training.trainer import Progress, Trainer

FEWEST = 8
"""Photos below which nothing can be learnt."""
MARGIN = 1.5
"""Photos stay this much larger than the model's images, so that a crop is not a blur."""
SHOWN = 8
"""Photos in the preview."""


def train(
    folder: Path | Sequence[Path],
    output: Path,
    settings: TrainingSettings | None = None,
    *,
    validation: Path | None = None,
    resume: bool = True,
    progress: Progress | None = None,
    preview: Path | None = None,
    start_from: Path | None = None,
    device: str | None = None,
    overwrite: bool = True,
) -> TrainingRecord:
    """Train the reference autoencoder on photos: which small code is enough to draw them again?

    Minimises the error between a variation of a photo and its reconstruction, squared, with a twentieth of the
    absolute one for sharp edges, with Muon or Adam; the learning rate warms up and then falls along a cosine, over
    epochs or over minutes. What is measured and saved is the exponential mean of the weights, as it was when its
    validation loss was lowest. A checkpoint is written beside the output, at least twice a minute; a run that was
    stopped continues from it on the same schedule, and the checkpoint goes when the model is complete.

    Args:
        folder: A folder with photos, searched with the folders in it; or the files themselves.
        output: The `.keras` file to write; the record goes beside it, with the ending `.json`.
        settings: What can be chosen; None takes the defaults.
        validation: A folder with the validation photos; None holds back a share of `folder`.
        resume: Continue from the checkpoint if there is one; False starts again.
        progress: Called after every step and after every measurement. What it raises ends the run; the last
            checkpoint stays.
        preview: An image file to write after every measurement: validation photos above, redrawn below.
        start_from: A `.keras` file of an earlier run to train further, of the architecture that `settings`
            describe; the learning rate warms up and falls again. None starts from random weights.
        device: Where to compute, such as `cpu` or `gpu:0`; None leaves it to the framework.
        overwrite: False refuses, before anything is read, to write over a finished model.

    Returns:
        The record that is also written beside the output.

    Raises:
        InputError: Fewer than 8 readable photos, an ending that does not fit the file, a start of another
            architecture, or no such device.
        ModelError: The start is not a Keras model that opens without trust.
        FileError: The folder or the start does not exist, the output cannot be written or is a finished model that
            must not be overwritten, or the checkpoint is of another run.
        MissingPackage: Keras is not installed.

    Example:
        >>> train(Path("photos"), Path("photos.keras"), TrainingSettings(epochs=20))  # doctest: +SKIP
    """
    settings = settings or TrainingSettings()
    if output.suffix != ".keras":
        raise InputError(f"{output.name} is not a .keras file; give an output such as {output.stem}.keras.")
    check_writable(output)
    saved = checkpoint.checkpoint_path(output)
    if output.exists() and not overwrite and not saved.exists():
        raise FileError(
            f"{output} is there already, and training would write over it; give another name (-o), or --force "
            "(overwrite=True)."
        )
    if preview is not None:
        if preview.suffix.lower() not in FORMATS:
            raise InputError(f"{preview.name} is not an image file; its ending must be {', '.join(FORMATS)}.")
        check_writable(preview)
    start = None if start_from is None else read_start(start_from, settings)
    training_photos, validation_photos = _collections(folder, validation, settings)
    trainer = Trainer(settings, training_photos, validation_photos, start, device=device)
    state = checkpoint.load(saved, trainer.digest) if resume else None
    if state is not None:
        trainer.restore(state)
    while not trainer.finished:
        trainer.advance(progress, lambda: checkpoint.save(saved, trainer.state, trainer.digest))
        if preview is not None:
            shown_photos = (
                np.linspace(0, len(validation_photos) - 1, min(SHOWN, len(validation_photos))).round().astype(int)
            )
            images = validation_photos.images(shown_photos)
            draw(images, trainer.redraw(images), preview)
    record = _finish(trainer, output, settings, training_photos, validation_photos, validation, start)
    saved.unlink(missing_ok=True)
    return record


def _finish(
    trainer: Trainer,
    output: Path,
    settings: TrainingSettings,
    training_photos: Photos,
    validation_photos: Photos,
    validation: Path | None,
    start: Start | None,
) -> TrainingRecord:
    """Write the model and its record."""
    import keras

    model, errors = trainer.result()
    record = TrainingRecord(
        model=output.name,
        command=command_line(
            training_photos.folder,
            output.name,
            settings,
            validation_photos.folder if validation else None,
            None if start is None else start.model,
        ),
        settings=asdict(settings),
        training=summary(training_photos),
        validation=summary(validation_photos),
        skipped=training_photos.skipped + (validation_photos.skipped if validation else ()),
        start=None if start is None else _began(trainer, start),
        epochs_run=trainer.epochs,
        steps=trainer.state.steps,
        best_epoch=trainer.best_epoch,
        history=tuple(trainer.state.history),
        validation_loss=float(errors.mean()),
        validation_psnr=float(np.mean(10 * np.log10(1 / np.maximum(errors, 1e-12)))),
        seconds=round(trainer.state.seconds, 1),
        device=str(trainer.device),
        precision=trainer.precision,
        versions=versions(keras.backend.backend()),
    )
    with atomic_file(output) as part:
        model.save(part)
    record.write(output.with_suffix(".json"))
    return record


def _began(trainer: Trainer, start: Start) -> dict[str, Any]:
    """Which model the run began with, and how good that was."""
    _, errors = trainer.with_weights(start.weights)
    return {"model": start.model, "sha256": start.sha256, "validation_loss": float(errors.mean())}


def _collections(
    folder: Path | Sequence[Path], validation: Path | None, settings: TrainingSettings
) -> tuple[Photos, Photos]:
    """Return the photos to learn from and those to measure on."""
    size = round(settings.size * (MARGIN if settings.augment else 1))
    photos = gather(folder, size, settings.image_channels)
    if len(photos) < FEWEST:
        skipped = f" ({len(photos.skipped)} could not be read)" if photos.skipped else ""
        count = f"{len(photos)} photo{'' if len(photos) == 1 else 's'}"
        raise InputError(
            f"{photos.folder} has {count}{skipped}; training needs at least {FEWEST}, and a useful model some hundreds."
        )
    if validation is None:
        learned_from, measured_on = photos.split(settings.validation_fraction)
        return learned_from, measured_on.at_size(settings.size)
    validation_photos = gather(validation, settings.size, settings.image_channels)
    if not len(validation_photos):
        raise InputError(f"{validation} has no readable photos; validation needs at least one.")
    if validation_photos.digest == photos.digest:
        raise InputError(
            f"{validation} holds the very photos of {photos.folder}, so nothing would be measured on photos that the "
            "model did not learn from; give other ones, or leave --validation out, and some are held back."
        )
    return photos, validation_photos
