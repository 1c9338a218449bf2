"""What all tests share: which engine is under test, and frameworks that keep quiet."""

from __future__ import annotations

import os
import warnings

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

# Loading a framework may warn about itself; what it does afterwards is ours, and there warnings are errors.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import keras  # noqa: F401

import numpy as np
import pytest
from numpy.typing import NDArray


def pytest_report_header() -> str:
    return f"keras backend: {os.environ['KERAS_BACKEND']}"


@pytest.fixture
def backend() -> str:
    """The framework that Keras runs on in this process."""
    return os.environ["KERAS_BACKEND"]


@pytest.fixture
def random() -> np.random.Generator:
    """Random numbers, the same in every run."""
    return np.random.default_rng(2026)


@pytest.fixture(scope="session")
def cat() -> NDArray[np.uint8]:
    """A photograph, (300, 451, 3)."""
    from skimage import data

    return np.asarray(data.chelsea())
