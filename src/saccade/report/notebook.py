"""The report inside a notebook: in a frame of its own, so that it survives being mailed, and trusts nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from saccade.arguments import checks_arguments
from saccade.atomic_files import write_text
from saccade.report.writing import report_page

_HEIGHT = 900
"""Of the frame, in pixels; its page scrolls."""


@dataclass(frozen=True)
class ReportView:
    """A report that a notebook shows.

    Attributes:
        page: The whole page, as `write_report` writes it.
        title: Its headline.
    """

    page: str
    title: str

    def __repr__(self) -> str:
        return f"ReportView({self.title!r}, {len(self.page) / 1e6:.1f} MB)"

    def _repr_html_(self) -> str:
        """A frame without any right but to run its own script: no network, no access to the notebook."""
        return (
            f'<iframe title="{escape(self.title)}" srcdoc="{escape(self.page)}" sandbox="allow-scripts allow-downloads"'
            f' width="100%" height="{_HEIGHT}" style="border: 0" loading="lazy"></iframe>'
        )

    def save(self, path: str | Path) -> Path:
        """Write the page as a file, whole or not at all."""
        return write_text(Path(path), self.page)


@checks_arguments
def report_view(
    encoder: Any,
    images: Any,
    *,
    methods: Sequence[str] | None = None,
    title: str | None = None,
    live: bool = True,
    collection: Any = None,
    reference: Any = None,
    beside: Any = None,
    about: Mapping[str, Any] | None = None,
) -> ReportView:
    """What does this model see in these photos, as something to touch in a notebook?

    Args:
        encoder: As for `write_report`.
        images: As for `write_report`.
        methods: As for `write_report`.
        title: As for `write_report`.
        live: As for `write_report`.
        collection: As for `write_report`.
        reference: As for `write_report`.
        beside: As for `write_report`.
        about: As for `write_report`.

    Raises:
        InputError: No photos, or too many.

    Example:
        >>> saccade.report_view(encoder, ["cat.jpg", "dog.jpg"]).title
        'What does the machine see in these 2 photos?'
    """
    page, title = report_page(
        encoder, images, methods=methods, title=title, live=live, collection=collection, reference=reference,
        beside=beside, about=about,
    )  # fmt: skip
    return ReportView(page, title)
