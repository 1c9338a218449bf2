"""The program's commands, and running one command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from saccade.cli.atlas import atlas
from saccade.cli.cells import cells
from saccade.cli.command import Command, Group, usage_error
from saccade.cli.compare import compare
from saccade.cli.demo import demo
from saccade.cli.evaluate import evaluate
from saccade.cli.explain import explain
from saccade.cli.feature_maps import feature_maps
from saccade.cli.index import index
from saccade.cli.layers import layers
from saccade.cli.methods import methods
from saccade.cli.report import report
from saccade.cli.search import search
from saccade.cli.serve import serve
from saccade.cli.train import train

app = typer.Typer(
    name="saccade",
    cls=Group,
    # Plain help: it is there at once, can be piped, and needs no box characters.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

_COMMANDS = (
    explain, layers, methods, feature_maps, cells, compare, index, search, atlas, evaluate, report, serve, train, demo,
)  # fmt: skip
for _function in _COMMANDS:
    app.command(cls=Command)(_function)
# What `feature-maps` was called before; scripts still say it.
app.command("inside", cls=Command, hidden=True)(feature_maps)


def _version(is_asked_for: bool) -> None:
    if is_asked_for:
        from importlib.metadata import version

        typer.echo(f"saccade {version('saccade')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Show where an image encoder looks: heat maps for autoencoders and other encoders, with no class label.

    Try it: saccade demo. Then: saccade explain your_model.keras your_photo.jpg
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; see `saccade.cli.main`."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a file's name may hold what the terminal cannot show
    group: Any = typer.main.get_command(app)
    try:
        status = group.main(
            args=None if arguments is None else list(arguments), prog_name="saccade", standalone_mode=False
        )
    except Exception as error:
        line = usage_error(error)
        if line is None:
            raise
        print(line, file=sys.stderr)  # noqa: T201
        return 2
    return status if isinstance(status, int) else 0
