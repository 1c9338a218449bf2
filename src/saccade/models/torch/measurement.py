"""Runs of a torch module at several sizes, which show what its layers are and what of their shapes is free."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, cached_property

from saccade.errors import ModelError
from saccade.models.input_shape import InputShape
from saccade.models.torch.image_layout import ImageLayout
from saccade.models.torch.inputs import hint_of_other_input
from saccade.models.torch.messages import telling_line
from saccade.models.torch.result_bound import ResultBound, largest_result
from saccade.models.torch.runs import TracedRun, traced
from saccade.models.torch.shapes import BareModule, shapes_only
from saccade.models.torch.sizes import NoOtherSizeError, NoSizeFitsError, find_input_shape, likely_channels, trial_sizes
from saccade.models.torch.state import inference_mode

_KEPT_RUNS = 16
_LARGEST_TRIED = 128
_MOST_PRODUCTS = 5 * 10**11
"""How many numbers it may multiply at a size at which more than its shapes is tried."""
_LONGEST_SEARCH = 9.0
"""Seconds of processor time in which a file without trust must take one of the sizes that are tried."""


class _TooLargeError(ModelError):
    """A file without trust asks for a result that is too large, or for too many."""


class Measurement:
    """Traced runs of one module on black images.

    Args:
        layout: How the module takes its images.
        name: What the module is called in messages.
        fixed_batch: The only number of images that it takes at once, where that is known.
        input_shape: Height, width (None: free) and channels; found out where it is None.
        trusted: It may ask for as much memory as it likes; else shapes are looked at before numbers are computed.
        named_sizes: Sizes that the module itself names, the likeliest first.

    Attributes:
        fixed_batch: The only number of images that the module takes at once, or None.
        input_shape: Height, width (None: free) and channels.
        drops_axis: The module drops the axis of the images where there is only one, as `squeeze()` does.
    """

    def __init__(
        self,
        layout: ImageLayout,
        name: str,
        *,
        fixed_batch: int | None,
        input_shape: InputShape | None,
        trusted: bool,
        named_sizes: Sequence[tuple[int, int]] = (),
    ) -> None:
        self.fixed_batch = fixed_batch
        self._named_sizes = named_sizes
        self.drops_axis = False
        self._layout = layout
        self._name = name
        self._is_trusted = trusted
        self._runs: dict[tuple[int, ...], TracedRun] = {}
        self._shape_runs: dict[tuple[int, ...], TracedRun | str] = {}
        self._shape_bounds: dict[tuple[int, ...], ResultBound] = {}
        self._confirmed_errors: set[str] = set()
        self._bare_module: Callable[[], BareModule] = self._new_bare_module
        self.input_shape: InputShape = input_shape or self._find_input_shape()

    @property
    def run(self) -> TracedRun:
        """The run at the likeliest size."""
        return self.pair[0]

    @cached_property
    def pair(self) -> tuple[TracedRun, TracedRun]:
        """Two runs at different sizes, as far as the sizes are free; what differs between them is free."""
        runs: list[TracedRun] = []
        first_error: Exception | None = None
        for height, width in trial_sizes(self.input_shape, self._named_sizes):
            try:
                runs.append(self._of_several(height, width, self.input_shape[2]))
            except ModelError as error:
                first_error = first_error or error
            if len(runs) == 2:
                break
        if not runs and first_error is not None:
            raise first_error
        return runs[0], runs[-1]

    def at(self, height: int, width: int) -> TracedRun:
        """A run at this size: of one image, or of two where one alone would lose its axis."""
        if self.fixed_batch is not None or self.drops_axis:
            return self._at(self.fixed_batch or 2, height, width)
        try:
            run = self._at(1, height, width)
        except ModelError:
            run = self._at(2, height, width)
            self.drops_axis = True
            return run
        if run.results.keys() != self.run.results.keys():
            of_two = self._at(2, height, width)
            self.drops_axis = of_two.results.keys() != run.results.keys()
            return of_two
        return run

    def _at(self, batch: int, height: int, width: int) -> TracedRun:
        """Without numbers, where that shows the same."""
        shape = (batch, self.input_shape[2], height, width)
        run = self._without_numbers(shape) if self._shapes_suffice else None
        return run or self._with_numbers(shape)

    def _of_several(self, height: int, width: int, channels: int) -> TracedRun:
        """A run of two images at once, which tells results for each image from all others."""
        if self.fixed_batch is not None:
            return self._with_numbers((self.fixed_batch, channels, height, width))
        try:
            return self._with_numbers((2, channels, height, width))
        except ModelError:
            run = self._with_numbers((1, channels, height, width))
            self.fixed_batch = 1
            return run

    @cached_property
    def _shapes_suffice(self) -> bool:
        """Does a run without numbers show what a run with numbers showed?"""
        bare = self._without_numbers(self.run.input_shape)
        return bare is not None and (bare.trace.operations, bare.shapes) == (self.run.trace.operations, self.run.shapes)

    def _find_input_shape(self) -> InputShape:
        computed: list[tuple[int, int, int, int]] = []
        errors: list[ModelError] = []
        fits = False
        began = time.thread_time()

        def attempt(height: int, width: int, channels: int) -> None:
            nonlocal fits
            is_long = time.thread_time() - began > _LONGEST_SEARCH
            if is_long and errors and not fits and not self._is_trusted:
                raise NoOtherSizeError(self._no_size(errors[0]))
            try:
                compute(height, width, channels)
            except ModelError as error:
                errors.append(error)
                raise
            fits = True

        def compute(height: int, width: int, channels: int) -> None:
            # A large image is only computed where its shapes do not show whether it could be.
            shape = (self.fixed_batch or 2, channels, height, width)
            if max(height, width) > _LARGEST_TRIED:
                if self._without_numbers(shape) is not None:
                    return
                if any(self._without_numbers(smaller) is not None for smaller in computed[:1]):
                    raise ModelError(self._cannot(shape, "its shapes do not fit"))
            try:
                self._of_several(height, width, channels)
            except _TooLargeError as error:
                raise NoOtherSizeError(str(error)) from error
            computed.append(shape)

        # One copy for all sizes; afterwards, when they are few, one for each, so that none is kept.
        self._bare_module = cache(self._new_bare_module)
        try:
            return find_input_shape(attempt, likely_channels(self._layout.module), self._named_sizes)
        except NoOtherSizeError as error:
            raise ModelError(str(error)) from error
        except NoSizeFitsError as error:
            hint = self._hint((2, likely_channels(self._layout.module)[0], 64, 64))
            if hint is not None:
                raise ModelError(f"{self._name!r} takes no images: {hint}.") from error.__cause__
            raise ModelError(self._no_size(error.__cause__)) from error.__cause__
        finally:
            self._bare_module = self._new_bare_module

    def _no_size(self, error: BaseException | None) -> str:
        return (
            f"the size of the images that {self._name!r} takes could not be found ({telling_line(error)}); give "
            "input_shape=(height, width, channels), or --input-shape H,W,C."
        )

    def _with_numbers(self, shape: tuple[int, ...]) -> TracedRun:
        """Run black images of this shape (N, C, H, W)."""
        import torch

        bound: ResultBound | None = None

        def compute() -> TracedRun:
            with inference_mode(self._layout.module), torch.no_grad():
                return traced(self._layout.module, self._layout.black(shape), bound)

        if shape not in self._runs:
            if not self._is_trusted:
                has_shapes = self._without_numbers(shape) is not None
                self._refuse_too_large(shape, self._shape_bounds[shape])
                bound = replace(self._shape_bounds[shape], looks_ahead=not has_shapes)
            self._refuse_confirmed(shape)
            try:
                run = self._layout.either_order(compute)
            except (Exception, SystemExit) as error:
                self._refuse_too_large(shape, bound)
                hint = self._hint(shape)
                error_without_numbers = self._shape_runs.get(shape)
                if isinstance(error_without_numbers, str):
                    self._confirmed_errors.add(_without_digits(error_without_numbers))
                raise ModelError(self._cannot(shape, _own_words(error) if hint is None else hint)) from error
            while len(self._runs) >= _KEPT_RUNS:
                del self._runs[next(iter(self._runs))]
            self._runs[shape] = run
        return self._runs[shape]

    def _refuse_confirmed(self, shape: tuple[int, ...]) -> None:
        """Raise ModelError where a run without numbers fails as another did that failed with numbers, too."""
        if not self._confirmed_errors:
            return
        self._without_numbers(shape)
        error = self._shape_runs[shape]
        if isinstance(error, str) and error and _without_digits(error) in self._confirmed_errors:
            raise ModelError(self._cannot(shape, error))

    def _hint(self, shape: tuple[int, ...]) -> str | None:
        try:
            black = self._layout.black(shape) if self._is_trusted else None
        except (RuntimeError, MemoryError):  # which is what a run fails of, too
            return None
        with inference_mode(self._layout.module):
            return hint_of_other_input(self._layout.module, black)

    def _without_numbers(self, shape: tuple[int, ...]) -> TracedRun | None:
        import torch

        if shape not in self._shape_runs:
            while len(self._shape_runs) >= _KEPT_RUNS:
                del self._shape_runs[next(iter(self._shape_runs))]
            bound = None
            if not self._is_trusted:
                is_computed = max(shape[2:]) <= _LARGEST_TRIED
                bound = ResultBound(largest_result(4 * math.prod(shape)), _MOST_PRODUCTS if is_computed else math.inf)
                self._shape_bounds[shape] = bound
            with inference_mode(self._layout.module), torch.no_grad():
                self._shape_runs[shape] = shapes_only(self._bare_module, lambda: self._layout.black(shape), bound)
        run = self._shape_runs[shape]
        return run if isinstance(run, TracedRun) else None

    def _new_bare_module(self) -> BareModule:
        return BareModule(self._layout.module)

    def _refuse_too_large(self, shape: tuple[int, ...], bound: ResultBound | None) -> None:
        if bound is not None and bound.is_endless:
            raise _TooLargeError(
                self._cannot(shape, "that takes more operations than any network has")
                + "; give --trust if the file is your own"
            )
        if bound is not None and bound.exceeded:
            raise _TooLargeError(
                self._cannot(shape, f"one of its results alone would take {bound.exceeded:,} bytes")
                + "; give --trust if the file is your own"
            )

    def _cannot(self, shape: tuple[int, ...], reason: str) -> str:
        _, channels, height, width = shape
        return f"{self._name!r} cannot compute an image of {height}x{width} with {channels} channels: {reason}"


def _without_digits(message: str) -> str:
    return re.sub(r"\d+", "#", message)


def _own_words(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"it ends the program (exit {error.code})"
    if isinstance(error, RecursionError):
        return "it calls itself without end"
    if isinstance(error, MemoryError) or "allocate memory" in str(error) or "out of memory" in str(error):
        return "that does not fit into memory; give a smaller input_shape (--input-shape H,W,C)"
    return telling_line(error)
