"""What training is made of: the architecture, the photos, their variations, the steps."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from pictures import discs

from saccade.errors import InputError
from saccade.images import ImageRecipe, read
from saccade.training import TrainingSettings, reference_autoencoder, train
from saccade.training.muon import muon
from saccade.training.photos import gather
from saccade.training.record import photo_count

TINY = TrainingSettings(size=32, code_channels=4, channels=(8, 8), epochs=2, batch_size=4, seed=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return discs(tmp_path_factory.mktemp("data") / "discs")


def weights(path: Path) -> list[np.ndarray]:
    import keras

    return keras.saving.load_model(path).get_weights()


# architecture


def test_the_reference_has_the_documented_size_names_and_code() -> None:
    model = reference_autoencoder()
    assert model.count_params() == 269_507
    assert model.input_shape == model.output_shape == (None, 128, 128, 3)
    assert model.get_layer("encoded").output.shape == (None, 8, 8, 32)
    names = [layer.name for layer in model.layers]
    assert names == [
        *("image", "conv_1", "pool_1", "conv_2", "pool_2", "conv_3", "pool_3", "conv_4", "encoded"),
        *("deconv_1", "up_1", "deconv_2", "up_2", "deconv_3", "up_3", "deconv_4", "up_4", "conv_decoded"),
    ]


def test_sizes_and_channels_follow_the_arguments() -> None:
    model = reference_autoencoder(48, 5, (6,), 1)
    assert model.get_layer("encoded").output.shape == (None, 12, 12, 5)
    assert model.output_shape == (None, 48, 48, 1)


def test_a_seed_fixes_the_first_weights_and_layers_of_one_shape_differ() -> None:
    first, again, other = (reference_autoencoder(16, 8, (8, 8), seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])
    model = reference_autoencoder(16, 8, (8, 8), seed=1)
    assert not np.array_equal(model.get_layer("conv_2").get_weights()[0], model.get_layer("conv_3").get_weights()[0])


def test_the_first_reconstruction_is_grey_in_both_precisions() -> None:
    images = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    for precision in ("float32", "mixed_bfloat16"):
        redrawn = np.asarray(reference_autoencoder(32, 4, (8,), seed=0, precision=precision)(images))
        assert redrawn.dtype == np.float32
        assert 0.3 < redrawn.min() <= redrawn.max() < 0.7


def test_a_size_that_cannot_be_halved_is_refused_with_one_that_can() -> None:
    with pytest.raises(InputError, match=r"size 100 .* 4 times; give a multiple of 16, such as 96\."):
        reference_autoencoder(100)
    with pytest.raises(InputError, match="at least 1"):
        reference_autoencoder(32, 0)


# photos and their variations


def test_folders_are_searched_and_copies_land_on_one_side(folder: Path, tmp_path: Path) -> None:
    photos = gather(folder, 32, 3)
    assert len(photos) == 20
    assert photos.folder == "discs"
    assert photos.names[0] == "even/disc_00.png"
    copies = tmp_path / "copies"
    for index, path in enumerate(photos.paths):
        for copy in range(2):
            target = copies / f"{(index * 7) % 20:02}_{copy}.png"
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(path.read_bytes())
    training, validation = gather(copies, 32, 3).split(0.25)
    assert (len(training), len(validation)) == (30, 10)
    assert not set(training.digests) & set(validation.digests)
    assert set(photos.split(0.25)[1].digests) == set(validation.digests)


def test_streamed_and_kept_photos_are_the_same(folder: Path) -> None:
    in_memory, streamed = gather(folder, 32, 3), gather(folder, 32, 3, memory_limit=1000)
    assert streamed.pixels is None
    assert in_memory.pixels is not None
    np.testing.assert_array_equal(in_memory.at([3, 19, 0]), streamed.at([3, 19, 0]))
    np.testing.assert_array_equal(in_memory.split(0.2)[1].at([1]), streamed.split(0.2)[1].at([1]))
    assert in_memory.digest == streamed.digest


def test_the_digest_follows_contents_and_names_not_places(folder: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    for path in folder.rglob("*.png"):
        target = moved / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    assert gather(moved, 32, 3).digest == gather(folder, 16, 1).digest
    (moved / "odd" / "disc_01.png").rename(moved / "odd" / "other.png")
    assert gather(moved, 32, 3).digest != gather(folder, 32, 3).digest


def test_photos_are_handed_out_as_they_are_when_the_model_is_used(folder: Path) -> None:
    photos = gather(folder, 24, 3)
    smaller = photos.at_size(16)
    expected = read(list(photos.paths[:3]), ImageRecipe(16, 16, 3, fit="stretch")).array
    np.testing.assert_allclose(smaller.images([0, 1, 2]), expected, rtol=0, atol=0.51 / 255)
    assert smaller.images([0]).dtype == np.float32
    assert (smaller.names, smaller.digest) == (photos.names, photos.digest)
    streamed = gather(folder, 24, 3, memory_limit=1000).at_size(16)
    assert streamed.pixels is None
    np.testing.assert_array_equal(streamed.images([5]), smaller.images([5]))


# the optimizer


def one_step(learning_rate: float) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Weights before and after one step of Muon, and the gradients there."""
    import keras
    import tensorflow as tf

    model = keras.Sequential([
        keras.layers.Input((8, 8, 3)),
        keras.layers.Conv2D(40, 3, activation="elu", kernel_initializer=keras.initializers.HeNormal(1)),
        keras.layers.Conv2D(6, 3, kernel_initializer=keras.initializers.HeNormal(2)),
        keras.layers.Conv2D(20, 1, kernel_initializer=keras.initializers.HeNormal(3)),
        keras.layers.Conv2D(3, 3, kernel_initializer=keras.initializers.HeNormal(4)),
    ])  # fmt: skip
    images = np.random.default_rng(0).random((16, 8, 8, 3), np.float32)
    before = model.get_weights()
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(images) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer = muon(learning_rate)
    optimizer.apply(gradients, model.trainable_variables)
    return before, model.get_weights(), [np.asarray(gradient) for gradient in gradients]


