"""Jacobian energy: how far the code moves when a pixel changes, over all numbers of the code at once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.channels import summed
from saccade.attribution.gradient_maps import low_passed_map
from saccade.attribution.method import method
from saccade.errors import InputError, NotApplicable, SaccadeWarning
from saccade.occlusion.colouring import (
    TOLERANCE,
    Colouring,
    alone,
    cell_gradients,
    colouring,
    passes_at_once,
    vjp_of_patterns,
)
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.targets.positions import Cell, Channel
from saccade.typing import Array

EXACT_PASSES = 512
"""Up to so many backward passes per image the energy is computed exactly unless something else is asked for."""
PROBES = 128
"""How many random probes there are when it is not; the error of a pixel is then about 12 % or less."""


@method(
    title="Jacobian energy",
    summary="nudge every pixel in turn: the picture glows where a nudge moves the code furthest, whichever way",
    source="Frobenius norm of the Jacobian, as in Rifai et al. (2011), ICML, split over pixels; probes: Bekas, "
    "Kokiopoulou and Saad (2007), Applied Numerical Mathematics 57",
    cost="colours x channels of the code backward passes when that is at most 512, else 128",
    needs=["gradients"],
)
def jacobian_energy(
    run: Run,
    images: Array,
    target: Target,
    *,
    probes: int | None = None,
    low_pass: float | None = None,
    seed: int = 0,
) -> Map:
    """How far does the code move when a pixel changes?

    E[p] = sum over code numbers k and colour channels c of (d f_k / d x_pc)². When the channels of a pixel change by
    independent steps of size e, the squared distance that the code moves is e² E[p] in the mean. Unlike the gradient of
    a score, nothing cancels: it does not matter which way a number moves. Energies add up: over pixels, over numbers of
    the code, and under smoothing, which is why no root is taken.

    Exact: one backward pass for each channel and colour, that is each group of cells that share no pixel. Otherwise E
    is estimated by random probes v of +1 and -1 on all numbers, E[p] = mean of sum over c of ((J^T v)_pc)²; the error
    is measured from the spread of the probes and noted. (v and -v give the same square, so pairs would not help; and
    one probe on each colour is never better than as many probes on all cells.)

    Settings:
        target: `code` for all its numbers, `channel:K` or `cell:ROW,COLUMN` for some of them.
        probes: Random probes, 2 or more; 0 computes exactly whatever it costs. By default exactly when that takes at
            most 512 backward passes, else 128 probes.
        seed: Of the random probes.

    Returns:
        A map per pixel, not negative; `raw` is the energy (images, height, width, channels) without smoothing. With
        probes `scores["relative_error"]` is the standard error of the energy of all pixels, as a share of its size.

    Raises:
        NotApplicable: Another kind of target; `saliency` answers for all of them.
        InputError: `probes` below 0 or 1.
    """
    if probes is not None and (probes < 0 or probes == 1):
        raise InputError(f"probes={probes}: give 2 or more, or 0 for the exact energy.")
    run.expect(0)
    selected = _selected(target, run, images)
    size = (images.shape[1], images.shape[2])
    plan = colouring(run.encoder.dataflow(*size), run.encoder.layer, selected.shape[:2])
    notes: list[str] = []
    if probes == 0 or (probes is None and _passes(selected, plan) <= EXACT_PASSES):
        plan = _trusted(run, images, selected, plan, notes)
    passes = _passes(selected, plan)
    exact = probes == 0 or (probes is None and passes <= EXACT_PASSES)
    scores: dict[str, NDArray[np.float64]] = {}
    run.expect(len(images) * (passes if exact else PROBES if probes is None else probes))
    if exact:
        raw = np.stack([_exact(run, images[index : index + 1], selected, plan) for index in range(len(images))])
        notes.append(f"exact: {passes} backward passes")
    else:
        passes = PROBES if probes is None else probes
        estimates = [_estimated(run, images[index : index + 1], selected, passes, seed) for index in range(len(images))]
        raw = np.stack([energy for energy, _ in estimates])
        scores["relative_error"] = np.array([error for _, error in estimates])
        percent = 100 * float(scores["relative_error"].max())
        notes.append(f"estimated by {passes} random probes: relative error about {percent:.2g} % before smoothing")
    return low_passed_map(
        run,
        summed(raw),
        raw,
        target,
        low_pass,
        units="squared distance that the code moves per squared unit of pixel value",
        signed=False,
        notes=tuple(notes),
        settings={"probes": 0 if exact else passes, "seed": seed, "passes": passes},
        scores=scores,
    )


def _selected(target: Target, run: Run, images: Array) -> NDArray[np.bool_]:
    """Which numbers of the code are meant? (rows, columns, channels)."""
    if target.kind not in ("code", "channel", "cell"):
        raise NotApplicable(
            f"jacobian_energy counts numbers of the code, but target {target.name!r} is one score; use saliency, or "
            "target code, channel:K or cell:ROW,COLUMN."
        )
    codes = run.codes(images)
    target.freeze(codes, run)  # refuses channels and cells that do not exist
    selected = np.zeros(codes.shape[1:], np.bool_)
    match target.arguments:
        case Channel(index):
            selected[..., index] = True
        case Cell():
            selected[:] = target.arguments.mask(codes, run)[0] > 0
        case _:
            selected[:] = True
    return selected


def _patterns(selected: NDArray[np.bool_], plan: Colouring) -> Iterator[Array]:
    """One pattern for each channel and colour: ones at cells that share no pixel."""
    for channel in np.flatnonzero(selected.any(axis=(0, 1))):
        for mask in plan.masks() * selected[..., channel]:
            if mask.any():
                pattern = np.zeros(selected.shape, np.float32)
                pattern[..., channel] = mask
                yield pattern


def _passes(selected: NDArray[np.bool_], plan: Colouring) -> int:
    """How many patterns there are, without making them."""
    colours = int((plan.masks() * selected.any(axis=-1)).any(axis=(1, 2)).sum())
    return colours * int(selected.any(axis=(0, 1)).sum())


def _trusted(run: Run, images: Array, selected: NDArray[np.bool_], plan: Colouring, notes: list[str]) -> Colouring:
    """The colouring, if lone cells have the gradients that it gives them; else every cell alone."""
    cells = int(selected.any(axis=-1).sum())
    if cells == 1:
        return plan
    if plan.passes == plan.cells:
        notes.append("cell by cell: every cell of the code sees too much of the image to share passes")
        return plan
    signs = _probe(0, 0, selected)
    _, off = cell_gradients(run, images[:1], signs[None], plan)
    if off <= TOLERANCE:
        return plan
    warnings.warn(
        f"colouring does not hold for this model (a cell's gradient differs by {off:.2g} of the largest); computed "
        "cell by cell instead.",
        SaccadeWarning,
        stacklevel=2,
    )
    notes.append("colouring was tried and refused; computed cell by cell")
    return alone(plan.size, plan.grid)


def _exact(run: Run, image: Array, selected: NDArray[np.bool_], plan: Colouring) -> Array:
    """The energy at every pixel and channel, (height, width, channels)."""
    total = np.zeros(image.shape[1:])
    for squares in _squares(run, image, _patterns(selected, plan), _passes(selected, plan)):
        total += squares
    return total.astype(np.float32)


def _estimated(run: Run, image: Array, selected: NDArray[np.bool_], probes: int, seed: int) -> tuple[Array, float]:
    """The energy by random probes, and the standard error of all its pixels as a share of its size."""
    total, each, squared = np.zeros(image.shape[1:]), np.zeros(image.shape[1:3]), np.zeros(image.shape[1:3])
    run.takes_less_with("probes", probes, least=4)
    for squares in _squares(run, image, (_probe(seed, number, selected) for number in range(probes)), probes):
        total += squares
        pixels = np.einsum("...c->...", squares)
        each += pixels
        squared += pixels * pixels
    mean = each / probes
    # The spread of a probe is as large as its mean, so nothing cancels here (and it is float64).
    error = np.maximum(squared / probes - mean * mean, 0) / (probes - 1)
    size = max(float((mean * mean - error).sum()), 1e-300)  # the mean's own noise does not count as energy
    return (total / probes).astype(np.float32), float(np.sqrt(error.sum() / size)) if error.any() else 0.0


def _squares(run: Run, image: Array, patterns: Iterator[Array], count: int) -> Iterator[NDArray[np.float64]]:
    """The squared gradient of each of so many patterns, (height, width, channels)."""
    size = passes_at_once(run, image)
    with run.own_progress(-(-count // size), count) as step:
        while group := list(islice(patterns, size)):
            # Engines compile once per shape: the last group is filled up with nothing, which adds nothing.
            filled = group + [np.zeros_like(group[0])] * (size - len(group))
            gradients = vjp_of_patterns(run, image, np.stack(filled))[: len(group)]
            step()
            for gradient in gradients:
                yield gradient.astype(np.float64) ** 2


def _probe(seed: int, number: int, selected: NDArray[np.bool_]) -> Array:
    """Random signs at the numbers that are meant; the same for every way of cutting the work."""
    signs = np.random.default_rng([seed, number]).integers(0, 2, selected.shape)
    return np.where(selected, 2.0 * signs - 1.0, 0.0).astype(np.float32)
