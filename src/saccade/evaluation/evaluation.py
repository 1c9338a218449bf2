"""Every test of every method: the only place where an `Evaluation` is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from saccade.attribution.method import settings_of
from saccade.encoder import Encoder
from saccade.errors import InputError, MemoryBudgetError, NotApplicable, UnknownName
from saccade.evaluation.agreement import agreement
from saccade.evaluation.cache import Arrays
from saccade.evaluation.controls import CONTROLS
from saccade.evaluation.imputation import FILLERS
from saccade.evaluation.intervals import FEW
from saccade.evaluation.localisation import MEASURES
from saccade.evaluation.photographs import Photographs, gather, masks_for
from saccade.evaluation.progress import Progress, Work
from saccade.evaluation.removal import scores, shares, with_ends
from saccade.evaluation.runner import Measurements, Runner
from saccade.evaluation.settings import Settings
from saccade.evaluation.verdict import PhotoScores, graded
from saccade.methods import available, find
from saccade.results.evaluation import Evaluation


def evaluate(
    encoder: Encoder,
    images: Any,
    methods: Sequence[str] | None = None,
    *,
    masks: str | Path | None = None,
    limit: int = 24,
    method_settings: Mapping[str, Mapping[str, Any]] | None = None,
    keep: str | Path | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    **settings: Any,
) -> Evaluation:
    """Which methods tell the truth on this model and these photographs?

    Deletion and insertion against four controls, with three fillers; randomised weights; a random direction of the code
    in place of the code; a little noise; agreement of the methods; and, with masks, whether maps and objects meet.
    Intervals come from the bootstrap over photographs. `saccade.evaluation.verdict` says what follows from what.

    Args:
        encoder: The model and its code; it is left as it was found.
        images: A folder, a glob, a list of files, `Images`, or arrays.
        methods: Names of methods; by default all that can answer for this model.
        masks: A folder of pictures that bear the photographs' names and are bright on the object.
        limit: At most so many photographs, drawn by lot.
        method_settings: Settings of methods, by the method's name.
        keep: A folder for finished pieces of work: a second start with the same folder goes on from there.
        progress: Called with what is done, what is to be done, and what is being done.
        stop: Asked often; True ends the work with `Cancelled`.
        **settings: What `saccade.evaluation.settings.Settings` has: steps, block, checked, stages, noise, draws, seed,
            ...

    Returns:
        The method_scores of all methods and controls, with the verdict.

    Raises:
        InputError: Fewer than 8 usable photographs, a setting that cannot be used, or a code that does not vary.
        UnknownName: No such method.
        NotApplicable: A method that was asked for by name cannot answer for this model.
        Cancelled: `stop` said so.

    Example:
        >>> found = saccade.evaluate(encoder, "photos/", ["saliency"], limit=8, steps=6)
        >>> found["edges"].grade, len(found.photographs)
        ('control', 8)
    """
    chosen = _settings(settings)
    names = list(available()) if methods is None else list(dict.fromkeys(methods))
    asked = {name: _asked(name, (method_settings or {}).get(name, {}), chosen.seed) for name in names}
    if not asked:
        raise InputError("no method was given; leave them out for all.")
    photographs = gather(encoder, images, limit, chosen.seed, stop)
    marked = None if masks is None else masks_for(encoder, photographs.images, masks)
    runner = Runner.of(encoder, photographs.images, marked, chosen, Path(keep) if keep is not None else None, stop)
    before = len(CONTROLS) * len(runner.batches)
    work = Work(progress, stop, before + len(names) * runner.pieces)
    tested = [runner.control(each, work) for each in CONTROLS]
    refused: dict[str, str] = {}
    for number, name in enumerate(names):
        try:
            tested.append(runner.method(name, asked[name], work))
        except (NotApplicable, MemoryBudgetError) as error:
            if methods is not None:
                raise
            refused[name] = str(error)
        work.up_to(before + (number + 1) * runner.pieces)
    if len(refused) == len(names):
        raise NotApplicable(f"no method can answer for this model: {next(iter(refused.values()))}")
    return _assembled(runner, tested, runner.ends(), photographs, refused)


def _assembled(
    runner: Runner, tested: Sequence[Measurements], ends: Arrays, photographs: Photographs, refused: Mapping[str, str]
) -> Evaluation:
    """Curves become scores, scores become method_scores."""
    steps = runner.settings.steps
    curves = {name: [with_ends(each.curves[name], ends.get(name)) for each in tested] for name in FILLERS}
    found = [
        PhotoScores(
            method=each.name,
            title=each.title,
            scores=scores(each.curves, steps),
            randomised=each.checks["randomised"].T if "randomised" in each.checks else None,
            owed_to_weights=each.checks.get("owed_to_weights"),
            direction=each.checks.get("direction"),
            stability=each.checks.get("stability"),
            localisation=None if runner.masks is None else each.located[runner.masks.known].T,
            seconds=each.seconds,
            is_control=each.control,
        )
        for each in tested
    ]
    method_scores, verdict = graded(found, FILLERS, MEASURES, runner.settings)
    names = [each.name for each in tested]
    order = [names.index(each.method) for each in method_scores]
    randomisation = np.full((len(tested), len(runner.plan)), np.nan)
    for row, one in enumerate(found):
        if one.randomised is not None:
            randomisation[row] = one.randomised.mean(axis=1)
    return Evaluation(
        method_scores=tuple(method_scores),
        verdict=tuple(verdict),
        notes=tuple(_notes(runner, photographs)),
        cuts={name: shares(name, steps) for name in FILLERS},
        curves={name: np.stack([each.mean(axis=0) for each in curves[name]])[order] for name in FILLERS},
        stages=tuple(layers[-1] for layers in runner.plan),
        randomisation=randomisation[order],
        agreement=agreement(np.stack([tested[row].grid for row in order])),
        photos=runner.images.names,
        checked=runner.checked[-1].stop,
        skipped=(*photographs.skipped, *(() if runner.masks is None else runner.masks.skipped)),
        refused=refused,
        model=runner.encoder.name,
        layer=runner.encoder.layer,
        settings=runner.settings.as_dict(),
    )


def _notes(runner: Runner, photographs: Photographs) -> list[str]:
    count, settings = len(runner.images), runner.settings
    notes = [
        f"{count} of {photographs.found} photographs, drawn by lot",
        f"intervals of {settings.confidence:.0%} over photographs, by the bootstrap",
        f"randomised weights, another question and noise were tried on {runner.checked[-1].stop} photographs",
        *runner.notes,
    ]
    if count < FEW:
        notes.append(f"{count} photographs tell only large differences apart; take {FEW} or more for a fine ranking")
    return notes


def _settings(given: Mapping[str, Any]) -> Settings:
    known = Settings().as_dict()
    for name in given:
        if name not in known:
            raise UnknownName.of("setting of evaluate", name, known)
    return Settings(**given).checked_values()


def _asked(name: str, given: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """A method's settings; the seed goes to those that draw."""
    allowed = settings_of(find(name))
    for each in given:
        if each not in allowed:
            raise UnknownName.of(f"setting of {name}", each, allowed)
    return {**({"seed": seed} if "seed" in allowed else {}), **given}
