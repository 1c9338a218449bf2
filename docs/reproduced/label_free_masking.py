"""Label-free feature importance on Fashion-MNIST: does hiding what a map marks move the code more than chance does?

The protocol of Crabbé and van der Schaar (2022), arXiv:2203.01928, section 4.1: a denoising autoencoder with four
numbers in its code (87,000 weights), maps of every test picture, the 5, 10, 20, 50, 80 and 100 % most important
pixels painted black, and the mean squared shift of the code. Fashion-MNIST in place of MNIST as in the replication of
Garcarz et al. (2023), doi:10.5281/zenodo.8173688. Two controls are added that the paper lacks.

    .venv/bin/python docs/reproduced/label_free_masking.py fashion_mnist.npz [--epochs 8] [--pictures 1000] [--seeds 3]

The file holds `x_train` and `x_test`, (pictures, 28, 28) of 0 to 255.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

import saccade
from saccade.methods import find

Array = NDArray[np.float32]
SHARES = (0.05, 0.10, 0.20, 0.50, 0.80, 1.00)
METHODS: dict[str, dict[str, Any]] = {
    "integrated_gradients": {"baseline": "black", "steps": 32, "low_pass": 0.0},
    "expected_gradients": {"steps": 4, "low_pass": 0.0},
    "saliency": {"low_pass": 0.0},
}
NAMES = {
    "integrated_gradients": "integrated gradients",
    "expected_gradients": "gradient SHAP (expected gradients)",
    "saliency": "saliency",
    "random": "random pixels",
    "intensity": "brightest pixels (control)",
    "edges": "Sobel edges (control)",
}


def autoencoder(seed: int) -> keras.Model:
    """The paper's autoencoder of MNIST: three strided convolutions, a code of four numbers, and its mirror."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    picture = layers.Input((28, 28, 1))
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(picture)
    x = layers.Conv2D(16, 3, strides=2, padding="same")(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2D(32, 3, strides=2, padding="valid", activation="relu")(x)
    x = layers.Dense(128, activation="relu")(layers.Flatten()(x))
    x = layers.Dense(4, name="code")(x)
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Reshape((3, 3, 32))(layers.Dense(288, activation="relu")(x))
    x = layers.Conv2DTranspose(16, 3, strides=2, padding="valid")(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2DTranspose(8, 3, strides=2, padding="same")(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    return keras.Model(picture, layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid")(x))


def trained(pictures: Array, epochs: int, seed: int) -> keras.Model:
    """The autoencoder, taught to take noise (standard deviation 0.3) away."""
    model = autoencoder(seed)
    noise = np.random.default_rng(seed).standard_normal(pictures.shape, dtype=np.float32)
    model.compile("adam", "mse")
    model.fit(pictures + 0.3 * noise, pictures, batch_size=256, epochs=epochs, verbose=0)
    return model


def controls(pictures: Array, seed: int) -> dict[str, Array]:
    """Maps that know nothing of the network, (pictures, height, width)."""
    plain = pictures[..., 0]
    padded = np.pad(plain, ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows = padded[:, 2:] - padded[:, :-2]
    columns = padded[:, :, 2:] - padded[:, :, :-2]
    across = rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]
    along = columns[:, :-2] + 2 * columns[:, 1:-1] + columns[:, 2:]
    return {
        "random": np.random.default_rng(seed).random(plain.shape, dtype=np.float32),
        "intensity": plain,
        "edges": np.sqrt(across**2 + along**2),
    }


def shifts(encoder: saccade.Encoder, pictures: Array, maps: Array) -> list[float]:
    """The mean squared shift of the code when the most important pixels are painted black, for each share."""
    codes = encoder.codes(pictures)
    order = np.argsort(-maps.reshape(len(maps), -1), axis=1, kind="stable")
    distances = []
    for share in SHARES:
        hidden = pictures.reshape(len(pictures), -1).copy()
        np.put_along_axis(hidden, order[:, : round(share * order.shape[1])], 0.0, axis=1)
        moved = encoder.codes(hidden.reshape(pictures.shape))
        distances.append(float(((moved - codes) ** 2).sum(axis=(1, 2, 3)).mean()))
    return distances


def main() -> None:
    """Train, explain, hide, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", help="also write the figures to this file")
    arguments = parser.parse_args()
    with np.load(arguments.data) as data:
        learned = data["x_train"][..., None].astype(np.float32) / 255
        tested = data["x_test"][: arguments.pictures, ..., None].astype(np.float32) / 255
    runs: dict[str, list[list[float]]] = {name: [] for name in NAMES}
    for seed in range(arguments.seeds):
        model = trained(learned, arguments.epochs, seed)
        encoder = saccade.Encoder(model, layer="code")
        print(f"seed {seed}: {model.count_params():,} weights, redraws with an error of "
              f"{float(((encoder.reconstruct(tested) - tested) ** 2).mean()):.4f}", flush=True)  # fmt: skip
        maps = controls(tested, seed)
        for method, settings in METHODS.items():
            raw = find(method)(encoder, tested, saccade.targets.code(), **settings).raw
            maps[method] = np.abs(raw).sum(axis=-1)
        for name, values in maps.items():
            runs[name].append(shifts(encoder, tested, values))
    print("| pixels hidden | " + " | ".join(f"{share:.0%}" for share in SHARES) + " |")
    print("| --- |" + " ---: |" * len(SHARES))
    for name, rows in runs.items():
        middle, spread = np.mean(rows, axis=0), np.std(rows, axis=0)
        print(
            f"| {NAMES[name]} | " + " | ".join(f"{a:.2f} ± {b:.2f}" for a, b in zip(middle, spread, strict=True)) + " |"
        )
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:  # noqa: PTH123
            json.dump({"shares": SHARES, "shifts": runs}, file, indent=1)


if __name__ == "__main__":
    main()
