"""Expected gradients: integrated gradients from many images that could stand for "nothing", averaged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.fillers import FILLERS, FillerName, filler_images
from saccade.attribution.gradient_maps import contribution_map
from saccade.attribution.method import method
from saccade.attribution.scale import cell_size
from saccade.errors import InputError, UnknownName
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.targets.paths import ONCE, STAY, STRATIFIED, ArrayPoints
from saccade.typing import Array

DEFAULT_BASELINES = "blur,blur:2,blur:4,mean,black,white"
_AT_ONCE = 32
"""Baselines of one image that lie in memory together."""


@method(
    title="Expected gradients",
    summary="the picture grows out of many starting points, and every pixel gets its fair share over all of them",
    source="Erion et al. (2021), Nature Machine Intelligence 3, arXiv:1906.10670; also known as Gradient SHAP "
    "(Lundberg and Lee 2017, arXiv:1705.07874)",
    cost="one forward and backward per baseline and step",
    needs=["gradients"],
)
def expected_gradients(
    run: Run,
    images: Array,
    target: Target,
    *,
    baselines: FillerName | Sequence[Any] | Array = DEFAULT_BASELINES,
    steps: int = 8,
    seed: int = 0,
    low_pass: float | None = None,
) -> Map:
    """How much does each pixel add to the target, whatever stands for "nothing"?

    m = mean over baselines b and times t of  (x - b) * d target(b + t (x - b)) / dx, summed over channels. Every
    baseline is used `steps` times with equal weight. The way is cut into as many strata as there are pairs of baseline
    and step; every stratum holds one time, and every baseline has one time in each of `steps` equal parts of the way.
    The sum of `raw` over an image is target(x) minus the mean of target(b), up to the gap given in `scores`.

    Settings:
        baselines: What may count as nothing. Names, in one text with commas or as a list: `"blur"` (the image's own
            blur by one code cell), `"blur:K"` (by K cells), `"mean"` (its mean colour), `"black"`, `"white"`; or other
            images for all: a list of paths or PIL images, also mixed with names, or an array (baselines, height,
            width, channels) in the model's range of values.
        steps: Times per baseline; one is enough for a hundred baselines.
        seed: Fixes which baseline gets which times.

    Returns:
        A signed map per pixel; `raw` is (images, height, width, channels).

    Raises:
        InputError: `steps` below 1, no baselines, or baselines of another shape.
        UnknownName: No such baseline, and no such file.
    """
    if steps < 1:
        raise InputError(f"steps={steps}: give 1 or more.")
    run.expect(0)
    baseline_images, names = _baselines(run, images, target, baselines)
    count = len(baseline_images)
    run.expect(len(images) * (2 + count * (steps + 1)))
    objective = run.objective(images, target)
    rng = np.random.default_rng(seed)
    phases = ((rng.permutation(count) + 0.5) / count).astype(np.float32)
    points = ArrayPoints(
        {
            "stratum": np.arange(steps, dtype=np.float32),
            "shift": (rng.integers(count, size=steps) / count).astype(np.float32),
            "length": np.full(steps, 1 / steps, np.float32),
        }
    )
    score = run.score(images, [objective], STAY, ONCE)[0][0]
    raw = np.zeros(images.shape)
    at_baselines = np.zeros(len(images))

    def drawn() -> Map:
        return contribution_map(
            run,
            raw.astype(np.float32),
            target,
            low_pass,
            units=f"part of the change of {target.gradient_units}, per pixel",
            notes=(f"from {_in_words(names)}",),
            settings={"baselines": names, "steps": steps, "seed": seed},
            scores={
                "score": score,
                "score_at_baseline": at_baselines.copy(),
                "completeness_gap": raw.sum(axis=(1, 2, 3)) - (score - at_baselines),
            },
        )

    # Each way holds the image, its baseline, and what is made of both, here and on the device.
    at_once = max(1, min(_AT_ONCE, run.engine.memory // (64 * images[0].nbytes)))
    for number, image in enumerate(images):
        single = objective.select(slice(number, number + 1))
        for first in range(0, count, at_once):
            group = slice(first, min(first + at_once, count))
            starts = np.stack([np.broadcast_to(start, images.shape)[number] for start in baseline_images[group]])
            copies = np.ascontiguousarray(np.broadcast_to(image, starts.shape))
            repeated = single.repeated(len(starts))
            fixed = {"baseline": starts, "phase": phases[group]}
            gradients = run.gradient(copies, repeated, STRATIFIED, points, fixed)
            raw[number] += ((copies - starts) * gradients).sum(axis=0, dtype=np.float64) / count
            at_baselines[number] += run.score(starts, [repeated], STAY, ONCE)[0].sum() / count
        if number + 1 < len(images):
            run.partial(lambda: [drawn()])
    return drawn()


def _baselines(
    run: Run, images: Array, target: Target, baselines: str | Sequence[Any] | Array
) -> tuple[list[NDArray[np.float32]], tuple[str, ...]]:
    """The baselines, each (images or 1, height, width, channels), and what to call them."""
    if isinstance(baselines, np.ndarray):
        if baselines.ndim != 4 or not len(baselines) or baselines.shape[1:] != images.shape[1:]:
            shape = ", ".join(map(str, images.shape[1:]))
            raise InputError(f"baselines of shape {baselines.shape} do not fit; give (baselines, {shape}).")
        arrays = np.asarray(baselines, np.float32)
        return [each[None] for each in arrays], ("given",) * len(baselines)
    baseline_images: list[NDArray[np.float32]] = []
    names: list[str] = []
    for source in baselines.split(",") if isinstance(baselines, str) else baselines:
        name = str(source).strip() if isinstance(source, (str, Path)) else ""
        baseline = _named(run, images, target, name) if isinstance(source, str) else None
        if baseline is None:
            if isinstance(source, str) and not Path(name).is_file():
                raise UnknownName.of("baseline", name, (*FILLERS, "blur:K"), hint="Or give the path of a photo.")
            baseline = run.encoder.read([name or source]).array
            if baseline.shape[1:] != images.shape[1:]:
                raise InputError(
                    f"a baseline of {baseline.shape[1]}x{baseline.shape[2]} for images of {images.shape[1]}x"
                    f"{images.shape[2]}; give baselines of the same size."
                )
            name = Path(name).name or "given"
        baseline_images.append(baseline)
        names.append(name)
    if not baseline_images:
        raise InputError(f"no baselines were given; give images, or some of {', '.join(FILLERS)}.")
    return baseline_images, tuple(names)


def _named(run: Run, images: Array, target: Target, name: str) -> NDArray[np.float32] | None:
    """The baseline that a name stands for, or None when it is no name."""
    kind, _, cells = name.partition(":")
    if kind not in FILLERS or (cells and kind != "blur"):
        return None
    cell = cell_size(run.encoder, (images.shape[1], images.shape[2]), target)
    try:
        width = float(cells or 1) * max(cell)
    except ValueError as error:
        raise InputError(
            f"baseline {name!r} cannot be read; give blur:K, such as blur:2 for two code cells."
        ) from error
    if not width > 0:
        raise InputError(f"baseline {name!r}: give more than 0 code cells.")
    return filler_images(
        images, kind, value_range=run.encoder.value_range, blur=width, neighbourhood=cell, kind="baseline"
    )


def _in_words(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return f"{len(names)} baselines: {', '.join(names)}" if len(names) <= 8 else f"{len(names)} baselines"
