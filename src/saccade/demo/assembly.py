"""build: look at all photographs, draw everything, set the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from saccade.atomic_files import write_text
from saccade.demo.chapters.alike import alike
from saccade.demo.chapters.inside import inside
from saccade.demo.chapters.looking import looking
from saccade.demo.chapters.making import making
from saccade.demo.chapters.memory import memory
from saccade.demo.chapters.methods import methods
from saccade.demo.chapters.opening import opening
from saccade.demo.markup import Markup
from saccade.demo.page import Chapter, page
from saccade.demo.photographs import ALL, CAT, LOOKED_AT
from saccade.demo.plates import peaks_of
from saccade.demo.publishing import published
from saccade.demo.studio import Studio

PAGE = "index.html"

_CHAPTERS: tuple[tuple[str, str, str, Callable[[Studio], Markup]], ...] = (
    ("look", "Where does it look?", "covering patch after patch", looking),
    ("methods", "Do other ways of asking agree?", "asking every method", methods),
    ("inside", "What happens inside?", "looking inside", inside),
    ("alike", "Why are these two alike?", "comparing pairs", alike),
    ("memory", "What does it remember?", "redrawing from the code", memory),
    ("making", "How was this made?", "writing down how", making),
)


def build(folder: Path, *, progress: Callable[[str, int, int], None] | None = None) -> Path:
    """Make the demonstration: real photographs through the model that ships, as one page with its pictures.

    Args:
        folder: Where it goes; made if it is not there. Files of the same names are replaced, all others stay.
        progress: Called with what is being done, the steps done, and the steps in all.

    Returns:
        The path of the page, `folder / "index.html"`.

    Raises:
        MissingPackage: scikit-image, or the framework of the model, is not installed.
        FileError: The folder cannot be written.

    Example:
        >>> saccade.demo.build(Path("demo"))
        PosixPath('demo/index.html')
    """
    steps = len(_CHAPTERS) + 2

    def tell(text: str, done: int) -> None:
        if progress is not None:
            progress(text, done, steps)

    with published(Path(folder), PAGE) as work:
        tell("opening the model", 0)
        studio = Studio.open(work, ALL)
        tell("looking for the first time", 1)
        head = opening(studio)
        _icon(studio)
        chapters = []
        for done, (anchor, title, doing, chapter) in enumerate(_CHAPTERS, start=2):
            tell(doing, done)
            chapters.append(Chapter(anchor, title, chapter(studio)))
        write_text(work / PAGE, page(head, chapters))
    tell("done", steps)
    return Path(folder) / PAGE


def _icon(studio: Studio) -> None:
    """The place of the first photograph where the model looks most, as the page's small sign."""
    look, index = studio.look("occlusion", len(LOOKED_AT)), studio.index(CAT)
    height, width = look.images.photos[index].original.shape[:2]
    left, top, right, bottom = peaks_of(look, index, CAT, 1)[0].box
    x, y, half = (left + right) / 2 * width, (top + bottom) / 2 * height, 0.12 * height
    x, y = min(max(x, half), width - half), min(max(y, half), height - half)
    photo = Image.fromarray(look.images.photos[index].original)
    sign = photo.resize((64, 64), Image.Resampling.LANCZOS, box=(x - half, y - half, x + half, y + half))
    studio.save(sign, "pictures/icon.png")
