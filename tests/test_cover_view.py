"""Cover it and watch, in a real browser from `file://`: what it shows is what the library computes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from pages import document
from PIL import Image
from skimage import data

import saccade
from saccade.attribution.smoothing import gaussian_blur
from saccade.picture.colormaps import colormap
from saccade.report.array_spec import array_spec
from saccade.report.in_page_network import in_page_network
from saccade.report.map_data import map_data
from saccade.report.page_file import VIEWS, joined_modules, joined_styles
from saccade.report.photo_data import photo_data

START = """
import { renderCover } from "./cover.js";
import { gaussianBlur } from "./blur.js";
import { inPageTransport } from "./in_page_network.js";
import { createStore } from "./store.js";

const carried = JSON.parse(document.getElementById("data").textContent);
const store = createStore({ photo: 0 }, (name, text) => Number(text));
const element = document.querySelector("section");
const transport = inPageTransport(carried.network);
renderCover({ data: carried, element, store, transport });
Object.assign(globalThis, { view: element, store, gaussianBlur });
"""


@pytest.fixture(scope="module")
def encoder() -> saccade.Encoder:
    return saccade.load(Path(saccade.__file__).parent / "shipped" / "clothing-autoencoder.keras")


@pytest.fixture(scope="module")
def images(encoder: saccade.Encoder) -> Any:
    return encoder.read([Image.fromarray(data.chelsea()), Image.fromarray(data.astronaut())])


@pytest.fixture(scope="module")
def page(encoder: saccade.Encoder, images: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cover")
    codes, redrawn = encoder.codes(images), encoder.reconstruct(images)
    look = saccade.explain(encoder, images, "occlusion")
    photos = [
        photo_data(images, index, codes[index], redrawn[index]) | {"maps": [map_data(look, index)]}
        for index in range(2)
    ]
    height, width, channels = images.array.shape[1:]
    carried = {
        "model": {"name": encoder.name, "input": [height, width, channels], "value_range": list(encoder.value_range)},
        "code": {"layer": encoder.layer, "rows": 8, "columns": 8, "channels": 64},
        "ramps": {
            "unsigned": array_spec(colormap("inferno"), "uint8"),
            "signed": array_spec(colormap("inferno"), "uint8"),
        },
        "photos": photos,
        "network": in_page_network(encoder, height, width),
    }
    return _written(folder, carried)


def _written(folder: Path, carried: dict[str, Any]) -> Path:
    """The view alone on a page."""
    modules = Path(shutil.copytree(VIEWS, folder / "views"))
    (modules / "start.js").write_text(START.lstrip(), encoding="utf-8")
    path = folder / "page.html"
    script, style = joined_modules("start.js", modules), joined_styles(covered=True)
    path.write_text(document(script, carried, style=style, body="<section></section>"), encoding="utf-8")
    return path


class Tab:
    """The page as a reader has it, and what it asked and said."""

    def __init__(
        self, browser: Any, page: Path, *, motion: str = "reduce", width: int = 1200, touch: bool = False
    ) -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, reduced_motion=motion, has_touch=touch
        )
        self.tab = self.context.new_page()
        self.messages: list[str] = []
        self.requests: list[str] = []
        self.tab.on("console", lambda message: self.messages.append(message.text))
        self.tab.on("pageerror", lambda error: self.messages.append(str(error)))
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.tab.goto(page.as_uri())
        self.until("view.dataset.difference")
        self.stage = self.tab.locator(".cover-stage")

    def until(self, condition: str, seconds: float = 60) -> Any:
        """Ask from outside until it holds, since the page forbids eval."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = self.tab.evaluate(condition)
            if value:
                return value
            time.sleep(0.02)
        raise AssertionError(f"{condition} did not come true; {self.readout()}")

    def readout(self) -> dict[str, str]:
        return dict(self.tab.evaluate("({ ...view.dataset })"))

    def point(self, across: float, down: float) -> None:
        box = self.stage.bounding_box()
        self.tab.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])

    def settled(self, cover: str) -> dict[str, str]:
        """What it tells of a cover once that is computed."""
        self.until(f"view.dataset.cover === {cover!r}")
        return self.readout()

    def picture(self, name: str) -> str:
        return str(self.tab.evaluate(f"view.querySelector({name!r}).toDataURL()"))


