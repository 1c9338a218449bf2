"""Training step by step: the model, its optimizer, and the state after the steps done so far."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.errors import InputError, MissingPackage
from saccade.training.augmentation import Strengths
from saccade.training.batches import Batches
from saccade.training.checkpoint import State
from saccade.training.device import Device
from saccade.training.muon import muon
from saccade.training.photos import Photos
from saccade.training.progress import TrainingProgress
from saccade.training.schedule import learning_rate, share_of_newest
from saccade.training.settings import TrainingSettings
from saccade.training.start import Start
from saccade.training.step import TrainingStep
from saccade.typing import Array

Progress = Callable[[TrainingProgress], None]
"""Called after every step, and once more after every measurement."""

MEASURED = 0.02
"""Share of the run between two measurements, at least: they must not cost more than the steps between them."""
READING = 0.25
"""Seconds after which the errors are read from the device; each reading waits for the steps under way."""
SAVING = 30.0
"""Seconds after which the state is saved, at most: what a stopped run may lose."""


class Trainer:
    """Trains from one measurement to the next; `state` is all that the next step depends on.

    Attributes:
        state: Weights, optimizer variables and history; as of the last measurement or of the last saving.
        digest: Tells this run from runs with other settings, photos, frameworks or starts.
        precision: Of the hidden layers.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        training: Photos,
        validation: Photos,
        start: Start | None = None,
        *,
        device: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        try:
            import keras
        except ImportError as error:
            raise MissingPackage.of("keras", "tensorflow") from error

        self._settings, self._validation, self._clock = settings, validation, clock
        self.device = Device(device)
        self.precision = settings.hidden_precision(self.device.is_accelerator)
        with self.device.scope():
            self._batches = Batches(training, settings.batch_size, settings.seed)
            self._model = settings.autoencoder(self.precision)
            self._mean = settings.autoencoder()
            if start is not None:
                self._model.set_weights(start.weights)
            self._mean.set_weights(self._model.get_weights())
            rate = settings.learning_rate
            adam = settings.optimizer == "adam"
            self._optimizer = keras.optimizers.Adam(rate, global_clipnorm=1.0) if adam else muon(rate)
            self._optimizer.build(self._model.trainable_variables)
            strengths = Strengths() if settings.augment else None
            fused = self.device.is_accelerator
            self._step = TrainingStep(self._model, self._mean, self._optimizer, strengths, fused=fused)
        about = {
            "settings": asdict(settings) | {"precision": self.precision},
            "training": training.digest,
            "validation": validation.digest,
            "backend": keras.backend.backend(),
        }
        if start is not None:
            about["start"] = start.sha256
        self.digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
        self.state = State()

    @property
    def finished(self) -> bool:
        """Whether the last step is done and measured, or `patience` measurements brought nothing better."""
        history = self.state.history
        if not history:
            return False
        since_best = len(history) - 1 - self._best_index
        return since_best >= self._settings.patience or self._share(history[-1]["step"], history[-1]["seconds"]) >= 1

    @property
    def epochs(self) -> int:
        """Epochs begun."""
        return self._epoch_of(self.state.steps)

    @property
    def best_epoch(self) -> int:
        """The epoch with the lowest validation loss, counted from 1; 0 before the first measurement."""
        return int(self.state.history[self._best_index]["epoch"]) if self.state.history else 0

    @property
    def _best_index(self) -> int:
        history = self.state.history
        return min(range(len(history)), key=lambda index: history[index]["validation_loss"])

    @property
    def _best_loss(self) -> float | None:
        return min((past["validation_loss"] for past in self.state.history), default=None)

    def restore(self, state: State) -> None:
        """Continue where another run with the same digest stopped."""
        self._model.set_weights(state.weights)
        self._mean.set_weights(state.mean)
        for variable, value in zip(self._optimizer.variables, state.optimizer, strict=True):
            variable.assign(value)
        self.state = state

    def advance(self, progress: Progress | None = None, save: Callable[[], None] | None = None) -> None:
        """Train until the next measurement on the validation photos, and take it.

        Args:
            progress: Called after every step, and last of all after the measurement.
            save: Called when `state` is new, at least twice a minute; after a measurement before `progress` is: what
                was reported is safe.

        Raises:
            InputError: The loss is no longer a number.
        """
        with self.device.scope():
            self._advance(progress, save or (lambda: None))

    def _advance(self, progress: Progress | None, save: Callable[[], None]) -> None:
        steps, errors = self.state.steps, _Errors(self.state.error_sum, self.state.error_steps)
        # What was spent before counts, whatever the clock shows now.
        start = self._clock() - self.state.seconds
        past = self.state.history[-1] if self.state.history else {"step": 0, "seconds": 0.0}
        measured_share = self._share(past["step"], past["seconds"])
        read = saved = self.state.seconds
        seconds = self.state.seconds
        while True:
            errors.add(self._take(steps, seconds))
            steps += 1
            seconds = self._clock() - start
            if errors.steps == 0 or seconds - read >= READING:
                self._read(errors, steps)
                # The device may have been behind: only now the clock tells when the steps were done.
                read = seconds = self._clock() - start
            share = self._share(steps, seconds)
            epoch_ends = steps % self._batches.per_epoch == 0
            # The two shares are quotients: their difference may lie below the bound by a rounding error.
            due = share >= 1 or (epoch_ends and share - measured_share >= MEASURED - 1e-9)
            if due:
                self._read(errors, steps)
            if progress is not None:
                progress(self._progress(steps, seconds, errors.mean, None))
            if due:
                break
            if seconds - saved >= SAVING:
                self._read(errors, steps)
                saved = seconds = self._clock() - start
                self._step.settle()
                self._keep(steps, seconds, errors, self.state.history, self.state.best)
                save()
        self._step.settle()
        validation_loss = float(self._validation_errors(self._mean).mean())
        seconds = self._clock() - start
        best = self._best_loss
        better = best is None or validation_loss < best
        entry = {
            "epoch": self._epoch_of(steps),
            "step": steps,
            "seconds": round(seconds, 3),
            "loss": errors.mean,
            "validation_loss": validation_loss,
        }
        weights = _values(self._mean.weights) if better else self.state.best
        self._keep(steps, seconds, _Errors(), [*self.state.history, entry], weights)
        save()
        if progress is not None:
            progress(self._progress(steps, seconds, errors.mean, validation_loss))

    def redraw(self, images: Array) -> Array:
        """Return the reconstructions of a few images by the mean of the weights."""
        with self.device.scope():
            return np.asarray(_on_host(self._mean.predict_on_batch(images)), np.float32)

    def result(self) -> tuple[Any, NDArray[np.float64]]:
        """Return the best model (float32, no optimizer), and its error on each validation photo."""
        return self.with_weights(self.state.best)

    def with_weights(self, weights: list[NDArray[Any]]) -> tuple[Any, NDArray[np.float64]]:
        """Return a model with these weights (float32, no optimizer), and its error on each validation photo."""
        with self.device.scope():
            model = self._settings.autoencoder()
            model.set_weights(weights)
            return model, self._validation_errors(model)

    def _take(self, steps: int, seconds: float) -> Any:
        """Take one step after so many, and return its error, which may still be under way."""
        rate = learning_rate(self._settings.learning_rate, steps, self._share(steps + 0.5, seconds))
        return self._step(*self._batches.at(steps), rate, share_of_newest(steps))

    def _epoch_of(self, steps: int) -> int:
        """The epoch that so many steps end in, counted from 1."""
        return -(-steps // self._batches.per_epoch)

    def _share(self, steps: float, seconds: float) -> float:
        """Which share of the run is done after so many steps, or seconds?"""
        if self._settings.minutes is not None:
            return min(1.0, seconds / (60 * self._settings.minutes))
        return min(1.0, steps / (self._settings.epochs * self._batches.per_epoch))

    def _read(self, errors: _Errors, steps: int) -> None:
        errors.read()
        if not np.isfinite(errors.sum):
            raise InputError(
                f"the loss is no longer a number in epoch {self._epoch_of(steps)}; "
                f"train with a lower --learning-rate than {self._settings.learning_rate} (learning_rate)."
            )

    def _keep(
        self,
        steps: int,
        seconds: float,
        errors: _Errors,
        history: list[dict[str, float]],
        best: list[NDArray[Any]],
    ) -> None:
        """Copy what the next step depends on into `state`."""
        weights, mean = _values(self._model.weights), _values(self._mean.weights)
        optimizer = _values(self._optimizer.variables)
        self.state = State(steps, seconds, errors.sum, errors.steps, history, weights, mean, optimizer, best)

    def _validation_errors(self, model: Any) -> NDArray[np.float64]:
        """Return the mean squared error of each validation photo."""
        errors = []
        count = len(self._validation)
        for start in range(0, count, 32):
            images = self._validation.images(range(start, min(start + 32, count)))
            redrawn = _on_host(model.predict_on_batch(images))
            errors.append(np.mean((redrawn - images) ** 2, axis=(1, 2, 3), dtype=np.float64))
        return np.concatenate(errors)

    def _progress(self, steps: int, seconds: float, loss: float, validation_loss: float | None) -> TrainingProgress:
        by_clock = self._settings.minutes is not None
        epoch, batch = divmod(steps - 1, self._batches.per_epoch)
        share = self._share(steps, seconds)
        return TrainingProgress(
            epoch + 1,
            None if by_clock else self._settings.epochs,
            batch + 1,
            self._batches.per_epoch,
            share,
            loss,
            validation_loss,
            self._best_loss,
            seconds,
            seconds / share * (1 - share) if share else float("inf"),
        )


class _Errors:
    """The errors of the steps since a measurement; those that were not read yet are on the device."""

    def __init__(self, total: float = 0.0, steps: int = 0) -> None:
        self.sum, self.steps = total, steps
        self._unread: list[Any] = []

    def add(self, error: Any) -> None:
        self._unread.append(error)

    def read(self) -> None:
        for error in self._unread:
            self.sum += float(error)
            self.steps += 1
        self._unread.clear()

    @property
    def mean(self) -> float:
        return self.sum / self.steps


def _values(variables: list[Any]) -> list[NDArray[Any]]:
    return [np.array(_on_host(variable.value)) for variable in variables]


def _on_host(tensor: Any) -> NDArray[Any]:
    import keras

    values: NDArray[Any] = np.asarray(keras.ops.convert_to_numpy(tensor))
    return values
