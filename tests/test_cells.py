"""What every cell of the code sees: coloured passes against lone ones, sizes against closed forms, pictures, files."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import asking
import keras
import nets
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from skimage import data

import saccade
from saccade import targets
from saccade.cli import main
from saccade.encoder import Encoder
from saccade.errors import Cancelled, InputError, MemoryBudgetError, SaccadeWarning
from saccade.models.dataflow import EVERYWHERE, POINTWISE, Dataflow, Operation, Window
from saccade.occlusion.colouring import Colouring, alone, colouring
from saccade.picture import eyes, fields, receptive_field
from saccade.results.effective_fields import EffectiveFields, shares_within, side_of
from saccade.run import Run
from saccade.targets.paths import ONCE, STAY

pytestmark = pytest.mark.engine


@lru_cache
def encoder_of(name: str) -> Encoder:
    build, layer = {**nets.LOCAL, **nets.MIXING}[name]
    return Encoder(build(), layer=layer)


def one_by_one(encoder: Encoder, images: NDArray[np.float32], at_once: int) -> NDArray[np.float32]:
    """One backward pass for each cell, straight from the engine: (cells, images, height, width, channels)."""
    codes = encoder.codes(images)
    rows, columns = codes.shape[1:3]
    own = (len(images), *encoder.activations(images, [encoder.layer])[encoder.layer].shape[1:])
    cotangents = np.zeros((-(-rows * columns // at_once) * at_once, *codes.shape), np.float32)
    for number, (row, column) in enumerate(np.ndindex(rows, columns)):
        cotangents[number, :, row, column] = codes[:, row, column]
    groups = cotangents.reshape(-1, at_once, *own)
    return np.concatenate([Run(encoder).vjp(images, encoder.layer, group) for group in groups])[: rows * columns]


# Exactness


@pytest.mark.parametrize("name", list(nets.LOCAL))
def test_shared_passes_give_the_map_of_every_lone_cell(name: str) -> None:
    encoder = encoder_of(name)
    images = nets.pictures(encoder.network.model, 1)  # type: ignore[attr-defined]
    cells = saccade.cells(encoder, images)
    lone = one_by_one(encoder, images, cells.passes + 3)  # the number of patterns that is compiled already
    rows, columns = cells.grid
    assert cells.passes < rows * columns
    assert cells.windows.nbytes < lone.nbytes
    for number, (row, column) in enumerate(np.ndindex(rows, columns)):
        np.testing.assert_allclose(cells.gradient(row, column), lone[number], rtol=0, atol=1e-5 * np.abs(lone).max())
        length = np.sqrt((lone[number].astype(np.float64) ** 2).sum(axis=-1))
        np.testing.assert_allclose(cells[row, column], length, rtol=0, atol=1e-5 * length.max() + 1e-12)


@pytest.mark.parametrize("name", ["dense", "pooled", "subclassed"])
def test_where_everything_mixes_each_cell_has_its_own_pass_and_it_is_said(name: str) -> None:
    encoder = encoder_of(name)
    size = tuple(side or 20 for side in encoder.network.input_shape)
    images = np.random.default_rng(3).random((2, *size), dtype=np.float32)
    cells = saccade.cells(encoder, images)
    rows, columns = cells.grid
    assert cells.passes == rows * columns
    assert cells.receptive_field is None
    assert any("cell by cell" in note for note in cells.notes) == (rows * columns > 1)
    lone = one_by_one(encoder, images, 8)
    for number, (row, column) in enumerate(np.ndindex(rows, columns)):
        np.testing.assert_allclose(cells.gradient(row, column), lone[number], rtol=0, atol=1e-5 * np.abs(lone).max())


def test_all_cells_together_are_the_slope_of_the_code_and_one_is_that_of_the_cell() -> None:
    encoder = encoder_of("reference")
    images = nets.pictures(encoder.network.model)  # type: ignore[attr-defined]
    cells = saccade.cells(encoder, images)
    total = sum(cells.gradient(row, column).astype(np.float64) for row, column in np.ndindex(*cells.grid))
    whole = asking.gradient(encoder, images, targets.code(), STAY, ONCE)
    np.testing.assert_allclose(total, whole, rtol=0, atol=1e-5 * np.abs(whole).max())
    one = asking.gradient(encoder, images, targets.cell(2, 3), STAY, ONCE)
    np.testing.assert_allclose(cells.gradient(2, 3), one, rtol=0, atol=1e-5 * np.abs(one).max())


def test_coloured_and_not_coloured_agree_and_pictures_do_not_mix() -> None:
    encoder = encoder_of("odd")
    images = nets.pictures(encoder.network.model, 3)  # type: ignore[attr-defined]
    shared, apart = saccade.cells(encoder, images), saccade.cells(encoder, images, coloured=False)
    assert apart.passes == apart.grid[0] * apart.grid[1] > shared.passes
    assert apart.receptive_field == shared.receptive_field
    second = saccade.cells(encoder, images[1:2])
    for cell in np.ndindex(*shared.grid):
        np.testing.assert_allclose(shared[cell], apart[cell], rtol=0, atol=1e-5 * shared[cell].max())
        np.testing.assert_allclose(shared[cell][1], second[cell][0], rtol=0, atol=1e-5 * shared[cell].max())
    # Where the windows come from must not matter to what is measured in them.
    np.testing.assert_allclose(shared.effective.sizes(0.5), apart.effective.sizes(0.5), rtol=1e-3)


def test_a_wrong_geometry_is_noticed_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = encoder_of("reference")
    images = nets.pictures(encoder.network.model, 1)  # type: ignore[attr-defined]
    lone = one_by_one(encoder, images, 12)
    true = encoder.dataflow(24, 24)
    lie = {
        name: Operation(step.inputs, POINTWISE if step.grid == (24, 24) else step.windows, step.grid)
        for name, step in true.operations.items()
    }
    monkeypatch.setattr(encoder, "dataflow", lambda height, width: Dataflow((height, width), lie))
    with pytest.warns(SaccadeWarning, match="colouring does not hold"):
        cells = saccade.cells(encoder, images)
    assert cells.passes == 36
    assert any("refused" in note for note in cells.notes)
    for number, cell in enumerate(np.ndindex(6, 6)):
        np.testing.assert_allclose(cells.gradient(*cell), lone[number], rtol=0, atol=1e-5 * np.abs(lone).max())


def test_memory_progress_and_stopping() -> None:
    encoder = encoder_of("reference")
    images = nets.pictures(encoder.network.model, 1)  # type: ignore[attr-defined]
    steps: list[tuple[int, int]] = []
    saccade.cells(encoder, images, progress=lambda done, total: steps.append((done, total)))
    assert steps
    with pytest.raises(Cancelled):
        saccade.cells(encoder, images, stop=lambda: True)
    small = Encoder(nets.autoencoder(), layer="encoded", memory=60_000)
    with pytest.raises(MemoryBudgetError, match="36 cells of 24x24 px"):
        saccade.cells(small, images, coloured=False)


def test_further_pictures_compile_nothing_new() -> None:
    encoder = encoder_of("reference")
    images = nets.pictures(encoder.network.model, 2)  # type: ignore[attr-defined]
    saccade.cells(encoder, images[:1])
    before = encoder.engine.traces
    saccade.cells(encoder, images[1:])
    per_call = 2 if encoder.network.framework == "torch" or keras.backend.backend() == "torch" else 0
    assert encoder.engine.traces - before <= per_call


# The colouring


def chain(size: int, depth: int) -> Dataflow:
    conv, pool = Window(3, 1, 1), Window(2, 2)
    operations, source, grid = {}, "input", size
    for k in range(depth):
        operations[f"conv{k}"] = Operation((source,), (conv, conv), (grid, grid))
        grid //= 2
        operations[f"pool{k}"] = Operation((f"conv{k}",), (pool, pool), (grid, grid))
        source = f"pool{k}"
    return Dataflow((size, size), operations)


def test_the_reference_net_needs_9_passes_at_any_size() -> None:
    for size in (224, 448, 1024):
        plan = colouring(chain(size, 4), "pool3", (size // 16, size // 16))
        assert plan.passes == 9
        assert plan.window == (46, 46)


@settings(max_examples=40, deadline=None)
@given(st.integers(6, 40), st.integers(6, 40), st.integers(1, 5), st.integers(1, 4), st.integers(0, 2))
def test_no_pixel_is_seen_by_two_cells_of_one_pass(
    height: int, width: int, kernel: int, stride: int, before: int
) -> None:
    window = Window(kernel, stride, before)
    grid = (-(-height // stride), -(-width // stride))
    flow = Dataflow((height, width), {"code": Operation(("input",), (window, window), grid)})
    plan = colouring(flow, "code", grid)
    masks = plan.masks()
    assert masks.sum(axis=0).tolist() == np.ones(grid).tolist()
    row_fields, column_fields = plan.fields
    for mask in masks:
        counts = np.zeros((height, width))
        for row, column in np.argwhere(mask):
            counts[slice(*row_fields[row]), slice(*column_fields[column])] += 1
        assert counts.max() <= 1
    # Cutting out and putting back is the identity on each field, and nothing else.
    answers = np.random.default_rng(0).random((plan.passes, height, width, 2), dtype=np.float32) + 1
    cut = plan.windows(answers)
    for number, mask in enumerate(masks):
        for row, column in np.argwhere(mask):
            cotangents = np.zeros((height, width, 2), np.float32)
            box = (slice(*row_fields[row]), slice(*column_fields[column]))
            cotangents[box] = answers[number][box]
            np.testing.assert_array_equal(plan.placed(cut[row, column], row, column), cotangents)


def test_without_geometry_every_cell_stands_alone() -> None:
    flow = chain(32, 2)
    assert colouring(flow, "pool1", (1, 7)) == alone((32, 32), (1, 7))  # not the grid that the flow knows
    plan: Colouring = alone((32, 32), (2, 3))
    assert plan.passes == plan.cells == 6
    assert plan.fields[0] == ((0, 32), (0, 32))
    assert plan.row_receptive_fields[0] == EVERYWHERE


# Effective sizes


def test_an_even_field_is_used_evenly() -> None:
    sides = range(41)
    shares = shares_within(np.ones((40, 40)), (20, 20), sides)
    np.testing.assert_allclose(shares, (np.arange(41) / 40) ** 2, atol=1e-12)
    assert side_of(0.5, shares, sides) == pytest.approx(40 * np.sqrt(0.5), abs=0.02)


def test_a_gaussian_field_has_the_size_that_its_formula_says() -> None:
    sigma, places = 6.0, np.arange(101) + 0.5
    profile = np.exp(-0.5 * ((places - 50.5) / sigma) ** 2)
    shares = shares_within(profile[:, None] * profile, (50.5, 50.5), range(102))
    # The square holds erf(side / sqrt(8) / sigma)² of a Gaussian; 0.5 at 1.0494, 0.9 at 1.9488 standard deviations
    # from the middle.
    assert side_of(0.5, shares, range(102)) == pytest.approx(2 * 1.0517 * sigma, rel=0.01)
    assert side_of(0.9, shares, range(102)) == pytest.approx(2 * 1.9488 * sigma, rel=0.01)


def test_an_averaging_net_has_the_sizes_of_its_window() -> None:
    inputs = keras.Input((48, 48, 1))
    model = keras.Model(inputs, keras.layers.AveragePooling2D(8, name="encoded")(inputs))
    cells = saccade.cells(Encoder(model, value_range=(0, 1)), nets.pictures(model, 2))
    assert cells.passes == 1
    assert cells.receptive_field == (8, 8)
    assert cells.size(0.5) == pytest.approx(8 * np.sqrt(0.5), abs=0.05)
    assert cells.size(1.0) == pytest.approx(8)
    np.testing.assert_allclose(cells.effective.profile, np.full((8, 8), 1 / 64), rtol=1e-5)
    assert cells.effective.averaged == 72


def test_only_fields_inside_the_picture_count_and_dead_cells_do_not() -> None:
    energy = np.ones((1, 3, 1, 4, 4))
    energy[0, 1] = 0  # a dead cell between two others
    rows, columns = ((0, 4), (4, 8), (8, 12)), ((0, 4),)
    effective = EffectiveFields(energy, (rows, columns), (((-1, 4), (4, 8), (8, 12)), columns), (12, 4))
    assert effective.inner.tolist() == [[False], [True], [True]]
    assert effective.averaged == 1
    assert np.isnan(effective.sizes(0.5)[0, 1, 0])
    assert effective.profile.sum() == pytest.approx(1)
    dead = EffectiveFields(np.zeros_like(energy), (rows, columns), (rows, columns), (12, 4))
    assert np.isnan(dead.size(0.5))
    for wrong in (0, 1.5, -0.1):
        with pytest.raises(InputError, match="above 0 and up to 1"):
            effective.size(wrong)


def test_the_middle_of_a_field_cut_by_the_edge_stays_where_it_was() -> None:
    encoder = encoder_of("reference")
    cells = saccade.cells(encoder, nets.pictures(encoder.network.model, 1))  # type: ignore[attr-defined]
    first, last = encoder.dataflow(24, 24).field("encoded", 0, (0, 1))
    assert first < 0
    assert cells.effective.centre(0, 0, 0)[0] == (first + last) / 2


# What a person gets


def test_cells_that_do_not_exist_are_refused() -> None:
    encoder = encoder_of("reference")
    cells = saccade.cells(encoder, nets.pictures(encoder.network.model, 1))  # type: ignore[attr-defined]
    for call in (lambda: cells[6, 0], lambda: cells.gradient(0, -1), lambda: cells.figure(cell=(9, 9))):
        with pytest.raises(InputError, match="6x6 cells"):
            call()
    with pytest.raises(InputError, match="there are 1"):
        cells.figure(3)


@pytest.mark.parametrize("name", ["odd", "dense"])
def test_numbers_on_disk_come_back(name: str, tmp_path: Path) -> None:
    encoder = encoder_of(name)
    cells = saccade.cells(encoder, nets.pictures(encoder.network.model, 2))  # type: ignore[attr-defined]
    back = saccade.CellMaps.load(cells.save(tmp_path / "cells.npz"))
    np.testing.assert_array_equal(back.windows, cells.windows)
    np.testing.assert_array_equal(back[0, 0], cells[0, 0])
    assert (back.fields, back.unclipped_fields, back.passes, back.notes) == (
        cells.fields,
        cells.unclipped_fields,
        cells.passes,
        cells.notes,
    )
    assert back.size(0.9) == cells.size(0.9)
    assert not cells.windows.flags.writeable


def test_the_pictures_show_the_field_where_it_is() -> None:
    encoder = encoder_of("reference")
    cells = saccade.cells(encoder, nets.pictures(encoder.network.model, 1))  # type: ignore[attr-defined]
    drawn = np.asarray(cells.overlay(0, 0), np.int32)
    scale = drawn.shape[0] // 24
    colourful = (drawn.max(axis=-1) - drawn.min(axis=-1)) > 12
    (_, bottom), (_, right) = cells.fields[0][0], cells.fields[1][0]
    reach = round(3 * cells.blur) + 1
    assert colourful[: bottom * scale, : right * scale].any()
    assert not colourful[(bottom + reach) * scale :].any()
    assert not colourful[:, (right + reach) * scale :].any()
    light, dark = np.asarray(cells.figure(theme="light")), np.asarray(cells.sheet(theme="dark"))
    assert light[0, 0].min() > 200 > 50 > dark[0, 0].max()


def test_a_code_of_one_vector_has_no_cells_to_speak_of(monkeypatch: pytest.MonkeyPatch) -> None:
    image = keras.Input((12, 12, 3))
    code = keras.layers.GlobalAveragePooling2D(name="code")(keras.layers.Conv2D(4, 3, activation="elu")(image))
    cells = saccade.cells(
        Encoder(keras.Model(image, code), layer="code"), np.random.default_rng(0).random((1, 12, 12, 3))
    )
    pages: list[str] = []

    def figure(panels: list[Any], **named: Any) -> None:
        pages.append(" ".join([named["title"], *named["caption"], *named["notes"], *(each.title for each in panels)]))

    for module in (fields, eyes):
        monkeypatch.setattr(module, "figure", figure)
    cells.figure()
    cells.sheet()
    for words in pages:
        assert "one vector" in words
        for wrong in ("cell", "neighbours", "mean of many", "1 backward passes"):
            assert wrong not in words.replace("without cells", ""), wrong
    assert len(pages) == 2


def test_a_square_is_never_said_to_be_larger_than_the_image() -> None:
    assert receptive_field.pixels(15.4, (128, 128)) == "15\u00d715 px"
    assert receptive_field.pixels(229.0, (224, 224)) == "nearly all of the image"
    assert receptive_field.pixels(float("nan"), (224, 224)) == "nothing"


def test_the_command_writes_two_pictures_and_tells_the_sizes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = nets.autoencoder(channels=3)
    model.save("small.keras")
    Image.fromarray(data.chelsea()[::3, ::3]).save("cat.png")
    assert main(["cells", "small.keras", "cat.png", "-o", "out", "--raw", "--cell", "2,3", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["cells"] == [6, 6]
    assert answer["receptive_field"] == [10, 10]
    assert 0 < answer["effective_size"]["50"] < answer["effective_size"]["90"] <= 10
    assert np.shape(answer["effective_sizes"]["90"]) == (6, 6)
    assert answer["cell"] == [2, 3]
    assert sorted(path.name for path in Path("out").iterdir()) == ["cells.npz", "eyes.png", "fields.png"]
    again = saccade.CellMaps.load("out/cells.npz")
    assert again.size(0.5) == pytest.approx(answer["effective_size"]["50"])
    for wrong, says in (
        (["--cell", "2"], "such as 3,4"),
        (["--cell", "9,9"], "6x6 cells"),
        (["--theme", "x"], "light"),
    ):
        assert main(["cells", "small.keras", "cat.png", "-o", "out", *wrong]) == 2
        assert says in capsys.readouterr().err
