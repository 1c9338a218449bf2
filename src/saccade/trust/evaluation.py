"""Every test of every method: the only place where an `Evaluation` is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from saccade.encoder import Encoder
from saccade.errors import InputError, MemoryBudgetError, NotApplicable, UnknownName
from saccade.explanation import settings_of
from saccade.methods import available, find
from saccade.results.evaluation import Evaluation
from saccade.trust.agreement import agreement
from saccade.trust.bench import Bench, Tested
from saccade.trust.controls import CONTROLS
from saccade.trust.imputation import FILLERS
from saccade.trust.intervals import FEW
from saccade.trust.keeping import Arrays
from saccade.trust.localisation import MEASURES
from saccade.trust.photographs import Photographs, gather, masks_for
from saccade.trust.progress import Progress, Work
from saccade.trust.removal import scores, shares, with_ends
from saccade.trust.settings import Settings
from saccade.trust.verdict import Found, judged


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

    Deletion and insertion against four controls, with three fillers; shuffled weights; a random direction of the code
    in place of the code; a little noise; agreement of the methods; and, with masks, whether maps and objects meet.
    Intervals come from the bootstrap over photographs. `saccade.trust.verdict` says what follows from what.

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
        **settings: What `saccade.trust.settings.Settings` has: steps, block, checked, stages, noise, draws, seed, ...

    Returns:
        The standings of all methods and controls, with the verdict.

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
    with _stopping(encoder, stop):
        bench = Bench.of(encoder, photographs.images, marked, chosen, Path(keep) if keep is not None else None)
        before = len(CONTROLS) * len(bench.batches)
        work = Work(progress, stop, before + len(names) * bench.pieces)
        tested = [bench.control(each, work) for each in CONTROLS]
        refused: dict[str, str] = {}
        for number, name in enumerate(names):
            try:
                tested.append(bench.method(name, asked[name], work))
            except (NotApplicable, MemoryBudgetError) as error:
                if methods is not None:
                    raise
                refused[name] = str(error)
            work.up_to(before + (number + 1) * bench.pieces)
        if len(refused) == len(names):
            raise NotApplicable(f"no method can answer for this model: {next(iter(refused.values()))}")
        return _assembled(bench, tested, bench.ends(), photographs, refused)


def _assembled(
    bench: Bench, tested: Sequence[Tested], ends: Arrays, photographs: Photographs, refused: Mapping[str, str]
) -> Evaluation:
    """Curves become scores, scores become standings."""
    steps = bench.settings.steps
    curves = {name: [with_ends(each.curves[name], ends.get(name)) for each in tested] for name in FILLERS}
    found = [
        Found(
            method=each.name,
            title=each.title,
            scores=scores(each.curves, steps),
            shuffled=each.checks["shuffled"].T if "shuffled" in each.checks else None,
            learned=each.checks.get("learned"),
            direction=each.checks.get("direction"),
            stability=each.checks.get("stability"),
            located=None if bench.masks is None else each.located[bench.masks.known].T,
            seconds=each.seconds,
            control=each.control,
        )
        for each in tested
    ]
    standings, verdict = judged(found, FILLERS, MEASURES, bench.settings)
    names = [each.name for each in tested]
    order = [names.index(each.method) for each in standings]
    shuffling = np.full((len(tested), len(bench.plan)), np.nan)
    for row, one in enumerate(found):
        if one.shuffled is not None:
            shuffling[row] = one.shuffled.mean(axis=1)
    return Evaluation(
        standings=tuple(standings),
        verdict=tuple(verdict),
        notes=tuple(_notes(bench, photographs)),
        cuts={name: shares(name, steps) for name in FILLERS},
        curves={name: np.stack([each.mean(axis=0) for each in curves[name]])[order] for name in FILLERS},
        stages=tuple(layers[-1] for layers in bench.plan),
        shuffling=shuffling[order],
        agreement=agreement(np.stack([tested[row].grid for row in order])),
        photographs=bench.images.names,
        skipped=(*photographs.skipped, *(() if bench.masks is None else bench.masks.skipped)),
        refused=refused,
        model=bench.encoder.name,
        layer=bench.encoder.layer,
        settings=bench.settings.as_dict(),
    )


def _notes(bench: Bench, photographs: Photographs) -> list[str]:
    count, settings = len(bench.images), bench.settings
    notes = [
        f"{count} of {photographs.found} photographs, drawn by lot",
        f"intervals of {settings.confidence:.0%} over photographs, by the bootstrap",
        f"shuffled weights, another question and noise were tried on {bench.checked[-1].stop} photographs",
        *bench.notes,
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


@contextmanager
def _stopping(encoder: Encoder, stop: Callable[[], bool] | None) -> Iterator[None]:
    """Let the engine ask, between pieces, whether to go on."""
    kept = encoder.engine.stop
    encoder.engine.stop = stop
    try:
        yield
    finally:
        encoder.engine.stop = kept
