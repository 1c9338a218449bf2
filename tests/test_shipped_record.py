"""The model that ships: its file, its record, and what it redraws."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from saccade.training import TrainingSettings
from saccade.training.record import command_line


def shipped(name: str) -> Path:
    return Path(str(resources.files("saccade") / "shipped" / name))


def skimage_photographs() -> np.ndarray:
    from skimage import data

    sources = (data.astronaut(), data.cat(), data.coffee(), data.rocket(), data.stereo_motorcycle()[0])
    return np.stack(
        [np.asarray(Image.fromarray(photo).resize((128, 128), Image.Resampling.BICUBIC)) for photo in sources]
    ) / np.float32(255)


def psnr(photographs: np.ndarray, redrawn: np.ndarray) -> np.ndarray:
    return -10 * np.log10(((photographs - redrawn) ** 2).mean(axis=(1, 2, 3)))


def test_the_shipped_model_is_small_and_redraws_photographs_it_never_saw() -> None:
    import keras

    path = shipped("clothing-autoencoder.keras")
    assert path.stat().st_size <= 3_000_000
    model = keras.saving.load_model(path)
    assert model.count_params() == 676_163
    assert not model.compiled
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
    photographs = skimage_photographs()
    blurred = np.stack(
        [
            np.asarray(
                Image.fromarray(np.uint8(photo * 255))
                .resize((8, 8), Image.Resampling.BOX)
                .resize((128, 128), Image.Resampling.BICUBIC)
            )
            for photo in photographs
        ]
    ) / np.float32(255)
    gained = psnr(photographs, np.asarray(model(photographs))) - psnr(photographs, blurred)
    assert gained.min() > 1.0
    assert gained.mean() > 2.0


def test_the_shipped_record_names_the_data_its_licence_and_source_and_no_place() -> None:
    text = shipped("clothing-autoencoder.json").read_text(encoding="utf-8")
    record = json.loads(text)
    assert record["data"]["licence"].startswith("CC0")
    assert "clothing-dataset-small" in record["data"]["source"]
    assert record["test"]["psnr"] > 28
    assert record["training"]["photos"] == 3068
    assert record["test"]["photos"] == 372
    assert record["sha256"] == hashlib.sha256(shipped("clothing-autoencoder.keras").read_bytes()).hexdigest()
    for place in ("/work", "/tmp", "/home"):
        assert place not in text


def test_the_shipped_record_holds_the_command_that_trains_such_a_model() -> None:
    record = json.loads(shipped("clothing-autoencoder.json").read_text(encoding="utf-8"))
    chosen = record["settings"] | {"channels": tuple(record["settings"]["channels"])}
    folders = record["training"]["folder"], record["validation"]["folder"]
    assert record["command"] == command_line(folders[0], record["model"], TrainingSettings(**chosen), folders[1])
    assert chosen["minutes"] * 60 == pytest.approx(record["seconds"], rel=1e-3)


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_the_shipped_model_redraws_alike_on_every_backend(backend: str, tmp_path: Path) -> None:
    import keras

    photographs = skimage_photographs()[:2]
    np.save(tmp_path / "photographs.npy", photographs)
    program = (
        "import sys, keras, numpy as np; model = keras.saving.load_model(sys.argv[1]);"
        "out = keras.ops.convert_to_numpy(model(np.load(sys.argv[2]))); np.save(sys.argv[3], out)"
    )
    model = shipped("clothing-autoencoder.keras")
    files = [str(model), str(tmp_path / "photographs.npy"), str(tmp_path / "redrawn.npy")]
    environment = os.environ | {"KERAS_BACKEND": backend}
    subprocess.run([sys.executable, "-c", program, *files], check=True, env=environment, capture_output=True)
    expected = np.asarray(keras.saving.load_model(model)(photographs))
    np.testing.assert_allclose(np.load(tmp_path / "redrawn.npy"), expected, atol=1e-4)
