"""Draw the README's moving picture of a report: `python docs/draw_report.py`.

The page of `saccade demo` in a real browser: it is written, and filmed while a pointer moves.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from saccade.demo import build

OUTPUT = Path(__file__).parent / "images" / "report.webp"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
VIEW = {"width": 1180, "height": 740}
WIDTH = 820
"""Of the moving picture, in pixels."""
Frame = tuple[bytes, int]
"""A picture of the page, and how many milliseconds it stays."""


def main() -> None:
    """Write the page, film it, save the film."""
    with tempfile.TemporaryDirectory() as folder:
        page = build(Path(folder) / "demo")
        frames = list(filmed(page))
    pictures = [picture(frame) for frame, _ in frames]
    pictures[0].save(
        OUTPUT, save_all=True, append_images=pictures[1:], duration=[time for _, time in frames], loop=0, quality=55,
        method=6,
    )  # fmt: skip
    print(f"wrote {OUTPUT.name}: {len(frames)} pictures, {OUTPUT.stat().st_size / 1e6:.2f} MB")


def picture(frame: bytes) -> Image.Image:
    """A frame at the size of the film."""
    with Image.open(io.BytesIO(frame)) as whole:
        return whole.convert("RGB").resize(
            (WIDTH, round(WIDTH * VIEW["height"] / VIEW["width"])), Image.Resampling.LANCZOS
        )


def filmed(page: Path) -> Iterator[Frame]:
    """What a person sees who plays the head, drags a cover, touches a thing, asks why two are alike, and to whom."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise SystemExit(f"none of {', '.join(NAMES)} is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport=VIEW, reduced_motion="reduce", color_scheme="dark")
        tab.goto(page.as_uri())
        tab.wait_for_timeout(1500)
        yield from head(tab)
        yield from moved(tab, "cover", [(0.2 + 0.055 * step, 0.36 + 0.02 * (step % 3)) for step in range(11)], 130, 450)
        yield from moved(
            tab, "same", [(0.36, 0.45), (0.4, 0.47), (0.55, 0.3), (0.7, 0.47), (0.56, 0.82), (0.1, 0.8)], 700, 250
        )
        show(tab, "alike")
        yield tab.screenshot(), 2600
        show(tab, "beside")
        tab.evaluate("document.querySelector('#beside .headline').scrollIntoView()")
        tab.wait_for_timeout(500)
        yield tab.screenshot(), 3200
        browser.close()


def show(tab: Any, section: str) -> None:
    """Go to a section's pictures."""
    tab.evaluate(f"document.getElementById('{section}').scrollIntoView()")
    tab.wait_for_timeout(1500)
    tab.evaluate(f"document.querySelector('#{section} .view').scrollIntoView()")
    tab.wait_for_timeout(500)


def head(tab: Any) -> Iterator[Frame]:
    """The head plays once."""
    steps = 16
    for step in range(steps + 1):
        tab.evaluate(
            "value => { const slider = document.querySelector('.hero input[type=range]'); slider.value = value;"
            " slider.dispatchEvent(new Event('input')); }",
            step / steps,
        )
        tab.wait_for_timeout(120)
        yield tab.screenshot(), 1800 if step == steps else 170


def moved(tab: Any, section: str, places: list[tuple[float, float]], stay: int, wait: int) -> Iterator[Frame]:
    """The pointer goes from place to place of a section's photo; the answer has so many milliseconds to come."""
    show(tab, section)
    area = tab.locator(f"#{section} .stage").first.bounding_box()
    for across, down in places:
        tab.mouse.move(area["x"] + across * area["width"], area["y"] + down * area["height"])
        tab.wait_for_timeout(wait)
        yield tab.screenshot(), stay


if __name__ == "__main__":
    main()
