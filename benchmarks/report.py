"""How fast does the page of a report answer a finger?

    python benchmarks/report.py REPORT.html

Headless Chromium on this machine, without a GPU. The start of the page is timed until its first words and its first map
are painted, with the longest time for which its main thread is blocked meanwhile. A touch is timed from the start of the frame that
follows it to the end of the painting that it causes: the work of the page's own thread. A move of the cover is timed
until the page shows the new code and the new redrawing, which the network in the page has computed.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
TOUCHES = 60
OPENINGS = 5

START = """
    window.longest = 0;
    new PerformanceObserver((list) => { for (const task of list.getEntries()) window.longest = Math.max(window.longest, task.duration); })
        .observe({ type: "longtask", buffered: true });
    const watch = setInterval(() => {
        const canvas = document.querySelector(".hero .stage-canvas");
        if (canvas && canvas.width !== 300) { window.firstMap = performance.now(); clearInterval(watch); }
    }, 4);
"""
WORK = """([section, count]) => new Promise((done) => {
    const stage = document.querySelector(`#${section} .stage`);
    const area = stage.getBoundingClientRect();
    const times = [];
    let step = 0;
    const touch = () => {
        if (step === count) { done(times); return; }
        step += 1;
        const x = area.left + area.width * (0.08 + 0.84 * ((step * 37) % 101) / 101);
        const y = area.top + area.height * (0.08 + 0.84 * ((step * 53) % 97) / 97);
        stage.dispatchEvent(new PointerEvent('pointermove', { clientX: x, clientY: y, bubbles: true }));
        // The painting waits for a frame; a task behind that frame ends after it.
        requestAnimationFrame(() => { const frame = performance.now();
            setTimeout(() => { times.push(performance.now() - frame); touch(); }, 0); });
    };
    touch();
})"""


MOVES = """(count) => new Promise((done) => {
    const view = document.querySelector("#cover .view");
    const stage = view.querySelector(".cover-stage");
    const times = [];
    let start = 0;
    const move = () => {
        const area = stage.getBoundingClientRect();
        const step = times.length;
        start = performance.now();
        stage.dispatchEvent(new PointerEvent("pointermove", {
            clientX: area.left + area.width * (0.1 + 0.8 * ((step * 37) % 101) / 101),
            clientY: area.top + area.height * (0.1 + 0.8 * ((step * 53) % 97) / 97), bubbles: true }));
    };
    new MutationObserver((_, observer) => {
        times.push(performance.now() - start);
        if (times.length === count) { observer.disconnect(); done(times); } else setTimeout(move, 20);
    }).observe(view, { attributes: true, attributeFilter: ["data-cover"] });
    move();
})"""


def quantile(times: list[float], share: float) -> float:
    """The time that so large a share of the touches stays below."""
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


def start(browser: Any, page_path: Path) -> dict[str, float]:
    """Medians over some openings, in milliseconds."""
    rows = []
    for _ in range(OPENINGS):
        page = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        page.add_init_script(START)
        page.goto(page_path.resolve().as_uri())
        page.wait_for_timeout(2500)
        rows.append(page.evaluate(
            "[performance.getEntriesByName('first-contentful-paint')[0].startTime, window.firstMap, window.longest]"
        ))  # fmt: skip
        page.close()
    names = ("first words", "first map", "longest task")
    return {name: quantile([row[at] for row in rows], 0.5) for at, name in enumerate(names)}


def measure(page_path: Path) -> dict[str, Any]:
    """Touch every section many times."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise SystemExit(f"none of {', '.join(NAMES)} is installed")
    figures: dict[str, Any] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        )
        figures["start"] = start(browser, page_path)
        page = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        page.goto(page_path.resolve().as_uri())
        page.wait_for_timeout(1000)
        for section in ("look", "same", "alike", "eye"):
            if page.query_selector(f"#{section}") is None:
                continue
            page.locator(f"#{section}").scroll_into_view_if_needed()
            page.wait_for_timeout(1500)
            times = page.evaluate(WORK, [section, TOUCHES])
            figures[section] = {"p50": quantile(times, 0.5), "p95": quantile(times, 0.95)}
        if page.query_selector("#cover") is not None:
            page.locator("#cover").scroll_into_view_if_needed()
            page.locator("#cover .view[data-difference]").wait_for(timeout=60000)
            times = page.evaluate(MOVES, TOUCHES)
            figures["cover, to new code and redrawing"] = {"p50": quantile(times, 0.5), "p95": quantile(times, 0.95)}
        browser.close()
    return figures


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    milliseconds = measure(Path(sys.argv[1]))
    about = {"touches": TOUCHES, "load": os.getloadavg(), "machine": platform.machine(), "cores": os.cpu_count()}
    print(json.dumps({"milliseconds": milliseconds, **about}, indent=1))
