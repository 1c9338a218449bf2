"""How the pages of a run look, and what is written beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from saccade.errors import InputError, UnknownName
from saccade.results.attribution import VIEWS

THEMES = ("light", "dark")
SCALES = ("each", "all")
FORMATS = ("png", "jpg", "webp")
ASPECTS: Mapping[str, tuple[int, int] | None] = {"free": None, "16:9": (16, 9), "4:3": (4, 3)}
"""Shapes of a page; other than free, paper is added round it, so that it fills a slide."""


@dataclass(frozen=True)
class PageStyle:
    """How pages look, and what is written beside them.

    Attributes:
        theme: `"light"` or `"dark"` paper.
        scale: A colour scale for `"each"` photo, or one for `"all"` of them, so that they can be compared.
        format: `"png"`, `"jpg"` or `"webp"`.
        view: `"auto"`, `"heatmap"`, `"spotlight"` or `"contours"`, see `Attribution.drawn`.
        aspect: The shape of pages and contact sheets: `"free"`, `"16:9"` or `"4:3"`.
        overlay_only: Write only the photo with its map, without any text.
        raw: Write the numbers too, as `.npz`.

    Raises:
        UnknownName: A theme, scale, format, view or aspect that does not exist.
        InputError: An aspect for overlays, which have the shape of their photo.
    """

    theme: str = "light"
    scale: str = "each"
    format: str = "png"
    overlay_only: bool = False
    raw: bool = False
    view: str = "auto"
    aspect: str = "free"

    def __post_init__(self) -> None:
        choices: Mapping[str, Iterable[str]] = {
            "theme": THEMES, "scale": SCALES, "format": FORMATS, "view": ("auto", *VIEWS), "aspect": ASPECTS,
        }  # fmt: skip
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise UnknownName.of(name, getattr(self, name), allowed)
        if self.overlay_only and self.aspect != "free":
            raise InputError(
                f"an overlay (--overlay-only) has the shape of its photo, so it cannot be {self.aspect} (--aspect); "
                "leave one of them out."
            )
