"""The report: what its file carries, and what a finger finds in it in a real browser."""

from __future__ import annotations

import base64
import json
import os
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from browsers import opened
from commands import Run, refused, small_autoencoder
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from page_data import PHOTOS, carried_by, decoded, write_photos
from PIL import Image
from skimage import data

import saccade
from saccade.collection import catalogue_of
from saccade.errors import InputError
from saccade.pairs.reference import reference_of_codes
from saccade.picture import overlay, scale_of
from saccade.report import write_report, writing
from saccade.report.array_spec import array_spec, to_five_digits
from saccade.report.page_file import VIEWS, joined_modules
from saccade.report.pair_data import game, similarities


@pytest.fixture(scope="module")
def encoder() -> saccade.Encoder:
    return saccade.Encoder(small_autoencoder(), layer="encoded", value_range=(0.0, 1.0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_photos(folder)
    return folder


@pytest.fixture(scope="module")
def page(encoder: saccade.Encoder, folder: Path) -> Path:
    return write_report(encoder, [folder / name for name in PHOTOS], folder / "report.html")


@pytest.fixture(scope="module")
def carried(page: Path) -> dict[str, Any]:
    return carried_by(page)


# The file


def test_codes_are_carried_without_loss_and_maps_to_five_digits(
    encoder: saccade.Encoder, folder: Path, carried: dict[str, Any]
) -> None:
    images = encoder.read([folder / name for name in PHOTOS])
    codes = encoder.codes(images)
    occlusion = saccade.explain(encoder, images, "occlusion")
    for index, photo in enumerate(carried["photos"]):
        assert photo["name"] == PHOTOS[index]
        np.testing.assert_array_equal(decoded(photo["code"]), codes[index])
        (shown,) = [entry for entry in photo["maps"] if entry["method"] == "occlusion"]
        np.testing.assert_allclose(decoded(shown["values"]), occlusion.values[index], rtol=1 / 65_000, atol=0)
        assert shown["unit"] == occlusion.units
        assert shown["sentence"] == occlusion.sentence(index)


def test_a_layer_that_is_the_code_is_carried_once(encoder: saccade.Encoder, carried: dict[str, Any]) -> None:
    assert carried["cells"][0]["layer"] == encoder.layer
    assert [[spec is None for spec in photo["cells"]] for photo in carried["photos"]] == [[True, False]] * len(PHOTOS)


@given(arrays(np.float32, (7, 5), elements=st.floats(-1e6, 1e6, width=32)))
def test_five_digits_are_kept_of_every_number(values: NDArray[np.float32]) -> None:
    rounded = to_five_digits(values)
    normal = np.abs(values) >= np.finfo(np.float32).tiny
    np.testing.assert_allclose(rounded[normal], values[normal], rtol=1 / 65_000, atol=0)
    np.testing.assert_allclose(rounded, values, rtol=1 / 65_000, atol=1e-42)


def test_pairs_are_those_of_compare(encoder: saccade.Encoder, folder: Path, carried: dict[str, Any]) -> None:
    assert [(pair["a"], pair["b"]) for pair in carried["pairs"]] == list(combinations(range(4), 2))
    for pair in carried["pairs"]:
        why = saccade.compare(encoder, folder / PHOTOS[pair["a"]], folder / PHOTOS[pair["b"]])
        assert pair["score"] == pytest.approx(why.score, abs=1e-9)
        np.testing.assert_allclose(decoded(pair["shares_a"]), why.shares_a, atol=1e-7)
        together = sum(match["share"] for match in pair["matches"]) + pair["rest"] + pair["special"]
        assert together == pytest.approx(pair["score"], abs=1e-5)
        assert carried["table"][pair["a"]][pair["b"]] == pytest.approx(why.score, abs=1e-6)


def test_the_file_is_small_and_names_no_folder(page: Path, folder: Path, carried: dict[str, Any]) -> None:
    text = page.read_text()
    assert len(text) < 8_000_000
    assert str(folder) not in text
    assert str(Path.home()) not in text or str(Path.home()) == "/"


def test_a_page_without_the_network_is_small(encoder: saccade.Encoder, folder: Path, tmp_path: Path) -> None:
    page = write_report(encoder, [folder / PHOTOS[0]], tmp_path / "report.html", live=False)
    content = carried_by(page)
    assert "network" not in content
    assert len(page.read_text()) - len(json.dumps(content, ensure_ascii=False)) < 150_000, "the page without its data"
    assert page.stat().st_size < 3_000_000


def test_a_file_that_could_not_be_mailed_goes_without_the_network(
    encoder: saccade.Encoder, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MOST_BYTES", 50_000)
    content = carried_by(write_report(encoder, [folder / PHOTOS[0]], tmp_path / "report.html"))
    assert "network" not in content
    (reason,) = [value for name, value in content["recipe"]["facts"] if name == "left out"]
    assert "name fewer photos" in reason


def test_the_policy_allows_only_the_pages_own_script_and_style(page: Path) -> None:
    text = page.read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert "default-src &#x27;none&#x27;" in policy[1]
    assert "unsafe-inline" not in policy[1]
    assert "unsafe-eval" not in policy[1].replace("wasm-unsafe-eval", "")
    assert "http" not in policy[1]


def test_names_cannot_end_the_script(encoder: saccade.Encoder, tmp_path: Path, browser: Any) -> None:
    name = "a<script>alert(1)<&'b.png"
    Image.fromarray(data.chelsea()[::8, ::8]).save(tmp_path / name)
    page = write_report(encoder, [tmp_path / name], tmp_path / "odd.html")
    assert carried_by(page)["photos"][0]["name"] == name
    with opened(browser, page) as tab:
        tab.wait_for_selector("#look .stage-canvas")
        assert name in tab.inner_text("h1")


@pytest.mark.parametrize("suffix", [".html", ".png", ".json", ".npz"])
def test_a_photo_whose_name_is_no_text_is_told_all_the_same(
    encoder: saccade.Encoder, tmp_path: Path, suffix: str
) -> None:
    photo = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    Image.fromarray(data.chelsea()[::8, ::8]).save(photo)
    path = tmp_path / f"told{suffix}"
    if suffix == ".html":
        write_report(encoder, [photo], path, live=False)
        assert carried_by(path)["photos"][0]["name"] == photo.name
        assert r"see in caf\udce9.png?</title>" in path.read_text()
    else:
        saccade.explain(encoder, photo, "occlusion", patch=16, stride=16).save(path)
        assert path.stat().st_size > 0


@pytest.mark.parametrize("channels", [1, 3])
def test_a_vector_code_has_a_report(tmp_path: Path, browser: Any, channels: int) -> None:
    keras.utils.set_random_seed(3)
    image = keras.Input((28, 28, channels))
    hidden = keras.layers.Dense(12, activation="relu", name="hidden")(keras.layers.Flatten()(image))
    model = keras.Model(image, keras.layers.Dense(6, name="code")(hidden))
    photos = [np.asarray(photo[::20, ::20]) for photo in (data.chelsea(), data.coffee())]
    page = write_report(saccade.Encoder(model, value_range=(0, 1)), photos, tmp_path / "vector.html")
    with opened(browser, page) as tab:
        for section in tab.locator("section.chapter").all():
            section.scroll_into_view_if_needed()
        assert "alike" in [section.get_attribute("id") for section in tab.locator("section.chapter").all()]


def test_bad_input_is_one_plain_line(encoder: saccade.Encoder, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"report\.pdf is no page; a report ends in \.html"):
        write_report(encoder, [folder / PHOTOS[0]], tmp_path / "report.pdf")
    with pytest.raises(InputError, match="13 photos: a report shows 1 to 12"):
        write_report(encoder, [folder / PHOTOS[0]] * 13, tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_the_command(run: Run, small_model: str, photos: Path) -> None:
    status, out, _ = run("report", small_model, photos, "-o", "page.html", "--json")
    assert status == 0
    summary = json.loads(out)
    assert summary["output"] == "page.html"
    assert summary["bytes"] == Path("page.html").stat().st_size
    command = carried_by(Path("page.html"))["recipe"]["command"]
    assert command == "saccade report small.keras cat.jpg cup.png rocket.webp --output page.html"
    refused(run("report", small_model, photos, "-o", "page.txt"), "page.txt is no page", ".html")
    refused(run("report", small_model, photos, "-m", "occlusio"), "occlusio", "occlusion")


def test_of_a_folder_what_cannot_be_read_is_left_out_and_said(run: Run, small_model: str, photos: Path) -> None:
    (photos / "a.jpg").write_bytes((photos / "cat.jpg").read_bytes()[:500])
    status, _, err = run("report", small_model, photos, "-o", "page.html", "--no-live")
    assert status == 0
    assert "left out: " in err
    assert "a.jpg is damaged" in err
    assert [photo["name"] for photo in carried_by(Path("page.html"))["photos"]] == ["cat.jpg", "cup.png", "rocket.webp"]


def test_reference_photos_are_taken_off_and_tell_what_is_typical(
    encoder: saccade.Encoder, folder: Path, tmp_path: Path
) -> None:
    generator = np.random.default_rng(3)
    others = tmp_path / "others"
    others.mkdir()
    for index in range(5):
        Image.fromarray(generator.integers(0, 255, (40, 40, 3), np.uint8)).save(others / f"{index}.png")
    (others / "broken.png").write_bytes(b"no photo")
    photos = [folder / name for name in PHOTOS[:2]]
    notes: list[str] = []
    page = write_report(encoder, photos, tmp_path / "page.html", live=False, reference=others, on_note=notes.append)
    why = saccade.compare(encoder, *photos, reference=others)
    assert any(note.startswith("1 of the reference photos") for note in notes)
    catalogue = catalogue_of(encoder, others)
    again = write_report(encoder, photos, tmp_path / "again.html", live=False, reference=catalogue)
    for written in (page, again):
        (pair,) = carried_by(written)["pairs"]
        assert pair["score"] == pytest.approx(why.score, abs=1e-5)
        assert (pair["centred"], pair["mean_of"]) == (True, "the reference")
        assert pair["typical"]["sentence"].startswith("A typical pair of the reference (5 photos) scores ")
        assert [photo["trust"]["mean_of"] for photo in carried_by(written)["photos"]] == ["the reference"] * 2
    assert encoder.reference is None
    few = [others / "0.png", others / "1.png"]
    with pytest.raises(InputError, match="2 reference photos"):
        write_report(encoder, photos, tmp_path / "few.html", reference=few)
    of_another = reference_of_codes(np.ones((4, 2, 2, 3), np.float32), name="others")
    with pytest.raises(InputError, match="codes are 2x2x3"):
        write_report(encoder, photos, tmp_path / "few.html", reference=of_another)


def test_the_command_takes_reference_photos(run: Run, small_model: str, photos: Path) -> None:
    status, out, err = run("report", small_model, photos, "--reference", photos, "--no-live", "--json")
    assert status == 0, err
    assert json.loads(out)["reference"] == str(photos)
    carried = carried_by(Path("report.html"))
    assert f"--reference {photos.name}" in carried["recipe"]["command"]
    assert {pair["mean_of"] for pair in carried["pairs"]} == {"the reference"}
    assert run("index", small_model, photos, "-o", "known.npz")[0] == 0
    assert run("report", small_model, photos, "--reference", "known.npz", "--no-live")[0] == 0
    assert {pair["mean_of"] for pair in carried_by(Path("report.html"))["pairs"]} == {"the reference"}
    refused(run("report", small_model, photos, "--reference", "nowhere"), "nowhere")
    refused(run("report", small_model, photos, "--reference", "nowhere.npz"), "nowhere.npz")


def test_a_stop_writes_nothing(encoder: saccade.Encoder, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(saccade.errors.Cancelled):
        write_report(encoder, [folder / PHOTOS[0]], tmp_path / "report.html", stop=lambda: True)
    assert list(tmp_path.iterdir()) == []


def test_a_notebook_shows_it_in_a_frame_without_rights(
    encoder: saccade.Encoder, folder: Path, tmp_path: Path, browser: Any
) -> None:
    view = saccade.report_view(encoder, [folder / PHOTOS[0], folder / PHOTOS[1]])
    frame = view._repr_html_()
    assert 'sandbox="allow-scripts allow-downloads"' in frame
    page = tmp_path / "notebook.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><title>notebook</title><body>{frame}")
    with opened(browser, page) as tab:
        inside = tab.frame_locator("iframe")
        inside.locator("#look").scroll_into_view_if_needed()  # a frame cannot look beyond its own edge
        inside.locator("#look .stage-canvas").wait_for()
        inside.locator(".thumbs button").nth(1).click()
        assert inside.locator(".thumbs button").nth(1).get_attribute("aria-pressed") == "true"
    assert view.save(tmp_path / "report.html").read_text() == view.page


# Its parts


@given(arrays(np.float32, st.tuples(st.integers(0, 4), st.integers(1, 5)), elements=st.floats(-1e6, 1e6, width=32)))
def test_arrays_come_back(values: NDArray[np.float32]) -> None:
    np.testing.assert_array_equal(decoded(array_spec(values)), values)
    np.testing.assert_allclose(
        decoded(array_spec(values, "float16")), values, atol=1e-3 * np.abs(values).max(initial=0) + 1e-30
    )


@given(st.integers(3, 7).flatmap(lambda n: arrays(np.float64, (n, 4), elements=st.floats(-1, 1))))
def test_the_game_asks_only_what_is_clear(codes: NDArray[np.float64]) -> None:
    table = similarities(codes[:, None, None, :], None)
    for first, second, third in game(table):
        nearest = table[first, second]
        assert nearest - max(table[first, third], table[second, third]) >= 0.02


def test_similarities_are_cosines() -> None:
    codes = np.random.default_rng(0).normal(size=(4, 2, 3, 5))
    centre = codes[0] * 0.1
    table = similarities(codes, centre)
    for i in range(4):
        for j in range(4):
            a, b = (codes[i] - centre).ravel(), (codes[j] - centre).ravel()
            assert table[i, j] == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_modules_join(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text(
        '// @ts-check\n/** Why. */\nimport { b } from "./b.js";\n  /** @type {any} */ const c = '
        '/** @type {any} */ (b);\n/**\n * Many\n * lines: "x" */\nexport const a = b + 1; // why\n'
    )
    (tmp_path / "b.js").write_text("export const b = 1;\n")
    joined = joined_modules("a.js", tmp_path)
    assert joined.split("\n") == ["const b = 1;", "", "  const c = (b);", "const a = b + 1; // why", ""]
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\nexport const a = b + 1;\n')
    assert joined_modules("a.js", tmp_path).split() == ["const", "b", "=", "1;", "const", "a", "=", "b", "+", "1;"]
    (tmp_path / "b.js").write_text('import { a } from "./a.js";\nexport const b = 1;\n')
    with pytest.raises(ValueError, match=r"a\.js > b\.js > a\.js is a circle"):
        joined_modules("a.js", tmp_path)
    (tmp_path / "b.js").write_text("export default 1;\n")
    with pytest.raises(ValueError, match="only named imports and exports"):
        joined_modules("a.js", tmp_path)
    (tmp_path / "a.js").write_text('import { b as c } from "./b.js";\n')
    with pytest.raises(ValueError, match="renames"):
        joined_modules("a.js", tmp_path)


def test_no_two_modules_share_a_name() -> None:
    owners: dict[str, str] = {}
    for path in sorted(VIEWS.glob("*.js")):
        for name in re.findall(r"^(?:export )?(?:async )?(?:function|const|let|class) (\w+)", path.read_text(), re.M):
            assert owners.setdefault(name, path.name) == path.name, f"{name} is in {owners[name]} and {path.name}"


# In a browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_every_section_is_drawn(browser: Any, page: Path, width: int, scheme: str) -> None:
    with opened(browser, page, viewport={"width": width, "height": 900}, color_scheme=scheme) as tab:
        sections = [section.get_attribute("id") for section in tab.locator("section.chapter").all()]
        assert sections == ["look", "cover", "same", "guess", "alike", "memory", "inside", "eye", "trust", "recipe"]
        for name in sections:
            tab.locator(f"#{name}").scroll_into_view_if_needed()
            tab.wait_for_selector(f"#{name} .view > *", state="attached")
        tab.wait_for_timeout(300)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
        for canvas in ("#look", "#same", "#alike", "#memory", "#inside", "#trust"):
            assert tab.evaluate(_spread(canvas)) > 5


def _spread(section: str) -> str:
    """How much do the pixels of a section's first canvas differ? 0 for one that was never painted."""
    return (
        f"(() => {{ const canvas = document.querySelector('{section} .stage-canvas');"
        "const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;"
        "let low = 255, high = 0; for (let at = 0; at < pixels.length; at += 4) "
        "{ low = Math.min(low, pixels[at]); high = Math.max(high, pixels[at]); } return high - low; })()"
    )


def test_the_value_under_the_pointer_is_the_arrays(browser: Any, page: Path, carried: dict[str, Any]) -> None:
    shown = carried["photos"][0]["maps"][0]
    values = decoded(shown["values"])
    with opened(browser, page) as tab:
        tab.wait_for_selector("#look .stage-canvas")
        tab.wait_for_timeout(300)
        stage = tab.locator("#look .stage")
        stage.scroll_into_view_if_needed()
        box = stage.bounding_box()
        for across, down in ((0.31, 0.44), (0.72, 0.13), (0.5, 0.9)):
            tab.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
            value = float(tab.get_attribute("#look .readout", "data-value"))
            row, column = int(down * values.shape[0]), int(across * values.shape[1])
            near = values[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
            assert np.abs(near - value).min() < 1e-6 * np.abs(values).max()


def test_keys_do_what_the_pointer_does(browser: Any, page: Path) -> None:
    with opened(browser, page) as tab:
        tab.focus("#look .stage")
        tab.keyboard.press("ArrowRight")
        first = tab.get_attribute("#look .readout", "data-value")
        for _ in range(6):
            tab.keyboard.press("ArrowDown")
        assert tab.get_attribute("#look .readout", "data-value") != first
        tab.keyboard.press("Escape")
        assert tab.get_attribute("#look .readout", "data-value") is None
        tab.focus("#look .chooser input:checked")
        tab.keyboard.press("ArrowRight")
        assert "method=1" in tab.url


def test_touching_a_place_lights_what_is_alike(browser: Any, page: Path, carried: dict[str, Any]) -> None:
    cells = [decoded(photo["cells"][-1]).astype(np.float64) for photo in carried["photos"]]
    mean = np.concatenate([one.reshape(-1, one.shape[-1]) for one in cells]).mean(axis=0)
    own = cells[0] - mean
    with opened(browser, page) as tab:
        tab.locator("#same").scroll_into_view_if_needed()
        tab.wait_for_selector("#same .readout[data-alike]")
        assert "the strongest place of the map" in tab.inner_text("#same .readout"), "nobody has touched anything"
        values = decoded(carried["photos"][0]["maps"][0]["values"])
        strongest = np.unravel_index(values.argmax(), values.shape)
        left, top, right, bottom = carried["photos"][0]["box"]
        assert [left, top, right, bottom] == [0, 0, 1, 1]
        row, column = ((np.array(strongest) + 0.5) / values.shape * own.shape[:2]).astype(int)
        tab.focus("#same .stage")
        tab.keyboard.press("ArrowLeft" if column else "ArrowRight")
        tab.wait_for_function("!document.querySelector('#same .readout').innerText.includes('strongest')")
        touched = own[row, column - 1 if column else 1]
        lengths = np.linalg.norm(own, axis=-1) * np.linalg.norm(touched)
        cosines = (own @ touched) / np.maximum(lengths, 1e-30)
        expected = int((cosines >= 0.4).sum())
        assert abs(int(tab.get_attribute("#same .readout", "data-alike")) - expected) <= 1  # one may lie on the edge


def test_links_lead_to_their_sections(browser: Any, page: Path) -> None:
    for name, section in (("Believe it?", "trust"), ("Recipe", "recipe"), ("Why alike?", "alike")):
        with opened(browser, page) as tab:
            tab.wait_for_timeout(300)
            tab.click(f'.head nav a:text-is("{name}")')
            tab.wait_for_timeout(2000)
            top = tab.evaluate(f"document.querySelector('#{section}').getBoundingClientRect().top")
            bottom = tab.evaluate("document.documentElement.scrollHeight - scrollY - innerHeight")
            assert abs(top - 104) < 60 or bottom < 2, (name, top)


def test_a_view_can_be_sent(browser: Any, page: Path, carried: dict[str, Any]) -> None:
    with opened(browser, page, address="#photo=2&other=1&method=1") as tab:
        tab.locator("#alike").scroll_into_view_if_needed()
        tab.wait_for_selector("#alike .score[data-value]")
        (pair,) = [pair for pair in carried["pairs"] if (pair["a"], pair["b"]) == (1, 2)]
        assert float(tab.get_attribute("#alike .score", "data-value")) == pytest.approx(pair["score"])
        assert tab.evaluate("document.querySelector('.thumbs').children[2].getAttribute('aria-pressed')") == "true"
    with opened(browser, page, address="#photo=99&method=x") as tab:
        assert tab.evaluate("document.querySelector('.thumbs').children[0].getAttribute('aria-pressed')") == "true"


def test_still_where_nothing_should_move(browser: Any, page: Path) -> None:
    with opened(browser, page) as tab:
        tab.wait_for_timeout(400)
        assert tab.inner_text(".hero .button") == "Watch it look"
        assert tab.input_value(".hero input[type=range]") == "1"
        for value, name in (("0.5", "Go on"), ("1", "Watch it again")):
            tab.fill(".hero input[type=range]", value)
            assert tab.inner_text(".hero .button") == name
    with opened(browser, page, reduced_motion="no-preference") as tab:
        tab.get_by_role("button", name="Pause").wait_for()


def test_the_game_is_won_and_lost(browser: Any, page: Path, carried: dict[str, Any]) -> None:
    first, second, third = carried["game"][0]
    names = [photo["name"] for photo in carried["photos"]]
    for picks, word in (((first, second), "Yes."), ((first, third), "It sees it another way.")):
        with opened(browser, page) as tab:
            tab.locator("#guess").scroll_into_view_if_needed()
            for pick in picks:
                tab.click(f'#guess button[aria-label="{names[pick]}"]')
            assert tab.inner_text("#guess .finding").startswith(word)


def test_everybody_can_use_it(browser: Any, page: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for scheme in ("light", "dark"):
        with opened(browser, page, color_scheme=scheme, bypass_csp=True) as tab:
            for section in tab.locator("section.chapter").all():
                section.scroll_into_view_if_needed()
                tab.wait_for_timeout(100)
            accessibility = Axe().run(tab)
            assert accessibility.violations_count == 0, accessibility.generate_report()


_PAINT = """([pixels, map, ramps, scale, width, height]) => {
    const colour = Uint8ClampedArray.from(atob(pixels), (letter) => letter.charCodeAt(0));
    const grey = Float32Array.from({ length: width * height }, (_, at) => {
        const luma = (0.2126 * colour[4 * at] + 0.7152 * colour[4 * at + 1] + 0.0722 * colour[4 * at + 2]) / 255;
        return 255 * luma * (0.86 - 0.25 * luma);
    });
    const target = new ImageData(width, height);
    const style = { ramps, opacity: 0.85, contours: false };
    const values = window.views.decodeArray(map).values;
    window.views.paintMap(target, { width, height, colour, grey }, values, scale, style);
    return [...target.data];
}"""


def test_paint_is_the_librarys(browser: Any, tmp_path: Path, carried: dict[str, Any]) -> None:
    """The same map on the same photo, drawn by the page and by the library."""
    photo = np.ascontiguousarray(np.asarray(data.chelsea())[::4, ::4])
    height, width = photo.shape[:2]
    values = np.random.default_rng(1).normal(size=(height, width)).astype(np.float32)
    pixels = base64.b64encode(np.dstack([photo, np.full((height, width), 255, np.uint8)]).tobytes()).decode()
    script = joined_modules("stage.js") + "\nwindow.views = { decodeArray, paintMap };"
    page = tmp_path / "paint.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><body><script type=module>{script}</script>")
    for signed in (False, True):
        shown_values = values if signed else np.abs(values)
        scale = scale_of(shown_values, signed=signed)
        limits = {"low": scale.low, "high": scale.high, "signed": signed, "flat": False}
        expected = np.asarray(overlay(photo, shown_values, scale, contours=False)).astype(int)
        with opened(browser, page) as tab:
            arguments = [pixels, array_spec(shown_values), carried["ramps"], limits, width, height]
            painted = np.array(tab.evaluate(_PAINT, arguments)).reshape(height, width, 4)[..., :3]
        assert np.abs(painted - expected).max() <= 2
