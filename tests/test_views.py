"""The views: their arithmetic against numpy, and what a section shows, marks and lets be kept, in a real browser."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsers import opened
from commands import small_autoencoder
from numpy.typing import NDArray
from page_data import carried_by, decoded
from PIL import Image
from skimage import data

import saccade
from saccade.report import write_report
from saccade.report.page_file import VIEWS, joined_modules, page_file


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("views")
    for name, photo in (("cat.png", data.chelsea()), ("cup.png", data.coffee())):
        Image.fromarray(photo[::3, ::3]).save(folder / name)
    encoder = saccade.Encoder(small_autoencoder(), layer="encoded", value_range=(0.0, 1.0))
    return write_report(encoder, [folder / "cat.png", folder / "cup.png"], folder / "report.html", live=False)


@pytest.fixture(scope="module")
def carried(page: Path) -> dict[str, Any]:
    return carried_by(page)


@pytest.fixture
def functions(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """A page that has the views' functions under `views`."""
    script = joined_modules("hero.js") + "\nwindow.views = { mapAtPixels, orderOfPlaces };"
    page = tmp_path / "functions.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><body><script type=module>{script}</script>")
    with opened(browser, page) as tab:
        yield tab


# Arithmetic


def placed(tab: Any, grid: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    arguments = [grid.ravel().tolist(), *grid.shape, width, height]
    values = tab.evaluate(
        "([values, rows, columns, width, height]) => [...window.views.mapAtPixels("
        "{ values, rows, columns, scale: null }, [0, 0, 1, 1], width, height, true)]", arguments)  # fmt: skip
    return np.array(values).reshape(height, width)


def test_a_coarse_map_is_drawn_on_a_curve_through_its_cells(functions: Any) -> None:
    grid = np.random.default_rng(0).normal(size=(5, 7))
    fine = placed(functions, grid, 7 * 31, 5 * 31)
    np.testing.assert_allclose(fine[15::31, 15::31], grid, atol=1e-5, err_msg="exact in the middle of every cell")
    bends = np.abs(np.diff(fine, 2, axis=1))
    assert bends.max() < 0.02 * np.ptp(grid), "without a corner"
    np.testing.assert_allclose(placed(functions, np.full((3, 4), 2.5), 40, 30), 2.5, atol=1e-5)
    ramp = np.tile(np.arange(6.0), (4, 1))
    inside = placed(functions, ramp, 60, 40)[:, 15:45]
    np.testing.assert_allclose(inside, np.tile((np.arange(60) + 0.5) / 10 - 0.5, (40, 1))[:, 15:45], atol=1e-5)


def test_the_order_of_places_is_that_of_their_values(functions: Any) -> None:
    random = np.random.default_rng(1)
    values = random.normal(size=4000).astype(np.float32)
    answer = functions.evaluate(
        "(values) => { const { order, half } = window.views.orderOfPlaces(Float32Array.from(values));"
        " return [[...order], half]; }", values.tolist())  # fmt: skip
    order, half = np.array(answer[0]), answer[1]
    exact = np.array([(values > value).mean() for value in values])
    assert np.abs(order - exact).max() < 0.01
    falling = np.sort(np.maximum(values, 0))[::-1]
    count = int(np.searchsorted(np.cumsum(falling), falling.sum() / 2)) + 1
    assert half == pytest.approx(count / len(values), abs=0.002)


def test_decibels_are_those_of_the_two_pictures_that_the_page_carries(carried: dict[str, Any]) -> None:
    def picture(address: str) -> NDArray[np.float64]:
        with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as image:
            return np.asarray(image.convert("RGB"), np.float64) / 255

    for photo in carried["photos"]:
        error = np.mean((picture(photo["given"]) - picture(photo["redrawn"])) ** 2)
        assert photo["decibels"] == pytest.approx(-10 * np.log10(error), abs=0.05), "both have 8 bits here"


# What is marked


def come_to(tab: Any, section: str) -> Any:
    tab.locator(f"#{section}").scroll_into_view_if_needed()
    tab.wait_for_selector(f"#{section} .view > *", state="attached")
    tab.wait_for_timeout(300)
    return tab.locator(f"#{section}")


def test_pointing_at_the_photo_marks_the_cell_among_the_others(browser: Any, page: Path) -> None:
    with opened(browser, page) as tab:
        section = come_to(tab, "eye")
        assert not section.locator(".facet-mark").is_visible()
        section.locator(".stage").focus()
        tab.keyboard.press("ArrowRight")
        tab.wait_for_selector("#eye .readout[data-cell]")
        cell = int(tab.get_attribute("#eye .readout", "data-cell"))
        mark, facets = (section.locator(name).bounding_box() for name in (".facet-mark", ".facets"))
        columns = round(facets["width"] / mark["width"])
        rows = round(facets["height"] / mark["height"])
        assert round((mark["x"] - facets["x"]) / mark["width"]) == cell % columns
        assert round((mark["y"] - facets["y"]) / mark["height"]) == cell // columns
        assert rows * columns > cell
        tab.keyboard.press("Escape")
        section.locator(".facet-mark").wait_for(state="hidden")


def test_no_two_modules_have_a_name_in_common() -> None:
    """They are joined into one for a page; a name that stands twice ends the whole script."""
    modules: dict[str, list[str]] = {}
    for path in sorted(VIEWS.glob("*.js")):
        pattern = r"^(?:export )?(?:async )?(?:function\*?|const|let|class) +(\w+)"
        for name in re.findall(pattern, path.read_text(encoding="utf-8"), re.MULTILINE):
            modules.setdefault(name, []).append(path.name)
    assert len(modules) > 300
    assert not {name: paths for name, paths in modules.items() if len(paths) > 1}


def test_a_part_of_a_curve_is_that_part(browser: Any, tmp_path: Path) -> None:
    page = tmp_path / "curves.html"
    script = joined_modules("pair_picture.js") + "\nwindow.partOfCurve = partOfCurve;"
    page.write_text(f"<!doctype html><meta charset=utf-8><body><script type=module>{script}</script>")
    curve = np.array([[10, 40], [38, 40], [62, 5], [90, 5]], float)

    def points(curve: NDArray[Any], times: NDArray[Any]) -> NDArray[Any]:
        t = times[:, None]
        return (
            (1 - t) ** 3 * curve[0] + 3 * (1 - t) ** 2 * t * curve[1] + 3 * (1 - t) * t**2 * curve[2] + t**3 * curve[3]
        )

    fine = points(curve, np.linspace(0, 1, 2001))
    with opened(browser, page) as tab:
        for left, right, first, last in ((30, 70, 30, 70), (0, 50, 10, 50), (60, 200, 60, 90), (95, 99, 10, 90)):
            arguments = [curve.tolist(), left, right]
            part = np.array(tab.evaluate("([curve, left, right]) => partOfCurve(curve, left, right)", arguments), float)
            assert part[[0, 3], 0] == pytest.approx([first, last], abs=0.01)
            for x, y in points(part, np.linspace(0, 1, 20)):
                assert y == pytest.approx(np.interp(x, fine[:, 0], fine[:, 1]), abs=0.01)


@pytest.mark.parametrize("width", [1200, 390])
def test_matches_are_joined_by_lines_or_on_a_phone_by_numbers(
    browser: Any, page: Path, carried: dict[str, Any], width: int
) -> None:
    with opened(browser, page, viewport={"width": width, "height": 900}) as tab:
        section = come_to(tab, "alike")
        matches = len(carried["pairs"][0]["matches"])
        assert matches > 0
        for part in (".match-line", ".match-thread"):
            assert section.locator(part).count() == (matches if width > 1000 else 0)
        assert section.locator(".match-number").count() == 2 * matches
        first, second = (stage.bounding_box() for stage in section.locator(".duo .stage").all())
        assert (second["y"] > first["y"] + first["height"]) == (width < 1000)


@pytest.mark.parametrize("width", [1400, 900, 390])
def test_a_long_score_stays_on_one_line(browser: Any, carried: dict[str, Any], tmp_path: Path, width: int) -> None:
    content = json.loads(json.dumps(carried))
    (pair,) = content["pairs"]
    pair["rest"] -= pair["score"] + 0.0938
    pair["score"] = -0.0938
    (tmp_path / "against.html").write_text(page_file("against", "a long score", content))
    with opened(browser, tmp_path / "against.html", viewport={"width": width, "height": 900}) as tab:
        number = come_to(tab, "alike").locator(".score-number")
        assert number.inner_text() == "\N{MINUS SIGN}0.094"
        assert (
            number.evaluate(
                "(node) => node.getBoundingClientRect().height / parseFloat(getComputedStyle(node).fontSize)"
            )
            < 1.5
        )
        assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_what_the_network_is_given_of_a_photo_is_framed_and_said(
    browser: Any, carried: dict[str, Any], tmp_path: Path
) -> None:
    content = json.loads(json.dumps(carried))
    content["photos"][0]["box"] = [0.2, 0, 0.8, 1]
    (tmp_path / "cropped.html").write_text(page_file("cropped", "a middle", content))
    with opened(browser, tmp_path / "cropped.html") as tab:
        look = come_to(tab, "look")
        assert "the middle 60\N{NO-BREAK SPACE}% of the photo's width; it is framed" in look.text_content()
        row = look.locator(".stage-canvas").first.evaluate(
            "(canvas) => [...canvas.getContext('2d').getImageData(0, canvas.height / 2, canvas.width, 1).data]"
        )
        red = row[::4]
        edge = next(index for index in range(len(red)) if (index + 0.5) / len(red) >= 0.2)
        assert red[edge - 2 : edge + 2] == [20, 20, 235, 235]
        assert red.count(235) >= 4
        tab.locator(".thumb").nth(1).click()
        tab.wait_for_timeout(300)
        assert "it is framed" not in tab.locator("#look").text_content()


def test_a_long_rest_is_drawn_broken_and_said(browser: Any, carried: dict[str, Any], tmp_path: Path) -> None:
    content = json.loads(json.dumps(carried))
    (pair,) = content["pairs"]
    named = sum(abs(match["share"]) for match in pair["matches"])
    pair["score"] += 20 * named - pair["rest"]
    pair["rest"] = 20 * named
    (tmp_path / "long.html").write_text(page_file("long", "a long rest", content))
    with opened(browser, tmp_path / "long.html") as tab:
        section = come_to(tab, "alike")
        bar = section.locator(".sum-parts").bounding_box()
        rest = section.locator(".sum-part.broken").bounding_box()
        assert rest["width"] < 0.5 * bar["width"]
        assert "20 times as long" in section.inner_text()


def test_where_matches_make_little_of_it_every_place_is_shown_first(
    browser: Any, carried: dict[str, Any], tmp_path: Path
) -> None:
    content = json.loads(json.dumps(carried))
    (pair,) = content["pairs"]
    assert pair["matches"]
    pair["rest_sentence"] = "The parts that go together make only 9 % of it."
    (tmp_path / "rest.html").write_text(page_file("rest", "a rest", content))
    with opened(browser, tmp_path / "rest.html", viewport={"width": 1200, "height": 900}) as tab:
        section = come_to(tab, "alike")
        assert "only 9\u00a0% of it" in section.locator(".finding").inner_text()
        assert section.locator("input:checked + span").inner_text() == "What every place adds"
        assert section.locator(".match-line").count() == 0
        section.locator(".sum-part").first.hover()
        assert section.locator(".match-line").count() > 0, "a part of the bar is shown on the photos"
        tab.mouse.move(2, 2)
        tab.wait_for_function("!document.querySelector('#alike .match-line')")
        section.get_by_text("What matches").click()
        assert section.locator(".match-line").count() > 0


@pytest.mark.parametrize("doubt", ["A test on this photo finds it no better than chance.", ""])
def test_what_the_test_doubts_is_said_beside_the_map(
    browser: Any, carried: dict[str, Any], tmp_path: Path, doubt: str
) -> None:
    content = json.loads(json.dumps(carried))
    content["photos"][0]["trust"]["doubt"] = doubt
    (tmp_path / "doubt.html").write_text(page_file("doubt", "a doubt", content))
    with opened(browser, tmp_path / "doubt.html") as tab:
        section = come_to(tab, "look")
        words = section.locator(".doubt")
        assert words.is_visible() == bool(doubt)
        if doubt:
            assert words.inner_text() == f"{doubt} See the test"
            section.locator(".choice").nth(1).click()
            assert not words.is_visible(), "another map was not tested"
            section.locator(".choice").nth(0).click()
            words.locator("a").click()
            tab.wait_for_function("document.getElementById('trust').getBoundingClientRect().top < innerHeight")


def test_a_place_is_told_beside_the_strongest(browser: Any, page: Path, carried: dict[str, Any]) -> None:
    values = np.abs(decoded(carried["photos"][0]["maps"][0]["values"]))
    with opened(browser, page, viewport={"width": 1200, "height": 900}) as tab:
        section = come_to(tab, "look")
        box = section.locator(".stage").bounding_box()
        tab.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.6 * box["height"])
        words = section.locator(".readout").inner_text()
        value = abs(float(section.locator(".readout").get_attribute("data-value")))
        part = float(words.split("\u00a0%")[0])
        assert "of the strongest place" in words
        assert part == pytest.approx(100 * value / values.max(), rel=0.06)


