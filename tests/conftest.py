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

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsers import chromium
from commands import Run, small_autoencoder
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from saccade.cli import main
from saccade.run import Run as EncoderRun


def pytest_report_header() -> str:
    return f"keras backend: {os.environ['KERAS_BACKEND']}"


@pytest.fixture
def backend() -> str:
    """The framework that Keras runs on in this process."""
    return os.environ["KERAS_BACKEND"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser, for all tests of a module."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images each call of `Run.codes` has encoded, in their order."""
    counts: list[int] = []
    codes_of = EncoderRun.codes

    def counted(run: EncoderRun, images: Any, **settings: Any) -> Any:
        codes = codes_of(run, images, **settings)
        counts.append(len(codes))
        return codes

    monkeypatch.setattr(EncoderRun, "codes", counted)
    return counts


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail whatever asks a network."""
    import socket

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def random() -> np.random.Generator:
    """Random numbers, the same in every run."""
    return np.random.default_rng(2026)


@pytest.fixture(scope="session")
def cat() -> NDArray[np.uint8]:
    """A photograph, (300, 451, 3)."""
    return np.asarray(data.chelsea())


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The file of a small autoencoder."""
    path = tmp_path_factory.mktemp("models") / "small.keras"
    small_autoencoder().save(path)
    return str(path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of three photographs, one of them in a folder inside."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    Image.fromarray(data.chelsea()[::3, ::3]).save(folder / "cat.jpg")
    Image.fromarray(data.coffee()[::4, ::4]).save(folder / "cup.png")
    Image.fromarray(data.rocket()[::4, ::4]).save(folder / "more" / "rocket.webp")
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process in an empty folder; gives its status and what it said."""
    monkeypatch.chdir(tmp_path)

    def go(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main([str(each) for each in words])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return go