@pytest.fixture
def tab(browser: Any, page: Path) -> Iterator[Tab]:
    opened = Tab(browser, page)
    yield opened
    opened.context.close()
    assert opened.messages == []
    assert [url.split(":")[0] for url in opened.requests if not url.startswith("data:")] == ["file", "blob"]


def _covered(image: np.ndarray, top: int, left: int, size: int) -> np.ndarray:
    """The image under a rounded cover of its own blur, pixel by pixel."""
    blurred = gaussian_blur(image[None], size)[0]
    result = image.copy()
    radius = 0.28 * size
    for row in range(size):
        for column in range(size):
            x = max(abs(column + 0.5 - size / 2) - (size / 2 - radius), 0)
            y = max(abs(row + 0.5 - size / 2) - (size / 2 - radius), 0)
            share = min(max(radius - float(np.hypot(x, y)) + 0.5, 0), 1)
            place = (top + row, left + column)
            result[place] = image[place] + share * (blurred[place] - image[place])
    return result


def _change(encoder: saccade.Encoder, image: np.ndarray, cover: str) -> tuple[float, float]:
    """Similarity and squared share of change by the library."""
    both = np.stack([image, _covered(image, *map(int, cover.split(",")))])
    before, now = encoder.codes(both).reshape(2, -1).astype(np.float64)
    similarity = before @ now / np.linalg.norm(before) / np.linalg.norm(now)
    return float(similarity), float(((now - before) ** 2).sum() / (before**2).sum())


def _is_right(encoder: saccade.Encoder, image: np.ndarray, readout: dict[str, str]) -> None:
    similarity, share = _change(encoder, image, readout["cover"])
    assert share > 1e-4
    assert float(readout["share"]) == pytest.approx(share, rel=0.01)
    assert 1 - float(readout["similarity"]) == pytest.approx(1 - similarity, rel=0.01)


def test_the_uncovered_code_is_nearly_the_librarys(tab: Tab) -> None:
    readout = tab.readout()
    assert float(readout["difference"]) < 2e-3
    assert readout["cover"] == ""
    assert tab.tab.locator(".score-number").inner_text() == "1"
    assert "of its largest number" in tab.tab.locator(".strip").inner_text()


def test_the_cover_follows_the_pointer(tab: Tab, encoder: saccade.Encoder, images: Any) -> None:
    pictures = {name: tab.picture(name) for name in (".cover-code", ".cover-redrawn", ".cover-piece")}
    tab.point(0.4, 0.35)
    readout = tab.settled(f"{round(0.35 * 128 - 12)},{round(0.4 * 128 - 12)},24")
    _is_right(encoder, images.array[0], readout)
    for name, before in pictures.items():
        assert tab.picture(name) != before, name
    tab.point(0.01, 0.99)
    _is_right(encoder, images.array[0], tab.settled("104,0,24"))
    spoken = "view.querySelector('.readout').textContent"
    tab.until(f"{spoken}.includes('lower left')")
    sentence = tab.tab.evaluate(spoken)
    assert "similarity of the code now 0.9" in sentence
    assert "of it changed" in sentence


def test_the_cover_lies_where_the_network_is_covered(tab: Tab) -> None:
    tab.point(0.8, 0.3)
    top, left, size = map(int, tab.settled("26,90,24")["cover"].split(","))
    photo, piece = tab.stage.bounding_box(), tab.tab.locator(".cover-piece").bounding_box()
    expected = (
        photo["x"] + photo["width"] * left / 128, photo["y"] + photo["height"] * top / 128,
        photo["width"] * size / 128, photo["height"] * size / 128,
    )  # fmt: skip
    assert [piece[name] for name in ("x", "y", "width", "height")] == pytest.approx(expected, abs=1)
    tab.tab.locator("text=Lift the cover").click()
    tab.settled("")
    assert not tab.tab.locator(".cover-piece").is_visible()


