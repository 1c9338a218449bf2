from __future__ import annotations

import dataclasses
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

from saccade.errors import FileError, InputError, UnknownName
from saccade.training import TrainingProgress, TrainingSettings, reference_autoencoder, train
from saccade.training.augmentation import plain, vary
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


def test_about_half_of_the_variations_are_mirrored() -> None:
    ramp = np.broadcast_to(np.linspace(40, 215, 48).astype(np.uint8)[None, None, :, None], (200, 48, 48, 1))
    varied = vary(np.ascontiguousarray(ramp), 16, np.random.default_rng(0))
    rising = (varied[:, 8, -1, 0] > varied[:, 8, 0, 0]).mean()
    assert 0.4 < rising < 0.6


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


def test_an_unknown_precision_gets_the_nearest() -> None:
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
