"""Ctrl-C: at any moment it ends the process at once, with one line and the status that shells have for it.

No `KeyboardInterrupt` is raised. Raised in the middle of a framework's code it may be swallowed (by a bare `except`
during an import, by a callback out of C), and the program goes on as if nothing had been pressed; or the framework
crashes, as TensorFlow did once in 25 times. And while a single call computes for a long time, it is not raised at all.
There is nothing to unwind either: files get their names when they are whole, and what is unfinished is removed here.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from types import FrameType

from saccade.cli.exit_status import STOPPED, STOPPED_LINE

_PATIENCE = 0.3
"""Seconds for the main thread to reach the handler; then another thread ends the process."""
_END_OF_BAR = b"\r\x1b[2K\x1b[?25h"
"""Clears the line of a progress bar and shows the cursor, which a bar hides."""


class Interruption:
    """The end of this process by Ctrl-C."""

    def __init__(self) -> None:
        # Number 2 points elsewhere while frameworks work.
        self._stderr = os.dup(2)
        self._line_is_owed = threading.Lock()

    def watch(self) -> None:
        """Handle Ctrl-C from now on."""
        signal.signal(signal.SIGINT, self._pressed)
        if os.name != "nt":
            reader, writer = os.pipe()
            os.set_blocking(writer, False)
            signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
            with contextlib.suppress(RuntimeError):  # no more threads for this user: the handler alone must do
                threading.Thread(target=self._wait, args=(reader,), daemon=True).start()

    def leave(self) -> None:
        """Remove what is unfinished, say that the program stops, and end the process."""
        try:
            with contextlib.suppress(Exception):  # half an import, say: the end must come in any case
                _tidy()
            if self._line_is_owed.acquire(blocking=False):
                os.write(self._stderr, (_END_OF_BAR if os.isatty(self._stderr) else b"") + _last_line())
        finally:
            os._exit(STOPPED)

    def _pressed(self, _number: int, _frame: FrameType | None) -> None:
        self.leave()

    def _wait(self, reader: int) -> None:
        # Python calls handlers between two of its own steps only; this thread is woken at once.
        while signal.SIGINT not in os.read(reader, 64):
            pass
        time.sleep(_PATIENCE)
        self.leave()


def _last_line() -> bytes:
    """That the program stops, and what is kept of its work."""
    with contextlib.suppress(Exception):
        work = sys.modules["saccade.collection.kept_work"].kept_in_words()
        if work:
            return f"saccade: stopped; {work}.\n".encode(errors="backslashreplace")
    return STOPPED_LINE


def _tidy() -> None:
    """Remove unfinished files and empty folders, if the modules that make them were loaded."""
    for name in ("saccade.atomic_files", "saccade.collection.encoded_parts", "saccade.collection.output_folder"):
        if name in sys.modules:
            sys.modules[name].remove_unfinished()
