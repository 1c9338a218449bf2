"""The program as a process: streams that may be closed, Ctrl-C at any moment, one exit status."""

from __future__ import annotations

# `signal` itself makes enumerations of its numbers: several milliseconds, in which Ctrl-C would show a traceback.
import _signal  # type: ignore[import-not-found]
import os
import sys

from saccade.cli.exit_status import READER_GONE, STOPPED, STOPPED_LINE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def run() -> NoReturn:
    """Run the command line of this process, and end the process with its status."""
    interruptible = _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler  # not in the background of a shell
    if interruptible:
        # Nothing is begun yet, so that there is nothing to remove.
        _signal.signal(_signal.SIGINT, _leave)
    from saccade.cli.interruption import Interruption
    from saccade.cli.streams import open_closed_streams

    open_closed_streams()
    if interruptible:
        Interruption().watch()
    status = 1
    try:
        status = _status()
        _at_exit()
    except BaseException:
        sys.__excepthook__(*sys.exc_info())
    # Taking a framework apart takes long and brings nothing; a Ctrl-C meanwhile would end it by the signal.
    os._exit(status)


def _status() -> int:
    from saccade.cli import main

    try:
        status = main()
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):
        # Typer ends the process when a pipe has no reader.
        return READER_GONE
    except OSError as error:
        print(f"saccade: stdout cannot be written: {error.strerror or error}.", file=sys.stderr)  # noqa: T201
        return 2
    return status


def _at_exit() -> None:
    """Do what others have left to the end, such as the module of a user's factory."""
    import atexit

    atexit._run_exitfuncs()


def _leave(_number: int, _frame: object) -> None:
    try:
        os.write(2, STOPPED_LINE)
    finally:
        os._exit(STOPPED)