def test_codes_and_features_have_the_shape_of_the_photo(browser: Any, page: Path, carried: dict[str, Any]) -> None:
    photo = carried["photos"][0]
    left, top, right, bottom = photo["box"]
    aspect = (right - left) * photo["width"] / ((bottom - top) * photo["height"])
    with opened(browser, page, viewport={"width": 1200, "height": 900}) as tab:
        tab.wait_for_function("document.querySelector('.fingerprint')?.height > 160")
        tile = come_to(tab, "inside").locator(".tile canvas").first
        for shape in (tab.locator(".fingerprint").bounding_box(), tile.bounding_box()):
            assert shape["width"] / shape["height"] == pytest.approx(aspect, rel=0.06)


def test_keys_walk_through_features_and_layers(browser: Any, page: Path, carried: dict[str, Any]) -> None:
    layers = carried["photos"][0]["layers"]
    with opened(browser, page) as tab:
        section = come_to(tab, "inside")
        section.locator(".tile").first.focus()
        for key, layer, feature in (
            ("ArrowRight", -1, 1), ("ArrowDown", -1, 5), ("ArrowDown", -1, 5), ("ArrowLeft", -1, 4), ("ArrowUp", -1, 0),
            ("PageUp", -2, 0), ("ArrowRight", -2, 1), ("PageDown", -1, 0),
        ):  # fmt: skip
            tab.keyboard.press(key)
            expected = f"feature {layers[layer]['features'][feature]} of {layers[layer]['path']}"
            section.locator(".readout b", has_text=re.compile(f"^{re.escape(expected)}$")).wait_for()
            assert section.locator('.tile[aria-pressed="true"]').get_attribute("aria-label") == expected


