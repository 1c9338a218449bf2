"""How the pages of a run look, and what is written beside them."""

from __future__ import annotations

from dataclasses import dataclass

from saccade.errors import UnknownName

THEMES = ("light", "dark")
SCALES = ("each", "all")
FORMATS = ("png", "jpg", "webp")


@dataclass(frozen=True)
class PageStyle:
    """How pages look, and what is written beside them.

    Attributes:
        theme: `"light"` or `"dark"` paper.
        scale: A colour scale for `"each"` photo, or one for `"all"` of them, so that they can be compared.
        format: `"png"`, `"jpg"` or `"webp"`.
        overlay_only: Write only the photo with its map, without any text.
        raw: Write the numbers too, as `.npz`.

    Raises:
        UnknownName: A theme, scale or format that does not exist.
    """

    theme: str = "light"
    scale: str = "each"
    format: str = "png"
    overlay_only: bool = False
    raw: bool = False

    def __post_init__(self) -> None:
        for name, allowed in (("theme", THEMES), ("scale", SCALES), ("format", FORMATS)):
            if getattr(self, name) not in allowed:
                raise UnknownName.of(name, getattr(self, name), allowed)
