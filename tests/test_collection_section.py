"""The map of a collection in the report: what its file carries, and what a finger finds in it in a real browser."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsers import opened
from commands import Run, refused, small_autoencoder
from numpy.typing import NDArray
from page_data import carried_by, decoded
from PIL import Image
from skimage import data

import saccade
from saccade.cli.other_model import OtherModel
from saccade.collection import Catalogue, catalogue_of, photo_map
from saccade.collection.catalogue_facts import Origin, PhotoEntry
from saccade.collection.thumbnail import opened_thumbnail
from saccade.picture.photo_plane import photo_plane
from saccade.report import collection_data, write_atlas, write_report
from saccade.report.array_spec import array_spec
from saccade.report.page_file import page_file
from saccade.report.photo_atlas import photo_atlas

ON_PAGE = ("cat.png", "cup.png")
PHOTOS = 60


@pytest.fixture(scope="module")
def encoder() -> saccade.Encoder:
    return saccade.Encoder(small_autoencoder(), layer="encoded", value_range=(0.0, 1.0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("collection")
    (folder / "photos").mkdir()
    photos = data.chelsea(), data.coffee(), data.astronaut()
    for name, photo in zip(ON_PAGE, photos, strict=False):
        Image.fromarray(photo[::2, ::2]).save(folder / name)
    for index in range(PHOTOS):
        left, top = 5 * index // 3, 3 * index // 3
        width, height = ((100, 150), (160, 100), (120, 120))[index % 3]
        cut = photos[index % 3][top : top + height, left : left + width]
        Image.fromarray(cut).save(folder / "photos" / f"{index:02}.png")
    Image.open(folder / "photos" / "05.png").save(folder / "photos" / "copy of 05.png")
    (folder / "photos" / "broken.png").write_bytes(b"no photo")
    return folder


@pytest.fixture(scope="module")
def page(encoder: saccade.Encoder, folder: Path) -> Path:
    photos = [*(folder / name for name in ON_PAGE), folder / "photos" / "07.png"]
    return write_report(encoder, photos, folder / "report.html", live=False, collection=folder / "photos")


@pytest.fixture(scope="module")
def carried(page: Path) -> dict[str, Any]:
    content: dict[str, Any] = carried_by(page)["collection"]
    return content


@pytest.fixture(scope="module")
def table(encoder: saccade.Encoder, folder: Path, carried: dict[str, Any]) -> NDArray[np.float64]:
    """The cosines of all photos, less the mean of all, by brute force."""
    codes = encoder.codes([folder / "photos" / name for name in carried["names"]]).astype(float)
    flat = (codes - codes.mean(axis=0)).reshape(len(codes), -1)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat @ flat.T)


# The file


def test_one_page_has_one_kind_of_alike(page: Path, encoder: saccade.Encoder, folder: Path) -> None:
    """Pairs are compared less the mean of the collection, as its chapter and `search` compare."""
    carried = carried_by(page)
    codes = encoder.codes(sorted(set((folder / "photos").glob("*.png")) - {folder / "photos" / "broken.png"}))
    mean = codes.mean(axis=0, dtype=np.float64)
    photos = [*(folder / name for name in ON_PAGE), folder / "photos" / "07.png"]
    for pair in carried["pairs"]:
        why = saccade.compare(encoder, photos[pair["a"]], photos[pair["b"]], centre=mean)
        assert pair["score"] == pytest.approx(why.score, abs=1e-5)
        assert carried["table"][pair["a"]][pair["b"]] == pytest.approx(why.score, abs=1e-5)
        assert (pair["centred"], pair["mean_of"]) == (True, "the collection")
        assert pair["typical"]["scores"] == pytest.approx(carried["collection"]["typical"], abs=1e-5)
        assert pair["typical"]["sentence"].startswith(f"A typical pair of the collection ({PHOTOS + 1} photos) scores ")
        assert not any("nothing tells" in note for note in pair["notes"])
    assert carried["mean_of"] == "the collection"
    assert encoder.reference is None, "the encoder itself is left as it was"


def test_what_the_model_knows_goes_before_the_collection(folder: Path, tmp_path: Path) -> None:
    encoder = saccade.Encoder(small_autoencoder(), layer="encoded", value_range=(0.0, 1.0))
    encoder.reference = saccade.pairs.reference_of(encoder, folder / "photos" / "0*.png")
    photos = [folder / name for name in ON_PAGE]
    page = write_report(encoder, photos, tmp_path / "report.html", live=False, collection=folder / "photos")
    (pair,) = carried_by(page)["pairs"]
    assert pair["mean_of"] == "the collection that the model knows"
    assert pair["score"] == pytest.approx(saccade.compare(encoder, *photos).score, abs=1e-6)


def test_neighbours_are_those_of_the_whole_code(carried: dict[str, Any], table: NDArray[np.float64]) -> None:
    rows, scores = decoded(carried["neighbours"]).astype(int), decoded(carried["scores"])
    assert rows.shape == scores.shape == (PHOTOS + 1, collection_data.NEIGHBOURS)
    for row in range(len(rows)):
        others = np.delete(table[row], row)
        np.testing.assert_allclose(scores[row], np.sort(others)[::-1][: rows.shape[1]], atol=1e-5)
        np.testing.assert_allclose(table[row, rows[row]], scores[row], atol=1e-5)
    assert carried["count"] == PHOTOS + 1
    assert carried["skipped"] == 1
    assert [[carried["names"][row] for row in group] for group in carried["copies"]] == [["05.png", "copy of 05.png"]]
    means = scores[:, :10].mean(axis=1)
    assert carried["odd"] == np.argsort(np.round(means.astype(float), 6), kind="stable")[:8].tolist()


def test_photos_of_the_page_find_their_nearest(encoder: saccade.Encoder, folder: Path, carried: dict[str, Any]) -> None:
    names = carried["names"]
    mean = saccade.pairs.mean_code(encoder, folder / "photos")
    for name, query in zip(ON_PAGE, carried["queries"], strict=False):
        assert query["own"] is None
        for row, score in list(zip(query["neighbours"], query["scores"], strict=True))[:3]:
            why = saccade.compare(encoder, folder / name, folder / "photos" / names[row], centre=mean.code)
            assert why.score == pytest.approx(score, abs=1e-5)
    own = carried["queries"][2]
    assert names[own["own"]] == "07.png"
    assert own["own"] not in own["neighbours"]


def test_every_photo_lies_in_the_atlas_at_its_number(encoder: saccade.Encoder, folder: Path) -> None:
    catalogue = catalogue_of(encoder, folder / "photos")
    atlas = photo_atlas(catalogue.entries)
    shapes = decoded(atlas["shapes"])
    pages = [Image.open(io.BytesIO(_bytes_of(url))).convert("RGB") for url in atlas["pages"]]
    for number in (0, 1, 2, PHOTOS):
        page, place = divmod(number, atlas["columns"] * atlas["rows"])
        row, column = divmod(place, atlas["columns"])
        width, height = map(int, shapes[number])
        left, top = column * atlas["cell"][0], row * atlas["cell"][1]
        shown = np.asarray(pages[page].crop((left, top, left + width, top + height)), float)
        small = opened_thumbnail(catalogue.entries[number]).resize((width, height), Image.Resampling.LANCZOS)
        assert np.abs(shown - np.asarray(small, float)).mean() < 8


def _bytes_of(url: str) -> bytes:
    import base64

    return base64.b64decode(url.partition(",")[2])


def test_the_file_names_no_folder_and_says_how_it_was_made(page: Path, folder: Path) -> None:
    content = carried_by(page)
    assert str(folder) not in page.read_text()
    assert "--collection photos" in content["recipe"]["command"]


def test_two_thousand_photos_can_be_mailed(
    encoder: saccade.Encoder, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    entries = []
    for number in range(2100):
        # Soft shapes with a grain, as photographs have; a WebP of nothing but noise would be no photo.
        soft = Image.fromarray(random.integers(0, 256, (6, 5, 3), np.uint8)).resize(
            (102, 128), Image.Resampling.BICUBIC
        )
        grain = np.clip(np.asarray(soft, float) + random.normal(0, 7, (128, 102, 3)), 0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(grain).save(buffer, "WEBP", quality=80, method=0)
        entries.append(
            PhotoEntry(f"photo {number:04} with a rather long name.jpg", buffer.getvalue(), 816, 1024, (0, 0, 1, 1))
        )
    codes = random.normal(size=(2100, 4, 4, 6)).astype(np.float32)
    encoder = saccade.Encoder(small_autoencoder(), layer="encoded", value_range=(0.0, 1.0))
    catalogue = Catalogue(tuple(entries), codes, "", (32, 32), Origin.of(encoder))
    monkeypatch.setattr(photo_map, "_embedded", lambda components, seed: components[:, :2])
    content = carried_by(page)
    content["collection"] = collection_data.ShownCollection(encoder, catalogue).data([(None, codes[0])])
    assert len(content["collection"]["names"]) == 2000
    assert content["collection"]["count"] == 2100
    whole = page_file("title", "deck", {**content, "photos": content["photos"][:1]})
    assert len(whole.encode()) < 8_000_000
    assert len(json.dumps(content["collection"])) < 4_500_000


# In the browser


def test_a_click_shows_the_nearest_with_their_scores(
    browser: Any, page: Path, carried: dict[str, Any], table: NDArray[np.float64]
) -> None:
    with opened(browser, page) as tab:
        stage = shown(tab)
        stage.focus()
        tab.keyboard.press("ArrowRight")
        number = int(tab.locator("#collection .readout").get_attribute("data-number"))
        assert carried["names"][number] in tab.locator("#collection .readout").inner_text()
        assert tab.locator("#collection .photo-map-card").is_visible()
        tab.keyboard.press("Enter")
        scores = tab.locator("#collection .nearest ol button span").all_inner_texts()
        expected = np.sort(np.delete(table[number], number))[::-1][: len(scores)]
        np.testing.assert_allclose([float(text.replace("\u2212", "-")) for text in scores], expected, atol=6e-3)
        assert f"near={number}" in tab.url
        tab.keyboard.press("Escape")
        assert tab.locator("#collection .nearest ol").count() == 0


def test_a_view_with_a_chosen_photo_can_be_sent(browser: Any, page: Path, carried: dict[str, Any]) -> None:
    with opened(browser, page, address="#near=12") as tab:
        shown(tab)
        assert tab.locator("#collection .nearest h3 b").inner_text() == carried["names"][12]


def test_the_photo_under_the_pointer_is_the_one_that_is_drawn_there(
    browser: Any, page: Path, carried: dict[str, Any], folder: Path
) -> None:
    """In rows every photo has a place of its own, where its colours can be read back."""
    with opened(browser, page) as tab:
        stage = shown(tab)
        tab.locator("#collection .choice", has_text="In rows").click()
        numbers = set()
        for across, down in ((0.22, 0.31), (0.53, 0.52), (0.81, 0.71)):
            box = in_the_middle(tab, stage)
            tab.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
            tab.wait_for_timeout(250)
            number = int(tab.locator("#collection .readout").get_attribute("data-number"))
            numbers.add(number)
            canvas = canvas_of(tab).astype(float)
            y, x = round(down * canvas.shape[0]), round(across * canvas.shape[1])
            drawn = canvas[y - 6 : y + 7, x - 6 : x + 7].mean(axis=(0, 1))
            with Image.open(folder / "photos" / carried["names"][number]) as photo:
                small = np.asarray(photo.convert("RGB").resize((3, 3), Image.Resampling.BOX), float)
            assert np.abs(drawn - small).max(axis=2).min() < 60, (number, drawn, small)
        assert len(numbers) == 3


def test_the_photo_of_the_page_is_found(browser: Any, page: Path, carried: dict[str, Any]) -> None:
    with opened(browser, page) as tab:
        shown(tab)
        tab.locator("#collection .find-photo", has_text="Find cat.png here").click()
        first = carried["names"][carried["queries"][0]["neighbours"][0]]
        label = tab.locator("#collection .nearest ol button").first.get_attribute("aria-label")
        assert label.startswith(first)
        tab.locator(".photo-bar .thumb").nth(1).click()
        assert tab.locator("#collection .nearest h3 b").inner_text() == "cup.png"


def test_keys_zoom_and_the_wheel_does_so_only_where_it_was_asked_for(browser: Any, page: Path) -> None:
    with opened(browser, page) as tab:
        stage = shown(tab)
        box = in_the_middle(tab, stage)
        tab.mouse.move(box["x"] + 200, box["y"] + 200)
        before = tab.evaluate("scrollY")
        tab.mouse.wheel(0, 120)
        tab.wait_for_timeout(200)
        assert tab.evaluate("scrollY") > before
        assert tab.locator("#collection .photo-map-hint").is_visible()
        assert "is-near" not in stage.get_attribute("class")
        stage.focus()
        tab.keyboard.press("+")
        assert "is-near" in stage.get_attribute("class")
        tab.keyboard.press("0")
        assert "is-near" not in stage.get_attribute("class")
        box = in_the_middle(tab, stage)
        before = tab.evaluate("scrollY")
        tab.mouse.move(box["x"] + 200, box["y"] + 200)
        tab.mouse.wheel(0, -300)
        tab.wait_for_timeout(200)
        assert tab.evaluate("scrollY") == before
        assert "is-near" in stage.get_attribute("class")


def test_every_photo_is_reached_by_the_arrow_keys(browser: Any, page: Path) -> None:
    with opened(browser, page) as tab:
        stage = shown(tab)
        tab.locator("#collection .choice", has_text="In rows").click()
        stage.focus()
        numbers: set[str] = set()
        tab.keyboard.press("ArrowLeft")
        for _ in range(12):
            tab.keyboard.press("ArrowLeft")
        for _ in range(12):
            tab.keyboard.press("ArrowUp")
        for step in range(80):
            numbers.add(tab.locator("#collection .readout").get_attribute("data-number"))
            row, column = divmod(step, 10)
            tab.keyboard.press("ArrowDown" if column == 9 else "ArrowLeft" if row % 2 else "ArrowRight")
        assert len(numbers) > 0.8 * PHOTOS


def test_the_map_sorts_itself_unless_stillness_is_wanted(browser: Any, page: Path) -> None:
    with opened(browser, page, reduced_motion="no-preference") as tab:
        shown(tab)
        assert tab.locator("#collection .view").get_attribute("data-layout") == "shuffled"
        tab.wait_for_selector('#collection .view[data-layout="neighbours"]')
        tab.wait_for_timeout(2500)
        moved = canvas_of(tab)
    with opened(browser, page) as tab:
        shown(tab)
        assert tab.locator("#collection .view").get_attribute("data-layout") == "neighbours"
        assert np.abs(canvas_of(tab).astype(float) - moved).mean() < 1, "it arrives where it lies still"


def test_what_the_layouts_are_worth_is_said(browser: Any, page: Path, carried: dict[str, Any]) -> None:
    with opened(browser, page) as tab:
        shown(tab)
        for text, layout in (("By likeness", "neighbours"), ("In rows", "grid"), ("Two directions", "pca")):
            tab.locator("#collection .choice", has_text=text).click()
            (about,) = [each for each in carried["maps"] if each["layout"] == layout]
            words = tab.locator("#collection .strip").inner_text()
            assert f"{about['trustworthiness']:.2f} trustworthy" in words
        assert "1 could not be read" in words


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(browser: Any, page: Path, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    with opened(browser, page, color_scheme=scheme, bypass_csp=True) as tab:
        shown(tab)
        tab.locator("#collection .find-photo").click()
        accessibility = Axe().run(tab, context="#collection")
        assert accessibility.violations_count == 0, accessibility.generate_report()


@pytest.mark.parametrize("width", [360, 800, 1900])
def test_it_fits_every_screen(browser: Any, page: Path, width: int) -> None:
    with opened(browser, page, viewport={"width": width, "height": 800}) as tab:
        shown(tab)
        tab.locator("#collection .find-photo").click()
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"


def test_a_finger_pinches(browser: Any, page: Path) -> None:
    with opened(browser, page, has_touch=True, viewport={"width": 390, "height": 800}) as tab:
        stage = shown(tab)
        box = in_the_middle(tab, stage)
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        client = tab.context.new_cdp_session(tab)
        for kind, apart in (("touchStart", 30), ("touchMove", 60), ("touchMove", 120), ("touchEnd", 0)):
            points = [{"x": middle[0] + side * apart, "y": middle[1], "id": side + 2} for side in (-1, 1)]
            client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [] if kind == "touchEnd" else points})
        assert "is-near" in stage.get_attribute("class")


def shown(tab: Any) -> Any:
    """The map, in the middle of the window."""
    tab.evaluate("document.getElementById('collection').scrollIntoView()")
    stage = tab.wait_for_selector("#collection .photo-map")
    tab.wait_for_function("document.querySelector('#collection .view').dataset.layout")
    tab.wait_for_timeout(300)  # what lies above is drawn when it comes near, and pushes the map down
    in_the_middle(tab, stage)
    return stage


def in_the_middle(tab: Any, stage: Any) -> dict[str, float]:
    """Where the map lies, once it is in the middle of the window."""
    stage.evaluate("(map) => map.scrollIntoView({ block: 'center', behavior: 'instant' })")
    tab.wait_for_timeout(150)
    box: dict[str, float] = stage.bounding_box()
    return box


def canvas_of(tab: Any) -> NDArray[np.uint8]:
    url = tab.evaluate("document.querySelector('#collection .photo-map-canvas').toDataURL()")
    return np.asarray(Image.open(io.BytesIO(_bytes_of(url))).convert("RGB"))


# What is refused


def test_a_catalogue_of_another_layer_is_refused_before_another_model_is_opened(
    run: Run, small_model: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened_too_soon(*_: Any) -> None:
        raise AssertionError("the other model was opened")

    monkeypatch.setattr(OtherModel, "open", opened_too_soon)
    first = saccade.load(small_model, layer="first")
    catalogue_of(first, folder / "photos").save(tmp_path / "first.npz")
    status, _, err = run(
        "report", small_model, folder / "cat.png", "--layer", "encoded", "--collection", "first.npz", "--beside",
        small_model,
    )  # fmt: skip
    assert status == 2
    assert "the catalogue is of another encoder: its codes are those of layer 'first'" in err


def test_a_collection_that_cannot_be_used_is_refused_in_one_line(
    run: Run, small_model: Path, folder: Path, tmp_path: Path
) -> None:
    photo = str(folder / "cat.png")
    refused(run("report", small_model, photo, "--collection", tmp_path / "gone.npz"), "saccade index")
    refused(run("report", small_model, photo, "--collection", tmp_path / "gone"), "gone")
    few = tmp_path / "few"
    few.mkdir()
    for name in ("00.png", "01.png", "02.png"):
        (few / name).write_bytes((folder / "photos" / name).read_bytes())
    answer = run("report", small_model, photo, "--collection", few, "--output", tmp_path / "report.html")
    assert "3 photos are no collection" in answer[2]
    other = saccade.Encoder(small_autoencoder(trained=False), layer="first", value_range=(0.0, 1.0))
    path = catalogue_of(other, folder / "photos").save(tmp_path / "other.npz")
    answer = run("report", small_model, photo, "--collection", path, "--output", tmp_path / "report.html")
    assert "another encoder" in answer[2]
    assert not (tmp_path / "report.html").exists()


def test_a_ramp_of_bytes_is_one_array() -> None:
    """Rows of neighbours are carried as float32, which holds every number up to 2**24."""
    rows = np.array([[0, 2**24]])
    np.testing.assert_array_equal(decoded(array_spec(rows)), rows)


# The atlas


def test_an_atlas_is_the_map_alone(browser: Any, encoder: saccade.Encoder, folder: Path, tmp_path: Path) -> None:
    page = write_atlas(encoder, folder / "photos", tmp_path / "atlas.html")
    content = carried_by(page)
    assert content["atlas"]["queries"] == []
    assert str(folder) not in page.read_text()
    with opened(browser, page, address="#near=3") as tab:
        tab.wait_for_selector("#collection .nearest ol")
        assert tab.locator("h1").inner_text() == f"How does small see {PHOTOS + 1} photos?"
        assert tab.locator("#collection .nearest h3 b").inner_text() == content["atlas"]["names"][3]
        assert tab.locator(".find-photo").count() == 0
        words = tab.locator("#collection .strip").inner_text()
        assert "saccade search" in words
        assert "Why are these two alike" not in words


@pytest.mark.parametrize("layout", ["neighbours", "grid", "pca"])
def test_an_atlas_is_a_picture_too(encoder: saccade.Encoder, folder: Path, tmp_path: Path, layout: str) -> None:
    catalogue = catalogue_of(encoder, folder / "photos")
    path = write_atlas(encoder, catalogue, tmp_path / "atlas.png", layout=layout, theme="light")
    with Image.open(path) as picture:
        assert picture.width == 2400
    assert (
        path.read_bytes()
        == write_atlas(encoder, catalogue, tmp_path / "again.png", layout=layout, theme="light").read_bytes()
    )


def test_a_map_is_drawn_out_to_fill_its_picture_where_that_is_allowed() -> None:
    photos = [np.full((8, 8, 3), (255, 0, 0), np.uint8)] * 4
    corners = np.array([(0, 0), (1, 0), (0, 1), (1, 1)], np.float32)
    reach = {}
    for stretch in (1.0, 1.4, 9.0):
        picture = np.asarray(photo_plane(photos, corners, title="four", stretch=stretch))
        rows, columns = np.nonzero((picture == (255, 0, 0)).all(2))
        reach[stretch] = np.ptp(columns) / np.ptp(rows)
    assert reach[1.0] == pytest.approx(1, abs=0.01)
    assert reach[1.0] < reach[1.4] < reach[9.0]
    assert reach[9.0] == pytest.approx(1.6, abs=0.01)


def test_every_photo_of_a_grid_is_in_the_picture() -> None:
    colours = np.random.default_rng(0).integers(0, 256, (12, 3), np.uint8)
    photos = [np.full((30, 20, 3), colour, np.uint8) for colour in colours]
    columns, rows = np.divmod(np.arange(12), 3)
    positions = np.stack([columns, rows], axis=1).astype(np.float32) / 3
    picture = np.asarray(photo_plane(photos, positions, columns=4, title="twelve"))
    for colour in colours:
        assert (picture == colour).all(axis=2).sum() > 10_000


def test_the_atlas_by_the_command(run: Run, small_model: str, folder: Path, tmp_path: Path) -> None:
    status, out, err = run("atlas", small_model, folder / "photos", "--output", "atlas.webp", "--json")
    assert status == 0, err
    assert json.loads(out)["bytes"] == (tmp_path / "atlas.webp").stat().st_size
    refused(run("atlas", small_model, folder / "photos", "--output", "atlas.txt"), "must end in .html")
    refused(run("atlas", small_model, folder / "photos", "--layout", "grids"), "nearest is 'grid'")
    refused(run("atlas", small_model, tmp_path / "gone.npz"), "saccade index")
    first = min((folder / "photos").iterdir())
    refused(run("atlas", "gone.keras", first), "1 photo is no collection", "12 or more")
    (tmp_path / "broken.npz").write_bytes(b"PK")
    refused(run("atlas", "gone.keras", tmp_path / "broken.npz"), "is damaged")
