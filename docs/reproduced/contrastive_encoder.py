"""A small encoder that learned to contrast: two views of a photo are alike, all others not (SimCLR, arXiv:2002.05709).

The recipe of the second network of docs/choosing-a-method.md. Its code is the mean of 8x8 cells, 128 numbers; the head
that is trained with it is left out. What it learned: of the ten nearest training photos, how often the most frequent
folder is right.

    .venv/bin/python docs/reproduced/contrastive_encoder.py TRAIN TEST contrastive.keras [--passes 13]

TRAIN and TEST hold one folder of photos a kind.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

READ, SIDE, BATCH, TEMPERATURE = 80, 64, 128, 0.2
Photos = NDArray[np.uint8]
Kinds = NDArray[np.int64]


def read(folder: Path) -> tuple[Photos, Kinds]:
    """Photos at 80 px, and the numbers of their folders."""
    folders = sorted(path for path in folder.iterdir() if path.is_dir())
    files = [(file, number) for number, path in enumerate(folders) for file in sorted(path.iterdir())]
    size = (READ, READ)
    photos = [np.asarray(Image.open(file).convert("RGB").resize(size, Image.Resampling.LANCZOS)) for file, _ in files]
    return np.stack(photos), np.array([number for _, number in files])


def encoder_and_head() -> tuple[Any, Any]:
    """The encoder, and the same with the head on which views are compared."""
    image = values = keras.Input((SIDE, SIDE, 3), name="image")
    layers = keras.layers
    for number, (channels, stride, kernel) in enumerate(
        ((24, 2, 5), (48, 2, 3), (96, 1, 3), (96, 2, 3), (128, 1, 3)), start=1
    ):
        values = layers.Conv2D(channels, kernel, strides=stride, padding="same", use_bias=False, name=f"conv{number}")(
            values
        )
        values = layers.BatchNormalization(momentum=0.9, name=f"norm{number}")(values)
        values = layers.Activation("relu", name=f"relu{number}")(values)
    code = layers.GlobalAveragePooling2D(name="pooled")(values)
    head = layers.Dense(64)(layers.Dense(128, activation="relu")(code))
    return keras.Model(image, code, name="contrastive"), keras.Model(image, head)


def view(photos: Any) -> Any:
    """Cropped, mirrored, with other light and colours, sometimes grey."""
    count = tf.shape(photos)[0]
    images = tf.cast(photos, tf.float32) / 255

    def drawn(low: float, high: float, channels: int = 1) -> Any:
        return tf.random.uniform([count, 1, 1, channels], low, high)

    size, ratio = tf.random.uniform([count], 0.45, 1.0), tf.exp(tf.random.uniform([count], -0.25, 0.25))
    height, width = tf.minimum(size * ratio, 1.0), tf.minimum(size / ratio, 1.0)
    top, left = tf.random.uniform([count]) * (1 - height), tf.random.uniform([count]) * (1 - width)
    boxes = tf.stack([top, left, top + height, left + width], 1)
    images = tf.image.crop_and_resize(images, boxes, tf.range(count), (SIDE, SIDE))
    images = tf.where(drawn(0, 1) < 0.5, images[:, :, ::-1], images)
    mean = tf.reduce_mean(images, (1, 2), keepdims=True)
    images = (images - mean) * drawn(0.6, 1.4) + mean + drawn(-0.15, 0.15, 3) + drawn(-0.25, 0.25)
    grey = tf.reduce_mean(images, -1, keepdims=True)
    images = grey + (images - grey) * tf.where(drawn(0, 1) < 0.2, 0.0, drawn(0, 1.5))
    return tf.clip_by_value(images, 0, 1)


def agreement_of_kinds(encoder: Any, train: tuple[Photos, Kinds], test: tuple[Photos, Kinds]) -> float:
    """How often is the most frequent kind of the ten nearest training photos the right one?"""
    codes = []
    for photos, _ in (train, test):
        images = tf.image.resize(tf.cast(photos, tf.float32) / 255, (SIDE, SIDE), antialias=True).numpy()
        codes.append(np.asarray(encoder.predict(images, verbose=0, batch_size=256)))
    mean = codes[0].mean(axis=0)
    near, far = ((part - mean) / np.linalg.norm(part - mean, axis=1, keepdims=True) for part in codes)
    nearest = np.argsort(-far @ near.T, axis=1)[:, :10]
    guesses = [np.bincount(train[1][row]).argmax() for row in nearest]
    return float(np.mean(guesses == test[1]))


def main() -> None:
    """Train, say what was learned, and save the encoder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--passes", type=int, default=13)
    arguments = parser.parse_args()
    keras.utils.set_random_seed(0)
    train, test = read(arguments.train), read(arguments.test)
    encoder, head = encoder_and_head()
    print(f"before training {agreement_of_kinds(encoder, train, test):.2f}", flush=True)
    steps = arguments.passes * len(train[0]) // BATCH
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps))
    partner = tf.concat([tf.range(BATCH, 2 * BATCH), tf.range(BATCH)], 0)

    def step(photos: Any) -> Any:
        with tf.GradientTape() as tape:
            vectors = tf.math.l2_normalize(head(tf.concat([view(photos), view(photos)], 0), training=True), 1)
            likeness = tf.matmul(vectors, vectors, transpose_b=True) / TEMPERATURE - 1e9 * tf.eye(2 * BATCH)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(partner, likeness))
        optimizer.apply_gradients(zip(tape.gradient(loss, head.trainable_weights), head.trainable_weights, strict=True))
        return loss

    compiled_step: Any = tf.function(step)

    random = np.random.default_rng(0)
    order: NDArray[np.int64] = np.empty(0, np.int64)
    for number in range(1, steps + 1):
        if len(order) < BATCH:
            order = random.permutation(len(train[0]))
        batch, order = order[:BATCH], order[BATCH:]
        loss = compiled_step(tf.constant(train[0][batch]))
        if number % 24 == 0:
            print(f"{number}/{steps}: loss {float(loss):.2f}", flush=True)
    encoder.save(arguments.output)
    print(f"after training {agreement_of_kinds(encoder, train, test):.2f}")


if __name__ == "__main__":
    main()
