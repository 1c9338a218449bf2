"""What is said where: results on stdout, notes, errors and progress on stderr, JSON for programs."""

from __future__ import annotations

import contextlib
import io
import sys
import time
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, TextIO

import typer

from saccade.cli.durations import duration
from saccade.errors import FileError, SaccadeWarning

_EVERY = 10.0
"""Seconds between two lines about how far something is."""
_SOONEST, _WORTH = 3.0, 20.0
"""After so many seconds an estimate can be trusted, and from so many on it is worth a line."""
_JOINERS = "\u200c\u200d"
"""Signs without width that belong to letters and emoji."""
EVERY_COMMAND = "Every command"
"""Heading of the options that every command has."""


@dataclass(frozen=True)
class Console:
    """The options that every command has, and what they decide about what is printed."""

    json: Annotated[
        bool,
        typer.Option(
            "--json", rich_help_panel=EVERY_COMMAND, help="Print the result as JSON on stdout, and nothing else there."
        ),
    ] = False
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", rich_help_panel=EVERY_COMMAND, help="Say nothing but notes and errors."),
    ] = False
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed", metavar="N", rich_help_panel=EVERY_COMMAND, help="Seed of everything that is drawn at random."
        ),
    ] = None
    debug: Annotated[
        bool,
        typer.Option(
            "--debug", rich_help_panel=EVERY_COMMAND, help="Show tracebacks, and what the frameworks have to say."
        ),
    ] = False
    ending: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, init=False, repr=False)
    """What is done when the command ends, however it ends."""
    _bars: list[Bar] = field(default_factory=list, init=False, repr=False)
    _notes: set[str] = field(default_factory=set, init=False, repr=False)

    def say(self, text: str = "") -> None:
        """A line for people, on stdout; nothing with --json or --quiet.

        Raises:
            FileError: stdout cannot be written.
        """
        if self.json or self.quiet:
            return
        text = "\n".join(map(_harmless, text.split("\n")))
        if self._bars and sys.stdout.isatty():
            self._bars[-1].above(text)
        else:
            self._to_stdout(text)

    def note(self, text: str) -> None:
        """Something that must be known to read the result; each note once."""
        line = f"note: {_one_line(text)}"
        if line not in self._notes:
            self._notes.add(line)
            self._to_stderr(line)

    def left_out(self, name: str, why: str) -> None:
        """What could not be answered, and why; most reasons begin with the name themselves."""
        self.note(f"left out: {'' if why.startswith(name) else f'{name}: '}{why}")

    def error(self, text: str) -> None:
        """Why nothing came of it."""
        self._to_stderr(f"saccade: {_one_line(text)}")

    def flush(self) -> None:
        """Hand on what was said.

        Raises:
            FileError: stdout cannot be written.
        """
        with _writing_stdout():
            sys.stdout.flush()

    def _to_stdout(self, text: str) -> None:
        with _writing_stdout():
            print(text)  # noqa: T201

    def _to_stderr(self, line: str) -> None:
        if self._bars:
            self._bars[-1].above(line)
        else:
            print(line, file=sys.stderr)  # noqa: T201

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Sequence[str] = ()) -> None:
        """A table on stdout; columns named in `numbers` stand flush right."""
        if self.json or self.quiet:
            return
        from rich import box
        from rich.console import Console as RichConsole
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD if sys.stdout.isatty() else None, show_edge=False, pad_edge=False)
        for name in columns:
            table.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(_harmless(cell.replace("\n", " "))) for cell in row))
        if sys.stdout.isatty():
            with _writing_stdout():
                RichConsole(file=sys.stdout, highlight=False).print(table)
            return
        # What is piped into a file or another program must not be broken at the width of some terminal.
        wide = RichConsole(file=io.StringIO(), highlight=False, width=10_000, no_color=True)
        with wide.capture() as drawn:
            wide.print(table)
        for line in drawn.get().splitlines():
            self.say(line.rstrip())

    def answer(self, value: Any) -> None:
        """The result for programs, with --json."""
        if self.json:
            import json

            self._to_stdout(json.dumps(value, indent=1, ensure_ascii=False, default=str))

    @contextlib.contextmanager
    def notes_for_warnings(self) -> Iterator[None]:
        """Print saccade's warnings as notes, and keep stdout clean for JSON while the frameworks' code runs."""
        shown = warnings.showwarning

        def as_note(
            message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None,
            line: str | None = None,
        ) -> None:  # fmt: skip
            if issubclass(category, SaccadeWarning):
                self.note(str(message))
            else:
                shown(message, category, filename, lineno, file, line)

        with contextlib.ExitStack() as stack:
            stack.enter_context(warnings.catch_warnings())
            warnings.showwarning = as_note
            if self.json:
                stack.enter_context(contextlib.redirect_stdout(sys.stderr))
            yield

    @contextlib.contextmanager
    def progress(self, total: float, text: str = "") -> Iterator[Bar]:
        """A bar on stderr with the time left; a line now and then where that is no terminal; nothing with --quiet."""
        if self.quiet:
            yield Bar()
            return
        if not sys.stderr.isatty():
            yield _Lines(self._to_stderr, total, text)
            return
        from rich.console import Console as RichConsole
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        shown = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=RichConsole(file=sys.stderr, highlight=False, markup=False),
            redirect_stdout=False,
            redirect_stderr=False,
            transient=True,
        )
        with shown:
            bar = _RichBar(shown, shown.add_task(text, total=total))
            self._bars.append(bar)
            try:
                yield bar
            finally:
                self._bars.pop()


