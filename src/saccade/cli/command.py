"""What every command shares: option groups become options, errors become one line and an exit status."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from saccade.cli.console import EVERY_COMMAND, Console
from saccade.cli.silence import silenced
from saccade.errors import Cancelled, SaccadeError

STOPPED = 130
"""Exit status after Ctrl-C, as shells have it."""
MENDABLE = 2
DEFECT = 1
READER_GONE = 141
"""Exit status when the reader of a pipe went away, as shells have it (128 + SIGPIPE)."""

_NO_MEMORY = (
    "out of memory; allow less at once with --memory (such as 256MB), take a smaller --size, or close other programs."
)


def command(function: Callable[..., Any]) -> Callable[..., None]:
    """Make a function a command.

    Parameters whose type is a dataclass are option groups: each field is an option. One of them must be the `Console`.
    What the function returns is what `--json` prints.
    """
    hints = get_type_hints(function, include_extras=True)
    own = inspect.signature(function).parameters
    groups = {name: hints[name] for name in own if is_dataclass(hints[name])}
    parameters: list[inspect.Parameter] = []
    for name, parameter in own.items():
        if name in groups:
            parameters.extend(_options(groups[name]))
        else:
            parameters.append(parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(function)
    def run(**given: Any) -> None:
        arguments = {}
        for name in own:
            if name in groups:
                names = [each.name for each in fields(groups[name]) if each.init]
                arguments[name] = groups[name](**{each: given[each] for each in names})
            else:
                arguments[name] = given[name]
        console = next(each for each in arguments.values() if isinstance(each, Console))
        with _reporting(console):
            with silenced(debug=console.debug), console.listening():
                answer = function(**arguments)
            console.answer(answer)

    del run.__wrapped__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _options(group: type) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for each in fields(group):
        if each.init:
            default = inspect.Parameter.empty if each.default is MISSING else each.default
            yield inspect.Parameter(
                each.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hints[each.name]
            )


@contextlib.contextmanager
def _reporting(console: Console) -> Iterator[None]:
    """Turn what goes wrong into one line on stderr and an exit status."""
    try:
        yield
        sys.stdout.flush()
    except typer.Exit:
        raise
    except BrokenPipeError:
        # Python flushes stdout once more on its way out; there must be something to flush into.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(READER_GONE) from None
    except (Exception, KeyboardInterrupt) as error:
        text, status = failure(error)
        if console.debug:
            import traceback

            traceback.print_exc()
        console.error(text)
        raise typer.Exit(status) from None


def failure(error: BaseException) -> tuple[str, int]:
    """What is said about an error, and the exit status."""
    if isinstance(error, (KeyboardInterrupt, Cancelled)):
        return "stopped.", STOPPED
    if isinstance(error, SaccadeError):
        return str(error), MENDABLE
    kind = type(error).__name__
    if isinstance(error, MemoryError) or kind in ("ResourceExhaustedError", "OutOfMemoryError"):
        return _NO_MEMORY, MENDABLE
    return f"unexpected error: {kind}: {error} (run again with --debug for the traceback)", DEFECT


def usage_error(error: Exception) -> str | None:
    """One line for a command line that cannot be parsed; None for any other error."""
    # Typer has renamed and moved these classes more than once; the method has stayed.
    if not hasattr(error, "format_message"):
        return None
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "saccade"
    text = " ".join(str(error.format_message()).split())
    return f"saccade: {text[:1].lower()}{text[1:].rstrip('.')}. Try: {path} --help"


def _sections(self: Any, context: Any, formatter: Any) -> None:
    """Write arguments and options: those of this command first, then groups, then what every command has."""
    sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
    last: list[tuple[str, str]] = []
    for each in self.get_params(context):
        if each.param_type_name == "argument":
            sections["Arguments"].append((each.metavar, each.help))
        elif record := each.get_help_record(context):
            heading = getattr(each, "rich_help_panel", None)
            everywhere = heading == EVERY_COMMAND or each.name in ("help", "install_completion", "show_completion")
            (last if everywhere else sections.setdefault(heading or "Options", [])).append(record)
    for heading, records in [*sections.items(), (EVERY_COMMAND, last)]:
        if records:
            with formatter.section(heading):
                formatter.write_dl(records)


class Command(TyperCommand):
    """A command whose help shows its options in groups, as plain text."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words behind the command's name, as they are typed."""
        arguments = [each for each in self.get_params(ctx) if each.param_type_name == "argument"]
        return ["[OPTIONS]", *(each.metavar or each.name.upper() for each in arguments)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options under their headings."""
        _sections(self, ctx, formatter)


class Group(TyperGroup):
    """The program, whose help lists the commands first."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, then the options."""
        self.format_commands(ctx, formatter)
        _sections(self, ctx, formatter)
