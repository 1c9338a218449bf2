"""`saccade demo`: the report of a trained autoencoder on real photos, in a minute or two."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from saccade.cli.browser import show_page
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
    show_page(page.resolve().as_uri(), str(page), console, show=show)
    return {"output": str(output), "page": str(page), "left_out": notes}