class Bar:
    """A progress bar that is not shown."""

    def at(self, done: float, text: str | None = None) -> None:
        """Show how much is done, and of what."""

    def above(self, text: str) -> None:
        """Print a line above the bar."""


class _Lines(Bar):
    """How far it is, for logs: once an estimate is worth a line, and then every ten seconds.

    Args:
        say: Prints a line.
        total: How much there is to do.
        text: What is being done.
    """

    def __init__(self, say: Callable[[str], None], total: float, text: str) -> None:
        self._say, self._total, self._text = say, total, text
        self._start = self._last = time.monotonic()
        self._has_spoken = False

    def at(self, done: float, text: str | None = None) -> None:
        self._text = text or self._text
        now = time.monotonic()
        share = done / self._total if self._total else 1.0
        if not 0 < share < 1:
            return
        elapsed = now - self._start
        left = elapsed / share - elapsed
        is_due = now - self._last >= _EVERY if self._has_spoken else elapsed >= _SOONEST and elapsed + left >= _WORTH
        if not is_due:
            return
        self._has_spoken, self._last = True, now
        what = f"{_one_line(self._text)}: " if self._text else ""
        self._say(f"{what}{100 * share:.0f} % done, about {duration(left)} left")


class _RichBar(Bar):
    def __init__(self, progress: Any, task: Any) -> None:
        self._progress, self._task = progress, task

    def at(self, done: float, text: str | None = None) -> None:
        if text is None:
            self._progress.update(self._task, completed=done)
        else:
            self._progress.update(self._task, completed=done, description=_harmless(text))

    def above(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def _writing_stdout() -> Iterator[None]:
    """Name stdout where it cannot be written; a reader that went away is no error, see `command`."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FileError(f"stdout cannot be written: {error.strerror or error}.") from error


def _one_line(text: str) -> str:
    return _harmless(" ".join(line.strip() for line in text.splitlines() if line.strip()))


def _harmless(line: str) -> str:
    """A line whose names of files cannot colour, clear or reorder what a terminal shows: such signs become escapes."""
    return "".join(
        sign.encode("unicode_escape").decode()
        if unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp") and sign not in _JOINERS
        else sign
        for sign in line
    )
