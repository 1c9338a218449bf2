"""One call at work: cut into pieces that fit into memory, halved when it runs out, shown, stopped."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from saccade.engines.capacity import FASTEST_BATCH, Question
from saccade.engines.chunks import Chunks, Piece, chunks
from saccade.engines.engine import Engine
from saccade.engines.joined_maps import JoinedMaps
from saccade.engines.pace import Cheapening, Estimate, OnEstimate, Pace
from saccade.engines.uploads import Uploads
from saccade.errors import Cancelled, MemoryBudgetError, ModelError
from saccade.models.messages import cannot_compute
from saccade.typing import Array

Progress = Callable[[int, int], None]
"""Called with the pieces done and the pieces in all."""
Stop = Callable[[], bool]
"""Asked between pieces; True ends the call with `Cancelled`."""

_Answer = TypeVar("_Answer")
_REFINED = 8
"""Pieces hold at most so many images while somebody watches the result grow."""


class Execution:
    """One call on an engine, with its own progress and stop.

    Args:
        engine: What calls on the network share.
        progress: Called with the pieces done and the pieces in all, for each question.
        stop: Asked between pieces; True ends the call with `Cancelled`.
        on_estimate: Gets how long a question will take, once its first pieces are done.
        partial_after: Results so far are handed out for questions that take more seconds than that. Where it is 0
            pieces are small, so that the first result comes soon; else they are as large as is fastest.

    Attributes:
        cheapening: Finds settings of the method under way with which it asks less; a method may set it.
        expected_seconds: How long the question under way takes by its estimate; 0 until there is one.
        is_timed: Whether the piece under way is timed, so that its result must be waited for.
        meanwhile: What else is to be done in this call, once, while a device computes.
        uploads: What the call sends to its device.
        joined_maps: Maps that were joined on the device.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        progress: Progress | None = None,
        stop: Stop | None = None,
        on_estimate: OnEstimate | None = None,
        partial_after: float = 0.0,
    ) -> None:
        self.engine = engine
        self.progress = progress
        self.stop = stop
        self.on_estimate = on_estimate
        self.partial_after = partial_after
        self.cheapening: Cheapening | None = None
        self.expected_seconds = 0.0
        self.is_timed = False
        self._reserved = 0
        self._has_own_steps = False
        self.meanwhile: Callable[[], object] | None = None
        self.uploads = Uploads(engine.backend)
        self.joined_maps = JoinedMaps(engine.backend)

    @contextmanager
    def reserved(self, size: int) -> Iterator[None]:
        """Inside the block the caller holds so many bytes, which questions leave free within the memory allowed."""
        before = self._reserved
        self._reserved = before + size
        try:
            yield
        finally:
            self._reserved = before

    @contextmanager
    def own_progress(self, steps: int, passes: int | None = None) -> Iterator[Callable[[], None]]:
        """Report the caller's own steps inside the block, not the pieces of the questions that each step asks.

        Args:
            steps: How many steps there will be, each about as long as the others.
            passes: How many passes they take; by default one each.

        Yields:
            A function to call after each step.
        """
        self.begin_question(passes or steps)
        progress, self.progress = self.progress, None
        had_own_steps, self._has_own_steps = self._has_own_steps, True
        pace = None if had_own_steps else Pace(steps, passes or steps, self._estimated)
        done = 0

        def step() -> None:
            nonlocal done
            done += 1
            if pace is not None:
                pace.piece(done)
            if progress is not None:
                progress(done, steps)

        try:
            yield step
        finally:
            self.progress = progress
            self._has_own_steps = had_own_steps

    def awaited(self, array: Callable[[], Array]) -> Array:
        """Wait for an array that is under way, and do meanwhile what else is to be done."""
        work, self.meanwhile = self.meanwhile, None
        if work is not None:
            work()
        return array()

    def check(self) -> None:
        """End the call if it was told to.

        Raises:
            Cancelled: `stop` says so.
        """
        if self.stop is not None and self.stop():
            raise Cancelled("stopped before it was finished.")

    def execute(
        self,
        work: Callable[[Chunks], _Answer],
        images: Array,
        points: int,
        layers: Sequence[str],
        question: Question,
        *,
        shared: str | None = None,
        refined: bool = False,
    ) -> _Answer:
        """Do the work in pieces that fit into memory; in smaller ones where memory runs out all the same.

        Args:
            work: Computes everything, cut as it is told.
            images: (images, height, width, channels).
            points: How many points each image is asked at.
            layers: What is read.
            question: What is asked.
            shared: The layer up to which all points share one pass, or None.
            refined: Somebody watches the result grow: few points at a time, of all images, unless `partial_after`.

        Raises:
            MemoryBudgetError: Not even one image fits.
        """
        fixed_batch = self.engine.network.fixed_batch
        if self.engine.batch is None and len(images) * points > FASTEST_BATCH and fixed_batch is None:
            with self.engine.backend.program_context():
                self.engine.measure_batch(images, layers)
        examples = self.engine.examples(images, layers, question, shared, self._reserved)
        refined = refined and not self.partial_after
        if refined:
            examples = min(examples, max(_REFINED, len(images)))
        while True:
            plan = chunks(len(images), points, examples, images_first=refined)
            if fixed_batch is not None:
                plan = _fixed_plan(fixed_batch, len(images), points)
            try:
                with self.engine.backend.program_context():
                    return work(plan)
            except BaseException as error:
                if self.engine.backend.is_failure_of_model(error) and not self.engine.backend.is_out_of_memory(error):
                    size = (images.shape[1], images.shape[2])
                    raise ModelError(cannot_compute(self.engine.network.name, size, error)) from error
                if not self.engine.backend.is_out_of_memory(error):
                    raise
                if examples == 1 or fixed_batch is not None:
                    raise MemoryBudgetError(
                        "memory ran out on a single image; give a smaller image or a machine with more memory."
                    ) from error
                examples = max(1, min(examples, plan.images * plan.points) // 2)
            gc.collect()

    def begin_question(self, passes: int) -> None:
        """Hear that the pieces or steps that come next take so many passes."""

    def pieces(self, plan: Chunks, images: int, points: int) -> Iterator[Piece]:
        """The pieces of the work, with progress after each and a look at `stop` before it."""
        self.begin_question(images * points)
        total = plan.count(images, points)
        self.expected_seconds = 0.0
        # Timing waits for the device, which otherwise computes one piece while the next is made ready.
        is_asked = self.on_estimate is not None or self.partial_after > 0
        pace = Pace(total, images * points, self._estimated) if is_asked and not self._has_own_steps else None
        for done, piece in enumerate(plan.pieces(images, points)):
            self.check()
            self.is_timed = pace is not None and pace.is_open(done)
            yield piece
            if pace is not None:
                pace.piece(done + 1)
            if self.progress is not None:
                self.progress(done + 1, total)

    def overlapped(self, answers: Iterable[_Answer]) -> Iterator[_Answer]:
        """Each piece's answer once the next is under way, since a device computes behind the program's back.

        On a processor, and while a piece is timed, it comes at once.
        """
        waiting: list[_Answer] = []
        for answer in answers:
            waiting.append(answer)
            if len(waiting) > 1 or not self.engine.backend.is_accelerator or self.is_timed:
                yield waiting.pop(0)
        yield from waiting

    def _estimated(self, seconds: float, passes: int) -> None:
        self.expected_seconds = seconds
        if self.on_estimate is not None:
            self.on_estimate(Estimate(seconds, passes, self.cheapening))


def _fixed_plan(batch: int, images: int, points: int) -> Chunks:
    """The pieces for a model that takes one batch size only."""
    if points >= batch:
        return Chunks(images=1, points=batch)
    if images >= batch and points == 1:
        return Chunks(images=batch, points=1)
    raise ModelError(
        f"the model takes batches of exactly {batch} images; {images} with {points} step(s) each cannot be cut so. "
        "Export it with a free batch size."
    )
