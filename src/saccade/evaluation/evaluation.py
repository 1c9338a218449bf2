"""Every test of every method: the only place where an `Evaluation` is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from saccade.arguments import checks_arguments
from saccade.attribution.method import settings_of
from saccade.encoder import Encoder
from saccade.errors import InputError, MemoryBudgetError, NotApplicable, UnknownName
from saccade.evaluation.agreement import agreement
from saccade.evaluation.cache import Arrays
from saccade.evaluation.controls import CONTROLS
from saccade.evaluation.imputation import IMPUTATIONS
from saccade.evaluation.localisation import MEASURES
from saccade.evaluation.masks import masks_for
from saccade.evaluation.measurements import Measurements
from saccade.evaluation.photos import Photos, draw_photos
from saccade.evaluation.progress import PieceCounter, Progress
from saccade.evaluation.removal import scores, shares, with_ends
from saccade.evaluation.runner import Runner
from saccade.evaluation.settings import Settings
from saccade.evaluation.verdict import PhotoScores, graded
from saccade.methods import available, find
from saccade.results.evaluation import Evaluation


@checks_arguments
def evaluate(
    encoder: Encoder,
    images: Any,
    methods: str | Sequence[str] | None = None,
    *,
    masks: str | Path | None = None,
    limit: int = 24,
    method_settings: Mapping[str, Mapping[str, Any]] | None = None,
    cache: str | Path | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    **settings: Any,
) -> Evaluation:
    """Which methods tell the truth on this model and these photos?

    Deletion and insertion against controls that know nothing of the model, with three fillers; randomised weights; a
    random direction of the code in place of the code; a little noise; agreement of the methods; and, with masks,
    whether maps and objects meet. Intervals come from the bootstrap over photos. `saccade.evaluation.verdict` says
    what follows from what.

    Args:
        encoder: The model and its code; it is left as it was found.
        images: A folder, a glob, a list of files, `Images`, or arrays.
        methods: The name of a method, or several; by default all that can answer for this model.
        masks: A folder of images that bear the photos' names and are bright on the object.
        limit: At most so many photos, drawn at random.
        method_settings: Settings of methods, by the method's name.
        cache: A folder for finished pieces of work: a second run with the same folder goes on from there.
        progress: Called with what is done, what is to be done, and what is being done.
        stop: Asked often; True ends the work with `Cancelled`.
        **settings: What `saccade.evaluation.settings.Settings` has: steps, block, checked, stages, noise, draws, seed,
            ...

    Returns:
        The scores of all methods and controls, with the verdict.

    Raises:
        InputError: Fewer than 8 usable photos, a setting that cannot be used, or a code that does not vary.
        UnknownName: No such method.
        NotApplicable: A method that was asked for by name cannot answer for this model.
        Cancelled: `stop` said so.

    Example:
        >>> evaluation = saccade.evaluate(encoder, "photos/", ["saliency"], limit=8, steps=6)
        >>> evaluation["edges"].grade, len(evaluation.photos)
        ('control', 8)
    """
    numbers = _settings(settings)
    chosen = [methods] if isinstance(methods, str) else methods
    names = list(available()) if chosen is None else list(dict.fromkeys(chosen))
    per_method = {name: _method_settings(name, (method_settings or {}).get(name, {}), numbers.seed) for name in names}
    if not names:
        raise InputError("no method was given; leave them out for all.")
    photos = draw_photos(encoder, images, limit, numbers.seed, stop)
    objects = None if masks is None else masks_for(encoder, photos.images, masks)
    runner = Runner.of(encoder, photos.images, objects, numbers, Path(cache) if cache is not None else None, stop)
    of_controls = len(CONTROLS) * len(runner.batches)
    counter = PieceCounter(progress, stop, of_controls + len(names) * runner.pieces)
    measured = [runner.control(control, counter) for control in CONTROLS]
    refused: dict[str, str] = {}
    for number, name in enumerate(names, start=1):
        try:
            measured.append(runner.method(name, per_method[name], counter))
        except (NotApplicable, MemoryBudgetError) as error:
            if methods is not None:
                raise
            refused[name] = str(error)
        counter.finish_up_to(of_controls + number * runner.pieces)
    if len(refused) == len(names):
        raise NotApplicable(f"no method can answer for this model: {next(iter(refused.values()))}")
    return _evaluation(runner, measured, runner.ends(), photos, refused)


def _evaluation(
    runner: Runner, measured: Sequence[Measurements], ends: Arrays, photos: Photos, refused: Mapping[str, str]
) -> Evaluation:
    """From the measurements to scores and grades, the best method first."""
    steps = runner.settings.steps
    by_photo = [_photo_scores(runner, method) for method in measured]
    method_scores, verdict = graded(by_photo, IMPUTATIONS, MEASURES, runner.settings)
    positions = {method.name: row for row, method in enumerate(measured)}
    order = [positions[score.method] for score in method_scores]
    ranked = [measured[row] for row in order]
    randomisation = np.full((len(ranked), len(runner.plan)), np.nan)
    for row, method in enumerate(ranked):
        if "randomised" in method.checks:
            randomisation[row] = method.checks["randomised"].mean(axis=0)
    return Evaluation(
        method_scores=tuple(method_scores),
        verdict=tuple(verdict),
        notes=tuple(_notes(runner, photos)),
        cuts={filler: shares(filler, steps) for filler in IMPUTATIONS},
        curves={
            filler: np.stack([with_ends(method.curves[filler], ends.get(filler)).mean(axis=0) for method in ranked])
            for filler in IMPUTATIONS
        },
        stages=tuple(layers[-1] for layers in runner.plan),
        randomisation=randomisation,
        agreement=agreement(np.stack([method.grid for method in ranked])),
        photos=runner.images.names,
        checked=runner.checked[-1].stop,
        skipped=(*photos.skipped, *(() if runner.masks is None else runner.masks.skipped)),
        refused=refused,
        model=runner.encoder.name,
        layer=runner.encoder.layer,
        settings=runner.settings.as_dict(),
    )


def _photo_scores(runner: Runner, method: Measurements) -> PhotoScores:
    checks = method.checks
    return PhotoScores(
        method=method.name,
        title=method.title,
        scores=scores(method.curves, runner.settings.steps),
        randomised=checks["randomised"].T if "randomised" in checks else None,
        owed_to_weights=checks.get("owed_to_weights"),
        direction=checks.get("direction"),
        stability=checks.get("stability"),
        localisation=None if runner.masks is None else method.localisation[runner.masks.known].T,
        seconds=method.seconds,
        is_control=method.is_control,
    )


def _notes(runner: Runner, photos: Photos) -> list[str]:
    count, settings = len(runner.images), runner.settings
    return [
        f"{count} of {photos.available} photos, drawn at random",
        f"intervals of {settings.confidence:.0%} over photos, by the bootstrap",
        f"randomised weights, another question and noise were tried on {runner.checked[-1].stop} photos",
        *runner.notes,
    ]


def _settings(settings: Mapping[str, Any]) -> Settings:
    known = Settings().as_dict()
    for name in settings:
        if name not in known:
            raise UnknownName.of("setting of evaluate", name, known)
    return Settings(**settings).checked_values()


def _method_settings(name: str, settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """A method's settings; the seed goes to those that draw."""
    allowed = settings_of(find(name))
    for setting in settings:
        if setting not in allowed:
            raise UnknownName.of(f"setting of {name}", setting, allowed)
    return {**({"seed": seed} if "seed" in allowed else {}), **settings}
