"""One call on an encoder: its questions, its progress, its stop, its partial results, and the codes it has already."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal
from weakref import ReferenceType, ref

import numpy as np

from saccade.encoder import Encoder
from saccade.engines import FASTEST_BATCH, Cheaper, Objective, OnEstimate, Progress, Questions, Stop
from saccade.errors import NotApplicable
from saccade.images import Images
from saccade.models.places import Places
from saccade.results.map import Map
from saccade.targets import Target
from saccade.typing import Array

Use = Literal["gradient", "shares", "occlusion"]
"""What a target is made ready for."""
OnPartial = Callable[[list[Map]], None]
"""Gets the maps so far, one for each target that is explained."""


class Run(Questions):
    """One call on an encoder.

    A method asks its questions here. What belongs to the call alone is kept here, and goes when the call ends: the
    encoder holds nothing of it, so any number of calls may use one encoder at once.

    Args:
        encoder: The model and its code.
        progress: Called with the pieces done and the pieces in all, for each question; or with the passes done and the
            passes in all, where the method says how many it expects (`expect`).
        stop: Asked between pieces; True ends the call with `Cancelled`.
        on_partial: Gets the maps so far while a method refines them.
        on_estimate: Gets how long each question of more than two pieces takes, once two of them are done.
        partial_after: Maps so far are handed out only by a call, or for a question, that takes more seconds than that.
            Where it is 0 pieces are smaller, so that the first map comes soon.

    Example:
        >>> run = saccade.Run(encoder)
        >>> images = run.encoder.read(["cat.jpg"]).array
        >>> objective = run.objective(images, saccade.targets.code())
        >>> run.gradient(images, objective, saccade.targets.paths.STAY, saccade.targets.paths.ONCE).shape
        (1, 128, 128, 3)
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        progress: Progress | None = None,
        stop: Stop | None = None,
        on_partial: OnPartial | None = None,
        on_estimate: OnEstimate | None = None,
        partial_after: float = 0.0,
    ) -> None:
        super().__init__(
            encoder.engine, progress=progress, stop=stop, on_estimate=on_estimate, partial_after=partial_after
        )
        self.encoder = encoder
        self.on_partial = on_partial
        self._question_progress = progress
        self._call_progress: _CallProgress | None = None
        self._part = 0, 1
        self._start = time.perf_counter()
        self._codes: list[tuple[Array, Array]] = []
        self._sizes: list[tuple[ReferenceType[Array], tuple[int, int]]] = []

    def expect(self, passes: int) -> None:
        """Say how many passes the questions from here on take, so that progress runs once from 0 to the end.

        Args:
            passes: Of single images, about; 0: it is not known yet, and nothing is reported until it is. Once something
                was reported another number is not heeded.
        """
        if self.progress is None or self._question_progress is None:
            return
        if self._call_progress is None or not self._call_progress.has_begun:
            self.progress = self._call_progress = _CallProgress(self._question_progress, passes, *self._part)

    @contextmanager
    def equal_part(self, number: int, count: int) -> Iterator[None]:
        """Inside the block one of several equal parts of the call is done; each says anew what it expects."""
        before, self._part = self._part, (number, count)
        if self.progress is not None:
            self.progress, self._call_progress = self._question_progress, None
        try:
            yield
        finally:
            self._part = before

    def finish_progress(self) -> None:
        """All that was expected is done: report it, and nothing after it."""
        if self._call_progress is not None:
            self._call_progress.finish()
            self.progress = None

    def begin_question(self, passes: int) -> None:
        """Count the pieces or steps that come next as so many passes of what is expected."""
        if self._call_progress is not None and self.progress is not None:
            self._call_progress.passes_of_question = passes

    def codes(self, images: Any, *, remember: bool = True) -> Array:
        """The codes of images, (images, rows, columns, channels); the same array is encoded once in a call.

        Args:
            images: Anything that `Encoder.images` takes.
            remember: Keep them for the rest of the call; False for what comes only once, such as a collection.
        """
        array = images if isinstance(images, np.ndarray) and images.dtype == np.float32 else None
        array = self.encoder.images(images).array if array is None else array
        codes = self.known_codes(array)
        if codes is None:
            self.encoder.check_code()
            layer = self.encoder.layer
            codes = self.encoder.on_grid(self.activations(array, [layer])[layer])
            self._sizes = [entry for entry in self._sizes if entry[0]() is not None]
            self._sizes.append((ref(codes), (array.shape[1], array.shape[2])))
            if remember and isinstance(images, (np.ndarray, Images)):
                # What was read here for once never comes again as the same array.
                self._codes.append((array, codes))
        return codes

    def encode_together(self, *arrays: Array) -> None:
        """Encode a few arrays of one size in one question, so that `codes` knows them; many are as quick one by one."""
        unknown = [array for array in arrays if self.known_codes(array) is None]
        if len(unknown) < 2 or sum(map(len, unknown)) > FASTEST_BATCH:
            return
        codes = self.codes(np.concatenate(unknown), remember=False)
        parts = np.split(codes, np.cumsum([len(array) for array in unknown])[:-1])
        self._sizes += [(ref(part), array.shape[1:3]) for part, array in zip(parts, unknown, strict=True)]
        self._codes += zip(unknown, parts, strict=True)

    def known_codes(self, images: Array) -> Array | None:
        """The codes of this very array, if this call has encoded it already."""
        return next((codes for array, codes in self._codes if array is images), None)

    def code_places(self, codes: Array) -> Places | None:
        """Where rows and columns lie in codes that `codes` gave; None for a vector, and where that is not known."""
        size = next((size for reference, size in self._sizes if reference() is codes), None)
        return None if size is None else self.encoder.places(self.encoder.layer, *size)

    def objective(self, images: Array, target: Target, use: Use = "gradient") -> Objective:
        """A target made ready for these images: its measure, its layer, its frozen references.

        Args:
            images: (images, height, width, channels), the images that are explained.
            target: What is explained.
            use: The measure that is differentiated, that is split into shares (the same one, also where its gradient
                is zero), or the one that is compared when parts are covered.
        """
        layer = self._layer_of(target, use)
        # What the output should be is the image itself; its code is not asked for.
        reference = target.freeze(self.codes(images) if target.reads == "code" else images, self)
        measure = target.occlusion_measure if use == "occlusion" else target.gradient_measure
        return Objective(measure, layer, reference)

    def _layer_of(self, target: Target, use: Use) -> str:
        """The layer that a target reads, which must hold something that can be explained so."""
        if target.reads == "code":
            self.encoder.check_code()
            if use == "gradient" and target.kind == "code":
                self.encoder.check_gradient()
        return self.encoder.layer_of(target)

    def objectives(self, images: Array, targets: Sequence[Target]) -> list[Objective]:
        """Targets made ready to be compared when parts of these images are covered."""
        return [self.objective(images, target, "occlusion") for target in targets]

    def objective_at_input(self, images: Array, target: Target) -> Objective:
        """A target made ready for images that stay as they are: the same gradient, its value up to a constant factor.

        Where it can be spared, they are not encoded first for the frozen reference.
        """
        if target.autograd_form is None:
            return self.objective(images, target)
        layer = self._layer_of(target, "gradient")
        return Objective(target.autograd_form, layer, np.zeros((len(images), 1, 1, 1), np.float32))

    def partial(self, maps: Callable[[], list[Map]]) -> None:
        """Hand out the maps so far; they are only made if somebody watches."""
        if self.on_partial is not None and self._takes_long:
            self.on_partial(maps())

    @property
    def _takes_long(self) -> bool:
        """Does the question under way, or the call so far, take long enough for maps so far to be handed out?"""
        if not self.partial_after:
            return True
        return max(self.expected_seconds, time.perf_counter() - self._start) > self.partial_after

    def takes_less_with(self, name: str, value: int, *, least: int = 1) -> None:
        """Say that a method's work is proportional to one of its settings, for whoever is told that it takes long.

        Args:
            name: The setting's name.
            value: Its value.
            least: The smallest value that is worth naming.
        """
        fewer = [value // 2**halvings for halvings in range(1, 12) if value // 2**halvings >= least]
        self.cheapening = lambda: [Cheaper({name: number}, number / value) for number in fewer]

    def on_refined(self, maps: Callable[[int, Any], list[Map]]) -> Callable[[int, Any], None] | None:
        """What to give a question as `on_scores` or `on_gradient`: None where nobody watches.

        Args:
            maps: Makes the maps from how many points are done, and from what the question has found with them.
        """
        if self.on_partial is None:
            return None
        on_partial, next_at = self.on_partial, 0

        def refined(done: int, value: Any) -> None:
            nonlocal next_at
            if done >= next_at and self._takes_long:
                next_at = done + done // 2  # each costs as much as all before, so they come ever more seldom
                on_partial(maps(done, value))

        return refined

    def require(
        self, *capabilities: Literal["gradients", "taps", "layer_weights", "attention", "linearised"], what: str
    ) -> None:
        """Refuse what the network cannot do, before anything is computed.

        Raises:
            NotApplicable: The network lacks one of them.
        """
        for capability in capabilities:
            if not getattr(self.encoder.capabilities, capability):
                raise NotApplicable(f"{what} needs {_NEEDS[capability]}, which {self.encoder.name!r} does not offer.")


class _CallProgress:
    """One count over all questions of a call, which never goes back.

    Args:
        progress: Called with the passes done and the passes in all, each time with more of them.
        passes: How many the call takes, about; 0: that is not known yet, and nothing is said.
        part: Which of several equal parts of the call takes them, from 0.
        parts: How many such parts there are.

    Attributes:
        passes_of_question: How many the question under way takes.
    """

    def __init__(self, progress: Progress, passes: int, part: int, parts: int) -> None:
        self.passes_of_question = 0
        self._progress = progress
        self._passes = passes
        self._first = part * passes
        self._total = parts * passes
        self._finished = 0
        self._reported = 0

    @property
    def has_begun(self) -> bool:
        """Was anything reported?"""
        return self._reported > 0

    def __call__(self, done: int, total: int) -> None:
        """So many pieces of the question under way are done."""
        # More may be asked than was expected: then the count waits at the end of its part.
        within = min(self._finished + self.passes_of_question * done // total, self._passes)
        self._report(self._first + within)
        if done == total:
            self._finished += self.passes_of_question

    def finish(self) -> None:
        """All is done, also what was expected and not asked."""
        self._report(self._total)

    def _report(self, done: int) -> None:
        if done > self._reported:
            self._reported = done
            self._progress(done, self._total)


_NEEDS = {
    "gradients": "gradients",
    "taps": "a network whose layers can be changed on their way",
    "layer_weights": "a network whose weights can be told apart by layer",
    "attention": "attention that can be read",
    "linearised": "attention that can be held constant on the way back",
}