# What is kept


def saved(tab: Any, act: Any) -> tuple[str, Image.Image]:
    with tab.expect_download() as download:
        act()
    with Image.open(download.value.path()) as picture:
        picture.load()
        return download.value.suggested_filename, picture


def test_a_view_is_kept_as_a_picture_of_what_is_on_the_screen(browser: Any, page: Path) -> None:
    with opened(browser, page) as tab:
        section = come_to(tab, "look")
        name, picture = saved(tab, section.get_by_role("button", name="Save this picture (PNG)").click)
        assert name == "cat-blur_integrated_gradients.png"
        assert picture.format == "PNG"
        assert "the photo cat.png, with the map of" in section.locator(".saved-words").inner_text()
        address = tab.evaluate("document.querySelector('#look .stage-canvas').toDataURL()")
        with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as shown:
            width = picture.width - 2 * 2 * 32
            expected = np.asarray(shown.convert("RGB").resize((width, width * shown.height // shown.width)), int)[
                ::8, ::8
            ]
        pixels = np.asarray(picture.convert("RGB"), int)[:, 64:][:, : 8 * expected.shape[1]]
        differences = [
            np.abs(pixels[top : top + 8 * len(expected) : 8, ::8] - expected).mean()
            for top in range(picture.height - 8 * len(expected))
        ]
        assert min(differences) < 4, "the photo with its map lies in it"
        below = pixels[int(np.argmin(differences)) + 8 * len(expected) :]
        assert below.std() > 5, "and below it how it was made"
        name, picture = saved(tab, section.get_by_role("button", name="Save this picture as WebP").click)
        assert (name, picture.format) == ("cat-blur_integrated_gradients.webp", "WEBP")


def test_the_key_s_keeps_it_and_a_text_is_only_written(browser: Any, page: Path) -> None:
    with opened(browser, page) as tab:
        come_to(tab, "alike").locator(".stage").first.focus()
        assert saved(tab, lambda: tab.keyboard.press("s"))[0] == "cat-and-cup-alike.png"
        come_to(tab, "recipe")
        assert tab.locator("#recipe .saved").count() == 0


def test_what_is_the_same_for_every_photo_is_a_piece_of_the_bar(
    browser: Any, carried: dict[str, Any], tmp_path: Path
) -> None:
    content = json.loads(json.dumps(carried))
    (pair,) = content["pairs"]
    pair["special"], pair["special_name"] = 0.25, "the same for every photo"
    pair["rest"] -= 0.25
    for photo in content["photos"]:
        photo["box"] = [0.2, 0, 0.8, 1]
    (tmp_path / "constant.html").write_text(page_file("constant", "a constant", content))
    with opened(browser, tmp_path / "constant.html") as tab:
        alike = come_to(tab, "alike")
        assert "+0.25 the same for every photo" in alike.locator(".sum-text").first.text_content()
        parts = alike.locator(".sum-part")
        assert parts.count() == len(pair["matches"]) + 2
        assert "the rest of the score is the same for every photo" in alike.text_content()
        row = alike.locator(".stage-canvas").first.evaluate(
            "(canvas) => [...canvas.getContext('2d').getImageData(0, canvas.height / 2, canvas.width, 1).data]"
        )
        assert row[::4].count(235) >= 4, "the view's edges are framed under the matches, too"
