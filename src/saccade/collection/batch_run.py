"""A run over many photos: ask, draw, forget, one photo at a time; leave what is there, name what cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from saccade.atomic_files import scratch_folder
from saccade.collection.answering import Answering, OnEstimate
from saccade.collection.contact_sheet import SHEET, has_sheet, thumbnail_side, write_sheets
from saccade.collection.names import page_names
from saccade.collection.output_folder import output_folder
from saccade.collection.page import Page, pages_of
from saccade.collection.page_files import PageFiles, check_one_picture
from saccade.collection.record import BatchProgress, FailedPhoto, PageRecord, RefusedRequest, SheetRecord
from saccade.collection.request import Request
from saccade.collection.style import PageStyle
from saccade.collection.unfinished_page import unfinished_page
from saccade.encoder import Encoder, as_encoder
from saccade.errors import NotApplicable
from saccade.fingerprint import encoder_fingerprint, file_state, fingerprint, target_fingerprint
from saccade.images import Images
from saccade.picture import Scale, scale_of
from saccade.results import Attribution

THUMBNAILS = ".thumbnails"
"""The folder, in the output, of the small pictures that a contact sheet is made of."""
_DRAWING = 0.3
"""The time that drawing a page takes where that of finding its maps is 1; for progress only."""


@dataclass
class BatchRun:
    """Where does the encoder look in all of these photos? Pages on disk, and a record of each as soon as it is there.

    Iterating does the work. Every page knows what it depends on (the photo, the model, the requests, the style), so the
    same run started again leaves what is there already and goes on with the rest: a run that was stopped or killed is
    continued by starting it again. Requests about one target stand side by side on one page; every target has pages of
    its own. Two to sixty photos end with a contact sheet for each target. Where a question takes more than ten seconds
    its page shows what is found so far, until it is finished.

    Attributes:
        encoder: The model and its code; a live Keras model or torch module is made an `Encoder` with its defaults.
        photos: The photos' files; `saccade.images.find` lists those of folders.
        requests: What is asked about every photo.
        output: The folder that the pages go to; made if it is not there.
        file: The picture's own file, where one photo has one picture; else pages are named after their photos.
        style: How pages look.
        again: Make pages again that are there already.
        skip_refused: A request that cannot be answered for this model is left out and recorded in `refused`, unless
            none can; otherwise its error ends the run.
        progress: Called as the work goes on.
        on_estimate: Called with a request's label and an `engines.Estimate`, once for each question of a photo.
        stop: Asked between pieces of work; True ends the run with `Cancelled`.
        pages: What stands on the pages of every photo: one entry a target.
        failed: Photos that could not be used, and why; they do not end the run.
        refused: Requests that could not be answered, and why.
        sheets: The contact sheets.

    Raises:
        InputError: Requests that cannot stand together, or one file for more than one picture.
        UnknownName: A method or a target that does not exist.

    Example:
        >>> from saccade.collection import BatchRun, Request
        >>> photos = saccade.images.find("holiday/")
        >>> requests = [Request("saliency"), Request("activation_energy", "channel:3")]
        >>> run = BatchRun(encoder, photos, requests, output="pages")
        >>> for record in run:
        ...     print(record.photo.name, record.target, *(path.name for path in record.files))
        one.png code one-saliency.png
        one.png channel:3 one-activation_energy-channel-3.png
        two.png code two-saliency.png
        two.png channel:3 two-activation_energy-channel-3.png
        >>> [sheet.file.name for sheet in run.sheets], run.failed
        (['contact-sheet-saliency.png', 'contact-sheet-activation_energy-channel-3.png'], [])
        >>> [record.already for record in run]
        [True, True, True, True]
    """

    encoder: Encoder | Any
    photos: Sequence[str | Path]
    requests: Sequence[Request] = (Request(),)
    _: KW_ONLY
    output: str | Path
    file: Path | None = None
    style: PageStyle = field(default_factory=PageStyle)
    again: bool = False
    skip_refused: bool = False
    progress: Callable[[BatchProgress], None] | None = None
    on_estimate: OnEstimate | None = None
    stop: Callable[[], bool] | None = None
    pages: tuple[Page, ...] = field(init=False)
    failed: list[FailedPhoto] = field(default_factory=list, init=False)
    refused: list[RefusedRequest] = field(default_factory=list, init=False)
    sheets: list[SheetRecord] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.encoder = as_encoder(self.encoder)
        self.pages = pages_of(self.requests, self.style)
        if self.file is not None:
            check_one_picture(self.file, self.photos, self.pages)

    def __iter__(self) -> Iterator[PageRecord]:
        """Do the work; a record for each page, as soon as it is on disk.

        Raises:
            FileError: Something cannot be written.
            NotApplicable: A request cannot be answered for this model, and `skip_refused` does not hold or none can.
            Cancelled: `stop` said so.
        """
        self.failed, self.refused, self.sheets = [], [], []
        photos = list(dict.fromkeys(Path(photo).expanduser() for photo in self.photos))
        output = Path(self.output)
        thumbnails = output / THUMBNAILS if has_sheet(len(photos)) else None
        answering = Answering(self.encoder, self.skip_refused, self.stop, self.failed, self.refused, self.on_estimate)
        with ExitStack() as folders:
            for folder in (output, thumbnails):
                if folder is not None:
                    folders.enter_context(output_folder(folder))
            page_sets = self._page_sets(photos, output, thumbnails)
            if self.style.scale == "all":
                yield from self._on_one_scale(photos, page_sets, answering)
            else:
                yield from self._one_by_one(photos, page_sets, answering)
            if thumbnails is not None:
                self.sheets += (sheet for pages in page_sets for sheet in pages.sheets(self.encoder))

    def _page_sets(self, photos: list[Path], output: Path, thumbnails: Path | None) -> list[_PageSet]:
        names = page_names(photos, [SHEET])
        model = encoder_fingerprint(self.encoder)
        # On one scale every page depends on every photo.
        others = [file_state(photo) for photo in photos] if self.style.scale == "all" else []
        page_sets = []
        for page in self.pages:
            requests = [
                (request.method, request.label, request.settings, request.beside_untrained, request.verdict)
                for request in page.requests
            ]
            shared = fingerprint(model, requests, target_fingerprint(page.target), page.style, others)
            files = {
                photo: PageFiles(
                    photo, page, output, names[photo], fingerprint(shared, file_state(photo)), thumbnails, self.file
                )
                for photo in photos
            }
            page_sets.append(_PageSet(page, files))
        return page_sets

    def _one_by_one(self, photos: list[Path], page_sets: list[_PageSet], answering: Answering) -> Iterator[PageRecord]:
        """Every photo with a scale of its own: ask, draw, forget."""
        share = 1 / len(page_sets)
        for index, photo in enumerate(photos):
            images: Images | None = None
            for position, pages in enumerate(page_sets):
                record = None if self.again else pages.files[photo].finished()
                if record is None:
                    images = answering.read(photo) if images is None else images
                    if images is None:
                        break
                    step = _Step(self.progress, photo, index + position * share, share, len(photos))
                    with unfinished_page(pages.files[photo]) as page:
                        results = answering.attributions(pages.page, photo, images, step, page.show, page.answered)
                        if not results:
                            page.remove()
                    if results is None:
                        break
                    if not results:
                        self._raise_if_all_are_refused()
                        continue
                    record = pages.write(photo, results, None)
                pages.records[photo] = record
                yield record
            _Step(self.progress, photo, index, 1, len(photos))(1, "")

    def _on_one_scale(
        self, photos: list[Path], page_sets: list[_PageSet], answering: Answering
    ) -> Iterator[PageRecord]:
        """All photos on one scale for each target: the maps wait on disk until all are there, then all are drawn."""
        for position, pages in enumerate(page_sets):
            finished = {} if self.again else {photo: pages.files[photo].finished() for photo in photos}
            unfinished = [photo for photo in photos if finished.get(photo) is None]
            # One more photo may change the scale of all the others; one that cannot be read changes nothing.
            if all(answering.read(photo) is None for photo in unfinished):
                for photo, record in finished.items():
                    if record is not None:
                        pages.records[photo] = record
                        yield record
                continue
            with scratch_folder(self.output) as folder:
                yield from self._drawn_on_one_scale(photos, pages, position, answering, folder)

    def _drawn_on_one_scale(
        self, photos: list[Path], pages: _PageSet, position: int, answering: Answering, folder: Path
    ) -> Iterator[PageRecord]:
        parts = len(self.pages) * (1 + _DRAWING)
        start = position * len(photos) / len(self.pages)
        waiting: dict[Path, Path] = {}
        extremes: list[float] = []
        signed = False
        for index, photo in enumerate(photos):
            images = answering.read(photo)
            step = _Step(self.progress, photo, start + index / parts, 1 / parts, len(photos))
            results = None if images is None else answering.attributions(pages.page, photo, images, step)
            if results:
                ((_, attribution),) = results
                waiting[photo] = attribution.save(folder / f"{index}.npz")
                extremes += [float(attribution.values.min()), float(attribution.values.max())]
                signed = attribution.signed
            elif results is not None:
                self._raise_if_all_are_refused()
        scale = scale_of(np.array(extremes), signed=signed, shared="all pictures") if extremes else None
        start += len(photos) / parts
        for index, (photo, path) in enumerate(waiting.items()):
            images = answering.read(photo)
            if images is not None:
                attribution = replace(Attribution.load(path), images=images)
                pages.records[photo] = pages.write(photo, [(pages.page.labels[0], attribution)], scale)
                yield pages.records[photo]
            share = _DRAWING / parts * len(photos) / len(waiting)
            _Step(self.progress, photo, start + index * share, share, len(photos))(1, "")

    def _raise_if_all_are_refused(self) -> None:
        if len(self.refused) == sum(len(page.requests) for page in self.pages):
            raise NotApplicable(self.refused[-1].error)


@dataclass
class _PageSet:
    """The pages of all photos about one target.

    Attributes:
        page: What stands on them.
        files: Where they lie, by photo.
        records: What is known about those that are finished, by photo.
    """

    page: Page
    files: dict[Path, PageFiles]
    records: dict[Path, PageRecord] = field(default_factory=dict)

    def write(self, photo: Path, results: list[tuple[str, Attribution]], scale: Scale | None) -> PageRecord:
        """Write one page."""
        files = self.files[photo].only([label for label, _ in results])
        side = thumbnail_side(len(self.files), len(results))
        return files.write([attribution for _, attribution in results], [scale] * len(results), side)

    def sheets(self, encoder: Encoder) -> list[SheetRecord]:
        """Write the contact sheets, if two photos have a page; of the requests that were answered for all of them."""
        answered = [{entry.label for entry in record.maps} for record in self.records.values()]
        labels = [label for label in self.page.labels if all(label in labels_of_photo for labels_of_photo in answered)]
        if len(self.records) < 2 or not labels:
            return []
        files = [self.files[photo].only(labels) for photo in self.records]
        return write_sheets(encoder, files, [record.only(labels) for record in self.records.values()])


class _Step:
    """Tells how far a run is while one photo is under way."""

    def __init__(
        self, progress: Callable[[BatchProgress], None] | None, photo: Path, start: float, share: float, total: int
    ) -> None:
        self._progress, self._photo, self._start, self._share, self._total = progress, photo, start, share, total

    def __call__(self, done: float, label: str) -> None:
        if self._progress is not None:
            self._progress(BatchProgress(self._start + done * self._share, self._total, self._photo, label))
