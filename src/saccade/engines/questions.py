"""What a call asks a network: `activations`, `score`, `gradient`, `vjp`.

Each is asked piece by piece (`execution.py`) and compiled once per path, measure, layer and shape (`programs.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from saccade.engines import programs
from saccade.engines.chunks import Chunks, Piece
from saccade.engines.execution import Execution
from saccade.engines.gathered import Gathered
from saccade.engines.joined_maps import Joining
from saccade.engines.moments import RunningSums
from saccade.engines.objective import Objective
from saccade.engines.terms import side_by_side
from saccade.targets.paths import ONCE, STAY, Arrays, Path, Points
from saccade.typing import Array, Tensor

_Answer = TypeVar("_Answer")
Results = Iterator[tuple[Piece, list[Tensor]]]
"""What a program gives for each piece."""
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

        def gather(plan: Chunks, results: Results) -> list[Array]:
            gathered = Gathered(len(points), len(images))
            for piece, tensors in results:
                for index, values in enumerate(map(self.awaited, map(self.engine.backend.fetch, tensors))):
                    part = values.reshape(plan.points, plan.images, *values.shape[1:])
                    gathered.put(index, (piece.points, piece.images), part)
            return gathered.arrays

        arrays = self._along(images, layers, path, points, fixed or {}, at, gather, must_share=must_share)
        return dict(zip(layers, arrays, strict=True))

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

        def gather(plan: Chunks, results: Results) -> list[list[Tensor]]:  # noqa: ARG001
            return [[values[piece.new_points :] for values in tensors] for piece, tensors in results]

        parts = self._along(image, layers, path, points, fixed, at, gather, must_share=must_share)
        with self.engine.backend.arithmetic():
            return [self.engine.backend.concatenate(list(of_layer)) for of_layer in zip(*parts, strict=True)]

    def _along(
        self,
        images: Array,
        layers: Sequence[str],
        path: Path,
        points: Points,
        fixed: Arrays,
        at: str | None,
        gather: Callable[[Chunks, Results], _Answer],
        *,
        must_share: bool = False,
    ) -> _Answer:
        """Compute layers along a path, piece by piece, and gather what they hold."""
        layers = tuple(layers)
        mover, shared = self._mover(images, layers, at, must_share=must_share)

        def work(plan: Chunks) -> _Answer:
            program = self.engine.program(
                ("activations", path, layers, at, must_share),
                lambda: programs.activations_program(mover, self.engine.backend, path, layers),
            )
            arguments = self.uploads.arguments(images, [], points, fixed)

            def results() -> Results:
                for piece in self.pieces(plan, len(images), len(points)):
                    images_there, _, fixed_there, points_there = arguments(piece)
                    yield piece, program(images_there, fixed_there, points_there)

            return gather(plan, results())

        return self.execute(work, images, len(points), layers, "activations", shared=shared)

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
        layers = tuple(dict.fromkeys(objective.layer for objective in objectives))
        measures = tuple((objective.measure, objective.layer) for objective in objectives)
        backend = self.engine.backend
        mover, shared = self._mover(images, layers, at, must_share=must_share)
        sizes = {} if on_chunk else {layer: self.engine.layer_size(images, layer) for layer in layers}

        def scores(sums: Sequence[NDArray[np.float64]], steps: int) -> list[NDArray[np.float64]]:
            """The scores of the first steps, from the sums over places of each objective's terms."""
            return [
                objective.measure.number(tuple(np.moveaxis(total[:steps], -1, 0)), sizes[objective.layer])
                for objective, total in zip(objectives, sums, strict=True)
            ]

        def work(plan: Chunks) -> list[NDArray[np.float64]]:
            names = tuple((measure.name, layer) for measure, layer in measures)
            program = self.engine.program(
                ("score", path, names, at, must_share), lambda: programs.score_program(mover, backend, path, measures)
            )
            arguments = self.uploads.arguments(images, objectives, points, fixed or {})
            answers = (
                (piece, [list(map(backend.fetch, terms)) for terms in program(*arguments(piece))])
                for piece in self.pieces(plan, len(images), len(points))
            )
            sums = Gathered(len(points), len(images))
            for piece, terms_of_objectives in self.overlapped(answers):
                for index, terms in enumerate(terms_of_objectives):
                    # A term of the frozen reference alone has one point; it counts for all of them.
                    if on_chunk is not None:
                        on_chunk(index, piece.points, piece.images, side_by_side(map(self.awaited, terms)))
                        continue
                    part = side_by_side(self.awaited(term).sum(axis=(2, 3), dtype=np.float64) for term in terms)
                    sums.put(index, (piece.points, piece.images), part)
                done = piece.points.stop
                if on_scores is not None and piece.images.stop == len(images) and done < len(points):
                    on_scores(done, scores(sums.arrays, done))
            return sums.arrays

        sums = self.execute(
            work, images, len(points), layers, "score", shared=shared, refined=refined or on_scores is not None
        )
        return [] if on_chunk is not None else scores(sums, len(points))

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
        engine, backend = self.engine, self.engine.backend
        shares = np.full(len(points), 1.0 / len(points), np.float32) if weights is None else weights
        tap_shape = None if at is None else engine.layer_shape(images, at)
        without_joining = programs.GradientForm(at, tap_shape, tuple(guided), linearised, variance, values)
        measure, layer = objective.measure, objective.layer  # the program must not keep a reference alive

        def work(plan: Chunks) -> list[Array]:
            # What is joined must be whole: all points of an image in one piece.
            in_program = joining if plan.points == len(points) else None
            form = without_joining if in_program is None else without_joining._replace(join=in_program.join)
            program = engine.program(
                ("gradient", path, measure.name, layer, form),
                lambda: programs.gradient_program(engine.network, backend, path, measure, layer, form),
            )
            measure_weights = backend.constant(measure.weights)
            matrices = [] if in_program is None else list(map(backend.constant, in_program.matrices))
            arguments = self.uploads.arguments(images, [objective], points, fixed or {})

            def compute(piece: Piece, of_piece: Array) -> list[Tensor]:
                sums: list[Tensor] = program(*arguments(piece), backend.constant(of_piece), measure_weights, matrices)
                return sums

            is_whole = plan.images == len(images)
            pieces = self.pieces(plan, len(images), len(points))
            means = self._means(pieces, shares, compute, variance, on_gradient if is_whole else None)
            fetched = ((some, tensors[0], list(map(backend.fetch, tensors))) for some, tensors in means)
            totals = Gathered(len(images), keeps_whole=True)
            for some, gradient_there, answers in self.overlapped(fetched):
                for index, answer in enumerate(answers):
                    totals.put(index, (some,), self.awaited(answer))
                if is_whole and backend.is_accelerator:
                    self.joined_maps.remember_gradient(totals.arrays[0], gradient_there)
            if in_program is not None:
                maps = totals.arrays.pop()
                self.joined_maps.remember_maps(totals.arrays[0], in_program, maps)
            return totals.arrays

        totals = self.execute(work, images, len(points), [layer], "gradient", refined=on_gradient is not None)
        return (totals[0], totals[1]) if variance or values else totals[0]

    def _means(
        self,
        pieces: Iterable[Piece],
        shares: Array,
        compute: Callable[[Piece, Array], list[Tensor]],
        variance: bool,
        on_gradient: OnGradient | None,
    ) -> Iterator[tuple[slice, list[Tensor]]]:
        """The mean gradients of some images after the others, on the device; a piece may hold only some of the points.

        Args:
            pieces: The work, cut.
            shares: The weight of each point.
            compute: Gives the weighted sums of a piece.
            variance: It gives moments instead.
            on_gradient: Gets the mean (or the variance) so far.
        """
        backend = self.engine.backend
        running = RunningSums(moments=variance)
        for piece in pieces:
            if piece.points.start == 0:
                running = RunningSums(moments=variance)
            of_piece = piece.new_weights(shares)
            running.add(compute(piece, of_piece), float(of_piece.sum(dtype=np.float64)))
            if piece.points.stop == len(shares):
                yield piece.images, running.tensors
                continue
            if self.is_timed:
                # A device may compute behind the program's back; one number of the result is waited for.
                backend.array(backend.reshape(running.tensors[0], (-1,))[:1])
            if on_gradient is not None and running.weight > 0:
                so_far = backend.array(running.tensors[variance]) / np.float32(running.weight)
                on_gradient(piece.points.stop, so_far)

    def attention(self, images: Array, layer: str) -> list[Array]:
        """What are the weights of every attention before a layer? The mean of its heads, (images, queries, keys) each.

        Only networks with `Capabilities.attention` answer.
        """

        def work(plan: Chunks) -> list[Array]:
            program = self.engine.program(
                ("attention", layer), lambda: programs.attention_program(self.engine.network, layer)
            )
            weights = Gathered(len(images))
            for piece in self.pieces(plan, len(images), 1):
                for index, values in enumerate(program(self.uploads.images(images, piece.images))):
                    weights.put(index, (piece.images,), self.engine.backend.array(values))
            return weights.arrays

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
                        self.uploads.images(images, piece.images),
                        backend.tensor(np.ascontiguousarray(spread[piece.points, piece.images])),
                    )
                )
            return products

        return self.execute(work, images, count, [layer], "gradient")

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
