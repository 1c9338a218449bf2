"""Ctrl-C: the first ends the work in good order, the second ends the process at once.

- `KeyboardInterrupt` alone is not enough. It can be raised where other code swallows it (a bare `except` while a
  framework is imported, a callback out of C), and then the program goes on as if nothing had been pressed. So the press
  is remembered: whatever happens afterwards, the status is that of a stopped program, and the next report of progress
  raises again.
- A handler in Python only runs between two steps of Python. While one call computes for a long time, only another
  thread can end the process: it sees the second press.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

from saccade.cli.process import STOPPED, STOPPED_LINE

_END_OF_BAR = b"\r\x1b[2K\x1b[?25h"
"""Clears the line of a progress bar and shows the cursor, which a bar hides."""


class Interruption:
    """Whether Ctrl-C was pressed in this process.

    Attributes:
        watching: Whether it is handled here; where it is not, it is Python's own `KeyboardInterrupt`.
        pressed: Whether it was pressed.
    """

    def __init__(self) -> None:
        self.watching = False
        self.pressed = False
        self._stderr = 2
        self._line_is_owed = threading.Lock()

    def watch(self) -> None:
        """Handle Ctrl-C from now on."""
        # Number 2 will point elsewhere while frameworks work.
        self._stderr = os.dup(2)
        self.watching = True
        sys.unraisablehook = self._unraisable
        sys.excepthook = self._uncaught
        signal.signal(signal.SIGINT, self._first)
        if os.name != "nt":
            reader, writer = os.pipe()
            os.set_blocking(writer, False)
            signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
            threading.Thread(target=self._second, args=(reader,), daemon=True).start()

    def check(self) -> None:
        """Raise again what may have been swallowed.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        if self.pressed:
            raise KeyboardInterrupt

    def report(self) -> None:
        """Say on stderr that the program stops; only once."""
        if self._line_is_owed.acquire(blocking=False):
            end_of_bar = _END_OF_BAR if os.isatty(self._stderr) else b""
            try:
                os.write(self._stderr, end_of_bar + STOPPED_LINE)
            except OSError:
                return  # nobody can read it

    def leave(self) -> None:
        """End the process now."""
        self.report()
        os._exit(STOPPED)

    def _first(self, _number: int, _frame: FrameType | None) -> None:
        if self.pressed:
            self.leave()
        self.pressed = True
        raise KeyboardInterrupt

    def _second(self, reader: int) -> None:
        presses = 0
        while presses < 2:
            presses += os.read(reader, 64).count(signal.SIGINT)
        self.leave()

    def _unraisable(self, unraisable: Any) -> None:
        # Raised where it cannot go on, in a destructor or a callback; it is remembered all the same.
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            sys.__unraisablehook__(unraisable)

    def _uncaught(self, kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)


INTERRUPTION = Interruption()
"""That of this process."""
