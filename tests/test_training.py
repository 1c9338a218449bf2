from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from saccade.errors import FileError, InputError, UnknownName
from saccade.images import ImageRecipe, read
from saccade.training import TrainingProgress, TrainingSettings, reference_autoencoder, train
from saccade.training.augmentation import plain, resized, vary
from saccade.training.muon import muon
from saccade.training.photographs import gather
from saccade.training.record import command_line

TINY = TrainingSettings(size=32, code_channels=4, channels=(8, 8), epochs=2, batch_size=4, seed=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty photographs of a coloured disc on another colour, in two folders."""
    root = tmp_path_factory.mktemp("data") / "discs"
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:40, :48]
    for index in range(20):
        centre, radius = generator.uniform(12, 30, 2), generator.uniform(6, 14)
        disc = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2
        ground, colour = generator.integers(0, 256, (2, 3))
        pixels = np.where(disc[..., None], colour, ground).astype(np.uint8)
        path = root / ("even", "odd")[index % 2] / f"disc_{index:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return root


@pytest.fixture(scope="module")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, object, list[TrainingProgress]]:
    output = tmp_path_factory.mktemp("model") / "discs.keras"
    told: list[TrainingProgress] = []
    settings = dataclasses.replace(TINY, epochs=6, learning_rate=0.01)
    record = train(folder, output, settings, progress=told.append, preview=output.with_suffix(".png"))
    return output, record, told


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


# photographs and their variations


def test_folders_are_searched_and_copies_land_on_one_side(folder: Path, tmp_path: Path) -> None:
    found = gather(folder, 32, 3)
    assert len(found) == 20
    assert found.folder == "discs"
    assert found.names[0] == "even/disc_00.png"
    copies = tmp_path / "copies"
    for index, path in enumerate(found.paths):
        for copy in range(2):
            target = copies / f"{(index * 7) % 20:02}_{copy}.png"
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(path.read_bytes())
    learned, held = gather(copies, 32, 3).split(0.25)
    assert (len(learned), len(held)) == (30, 10)
    assert not set(learned.digests) & set(held.digests)
    assert set(found.split(0.25)[1].digests) == set(held.digests)


def test_streamed_and_kept_photographs_are_the_same(folder: Path) -> None:
    kept, streamed = gather(folder, 32, 3), gather(folder, 32, 3, memory_limit=1000)
    assert streamed.kept is None
    assert kept.kept is not None
    np.testing.assert_array_equal(kept.at([3, 19, 0]), streamed.at([3, 19, 0]))
    np.testing.assert_array_equal(kept.split(0.2)[1].at([1]), streamed.split(0.2)[1].at([1]))
    assert kept.digest == streamed.digest


def test_the_digest_follows_contents_and_names_not_places(folder: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    for path in folder.rglob("*.png"):
        target = moved / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    assert gather(moved, 32, 3).digest == gather(folder, 16, 1).digest
    (moved / "odd" / "disc_01.png").rename(moved / "odd" / "other.png")
    assert gather(moved, 32, 3).digest != gather(folder, 32, 3).digest


def test_variations_repeat_with_the_seed_and_stay_in_range() -> None:
    photographs = np.random.default_rng(0).integers(0, 256, (6, 48, 48, 3)).astype(np.uint8)
    first, again, other = (vary(photographs, 32, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1
    assert first.shape == (6, 32, 32, 3)
    assert first.dtype == np.float32
    assert first.min() >= 0
    assert first.max() <= 1


def test_a_variation_of_an_even_grey_is_even_and_near_it() -> None:
    photographs = np.full((50, 24, 24, 3), 128, np.uint8)
    varied = vary(photographs, 16, np.random.default_rng(0))
    assert np.ptp(varied, axis=(1, 2)).max() < 1e-6
    assert np.abs(varied - 0.5).max() < 0.15
    np.testing.assert_allclose(plain(photographs, 16), 128 / 255, atol=1e-6)


def test_photographs_are_resized_as_they_are_when_the_model_is_used() -> None:
    photographs = np.random.default_rng(0).integers(0, 256, (2, 48, 30, 3)).astype(np.uint8)
    for size in (16, 36, 64):
        wanted = read(list(photographs), ImageRecipe(size, size, 3)).array
        np.testing.assert_allclose(plain(photographs, size), wanted, rtol=0, atol=1e-6)
        # So is a crop; only near its edges the filter sees what lies beyond them.
        crop = resized(photographs[0], size, (3.0, 6.0, 27.0, 42.0)) / 255
        alone = plain(photographs[:1, 6:42, 3:27], size)[0]
        inner = slice(size // 4, -size // 4)
        np.testing.assert_allclose(crop[inner, inner], alone[inner, inner], rtol=0, atol=1e-6)


def test_about_half_of_the_variations_are_mirrored() -> None:
    ramp = np.broadcast_to(np.linspace(40, 215, 48).astype(np.uint8)[None, None, :, None], (200, 48, 48, 1))
    varied = vary(np.ascontiguousarray(ramp), 16, np.random.default_rng(0))
    rising = (varied[:, 8, -1, 0] > varied[:, 8, 0, 0]).mean()
    assert 0.4 < rising < 0.6


# the optimizer


def one_step(learning_rate: float) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Weights before and after one step of Muon, and the gradients there."""
    import keras
    import tensorflow as tf

    model = keras.Sequential([
        keras.layers.Input((8, 8, 3)),
        keras.layers.Conv2D(40, 3, activation="elu", kernel_initializer=keras.initializers.HeNormal(1)),
        keras.layers.Conv2D(6, 3, kernel_initializer=keras.initializers.HeNormal(2)),
        keras.layers.Conv2D(3, 3, kernel_initializer=keras.initializers.HeNormal(3)),
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
    for index in (0, 2):  # 27 rows and 40 columns; 360 rows and 6 columns
        columns = before[index].shape[-1]
        moved, gradient = (each.reshape(-1, columns) for each in (after[index] - before[index], gradients[index]))
        left, _, right = np.linalg.svd(gradient.astype(np.float64), full_matrices=False)
        exact = -0.01 * 0.2 * np.sqrt(max(moved.shape)) * left @ right
        length = np.linalg.norm(exact, 2)
        # Five iterations bring the singular values near 1, and leave the directions alone.
        reached = -np.einsum("ri,rc,ic->i", left, moved.astype(np.float64), right) / length
        assert reached.min() > 0.3, reached
        assert reached.max() < 1.25, reached
        np.testing.assert_allclose(moved, -(left * reached) @ right * length, rtol=0, atol=1e-3 * length)
        assert np.sqrt((moved**2).mean()) == pytest.approx(0.01 * 0.2, rel=0.3)


def test_the_image_layer_and_the_biases_take_the_steps_of_adam() -> None:
    before, after, gradients = one_step(0.01)
    norm = np.sqrt(sum((gradient.astype(np.float64) ** 2).sum() for gradient in gradients))
    for index in (1, 3, 4, 5):
        gradient = gradients[index] / max(norm, 1.0)
        # Adam's first step, by hand: both moments are the gradient's own.
        wanted = -0.01 * gradient / (np.abs(gradient) + 1e-7 / np.sqrt(1e-3))
        np.testing.assert_allclose(after[index] - before[index], wanted, rtol=2e-3, atol=1e-5)


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


# the run


def test_the_loss_falls_and_the_best_weights_are_saved(trained, folder: Path) -> None:
    output, record, _ = trained
    assert record.history[-1]["loss"] < 0.7 * record.history[0]["loss"]
    held = gather(folder, TINY.size, 3).split(0.1)[1]
    import keras

    model = keras.saving.load_model(output)
    assert not model.compiled
    images = np.stack([np.asarray(Image.open(path).resize((32, 32))) for path in held.paths]) / np.float32(255)
    redrawn = np.asarray(model(images))
    assert record.validation_loss == pytest.approx(((redrawn - images) ** 2).mean(), rel=0.05)
    best = min(entry["validation_loss"] for entry in record.history)
    assert record.validation_loss == pytest.approx(best, rel=1e-3)
    assert record.history[record.best_epoch - 1]["validation_loss"] == best


def test_progress_tells_every_batch_and_every_epoch(trained) -> None:
    _, record, told = trained
    closing = [step for step in told if step.epoch_done]
    assert [step.epoch for step in closing] == list(range(1, 7))
    assert [step.batch for step in told if step.epoch == 1] == [1, 2, 3, 4, 4]
    assert closing[-1].seconds_left == 0
    assert [step.validation_loss for step in closing] == [entry["validation_loss"] for entry in record.history]
    assert all(step.seconds_left > 0 for step in told if not step.epoch_done and step.batch < step.batches)
    assert told[0].best is None
    assert closing[-1].best == min(entry["validation_loss"] for entry in record.history)


def test_the_record_says_what_the_model_was_made_from(trained, folder: Path) -> None:
    output, record, _ = trained
    stored = json.loads(output.with_suffix(".json").read_text())
    assert stored == json.loads(json.dumps(dataclasses.asdict(record)))
    assert stored["model"] == "discs.keras"
    assert stored["training"]["folder"] == "discs"
    assert (stored["training"]["photographs"], stored["validation"]["photographs"]) == (18, 2)
    assert stored["settings"]["seed"] == 3
    assert stored["epochs_run"] == len(stored["history"]) == 6
    assert stored["validation_psnr"] > 10 * np.log10(1 / stored["validation_loss"]) - 1e-6
    assert {"python", "keras", "numpy", "backend"} <= stored["versions"].keys()
    assert stored["command"].startswith("saccade train discs -o discs.keras --size 32")
    text = output.with_suffix(".json").read_text()
    assert str(folder.parent) not in text
    assert str(output.parent) not in text


def test_only_the_three_files_are_left(trained) -> None:
    output, _, _ = trained
    assert sorted(path.name for path in output.parent.iterdir()) == ["discs.json", "discs.keras", "discs.png"]


def test_the_preview_shows_photographs_above_and_redrawn_below(trained, folder: Path) -> None:
    output, _, _ = trained
    sheet = np.asarray(Image.open(output.with_suffix(".png")))
    assert sheet.shape == (2 * 32 + 12, 2 * 36 + 4, 3)
    held = gather(folder, TINY.size, 3).split(0.1)[1]
    expected = plain(gather(folder, 48, 3).split(0.1)[1].at([0]), 32)[0] * 255
    assert held.paths
    assert np.abs(sheet[4:36, 4:36].astype(float) - expected).max() <= 1
    assert not np.array_equal(sheet[40:72, 4:36], sheet[4:36, 4:36])


class StoppedError(Exception):
    pass


def stop_after(epoch: int, batch: int):
    def progress(step: TrainingProgress) -> None:
        if (step.epoch, step.batch) == (epoch, batch) and not step.epoch_done:
            raise StoppedError

    return progress


def test_a_stopped_run_leaves_no_half_written_file_and_continues_as_if_nothing_happened(
    folder: Path, tmp_path: Path
) -> None:
    settings = dataclasses.replace(TINY, epochs=3)
    whole, parts = tmp_path / "whole.keras", tmp_path / "parts.keras"
    reference = train(folder, whole, settings)
    with pytest.raises(StoppedError):
        train(folder, parts, settings, progress=stop_after(2, 3))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "parts.keras.checkpoint", "whole.json", "whole.keras",
    ]  # fmt: skip
    told: list[TrainingProgress] = []
    record = train(folder, parts, settings, progress=told.append)
    assert told[0].epoch == 2
    assert not (tmp_path / "parts.keras.checkpoint").exists()
    for one, other in zip(weights(whole), weights(parts), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    losses = [[entry["loss"] for entry in run.history] for run in (reference, record)]
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_a_checkpoint_of_another_run_is_refused_and_can_be_set_aside(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "model.keras"
    with pytest.raises(StoppedError):
        train(folder, output, TINY, progress=stop_after(2, 1))
    other = dataclasses.replace(TINY, seed=4)
    with pytest.raises(FileError, match="other settings or photographs"):
        train(folder, output, other)
    assert not output.exists()
    assert train(folder, output, other, resume=False).epochs_run == 2
    checkpoint = tmp_path / "model.keras.checkpoint"
    checkpoint.write_bytes(b"PK\x03\x04 not a checkpoint")
    with pytest.raises(FileError, match="damaged"):
        train(folder, output, TINY)


def test_an_existing_model_survives_a_run_that_fails(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "model.keras"
    output.write_bytes(b"precious")
    with pytest.raises(StoppedError):
        train(folder, output, TINY, progress=stop_after(1, 2))
    assert output.read_bytes() == b"precious"
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


def test_it_stops_early_and_keeps_the_better_weights(folder: Path, tmp_path: Path) -> None:
    # At this learning rate the loss only rises after the first steps.
    settings = dataclasses.replace(TINY, epochs=30, patience=2, learning_rate=3.0)
    record = train(folder, tmp_path / "model.keras", settings)
    assert record.epochs_run < 30
    assert record.epochs_run == record.best_epoch + 2
    assert record.validation_loss == pytest.approx(record.history[record.best_epoch - 1]["validation_loss"], rel=1e-3)


def test_broken_photographs_are_skipped_and_named(folder: Path, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    for path in folder.rglob("*.png"):
        target = mixed / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    (mixed / "odd" / "cut.png").write_bytes((mixed / "odd" / "disc_01.png").read_bytes()[:60])
    (mixed / "text.jpg").write_text("no picture")
    (mixed / "notes.txt").write_text("ignored")
    settings = dataclasses.replace(TINY, epochs=1)
    record = train(mixed, tmp_path / "model.keras", settings)
    assert sorted(record.skipped) == ["odd/cut.png", "text.jpg"]
    assert record.training["photographs"] + record.validation["photographs"] == 20


# training further


def test_a_run_that_starts_from_a_model_begins_where_that_ended(trained, folder: Path, tmp_path: Path) -> None:
    start, before, _ = trained
    output = tmp_path / "further.keras"
    # A rate this small moves nothing: what comes out is what went in.
    settings = dataclasses.replace(TINY, epochs=1, learning_rate=1e-12)
    record = train(folder, output, settings, start_from=start)
    for one, other in zip(weights(start), weights(output), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
    assert record.validation_loss == pytest.approx(before.validation_loss, rel=1e-4)
    assert record.start == {
        "model": "discs.keras",
        "sha256": hashlib.sha256(start.read_bytes()).hexdigest(),
        "validation_loss": pytest.approx(before.validation_loss, rel=1e-4),
    }
    assert before.start is None
    assert "--start-from discs.keras" in record.command
    assert str(start.parent) not in output.with_suffix(".json").read_text()


def test_training_further_gets_better_and_leaves_the_start_alone(trained, folder: Path, tmp_path: Path) -> None:
    start, before, _ = trained
    content = start.read_bytes()
    settings = dataclasses.replace(TINY, epochs=12, learning_rate=0.01)
    record = train(folder, tmp_path / "further.keras", settings, start_from=start)
    # The seed is the same, and so are the variations of the first epoch.
    assert record.history[0]["loss"] < 0.8 * before.history[0]["loss"]
    assert record.validation_loss < before.validation_loss
    assert start.read_bytes() == content


def test_a_stopped_run_continues_from_its_own_start_only(trained, folder: Path, tmp_path: Path) -> None:
    start, _, _ = trained
    whole, parts = tmp_path / "whole.keras", tmp_path / "parts.keras"
    reference = train(folder, whole, TINY, start_from=start)
    with pytest.raises(StoppedError):
        train(folder, parts, TINY, start_from=start, progress=stop_after(2, 1))
    for other in (None, whole):
        with pytest.raises(FileError, match="or another start"):
            train(folder, parts, TINY, start_from=other)
    told: list[TrainingProgress] = []
    record = train(folder, parts, TINY, start_from=start, progress=told.append)
    assert told[0].epoch == 2
    assert record.start == reference.start
    for one, other in zip(weights(whole), weights(parts), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_a_start_in_half_precision_is_read_at_full(trained, folder: Path, tmp_path: Path) -> None:
    start, before, _ = trained
    settings = dataclasses.replace(TINY, epochs=1, learning_rate=1e-12, precision="mixed_bfloat16")
    record = train(folder, tmp_path / "further.keras", settings, start_from=start)
    assert record.validation_loss == pytest.approx(before.validation_loss, rel=1e-4)


def test_a_start_that_does_not_fit_is_refused_in_one_line(trained, folder: Path, tmp_path: Path) -> None:
    start, _, _ = trained
    output = tmp_path / "further.keras"
    for change, line in (
        (
            {"size": 64},
            "batch_shape (None, 32, 32, 3) in image where these settings give batch_shape (None, 64, 64, 3)",
        ),
        ({"channels": (8, 12)}, "filters 8 in conv_2 where these settings give filters 12 in conv_2; give the size"),
        ({"channels": (8, 8, 8)}, "filters 4 in conv_3 where these settings give filters 8 in conv_3"),
        ({"channels": (8,), "code_channels": 8}, "has the MaxPooling2D pool_2 where"),
    ):
        with pytest.raises(InputError, match=re.escape(line)) as refused:
            train(folder, output, dataclasses.replace(TINY, **change), start_from=start)
        assert "\n" not in str(refused.value)
    with pytest.raises(FileError, match=r"no file .*discs\.h5 to start from"):
        train(folder, output, TINY, start_from=start.with_suffix(".h5"))
    torn = tmp_path / "torn.keras"
    torn.write_bytes(start.read_bytes()[:2000])
    with pytest.raises(FileError, match="damaged"):
        train(folder, output, TINY, start_from=torn)
    assert not output.exists()


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_other_backends_train_stop_and_continue_too(folder: Path, tmp_path: Path, backend: str) -> None:
    program = """
import dataclasses, sys
from pathlib import Path
from saccade.training import TrainingSettings, train
folder, whole, parts = map(Path, sys.argv[1:])
settings = TrainingSettings(
    size=16, code_channels=4, channels=(8,), epochs=2, batch_size=4, seed=3, learning_rate=0.01, augment=False
)
def stop(step):
    if step.epoch == 2:
        raise InterruptedError
train(folder, whole, settings)
try:
    train(folder, parts, settings, progress=stop)
except InterruptedError:
    train(folder, parts, settings)
"""
    files = [str(folder), str(tmp_path / "whole.keras"), str(tmp_path / "parts.keras")]
    environment = os.environ | {"KERAS_BACKEND": backend}
    subprocess.run([sys.executable, "-c", program, *files], check=True, env=environment)
    record = json.loads((tmp_path / "whole.json").read_text())
    assert record["versions"]["backend"] == backend
    assert record["history"][1]["loss"] < record["history"][0]["loss"]
    for one, other in zip(weights(tmp_path / "whole.keras"), weights(tmp_path / "parts.keras"), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_a_validation_folder_and_a_list_of_files_will_do(folder: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(TINY, epochs=1, augment=False, image_channels=1)
    record = train(
        sorted((folder / "even").glob("*.png")), tmp_path / "model.keras", settings, validation=folder / "odd"
    )
    assert record.training["photographs"] == record.validation["photographs"] == 10
    assert record.command.startswith("saccade train photographs -o model.keras --validation odd")
    import keras

    assert keras.saving.load_model(tmp_path / "model.keras").input_shape == (None, 32, 32, 1)


def test_what_cannot_work_is_said_before_the_first_epoch(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "model.keras"
    with pytest.raises(FileError, match="not a folder"):
        train(tmp_path / "missing", output)
    few = tmp_path / "few"
    few.mkdir()
    with pytest.raises(FileError, match="no pictures"):
        train(few, output)
    Image.new("RGB", (20, 20)).save(few / "one.png")
    (few / "broken.png").write_bytes(b"x")
    with pytest.raises(InputError, match=r"few has 1 photograph \(1 could not be read\); .* at least 8"):
        train(few, output)
    with pytest.raises(InputError, match=r"give an output such as model\.keras"):
        train(folder, tmp_path / "model.h5")
    with pytest.raises(FileError, match="cannot be written"):
        train(folder, tmp_path / "nowhere" / "model.keras")
    with pytest.raises(FileError, match="cannot be written"):
        train(folder, output, preview=tmp_path / "nowhere" / "preview.png")
    with pytest.raises(FileError, match="is a folder"):
        train(folder, few.rename(tmp_path / "few.keras"))
    with pytest.raises(InputError, match=r"preview\.txt is not a picture file; its ending must be \.png"):
        train(folder, output, preview=tmp_path / "preview.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["few.keras"]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epochs", 0), ("batch_size", 0), ("patience", 0), ("seed", -1), ("learning_rate", 0.0),
        ("learning_rate", float("nan")), ("validation_fraction", 0.0), ("validation_fraction", 0.6),
        ("image_channels", 2), ("size", 100), ("code_channels", 0), ("channels", (8, 0)),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(setting: str, value: object) -> None:
    with pytest.raises(InputError):
        TrainingSettings(**{setting: value})


def test_an_unknown_precision_or_optimizer_gets_the_nearest() -> None:
    with pytest.raises(UnknownName, match="nearest is 'adam'"):
        TrainingSettings(optimizer="adamw")
    with pytest.raises(UnknownName, match="nearest is 'mixed_bfloat16'"):
        TrainingSettings(precision="bfloat16")


def test_the_command_line_names_only_what_differs_from_the_defaults() -> None:
    assert command_line("my photos", "a.keras", TrainingSettings(), None) == "saccade train 'my photos' -o a.keras"
    settings = TrainingSettings(channels=(8, 16), augment=False, batch_size=8, image_channels=1)
    assert command_line("p", "a.keras", settings, "v") == (
        "saccade train p -o a.keras --validation v --channels 8,16 --batch-size 8 --no-augment --grey"
    )


# the model that ships


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
    assert model.count_params() == 269_507
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
    assert record["command"].startswith("saccade train clothing-dataset-small/train -o clothing-autoencoder.keras")
    assert record["training"]["photographs"] == 3068
    assert record["test"]["photographs"] == 372
    assert record["sha256"] == hashlib.sha256(shipped("clothing-autoencoder.keras").read_bytes()).hexdigest()
    for place in ("/work", "/tmp", "/home"):
        assert place not in text


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
