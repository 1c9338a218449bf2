"""The report in a real browser: what a finger finds in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from browsers import opened
from commands import small_autoencoder
from page_data import PHOTOS, carried_by, decoded, write_photos
from PIL import Image
from skimage import data

import saccade
from saccade.report import write_report


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


@pytest.mark.parametrize("shown", ["What matches", "What every place adds"])
def test_a_part_of_the_bar_says_what_it_adds(browser: Any, page: Path, carried: dict[str, Any], shown: str) -> None:
    (pair,) = [pair for pair in carried["pairs"] if (pair["a"], pair["b"]) == (0, 1)]
    with opened(browser, page) as tab:
        tab.locator("#alike").scroll_into_view_if_needed()
        tab.click(f'#alike .chooser label:has-text("{shown}")')
        tab.wait_for_timeout(300)
        tab.focus("#alike .sum-part >> nth=-1")
        tab.wait_for_timeout(300)
        text = tab.inner_text("#alike .readout")
        assert text.startswith("everything else: ")
        assert float(text.split()[2].replace("\N{MINUS SIGN}", "-")) == pytest.approx(pair["rest"], abs=0.006)


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


def test_names_cannot_end_the_script(encoder: saccade.Encoder, tmp_path: Path, browser: Any) -> None:
    name = "a<script>alert(1)<&'b.png"
    Image.fromarray(data.chelsea()[::8, ::8]).save(tmp_path / name)
    page = write_report(encoder, [tmp_path / name], tmp_path / "odd.html")
    assert carried_by(page)["photos"][0]["name"] == name
    with opened(browser, page) as tab:
        tab.wait_for_selector("#look .stage-canvas")
        assert name in tab.inner_text("h1")


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