def test_a_step_of_muon_goes_equally_far_in_every_direction_and_down() -> None:
    before, after, gradients = one_step(0.01)
    for index in (2, 4):  # 360 rows and 6 columns; 6 rows and 20 columns
        columns = before[index].shape[-1]
        step = after[index] - before[index] * (1 - 0.01 * 0.02)
        moved, gradient = (values.reshape(-1, columns) for values in (step, gradients[index]))
        left, _, right = np.linalg.svd(gradient.astype(np.float64), full_matrices=False)
        exact = -0.01 * 0.2 * np.sqrt(max(moved.shape)) * left @ right
        length = np.linalg.norm(exact, 2)
        # Five iterations bring the singular values near 1, and leave the directions alone.
        reached = -np.einsum("ri,rc,ic->i", left, moved.astype(np.float64), right) / length
        assert reached.min() > 0.3, reached
        assert reached.max() < 1.25, reached
        np.testing.assert_allclose(moved, -(left * reached) @ right * length, rtol=0, atol=1e-3 * length)
        assert np.sqrt((moved**2).mean()) == pytest.approx(0.01 * 0.2, rel=0.3)


def test_the_layers_at_the_image_and_the_biases_take_the_steps_of_adam() -> None:
    before, after, gradients = one_step(0.01)
    norm = np.sqrt(sum((gradient.astype(np.float64) ** 2).sum() for gradient in gradients))
    for index in (0, 1, 3, 5, 6, 7):
        gradient = gradients[index] / max(norm, 1.0)
        # Adam's first step, by hand: both moments are the gradient's own.
        expected = -0.01 * gradient / (np.abs(gradient) + 1e-8 / np.sqrt(1e-2))
        np.testing.assert_allclose(after[index] - before[index], expected, rtol=2e-3, atol=1e-5)


def test_both_optimizers_train_and_differ(folder: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(TINY, epochs=3, learning_rate=0.01, augment=False)
    ends = []
    for name in ("muon", "adam"):
        output = tmp_path / f"{name}.keras"
        record = train(folder, output, dataclasses.replace(settings, optimizer=name))
        assert record.settings["optimizer"] == name
        assert ("--optimizer adam" in record.command) == (name == "adam")
        assert record.history[-1]["loss"] < record.history[0]["loss"]
        ends.append(weights(output))
    assert not np.allclose(ends[0][0], ends[1][0], atol=1e-3)


def test_records_of_both_spellings_say_how_many_photos() -> None:
    assert photo_count({"photos": 12}) == photo_count({"photographs": 12}) == 12
    assert photo_count({}) is None
