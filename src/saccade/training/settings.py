"""What can be chosen about a training run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from saccade.errors import InputError, UnknownName
from saccade.training.architecture import check_shape, reference_autoencoder

PRECISIONS = ("auto", "float32", "mixed_bfloat16")
OPTIMIZERS = ("muon", "adam")


@dataclass(frozen=True)
class TrainingSettings:
    """Everything that decides the outcome of a run, apart from the photos.

    Attributes:
        size: Height and width of the images in pixels.
        code_channels: Channels of the code.
        channels: Channels of the blocks before the code, from the image inwards.
        epochs: Passes over the photos; the learning rate falls along a cosine over all of them. With `minutes` it
            is not used.
        minutes: Train for so long, by the clock, and let the learning rate fall over that time: None trains for
            `epochs`. Reading the photos before and the last measurement after it come on top.
        batch_size: Photos per step; fewer where there are not so many. Small batches suit a processor, which takes
            more steps with them in the same time; an accelerator is only busy with 64 or more.
        learning_rate: Its peak, reached after 300 steps (a tenth of the run, if shorter).
        validation_fraction: Share of the photos held back when no validation folder is given.
        patience: Stop after this many measurements without a better validation loss; there is one after an epoch,
            or after each fiftieth of the run if that is longer.
        seed: Decides the initial weights, the order of the photos and their variations.
        augment: Show a new variation (crop, rotation, mirror image, colours) of each photo in every epoch.
        image_channels: 3 for RGB, 1 for grey.
        precision: `float32`, `mixed_bfloat16`, or `auto`: the latter on an accelerator, else the former.
        optimizer: `muon`, which needs fewer epochs to the same error, or `adam`, whose steps cost a little less.

    Raises:
        InputError: A value that is out of range.
        UnknownName: A precision or optimizer that does not exist.
    """

    size: int = 128
    code_channels: int = 32
    channels: tuple[int, ...] = (32, 64, 128)
    epochs: int = 40
    minutes: float | None = None
    batch_size: int = 8
    learning_rate: float = 3e-3
    validation_fraction: float = 0.1
    patience: int = 10
    seed: int = 0
    augment: bool = True
    image_channels: int = 3
    precision: str = "auto"
    optimizer: str = "muon"

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "patience"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; give at least 1.")
        if self.seed < 0:
            raise InputError(f"seed is {self.seed}; give 0 or more.")
        if not self.learning_rate > 0:
            raise InputError(f"learning_rate is {self.learning_rate}; give a number above 0, such as 0.003.")
        if self.minutes is not None and not 0 < self.minutes < float("inf"):
            raise InputError(f"minutes is {self.minutes}; give a number above 0, such as 10.")
        if not 0 < self.validation_fraction <= 0.5:
            raise InputError(f"validation_fraction is {self.validation_fraction}; give above 0, at most 0.5.")
        if self.image_channels not in (1, 3):
            raise InputError(f"image_channels is {self.image_channels}; allowed: 1 (grey), 3 (RGB).")
        if self.precision not in PRECISIONS:
            raise UnknownName.of("precision", self.precision, PRECISIONS)
        if self.optimizer not in OPTIMIZERS:
            raise UnknownName.of("optimizer", self.optimizer, OPTIMIZERS)
        check_shape(self.size, self.code_channels, self.channels, self.image_channels)

    def hidden_precision(self, accelerator: bool) -> str:
        """The precision of the hidden layers while the model is trained."""
        if self.precision == "auto":
            return "mixed_bfloat16" if accelerator else "float32"
        return self.precision

    def autoencoder(self, precision: str = "float32") -> Any:
        """The untrained model that these settings describe, in a precision."""
        return reference_autoencoder(
            self.size,
            self.code_channels,
            self.channels,
            self.image_channels,
            seed=self.seed,
            precision=precision,
        )
