"""What can be chosen about a training run, and what it says while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from saccade.errors import InputError, UnknownName
from saccade.training.architecture import check_shape

PRECISIONS = ("float32", "mixed_bfloat16")
OPTIMIZERS = ("muon", "adam")


@dataclass(frozen=True)
class TrainingSettings:
    """Everything that decides the outcome of a run, apart from the photographs.

    Attributes:
        size: Height and width of the images in pixels.
        code_channels: Channels of the code.
        channels: Channels of the blocks before the code, from the image inwards.
        epochs: Passes over the photographs; the learning rate falls along a cosine over all of them.
        batch_size: Photographs per step.
        learning_rate: Its peak, reached after one epoch (a tenth of the run, if shorter).
        validation_fraction: Share of the photographs held back when no validation folder is given.
        patience: Stop after this many epochs without a better validation loss.
        seed: Decides the initial weights, the order of the photographs and their variations.
        augment: Show a new variation (crop, flip, colours) of each photograph in every epoch.
        image_channels: 3 for RGB, 1 for grey.
        precision: `float32`, or `mixed_bfloat16` where the processor computes it faster.
        optimizer: `muon`, which needs fewer epochs to the same error, or `adam`, whose steps cost a little less.

    Raises:
        InputError: A value that is out of range.
        UnknownName: A precision or optimizer that does not exist.
    """

    size: int = 128
    code_channels: int = 32
    channels: tuple[int, ...] = (32, 64, 128)
    epochs: int = 40
    batch_size: int = 16
    learning_rate: float = 2e-3
    validation_fraction: float = 0.1
    patience: int = 10
    seed: int = 0
    augment: bool = True
    image_channels: int = 3
    precision: str = "float32"
    optimizer: str = "muon"

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "patience"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; give at least 1.")
        if self.seed < 0:
            raise InputError(f"seed is {self.seed}; give 0 or more.")
        if not self.learning_rate > 0:
            raise InputError(f"learning_rate is {self.learning_rate}; give a number above 0, such as 0.002.")
        if not 0 < self.validation_fraction <= 0.5:
            raise InputError(f"validation_fraction is {self.validation_fraction}; give above 0, at most 0.5.")
        if self.image_channels not in (1, 3):
            raise InputError(f"image_channels is {self.image_channels}; allowed: 1 (grey), 3 (RGB).")
        if self.precision not in PRECISIONS:
            raise UnknownName.of("precision", self.precision, PRECISIONS)
        if self.optimizer not in OPTIMIZERS:
            raise UnknownName.of("optimizer", self.optimizer, OPTIMIZERS)
        check_shape(self.size, self.code_channels, self.channels, self.image_channels)


@dataclass(frozen=True)
class TrainingProgress:
    """Where a run stands: told after every batch, and once more after every epoch.

    Attributes:
        epoch: The epoch under way, counted from 1.
        epochs: How many there will be at most.
        batch: Batches done in this epoch.
        batches: Batches in an epoch.
        loss: Mean squared error over this epoch so far (values 0..1).
        validation_loss: Mean squared error on the validation photographs; None until the epoch is complete.
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
