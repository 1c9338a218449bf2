"""The types that every module shares."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
"""Images (images, height, width, channels), codes, maps: numpy, single precision."""

Tensor = Any
"""A tensor of the model's own framework: TensorFlow, PyTorch, JAX, or numpy in the reference engine."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, as shares of a photo's width and height."""
