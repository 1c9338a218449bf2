"""`saccade explain` on every kind of file that a model is kept in, from the command line."""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_keras1
from PIL import Image
from skimage import data

from saccade.cli import main

FACTORY = """
import torch

def build():
    torch.manual_seed(1)
    conv = lambda a, b: [torch.nn.Conv2d(a, b, 3, padding=1), torch.nn.ELU()]
    return torch.nn.Sequential(*conv(3, 4), torch.nn.MaxPool2d(2), *conv(4, 3), torch.nn.MaxPool2d(2))
"""


def keras_3(folder: Path) -> list[str]:
    import nets

    nets.autoencoder(24, channels=3).save(folder / "model.keras")
    return ["model.keras"]


def keras_3_weights(folder: Path) -> list[str]:
    import nets

    shutil.copy(Path(nets.__file__), folder / "own_nets.py")
    nets.nested().save_weights(folder / "own.weights.h5")
    return ["own_nets:nested", "--weights", "own.weights.h5"]


def keras_3_json(folder: Path) -> list[str]:
    import nets

    model = nets.autoencoder(24, channels=3)
    (folder / "model.json").write_text(model.to_json())
    model.save_weights(folder / "model.weights.h5")
    return ["model.json", "--weights", "model.weights.h5"]


def keras_2(ending: str) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        import tf_keras

        layers = tf_keras.layers
        tf_keras.backend.clear_session()
        picture = layers.Input((24, 24, 3))
        x = layers.Conv2D(4, 3, padding="same", activation="elu", bias_initializer="random_normal")(picture)
        x = layers.MaxPooling2D(2, name="encoded")(x)
        x = layers.Conv2D(3, 3, padding="same", activation="sigmoid")(layers.UpSampling2D(2)(x))
        tf_keras.Model(picture, x).save(folder / f"model{ending}", **({} if ending else {"save_format": "tf"}))
        return [f"model{ending}"]

    return make


def plain_function(folder: Path) -> list[str]:
    keras_2("")(folder)
    (folder / "model" / "keras_metadata.pb").unlink()
    return ["model"]


def keras_1(ordering: str, backend: str) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        config, weights = test_keras1.autoencoder(ordering, 32)
        layers = test_keras1.stored(weights, ordering)
        test_keras1.write(folder / "model.h5", "Model", config, layers, backend=backend)
        return ["model.h5"]

    return make


def torch_weights(ending: str) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        import torch
        from safetensors.torch import save_file

        module = built(folder)
        if ending == "safetensors":
            save_file(module.state_dict(), folder / "own.safetensors")
        else:
            torch.save(module.state_dict(), folder / f"own.{ending}")
        return ["own_torch_factory:build", "--weights", f"own.{ending}", "--input-shape", "24,24,3"]

    return make


def built(folder: Path) -> Any:
    (folder / "own_torch_factory.py").write_text(FACTORY)
    space: dict[str, Any] = {}
    exec(FACTORY, space)
    return space["build"]().eval()


def torch_export(folder: Path) -> list[str]:
    import torch

    free = ({0: torch.export.Dim.AUTO},)
    torch.export.save(
        torch.export.export(built(folder), (torch.rand(2, 3, 24, 24),), dynamic_shapes=free), folder / "model.pt2"
    )
    return ["model.pt2"]


def torch_script(folder: Path) -> list[str]:
    import torch

    torch.jit.script(built(folder)).save(folder / "model.pt")
    return ["model.pt", "--input-shape", "24,24,3"]


KINDS: dict[str, Callable[[Path], list[str]]] = {
    "Keras 3 .keras": keras_3,
    "Keras 3 weights and a factory": keras_3_weights,
    "Keras 3 .json and weights": keras_3_json,
    "Keras 2 .keras": keras_2(".keras"),
    "Keras 2 .h5": keras_2(".h5"),
    "SavedModel of Keras": keras_2(""),
    "SavedModel, function only": plain_function,
    "Keras 1, TensorFlow": keras_1("tf", "tensorflow"),
    "Keras 1, Theano, channels first": keras_1("th", "theano"),
    "torch safetensors and a factory": torch_weights("safetensors"),
    "torch .pt weights and a factory": torch_weights("pt"),
    "torch.export": torch_export,
    "TorchScript": torch_script,
}


@pytest.mark.parametrize("kind", KINDS)
def test_explain(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the frameworks say of themselves while they write old formats
        model = KINDS[kind](tmp_path)
    Image.fromarray(data.chelsea()).save("cat.png")
    status = main(
        ["explain", *model, "cat.png", "-m", "occlusion,integrated_gradients", "--raw", "-o", "out", "--json"]
    )
    printed = capsys.readouterr()
    assert status == 0, printed.err
    json.loads(printed.out)
    assert list(Path("out").glob("*.png"))
    for raw in Path("out").glob("*.npz"):
        with np.load(raw) as numbers:
            assert np.abs(numbers["heatmap"]).max() > 0
    assert main(["layers", *model]) == 0
