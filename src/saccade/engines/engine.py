"""Asking a model questions, the part that is the same in every framework.

Four questions: `activations`, `score`, `gradient`, `pull`. Each is cut into pieces of constant shape from one memory
budget, halved when memory runs out all the same, compiled once per (question, path, measure, layer, shape), shows its
progress and can be stopped between pieces. A framework adds a dozen small verbs (`frozen` tensors in, numpy out).
"""

from __future__ import annotations

import gc
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from saccade.engines.chunks import Chunks, Piece, chunks, examples_within
from saccade.errors import Cancelled, MemoryBudgetError, ModelError
from saccade.models.dataflow import Dataflow
from saccade.models.network import Network, Tensor
from saccade.paths import Arrays, Path, Points
from saccade.targets import Measure

Array = NDArray[np.float32]
DEFAULT_MEMORY = 2**30
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Objective:
    """A measure read at a layer, with every image's frozen reference (images, rows, columns, channels)."""

    measure: Measure
    layer: str
    reference: Array


class Engine(ABC):
    """Answers questions about one network.

    Args:
        network: The opened model; it is left as it was found, also after an exception.
        memory: Bytes that one question may use beyond the model's own.
        device: Where to compute; None leaves it to the framework.
    """

    def __init__(self, network: Network, *, memory: int = DEFAULT_MEMORY, device: str | None = None) -> None:
        self.network = network
        self.memory = memory
        self.device = device
        self.progress: Callable[[int, int], None] | None = None
        self.stop: Callable[[], bool] | None = None
        self.traces = 0
        self._compiled: dict[tuple[Any, ...], Callable[..., Any]] = {}
        # Writing a data flow down runs the model once; a size that comes again is not worth it.
        self.dataflow: Callable[[int, int], Dataflow] = lru_cache(maxsize=16)(network.dataflow)

    # The four questions

    def activations(self, images: Array, layers: Sequence[str]) -> dict[str, Array]:
        """What do these layers hold for these images? {layer: (images, ...)}, channels last."""
        wanted = tuple(dict.fromkeys(layers))

        def make() -> Callable[..., Any]:
            def read(pictures: Tensor) -> list[Tensor]:
                found = self.network.run(pictures, wanted)
                return [self.as_float32(found[layer]) for layer in wanted]

            return read

        def work(plan: Chunks) -> dict[str, Array]:
            step = self._compile(("activations", wanted), make)
            parts: list[list[Array]] = [[] for _ in wanted]
            for piece in self._pieces(plan, len(images), 1):
                answer = step(self.tensor(images[piece.images]))
                for part, values in zip(parts, answer, strict=True):
                    part.append(self.array(values)[piece.new_images :])
            return {layer: np.concatenate(part) for layer, part in zip(wanted, parts, strict=True)}

        return self._ask(work, images, 1, wanted, "activations")

    def score(
        self,
        images: Array,
        objectives: Sequence[Objective],
        path: Path,
        points: Points,
        fixed: Arrays | None = None,
        *,
        cells: bool = False,
    ) -> list[NDArray[np.float64]]:
        """How does each target score along a path? Every moved picture is encoded once for all targets.

        Sums over places are taken in float64 outside the framework: a score is often the small difference of large
        sums, and float32 would drown it.

        Args:
            images: (images, height, width, channels).
            objectives: What is scored.
            path: How the images move.
            points: The steps along the path.
            fixed: What belongs to each image on the path.
            cells: Give the terms of every place instead of the combined score.

        Returns:
            For each objective (points, images), or with `cells` (points, images, rows, columns, terms).
        """
        fixed = fixed or {}
        layers = tuple(dict.fromkeys(objective.layer for objective in objectives))
        measures = tuple((objective.measure, objective.layer) for objective in objectives)

        def make() -> Callable[..., Any]:
            def step(pictures: Tensor, references: Any, fixed: Any, at: Any) -> list[list[Tensor]]:
                moved = path.move(pictures, fixed, at)
                steps, count = int(moved.shape[0]), int(moved.shape[1])
                found = self.network.run(self._flat(moved), layers)
                answers = []
                for (measure, layer), reference in zip(measures, references, strict=True):
                    values = self._places(found[layer], steps, count)
                    terms = measure.terms(values, reference[None], moved)
                    answers.append([self.sum(each, (-1,)) for each in terms])
                return answers

            return step

        def work(plan: Chunks) -> list[NDArray[np.float64]]:
            names = tuple((measure.name, layer) for measure, layer in measures)
            step = self._compile(("score", path.name, names), make)
            totals: list[Any] = [None] * len(objectives)
            held: tuple[slice, Any, Any, Any] | None = None
            for piece in self._pieces(plan, len(images), len(points)):
                if held is None or held[0] != piece.images:
                    held = (piece.images, *self._hold(piece, images, objectives, fixed))
                answers = step(*held[1:], self._tensors(points.take(piece.points.start, piece.points.stop)))
                for k, terms in enumerate(answers):
                    # A term of the frozen reference alone has one point; it counts for all of them.
                    values = np.stack(np.broadcast_arrays(*map(self.array, terms)), axis=-1)
                    part = values if cells else values.sum(axis=(2, 3), dtype=np.float64)
                    if totals[k] is None:
                        # Single terms of a place are kept as they came; only sums need the wider type.
                        shape = (len(points), len(images), *part.shape[2:])
                        totals[k] = np.empty(shape, np.float32 if cells else np.float64)
                    totals[k][piece.points, piece.images] = part
            return totals

        totals = self._ask(work, images, len(points), layers, "score")
        if cells:
            return totals
        sizes = self._sizes(images, layers)
        return [
            np.asarray(objective.measure.combine(tuple(np.moveaxis(total, -1, 0)), sizes[objective.layer]))
            for objective, total in zip(objectives, totals, strict=True)
        ]

    def gradient(
        self,
        images: Array,
        objective: Objective,
        path: Path,
        points: Points,
        fixed: Arrays | None = None,
        *,
        weights: NDArray[np.float32] | None = None,
        at: str | None = None,
        second_moment: bool = False,
    ) -> Array | tuple[Array, Array]:
        """What is the mean slope of a target along a path?

        Args:
            images: (images, height, width, channels).
            objective: What is differentiated.
            path: How the images move.
            points: The steps along the path.
            fixed: What belongs to each image on the path.
            weights: One weight per point that sum to 1; equal ones by default.
            at: A layer at whose result the slope is taken; None: at the picture.
            second_moment: Also give the weighted mean of the squared slope.

        Returns:
            float32 of the images' shape (or the layer's, with the images first); two of them with `second_moment`.
        """
        fixed = fixed or {}
        shares = np.full(len(points), 1.0 / len(points), np.float32) if weights is None else weights
        tap_shape = None if at is None else self._layer_shape(images, at)
        measure, layer = objective.measure, objective.layer  # the compiled step must not keep a reference alive

        def make() -> Callable[..., Any]:
            def step(pictures: Tensor, references: Any, fixed: Any, taken: Any, share: Tensor) -> list[Tensor]:
                moved = path.move(pictures, fixed, taken)
                steps, count = int(moved.shape[0]), int(moved.shape[1])

                def total(pictures: Tensor, tap: Tensor | None) -> Tensor:
                    found = self.network.run(pictures, [layer], None if at is None else {at: tap})
                    values = self._places(found[layer], steps, count)
                    size = int(np.prod(values.shape[2:]))
                    seen = self.reshape(pictures, tuple(moved.shape))
                    terms = measure.terms(values, references[0][None], seen)
                    sums = [self.sum(each, tuple(range(2, len(each.shape)))) for each in terms]
                    scores = measure.combine(sums, size)
                    # Weighing the scores weighs their slopes; a second moment needs the slopes as they are.
                    return self.sum(scores if second_moment else scores * self.reshape(share, (steps, 1)), (0, 1))

                if at is None:
                    slope = self.slope(lambda flat: total(flat, None), self._flat(moved))
                else:
                    assert tap_shape is not None
                    zeros = self.zeros((steps * count, *tap_shape))
                    slope = self.slope(lambda tap: total(self._flat(moved), tap), zeros)
                slope = self.reshape(slope, (steps, count, *(int(each) for each in slope.shape[1:])))
                if not second_moment:
                    return [self.sum(slope, (0,))]
                share = self.reshape(share, (steps, *(1,) * (len(slope.shape) - 1)))
                return [self.sum(slope * share, (0,)), self.sum(slope * slope * share, (0,))]

            return step

        def work(plan: Chunks) -> list[Array]:
            key = ("gradient", path.name, measure.name, layer, at, tap_shape, second_moment)
            step = self._compile(key, make)
            totals: list[Array] = []
            held: tuple[slice, Any, Any, Any] | None = None
            running: list[Tensor] = []
            for piece in self._pieces(plan, len(images), len(points)):
                if held is None or held[0] != piece.images:
                    held = (piece.images, *self._hold(piece, images, [objective], fixed))
                    running = []
                share = shares[piece.points].copy()
                share[: piece.new_points] = 0.0  # an overlapping last piece must not count a point twice
                taken = self._tensors(points.take(piece.points.start, piece.points.stop))
                answer = step(*held[1:], taken, self.tensor(share))
                running = [a + b for a, b in zip(running, answer, strict=True)] if running else list(answer)
                if piece.points.stop == len(points):
                    done = [self.array(each) for each in running]
                    if not totals:
                        totals = [np.empty((len(images), *each.shape[1:]), np.float32) for each in done]
                    for total, each in zip(totals, done, strict=True):
                        total[piece.images] = each
            return totals

        totals = self._ask(work, images, len(points), [layer], "gradient")
        return (totals[0], totals[1]) if second_moment else totals[0]

    def pull(self, images: Array, layer: str, cotangents: Array) -> Array:
        """What does each pattern on a layer want from the picture? One backward pass per pattern, one forward in all.

        Args:
            images: (images, height, width, channels).
            layer: Where the patterns lie.
            cotangents: (patterns, images or 1, *layer shape).

        Returns:
            float32 (patterns, images, height, width, channels): `J^T c` for each pattern.
        """
        patterns = len(cotangents)
        spread = np.broadcast_to(cotangents, (patterns, len(images), *cotangents.shape[2:]))

        def make() -> Callable[..., Any]:
            def step(pictures: Tensor, wanted: Tensor) -> Tensor:
                return self.pulled(lambda moved: self.network.run(moved, [layer])[layer], pictures, wanted)

            return step

        def work(plan: Chunks) -> Array:
            step = self._compile(("pull", layer), make)
            answer = np.empty((patterns, *images.shape), np.float32)
            for piece in self._pieces(plan, len(images), patterns):
                part = step(
                    self.tensor(images[piece.images]),
                    self.tensor(np.ascontiguousarray(spread[piece.points, piece.images])),
                )
                answer[piece.points, piece.images] = self.array(part)
            return answer

        return self._ask(work, images, patterns, [layer], "gradient")

    # What a framework adds

    @abstractmethod
    def tensor(self, values: NDArray[Any]) -> Tensor:
        """Bring a float32 array to the device."""

    @abstractmethod
    def array(self, tensor: Tensor) -> Array:
        """Bring a tensor back."""

    @abstractmethod
    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Compile a function of tensors, if the framework does."""

    @abstractmethod
    def slope(self, function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
        """The gradient of a function with one number as its result."""

    @abstractmethod
    def pulled(self, function: Callable[[Tensor], Tensor], at: Tensor, cotangents: Tensor) -> Tensor:
        """`J^T c` for each c along the first axis of `cotangents`."""

    @abstractmethod
    def sum(self, tensor: Tensor, axes: tuple[int, ...]) -> Tensor:
        """Sum over axes."""

    @abstractmethod
    def reshape(self, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
        """The same numbers in another shape."""

    @abstractmethod
    def zeros(self, shape: tuple[int, ...]) -> Tensor:
        """A float32 tensor of zeros."""

    @abstractmethod
    def as_float32(self, tensor: Tensor) -> Tensor:
        """The tensor in float32."""

    @abstractmethod
    def is_out_of_memory(self, error: BaseException) -> bool:
        """Does this error say that memory ran out?"""

    def around(self) -> Any:
        """A context in which the framework computes: the device, no gradients where none are needed."""
        return self.network.untouched()

    @property
    def fastest(self) -> int:
        """How many pictures at once are computed fastest; more only cost memory."""
        return 16

    @property
    def swift_bytes(self) -> int | None:
        """How large one tensor may grow before the framework computes slower; None: it does not matter."""
        return None

    # Shared machinery

    def _compile(self, key: tuple[Any, ...], make: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
        if key not in self._compiled:
            plain = make()

            def counted(*arguments: Any) -> Any:
                self.traces += 1
                return plain(*arguments)

            self._compiled[key] = self.compiled(counted)
        return self._compiled[key]

    def _ask(
        self, work: Callable[[Chunks], _Answer], images: Array, points: int, layers: Sequence[str], question: str
    ) -> _Answer:
        fixed = self.network.fixed_batch
        examples = self._at_once(images, layers, question)
        while True:
            plan = chunks(len(images), points, examples)
            if fixed is not None:
                plan = _fixed_plan(fixed, len(images), points)
            try:
                with self.around():
                    return work(plan)
            except BaseException as error:
                if not self.is_out_of_memory(error):
                    raise
                if examples == 1 or fixed is not None:
                    raise MemoryBudgetError(
                        "memory ran out on a single picture; give a smaller picture or a machine with more memory."
                    ) from error
                examples = max(1, min(examples, plan.images * plan.points) // 2)
            gc.collect()

    def _pieces(self, plan: Chunks, images: int, points: int) -> Iterator[Piece]:
        total = plan.count(images, points)
        for done, piece in enumerate(plan.pieces(images, points)):
            if self.stop is not None and self.stop():
                raise Cancelled("stopped before it was finished.")
            yield piece
            if self.progress is not None:
                self.progress(done + 1, total)

    def _hold(
        self, piece: Piece, images: Array, objectives: Sequence[Objective], fixed: Arrays
    ) -> tuple[Tensor, list[Tensor], dict[str, Tensor]]:
        return (
            self.tensor(images[piece.images]),
            [self.tensor(objective.reference[piece.images]) for objective in objectives],
            {name: self.tensor(values[piece.images]) for name, values in fixed.items()},
        )

    def _tensors(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
        return {name: self.tensor(values) for name, values in arrays.items()}

    def _flat(self, moved: Tensor) -> Tensor:
        steps, count, *rest = moved.shape
        return self.reshape(moved, (int(steps) * int(count), *(int(each) for each in rest)))

    def _places(self, values: Tensor, steps: int, count: int) -> Tensor:
        """Any code as (points, images, rows, columns, channels)."""
        return self.reshape(self.as_float32(values), (steps, count, *as_grid(tuple(int(n) for n in values.shape[1:]))))

    def _layer_shape(self, images: Array, layer: str) -> tuple[int, ...]:
        shape = self.network.layers[layer].shape
        if None not in shape:
            return tuple(int(each) for each in shape if each is not None)
        grid = self.dataflow(images.shape[1], images.shape[2]).grid(layer)
        channels = shape[-1]
        if grid is None or channels is None:
            raise ModelError(f"the size of layer {layer!r} cannot be told before it runs.")
        return (*grid, channels)

    def _sizes(self, images: Array, layers: Sequence[str]) -> dict[str, int]:
        return {layer: int(np.prod(self._layer_shape(images, layer))) for layer in layers}

    def _at_once(self, images: Array, layers: Sequence[str], question: str) -> int:
        """How many pictures are computed together: what fits into the memory, and no more than is fastest."""
        numbers = self._numbers(images, layers)
        examples = examples_within(self.memory, self._bytes(numbers, question), self.fastest)
        return examples if self.swift_bytes is None else max(1, min(examples, self.swift_bytes // (4 * max(numbers))))

    def _numbers(self, images: Array, layers: Sequence[str]) -> list[int]:
        """How many numbers one picture has, and each of its layers up to the last one asked for."""
        numbers = [int(np.prod(images.shape[1:]))]
        left = set(layers)
        for path in self.network.layers:
            shape = self.network.layers[path].shape
            grid = [each or 0 for each in shape]
            if 0 in grid and len(shape) == 3:
                flow = self.dataflow(images.shape[1], images.shape[2]).grid(path) or (1, 1)
                grid = [*flow, shape[-1] or 1]
            numbers.append(int(np.prod(grid)))
            left.discard(path)
            if not left:
                break
        return numbers

    def _bytes(self, numbers: Sequence[int], question: str) -> int:
        """About how many bytes one more picture costs, as float32; the factors were measured (benchmarks/)."""
        # A forward pass frees what it has used, so the widest layer counts, coming and going; a gradient keeps all.
        widest, pictures = max(numbers), 4 * numbers[0]
        held = 1.25 * sum(numbers) + 2 * widest if question == "gradient" else 2.5 * widest + numbers[-1]
        return int(4 * (held + pictures))


def as_grid(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Any code's shape as (rows, columns, channels): vectors are one cell, tokens one row of cells."""
    if len(shape) == 1:
        return 1, 1, shape[0]
    if len(shape) == 2:
        return 1, shape[0], shape[1]
    if len(shape) == 3:
        return shape[0], shape[1], shape[2]
    raise ModelError(f"a code of shape {shape} is not understood; it needs one to three axes beside the batch.")


def _fixed_plan(batch: int, images: int, points: int) -> Chunks:
    """The pieces for a model that takes one batch size only."""
    if points >= batch:
        return Chunks(images=1, points=batch)
    if images >= batch and points == 1:
        return Chunks(images=batch, points=1)
    raise ModelError(
        f"the model takes batches of exactly {batch} pictures; {images} with {points} step(s) each cannot be cut so. "
        "Export it with a free batch size."
    )
