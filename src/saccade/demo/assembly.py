"""build: explain all photos, draw everything, set the page."""

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
from saccade.demo.chapters.touching import touching
from saccade.demo.markup import Markup
from saccade.demo.page import Chapter, page
from saccade.demo.photo_views import METHOD, peaks_of
from saccade.demo.photos import ALL, CAT, EXPLAINED
from saccade.demo.publishing import published
from saccade.demo.workspace import Workspace

PAGE = "index.html"

_CHAPTERS: tuple[tuple[str, str, str, Callable[[Workspace], Markup]], ...] = (
    ("look", "Where does it look?", "bringing every photo into focus", looking),
    ("touch", "Would you like to touch it?", "writing the page to touch", touching),
    ("methods", "Do other ways of asking agree?", "asking every method", methods),
    ("inside", "What happens inside?", "looking inside", inside),
    ("alike", "Why are these two alike?", "comparing pairs", alike),
    ("memory", "What does it remember?", "redrawing from the code", memory),
    ("making", "How was this made?", "saying how it was made", making),
)


def build(folder: Path, *, progress: Callable[[str, int, int], None] | None = None) -> Path:
    """Make the demonstration: real photos through the model that ships, as one page with its images.

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

    def report(text: str, done: int) -> None:
        if progress is not None:
            progress(text, done, steps)

    with published(Path(folder), PAGE) as work:
        report("opening the model", 0)
        workspace = Workspace.open(work, ALL)
        report("explaining the first photos", 1)
        head = opening(workspace)
        _icon(workspace)
        chapters = []
        for done, (anchor, title, doing, chapter) in enumerate(_CHAPTERS, start=2):
            report(doing, done)
            chapters.append(Chapter(anchor, title, chapter(workspace)))
        write_text(work / PAGE, page(head, chapters))
    report("done", steps)
    return Path(folder) / PAGE


def _icon(workspace: Workspace) -> None:
    """The place of the first photo where the model looks most, as the page's icon."""
    attribution, index = workspace.attribution(METHOD, len(EXPLAINED)), workspace.index(CAT)
    height, width = attribution.images.photos[index].original.shape[:2]
    left, top, right, bottom = peaks_of(attribution, index, CAT, 1)[0].box
    x, y, half = (left + right) / 2 * width, (top + bottom) / 2 * height, 0.12 * height
    x, y = min(max(x, half), width - half), min(max(y, half), height - half)
    photo = Image.fromarray(attribution.images.photos[index].original)
    icon = photo.resize((64, 64), Image.Resampling.LANCZOS, box=(x - half, y - half, x + half, y + half))
    workspace.save(icon, "images/icon.png")
