"""The app in a real browser: photos are dropped, covers are dragged, the camera looks, the server dies."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from app_servers import TOKEN, PrefixProxy, photo_file, running, small_encoder, with_folder
from browsers import chromium
from commands import COMMAND, NUMPY_FACTORY, environment, small_autoencoder
from PIL import Image
from skimage import data

import saccade

SECTIONS = [
    "look",
    "cover",
    "ask",
    "same",
    "guess",
    "alike",
    "memory",
    "dials",
    "mix",
    "inside",
    "eye",
    "trust",
    "recipe",
]


@pytest.fixture(scope="module")
def encoder() -> saccade.Encoder:
    return saccade.Encoder(small_autoencoder(), layer="encoded", value_range=(0.0, 1.0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("app")
    (folder / "shown").mkdir()
    for name, photo in (("cat.png", data.chelsea()), ("cup.png", data.coffee()), ("rocket.png", data.rocket())):
        Image.fromarray(photo[::3, ::3]).save(folder / "shown" / name)
    Image.fromarray(data.astronaut()[::2, ::2]).save(folder / "astronaut.jpg", quality=92)
    return folder


@pytest.fixture(scope="module")
def address(encoder: saccade.Encoder, folder: Path) -> Iterator[str]:
    with running(encoder, sorted((folder / "shown").iterdir())) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream") as browser:
        yield browser


@contextmanager
def visiting(browser: Any, address: str, *, quiet: bool = True, **settings: Any) -> Iterator[Any]:
    """A tab before the server; at its end nothing may have failed or been said on the console."""
    settings = {
        "viewport": {"width": 1200, "height": 900},
        "reduced_motion": "reduce",
        "permissions": ["camera"],
        **settings,
    }
    context = browser.new_context(**settings)
    tab = context.new_page()
    tab.set_default_timeout(60_000)
    wrong: list[str] = []
    origin = address.split("/?")[0]
    tab.on("console", lambda message: wrong.append(f"{message.type}: {message.text}"))
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on(
        "request",
        lambda request: None if request.url.startswith((origin, "data:", "blob:")) else wrong.append(request.url),
    )
    tab.goto(address)
    tab.wait_for_selector(".hero .stage-canvas", state="attached")
    yield tab
    if quiet:
        assert wrong == []
    context.close()


def until(tab: Any, expression: str, seconds: float = 60) -> None:
    """Wait until it is true; asked from outside, since the page's policy lets nobody evaluate text inside."""
    end = time.monotonic() + seconds
    while not tab.evaluate(f"Boolean({expression})"):
        assert time.monotonic() < end, expression
        tab.wait_for_timeout(50)


def drop(tab: Any, path: Path) -> None:
    """A real drop of a file onto the page, as the browser reports it."""
    content = base64.b64encode(path.read_bytes()).decode()
    tab.evaluate(
        """([content, name]) => {
            const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
            const files = new DataTransfer();
            files.items.add(new File([bytes], name, { type: name.endsWith('txt') ? 'text/plain' : 'image/jpeg' }));
            for (const kind of ['dragenter', 'dragover', 'drop'])
                window.dispatchEvent(new DragEvent(kind, { dataTransfer: files, bubbles: true, cancelable: true }));
        }""",
        [content, path.name],
    )


