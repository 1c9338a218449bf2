"""The report in a notebook whose kernel answers: both ends of the wire, each against a stand-in for the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsers import chromium
from commands import small_autoencoder
from skimage import data

import saccade
from saccade.report.page_file import VIEWS
from saccade.report.widget import computed, image_of


@pytest.fixture(scope="module")
def encoder() -> saccade.Encoder:
    return saccade.Encoder(small_autoencoder(), layer="encoded", value_range=(0.0, 1.0))


@pytest.fixture(scope="module")
def widget(encoder: saccade.Encoder) -> Any:
    return saccade.report_widget(encoder, [np.asarray(data.chelsea()), np.asarray(data.coffee())])


def test_the_kernel_answers_with_the_models_own_numbers(
    encoder: saccade.Encoder, widget: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[Any, list[bytes]]] = []
    monkeypatch.setattr(type(widget), "send", lambda _, content, buffers: sent.append((content, buffers)))
    image = np.random.default_rng(0).random((32, 32, 3), dtype=np.float32)
    widget._handle_custom_msg({"number": 7}, [memoryview(image.tobytes())])
    ((content, (code, redrawn)),) = sent
    assert content["number"] == 7
    np.testing.assert_array_equal(np.frombuffer(code, np.float32), encoder.codes(image[None])[0].ravel())
    np.testing.assert_array_equal(np.frombuffer(redrawn, np.float32), encoder.reconstruct(image[None])[0].ravel())


def test_what_is_no_image_is_not_answered(widget: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(type(widget), "send", lambda *answer: sent.append(answer))
    whole = np.zeros((32, 32, 3), np.float32)
    for content, buffers in (
        ({"number": 1}, []),
        ({"number": 1}, [b"short"]),
        ({"number": 1}, [np.full_like(whole, np.nan).tobytes()]),
        ({}, [whole.tobytes()]),
        ("number", [whole.tobytes()]),
    ):
        widget._handle_custom_msg(content, buffers)
    assert sent == []
    assert image_of([whole.tobytes()], (32, 32, 3)) is not None


def test_the_page_asks_and_shows_the_answer(encoder: saccade.Encoder, widget: Any, tmp_path: Path) -> None:
    """The widget's own script with a stand-in for the notebook, which hands every question to Python."""
    script = (VIEWS / "notebook_widget.js").read_text().replace("export default", "const widget =")
    page = tmp_path / "notebook.html"
    page.write_text(
        f"""<!doctype html><meta charset=utf-8><title>notebook</title><body><div id=here></div><script type=module>
        {script}
        let answer = null;
        const model = {{
            get: (name) => window.traits[name],
            on: (_, listener) => {{ answer = listener; }},
            off: () => {{}},
            send: async (content, _, [image]) => {{
                const [code, redrawn] = await window.kernel([...new Float32Array(image)]);
                const views = [code, redrawn].map((numbers) => new DataView(new Float32Array(numbers).buffer));
                answer({{ number: content.number, milliseconds: 1 }}, views);
            }},
        }};
        widget.render({{ model, el: document.getElementById("here") }});
        </script>"""
    )
    sizes: list[int] = []

    def kernel(numbers: list[float]) -> list[list[float]]:
        sizes.append(len(numbers))
        image = np.array(numbers, np.float32).reshape(1, 32, 32, 3)
        code, redrawn = computed(encoder, image)
        assert redrawn is not None
        return [code.ravel().tolist(), redrawn.ravel().tolist()]

    with chromium() as browser:
        tab = browser.new_page(viewport={"width": 1200, "height": 1000}, reduced_motion="reduce")
        errors: list[str] = []
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.expose_function("kernel", kernel)
        traits = {"page": widget.page, "title": widget.title, "height": widget.height}
        tab.add_init_script(f"window.traits ??= {json.dumps(traits)};")
        tab.goto(page.as_uri())
        frame = tab.frame_locator("iframe")
        frame.locator("#cover").scroll_into_view_if_needed()
        stage = frame.locator("#cover .cover-stage")
        stage.wait_for()
        stage.scroll_into_view_if_needed()
        before = frame.locator("#cover .score-number").inner_text()
        box = stage.bounding_box()
        assert box is not None
        tab.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.45 * box["height"])
        for _ in range(100):
            if frame.locator("#cover .score-number").inner_text() != before:
                break
            tab.wait_for_timeout(100)
        assert frame.locator("#cover .score-number").inner_text() != before
        assert errors == []
        assert sizes
        assert set(sizes) == {32 * 32 * 3}
