"""Does one look at the code's energy find an object better than thousands of random masks (LaFAM against RELAX)?

Karjauv and Albayrak (2024), arXiv:2407.06059, compare the two on two self-supervised ResNet-50 and two sets of
photographs with object masks. Neither the networks nor the photographs can be shipped, so the question is asked again
where the answer is known exactly: pieces of clothing from Fashion-MNIST, tinted and pasted onto crops of photographs,
and two encoders of the same shape that learned without labels, one by redrawing the pictures and one by contrast
(SimCLR, Chen et al. 2020, arXiv:2002.05709).

    .venv/bin/python docs/reproduced/energy_against_relax.py fashion_mnist.npz PHOTOGRAPHS [--epochs 8] [--tested 100]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

import saccade
from saccade.evaluation.localisation import MEASURES, localisation

Array = NDArray[np.float32]
SIZE, OBJECT, CHANNELS = 64, 36, (16, 32, 64)
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "activation energy": ("activation_energy", {}),
    "RELAX, 3,072 masks": ("relax", {"masks": 3072}),
    "RELAX, 3,072 masks on black": ("relax", {"masks": 3072, "filler": "black"}),
    "occlusion, tiled": ("occlusion", {}),
    "integrated gradients": ("integrated_gradients", {}),
}


def backgrounds(folder: Path, count: int, random: np.random.Generator) -> Array:
    """Random crops of photographs, (count, size, size, 3) in 0..1."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    crops = np.empty((count, SIZE, SIZE, 3), np.float32)
    for row in crops:
        with Image.open(paths[random.integers(len(paths))]) as opened:
            photo = opened.convert("RGB")
        side = max(SIZE, int(min(photo.size) * random.uniform(0.3, 0.9)))
        left, top = (int(random.integers(max(length - side, 0) + 1)) for length in photo.size)
        row[:] = np.asarray(photo.resize((SIZE, SIZE), box=(left, top, left + side, top + side))) / np.float32(255)
    return crops


def pasted(items: NDArray[np.uint8], ground: Array, random: np.random.Generator) -> tuple[Array, NDArray[np.bool_]]:
    """Tinted pieces of clothing on the backgrounds, and where they lie."""
    pictures, masks = ground.copy(), np.zeros(ground.shape[:3], bool)
    for picture, mask, item in zip(pictures, masks, items, strict=True):
        drawn = np.asarray(Image.fromarray(item).resize((OBJECT, OBJECT), Image.Resampling.BICUBIC), np.float32) / 255
        covers = (
            np.asarray(Image.fromarray((item > 0).astype(np.uint8) * 255).resize((OBJECT, OBJECT)), np.float32) / 255
        )
        top, left = random.integers(0, SIZE - OBJECT + 1, 2)
        place = np.s_[top : top + OBJECT, left : left + OBJECT]
        tint = random.uniform(0.35, 1.0, 3).astype(np.float32)
        picture[place] += covers[..., None] * (np.clip(0.25 + 0.75 * drawn, 0, 1)[..., None] * tint - picture[place])
        mask[place] = covers > 0.5
    return pictures, masks


def encoder(seed: int) -> keras.Model:
    """`conv 3x3 ELU, max-pooling` three times and once more; the code is 4x4x32."""
    keras.utils.set_random_seed(seed)
    picture = flow = keras.layers.Input((SIZE, SIZE, 3))
    for width in (*CHANNELS, 32):
        flow = keras.layers.Conv2D(width, 3, padding="same", activation="elu", kernel_initializer="he_normal")(flow)
        flow = keras.layers.MaxPooling2D(2)(flow)
    return keras.Model(picture, flow)


def by_redrawing(pictures: Array, epochs: int) -> keras.Model:
    """The encoder of an autoencoder."""
    model = encoder(0)
    flow = model.output
    for width in (32, *reversed(CHANNELS)):
        flow = keras.layers.Conv2D(width, 3, padding="same", activation="elu", kernel_initializer="he_normal")(flow)
        flow = keras.layers.UpSampling2D(2)(flow)
    whole = keras.Model(model.input, keras.layers.Conv2D(3, 3, padding="same", activation="sigmoid")(flow))
    whole.compile(keras.optimizers.Adam(1e-3), "mse")
    history = whole.fit(pictures, pictures, batch_size=32, epochs=epochs, verbose=0)
    print(f"redrawing: mean squared error {history.history['loss'][-1]:.4f}", flush=True)
    return model


