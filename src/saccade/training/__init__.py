"""Train a reference autoencoder on a folder of photos.

loop          train: photos in, a model that redraws them out
trainer       the model, its optimizer, and the state after the steps done so far
step          one step, compiled as a whole
architecture  the reference autoencoder
settings      what can be chosen about a run
photos        found, read once, split, and handed out in batches
batches       what each step learns from
augmentation  new variations of photos
schedule      how fast it learns, and how far back the mean of its weights reaches
muon          the optimizer
start         the weights of a model that was trained before
device        where it computes
checkpoint    a run that was stopped continues where it was
progress      how far a run is
preview       the same as an image
record        what a trained model was made from
"""

from __future__ import annotations

from saccade.training.architecture import reference_autoencoder
from saccade.training.loop import train
from saccade.training.progress import TrainingProgress
from saccade.training.record import TrainingRecord
from saccade.training.settings import TrainingSettings

__all__ = ["TrainingProgress", "TrainingRecord", "TrainingSettings", "reference_autoencoder", "train"]
