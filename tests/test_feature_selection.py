"""Which layers of a deep model are drawn, how high a collage may grow, and vectors as bars."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from commands import Run
from PIL import Image
from skimage import data
from token_nets import Transformer

import saccade
from saccade.errors import InputError
from saccade.inside.selection import ALL_UP_TO, MOST, selected
from saccade.picture import bar_sheet
from saccade.results import feature_collage

CAT = data.chelsea()


def deep(convolutions: int) -> saccade.Encoder:
    import keras

    keras.utils.set_random_seed(5)
    picture = keras.Input((16, 16, 3))
    values = picture
    for number in range(convolutions):
        values = keras.layers.Conv2D(4, 3, padding="same", activation="tanh", name=f"conv_{number}")(values)
    code = keras.layers.Dense(700, name="latent")(keras.layers.GlobalAveragePooling2D()(values))
    return saccade.Encoder(keras.Model(picture, code, name="deep"), layer="latent", value_range=(0, 1))


def named(*paths: str, kind: str = "Layer") -> dict[str, Any]:
    return {path: SimpleNamespace(kind="Block" if path[-1].isdigit() else kind) for path in paths}


@pytest.mark.parametrize("sign", [".", "/"])
def test_of_a_transformer_the_outputs_of_its_blocks(sign: str) -> None:
    paths = ["patch_embed"]
    for number in range(24):
        paths += [sign.join(["blocks", str(number), part]) for part in ("norm1", "attn", "mlp")]
        paths.append(sign.join(["blocks", str(number)]))
    paths += ["norm", "head"]
    chosen = selected(named(*paths), paths, ["norm"])
    assert chosen[0] == "patch_embed"
    assert chosen[-1] == "norm"
    blocks = [path for path in chosen if path.startswith("blocks")]
    assert len(blocks) == MOST
    assert all(path.split(sign)[-1].isdigit() for path in blocks)
    numbers = [int(path.split(sign)[-1]) for path in blocks]
    assert numbers[0] == 0
    assert numbers[-1] == 23
    assert max(np.diff(numbers)) - min(np.diff(numbers)) <= 1


def test_blocks_of_all_stages_are_one_family_and_stages_are_not_blocks() -> None:
    paths = []
    for stage in range(4):
        for number in range(3):
            paths += [f"layers.{stage}.blocks.{number}.attn", f"layers.{stage}.blocks.{number}"]
        paths.append(f"layers.{stage}")
    paths += [f"tail_{number}" for number in range(20)]
    chosen = selected(named(*paths), paths, [])
    assert {path.split(".")[0] for path in chosen} == {"layers"}
    assert sum(".blocks." in path for path in chosen) >= MOST - 1


def test_small_models_are_shown_whole_and_deep_ones_evenly() -> None:
    paths = [f"conv_{number}" for number in range(ALL_UP_TO)]
    assert selected(named(*paths), paths, []) == paths
    paths = [f"layer{letter}" for letter in range(100, 200)]
    chosen = selected(named(*paths), paths, [paths[50]])
    assert len(chosen) <= MOST + 2
    assert {paths[0], paths[50], paths[-1]} <= set(chosen)


def test_the_layers_of_a_deep_model_are_chosen_and_all_of_them_named() -> None:
    encoder = deep(40)
    some = saccade.feature_maps(encoder, CAT)
    assert next(iter(some)) == "conv_0"
    assert list(some)[-1] == "latent"
    assert len(some) <= MOST + 2
    assert some.notes[0].startswith(f"{len(some)} of 41 layers, evenly spread")
    everything = saccade.feature_maps(encoder, CAT, layers="all")
    assert len(everything) == 41
    assert not any("evenly spread" in note for note in everything.notes)
    assert list(saccade.feature_maps(encoder, CAT, layers="conv_7")) == ["conv_7"]


def test_a_collage_of_many_layers_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    maps = saccade.feature_maps(deep(40), CAT, layers="all")
    drawn: list[tuple[list[Any], list[str]]] = []
    real = feature_collage.collage
    monkeypatch.setattr(
        feature_collage,
        "collage",
        lambda first, rows, last, notes, theme: (
            drawn.append((rows, notes)) or real(first, rows, last, notes=notes, theme=theme)
        ),
    )
    page = maps.collage()
    ((rows, notes),) = drawn
    assert page.height < 8000
    assert len(rows) <= 33
    assert rows[-1].title == "latent"
    assert any(note.startswith(f"{len(rows)} of 41 layers, evenly spread") for note in notes)


def test_a_vector_is_drawn_as_bars_each_with_its_height_and_colour() -> None:
    page = np.asarray(bar_sheet([0.0, 0.5, 1.0, -1.0], signed=True), np.int16)
    background = page[0, 0]
    drawn = (np.abs(page - background).max(axis=-1) > 24)[:, 50:-50]
    heights = [int(drawn[:260, place * 24 + 10].sum()) for place in range(4)]
    # The line through zero belongs to every bar.
    assert heights[0] <= 1
    assert heights[1] == pytest.approx(48, abs=2)
    assert heights[2] == heights[3] == pytest.approx(96, abs=2)
    flat = bar_sheet(np.zeros(3000))
    assert flat.width < 2000
    with pytest.raises(InputError, match="one axis"):
        bar_sheet(np.zeros((2, 2)))


def test_the_sheet_of_a_vector_is_bars_and_its_numbers_are_counted() -> None:
    maps = saccade.feature_maps(deep(2), CAT)
    sheet = maps.sheet("latent")
    assert sheet.height < 1000
    assert sheet.width > 1000


def test_the_command_takes_layers(run: Run, small_model: str, photos: Path, tmp_path: Path) -> None:
    status, _, stderr = run("feature-maps", small_model, photos / "cat.jpg", "--layers", "first,up", "-o", "maps")
    assert status == 0, stderr
    names = sorted(path.name for path in (tmp_path / "maps").iterdir())
    assert [name for name in names if name[0].isdigit()] == ["01-first.png", "02-up.png"]
    with Image.open(tmp_path / "maps" / "01-first.png") as image:
        assert image.width > 100


def test_tokens_see_their_own_patch_up_to_the_first_attention() -> None:
    torch.manual_seed(0)
    encoder = saccade.Encoder(Transformer(depth=2, patch=8).eval(), input_shape=(32, 40, 3), value_range=(0, 1))
    maps = saccade.feature_maps(encoder, CAT, layers="all")
    fields = {layer.path: layer.receptive_field for layer in maps.layers}
    assert fields["patch_embed"] == (8, 8)
    assert fields["blocks.0.norm1"] == (8, 8)
    behind = list(fields)[list(fields).index("blocks.0.norm1") + 1 :]
    mixed = [path for path in behind if not path.startswith("blocks.0.attn.qkv")]
    assert {fields[path] for path in mixed} == {None}
    assert "Each cell sees 8" in maps._field_in_words(maps.layer("blocks.0.norm1"))
