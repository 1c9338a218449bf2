"""Asking a model questions, the part that is the same in every framework.

Four questions: `activations`, `score`, `gradient`, `pull`. Each is asked piece by piece (`asking.py`) and compiled once
per (question, path, measure, layer, shape). A framework adds a dozen small verbs (`verbs.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from saccade.engines.asking import Asking
from saccade.engines.chunks import Chunks, Piece
from saccade.engines.moments import joined, moments
from saccade.engines.terms import side_by_side, terms_of
from saccade.targets import Measure
from saccade.targets.paths import ONCE, STAY, Arrays, Path, Points
from saccade.typing import Array, Tensor

Receive = Callable[[int, slice, slice, Array], None]
"""Gets the objective's number, which points, which images, and the terms (points, images, rows, columns, terms)."""

_Moved = tuple[dict[str, Tensor], tuple[int, int], Tensor]
_Spread = Callable[[Tensor, Path, Any, Any], _Moved]


@dataclass(frozen=True)
class Objective:
    """A measure read at a layer, with every image's frozen reference (images, rows, columns, channels)."""

    measure: Measure
    layer: str
    reference: Array

    def of(self, images: slice) -> Objective:
        """The same for some of the images."""
        return replace(self, reference=self.reference[images])


class Engine(Asking):
    """Answers questions about one network."""

    def activations(self, images: Array, layers: Sequence[str]) -> dict[str, Array]:
        """What do these layers hold for these images? {layer: (images, ...)}, channels last."""
        return {layer: held[0] for layer, held in self.activations_along(images, layers, STAY, ONCE).items()}

    def activations_along(
        self,
        images: Array,
        layers: Sequence[str],
        path: Path,
        points: Points,
        fixed: Arrays | None = None,
        *,
        at: str | None = None,
    ) -> dict[str, Array]:
        """What do these layers hold along a path? {layer: (points, images, ...)}; the arguments are as for `score`."""
        fixed = fixed or {}
        wanted = tuple(dict.fromkeys(layers))
        spread, shared = self._moved_at(images, wanted, at)

        def make() -> Callable[..., Any]:
            def read(pictures: Tensor, fixed: Any, taken: Any) -> list[Tensor]:
                found, _, _ = spread(pictures, path, fixed, taken)
                return [self.as_float32(found[layer]) for layer in wanted]

            return read

        def work(plan: Chunks) -> dict[str, Array]:
            step = self._compile(("activations", path.name, wanted, at), make)
            held: dict[str, Array] = {}
            for piece in self._pieces(plan, len(images), len(points)):
                pictures, _, kept = self._hold(piece, images, [], fixed)
                answer = step(pictures, kept, self._tensors(points.take(piece.points.start, piece.points.stop)))
                for layer, values in zip(wanted, map(self.array, answer), strict=True):
                    part = values.reshape(plan.points, plan.images, *values.shape[1:])
                    if layer not in held:
                        held[layer] = np.empty((len(points), len(images), *part.shape[2:]), np.float32)
                    held[layer][piece.points, piece.images] = part
            return held

        return self._ask(work, images, len(points), wanted, "activations", shared)

    def score(
        self,
        images: Array,
        objectives: Sequence[Objective],
        path: Path,
        points: Points,
        fixed: Arrays | None = None,
        *,
        cells: bool | Receive = False,
        at: str | None = None,
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
            cells: Give the terms of every place instead of the combined score; or a function that gets them piece by
                piece, so that they never all lie in memory. The first point comes first for all images, and a piece may
                come again.
            at: A layer whose result moves along the path in place of the picture; what lies before it is computed once
                for all points of a piece, where every way leads through it.

        Returns:
            For each objective (points, images), or with `cells` (points, images, rows, columns, terms); nothing where
            a function gets them.
        """
        fixed = fixed or {}
        layers = tuple(dict.fromkeys(objective.layer for objective in objectives))
        measures = tuple((objective.measure, objective.layer) for objective in objectives)
        spread, shared = self._moved_at(images, layers, at)

        def make() -> Callable[..., Any]:
            def step(pictures: Tensor, references: Any, fixed: Any, taken: Any) -> list[list[Tensor]]:
                found, counts, seen = spread(pictures, path, fixed, taken)
                answers = []
                for (measure, layer), reference in zip(measures, references, strict=True):
                    terms = terms_of(self, measure, found[layer], counts, reference, seen)
                    answers.append([self.sum(each, (-1,)) for each in terms])
                return answers

            return step

        def work(plan: Chunks) -> list[NDArray[np.float64]]:
            names = tuple((measure.name, layer) for measure, layer in measures)
            step = self._compile(("score", path.name, names, at), make)
            totals: list[Any] = [None] * len(objectives)
            held: tuple[slice, Any, Any, Any] | None = None
            for piece in self._pieces(plan, len(images), len(points)):
                if held is None or held[0] != piece.images:
                    held = (piece.images, *self._hold(piece, images, objectives, fixed))
                answers = step(*held[1:], self._tensors(points.take(piece.points.start, piece.points.stop)))
                for k, terms in enumerate(answers):
                    # A term of the frozen reference alone has one point; it counts for all of them.
                    if callable(cells):
                        cells(k, piece.points, piece.images, side_by_side(map(self.array, terms)))
                        continue
                    if cells:
                        part = side_by_side(map(self.array, terms))
                    else:
                        part = side_by_side(self.array(each).sum(axis=(2, 3), dtype=np.float64) for each in terms)
                    if totals[k] is None:
                        # Single terms of a place are kept as they came; only sums need the wider type.
                        totals[k] = np.empty((len(points), len(images), *part.shape[2:]), part.dtype)
                    totals[k][piece.points, piece.images] = part
            return totals

        totals = self._ask(work, images, len(points), layers, "score", shared)
        if cells:
            return [] if callable(cells) else totals
        sizes = self._sizes(images, layers)
        return [
            np.asarray(objective.measure.combine(tuple(np.moveaxis(total, -1, 0)), sizes[objective.layer]))
            for objective, total in zip(objectives, totals, strict=True)
        ]

    @overload
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
        variance: Literal[False] = False,
        values: Literal[False] = False,
        guided: Sequence[str] = (),
    ) -> Array: ...

    @overload
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
        variance: bool = False,
        values: bool = False,
        guided: Sequence[str] = (),
    ) -> Array | tuple[Array, Array]: ...

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
        variance: bool = False,
        values: bool = False,
        guided: Sequence[str] = (),
    ) -> Array | tuple[Array, Array]:
        """What is the mean gradient of a target along a path?

        Args:
            images: (images, height, width, channels).
            objective: What is differentiated.
            path: How the images move.
            points: The steps along the path.
            fixed: What belongs to each image on the path.
            weights: One weight per point that sum to 1; equal ones by default.
            at: A layer at whose result the gradient is taken; None: at the picture.
            variance: Also give the weighted variance of the gradient; the weights must not be negative.
            values: Also give the mean values of the layer `at`, from the same pass; not together with `variance`.
            guided: Layers through which only the positive part of the gradient goes back (`Network.rectifiers`).

        Returns:
            float32 of the images' shape (or the layer's, with the images first); two with `variance` or `values`.
        """
        fixed = fixed or {}
        shares = np.full(len(points), 1.0 / len(points), np.float32) if weights is None else weights
        tap_shape = None if at is None else self._layer_shape(images, at)
        measure, layer = objective.measure, objective.layer  # the compiled step must not keep a reference alive

        def make() -> Callable[..., Any]:
            def step(pictures: Tensor, references: Any, fixed: Any, taken: Any, share: Tensor) -> list[Tensor]:
                moved = path.move(pictures, fixed, taken)
                steps, count = int(moved.shape[0]), int(moved.shape[1])

                def total(pictures: Tensor, tap: Tensor | None) -> tuple[Tensor, Tensor]:
                    taps: dict[str, Callable[[Tensor], Tensor]] = dict.fromkeys(guided, self.relu_backward)
                    if at is not None:
                        taps[at] = lambda held: self.as_float32(held) + tap
                    wanted = [layer] if at is None else [layer, at]
                    answer = self.network.run(pictures, wanted, taps)
                    found, held = answer[layer], answer[wanted[-1]] if values else None
                    size = int(np.prod(found.shape[1:]))
                    seen = self.reshape(pictures, tuple(moved.shape))
                    terms = terms_of(self, measure, found, (steps, count), references[0], seen)
                    sums = [self.sum(each, tuple(range(2, len(each.shape)))) for each in terms]
                    scores = measure.combine(sums, size)
                    # Weighing the scores weighs their gradients; a variance needs the gradients as they are.
                    return self.sum(scores if variance else scores * self.reshape(share, (steps, 1)), (0, 1)), held

                if at is None:
                    gradient, held = self.differentiate(lambda flat: total(flat, None), self._flat(moved))
                else:
                    assert tap_shape is not None
                    zeros = self.zeros((steps * count, *tap_shape))
                    gradient, held = self.differentiate(lambda tap: total(self._flat(moved), tap), zeros)
                shape = tuple(int(each) for each in gradient.shape[1:])
                gradient = self.reshape(gradient, (steps, count, *shape))
                spread = self.reshape(share, (steps, *(1,) * (len(shape) + 1)))
                if variance:
                    return moments(gradient, spread, self.sum)
                # One step is its own sum; adding it up again would only copy it.
                found = [self.reshape(gradient, (count, *shape)) if steps == 1 else self.sum(gradient, (0,))]
                if values:
                    kept = self.reshape(self.as_float32(held), (steps, count, *shape)) * spread
                    found.append(self.reshape(kept, (count, *shape)) if steps == 1 else self.sum(kept, (0,)))
                return found

            return step

        def work(plan: Chunks) -> list[Array]:
            key = ("gradient", path.name, measure.name, layer, at, tap_shape, variance, values, tuple(guided))
            step = self._compile(key, make)
            totals: list[Array] = []
            held: tuple[slice, Any, Any, Any] | None = None
            running: list[Tensor] = []
            weight = 0.0
            for piece in self._pieces(plan, len(images), len(points)):
                if held is None or held[0] != piece.images:
                    held = (piece.images, *self._hold(piece, images, [objective], fixed))
                    running, weight = [], 0.0
                share = shares[piece.points].copy()
                share[: piece.new_points] = 0.0  # an overlapping last piece must not count a point twice
                taken = self._tensors(points.take(piece.points.start, piece.points.stop))
                answer = step(*held[1:], taken, self.tensor(share))
                more = float(share.sum(dtype=np.float64))
                if not running:
                    running = list(answer)
                elif variance:
                    running = joined(running, weight, answer, more)
                else:
                    running = [a + b for a, b in zip(running, answer, strict=True)]
                weight += more
                if piece.points.stop == len(points):
                    done = [self.array(each) for each in running]
                    if plan.images == len(images):
                        totals = done
                        continue
                    if not totals:
                        totals = [np.empty((len(images), *each.shape[1:]), np.float32) for each in done]
                    for total, each in zip(totals, done, strict=True):
                        total[piece.images] = each
            return totals

        totals = self._ask(work, images, len(points), [layer], "gradient")
        return (totals[0], totals[1]) if variance or values else totals[0]

    def vjp(self, images: Array, layer: str, cotangents: Array) -> Array:
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

    def _hold(
        self, piece: Piece, images: Array, objectives: Sequence[Objective], fixed: Arrays
    ) -> tuple[Tensor, list[Tensor], dict[str, Tensor]]:
        return (
            self.tensor(images[piece.images]),
            [self.tensor(objective.reference[piece.images]) for objective in objectives],
            {name: self.tensor(values[piece.images]) for name, values in fixed.items()},
        )

    def _flat(self, moved: Tensor) -> Tensor:
        steps, count, *rest = moved.shape
        return self.reshape(moved, (int(steps) * int(count), *(int(each) for each in rest)))

    def _moved_at(self, images: Array, layers: Sequence[str], at: str | None) -> tuple[_Spread, str | None]:
        """How a path is run, and the layer up to which all points share one pass (None: they share none).

        What runs it gives the layers of every moved picture, how many points and images there are, and the pictures
        (points or 1, images, height, width, channels).
        """
        if at is None:

            def pictures_move(pictures: Tensor, path: Path, fixed: Any, taken: Any) -> _Moved:
                moved = path.move(pictures, fixed, taken)
                return self.network.run(self._flat(moved), layers), (int(moved.shape[0]), int(moved.shape[1])), moved

            return pictures_move, None
        flow = self.dataflow(images.shape[1], images.shape[2])
        alone = all(flow.is_cut(at, layer) for layer in layers)

        def layer_moves(pictures: Tensor, path: Path, fixed: Any, taken: Any) -> _Moved:
            steps, count = int(next(iter(taken.values())).shape[0]), int(pictures.shape[0])

            def tap(values: Tensor) -> Tensor:
                # What goes round the layer needs as many pictures as come out of it, so there each one runs whole.
                rows = values if alone else values[:count]
                return self._flat(path.move(self.as_float32(rows), fixed, taken))

            given = pictures if alone else self._flat(pictures[None] + self.zeros((steps, 1, 1, 1, 1)))
            return self.network.run(given, layers, {at: tap}), (steps, count), pictures[None]

        return layer_moves, at if alone else None