def test_the_cover_follows_the_keys(tab: Tab, encoder: saccade.Encoder, images: Any) -> None:
    tab.stage.focus()
    tab.tab.keyboard.press("ArrowRight")
    tab.settled("52,52,24")
    tab.tab.keyboard.press("ArrowRight")
    tab.tab.keyboard.press("ArrowUp")
    _is_right(encoder, images.array[0], tab.settled("46,58,24"))
    redrawn = tab.picture(".cover-redrawn")
    for _ in range(30):
        tab.tab.keyboard.press("ArrowLeft")
    tab.settled("46,0,24")
    tab.tab.keyboard.press("ArrowRight")  # at the edge no press is lost
    tab.settled("46,6,24")
    assert tab.picture(".cover-redrawn") != redrawn
    tab.tab.keyboard.press("Home")
    readout = tab.settled("")
    assert float(readout["similarity"]) == 1
    assert float(readout["share"]) == 0


def test_it_can_be_reached_and_is_told_what_it_is(tab: Tab) -> None:
    assert tab.stage.get_attribute("role")
    assert "cover" in str(tab.stage.get_attribute("aria-label"))
    assert tab.stage.get_attribute("tabindex") == "0"
    assert tab.tab.locator(".readout").get_attribute("aria-live") == "polite"
    for name in (".cover-code", ".cover-redrawn", ".cover-trail"):
        assert tab.tab.locator(name).first.get_attribute("aria-label"), name


def test_after_many_moves_the_last_one_is_shown(tab: Tab, encoder: saccade.Encoder, images: Any) -> None:
    for step in range(60):
        tab.point(0.2 + 0.01 * step, 0.5 + 0.3 * np.sin(step))
    tab.point(0.7, 0.4)
    _is_right(encoder, images.array[0], tab.settled(f"{round(0.4 * 128 - 12)},{round(0.7 * 128 - 12)},24"))


def test_the_size_of_the_cover_changes(tab: Tab, encoder: saccade.Encoder, images: Any) -> None:
    tab.point(0.5, 0.5)
    tab.settled("52,52,24")
    size = tab.tab.locator("input[type=range]")
    size.focus()
    size.press("End")
    _is_right(encoder, images.array[0], tab.settled("32,32,64"))
    size.press("Home")
    _is_right(encoder, images.array[0], tab.settled("60,60,8"))


def test_another_photo_is_covered(tab: Tab, encoder: saccade.Encoder, images: Any) -> None:
    tab.point(0.5, 0.5)
    tab.settled("52,52,24")
    tab.tab.evaluate("store.set({ photo: 1 })")
    tab.until("view.dataset.cover === ''")
    tab.stage.focus()
    tab.tab.keyboard.press("ArrowDown")
    _is_right(encoder, images.array[1], tab.settled("52,52,24"))
    tab.tab.locator("text=Start the map again").click()
    tab.until("view.dataset.painted === '0'")
    tab.tab.evaluate("store.set({ photo: 0 })")
    tab.until("Number(view.dataset.painted) > 0")  # what was painted on a photo stays there


def test_the_map_is_painted_by_hand(tab: Tab) -> None:
    assert float(tab.until("view.dataset.painted")) == 0
    tab.point(0.5, 0.5)
    tab.settled("52,52,24")
    assert float(tab.until("Number(view.dataset.painted) > 0 && view.dataset.painted")) == pytest.approx((12 / 64) ** 2)
    tab.tab.locator("text=Start the map again").click()
    tab.until("view.dataset.painted === '0'")


