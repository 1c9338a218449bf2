"""How far a training run is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingProgress:
    """Where a run stands: reported after every batch, and once more after every epoch.

    Attributes:
        epoch: The epoch under way, counted from 1.
        epochs: How many there will be at most.
        batch: Batches done in this epoch.
        batches: Batches in an epoch.
        loss: Mean squared error over this epoch so far (values 0..1).
        validation_loss: Mean squared error on the validation photos; None until the epoch is complete.
        best: The lowest validation loss so far; None in the first epoch.
        seconds: Time spent, earlier runs that this one continues included.
        seconds_left: Expected time until the last epoch; an early stop comes sooner.
    """

    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: float
    validation_loss: float | None
    best: float | None
    seconds: float
    seconds_left: float

    @property
    def epoch_done(self) -> bool:
        """Whether this closes an epoch."""
        return self.validation_loss is not None
