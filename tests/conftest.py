"""What all tests share: which engine is under test, and frameworks that keep quiet."""

from __future__ import annotations

import os
import tempfile
import warnings

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
if os.environ["KERAS_BACKEND"] == "jax":
    # Nearly all the time is LLVM's, on programs that run once on small images: let it optimise nothing, and compile
    # what many tests build (a net of the same layers) once for all processes. What is computed stays the same.
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        COMPILED = tempfile.TemporaryDirectory(prefix="compiled-", ignore_cleanup_errors=True)
        os.environ["JAX_COMPILATION_CACHE_DIR"] = COMPILED.name
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

if TYPE_CHECKING:
    from commands import Run


def pytest_sessionstart(session: pytest.Session) -> None:
    """Load Keras; the process that only hands tests to others says instead how these shall start."""
    if session.config.getoption("dist", "no") != "no":
        # As many processes as cores: with more threads than one they would wait for each other, and keep cores busy.
        for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ.setdefault(threads, "1")
        return
    # Loading a framework may warn about itself; what it does afterwards is ours, and there warnings are errors.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import keras  # noqa: F401


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where the tests of engines are asked for alone, import no file that has none."""
    engine_tests_only = config.getoption("markexpr") == "engine" and collection_path.match("test_*.py")
    return True if engine_tests_only and "mark.engine" not in collection_path.read_text() else None


def pytest_report_header() -> str:
    return f"keras backend: {os.environ['KERAS_BACKEND']}"


@pytest.fixture
def backend() -> str:
    """The framework that Keras runs on in this process."""
    return os.environ["KERAS_BACKEND"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser, for all tests of a module."""
    from browsers import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images each call of `Run.codes` has encoded, in their order."""
    from saccade.run import Run as EncoderRun

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
    from skimage import data

    return np.asarray(data.chelsea())


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The file of a small autoencoder."""
    from commands import small_autoencoder

    path = tmp_path_factory.mktemp("models") / "small.keras"
    small_autoencoder().save(path)
    return str(path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of three photographs, one of them in a folder inside."""
    from PIL import Image
    from skimage import data

    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    Image.fromarray(data.chelsea()[::3, ::3]).save(folder / "cat.jpg")
    Image.fromarray(data.coffee()[::4, ::4]).save(folder / "cup.png")
    Image.fromarray(data.rocket()[::4, ::4]).save(folder / "more" / "rocket.webp")
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process in an empty folder; gives its status and what it said."""
    from saccade.cli import main

    monkeypatch.chdir(tmp_path)

    def go(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main([str(each) for each in words])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return go
