"""Extremal perturbation: the smooth mask of a given area that keeps most of the code, or destroys most of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.fillers import FillerName, filler_images, filler_in_words
from saccade.attribution.masks import gaussian
from saccade.attribution.method import method
from saccade.attribution.scale import cell_size
from saccade.engines import Objective
from saccade.errors import InputError, UnknownName
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.targets.paths import ONCE, STAY
from saccade.typing import Array

MODES = ("keep", "destroy")
_AT_ONCE = 16
"""Masks that are improved together: as many images as an engine likes to compute at once."""
_RATE = 0.5
"""First step width of Adam, in units of the field behind the mask; it falls to a tenth."""


@method(
    title="Extremal perturbation",
    summary="how little of the photo is enough? the smallest patches that keep the code, found step by step",
    source="Fong, Patrick and Vedaldi (2019), arXiv:1910.08485; Fong and Vedaldi (2017), arXiv:1704.03296",
    cost="one forward and backward per step and area",
    needs=["gradients"],
)
def extremal_perturbation(
    run: Run,
    images: Array,
    target: Target,
    *,
    mode: str = "keep",
    areas: Sequence[float] = (0.05, 0.1, 0.2, 0.4),
    iterations: int = 60,
    smooth: float | None = None,
    filler: FillerName | float = "blur",
    blur: float | None = None,
) -> Map:
    """Which part of the image, of a given area, is enough for the code? Or which part's loss destroys it most?

    Among the smooth masks m in 0..1 whose mean is exactly the area a, the one that makes

        keep:     target's loss between x and m * x + (1 - m) * filler   smallest,
        destroy:  target's loss between x and (1 - m) * x + m * filler   largest,

    where the loss is the target's as for covering (for the whole code |f(x') - f(x)|² / |f(x)|²), with its references
    frozen at the unchanged image.

    A mask is a coarse grid in 0..1 spread by a Gaussian, which makes it smooth; the grid is a soft threshold of a free
    field, and the threshold is found again at every step so that the area holds. This solves the published problem
    without its penalty on the sorted mask, whose weight trades area for score. Adam improves the field by the exact
    gradient of the encoder. Nothing is left to chance: the start is the same mask everywhere.

    Settings:
        mode: `"keep"`: what is enough; `"destroy"`: what must not be missing.
        areas: The areas of the masks, as shares of the image.
        iterations: Steps of Adam.
        smooth: Standard deviation in pixels of the masks' Gaussian; by default a third of a code cell. Finer
            masks keep more with the same area, in more and smaller patches.
        filler: What hidden places show; as in `occlusion`.
        blur: Standard deviation in pixels of the blurred filler; by default one code cell.

    Returns:
        An unsigned map per pixel, the mean of the masks: what is in the smallest mask is brightest. `raw` is (images,
        areas, height, width), every mask. `scores` say for each area how much of the loss between image and filler
        the mask saves (`kept_at_5_percent`, ...) or does (`destroyed_at_5_percent`, ...), 1 being all of it.

    Raises:
        InputError: Areas that are no shares, no iterations, a smoothing of no width.
        UnknownName: No such mode or filler.
    """
    shares = _check(mode, areas, iterations)
    size = (images.shape[1], images.shape[2])
    cell = cell_size(run.encoder, size, target)
    width = float(max(cell)) if blur is None else blur
    sigma = min(cell) / 3 if smooth is None else smooth
    if not sigma > 0:
        raise InputError(f"smooth={sigma:g}: give a width in pixels above 0.")
    hidden = filler_images(images, filler, value_range=run.encoder.value_range, blur=width, neighbourhood=cell)
    run.takes_less_with("iterations", iterations, least=10)
    masks, done = _Search(run, images, hidden, target, mode, shares, sigma).masks(iterations)
    verb = "kept" if mode == "keep" else "destroyed"
    saved = {f"{verb}_at_{100 * share:g}_percent": done[:, k] for k, share in enumerate(shares)}
    middle = ", ".join(f"{100 * np.median(done[:, k]):.0f} % by {100 * share:.0f} %" for k, share in enumerate(shares))
    return Map(
        values=masks.mean(axis=1, dtype=np.float64).astype(np.float32),
        raw=masks,
        grid=(masks.shape[2], masks.shape[3]),
        units=f"how much of this place the best mask {'keeps' if mode == 'keep' else 'hides'}, {_counted(shares)}",
        signed=False,
        notes=(
            f"{verb} of the {'code' if target.kind == 'code' else 'target'}: {middle} of the image",
            f"hidden places are filled with {filler_in_words(filler, width)}",
            f"masks are smooth by {sigma:.3g} px",
        ),
        settings={
            "mode": mode,
            "areas": shares,
            "iterations": iterations,
            "smooth": sigma,
            "filler": filler,
            "blur": width if filler == "blur" else None,
        },
        scores=saved,
    )


@dataclass(frozen=True)
class _Search:
    """Looking for the best masks of some images."""

    run: Run
    images: Array
    hidden: Array
    target: Target
    mode: str
    areas: tuple[float, ...]
    sigma: float

    def masks(self, iterations: int) -> tuple[Array, NDArray[np.float64]]:
        """The masks (images, areas, height, width), and how much of the change each saves or does (images, areas)."""
        count = len(self.images)
        self.run.expect(count * (3 + len(self.areas) * iterations))
        objective = self.run.objective(self.images, self.target, "occlusion")
        shown = self._scores(self.images, objective)
        full_change = self._scores(self.hidden, objective) - shown
        masks = np.empty((len(self.images), len(self.areas), *self.images.shape[1:3]), np.float32)
        scores = np.empty(masks.shape[:2])
        group = max(1, _AT_ONCE // len(self.areas))
        starts = range(0, len(self.images), group)
        with self.run.own_progress(iterations * len(starts), count * len(self.areas) * iterations) as step:
            for start in starts:
                some = slice(start, start + group)
                # Every mask is an image of its own; references belong to the unchanged image and go with it.
                repeated = replace(objective, reference=np.repeat(objective.reference[some], len(self.areas), axis=0))
                masks[some] = self._improved(some, repeated, full_change[some], iterations, step)
                moved = self._moved(some, masks[some])
                scores[some] = self._scores(moved, repeated).reshape(-1, len(self.areas))
        # What filling everything changes is the whole; nothing can be kept of a code that it does not change.
        change = np.divide(
            scores - shown[:, None], full_change[:, None], out=np.zeros_like(scores), where=full_change[:, None] != 0
        )
        return masks, 1 - change if self.mode == "keep" else change

    def _improved(
        self,
        some: slice,
        objective: Objective,
        full_change: NDArray[np.float64],
        iterations: int,
        step: Callable[[], None],
    ) -> NDArray[np.float32]:
        """Adam on the grids of a few images' masks."""
        height, width = self.images.shape[1:3]
        rows, columns = (gaussian(side, max(2, round(side / self.sigma)), 1.0) for side in (height, width))
        count = len(self.images[some])
        visible = self.images[some] - self.hidden[some]
        # With this sign and scale a step down the gradient keeps more of the code (or destroys more of it), in shares.
        scale = (-1.0 if self.target.counts_increase else 1.0) / np.where(full_change == 0, 1, np.abs(full_change))[
            :, None, None, None
        ]
        field = np.zeros((count, len(self.areas), rows.shape[1], columns.shape[1]))
        first, second = np.zeros_like(field), np.zeros_like(field)
        covers = rows.mean(axis=0, dtype=np.float64)[:, None] * columns.mean(axis=0, dtype=np.float64)
        for number in range(iterations):
            time = number / max(iterations - 1, 1)
            grid = _of_area(field, covers, self.areas)
            moved = self._moved(some, np.asarray(rows @ grid @ columns.T, np.float32))
            gradient = self.run.gradient(moved, objective, STAY, ONCE)
            gradient = gradient.reshape(count, len(self.areas), *self.images.shape[1:])
            gain = np.einsum("iahwc,ihwc->iahw", gradient, visible) * scale
            descent = -(rows.T @ gain @ columns)
            # The threshold gives way so that the area stays; that much of every wish is taken back.
            soft = grid * (1 - grid)
            price = (descent * soft).sum(axis=(2, 3), keepdims=True) / (covers * soft).sum(axis=(2, 3), keepdims=True)
            step_down = soft * (descent - covers * price)
            first = 0.9 * first + 0.1 * step_down
            second = 0.99 * second + 0.01 * step_down**2
            length = np.sqrt(second / (1 - 0.99 ** (number + 1))) + 1e-12
            field -= _RATE * 0.1**time * first / (1 - 0.9 ** (number + 1)) / length
            step()
        return np.asarray(rows @ _of_area(field, covers, self.areas) @ columns.T, np.float32)

    def _moved(self, some: slice, masks: Array) -> Array:
        """The images under their masks, (images * areas, height, width, channels), the areas of an image together."""
        shown = masks if self.mode == "keep" else 1 - masks
        hidden = self.hidden[some][:, None]
        moved = hidden + shown[..., None] * (self.images[some][:, None] - hidden)
        return np.ascontiguousarray(moved.reshape(-1, *self.images.shape[1:]), np.float32)

    def _scores(self, images: Array, objective: Objective) -> NDArray[np.float64]:
        scores: NDArray[np.float64] = self.run.score(images, [objective], STAY, ONCE)[0][0]
        return scores