def test_the_doubt_comes_beside_the_map_by_itself(browser: Any, address: str) -> None:
    """Without the section of the test, which asks untrained networks, too."""
    routes: list[str] = []
    context = browser.new_context(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
    tab = context.new_page()
    tab.on("request", lambda request: routes.append(request.url.rsplit("/", 1)[-1]))
    tab.route("**/api/doubt", lambda route: route.fulfill(json={"doubt": "It is no better than chance."}))
    tab.goto(address)
    tab.wait_for_selector("#look .doubt:visible")
    assert tab.locator("#look .doubt").inner_text() == "It is no better than chance. See the test"
    assert routes.index("explain") < routes.index("doubt"), "the first map does not wait for it"
    assert "trust" not in routes
    context.close()


def test_a_dropped_photo_is_asked_at_once(browser: Any, address: str, encoder: saccade.Encoder, folder: Path) -> None:
    expected = saccade.explain(encoder, folder / "astronaut.jpg").values[0]
    with visiting(browser, address) as tab:
        assert "token" not in tab.url
        assert tab.evaluate("document.cookie") == "", "no script reads it"
        drop(tab, folder / "astronaut.jpg")
        tab.wait_for_selector('.thumb[aria-label="astronaut.jpg"][aria-pressed="true"]')
        tab.locator("#look").scroll_into_view_if_needed()
        tab.wait_for_selector("#look .stage-canvas")
        stage = tab.locator("#look .stage")
        stage.scroll_into_view_if_needed()
        until(tab, "document.querySelector('#look .key-marks') !== null")
        box = stage.bounding_box()
        for across, down in ((0.31, 0.44), (0.72, 0.63)):
            tab.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
            shown = float(tab.get_attribute("#look .readout", "data-value"))
            row, column = int(down * expected.shape[0]), int(across * expected.shape[1])
            near = expected[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
            assert np.abs(near - shown).min() < 1e-6 * np.abs(expected).max()
        (folder / "words.txt").write_text("no photo at all")
        drop(tab, folder / "words.txt")
        until(tab, "document.querySelector('.app-notice').textContent === 'words.txt is no photo.'")
        tab.locator(".thumb").nth(1).click()
        assert tab.inner_text(".app-notice") == "", "it is not said of what comes after"


def test_a_cover_under_the_mouse_changes_the_code(browser: Any, address: str) -> None:
    with visiting(browser, address) as tab:
        tab.locator("#cover").scroll_into_view_if_needed()
        tab.wait_for_selector("#cover .cover-stage")
        stage = tab.locator("#cover .cover-stage")
        stage.scroll_into_view_if_needed()
        until(tab, "document.querySelector('#cover .view').dataset.share === '0'")
        box = stage.bounding_box()
        for step in range(6):  # faster than it answers: only the latest counts
            tab.mouse.move(box["x"] + (0.2 + 0.1 * step) * box["width"], box["y"] + 0.5 * box["height"])
        until(tab, "Number(document.querySelector('#cover .view').dataset.share) > 0")
        until(tab, "document.querySelector('#cover .view').dataset.cover.split(',')[1] === '8'")


def test_everything_can_be_asked(browser: Any, address: str, encoder: saccade.Encoder, folder: Path) -> None:
    expected = saccade.explain(encoder, folder / "shown" / "cat.png", "occlusion", "channel:3")
    with visiting(browser, address) as tab:
        tab.locator("#ask").scroll_into_view_if_needed()
        tab.wait_for_selector("#ask .view[data-answered]")
        tab.get_by_label("Of that", exact=True).select_option("channel")
        tab.get_by_label("Feature", exact=True).fill("3")
        tab.get_by_label("Feature", exact=True).press("Tab")
        tab.get_by_label("How", exact=True).select_option("occlusion")
        until(tab, "document.querySelector('#ask .view').dataset.answered === 'f0 occlusion'")
        until(tab, f"document.querySelector('#ask .finding').textContent === {json.dumps(expected.sentence(0))}")
        with tab.expect_download() as download:
            tab.get_by_role("button", name="Save as the library draws it (PNG)").click()
        assert download.value.suggested_filename == "cat-occlusion.png"
        with Image.open(download.value.path()) as picture:
            assert picture.format == "PNG"
        tab.get_by_label("Feature", exact=True).fill("99")
        tab.get_by_label("Feature", exact=True).press("Tab")
        until(tab, "document.querySelector('#ask .app-passes').textContent.includes('99')")


def test_the_dials_paint(browser: Any, address: str) -> None:
    with visiting(browser, address) as tab:
        tab.locator("#dials").scroll_into_view_if_needed()
        tab.wait_for_selector("#dials .view[data-amounts]")
        before = tab.evaluate("document.querySelector('#dials canvas').toDataURL()")
        dial = tab.locator("#dials input[type=range]").first
        dial.focus()
        dial.press("End")
        until(tab, "document.querySelector('#dials .view').dataset.amounts.startsWith('3,')")
        assert tab.evaluate("document.querySelector('#dials canvas').toDataURL()") != before


def test_the_ends_of_a_dial_are_pictured_and_lead_there(browser: Any, address: str) -> None:
    with visiting(browser, address) as tab:
        tab.locator("#dials").scroll_into_view_if_needed()
        tab.wait_for_selector("#dials .view[data-ends]")
        assert tab.locator("#dials .app-end").count() == 2 * tab.locator("#dials input[type=range]").count()
        tab.locator("#dials .app-end").first.click()
        until(tab, "document.querySelector('#dials .view').dataset.amounts.startsWith('-3,')")


def test_two_photos_are_mixed(browser: Any, address: str, encoder: saccade.Encoder, folder: Path) -> None:
    def drawn(tab: Any) -> Any:
        address = tab.evaluate("document.querySelector('#mix canvas').toDataURL()")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGB"), int)

    with visiting(browser, address) as tab:
        tab.locator("#mix").scroll_into_view_if_needed()
        tab.wait_for_selector("#mix .view[data-mixed='f0 f1 0.5']")
        slider = tab.locator("#mix input[type=range]")
        slider.focus()
        slider.press("End")
        until(tab, "document.querySelector('#mix .view').dataset.mixed === 'f0 f1 1'")
        expected = 255 * np.clip(encoder.reconstruct(encoder.read(folder / "shown" / "cup.png"))[0], 0, 1)
        assert np.abs(drawn(tab) - expected).max() < 1
        slider.press("Home")
        until(tab, "document.querySelector('#mix .view').dataset.mixed === 'f0 f1 0'")
        assert np.abs(drawn(tab) - expected).max() > 20
        tab.get_by_role("group", name="the other photo of the mixture").get_by_role("button", name="rocket.png").click()
        until(tab, "document.querySelector('#mix .view').dataset.mixed === 'f0 f2 0'")
        assert "other=2" in tab.url


def test_the_camera_looks_and_a_still_is_kept(browser: Any, address: str) -> None:
    with visiting(browser, address) as tab:
        tab.get_by_role("button", name="Use the camera").click()
        tab.wait_for_selector(".app-camera[data-rate]")
        assert float(tab.get_attribute(".app-camera", "data-rate")) > 0
        tab.get_by_role("button", name="Keep this picture").click()
        tab.wait_for_selector('.thumb[aria-label^="camera"][aria-pressed="true"]')
        tab.get_by_role("button", name="Stop the camera").click()
        tab.wait_for_selector(".app-camera", state="detached")


def test_without_a_camera_its_picture_and_buttons_are_not_offered(browser: Any, address: str) -> None:
    with visiting(browser, address) as tab:
        refusal = "() => Promise.reject(new DOMException('', 'NotFoundError'))"
        tab.evaluate(f"void (navigator.mediaDevices.getUserMedia = {refusal})")
        tab.get_by_role("button", name="Use the camera").click()
        tab.wait_for_selector(".app-camera.failed")
        assert "no camera" in tab.locator(".app-camera").inner_text()
        assert not tab.locator(".app-camera-canvas").is_visible()
        assert not tab.get_by_role("button", name="Keep this picture").is_visible()
        tab.get_by_role("button", name="Stop the camera").click()
        tab.wait_for_selector(".app-camera", state="detached")


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "dark")])
def test_every_section_comes_and_everybody_can_use_it(browser: Any, address: str, width: int, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    with visiting(
        browser, address, viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    ) as tab:
        assert [section.get_attribute("id") for section in tab.locator("section.chapter").all()] == SECTIONS
        for name in SECTIONS:
            tab.locator(f"#{name}").scroll_into_view_if_needed()
            until(tab, f"document.querySelector('#{name} .view').childElementCount > 1")
            assert "cannot be shown" not in tab.inner_text(f"#{name}")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
        tab.wait_for_timeout(300)
        accessibility = Axe().run(tab)
        assert accessibility.violations_count == 0, accessibility.generate_report()
        tab.locator(".thumb").nth(1).click()
        until(tab, "location.hash.includes('photo=1')")
        until(tab, "document.querySelector('#look .stage').getAttribute('aria-label').includes('cup.png')")


def test_twenty_clients_at_once(address: str, folder: Path) -> None:
    statuses: list[int] = []
    content = (folder / "astronaut.jpg").read_bytes()

    def visit() -> None:
        with httpx2.Client(base_url=address.split("/?")[0], timeout=120) as client:
            client.get(address)
            photo = client.post("/api/photos", content=content, headers={"content-type": "image/jpeg"})
            explained = client.post(
                "/api/explain", json={"photo": photo.json()["number"], "method": "activation_energy"}
            )
            statuses.extend([photo.status_code, explained.status_code, client.get("/api/page").status_code])

    threads = [threading.Thread(target=visit) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(statuses) == [200] * 40 + [201] * 20


def test_more_photos_are_found_by_their_names(browser: Any, tmp_path: Path) -> None:
    for number in range(14):
        (tmp_path / f"holiday-{number:02}.png").write_bytes(photo_file(seed=number))
    with running(small_encoder(), sorted(tmp_path.iterdir())) as address, visiting(browser, address) as tab:
        assert tab.locator(".thumbs .thumb").count() == 12
        tab.get_by_role("button", name="2 more photos").click()
        until(tab, "[...document.querySelectorAll('.app-name img')].every((image) => image.naturalWidth > 0)")
        assert tab.locator(".app-name img").count() == 2
        tab.get_by_label("Find a photo by its name").fill("DAY-13")
        tab.get_by_role("button", name="holiday-13.png", exact=True).click()
        tab.wait_for_selector('.thumbs .thumb[aria-label="holiday-13.png"][aria-pressed="true"]')
        assert tab.locator(".thumbs .thumb").count() == 12
        tab.evaluate("document.activeElement.blur()")
        assert tab.get_by_role("button", name="Use the camera").is_visible()


def test_without_photos_the_page_invites(browser: Any, folder: Path) -> None:
    with running(small_encoder(), []) as address:
        context = browser.new_context()
        tab = context.new_page()
        tab.goto(address)
        tab.get_by_text("Drop a photo on this page to begin").wait_for()
        drop(tab, folder / "astronaut.jpg")
        tab.wait_for_selector("#look .stage-canvas", state="attached")
        context.close()


@pytest.mark.parametrize("keeps", [True, False])
def test_behind_a_proxy_everything_lies_below_its_prefix(
    browser: Any, encoder: saccade.Encoder, folder: Path, keeps: bool
) -> None:
    photos = sorted((folder / "shown").iterdir())
    with running(encoder, photos, root_path="/see") as behind:
        proxy = PrefixProxy(int(behind.split(":")[2].split("/")[0]), "/see", keeps=keeps)
        with proxy as port, visiting(browser, f"http://127.0.0.1:{port}/see/?token={TOKEN}") as tab:
            assert tab.evaluate("location.pathname + location.search") == "/see/"
            drop(tab, folder / "astronaut.jpg")
            tab.wait_for_selector('.thumb[aria-label="astronaut.jpg"][aria-pressed="true"]')
            tab.locator("#ask").scroll_into_view_if_needed()
            tab.wait_for_selector("#ask .view[data-answered]")  # over the socket
            until(
                tab, "[...document.images].every((image) => image.complete && (!image.src || image.naturalWidth > 0))"
            )
            with tab.expect_download() as download:
                tab.get_by_role("button", name="Save as the library draws it (PNG)").click()
            assert download.value.suggested_filename.startswith("astronaut-")
            assert len(tab.context.cookies(f"http://127.0.0.1:{port}/see/")) == 1
            assert tab.context.cookies(f"http://127.0.0.1:{port}/") == [], "nothing beside the prefix gets its cookie"
        assert proxy.strays == []


def test_all_as_one_page(browser: Any, address: str, tmp_path: Path) -> None:
    with visiting(browser, address) as tab:
        with tab.expect_download(timeout=240_000) as download:
            tab.get_by_role("button", name="Save all as one page").click()
        page = Path(download.value.path()).read_text()
        assert "report-data" in page
        assert "rocket.png" in page


def test_a_dead_server_is_said_and_a_new_one_is_found(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(NUMPY_FACTORY)
    Image.fromarray(data.chelsea()[::6, ::6]).save(tmp_path / "cat.png")
    words = [*COMMAND, "serve", "mine:made", "cat.png", "--json", "--no-open", "--token", "a token for a process"]
    port = _free_port()

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*words, "--port", str(port)], cwd=tmp_path, env=environment(PYTHONPATH=with_folder(tmp_path)), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, process.communicate()
        while '"photos": [' not in process.stdout.readline():
            pass
        return process

    server = start()
    try:
        with visiting(browser, f"http://127.0.0.1:{port}/?token=a%20token%20for%20a%20process", quiet=False) as tab:
            tab.locator("#ask").scroll_into_view_if_needed()
            tab.wait_for_selector("#ask .view[data-answered]")
            server.kill()
            server.communicate()
            until(tab, "document.querySelector('.app-state').textContent.includes('does not answer')")
            server = start()
            until(tab, "document.documentElement.dataset.server === 'there'")
            tab.get_by_label("How", exact=True).select_option("activation_energy")
            until(tab, "document.querySelector('#ask .view').dataset.answered === 'f0 activation_energy'")
    finally:
        server.kill()
        server.communicate()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
