"""Asking every request of a page about one photo; what cannot be used or answered is recorded with its reason."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from saccade.collection.page import Page
from saccade.collection.record import FailedPhoto, RefusedRequest
from saccade.collection.request import Request
from saccade.engines import Estimate
from saccade.errors import Cancelled, FileError, ImageError, InputError, MemoryBudgetError, NotApplicable, UnknownName
from saccade.evaluation.untrained_networks import explain_beside_untrained
from saccade.explanation import explain
from saccade.images import Images
from saccade.results import Attribution

if TYPE_CHECKING:
    from saccade.encoder import Encoder

UNFINISHED = "a first, coarser answer: it is being refined, and replaced when it is finished"
"""What a page says that shows what a question has found so far."""
_REST = 20
"""Drawing what there is so far may take a twentieth of the time."""
PARTIAL_AFTER = 10.0
"""A question that takes more seconds than that by its estimate shows what it has so far."""
OnEstimate = Callable[[str, Estimate], None]
"""Gets a request's label, and how long its question takes."""
OnPartial = Callable[[list[tuple[str, Attribution]]], None]
"""Gets the answers so far by the requests' labels; the last of them is not finished."""
Progress = Callable[[float, str], None]
"""Called with the share of a page's answers that is there, and the label of the request under way."""


@dataclass
class Answering:
    """Puts requests to an encoder, and keeps account of what did not work.

    Attributes:
        encoder: The model and its code.
        skip_refused: Leave out a request that cannot be answered, in place of raising its error.
        stop: Asked between pieces of work; True ends it with `Cancelled`.
        failed: Photos that could not be used, and why.
        refused: Requests that could not be answered, and why.
        on_estimate: Gets how long each question takes.
    """

    encoder: Encoder
    skip_refused: bool
    stop: Callable[[], bool] | None
    failed: list[FailedPhoto]
    refused: list[RefusedRequest]
    on_estimate: OnEstimate | None = None

    def read(self, photo: Path) -> Images | None:
        """The photo as the model wants it; None, and a reason in `failed`, if it cannot be used.

        Raises:
            Cancelled: `stop` said so.
        """
        if self.stop is not None and self.stop():
            raise Cancelled("stopped before it was finished.")
        try:
            return self.encoder.read(photo)
        except (ImageError, FileError) as error:
            self._fail(photo, str(error))
            return None

    def open_requests(self, page: Page) -> list[Request]:
        """The requests of a page, less those that were refused before."""
        refused = {(entry.label, entry.target) for entry in self.refused}
        return [request for request in page.requests if (request.label, page.target.name) not in refused]

    def attributions(
        self,
        page: Page,
        photo: Path,
        images: Images,
        progress: Progress,
        on_partial: OnPartial | None = None,
        on_answer: OnPartial | None = None,
    ) -> list[tuple[str, Attribution]] | None:
        """The answers about one photo by the requests' labels; None, and a reason in `failed`, if it cannot be used.

        Args:
            page: What is asked.
            photo: The photo's file.
            images: The photo as the model wants it.
            progress: Told how far the answers are.
            on_partial: Gets the answers so far, again and again, where a question takes long.
            on_answer: Gets the answers so far, all finished, whenever one has joined them and more are to come.

        Raises:
            NotApplicable: A request cannot be answered, and `skip_refused` does not hold.
            Cancelled: `stop` said so.
        """
        requests = self.open_requests(page)
        results: list[tuple[str, Attribution]] = []
        for number, request in enumerate(requests):
            try:
                step = _Step(progress, number, len(requests), request.label)
                refine = None if on_partial is None else _Refinement(on_partial, results, request.label)
                results.append((request.label, self._attribution(page, request, images, step, refine)))
                if on_answer is not None and number + 1 < len(requests):
                    on_answer(results)
            except NotApplicable as error:
                if not self.skip_refused:
                    raise
                self.refused.append(RefusedRequest(request.label, page.target.name, str(error)))
            except (UnknownName, Cancelled):
                raise
            except (InputError, MemoryBudgetError) as error:
                # With a free size it is this photo that is too small or too large; else it would be every photo.
                if None not in (self.encoder.recipe.height, self.encoder.recipe.width):
                    raise
                self._fail(photo, f"{photo}: {error}")
                return None
        return results

    def _fail(self, photo: Path, error: str) -> None:
        if photo not in {entry.photo for entry in self.failed}:
            self.failed.append(FailedPhoto(photo, error))

    def _attribution(
        self,
        page: Page,
        request: Request,
        images: Images,
        step: Callable[[int, int], None],
        on_partial: Callable[[Attribution], None] | None,
    ) -> Attribution:
        ask = explain_beside_untrained if request.beside_untrained else explain
        on_estimate = None if self.on_estimate is None else partial(self.on_estimate, request.label)
        result = ask(
            self.encoder, images, request.method, page.target, progress=step, stop=self.stop, on_partial=on_partial,
            on_estimate=on_estimate, partial_after=PARTIAL_AFTER, **request.settings,
        )  # fmt: skip
        title = result.title if request.label == request.name else f"{result.title} ({request.label})"
        return replace(result, title=f"{title}: {request.verdict}" if request.verdict else title)


class _Refinement:
    """Passes on what one request has found so far, beside the answers that are there; seldom, since pages are drawn."""

    def __init__(self, on_partial: OnPartial, answers: list[tuple[str, Attribution]], label: str) -> None:
        self._on_partial, self._answers, self._label = on_partial, answers, label
        self._next_at = 0.0

    def __call__(self, attribution: Attribution) -> None:
        start = time.monotonic()
        if start < self._next_at:
            return
        title = f"{attribution.title}, not finished"
        unfinished = replace(attribution, title=title, notes=(UNFINISHED, *attribution.notes))
        self._on_partial([*self._answers, (self._label, unfinished)])
        self._next_at = time.monotonic() + _REST * (time.monotonic() - start)


class _Step:
    """Passes on how far one request is."""

    def __init__(self, progress: Progress, number: int, requests: int, label: str) -> None:
        self._progress, self._number, self._requests, self._label = progress, number, requests, label
        self._furthest = 0.0
        self(0, 1)

    def __call__(self, done: int, total: int) -> None:
        # A method may ask several questions, each from the start; the progress only moves on.
        self._furthest = max(self._furthest, done / max(total, 1))
        self._progress((self._number + self._furthest) / self._requests, self._label)
