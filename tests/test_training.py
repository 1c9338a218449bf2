"""Training runs: what they write, stopping and going on, starting from a model, what cannot work."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pictures import discs
from PIL import Image

from saccade.errors import FileError, InputError, UnknownName
from saccade.training import TrainingProgress, TrainingSettings, train
from saccade.training.photos import gather
from saccade.training.record import command_line

TINY = TrainingSettings(size=32, code_channels=4, channels=(8, 8), epochs=2, batch_size=4, seed=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return discs(tmp_path_factory.mktemp("data") / "discs")


@pytest.fixture(scope="module")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, object, list[TrainingProgress]]:
    output = tmp_path_factory.mktemp("model") / "discs.keras"
    reported: list[TrainingProgress] = []
    settings = dataclasses.replace(TINY, epochs=6, learning_rate=0.01)
    record = train(folder, output, settings, progress=reported.append, preview=output.with_suffix(".png"))
    return output, record, reported


def weights(path: Path) -> list[np.ndarray]:
    import keras

    return keras.saving.load_model(path).get_weights()


# the run


def test_the_loss_falls_and_the_best_weights_are_saved(trained, folder: Path) -> None:
    output, record, _ = trained
    assert record.history[-1]["loss"] < 0.8 * record.history[0]["loss"]
    validation = gather(folder, TINY.size, 3).split(0.1)[1]
    import keras

    model = keras.saving.load_model(output)
    assert not model.compiled
    images = np.stack([np.asarray(Image.open(path).resize((32, 32))) for path in validation.paths]) / np.float32(255)
    redrawn = np.asarray(model(images))
    assert record.validation_loss == pytest.approx(((redrawn - images) ** 2).mean(), rel=0.05)
    best = min(entry["validation_loss"] for entry in record.history)
    assert record.validation_loss == pytest.approx(best, rel=1e-3)
    assert record.history[record.best_epoch - 1]["validation_loss"] == best


def test_progress_tells_every_batch_and_every_measurement(trained) -> None:
    _, record, reported = trained
    closing = [step for step in reported if step.measured]
    assert [step.epoch for step in closing] == list(range(1, 7))
    assert [step.batch for step in reported if step.epoch == 1] == [1, 2, 3, 4, 4]
    assert closing[-1].seconds_left == 0
    assert [step.validation_loss for step in closing] == [entry["validation_loss"] for entry in record.history]
    assert all(step.seconds_left > 0 for step in reported if not step.measured and step.batch < step.batches)
    assert reported[0].best is None
    assert closing[-1].best == min(entry["validation_loss"] for entry in record.history)


def test_the_record_says_what_the_model_was_made_from(trained, folder: Path) -> None:
    output, record, _ = trained
    stored = json.loads(output.with_suffix(".json").read_text())
    assert stored == json.loads(json.dumps(dataclasses.asdict(record)))
    assert stored["model"] == "discs.keras"
    assert stored["training"]["folder"] == "discs"
    assert (stored["training"]["photos"], stored["validation"]["photos"]) == (18, 2)
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


def test_the_preview_shows_photos_above_and_redrawn_below(trained, folder: Path) -> None:
    output, _, _ = trained
    sheet = np.asarray(Image.open(output.with_suffix(".png")))
    assert sheet.shape == (2 * 32 + 12, 2 * 36 + 4, 3)
    validation = gather(folder, TINY.size, 3).split(0.1)[1]
    expected = validation.images([0])[0] * 255
    assert np.abs(sheet[4:36, 4:36].astype(float) - expected).max() <= 1
    assert not np.array_equal(sheet[40:72, 4:36], sheet[4:36, 4:36])


class StoppedError(Exception):
    pass


def stop_after(epoch: int, batch: int):
    def progress(step: TrainingProgress) -> None:
        if (step.epoch, step.batch) == (epoch, batch) and not step.measured:
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
    reported: list[TrainingProgress] = []
    record = train(folder, parts, settings, progress=reported.append)
    assert reported[0].epoch == 2
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
    with pytest.raises(FileError, match="other settings or photos"):
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


def test_broken_photos_are_skipped_and_named(folder: Path, tmp_path: Path) -> None:
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
    assert record.training["photos"] + record.validation["photos"] == 20


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
    reported: list[TrainingProgress] = []
    record = train(folder, parts, TINY, start_from=start, progress=reported.append)
    assert reported[0].epoch == 2
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
import shutil, sys
from pathlib import Path
from saccade.training import TrainingSettings, train
folder, whole, parts = map(Path, sys.argv[1:])
settings = TrainingSettings(
    size=16, code_channels=4, channels=(8,), epochs=4, batch_size=4, seed=3, learning_rate=0.02, augment=False
)
def keep(step):
    # What a run that is killed after its second epoch leaves.
    if step.epoch == 3 and step.batch == 1:
        shutil.copy(f"{whole}.checkpoint", f"{parts}.checkpoint")
train(folder, whole, settings, progress=keep)
assert Path(f"{parts}.checkpoint").exists()
seen = []
train(folder, parts, settings, progress=seen.append)
assert seen[0].epoch == 3
"""
    files = [str(folder), str(tmp_path / "whole.keras"), str(tmp_path / "parts.keras")]
    environment = os.environ | {"KERAS_BACKEND": backend}
    subprocess.run([sys.executable, "-c", program, *files], check=True, env=environment)
    record = json.loads((tmp_path / "whole.json").read_text())
    assert record["versions"]["backend"] == backend
    assert record["history"][-1]["loss"] < record["history"][0]["loss"]
    for one, other in zip(weights(tmp_path / "whole.keras"), weights(tmp_path / "parts.keras"), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_a_validation_folder_and_a_list_of_files_will_do(folder: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(TINY, epochs=1, augment=False, image_channels=1)
    record = train(
        sorted((folder / "even").glob("*.png")), tmp_path / "model.keras", settings, validation=folder / "odd"
    )
    assert record.training["photos"] == record.validation["photos"] == 10
    assert record.command.startswith("saccade train photos -o model.keras --validation odd")
    import keras

    assert keras.saving.load_model(tmp_path / "model.keras").input_shape == (None, 32, 32, 1)


def test_what_cannot_work_is_said_before_the_first_epoch(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "model.keras"
    with pytest.raises(FileError, match="not a folder"):
        train(tmp_path / "missing", output)
    few = tmp_path / "few"
    few.mkdir()
    with pytest.raises(FileError, match="no photos"):
        train(few, output)
    Image.new("RGB", (20, 20)).save(few / "one.png")
    (few / "broken.png").write_bytes(b"x")
    with pytest.raises(InputError, match=r"few has 1 photo \(1 could not be read\); .* at least 8"):
        train(few, output)
    with pytest.raises(InputError, match=r"give an output such as model\.keras"):
        train(folder, tmp_path / "model.h5")
    with pytest.raises(FileError, match="cannot be written"):
        train(folder, tmp_path / "nowhere" / "model.keras")
    with pytest.raises(FileError, match="cannot be written"):
        train(folder, output, preview=tmp_path / "nowhere" / "preview.png")
    with pytest.raises(FileError, match="is a folder"):
        train(folder, few.rename(tmp_path / "few.keras"))
    with pytest.raises(InputError, match=r"preview\.txt is not an image file; its ending must be \.png"):
        train(folder, output, preview=tmp_path / "preview.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["few.keras"]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epochs", 0), ("minutes", 0.0), ("minutes", float("inf")), ("minutes", float("nan")),
        ("batch_size", 0), ("patience", 0), ("seed", -1), ("learning_rate", 0.0),
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
    settings = TrainingSettings(channels=(8, 16), augment=False, batch_size=32, image_channels=1)
    assert command_line("p", "a.keras", settings, "v") == (
        "saccade train p -o a.keras --validation v --channels 8,16 --batch-size 32 --no-augment --grey"
    )
