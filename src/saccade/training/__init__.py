"""Train a reference autoencoder on a folder of photos."""

from __future__ import annotations

from saccade.training.architecture import reference_autoencoder
from saccade.training.loop import train
from saccade.training.progress import TrainingProgress
from saccade.training.record import TrainingRecord
from saccade.training.settings import TrainingSettings

__all__ = ["TrainingProgress", "TrainingRecord", "TrainingSettings", "reference_autoencoder", "train"]
