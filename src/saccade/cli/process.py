"""The program as a process: streams that may be closed, Ctrl-C at any moment, one exit status."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from typing import NoReturn

from saccade.cli.interruption import INTERRUPTION
from saccade.cli.streams import open_closed_streams

READER_GONE = 141
"""Exit status when the reader of a pipe went away, as shells have it (128 + SIGPIPE)."""


def run() -> NoReturn:
    """Run the command line of this process, and end the process with its status."""
    open_closed_streams()
    INTERRUPTION.watch()
    status = 1
    try:
        status = _status()
        # What was registered by a user's own factory, say.
        atexit._run_exitfuncs()
    except BaseException:
        if not INTERRUPTION.pressed:
            sys.__excepthook__(*sys.exc_info())
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    if INTERRUPTION.pressed:
        INTERRUPTION.leave()
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
