"""`saccade demo`: the report of a trained autoencoder on real photos, in a minute or two."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from saccade.cli.command import command
from saccade.cli.console import Console
from saccade.cli.named_files import results_folder


@command
def demo(
    console: Console,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the page, the model and the photos go.")
    ] = Path("saccade-demo"),
    show: Annotated[
        bool | None,
        typer.Option(
            "--open/--no-open", show_default=False,
            help="Open the page in the browser; by default where there is a screen and a person.",
        ),
    ] = None,
) -> dict[str, Any]:  # fmt: skip
    """Show what the model that ships sees in real photos."""
    from saccade.demo import build

    notes: list[str] = []
    with results_folder(output), console.progress(1, "starting") as bar:
        page = build(
            output, progress=lambda what, done, total: bar.at(done / max(total, 1), what), on_note=notes.append
        )
    for note in notes:
        console.note(f"left out: {note}")
    console.say(f"wrote {page}")
    if show is True or (show is None and not (console.json or console.quiet) and _is_watched()):
        import webbrowser

        if not webbrowser.open(page.resolve().as_uri()):
            console.note(f"no browser could be started; open {page} yourself.")
    return {"output": str(output), "page": str(page), "left_out": notes}


def _is_watched() -> bool:
    """Is there a terminal with a person, and a screen? Without one a text browser would take over the terminal."""
    screen = sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return screen and sys.stdout.isatty()
