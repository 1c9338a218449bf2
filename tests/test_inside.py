"""Feature maps of every layer: all of them, once each, drawn and saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

import saccade
from saccade.errors import FileError, InputError, NotApplicable, UnknownName
from saccade.picture import read_metadata
from saccade.picture.collage import End, Row, collage, tiles_across
from saccade.picture.scales import Scale, scale_of
from saccade.results import FeatureMaps, LayerMaps

SEED = 5
CAT = data.chelsea()


def autoencoder(*, skip: bool = False) -> saccade.Encoder:
    """Sub-models for encoder and decoder, as people build them."""
    import keras

    keras.utils.set_random_seed(SEED)
    layers = keras.layers
    picture = keras.Input((32, 32, 3))
    cells = layers.Conv2D(6, 3, padding="same", activation="elu", name="conv_1")(picture)
    cells = layers.MaxPooling2D(2, name="pool_1")(cells)
    cells = layers.Dropout(0.5, name="drop")(cells)
    cells = layers.Conv2D(4, 3, padding="same", strides=2, activation="elu", name="encoded")(cells)
    front = keras.Model(picture, cells, name="encoder")
    code = keras.Input((8, 8, 4))
    drawn = layers.UpSampling2D(4, name="up_1")(code)
    drawn = layers.Conv2D(3, 3, padding="same", activation="sigmoid", name="redrawn")(drawn)
    back = keras.Model(code, drawn, name="decoder")
    whole = keras.Input((32, 32, 3))
    redrawn = back(front(whole))
    if skip:
        redrawn = layers.Average(name="skip")([redrawn, whole])
    return saccade.Encoder(keras.Model(whole, redrawn, name="tiny"), layer="encoder/encoded", value_range=(0, 1))


def vector_encoder() -> saccade.Encoder:
    import keras

    keras.utils.set_random_seed(SEED)
    picture = keras.Input((16, 16, 3))
    cells = keras.layers.Conv2D(5, 3, padding="same", activation="relu", name="conv_1")(picture)
    code = keras.layers.Dense(7, name="latent")(keras.layers.Flatten(name="flat")(cells))
    return saccade.Encoder(keras.Model(picture, code, name="vector"), layer="latent", value_range=(0, 1))


@pytest.fixture(scope="module")
def encoder() -> saccade.Encoder:
    return autoencoder()


@pytest.fixture(scope="module")
def maps(encoder: saccade.Encoder) -> FeatureMaps:
    return saccade.feature_maps(encoder, CAT)


def test_every_layer_once_in_order(encoder: saccade.Encoder, maps: FeatureMaps) -> None:
    # The sub-models hand on what their last layers made, and a resting dropout changes nothing.
    assert [path.split("/")[-1] for path in maps] == ["conv_1", "pool_1", "encoded", "up_1", maps.output]
    assert maps.code == "encoder/encoded"
    assert maps.code_size == 8 * 8 * 4
    images = encoder.read(CAT)
    for path in maps:
        assert np.allclose(maps[path], encoder.activations(images.array, [path])[path][0], atol=1e-5)
        assert maps[path].dtype == np.float32
    assert maps.redrawn is not None
    assert np.allclose(maps.redrawn, encoder.reconstruct(images)[0], atol=1e-5)


def test_layers_know_what_their_cells_see(maps: FeatureMaps) -> None:
    assert (maps.layer("conv_1").receptive_field, maps.layer("conv_1").stride) == ((3, 3), (1, 1))
    assert (maps.layer("encoded").receptive_field, maps.layer("encoded").stride) == ((8, 8), (4, 4))
    assert maps.layer("encoded").kind == "Conv2D"


def test_only_the_layers_asked_for(encoder: saccade.Encoder) -> None:
    some_maps = saccade.feature_maps(encoder, CAT, layers=["drop", "pool_1"])
    assert [path.split("/")[-1] for path in some_maps] == ["drop", "pool_1"]
    assert saccade.feature_maps(encoder, CAT, layers=["pool_1"]).collage().width > 1000
    with pytest.raises(UnknownName, match="conv_1"):
        saccade.feature_maps(encoder, CAT, layers=["conv_9"])
    with pytest.raises(InputError, match="no layers were named"):
        saccade.feature_maps(encoder, CAT, layers=[])
    with pytest.raises(InputError, match="of one image; 2 were given"):
        saccade.feature_maps(encoder, [CAT, CAT])
    flat_maps = saccade.feature_maps(vector_encoder(), CAT, layers=["conv_1", "flat"])
    np.testing.assert_array_equal(flat_maps["flat"], flat_maps["conv_1"])
    with pytest.raises(NotApplicable, match="'latent' has no places"):
        saccade.feature_maps(saccade.Encoder(vector_encoder().network, layer="conv_1"), CAT, layers=["latent"])


def drawn(maps: FeatureMaps, monkeypatch: pytest.MonkeyPatch, **how: str) -> tuple[list[Row], End | None]:
    """The rows of a collage, and what stands at its end."""
    import saccade.results.feature_collage as module

    calls: list[tuple[list[Row], End | None]] = []
    real = module.collage
    monkeypatch.setattr(
        module,
        "collage",
        lambda first, rows, last, **rest: calls.append((rows, last)) or real(first, rows, last, **rest),
    )
    assert maps.collage(**how).height > 1000
    return calls[0]


def test_a_connection_past_the_code_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    past = saccade.feature_maps(autoencoder(skip=True), CAT)
    assert not past.from_code_alone
    _, last = drawn(past, monkeypatch)
    assert last is not None
    assert last.lines[0] == "Painted from the code and from what earlier layers hand on beside it."
    assert saccade.feature_maps(autoencoder(), CAT).from_code_alone


def test_a_vector_code_is_among_the_maps_as_one_cell() -> None:
    maps = saccade.feature_maps(vector_encoder(), CAT)
    assert list(maps) == ["conv_1", "latent"]
    assert maps["latent"].shape == (1, 1, 7)
    assert maps.layer("latent").receptive_field is None
    assert maps.redrawn is None
    assert maps.collage().width > 1000
    assert maps.sheet("latent").width > 100


def test_a_mapping_that_helps_with_names(maps: FeatureMaps) -> None:
    assert len(maps) == 5
    assert "encoder/conv_1" in maps
    assert "conv_9" not in maps
    assert maps.get("conv_9") is None
    with pytest.raises(KeyError):
        maps["conv_9"]
    with pytest.raises(UnknownName, match="nearest is 'encoder/conv_1'"):
        maps.layer("encoder/conv_2")
    with pytest.raises(ValueError, match="read-only"):
        maps["encoder/conv_1"][0] = 0


# Numbers of a layer


def layer(values: np.ndarray) -> LayerMaps:
    return LayerMaps("x", "Conv2D", np.asarray(values, np.float32), (3, 3), (1.0, 1.0))


def test_energy_and_variation_against_numpy() -> None:
    values = np.random.default_rng(SEED).normal(1, 1, size=(5, 4, 6))
    one = layer(values)
    values = one.values.astype(float)
    assert np.allclose(one.energy, (values**2).sum(axis=(0, 1)), rtol=1e-6)
    assert np.allclose(one.variation, values.var(axis=(0, 1)) * 20, rtol=1e-5)
    assert list(one.order("energy")) == list(np.argsort(-(values**2).sum(axis=(0, 1))))
    assert list(one.order()) == list(np.argsort(-values.var(axis=(0, 1))))
    assert list(one.order("index")) == list(range(6))
    with pytest.raises(UnknownName, match="nearest is 'energy'"):
        one.order("energies")


def test_a_saturated_map_is_strong_but_varies_not() -> None:
    values = np.zeros((4, 4, 2), np.float32)
    values[..., 0] = -1
    values[0, 0, 1] = 2
    assert layer(values).order("energy")[0] == 0
    assert layer(values).order("variation")[0] == 1


@pytest.mark.parametrize(
    ("values", "signed"),
    [([0, 1, 2], False), ([-0.04, 1, 1], False), ([-0.2, 1, 1], True), ([-1, -1, -1], True), ([0, 0, 0], False)],
)
def test_values_below_zero_are_shown_where_they_matter(values: list[float], signed: bool) -> None:
    one = layer(np.array(values)[:, None, None])
    assert one.signed is signed
    assert one.scale(signed=signed).signed is signed
    assert (one.tiles(np.array([0]), signed=signed).min() < 0) == (signed and min(values) < 0)
    assert ("drawn as zero" in one.colours(signed=signed)) == (min(values) < 0 and not signed)


def test_a_map_wholly_below_zero_is_never_hidden() -> None:
    values = np.ones((2, 2, 2)) * 100
    values[..., 1] = [[-1, -2], [-3, -1]]
    assert layer(values).signed


def test_a_scale_for_each_map_shows_what_one_scale_for_all_may_leave_out() -> None:
    values = np.zeros((2, 2, 2))
    values[0, 0] = [100, 2]
    values[1, 1] = [0, -1]
    assert not layer(values).signed
    assert layer(values).signed_apart


def test_an_enlarged_copy_is_known() -> None:
    small = np.random.default_rng(SEED).normal(size=(2, 3, 4)).astype(np.float32)
    large = small.repeat(2, axis=0).repeat(3, axis=1)
    assert layer(large).only_enlarges(layer(small))
    assert not layer(large + (np.arange(9) == 4)[None, :, None]).only_enlarges(layer(small))
    assert not layer(small).only_enlarges(layer(small))
    assert not layer(small[:1]).only_enlarges(layer(small))


# Pictures


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("scale", ["all", "each"])
def test_a_sheet_of_each_layer(maps: FeatureMaps, theme: str, scale: str) -> None:
    for path in maps:
        assert maps.sheet(path, theme=theme, scale=scale).width > 200
    with pytest.raises(UnknownName, match="sharing of the scale"):
        maps.sheet("conv_1", scale="none")
    with pytest.raises(UnknownName, match="order"):
        maps.sheet("conv_1", order="name")


def test_a_sheet_draws_every_channel(maps: FeatureMaps, monkeypatch: pytest.MonkeyPatch) -> None:
    import saccade.results.feature_maps as module

    arguments: dict[str, object] = {}
    real = module.feature_sheet

    def spy(tiles: np.ndarray, labels: list[str], **rest: object) -> Image.Image:
        arguments.update(tiles=tiles, labels=labels, **rest)
        return real(tiles, labels, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "feature_sheet", spy)
    maps.sheet("conv_1", order="energy")
    values, order = maps.layer("conv_1").values, maps.layer("conv_1").order("energy")
    assert np.array_equal(arguments["tiles"], np.moveaxis(values, -1, 0)[order])  # type: ignore[arg-type]
    assert [int(label.split(" ")[0]) for label in arguments["labels"]] == list(order)  # type: ignore[attr-defined]
    text = " ".join(arguments["caption"])  # type: ignore[arg-type]
    assert "Each cell sees 3\u00d73 px of the 32\u00d732 px image." in text
    assert "Orange answers are above zero" in text
    assert arguments["title"] == "encoder/conv_1: 6 feature maps of 32\u00d732 cells"


def test_dead_maps_are_counted(maps: FeatureMaps, monkeypatch: pytest.MonkeyPatch) -> None:
    import saccade.results.feature_maps as module

    values = np.random.default_rng(SEED).random((4, 4, 5)).astype(np.float32)
    values[..., 1:3] = 0
    dead = FeatureMaps((layer(values),), "x", 80, maps.images, "tiny")
    notes: list[str] = []
    real = module.feature_sheet
    monkeypatch.setattr(
        module, "feature_sheet", lambda *arguments, **rest: notes.extend(rest["notes"]) or real(*arguments, **rest)
    )
    dead.sheet("x")
    assert "2 of the 5 maps are zero everywhere: these detectors found nothing." in notes


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_collage_shows_photo_layers_and_redrawn_image(
    maps: FeatureMaps, monkeypatch: pytest.MonkeyPatch, theme: str
) -> None:
    rows, last = drawn(maps, monkeypatch, theme=theme)
    assert last is not None
    assert [row.title.split("/")[-1] for row in rows] == ["conv_1", "pool_1", "encoded"]  # up_1 only enlarges
    assert [row.heading.split(":")[0] for row in rows] == ["Taken apart, layer by layer", "", "The code"]
    assert rows[0].labels == rows[1].labels  # a pooled map below the map it was made from
    assert rows[2].marked


def test_cells_of_the_collage_are_the_true_grid() -> None:
    photo = np.full((64, 64, 3), 200, np.uint8)
    values = np.random.default_rng(SEED).random((2, 8, 8)).astype(np.float32)
    row = Row("layer", ["facts"], values, ["0", "1"], scale_of(values, signed=False))
    page = np.asarray(collage(End(photo, "title", []), [row], notes=["small print"]))
    from saccade.picture.colormaps import apply

    tile = apply(values[0] / values.max(), "inferno").repeat(16, axis=0).repeat(16, axis=1).astype(int)
    corner = tile[:16, :16]
    corners = [
        (top, left)
        for top in range(page.shape[0] - 128)
        for left in np.flatnonzero(np.abs(page[top, :-128].astype(int) - corner[0, 0]).max(axis=1) <= 3)
        if np.abs(page[top : top + 128, left : left + 128].astype(int) - tile).max() <= 3
    ]
    assert len(corners) == 1


def test_collage_edges() -> None:
    photo = np.zeros((40, 200, 3), np.uint8)
    flat = np.zeros((3, 1, 1), np.float32)
    row = Row("code", [], flat, ["0", "1", "2"], scale_of(flat, signed=True))
    assert collage(End(photo, "", []), [row], End(photo, "again", ["x"]), theme="light").width > 1000
    assert (tiles_across((10, 100)), tiles_across((10, 10)), tiles_across((100, 10))) == (8, 12, 12)
    with pytest.raises(InputError, match="at least one layer"):
        collage(End(photo, "", []), [])
    with pytest.raises(InputError, match="one label each"):
        collage(End(photo, "", []), [Row("code", [], flat, ["0"], Scale(0, 1))])


def test_large_layers_work(maps: FeatureMaps) -> None:
    rng = np.random.default_rng(SEED)
    values = rng.random((1024, 1024, 8), dtype=np.float32)
    large = FeatureMaps((layer(values),), "x", values.size, maps.images, "tiny")
    assert large.sheet("x").width < 4000
    assert large.collage().width < 4000


# Files


def test_it_saves_a_folder(maps: FeatureMaps, tmp_path: Path) -> None:
    files = maps.save_sheets(tmp_path / "new" / "folder")
    assert [file.name for file in files[:2]] == ["collage.png", "01-encoder-conv_1.png"]
    assert sorted((tmp_path / "new" / "folder").iterdir()) == sorted(files)
    assert len(files) == 6
    assert read_metadata(files[1])["layer"] == "encoder/conv_1"
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(FileError, match="cannot be made"):
        maps.save_sheets(tmp_path / "taken")


def test_it_saves_the_numbers(maps: FeatureMaps, tmp_path: Path) -> None:
    path = maps.save(tmp_path / "maps.npz")
    with np.load(path) as file:
        assert np.array_equal(file["layer.encoder/conv_1"], maps["encoder/conv_1"])
        assert len(file.files) == 7
