"""Another network beside the first in a report: what is said of the two, and what a finger finds in their chapter."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import groupby
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
from scipy import ndimage

import saccade
from saccade.collection import catalogue_of
from saccade.errors import InputError, NotApplicable, UnknownName
from saccade.report import write_report
from saccade.report.beside_data import network_names
from saccade.report.beside_words import spots_in_words
from saccade.report.map_data import map_data
from saccade.report.map_overlap import overlap, sizes_of_parts, spots
from saccade.report.subjects import on_subject, subject_sentence
from saccade.report.training_facts import training_facts

CAT = (0.1, 0.0, 0.82, 1.0)
ABOUT = {"cat.png": {"description": "A tabby cat", "credit": "Somebody, CC0", "subject": list(CAT)}}


def pooled_encoder() -> saccade.Encoder:
    """A network of another kind: another size, and a plain vector for its code."""
    keras.utils.set_random_seed(7)
    image = keras.Input((48, 48, 3))
    hidden = keras.layers.Conv2D(8, 5, strides=4, activation="relu", name="cells")(image)
    code = keras.layers.GlobalAveragePooling2D(name="pooled")(hidden)
    return saccade.Encoder(keras.Model(image, code, name="pooling"), layer="pooled", value_range=(0, 1), fit="cover")


@pytest.fixture(scope="module")
def encoder() -> saccade.Encoder:
    return saccade.Encoder(small_autoencoder(), layer="encoded", value_range=(0.0, 1.0))


@pytest.fixture(scope="module")
def other() -> saccade.Encoder:
    return pooled_encoder()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("beside")
    write_photos(folder)
    return folder


@pytest.fixture(scope="module")
def page(encoder: saccade.Encoder, other: saccade.Encoder, folder: Path) -> Path:
    paths = [folder / name for name in PHOTOS]
    return write_report(encoder, paths, folder / "report.html", beside=other, about=ABOUT)


@pytest.fixture(scope="module")
def carried(page: Path) -> dict[str, Any]:
    return carried_by(page)


# What is carried


def test_both_networks_are_asked_the_same(
    encoder: saccade.Encoder, other: saccade.Encoder, folder: Path, carried: dict[str, Any]
) -> None:
    paths = [folder / name for name in PHOTOS]
    for which, one in enumerate((encoder, other)):
        maps = saccade.explain(one, paths, "occlusion")
        for index, photo in enumerate(carried["beside"]["photos"]):
            assert photo["maps"][which]["method"] == "occlusion"
            np.testing.assert_allclose(decoded(photo["maps"][which]["values"]), maps.values[index], rtol=1 / 65_000)
            assert photo["maps"][which]["block"] == 1


@pytest.mark.parametrize(("shape", "block"), [((128, 128), 2), ((224, 160), 4), ((61, 61), 1), ((65, 65), 5)])
def test_large_maps_are_carried_as_means(encoder: saccade.Encoder, shape: tuple[int, int], block: int) -> None:
    values = np.random.default_rng(0).random((1, *shape), np.float32)
    photo = np.zeros((*shape, 3), np.uint8)
    attribution = replace(saccade.explain(encoder, photo, "occlusion"), values=values)
    data = map_data(attribution, 0, most=64)
    assert data["block"] == block
    carried = decoded(data["values"])
    assert carried.shape == (shape[0] // block, shape[1] // block)
    expected = [
        [values[0, row : row + block, column : column + block].mean() for column in range(0, shape[1], block)]
        for row in range(0, shape[0], block)
    ]
    np.testing.assert_allclose(carried, expected, rtol=1e-6)
    np.testing.assert_array_equal(decoded(map_data(attribution, 0)["values"]), values[0])


@pytest.mark.parametrize("with_other", [False, True])
def test_no_two_steps_of_the_work_have_one_name(
    encoder: saccade.Encoder, other: saccade.Encoder, folder: Path, tmp_path: Path, with_other: bool
) -> None:
    progress: list[tuple[str, float]] = []
    write_report(
        encoder, [folder / "cat.png", folder / "cup.png"], tmp_path / "steps.html", methods=["layer_cam"], live=False,
        beside=other if with_other else None, progress=lambda step, done, total: progress.append((step, done / total)),
    )  # fmt: skip
    names = [name for name, _ in groupby(step for step, _ in progress)]
    assert len(set(names)) == len(names)
    assert ("asking the other network" in names) == with_other
    assert [share for _, share in progress] == sorted(share for _, share in progress)
    assert progress[-1] == ("done", 1)


def test_pairs_and_orders_are_those_of_the_other(other: saccade.Encoder, folder: Path, carried: dict[str, Any]) -> None:
    beside = carried["beside"]
    for pair in beside["pairs"]:
        why = saccade.compare(other, folder / PHOTOS[pair["a"]], folder / PHOTOS[pair["b"]])
        assert pair["score"] == pytest.approx(why.score, abs=1e-6)
        assert beside["table"][pair["a"]][pair["b"]] == pytest.approx(why.score, abs=1e-5)
    tables = [np.array(carried["table"]), np.array(beside["table"])]
    for index, photo in enumerate(beside["photos"]):
        for table, name in zip(tables, beside["names"], strict=True):
            row = table[index].copy()
            row[index] = -np.inf
            assert PHOTOS[int(row.argmax())] in photo["nearest"], name


def test_where_the_other_looks_is_said_by_its_own_frame(carried: dict[str, Any]) -> None:
    """It cuts out the middle, where the first gets the whole photo."""
    for first, second in zip(carried["photos"], carried["beside"]["photos"], strict=True):
        assert first["box"] == [0, 0, 1, 1]
        left, _, right, _ = second["box"]
        assert left == pytest.approx(1 - right)
        assert left > 0.1


def test_what_is_known_of_the_photos_is_shown(carried: dict[str, Any]) -> None:
    cat, cup = carried["photos"][:2]
    assert (cat["alt"], cat["credit"]) == ("A tabby cat", "Somebody, CC0")
    assert cup["alt"] == "the photo cup.png"
    assert "credit" not in cup
    assert "cat.png: Somebody, CC0" in dict(carried["recipe"]["facts"])["photos"]
    for pair in carried["pairs"]:
        knows = pair["score"] > 0 and 0 in (pair["a"], pair["b"])
        assert ("of what speaks for it" in pair["subject"]) == knows


# What is said


@given(arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_parts_are_counted_as_scipy_counts_them(mask: NDArray[np.bool_]) -> None:
    labels, count = ndimage.label(mask)
    assert sorted(sizes_of_parts(mask)) == sorted(np.bincount(labels.ravel())[1:].tolist() if count else [])


class _Shown:
    """As much of an attribution as maps are compared by."""

    def __init__(self, encoder: saccade.Encoder, values: NDArray[np.float32]) -> None:
        self.values = values[None]
        self.images = encoder.read([np.zeros((96, 96, 3), np.uint8)])


def test_overlap_of_maps_that_are_known(encoder: saccade.Encoder) -> None:
    left, right = (np.zeros((10, 10), np.float32) for _ in range(2))
    left[:, :2] = 1
    right[:, 8:] = 1
    shown = [_Shown(encoder, values) for values in (left, right)]
    assert overlap(shown[0], shown[0], 0)[0] == 1  # type: ignore[arg-type]
    assert overlap(shown[0], shown[1], 0)[0] == 0  # type: ignore[arg-type]
    assert overlap(shown[0], shown[0], 0)[1] == pytest.approx(1)  # type: ignore[arg-type]
    assert spots(shown[0], 0) == 1  # type: ignore[arg-type]
    both = _Shown(encoder, np.where(np.arange(10) % 9 == 0, 1, 0).astype(np.float32) * np.ones((10, 1), np.float32))
    assert spots(both, 0) == 2  # type: ignore[arg-type]


def test_networks_of_one_name_are_told_apart(encoder: saccade.Encoder, other: saccade.Encoder) -> None:
    assert network_names(encoder, other) == (encoder.name, "pooling")
    again = saccade.Encoder(small_autoencoder(), layer="encoded", value_range=(0.0, 1.0))
    first, second = network_names(encoder, again)
    assert first != second


def test_networks_of_one_name_are_called_by_their_files(tmp_path: Path) -> None:
    """Two that one script trained have one name; people know them by their files."""
    names = ("old/mine.keras", "old/yours.keras", "new/mine.keras")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        small_autoencoder().save(tmp_path / name)
    mine, yours, newer = (saccade.load(tmp_path / name, layer="encoded") for name in names)
    assert (mine.name, mine.file_name) == (yours.name, "mine.keras")
    assert network_names(mine, yours) == ("mine", "yours")
    assert network_names(mine, newer) == (f"{mine.name}, the first", f"{mine.name}, the second")
    assert saccade.Encoder(small_autoencoder(), layer="encoded").file_name == ""


def test_the_subject_or_the_background_made_them_alike(encoder: saccade.Encoder) -> None:
    """Two photos that share a patch on the right; the subject is said to be there, then to be elsewhere."""
    rng = np.random.default_rng(0)
    photos = [rng.integers(0, 255, (32, 32, 3), dtype=np.uint8) for _ in range(2)]
    photos[1][:, 16:] = photos[0][:, 16:]
    why = saccade.compare(encoder, *photos)
    assert why.score > 0
    inside, outside = (0.5, 0.0, 1.0, 1.0), (0.0, 0.0, 0.5, 1.0)
    part, area = on_subject(why.shares_a, why.photos[0], inside) or (0, 0)
    raised = np.maximum(why.shares_a, 0)
    assert part == pytest.approx(raised[:, raised.shape[1] // 2 :].sum() / raised.sum())
    assert area == pytest.approx(0.5)
    assert subject_sentence(why, (inside, inside)).startswith("The subject made them alike")
    assert subject_sentence(why, (outside, outside)).startswith("The background made them alike")
    assert "lies on the subject of first image, which fills 50 % of the photo" in subject_sentence(why, (inside, None))
    whole = (0.0, 0.0, 1.0, 1.0)
    assert subject_sentence(why, (whole, whole)) == (
        "Neither subject nor background counts for much more than its size: 100 % and 100 % of what speaks for it "
        "lie on the subjects, which fill 100 % and 100 % of the photos."
    )
    assert subject_sentence(why, (None, None)) == ""


def test_spots_are_told_in_words() -> None:
    names = ("one", "other")
    assert spots_in_words((4.2, 1.0), names) == "one picks out 4 separate spots, other a single one"
    assert spots_in_words((1.0, 3.4), names) == "one picks out a single spot, other 3 of them"
    assert spots_in_words((0.2, 1.1), names) == "both pick out a single spot"


def test_a_map_says_how_much_of_it_lies_on_the_subject(
    encoder: saccade.Encoder, folder: Path, carried: dict[str, Any]
) -> None:
    cat, cup = carried["photos"][:2]
    raised = np.maximum(saccade.explain(encoder, folder / "cat.png", "occlusion").values[0], 0)
    left, top, right, bottom = (round(edge * 1000) for edge in CAT)
    fine = np.kron(raised, np.ones((1000 // raised.shape[0] + 1,) * 2))
    rows, columns = fine.shape
    inside = fine[top * rows // 1000 : bottom * rows // 1000, left * columns // 1000 : right * columns // 1000]
    (shown,) = [each for each in cat["maps"] if each["method"] == "occlusion"]
    part, filled = (float(word) for word in re.findall(r"(\d+) %", shown["subject"]))
    assert part == pytest.approx(100 * inside.sum() / fine.sum(), abs=1)
    assert filled == 72
    assert all(each["subject"] == "" for each in cup["maps"])


def test_a_notebook_shows_both(encoder: saccade.Encoder, other: saccade.Encoder, folder: Path) -> None:
    view = saccade.report_view(encoder, [folder / "cat.png"], live=False, beside=other, methods=["layer_cam"])
    assert '"names":["small","pooling"]' in view.page


def test_what_a_model_learned_from_is_read_from_the_record_beside_it(tmp_path: Path) -> None:
    record = {"training": {"folder": "secret", "photos": 3068}, "steps": 55924, "data": {"name": "clothes"}}
    path = tmp_path / "model.json"
    source = str(tmp_path / "model.keras")
    assert training_facts(source) == []
    path.write_text(json.dumps(record))
    assert training_facts(source) == [["trained on", "clothes, licence unknown; 3,068 photos; 55,924 steps"]]
    assert training_facts("mine:encoder") == []
    assert training_facts(str(path)) == [], "the model itself, as JSON, is no record"
    for other in ("{", "[]", '{"class_name": "Functional"}'):
        path.write_text(other)
        assert training_facts(source) == []


# What is refused


def test_what_cannot_be_known_of_a_photo_is_one_plain_line(encoder: saccade.Encoder, folder: Path) -> None:
    def written(about: dict[str, Any]) -> None:
        write_report(encoder, [folder / "cat.png"], folder / "none.html", about=about)

    with pytest.raises(UnknownName, match=r"cat\.pgn.*nearest is 'cat\.png'"):
        written({"cat.pgn": {}})
    for subject in ([10**400, 0, 1, 1], "x" * 10**6):
        with pytest.raises(InputError, match=r"the subject of cat\.png is .{,70}; (give|its)"):
            written({"cat.png": {"subject": subject}})
    with pytest.raises(UnknownName, match=r"'credits'.*nearest is 'credit'"):
        written({"cat.png": {"credits": "me"}})
    with pytest.raises(InputError, match="give a text"):
        written({"cat.png": {"credit": 3}})
    for box in ([0, 0, 1], "0,0,1,1", [0.5, 0, 0.4, 1], [0, 0, 1, 2], [0, 0, 1, True]):
        with pytest.raises(InputError, match=r"the subject of cat\.png is"):
            written({"cat.png": {"subject": box}})
    with pytest.raises(InputError, match="by their names"):
        written({"cat.png": [0, 0, 1, 1]})
    assert not (folder / "none.html").exists()


def test_a_method_that_only_one_answers_is_refused(
    encoder: saccade.Encoder, other: saccade.Encoder, folder: Path
) -> None:
    with pytest.raises(NotApplicable, match="answer none of the same methods"):
        write_report(
            encoder, [folder / "cat.png"], folder / "none.html", methods=["detail_kept"], beside=other, live=False
        )


def test_the_command(run: Run, small_model: str, photos: Path, tmp_path: Path) -> None:
    second = pooled_encoder().network.model  # type: ignore[attr-defined]
    second.save("pooling.keras")
    Path("known.json").write_text(json.dumps({"cat.jpg": {"subject": [0, 0, 0.5, 1]}}))
    status, out, err = run(
        "report", small_model, photos, "--layer", "encoded", "--beside", str(tmp_path / "pooling.keras"),
        "--beside-layer", "pooled", "--about", "known.json", "-o", "page.html", "--json",
    )  # fmt: skip
    assert status == 0, err
    assert json.loads(out)["beside"]["layer"] == "pooled"
    content = carried_by(Path("page.html"))
    assert content["beside"]["names"][1] == "pooling"
    assert content["recipe"]["command"] == (
        "saccade report small.keras cat.jpg cup.png rocket.webp --layer encoded --beside pooling.keras --beside-layer "
        "pooled --about known.json --output page.html"
    )
    refused(run("report", small_model, photos, "--beside-fit", "cover"), "name it: --beside MODEL")
    refused(run("report", small_model, photos, "--beside", "untrained"), "another model")
    refused(run("report", small_model, photos, "--about", "missing.json"), "no file missing.json")
    Path("list.json").write_text("[]")
    refused(run("report", small_model, photos, "--about", "list.json"), "list.json holds no entries")
    Path("broken.json").write_text("{")
    refused(run("report", small_model, photos, "--about", "broken.json"), "broken.json is no JSON")
    # Before the model is opened, which takes seconds.
    Path("others.json").write_text(json.dumps({"dog.jpg": {"credit": "me"}, "cat.jpeg": {}}))
    refused(run("report", "gone.keras", photos, "--about", "others.json"), "none of these photos, but of dog.jpg")
    Path("wrong.json").write_text(json.dumps({"cat.jpg": {"credits": "me"}}))
    refused(run("report", "gone.keras", photos, "--about", "wrong.json"), "nearest is 'credit'")


def test_one_photo_is_one(encoder: saccade.Encoder, other: saccade.Encoder, folder: Path) -> None:
    page = write_report(encoder, folder / "cat.png", folder / "one.html", beside=other, live=False)
    assert carried_by(page)["beside"]["lead"] == "pooling was given the same photo and asked the same."


def test_a_file_may_tell_of_more_photos_than_the_page_shows(
    run: Run, small_model: str, photos: Path, tmp_path: Path
) -> None:
    Path("known.json").write_text(json.dumps({"dog.jpg": {"credit": "her"}, "cat.jpg": {"credit": "me"}}))
    status, _, err = run(
        "report", small_model, photos / "cat.jpg", "--layer", "encoded", "--about", "known.json", "-o", "page.html"
    )
    assert status == 0, err
    assert "known.json also tells of photos that are not on this page: dog.jpg." in err
    assert carried_by(Path("page.html"))["photos"][0]["credit"] == "me"


# In a browser


def _chapter(tab: Any) -> None:
    tab.locator("#beside").scroll_into_view_if_needed()
    tab.wait_for_selector("#beside .pair-score[data-value]")
    tab.wait_for_timeout(300)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_the_chapter_is_drawn(browser: Any, page: Path, width: int, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    settings = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme, "bypass_csp": True}
    with opened(browser, page, **settings) as tab:
        _chapter(tab)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
        painted = tab.evaluate(
            "[...document.querySelectorAll('#beside canvas.stage-canvas')].map((canvas) => { const { data } = "
            "canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height); let low = 255, high = 0; "
            "for (let at = 0; at < data.length; at += 4) { low = Math.min(low, data[at]); "
            "high = Math.max(high, data[at]); } "
            "return high - low; })"
        )
        assert len(painted) == 6  # a map each, and two photos each
        assert min(painted) > 5
        assert tab.locator("#beside .order-line").count() == len(PHOTOS) - 1
        violations = Axe().run(tab, context="#beside")
        assert violations.violations_count == 0, violations.generate_report()


def test_one_finger_reads_both_maps(browser: Any, page: Path, carried: dict[str, Any]) -> None:
    maps = [decoded(map_["values"]) for map_ in carried["beside"]["photos"][0]["maps"]]
    box = carried["beside"]["photos"][0]["box"]
    with opened(browser, page) as tab:
        _chapter(tab)
        stage = tab.locator("#beside .both .stage").first
        stage.scroll_into_view_if_needed()
        area = stage.bounding_box()
        across, down = 0.47, 0.62
        tab.mouse.move(area["x"] + across * area["width"], area["y"] + down * area["height"])
        readings = [float(value) for value in tab.get_attribute("#beside .readout", "data-values").split()]
        inner = (across - box[0]) / (box[2] - box[0]), (down - box[1]) / (box[3] - box[1])
        for values, value, (x, y) in zip(maps, readings, ((across, down), inner), strict=True):
            row, column = int(y * values.shape[0]), int(x * values.shape[1])
            near = values[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
            assert np.abs(near - value).min() <= 1e-6 * np.abs(values).max()
        assert tab.locator("#beside .both .stage-ring:visible").count() == 2


def test_keys_choose_a_pair(browser: Any, page: Path, carried: dict[str, Any]) -> None:
    with opened(browser, page) as tab:
        _chapter(tab)
        tab.focus("#beside .both .stage >> nth=1")
        tab.keyboard.press("ArrowRight")
        assert tab.get_attribute("#beside .readout", "data-values") is not None
        tab.keyboard.press("Escape")
        assert tab.get_attribute("#beside .readout", "data-values") is None
        tab.focus("#beside .order-row:nth-of-type(2) .ranked >> nth=0")
        tab.keyboard.press("Enter")
        chosen = int(tab.evaluate("document.activeElement.dataset.photo"))
        row = np.array(carried["beside"]["table"][0])
        row[0] = -np.inf
        assert chosen == int(row.argmax())
        assert tab.locator(f'#beside .ranked[data-photo="{chosen}"][aria-pressed="true"]').count() == 2
        scores = [float(node.get_attribute("data-value")) for node in tab.locator("#beside .pair-score").all()]
        for score, pairs in zip(scores, (carried["pairs"], carried["beside"]["pairs"]), strict=True):
            (pair,) = [pair for pair in pairs if (pair["a"], pair["b"]) == (0, chosen)]
            assert score == pytest.approx(pair["score"])
        panels = tab.locator("#beside .network-pair").all()
        for panel, pairs in zip(panels, (carried["pairs"], carried["beside"]["pairs"]), strict=True):
            (pair,) = [pair for pair in pairs if (pair["a"], pair["b"]) == (0, chosen)]
            drawn = 0 if pair["rest_sentence"] else min(3, len(pair["matches"]))
            assert panel.locator(".match-number").count() == 2 * drawn, "small photos show the strongest alone"


@pytest.mark.parametrize("count", [1, 2])
def test_few_photos_have_a_chapter_too(
    encoder: saccade.Encoder, other: saccade.Encoder, folder: Path, tmp_path: Path, browser: Any, count: int
) -> None:
    paths = [folder / name for name in PHOTOS[:count]]
    page = write_report(encoder, paths, tmp_path / "report.html", beside=other, live=False, methods=["layer_cam"])
    with opened(browser, page) as tab:
        tab.locator("#beside").scroll_into_view_if_needed()
        tab.wait_for_selector("#beside .headline")
        assert tab.locator("#beside .orders").count() == 0
        assert tab.locator("#beside .network-pair").count() == 2 * (count - 1)


def test_both_networks_compare_less_what_the_reference_photos_share(
    encoder: saccade.Encoder, other: saccade.Encoder, folder: Path, tmp_path: Path
) -> None:
    photos = [folder / name for name in PHOTOS[:2]]
    plain = saccade.compare(other, *photos, cover=False)
    why = saccade.compare(other, *photos, cover=False, reference=folder)
    assert abs(why.score - plain.score) > 0.01
    catalogue = catalogue_of(encoder, folder)
    for reference, score in ((folder, why.score), (catalogue, why.score), (catalogue.reference, plain.score)):
        page = write_report(encoder, photos, tmp_path / "two.html", live=False, beside=other, reference=reference)
        beside = carried_by(page)["beside"]
        assert beside["centred"] is (score == why.score)
        assert beside["pairs"][0]["score"] == pytest.approx(score, abs=1e-5)
    assert other.reference is None
