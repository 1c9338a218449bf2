"""A page that shows what a long question has found so far; it stays if the run is stopped, and goes if it fails."""

from __future__ import annotations

import contextlib
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


class UnfinishedPage:
    """Where a photo's page will lie, until it is finished.

    Args:
        files: The page's files.
    """

    def __init__(self, files: PageFiles) -> None:
        self._files = files
        self.paths: list[Path] = []

    def show(self, answers: list[tuple[str, Attribution]]) -> None:
        """Draw the answers so far, without the mark that makes a later run take the page for finished.

        Raises:
            FileError: It cannot be written.
        """
        labels = [label for label, _ in answers]
        files = self._files.only(labels)
        drawn = files.page.drawn([attribution for _, attribution in answers], [None] * len(answers))
        for path, (draw, metadata) in zip(files.pictures, drawn, strict=True):
            # A page says it in its title and small print; an overlay has neither.
            image = tag(draw(), "not finished") if files.page.style.overlay_only else draw()
            save_picture(image, path, metadata)
            if path not in self.paths:
                self.paths.append(path)

    def in_words(self) -> str:
        """What is there; empty where nothing is."""
        return f"{', '.join(map(str, self.paths))} shows what was found so far, and says so" if self.paths else ""

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
