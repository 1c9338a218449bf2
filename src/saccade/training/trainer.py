"""Training epoch by epoch: the model, its optimizer, and the state after the epochs done so far."""

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
from saccade.training.augmentation import unvaried, vary
from saccade.training.checkpoint import State
from saccade.training.muon import muon
from saccade.training.photos import Photos
from saccade.training.progress import TrainingProgress
from saccade.training.settings import TrainingSettings
from saccade.training.start import Start
from saccade.typing import Array

Progress = Callable[[TrainingProgress], None]
"""Called after every batch, and once more after every epoch."""


class Trainer:
    """Trains epoch by epoch; `state` is all that the next epoch depends on.

    Attributes:
        state: Weights, optimizer variables and history after the last complete epoch.
        digest: Tells this run from runs with other settings, photos, frameworks or starts.
    """

    def __init__(
        self, settings: TrainingSettings, training: Photos, validation: Photos, start: Start | None = None
    ) -> None:
        try:
            import keras
        except ImportError as error:
            raise MissingPackage.of("keras", "tensorflow") from error

        self._settings, self._training, self._validation = settings, training, validation
        self._batch_size = min(settings.batch_size, len(training))
        self._batches = len(training) // self._batch_size
        self._model = settings.autoencoder(settings.precision)
        if start is not None:
            self._model.set_weights(start.weights)
        steps = self._batches * settings.epochs
        warm_up = max(1, min(self._batches, steps // 10))
        schedule = keras.optimizers.schedules.CosineDecay(
            settings.learning_rate / 100,
            decay_steps=max(1, steps - warm_up),
            alpha=0.01,
            warmup_target=settings.learning_rate,
            warmup_steps=warm_up,
        )
        # A single photo with hard edges can throw a young network off; the clip only acts then.
        adam = settings.optimizer == "adam"
        self._optimizer = keras.optimizers.Adam(schedule, global_clipnorm=1.0) if adam else muon(schedule)
        self._model.compile(self._optimizer, loss="mean_squared_error")
        self._optimizer.build(self._model.trainable_variables)
        about = {
            "settings": asdict(settings),
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
        """Whether all epochs are done, or `patience` of them brought nothing better."""
        done = self.state.epoch
        return done >= self._settings.epochs or done - self.best_epoch >= self._settings.patience

    @property
    def best_epoch(self) -> int:
        """The epoch with the lowest validation loss, counted from 1; 0 before the first."""
        history = self.state.history
        if not history:
            return 0
        return 1 + min(range(len(history)), key=lambda index: history[index]["validation_loss"])

    @property
    def _best_loss(self) -> float | None:
        return min((past["validation_loss"] for past in self.state.history), default=None)

    def restore(self, state: State) -> None:
        """Continue where another run with the same digest stopped."""
        self._model.set_weights(state.weights)
        for variable, value in zip(self._optimizer.variables, state.optimizer, strict=True):
            variable.assign(value)
        self.state = state

    def epoch(self, progress: Progress | None = None, complete: Callable[[], None] | None = None) -> None:
        """Show every training photo once, measure on the validation photos, update `state`.

        Args:
            progress: Called after every batch, and last of all after the epoch.
            complete: Called when `state` is new, before `progress` is: what was reported is safe.

        Raises:
            InputError: The loss is no longer a number.
        """
        began, earlier = time.monotonic(), self.state.seconds
        number = self.state.epoch + 1
        # Seeded by the epoch, not drawn from one long stream: a continued run sees what it would have seen.
        generator = np.random.default_rng([self._settings.seed, number])
        order = generator.permutation(len(self._training))
        losses: list[float] = []
        for batch in range(self._batches):
            chosen = order[batch * self._batch_size : (batch + 1) * self._batch_size]
            images = self._images(chosen, generator)
            # Without the reset some Keras versions return a mean over earlier batches too.
            self._model.reset_metrics()
            losses.append(float(self._model.train_on_batch(images, images)))
            if not np.isfinite(losses[-1]):
                raise InputError(
                    f"the loss is no longer a number in epoch {number}; "
                    f"train with a lower learning rate than {self._settings.learning_rate}."
                )
            if progress is not None:
                spent = time.monotonic() - began
                progress(self._progress(number, batch + 1, float(np.mean(losses)), None, earlier + spent))
        loss = float(np.mean(losses))
        validation_loss = float(self._errors(self._model).mean())
        seconds = earlier + time.monotonic() - began
        best = self._best_loss
        better = best is None or validation_loss < best
        weights = [np.array(weight) for weight in self._model.get_weights()]
        self.state = State(
            number,
            seconds,
            [*self.state.history, {"epoch": number, "loss": loss, "validation_loss": validation_loss}],
            weights,
            [np.array(variable.numpy()) for variable in self._optimizer.variables],
            weights if better else self.state.best,
        )
        if complete is not None:
            complete()
        if progress is not None:
            progress(self._progress(number, self._batches, loss, validation_loss, seconds))

    def redraw(self, images: Array) -> Array:
        """Return the present model's reconstructions of a few images."""
        return np.asarray(self._model.predict_on_batch(images), np.float32)

    def result(self) -> tuple[Any, NDArray[np.float64]]:
        """Return the best model (float32, no optimizer), and its error on each validation photo."""
        return self.with_weights(self.state.best)

    def with_weights(self, weights: list[NDArray[Any]]) -> tuple[Any, NDArray[np.float64]]:
        """Return a model with these weights (float32, no optimizer), and its error on each validation photo."""
        model = self._settings.autoencoder()
        model.set_weights(weights)
        return model, self._errors(model)

    def _images(self, chosen: NDArray[Any], generator: np.random.Generator) -> Array:
        photos = self._training.at(chosen)
        if self._settings.augment:
            return vary(photos, self._settings.size, generator)
        return unvaried(photos, self._settings.size)

    def _errors(self, model: Any) -> NDArray[np.float64]:
        """Return the mean squared error of each validation photo."""
        errors = []
        count = len(self._validation)
        for start in range(0, count, 32):
            images = unvaried(self._validation.at(range(start, min(start + 32, count))), self._settings.size)
            redrawn = np.asarray(model.predict_on_batch(images), np.float32)
            errors.append(np.mean((redrawn - images) ** 2, axis=(1, 2, 3), dtype=np.float64))
        return np.concatenate(errors)

    def _progress(
        self, epoch: int, batch: int, loss: float, validation_loss: float | None, seconds: float
    ) -> TrainingProgress:
        done = (epoch - 1) * self._batches + batch
        left = self._settings.epochs * self._batches - done
        return TrainingProgress(
            epoch,
            self._settings.epochs,
            batch,
            self._batches,
            loss,
            validation_loss,
            self._best_loss,
            seconds,
            seconds / done * left,
        )
