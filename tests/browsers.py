"""A real browser for pages: headless Chromium, and a tab that remembers what must not happen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@contextmanager
def chromium(*switches: str) -> Iterator[Any]:
    """A browser that was started; a machine without one fails the test instead of skipping it."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, NAMES)), None)
    assert program is not None, f"the page must be tried in a browser, and none of {', '.join(NAMES)} is installed"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", *switches],
        )
        yield browser
        browser.close()


@contextmanager
def opened(browser: Any, page: Path, *, address: str = "", **settings: Any) -> Iterator[Any]:
    """A tab with a page from the disk. At its end nothing may have been asked of a network or said on the console."""
    settings = {"viewport": {"width": 1200, "height": 900}, "reduced_motion": "reduce", **settings}
    context = browser.new_context(**settings)
    tab = context.new_page()
    wrong: list[str] = []
    tab.on("console", lambda message: wrong.append(f"{message.type}: {message.text}"))
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("requestfailed", lambda request: wrong.append(request.url[:100]))
    tab.on("request", lambda request: None if _is_inside(request.url, page) else wrong.append(request.url[:100]))
    tab.goto(page.as_uri() + address)
    yield tab
    assert wrong == []
    context.close()


def _is_inside(url: str, page: Path) -> bool:
    return url.split("#")[0] == page.as_uri() or url.startswith(("data:", "blob:", "about:srcdoc"))
