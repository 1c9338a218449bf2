"""What a call asks a network: `activations`, `score`, `gradient`, `vjp`.

Each is asked piece by piece (`execution.py`) and compiled once per path, measure, layer and shape (`programs.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from saccade.engines import programs
from saccade.engines.backend import Joining
from saccade.engines.chunks import Chunks, Piece
from saccade.engines.execution import Execution
from saccade.engines.moments import RunningSums
from saccade.engines.objective import Objective
from saccade.engines.terms import side_by_side
from saccade.targets.paths import ONCE, STAY, Arrays, Path, Points
from saccade.typing import Array, Tensor

_MAPS = 64
"""So many images' maps are joined on the device at once."""

OnChunk = Callable[[int, slice, slice, Array], None]
"""Gets the objective's number, which points, which images, and the terms (points, images, rows, columns, terms)."""
OnScores = Callable[[int, list[NDArray[np.float64]]], None]
"""Gets how many points are done for all images, and the scores up to there, (points done, images) each."""
OnGradient = Callable[[int, Array], None]
"""Gets how many points are done for all images, and the mean of the gradient over them."""


class Questions(Execution):
    """The questions of one call."""

    def activations(self, images: Array, layers: Sequence[str]) -> dict[str, Array]:
        """What do these layers hold for these images? {layer: (images, ...)}, channels last."""
        return {layer: values[0] for layer, values in self.activations_along(images, layers, STAY, ONCE).items()}

    def activations_along(
        self,
        images: Array,
        layers: Sequence[str],
        path: Path,
        points: Points,
        fixed: Arrays | None = None,
        *,
        at: str | None = None,
        must_share: bool = False,
    ) -> dict[str, Array]:
        """What do these layers hold along a path? {layer: (points, images, ...)}; the arguments are as for `score`."""
        layers = tuple(dict.fromkeys(layers))
        activations: dict[str, Array] = {}

        def keep(piece: Piece, plan: Chunks, results: list[Tensor]) -> None:
            for layer, values in zip(layers, map(self.awaited, map(self.engine.backend.fetch, results)), strict=True):
                part = values.reshape(plan.points, plan.images, *values.shape[1:])
                if layer not in activations:
                    activations[layer] = np.empty((len(points), len(images), *part.shape[2:]), np.float32)
                activations[layer][piece.points, piece.images] = part

        self._along(images, layers, path, points, fixed or {}, at, keep, must_share=must_share)
        return activations

    def layers_along(
        self,
        image: Array,
        layers: Sequence[str],
        path: Path,
        points: Points,
        fixed: Arrays,
        *,
        at: str | None = None,
        must_share: bool = False,
    ) -> list[Array | Tensor]:
        """What do these layers hold along a path, for one image? (points, ...) each; the arguments are as for `score`.

        On an accelerator they stay there, as tensors, for the next question's points (`Points.make`).
        """
        if not self.engine.backend.is_accelerator:
            activations = self.activations_along(image, layers, path, points, fixed, at=at, must_share=must_share)
            return [activations[layer][:, 0] for layer in layers]
        pieces: list[list[Tensor]] = []

        def keep(piece: Piece, plan: Chunks, results: list[Tensor]) -> None:  # noqa: ARG001
            if piece.points.start == 0:
                pieces.clear()  # memory ran out before, and everything is computed again in smaller pieces
            pieces.append([values[piece.new_points :] for values in results])

        self._along(image, layers, path, points, fixed, at, keep, must_share=must_share)
        with self.engine.backend.arithmetic():
            return [self.engine.backend.concatenate(list(parts)) for parts in zip(*pieces, strict=True)]

    def _along(
        self,
        images: Array,
        layers: Sequence[str],
        path: Path,
        points: Points,
        fixed: Arrays,
        at: str | None,
        keep: Callable[[Piece, Chunks, list[Tensor]], None],
        *,
        must_share: bool = False,
    ) -> None:
        """Compute layers along a path, piece by piece."""
        layers = tuple(layers)
        mover, shared = self._mover(images, layers, at, must_share=must_share)

        def work(plan: Chunks) -> None:
            program = self.engine.program(
                ("activations", path, layers, at, must_share),
                lambda: programs.activations_program(mover, self.engine.backend, path, layers),
            )
            for piece in self.pieces(plan, len(images), len(points)):
                images_on_device, _, fixed_on_device = self._upload(piece, images, [], fixed)
                keep(piece, plan, program(images_on_device, fixed_on_device, self.tensors(points, piece.points)))

        self.execute(work, images, len(points), layers, "activations", shared=shared)

    def score(
        self,
        images: Array,
        objectives: Sequence[Objective],
        path: Path,
        points: Points,
        fixed: Arrays | None = None,
        *,
        at: str | None = None,
        on_chunk: OnChunk | None = None,
        on_scores: OnScores | None = None,
        refined: bool = False,
        must_share: bool = False,
    ) -> list[NDArray[np.float64]]:
        """How does each objective score along a path? Every moved image is encoded once for all of them.

        Sums over places are taken in float64 outside the framework: a score is often the small difference of large
        sums, and float32 would lose it in their rounding.

        Args:
            images: (images, height, width, channels).
            objectives: What is scored.
            path: How the images move.
            points: The steps along the path.
            fixed: What belongs to each image on the path.
            at: A layer whose result moves along the path in place of the image; what lies before it is computed once
                for all points of a piece, where every way leads through it.
            on_chunk: Gets the terms of every place, piece by piece, instead of scores, so that they never all lie in
                memory. The first point comes first for all images, and a piece may come again.
            on_scores: Gets the scores so far, each time that some more points are done for all images.
            refined: Take few points at a time, because somebody watches; implied by `on_scores`.
            must_share: Fail where a model cannot go on from `at` with more images than it was given, in place of
                computing each image whole.

        Returns:
            For each objective (points, images); nothing where `on_chunk` gets the terms.
        """
        fixed = fixed or {}
        layers = tuple(dict.fromkeys(objective.layer for objective in objectives))
        measures = tuple((objective.measure, objective.layer) for objective in objectives)
        backend = self.engine.backend
        mover, shared = self._mover(images, layers, at, must_share=must_share)
        sizes = {} if on_chunk else {layer: self.engine.layer_size(images, layer) for layer in layers}

        def number(objective: Objective, sums: NDArray[np.float64]) -> NDArray[np.float64]:
            return objective.measure.number(tuple(np.moveaxis(sums, -1, 0)), sizes[objective.layer])

        def work(plan: Chunks) -> list[NDArray[np.float64]]:
            names = tuple((measure.name, layer) for measure, layer in measures)
            program = self.engine.program(
                ("score", path, names, at, must_share), lambda: programs.score_program(mover, backend, path, measures)
            )
            arguments = self._arguments(images, objectives, points, fixed)
            totals: list[NDArray[np.float64]] = []

            def take(piece: Piece, answers: list[list[Callable[[], Array]]]) -> None:
                for index, terms in enumerate(answers):
                    # A term of the frozen reference alone has one point; it counts for all of them.
                    if on_chunk is not None:
                        on_chunk(index, piece.points, piece.images, side_by_side(map(self.awaited, terms)))
                        continue
                    sums = side_by_side(self.awaited(term).sum(axis=(2, 3), dtype=np.float64) for term in terms)
                    if index == len(totals):
                        totals.append(np.empty((len(points), len(images), *sums.shape[2:])))
                    totals[index][piece.points, piece.images] = sums
                done = piece.points.stop
                if on_scores is not None and piece.images.stop == len(images) and done < len(points):
                    on_scores(
                        done, [number(*pair) for pair in zip(objectives, (t[:done] for t in totals), strict=True)]
                    )

            # A device computes behind the program's back: a piece's answers are waited for once the next is under way.
            waiting: list[tuple[Piece, list[list[Callable[[], Array]]]]] = []
            for piece in self.pieces(plan, len(images), len(points)):
                answers = program(*arguments(piece))
                waiting.append((piece, [list(map(backend.fetch, terms)) for terms in answers]))
                if len(waiting) > 1 or not backend.is_accelerator or self.is_timed:
                    take(*waiting.pop(0))
            for piece, answers in waiting:
                take(piece, answers)
            return totals

        totals = self.execute(
            work, images, len(points), layers, "score", shared=shared, refined=refined or on_scores is not None
        )
        if on_chunk is not None:
            return []
        return [number(objective, total) for objective, total in zip(objectives, totals, strict=True)]

    @overload
    def gradient(
        self,
        images: Array,
        objective: Objective,
        path: Path,
        points: Points,
        fixed: Arrays | None = None,
        *,
        weights: Array | None = None,
        at: str | None = None,
        guided: Sequence[str] = (),
        on_gradient: OnGradient | None = None,
        variance: Literal[False] = False,
        values: Literal[False] = False,
        linearised: bool = False,
        joining: Joining | None = None,
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
        weights: Array | None = None,
        at: str | None = None,
        guided: Sequence[str] = (),
        on_gradient: OnGradient | None = None,
        variance: bool = False,
        values: bool = False,
        linearised: bool = False,
        joining: Joining | None = None,
    ) -> Array | tuple[Array, Array]: ...

    def gradient(
        self,
        images: Array,
        objective: Objective,
        path: Path,
        points: Points,
        fixed: Arrays | None = None,
        *,
        weights: Array | None = None,
        at: str | None = None,
        guided: Sequence[str] = (),
        on_gradient: OnGradient | None = None,
        variance: bool = False,
        values: bool = False,
        linearised: bool = False,
        joining: Joining | None = None,
    ) -> Array | tuple[Array, Array]:
        """What is the mean gradient of an objective along a path?

        Args:
            images: (images, height, width, channels).
            objective: What is differentiated.
            path: How the images move.
            points: The steps along the path.
            fixed: What belongs to each image on the path.
            weights: One weight per point that sum to 1; equal ones by default.
            at: A layer at whose result the gradient is taken; None: at the image.
            guided: Layers through which only the positive part of the gradient goes back (`Network.rectifiers`).
            on_gradient: Gets the mean so far (or the variance so far), each time that more points are done for all
                images.
            variance: Also give the weighted variance of the gradient; the weights must not be negative.
            values: Also give the mean values of the layer `at`, from the same pass; not together with `variance`.
            linearised: Attention, normalisation and gates are constants on the way back (`Capabilities.attention`).
            joining: How `joined_maps` will be asked to join the mean gradient, for an accelerator to do it on the way.

        Returns:
            float32 of the images' shape (or the layer's, with the images first); two with `variance` or `values`.
        """
        fixed = fixed or {}
        engine, backend = self.engine, self.engine.backend
        shares = np.full(len(points), 1.0 / len(points), np.float32) if weights is None else weights
        tap_shape = None if at is None else engine.layer_shape(images, at)
        measure, layer = objective.measure, objective.layer  # the program must not keep a reference alive

        def work(plan: Chunks) -> list[Array]:
            # What is joined must be whole: all points of an image in one piece.
            join = None if joining is None or plan.points < len(points) else joining.join

            def make() -> Callable[..., Any]:
                return programs.gradient_program(
                    engine.network, backend, path, measure, layer,
                    at=at, tap_shape=tap_shape, guided=tuple(guided), variance=variance, values=values,
                    linearised=linearised, join=join,
                )  # fmt: skip

            how = (at, tap_shape, variance, values, tuple(guided), linearised, join)
            program = engine.program(("gradient", path, measure.name, layer, *how), make)
            measure_weights = backend.constant(measure.weights)
            matrices = [] if joining is None or join is None else list(map(backend.constant, joining.matrices))
            arguments = self._arguments(images, [objective], points, fixed)
            totals: list[Array] = []
            running = RunningSums(moments=variance)
            # A device computes behind the program's back: images are waited for once the next ones are under way.
            waiting: list[tuple[slice, list[Callable[[], Array]], Tensor]] = []

            def take(some: slice, fetched: list[Callable[[], Array]], on_device: Tensor) -> None:
                nonlocal totals
                arrays = list(map(self.awaited, fetched))
                if plan.images == len(images):
                    totals = arrays
                    if backend.is_accelerator:
                        self._on_device = arrays[0], on_device
                    return
                if not totals:
                    totals = [np.empty((len(images), *array.shape[1:]), np.float32) for array in arrays]
                for total, array in zip(totals, arrays, strict=True):
                    total[some] = array

            for piece in self.pieces(plan, len(images), len(points)):
                if piece.points.start == 0:
                    running = RunningSums(moments=variance)
                share = shares[piece.points].copy()
                share[: piece.new_points] = 0.0  # an overlapping last piece must not count a point twice
                answers = program(*arguments(piece), backend.constant(share), measure_weights, matrices)
                maps = [answers.pop()] if join is not None else []
                running.add(answers, float(share.sum(dtype=np.float64)))
                if self.is_timed:
                    # A device may compute behind the program's back; one number of the result is waited for.
                    backend.array(backend.reshape(running.tensors[0], (-1,))[:1])
                is_last = piece.points.stop == len(points)
                if on_gradient is not None and not is_last and plan.images == len(images) and running.weight > 0:
                    so_far = backend.array(running.tensors[variance]) / np.float32(running.weight)
                    on_gradient(piece.points.stop, so_far)
                if is_last:
                    fetched = list(map(backend.fetch, [*running.tensors, *maps]))
                    waiting.append((piece.images, fetched, running.tensors[0]))
                    if len(waiting) > 1 or not backend.is_accelerator:
                        take(*waiting.pop(0))
            for images_done in waiting:
                take(*images_done)
            if joining is not None and join is not None:
                self._joined = totals[0], joining, totals.pop()
            return totals

        totals = self.execute(work, images, len(points), [layer], "gradient", refined=on_gradient is not None)
        return (totals[0], totals[1]) if variance or values else totals[0]

    def attention(self, images: Array, layer: str) -> list[Array]:
        """What are the weights of every attention before a layer? The mean of its heads, (images, queries, keys) each.

        Only networks with `Capabilities.attention` answer.
        """

        def work(plan: Chunks) -> list[Array]:
            program = self.engine.program(
                ("attention", layer), lambda: programs.attention_program(self.engine.network, layer)
            )
            weights: list[Array] = []
            for piece in self.pieces(plan, len(images), 1):
                part = [self.engine.backend.array(values) for values in program(self._upload(piece, images, [], {})[0])]
                weights = weights or [np.empty((len(images), *values.shape[1:]), np.float32) for values in part]
                for joined_weights, values in zip(weights, part, strict=True):
                    joined_weights[piece.images] = values
            return weights

        return self.execute(work, images, 1, [layer], "activations")

    def vjp(self, images: Array, layer: str, cotangents: Array) -> Array:
        """What is `J^T c` for each cotangent c on a layer? One backward pass per cotangent, one forward in all.

        Args:
            images: (images, height, width, channels).
            layer: Where the cotangents lie.
            cotangents: (cotangents, images or 1, *layer shape).

        Returns:
            float32 (cotangents, images, height, width, channels).
        """
        engine, backend = self.engine, self.engine.backend
        count = len(cotangents)
        spread = np.broadcast_to(cotangents, (count, len(images), *cotangents.shape[2:]))

        def work(plan: Chunks) -> Array:
            program = engine.program(("vjp", layer), lambda: programs.vjp_program(engine.network, backend, layer))
            products = np.empty((count, *images.shape), np.float32)
            for piece in self.pieces(plan, len(images), count):
                products[piece.points, piece.images] = backend.array(
                    program(
                        backend.tensor(images[piece.images]),
                        backend.tensor(np.ascontiguousarray(spread[piece.points, piece.images])),
                    )
                )
            return products

        return self.execute(work, images, count, [layer], "gradient")

    def has_on_device(self, values: Array) -> bool:
        """Is this array the last mean gradient, which is on the accelerator still?"""
        return self._on_device is not None and self._on_device[0] is values

    def joined_maps(self, values: Array, joining: Joining) -> Array:
        """Channels joined into one number a place, and spread if asked, on the engine's device.

        Args:
            values: (images, height, width, channels).
            joining: How.

        Returns:
            float32 (images, height, width).
        """
        if self._joined is not None and self._joined[0] is values and self._joined[1].is_same(joining):
            return self._joined[2]
        backend = self.engine.backend
        with backend.arithmetic():
            matrices = tuple(map(backend.constant, joining.matrices)) or None
            on_device = self._on_device[1] if self._on_device is not None and self.has_on_device(values) else None
            parts = []
            for start in range(0, len(values), _MAPS):
                some = slice(start, start + _MAPS)
                tensor = backend.tensor(values[some]) if on_device is None else on_device
                if on_device is not None and len(values) > _MAPS:
                    tensor = on_device[some]
                parts.append(backend.array(backend.joined(tensor, joining.join, matrices)))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _arguments(
        self, images: Array, objectives: Sequence[Objective], points: Points, fixed: Arrays
    ) -> Callable[[Piece], tuple[Any, ...]]:
        """What programs get of a piece; images go up once for all of their points, and points once for all images."""
        uploaded: tuple[slice, Any] | None = None
        steps: tuple[slice, dict[str, Tensor]] | None = None

        def of(piece: Piece) -> tuple[Any, ...]:
            nonlocal uploaded, steps
            if uploaded is None or uploaded[0] != piece.images:
                uploaded = piece.images, self._upload(piece, images, objectives, fixed)
            if steps is None or steps[0] != piece.points:
                steps = piece.points, self.tensors(points, piece.points)
            return *uploaded[1], steps[1]

        return of

    def _upload(
        self, piece: Piece, images: Array, objectives: Sequence[Objective], fixed: Arrays
    ) -> tuple[Tensor, list[Tensor], dict[str, Tensor]]:
        backend = self.engine.backend
        return (
            self._sent(images, piece.images),
            [backend.small_constant(objective.reference[piece.images]) for objective in objectives],
            {name: backend.tensor(values[piece.images]) for name, values in fixed.items()},
        )

    def _sent(self, images: Array, some: slice) -> Tensor:
        """Some images on the device; an accelerator has them already if the question before was about the same."""
        backend = self.engine.backend
        last = self._last_sent
        if last is not None and last[0] is images and last[1] == some:
            return last[2]
        tensor = backend.tensor(images[some])  # no network writes into what it is given
        if backend.is_accelerator:
            self._last_sent = images, some, tensor
        return tensor

    def _mover(
        self, images: Array, layers: Sequence[str], at: str | None, *, must_share: bool
    ) -> tuple[programs.Mover, str | None]:
        """How images or a layer move, and the layer up to which all points share one pass (None: they share none)."""
        network, backend = self.engine.network, self.engine.backend
        if at is None:
            return programs.images_move(network, backend, layers), None
        flow = self.engine.dataflow(images.shape[1], images.shape[2])
        is_cut = all(flow.is_cut(at, layer) for layer in layers)
        mover = programs.layer_moves(network, backend, layers, at, is_cut=is_cut, must_share=must_share)
        return mover, at if is_cut else None
