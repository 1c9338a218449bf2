"""Going through photos one at a time: ask, draw, forget; leave out what cannot be used, keep what is there already."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from saccade.cli import contact_sheet as contact
from saccade.cli import outputs
from saccade.cli.console import Bar, Console
from saccade.cli.pages import Pages, Question, Record

if TYPE_CHECKING:
    from saccade.encoder import Encoder
    from saccade.images import Images
    from saccade.picture import Bar as Key
    from saccade.results import Attribution

_THUMBNAILS = ".thumbnails"
_LISTED = 20
"""More written files than this are not listed one by one."""


@dataclass
class Job:
    """One run through the photos.

    Attributes:
        encoder: The model and its code.
        question: What is asked about every photo.
        output: The folder that the pictures go to.
        again: Make pictures anew that are there already.
        everything: Every method is asked; one that cannot answer is left out in place of ending the run.
        console: Who is told.
        failed: Photos that could not be used, and why.
        refused: Methods that cannot answer, and why.
    """

    encoder: Encoder
    question: Question
    output: Path
    again: bool
    everything: bool
    console: Console
    failed: dict[Path, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def run(self, photos: Sequence[Path]) -> Record:
        """Make everything that is not there yet.

        Returns:
            What is known about each photo, for --json.

        Raises:
            ImageError: Not one of the photos could be used.
        """
        from saccade.errors import ImageError

        shared = self.question.drawing.scale == "all"
        pages = self._pages(photos)
        found = {} if self.again else {each: pages[each].done() for each in photos}
        records = {each: record for each, record in found.items() if record is not None}
        already = len(records)
        todo = [each for each in photos if each not in records]
        if shared and any(self._readable(each) for each in todo):
            # One more photo may change the scale of all the others.
            todo, already = list(photos), 0
        work = self._shared(todo, pages) if shared else self._each(todo, pages)
        with outputs.folder(self.output / _THUMBNAILS) if contact.wanted(len(photos)) else contextlib.nullcontext():
            records.update(work)
        if not records:
            if len(photos) == 1:
                raise ImageError(self.failed[photos[0]])
            self._say_failed()
            raise ImageError(f"none of the {len(photos)} photos could be used.")
        kept = [each for each in photos if each in records]
        sets = [{each["method"] for each in records[photo]["methods"]} for photo in kept]
        answered = [each for each in self.question.methods if all(each in found for found in sets)]
        sheet, drawn = None, False
        if pages[kept[0]].thumbnails is not None and len(kept) > 1 and answered:
            shown = [pages[each].answering(answered) for each in kept]
            notes = self._small_print(records[kept[0]])
            titles, key = [each.name for each in kept], self._key(records)
            sheet, drawn = contact.draw(shown[0].question, shown, titles, notes, key)
        self._say(records, already, sheet if drawn else None)
        return {
            "pictures": [{"picture": str(each), **records[each]} for each in kept],
            "sheet": None if sheet is None else str(sheet),
            "failed": [{"picture": str(each), "error": why} for each, why in self.failed.items()],
            "refused": [{"method": each, "error": why} for each, why in self.refused.items()],
        }

    @property
    def _methods(self) -> list[str]:
        """The methods, less those that cannot answer for this model."""
        return [each for each in self.question.methods if each not in self.refused]

    def _pages(self, photos: Sequence[Path]) -> dict[Path, Pages]:
        named = outputs.names(photos, reserved=["contact-sheet"])
        thumbnails = self.output / _THUMBNAILS if contact.wanted(len(photos)) else None
        shared = photos if self.question.drawing.scale == "all" else ()
        return {
            each: Pages(self.question, self.output, named[each], self.question.digest(each, shared), thumbnails)
            for each in photos
        }

    def _each(self, photos: Sequence[Path], pages: dict[Path, Pages]) -> Iterator[tuple[Path, Record]]:
        """Ask, draw, forget, one photo at a time."""
        with self.console.progress(len(photos)) as bar:
            for index, photo in enumerate(photos):
                looks = self._ask(photo, bar, index)
                if looks is not None:
                    yield photo, self._write(pages[photo], looks, [None] * len(looks), len(pages))
                bar.at(index + 1)

    def _shared(self, photos: Sequence[Path], pages: dict[Path, Pages]) -> Iterator[tuple[Path, Record]]:
        """Ask all and keep the maps on disk, then draw all on one scale."""
        import numpy as np

        from saccade.picture import scale_of
        from saccade.results import Attribution

        with (
            tempfile.TemporaryDirectory(prefix=".", dir=self.output) as spool,
            self.console.progress(len(photos) * 1.3) as bar,
        ):
            kept: dict[Path, Path] = {}
            extremes: list[float] = []
            signed = False
            for index, photo in enumerate(photos):
                looks = self._ask(photo, bar, index)
                if looks is not None:
                    kept[photo] = looks[0].save(Path(spool) / f"{index}.npz")
                    extremes += [float(looks[0].values.min()), float(looks[0].values.max())]
                    signed = looks[0].signed
            scale = scale_of(np.array(extremes), signed=signed, shared="all pictures") if extremes else None
            for index, (photo, path) in enumerate(kept.items()):
                look = replace(Attribution.load(path), images=self.encoder.read(photo))
                yield photo, self._write(pages[photo], [look], [scale], len(pages))
                bar.at(len(photos) + (index + 1) / len(kept) * 0.3 * len(photos), photo.name)

    def _ask(self, photo: Path, bar: Bar, index: int) -> list[Attribution] | None:
        """Every method's answer about one photo; None, and a reason in `failed`, if the photo cannot be used."""
        from saccade.errors import MemoryBudgetError, NotApplicable
        from saccade.explanation import explain as ask

        free = None in (self.encoder.recipe.height, self.encoder.recipe.width)
        images = self._readable(photo)
        if images is None:
            return None
        looks: list[Attribution] = []
        methods = self._methods
        for number, method in enumerate(methods):
            step = _Step(bar, index + number / len(methods), 1 / len(methods), f"{photo.name} {method}")
            try:
                settings = self.question.settings[method]
                looks.append(ask(self.encoder, images, method, self.question.wanted, progress=step, **settings))
            except NotApplicable as error:
                if not self.everything or (number == len(methods) - 1 and not looks):
                    raise
                self.refused[method] = str(error)
                self.console.note(f"{method} is left out: {error}")
            except MemoryBudgetError as error:
                # With a free size it is this photo that is too large; with a fixed one it would be every photo.
                if not free:
                    raise
                self.failed[photo] = f"{photo}: {error}"
                return None
        return looks

    def _readable(self, photo: Path) -> Images | None:
        """The photo as the model wants it; None, and a reason in `failed`, if it cannot be used."""
        from saccade.errors import FileError, ImageError

        try:
            return self.encoder.read(photo)
        except (ImageError, FileError) as error:
            self.failed[photo] = str(error)
            return None

    def _write(self, page: Pages, looks: list[Attribution], scales: list[Any], photos: int) -> Record:
        return page.answering([look.method for look in looks]).write(looks, scales, contact.side(photos, len(looks)))

    # What is said

    def _small_print(self, record: Record) -> list[str]:
        units = "; ".join(dict.fromkeys(f"{each['title']}: {each['units']}" for each in record["methods"]))
        shared = self.question.drawing.scale == "all"
        scale = "One scale for all pictures." if shared else "Every picture has its own scale."
        methods = ", ".join(each["method"] for each in record["methods"])
        about = f"{methods} of {self.question.asked}, layer {self.encoder.layer} of {self.encoder.name}"
        return [f"{units}. {scale}", about]

    def _key(self, records: dict[Path, Record]) -> Key | None:
        """The key to the one scale of all pictures."""
        from saccade.picture import Bar, scale_of

        if self.question.drawing.scale != "all":
            return None
        found = [record["methods"][0] for record in records.values()]
        extremes = [each[name] for each in found for name in ("lowest", "highest")]
        scale = scale_of(extremes, signed=found[0]["signed"], shared="all pictures")
        return Bar(scale, found[0]["units"], percent=found[0]["units"].startswith("share"))

    def _say(self, records: dict[Path, Record], already: int, sheet: Path | None) -> None:
        fresh = [record for record in records.values() if not record["already"]]
        written = [name for record in fresh for name in record["files"]]
        if len(written) <= _LISTED:
            for name in written:
                self.console.say(f"wrote {name}")
        else:
            self.console.say(f"wrote {len(written)} files into {self.output}")
        if sheet is not None:
            self.console.say(f"wrote {sheet}")
        if already:
            self.console.say(
                f"{_photos(already)} in {self.output} {'was' if already == 1 else 'were'} there already with the same "
                "settings; --again makes them anew"
            )
        self._say_failed()

    def _say_failed(self) -> None:
        if self.failed:
            self.console.note(f"{_photos(len(self.failed))} could not be used:")
            for why in self.failed.values():
                self.console.note(why)


class _Step:
    """Passes on how far one method is with one photo."""

    def __init__(self, bar: Bar, start: float, share: float, text: str) -> None:
        self._bar, self._start, self._share, self._text, self._most = bar, start, share, text, 0.0
        bar.at(start, text)

    def __call__(self, done: int, total: int) -> None:
        # A method may ask several questions, each from the start; the bar only moves on.
        self._most = max(self._most, done / max(total, 1))
        self._bar.at(self._start + self._most * self._share, self._text)


def _photos(count: int) -> str:
    return f"{count} photo{'' if count == 1 else 's'}"