def test_it_sweeps_over_the_photo_by_itself(tab: Tab) -> None:
    size = tab.tab.locator("input[type=range]")
    size.focus()
    size.press("End")
    time.sleep(0.3)
    assert tab.readout()["cover"] == "", "who wants stillness sees nothing move by itself"
    tab.tab.locator("text=Sweep it over the photo").click()
    tab.until("view.dataset.painted === '1'")
    tab.until("view.querySelector('.button.primary').textContent.startsWith('Sweep')")
    tab.tab.locator("text=Compare with the library").click()
    words = tab.tab.locator("figcaption", has_text="The library").inner_text()
    correlation = float(words.split("where you have been: ")[1].split(" ")[0])
    assert correlation > 0.3


def test_it_sets_out_by_itself_and_yields_to_the_reader(browser: Any, page: Path) -> None:
    moving = Tab(browser, page, motion="no-preference")
    moving.until("Number(view.dataset.painted) > 0.05")
    moving.point(0.5, 0.5)
    moving.settled("52,52,24")
    time.sleep(0.5)
    assert moving.readout()["cover"] == "52,52,24"
    assert moving.messages == []
    moving.context.close()


def test_a_finger_moves_the_cover_on_a_narrow_screen(browser: Any, page: Path) -> None:
    phone = Tab(browser, page, width=360, touch=True)
    assert phone.tab.evaluate("document.documentElement.scrollWidth") <= 360
    box = phone.stage.bounding_box()
    phone.tab.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    phone.settled("52,52,24")
    # Drawn down and across, the cover comes along, and the page stays where it is.
    before = phone.tab.evaluate("scrollY")
    finger = phone.context.new_cdp_session(phone.tab)
    for kind, share in (("touchStart", 0.5), ("touchMove", 0.6), ("touchMove", 0.7), ("touchMove", 0.75)):
        place = {"x": box["x"] + box["width"] * share, "y": box["y"] + box["height"] * share}
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [place]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    phone.settled("84,84,24")
    assert phone.tab.evaluate("scrollY") == before
    assert phone.messages == []
    phone.context.close()


def test_a_code_that_is_a_vector_is_shown_number_by_number(browser: Any, tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    image = layers.Input((32, 48, 3))
    x = layers.Flatten()(layers.MaxPooling2D(4)(layers.Conv2D(4, 3, padding="same", activation="relu")(image)))
    model = keras.Model(image, layers.Dense(12, name="code")(x))
    encoder = saccade.Encoder(model, layer="code", value_range=(0, 1), normalize="none")
    images = encoder.read([Image.fromarray(data.coffee())])
    codes = encoder.codes(images)
    carried = {
        "model": {"name": encoder.name, "input": [32, 48, 3], "value_range": [0, 1]},
        "code": {"layer": "code", "rows": 1, "columns": 1, "channels": 12},
        "ramps": {name: array_spec(colormap("inferno"), "uint8") for name in ("unsigned", "signed")},
        "photos": [photo_data(images, 0, codes[0], None)],
        "network": in_page_network(encoder, 32, 48),
    }
    tab = Tab(browser, _written(tmp_path, carried))
    assert tab.tab.locator(".cover-redrawn").count() == 0
    tab.stage.focus()
    tab.tab.keyboard.press("ArrowUp")
    _is_right(encoder, images.array[0], tab.settled("4,12,24"))
    assert "number" in str(tab.tab.locator(".cover-code").get_attribute("aria-label"))
    assert tab.messages == []
    tab.context.close()


def test_the_blur_is_the_librarys(tab: Tab) -> None:
    image = np.random.default_rng(0).random((20, 14, 3)).astype(np.float32)
    for sigma in (0.7, 3.0, 24.0):
        blurred = tab.tab.evaluate(
            "([image, sigma]) => [...gaussianBlur(image, 20, 14, 3, sigma)]", [image.ravel().tolist(), sigma]
        )
        assert np.abs(np.reshape(blurred, image.shape) - gaussian_blur(image[None], sigma)[0]).max() < 1e-5
