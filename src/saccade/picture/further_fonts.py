"""Letters that the typeface of the pages lacks, from the fonts of the machine, where it has some.

A file's name may be in any script. What no font knows is shown as a question mark, and said once.
"""

from __future__ import annotations

import contextlib
import warnings
from functools import lru_cache

from PIL import ImageFont

from saccade.errors import SaccadeWarning

FONTS = (
    "DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "NotoSansArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf", "NotoSansDevanagari-Regular.ttf", "NotoSansThai-Regular.ttf",
    "LiberationSans-Regular.ttf", "WenQuanYiZenHei.ttf", "wqy-zenhei.ttc",
    "Arial Unicode.ttf", "PingFang.ttc", "Hiragino Sans GB.ttc", "AppleSDGothicNeo.ttc",
    "arial.ttf", "segoeui.ttf", "msyh.ttc", "msgothic.ttc", "malgun.ttf", "Nirmala.ttf",
)  # fmt: skip
"""Asked one after the other: those of Linux, macOS and Windows that hold many scripts."""
_CANNOT_EXIST = "\uffff"
"""Signs that a font lacks all look like this one."""


@lru_cache(maxsize=64)
def further_font(name: str, size: int) -> ImageFont.FreeTypeFont | None:
    """A font of the machine by its file's name; None if it has none such."""
    with contextlib.suppress(OSError):
        return ImageFont.truetype(name, size, layout_engine=ImageFont.Layout.BASIC)
    return None


@lru_cache(maxsize=4096)
def font_of(sign: str) -> str | None:
    """The first font of the machine that has this sign; None, and a warning, if none has."""
    for name in FONTS:
        font = further_font(name, 40)
        if font is not None and bytes(font.getmask(sign)) != bytes(font.getmask(_CANNOT_EXIST)):
            return name
    _warn_once()
    return None


@lru_cache(maxsize=1)
def _warn_once() -> None:
    warnings.warn(
        "no font of this machine has some letters of these names, so pages show them as question marks; install one "
        "that has, such as Noto Sans.",
        SaccadeWarning,
        stacklevel=2,
    )