def by_contrast(pictures: Array, epochs: int) -> keras.Model:
    """SimCLR: two views of a picture are to be alike, and unlike all others of the batch."""
    model = encoder(1)
    views = keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal", seed=1),
            keras.layers.RandomZoom((-0.35, 0.0), fill_mode="reflect", seed=2),
            keras.layers.RandomTranslation(0.15, 0.15, fill_mode="reflect", seed=3),
            keras.layers.RandomBrightness(0.3, value_range=(0, 1), seed=4),
            keras.layers.RandomContrast(0.4, value_range=(0, 1), seed=5),
        ]
    )
    pooled = keras.layers.GlobalAveragePooling2D()(model.output)
    head = keras.layers.Dense(32)(keras.layers.Dense(64, activation="relu")(pooled))
    projected = keras.Model(model.input, keras.layers.UnitNormalization()(head))
    batch = 64

    partner = np.roll(np.arange(2 * batch), batch)
    optimiser = keras.optimizers.Adam(1e-3)

    def loss(some: Any) -> Any:
        both = keras.ops.concatenate([projected(views(some, training=True), training=True) for _ in range(2)], axis=0)
        alike = keras.ops.matmul(both, keras.ops.transpose(both)) / 0.2 - 1e9 * keras.ops.eye(2 * batch)
        return keras.ops.mean(keras.ops.sparse_categorical_crossentropy(partner, alike, from_logits=True))

    used = len(pictures) // batch * batch
    random = np.random.default_rng(0)

    @tf.function
    def step(some: Any) -> Any:
        with tf.GradientTape() as tape:
            value = loss(some)
        weights = projected.trainable_variables
        optimiser.apply_gradients(zip(tape.gradient(value, weights), weights, strict=True))
        return value

    for epoch in range(epochs):
        order = random.permutation(len(pictures))[:used].reshape(-1, batch)
        values = [float(step(pictures[rows])) for rows in order]
        if epoch == epochs - 1:
            print(f"contrast: loss {np.mean(values):.3f}, by chance {np.log(2 * batch - 1):.3f}", flush=True)
    return model


def main() -> None:
    """Make pictures, train both encoders, explain, and print a table for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--learned", type=int, default=6000)
    parser.add_argument("--tested", type=int, default=100)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    random = np.random.default_rng(2026)
    with np.load(arguments.data) as data:
        learned, _ = pasted(
            data["x_train"][: arguments.learned], backgrounds(arguments.photographs, arguments.learned, random), random
        )
        tested, masks = pasted(
            data["x_test"][: arguments.tested], backgrounds(arguments.photographs, arguments.tested, random), random
        )
    print(f"objects cover {masks.mean():.1%} of the pictures")
    figures: dict[str, dict[str, list[float]]] = {}
    for name, model in (
        ("redrawing", by_redrawing(learned, arguments.epochs)),
        ("contrast", by_contrast(learned, arguments.epochs)),
    ):
        encoder = saccade.Encoder(model, layer=model.layers[-1].name, value_range=(0, 1))
        print(f"\n| {name} | " + " | ".join(MEASURES) + " |\n| --- |" + " ---: |" * len(MEASURES))
        figures[name] = {}
        maps = {
            title: saccade.explain(encoder, tested, method, **settings).heatmap
            for title, (method, settings) in METHODS.items()
        }
        maps["random (control)"] = random.random(masks.shape, dtype=np.float32)
        for title, values in maps.items():
            localised = localisation(values, masks)
            figures[name][title] = [float(each) for each in localised.mean(axis=1)]
            spread = localised.std(axis=1) / np.sqrt(len(tested))
            cells = " | ".join(f"{a:.1%} ± {b:.1%}" for a, b in zip(localised.mean(axis=1), spread, strict=True))
            print(f"| {title} | {cells} |", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
