"""Train a reference autoencoder on a folder of photographs."""

from __future__ import annotations

from saccade.training.architecture import reference_autoencoder
from saccade.training.loop import train
from saccade.training.record import TrainingRecord
from saccade.training.settings import TrainingProgress, TrainingSettings

__all__ = ["TrainingProgress", "TrainingRecord", "TrainingSettings", "reference_autoencoder", "train"]
