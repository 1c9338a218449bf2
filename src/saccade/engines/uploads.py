"""What programs get of a piece: images, references and points, on the device that computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from saccade.engines.backend import Backend
from saccade.engines.chunks import Piece
from saccade.engines.objective import Objective
from saccade.targets.paths import Arrays, Points
from saccade.typing import Array, Tensor


class Uploads:
    """What one call sends to its device.

    Args:
        backend: The framework's operations.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._last_images: tuple[Array, slice, Tensor] | None = None

    def arguments(
        self, images: Array, objectives: Sequence[Objective], points: Points, fixed: Arrays
    ) -> Callable[[Piece], tuple[Tensor, list[Tensor], dict[str, Tensor], dict[str, Tensor]]]:
        """Gives the images, references, fixed arrays and points of a piece.

        Images go up once for all of their points, and points once for all images.
        """
        of_images: tuple[slice, tuple[Tensor, list[Tensor], dict[str, Tensor]]] | None = None
        of_points: tuple[slice, dict[str, Tensor]] | None = None

        def of(piece: Piece) -> tuple[Tensor, list[Tensor], dict[str, Tensor], dict[str, Tensor]]:
            nonlocal of_images, of_points
            some = piece.images
            if of_images is None or of_images[0] != some:
                references = [self._backend.small_constant(objective.reference[some]) for objective in objectives]
                fixed_tensors = {name: self._backend.tensor(values[some]) for name, values in fixed.items()}
                of_images = some, (self.images(images, some), references, fixed_tensors)
            if of_points is None or of_points[0] != piece.points:
                of_points = piece.points, self._points(points, piece.points)
            return *of_images[1], of_points[1]

        return of

    def images(self, images: Array, some: slice) -> Tensor:
        """Some images; an accelerator has them already if the question before was about the same."""
        last = self._last_images
        if last is not None and last[0] is images and last[1] == some:
            return last[2]
        tensor = self._backend.tensor(images[some])  # no network writes into what it is given
        if self._backend.is_accelerator:
            self._last_images = images, some, tensor
        return tensor

    def _points(self, points: Points, steps: slice) -> dict[str, Tensor]:
        """Some points of a path: made on the device, where the points can be and it is an accelerator."""
        make: Callable[..., dict[str, Tensor]] | None = getattr(points, "make", None)
        if make is not None and self._backend.is_accelerator:
            return make(self._backend, steps.start, steps.stop)
        arrays = points.take(steps.start, steps.stop)
        return {name: self._backend.small_constant(values) for name, values in arrays.items()}
