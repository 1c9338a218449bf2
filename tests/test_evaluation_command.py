"""`saccade evaluate`, run in this process: what it writes, how it goes on, what it refuses; and its pictures."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from commands import Run
from PIL import Image
from skimage import data

from saccade.errors import InputError
from saccade.picture.canvas import Canvas, spread
from saccade.picture.curves import Chart, Line, curves
from saccade.picture.matrix import matrix
from saccade.picture.scoreboard import Column, Row, scoreboard, ticks
from saccade.picture.themes import DARK, LIGHT

QUICK = ("-m", "saliency,activation_energy", "--steps", "6")
PAGES = {"table", "ranking", "curves", "randomised", "stability", "agreement"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    keras.utils.set_random_seed(2)
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(5, 3, padding="same", activation="elu", name="first")(inputs)
    x = keras.layers.MaxPooling2D(4, name="encoded")(x)
    x = keras.layers.UpSampling2D(4, name="up")(x)
    x = keras.layers.Conv2D(3, 3, padding="same", activation="sigmoid", name="redrawn")(x)
    net = keras.Model(inputs, x, name="small")
    net.set_weights([weights + 0.01 for weights in net.get_weights()])
    path = tmp_path_factory.mktemp("models") / "small.keras"
    net.save(path)
    return str(path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    cat = data.chelsea()
    for number in range(9):
        row, column = 60 * (number // 3), 100 * (number % 3)
        Image.fromarray(cat[row : row + 120, column : column + 120]).save(folder / f"cat-{number}.png")
    return folder


def test_pages_numbers_and_a_verdict_are_written_and_a_second_run_goes_on(
    run: Run, model: str, photos: Path, tmp_path: Path
) -> None:
    (photos / "cut.png").write_bytes((photos / "cat-1.png").read_bytes()[:400])
    masks = tmp_path / "masks"
    masks.mkdir()
    area = np.zeros((120, 120), np.uint8)
    area[30:80, 20:90] = 255
    for number in range(6):
        Image.fromarray(area).save(masks / f"cat-{number}.png")
    Image.fromarray(area[:, :50]).save(masks / "cat-6.png")
    Image.fromarray(np.zeros((120, 120), np.uint8)).save(masks / "cat-7.png")
    out = tmp_path / "out"
    status, stdout, err = run("evaluate", model, photos, "-o", out, "--masks", masks, *QUICK)
    assert status == 0, err
    assert {entry.stem for entry in out.glob("*.png")} == {*PAGES, "localisation"}
    assert "2 methods on up to " in stdout
    assert "fewer --methods, a smaller --limit or --checked take less time" in stdout
    assert "Saliency" in stdout
    assert "Sobel edges" in stdout
    assert "On this model" in stdout
    assert "9 photos are few" in stdout
    for message in (
        "cut.png is damaged or cut off", "cat-6.png is 50x120, but cat-6.png is 120x120", "cat-7.png marks nothing",
        "no mask in", "for 1 of 9 photos: cat-8.png",
    ):  # fmt: skip
        assert message in err
    answer = json.loads((out / "evaluation.json").read_text())
    assert len(answer["photos"]) == 9
    assert {entry["method"] for entry in answer["methods"]} == {
        "saliency", "activation_energy", "random", "centre", "intensity", "edges", "contrast",
    }  # fmt: skip
    times = {entry.name: entry.stat().st_mtime_ns for entry in (out / ".evaluation").iterdir()}
    status, stdout, err = run(
        "evaluate", model, photos, "-o", out, "--masks", masks, *QUICK, "--json", "--theme", "dark"
    )
    assert status == 0
    again = json.loads(stdout)
    assert again["methods"] == answer["methods"]
    assert {entry.name: entry.stat().st_mtime_ns for entry in (out / ".evaluation").iterdir()} == times
    assert [Path(entry).name for entry in again["files"]][:2] == ["evaluation.json", "table.png"]


def test_bad_input_is_one_line(run: Run, model: str, photos: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    few.mkdir()
    (photos / "cat-0.png").rename(few / "cat-0.png")
    masks = tmp_path / "masks"
    masks.mkdir()
    Image.new("L", (20, 20), 255).save(masks / "dog.png")
    for words, message in (
        ((few,), "1 usable photo; an evaluation needs 8 or more"),
        ((tmp_path / "nowhere",), "no file"),
        ((photos, "-m", "salience"), "the nearest is 'saliency'"),
        ((photos, "--limit", 4), "an evaluation needs 8 photos or more"),
        ((photos, "--steps", 2), "steps=2: give 6 or more"),
        ((photos, "--masks", masks, "-m", "saliency"), "fits the photos: no mask in"),
        ((photos, "--set", "nonsense=1", "-m", "saliency"), "no setting of saliency 'nonsense'"),
    ):
        status, out, err = run("evaluate", model, *words)
        assert status == 2, (words, out, err)
        assert err.count("\n") == 1, err
        assert err.startswith("saccade: ")
        assert message in err
        assert not (tmp_path / "saccade-evaluation").exists()


# Pictures


def test_ticks_are_round_and_inside() -> None:
    assert ticks(-0.2, 1.0, 6) == pytest.approx([-0.2, 0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert ticks(0.0, 0.031, 4) == pytest.approx([0, 0.01, 0.02, 0.03])
    for low, high in ((0.13, 0.17), (-3, 400), (0, 1e-4)):
        marks = ticks(low, high, 5)
        assert 1 <= len(marks) <= 6
        assert all(low - 1e-9 <= mark <= high + 1e-9 for mark in marks)


def test_labels_keep_their_distance_and_stay_near() -> None:
    positions = [10.0, 11.0, 12.0, 50.0, 90.0]
    labels = spread(positions, 8.0, 0.0, 100.0)
    assert min(np.diff(sorted(labels))) >= 8.0 - 1e-9
    assert np.argsort(labels).tolist() == np.argsort(positions, kind="stable").tolist()
    assert labels[3] == 50.0
    assert labels[4] == 90.0
    low = spread([99.0, 99.5, 100.0], 8.0, 0.0, 100.0)
    assert max(low) <= 100.0 + 1e-9
    assert min(np.diff(sorted(low))) >= 8.0 - 1e-9


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_marks_and_lines_are_drawn_where_they_belong(theme: object) -> None:
    assert theme in (LIGHT, DARK)
    canvas = Canvas(60, 40, LIGHT if theme is LIGHT else DARK)
    for column, kind in enumerate(("disc", "dot", "ring", "square", "cross", "diamond")):
        canvas.mark((5 + 10 * column, 10), kind, canvas.theme.warm, 4)
    canvas.line([(0, 30), (60, 30)], canvas.theme.cool, 2)
    canvas.line([(0, 36), (60, 36)], canvas.theme.cool, 2, dash=5)
    pixels = np.asarray(canvas.finish()).astype(int)
    paper = np.array(canvas.theme.background)
    for column in range(6):
        part = np.abs(pixels[4:17, 10 * column : 10 * column + 10] - paper).sum(axis=-1) > 60
        assert 12 < part.sum() < 70
    assert (pixels[30] == canvas.theme.cool).all()
    dashed = (np.abs(pixels[36] - paper).sum(axis=-1) > 60).mean()
    assert 0.35 < dashed < 0.65


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_charts_of_any_length_are_drawn(theme: str) -> None:
    for count in (1, 30):
        rows = [Row(f"Method {k}", [(0.1 * k, 0.1 * k - 0.1, 0.1 * k + 0.1), None]) for k in range(count)]
        page = scoreboard(rows, [Column("Score"), Column("Other", low=0, high=1)], title="x", theme=theme)
        assert page.width == 1500
        lines = [Line(f"Method {k}", [0, 1, 2], [1.0, 0.5, 0.1 * (k % 10)]) for k in range(count)]
        assert curves([Chart("", lines)], columns=1, low=0, high=1, title="x", theme=theme).width == 1500
        assert matrix([row.label for row in rows], np.eye(count), title="x", theme=theme).width == 1300


def test_charts_without_content_are_refused() -> None:
    with pytest.raises(InputError):
        scoreboard([], [Column("Score")], title="x")
    with pytest.raises(InputError):
        scoreboard([Row("a", [])], [Column("Score")], title="x")
    with pytest.raises(InputError):
        curves([], columns=1, low=0, high=1, title="x")
    with pytest.raises(InputError):
        matrix(["a"], np.eye(2), title="x")
