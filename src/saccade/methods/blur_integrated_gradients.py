"""Blur integrated gradients: the image comes into focus, and every pixel gets its share of what that adds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.gradient_maps import contribution_map
from saccade.attribution.method import method
from saccade.attribution.smoothing import gaussian_blur
from saccade.engines import Objective
from saccade.errors import InputError
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.targets.paths import ONCE, STAY
from saccade.typing import Array

_AT_ONCE = 16
"""Pictures of the way that lie in memory together, unless more are explained at once."""

_ROUNDING = 1e-4
"""Contributions that together, without their signs, are less than this share of the score, are float32's rounding."""

_FIRST_LOOK, _FEWEST, _MOST = 2, 8, 32
"""Steps of the first partial map, of the first answer, and of the second, for images where that was not close."""


@method(
    title="Blur integrated gradients",
    summary="the picture is brought into focus from a blur, and every pixel gets its share of what each detail adds",
    source="Xu, Venugopalan and Sundararajan (2020), CVPR, arXiv:2004.03383",
    cost="one forward and backward per step: 8 where the shares then sum to the whole closely enough, else 40",
    needs=["gradients"],
)
def blur_integrated_gradients(
    run: Run,
    images: Array,
    target: Target,
    *,
    steps: int | None = None,
    tolerance: float = 0.05,
    blur: float | None = None,
    low_pass: float | None = None,
) -> Map:
    """How much does each pixel add to the target while the image comes into focus?

    m = integral over s from `blur` to 0 of  d target(x_s) / dx * dx_s / ds  ds,  x_s = the image blurred by s px,
    summed over channels. No image on the way is one that could not be a photograph, and no colour has to stand for
    "nothing". The way is cut into `steps` straight pieces between blurred images, and the gradient is taken in the
    middle of each; the sum of `raw` over an image is target(x) - target(x_blur), up to the gap given in `scores`.
    Widths follow `blur` * (1 - k / steps)², since most of the detail comes at the end.

    Settings:
        steps: Pieces of the way; None takes 8, and 32 for an image whose gap is then larger than `tolerance`.
        tolerance: The gap that is accepted, as a share of the target's change along the way; for `steps=None`.
        blur: Standard deviation in pixels of the blur at the start; by default a quarter of the shorter side.

    Returns:
        A signed map per pixel; `raw` is (images, height, width, channels). `scores` holds each image's `steps`.

    Raises:
        InputError: `steps` below 1, `tolerance` or `blur` not above 0.
    """
    if steps is not None and steps < 1:
        raise InputError(f"steps={steps}: give 1 or more.")
    if not tolerance > 0:
        raise InputError(f"tolerance={tolerance}: give more than 0, as a share of the change, such as 0.05.")
    start = min(images.shape[1:3]) / 4 if blur is None else blur
    if not start > 0:
        raise InputError(f"blur={blur}: give more than 0, in pixels.")
    # Without `steps` the longest way may be needed; where it is not, the progress ends early.
    run.expect(len(images) * (3 + (_FEWEST + _MOST if steps is None else steps)))
    way = _Way(run, images, run.objective(images, target), start)

    def drawn() -> Map:
        furthest = float(way.gap.max())
        return contribution_map(
            run,
            way.settled.astype(np.float32),
            target,
            low_pass,
            units=f"part of the change of {target.gradient_units}, per pixel",
            notes=(
                f"from the image blurred by {start:g} px, into focus",
                "grey: coming into focus adds little there, as on any plain surface",
                *((f"shares sum to the change within {100 * furthest:.0f} %",) if furthest > tolerance else ()),
            ),
            settings={"steps": steps, "tolerance": tolerance, "blur": start},
            scores={
                "score": way.ends[0],
                "score_at_baseline": way.ends[1],
                "completeness_gap": way.raw.sum(axis=(1, 2, 3)) - way.change,
                "steps": way.steps_taken,
            },
        )

    everything = np.arange(len(images))
    if steps is not None:
        run.takes_less_with("steps", steps, least=4)
        way.follow(everything, steps, after_piece=lambda: run.partial(lambda: [drawn()]))
        return drawn()
    if run.on_partial is not None and not run.partial_after:
        way.follow(everything, _FIRST_LOOK)
        run.partial(lambda: [drawn()])
    way.follow(everything, _FEWEST)
    rough = np.flatnonzero(way.gap > tolerance)
    if len(rough):
        run.partial(lambda: [drawn()])
        way.follow(rough, _MOST)
    return drawn()


class _Way:
    """The way of some images from their blur into focus, and what every pixel adds along it.

    Attributes:
        ends: The target at the images and at their blurs, (2, images).
        raw: What every pixel has added so far, (images, height, width, channels).
        steps_taken: In how many pieces each image's way was cut.
    """

    def __init__(self, run: Run, images: Array, objective: Objective, start: float) -> None:
        self._run, self._images, self._objective, self._start = run, images, objective, start
        self._blurred = gaussian_blur(images, start)
        places = np.concatenate([images, self._blurred])
        self.ends: NDArray[np.float64] = run.score(places, [objective.repeated(2)], STAY, ONCE)[0].reshape(2, -1)
        self.raw, self.steps_taken = np.zeros(images.shape), np.zeros(len(images))

    @property
    def change(self) -> NDArray[np.float64]:
        """What the target gains along the way, (images,)."""
        return np.asarray(self.ends[0] - self.ends[1])

    @property
    def gap(self) -> NDArray[np.float64]:
        """By how much the contributions miss the change, as a share of it, (images,)."""
        # Where nothing changes there is no whole for the shares to sum to; float32 ends at some 1e-6 of the score.
        largest = np.maximum(np.abs(self.change), 1e-5 * np.abs(self.ends).max(axis=0))
        return np.asarray(np.abs(self.raw.sum(axis=(1, 2, 3)) - self.change) / largest)

    @property
    def settled(self) -> NDArray[np.float64]:
        """The contributions; where all of them together are rounding of the score, there are none."""
        total = np.abs(self.raw).sum(axis=(1, 2, 3))
        return np.where((total > _ROUNDING * np.abs(self.ends).max(axis=0))[:, None, None, None], self.raw, 0.0)

    def follow(self, rows: NDArray[np.intp], steps: int, *, after_piece: Callable[[], None] | None = None) -> None:
        """Find anew what every pixel of some images adds, with the way cut into so many pieces."""
        self.steps_taken[rows] = steps
        images, objective = self._images[rows], self._objective.select(rows)
        widths = self._start * (1 - np.arange(steps + 1) / steps) ** 2
        at_once = max(1, _AT_ONCE // len(images))
        raw, last = np.zeros(images.shape), self._blurred[rows]
        for begin in range(0, steps, at_once):
            stops = widths[begin + 1 : begin + 1 + at_once]
            blurs = np.stack([last, *(gaussian_blur(images, float(width)) for width in stops)])
            middles = np.asarray((blurs[1:] + blurs[:-1]) / 2, np.float32).reshape(-1, *images.shape[1:])
            gradients = self._run.gradient(middles, objective.repeated(len(stops)), STAY, ONCE)
            pieces = gradients.reshape(len(stops), *images.shape) * (blurs[1:] - blurs[:-1])
            raw += pieces.sum(axis=0, dtype=np.float64)
            last = blurs[-1]
            self.raw[rows] = raw
            if after_piece is not None:
                after_piece()
