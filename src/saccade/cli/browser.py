"""A page in the browser of the person at this machine."""

from __future__ import annotations

import os
import sys

from saccade.cli.console import Console


def show_page(address: str, called: str, console: Console, *, show: bool | None) -> None:
    """Open a page in the browser.

    Args:
        address: Where it is.
        called: How it is called to somebody who must open it by hand.
        console: Where that is said.
        show: Whether it is opened; None: where there is a screen and a person.
    """
    import webbrowser

    is_shown = show if show is not None else not (console.json or console.quiet) and _is_watched()
    if is_shown and not webbrowser.open(address):
        console.note(f"no browser could be started; open {called} yourself.")


def _is_watched() -> bool:
    """Is there a terminal with a person, and a screen? Without one a text browser would take over the terminal."""
    screen = sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return screen and sys.stdout.isatty()
