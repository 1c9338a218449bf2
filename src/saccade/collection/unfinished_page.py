"""A page that shows what a long question has found so far; it stays if the run is stopped, and goes if it fails."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from saccade.collection.kept_work import kept_if_stopped
from saccade.collection.page_files import PageFiles
from saccade.errors import Cancelled
from saccade.picture import save_picture
from saccade.picture.typesetting import tag

if TYPE_CHECKING:
    from saccade.results import Attribution

_FIRST = 3.0
"""Seconds after which the finished answers of a page are worth drawing while others are still to come."""
_REST = 10
"""Drawing them again and again may take a tenth of the time."""


class UnfinishedPage:
    """Where a photo's page will lie, until it is finished.

    Args:
        files: The page's files.
    """

    def __init__(self, files: PageFiles) -> None:
        self._files = files
        self._count = 0
        self._next_at = time.monotonic() + _FIRST
        self.paths: list[Path] = []

    def answered(self, answers: list[tuple[str, Attribution]]) -> None:
        """Take note of finished answers while others are still to come, and draw them now and then.

        Raises:
            FileError: They cannot be written.
        """
        self._count = len(answers)
        start = time.monotonic()
        if start >= self._next_at:
            self.show(answers)
            self._next_at = time.monotonic() + _REST * (time.monotonic() - start)

    def show(self, answers: list[tuple[str, Attribution]]) -> None:
        """Draw the answers so far, without the mark that makes a later run take the page for finished.

        Raises:
            FileError: It cannot be written.
        """
        labels = [label for label, _ in answers]
        files = self._files.only(labels)
        drawn = files.page.drawn([attribution for _, attribution in answers], [None] * len(answers))
        for path, (draw, metadata) in zip(files.pictures, drawn, strict=True):
            # A page says of the answer that is refined that it is; a page of several also says how many there are.
            image = draw()
            if files.page.style.overlay_only:
                image = tag(image, "not finished")
            elif len(self._files.page.labels) > 1:
                image = tag(image, f"not finished: {len(answers)} of {len(self._files.page.labels)} methods")
            save_picture(image, path, metadata)
            if path not in self.paths:
                self.paths.append(path)

    def in_words(self) -> str:
        """What is there; empty where nothing is."""
        if self.paths:
            show = "shows" if len(self.paths) == 1 else "show"
            return f"{', '.join(map(str, self.paths))} {show} what was found so far, and says so"
        if not self._count:
            return ""
        answers = f"{self._count} of the {len(self._files.page.labels)} answers about {self._files.photo.name}"
        return f"{answers} {'was' if self._count == 1 else 'were'} there, and nothing is kept of so little"

    def remove(self) -> None:
        """Remove it: nothing will come of it."""
        for path in self.paths:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def unfinished_page(files: PageFiles) -> Iterator[UnfinishedPage]:
    """A page for answers so far; it is removed if the question fails, and stays if it is stopped."""
    page = UnfinishedPage(files)
    try:
        with kept_if_stopped(page.in_words):
            yield page
    except (Cancelled, KeyboardInterrupt):
        raise
    except BaseException:
        page.remove()
        raise
