"""The paper a page is printed on: light for print and documents, dark for screens and slides."""

from __future__ import annotations

from dataclasses import dataclass

from saccade.errors import UnknownName

Colour = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""


@dataclass(frozen=True)
class Theme:
    """Colours of a page.

    Attributes:
        name: `"light"` or `"dark"`.
        background: The paper.
        ink: Titles and numbers.
        muted: Captions and labels; still readable (contrast at least 4.5 to 1).
        rule: Hairlines.
        warm: What raised a value; the end colour of the signed map.
        cool: What lowered it.
    """

    name: str
    background: Colour
    ink: Colour
    muted: Colour
    rule: Colour
    warm: Colour
    cool: Colour


LIGHT = Theme("light", (252, 251, 248), (26, 26, 30), (98, 97, 103), (217, 214, 207), (190, 84, 2), (18, 92, 200))
DARK = Theme("dark", (17, 18, 22), (243, 241, 236), (163, 163, 171), (56, 58, 66), (240, 148, 66), (104, 176, 240))

THEMES = {theme.name: theme for theme in (LIGHT, DARK)}


def theme_of(name: str | Theme) -> Theme:
    """Return the theme of that name; a theme comes back as it is."""
    if isinstance(name, Theme):
        return name
    if not isinstance(name, str) or name not in THEMES:
        raise UnknownName.of("theme", name, THEMES)
    return THEMES[name]