def _of_area(field: NDArray[np.float64], covers: NDArray[np.float64], areas: Sequence[float]) -> NDArray[np.float64]:
    """Grids in 0..1 whose masks have exactly these areas: a soft threshold of the field, found by halving."""
    shares = np.array(areas)[None, :, None, None]
    # At these two thresholds every number of the grid is below, or above, the area objective for.
    margin = np.log(shares / (1 - shares))
    low = field.min(axis=(2, 3), keepdims=True) - margin
    high = field.max(axis=(2, 3), keepdims=True) - margin
    with np.errstate(over="ignore"):  # far below the threshold a mask is 0, which is what dividing by infinity gives
        for _ in range(50):
            middle = (low + high) / 2
            above = (covers / (1 + np.exp(middle - field))).sum(axis=(2, 3), keepdims=True) > shares
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        return np.asarray(1 / (1 + np.exp((low + high) / 2 - field)))


def _counted(areas: Sequence[float]) -> str:
    return f"mean over {len(areas)} areas" if len(areas) > 1 else f"at {areas[0]:.3g} of the image"


def _check(mode: str, areas: Sequence[float], iterations: int) -> tuple[float, ...]:
    if mode not in MODES:
        raise UnknownName.of("mode", mode, MODES)
    if iterations < 1:
        raise InputError(f"iterations={iterations}: give 1 or more.")
    shares = tuple(float(area) for area in np.atleast_1d(areas))
    if not shares or not all(0 < area < 1 for area in shares):
        raise InputError(f"areas={shares}: give shares of the image between 0 and 1, such as 0.05, 0.2.")
    return shares
