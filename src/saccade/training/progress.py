"""How far a training run is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingProgress:
    """Where a run stands: reported after every step, and once more after every measurement on the validation photos.

    Attributes:
        epoch: The epoch under way, counted from 1.
        epochs: How many there will be at most; None in a run by the clock.
        batch: Batches done in this epoch.
        batches: Batches in an epoch.
        share: Share of the run that is done, 0..1.
        loss: Mean squared error since the last measurement (values 0..1), as far as it was read: while an accelerator
            works it is read a few times a second, not after every step.
        validation_loss: Mean squared error on the validation photos; None except after a measurement.
        best: The lowest validation loss so far; None before the first measurement.
        seconds: Time spent, earlier runs that this one continues included.
        seconds_left: Expected time until the last step; an early stop comes sooner.
    """

    epoch: int
    epochs: int | None
    batch: int
    batches: int
    share: float
    loss: float
    validation_loss: float | None
    best: float | None
    seconds: float
    seconds_left: float

    @property
    def measured(self) -> bool:
        """Whether this reports a measurement on the validation photos."""
        return self.validation_loss is not None
