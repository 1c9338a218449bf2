"""What every command shares: option groups become options, errors become one line and an exit status."""

from __future__ import annotations

import contextlib
import errno
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
from saccade.cli.exit_status import READER_GONE, STOPPED
from saccade.cli.silence import silenced
from saccade.errors import Cancelled, SaccadeError

REFUSED = 2
"""Exit status for what the user can put right."""
DEFECT = 1
"""Exit status for what only a change of the program can put right."""

_NO_MEMORY = (
    "out of memory; allow less at once with --memory (such as 256MB), take a smaller --size, or close other programs."
)
_NO_SPACE = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
_OF_THE_MACHINE = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENAMETOOLONG, errno.ELOOP,
)  # fmt: skip
"""What the operating system refuses, and no change of the program would put right."""


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
    def run(**options: Any) -> None:
        arguments = {}
        for name in own:
            if name in groups:
                names = [field.name for field in fields(groups[name]) if field.init]
                arguments[name] = groups[name](**{option: options[option] for option in names})
            else:
                arguments[name] = options[name]
        console = next(argument for argument in arguments.values() if isinstance(argument, Console))
        with _reporting(console):
            with console.ending, silenced(debug=console.debug), console.notes_for_warnings():
                answer = function(**arguments)
            console.answer(answer)

    del run.__wrapped__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _options(group: type) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for field in fields(group):
        if field.init:
            default = inspect.Parameter.empty if field.default is MISSING else field.default
            yield inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hints[field.name]
            )


@contextlib.contextmanager
def _reporting(console: Console) -> Iterator[None]:
    """Turn what goes wrong into one line on stderr and an exit status."""
    try:
        yield
        console.flush()
    except typer.Exit:
        raise
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        text, status = failure(error)
        if console.debug:
            import traceback

            traceback.print_exc()
        if status == READER_GONE:
            # Python flushes stdout once more on its way out; there must be something to flush into.
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        else:
            console.error(text)
        raise typer.Exit(status) from None


def failure(error: BaseException) -> tuple[str, int]:
    """What is said about an error, and the exit status."""
    if isinstance(error, (KeyboardInterrupt, Cancelled)):
        return "stopped.", STOPPED
    if isinstance(error, BrokenPipeError):
        return "", READER_GONE
    if isinstance(error, SaccadeError):
        return str(error), REFUSED
    if isinstance(error, SystemExit):
        return f"the model's own code ended the program (exit status {error.code}).", REFUSED
    kind = type(error).__name__
    if isinstance(error, MemoryError) or kind in ("ResourceExhaustedError", "OutOfMemoryError"):
        return _NO_MEMORY, REFUSED
    if isinstance(error, OSError) and error.errno in (*_NO_SPACE, *_OF_THE_MACHINE):
        reason = error.strerror or os.strerror(error.errno)
        path = error.filename2 or error.filename  # of a copy the second is the one that is written
        subject = "" if path is None else f"{_short(str(path))}: "
        advice = "; make room, or choose another place" if error.errno in _NO_SPACE else ""
        return f"{subject}{reason}{advice}.", REFUSED
    return f"unexpected error: {kind}: {error} (run again with --debug for the traceback)", DEFECT


def _short(path: str) -> str:
    """A path as it stands in one line."""
    return path if len(path) <= 120 else f"{path[:80]}...{path[-30:]}"


def usage_error(error: Exception) -> str | None:
    """One line for a command line that cannot be parsed; None for any other error."""
    # Typer has renamed and moved these classes more than once; the method has stayed.
    if not hasattr(error, "format_message"):
        return None
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "saccade"
    text = " ".join(str(error.format_message()).split())
    text = text.rstrip(".")
    if type(error).__name__ == "MissingParameter" and context is not None and isinstance(context.command, Command):
        words = [word for word in context.command.collect_usage_pieces(context) if word != "[OPTIONS]"]
        text = f"{text} of `{' '.join([path, *words])}`"
    return f"saccade: {text[:1].lower()}{text[1:]}{'' if text.endswith('?') else '.'} Try: {path} --help"


def _sections(self: Any, context: Any, formatter: Any) -> None:
    """Write arguments and options: those of this command first, then groups, then what every command has."""
    sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
    last: list[tuple[str, str]] = []
    for parameter in self.get_params(context):
        if parameter.param_type_name == "argument":
            sections["Arguments"].append((parameter.metavar, parameter.help))
        elif record := parameter.get_help_record(context):
            heading = getattr(parameter, "rich_help_panel", None)
            everywhere = heading == EVERY_COMMAND or parameter.name in ("help", "install_completion", "show_completion")
            (last if everywhere else sections.setdefault(heading or "Options", [])).append(record)
    for heading, records in [*sections.items(), (EVERY_COMMAND, last)]:
        if records:
            with formatter.section(heading):
                formatter.write_dl(records)


class Command(TyperCommand):
    """A command whose help shows its options in groups, as plain text."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words behind the command's name, as they are typed."""
        arguments = [parameter for parameter in self.get_params(ctx) if parameter.param_type_name == "argument"]
        return ["[OPTIONS]", *(argument.metavar or argument.name.upper() for argument in arguments)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options under their headings."""
        _sections(self, ctx, formatter)


class Group(TyperGroup):
    """The program, whose help lists the commands first."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, then the options."""
        self.format_commands(ctx, formatter)
        _sections(self, ctx, formatter)
