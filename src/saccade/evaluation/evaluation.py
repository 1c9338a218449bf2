"""Every test of every method: the only place where an `Evaluation` is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.arguments import checks_arguments
from saccade.attribution.method import settings_of
from saccade.encoder import Encoder, as_encoder
from saccade.errors import InputError, MemoryBudgetError, NotApplicable, UnknownName
from saccade.evaluation.agreement import agreement
from saccade.evaluation.cache import Arrays
from saccade.evaluation.controls import CONTROLS
from saccade.evaluation.imputation import IMPUTATIONS
from saccade.evaluation.localisation import MEASURES
from saccade.evaluation.masks import masks_for
from saccade.evaluation.measurements import Measurements
from saccade.evaluation.measuring import measured_control, measured_method
from saccade.evaluation.photos import Photos, draw_photos
from saccade.evaluation.progress import PieceCounter, Progress
from saccade.evaluation.removal import scores, shares, with_ends
from saccade.evaluation.score_checks import PIECES, ceiling, worsened_scores
from saccade.evaluation.settings import Settings
from saccade.evaluation.setup import Setup
from saccade.evaluation.verdict import PhotoScores, graded
from saccade.evaluation.worsening import is_ordered
from saccade.evaluation.worsening import verdict as distrust
from saccade.explanation import explain
from saccade.methods import available, find
from saccade.results.evaluation import Ceiling, Evaluation
from saccade.results.kept_detail import kept_in_words

DEFAULT_METHODS = (
    "blur_integrated_gradients", "integrated_gradients", "expected_gradients", "occlusion", "saliency", "smoothgrad",
    "vargrad", "input_x_gradient", "activation_energy", "grad_cam", "layer_cam", "eigen_cam",
)  # fmt: skip
"""What answers in seconds, and covers every family; the others take a multiple of their time together."""


@checks_arguments
def evaluate(
    encoder: Encoder | Any,
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
    random direction of the code in place of the code; a little noise; mirrored and shifted photos; agreement of the
    methods; and, with masks, whether maps and objects meet. The score itself is tested too: maps made worse by known
    steps must score less, and the best order that a search finds is a ceiling. Intervals come from the bootstrap over
    photos. `saccade.evaluation.verdict` says what follows from what.

    Args:
        encoder: The model and its code, left as it was found; a live model is made an `Encoder` with its defaults.
        images: A folder, a glob, a list of files, `Images`, or arrays.
        methods: The name of a method, or several; by default those of `DEFAULT_METHODS` that can answer for this model,
            and for `"all"` every one that can.
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
    encoder = as_encoder(encoder)
    numbers = _settings(settings)
    by_name = methods is not None and methods != "all"
    methods_named = [methods] if isinstance(methods, str) and by_name else methods
    if methods_named is not None and not methods_named:
        raise InputError("no method was given; leave them out for the usual ones, or give 'all'.")
    names = _comparable_methods() if methods_named == "all" else list(dict.fromkeys(methods_named or DEFAULT_METHODS))
    per_method = {name: _method_settings(name, (method_settings or {}).get(name, {}), numbers.seed) for name in names}
    photos = draw_photos(encoder, images, limit, numbers.seed, stop)
    objects = None if masks is None else masks_for(encoder, photos.images, masks)
    setup = Setup.of(encoder, photos.images, objects, numbers, Path(cache) if cache is not None else None, stop)
    of_controls = len(CONTROLS) * len(setup.batches)
    counter = PieceCounter(progress, stop, of_controls + len(names) * setup.pieces + PIECES)
    measured = [measured_control(setup, control, counter) for control in CONTROLS]
    refused: dict[str, str] = {}
    for number, name in enumerate(names, start=1):
        try:
            measured.append(measured_method(setup, name, per_method[name], counter))
        except (NotApplicable, MemoryBudgetError) as error:
            if by_name:
                raise
            refused[name] = str(error)
        counter.finish_up_to(of_controls + number * setup.pieces)
    if len(refused) == len(names):
        raise NotApplicable(f"no method can answer for this model: {next(iter(refused.values()))}")
    best = max((method for method in measured if not method.is_control), key=lambda method: _score(setup, method))
    worse = worsened_scores(setup, best, counter)
    highest = ceiling(setup, measured, counter)
    counter.finish_up_to(of_controls + len(names) * setup.pieces + PIECES)
    return _evaluation(setup, measured, setup.ends(), photos, refused, worse, highest)


def _comparable_methods() -> list[str]:
    """Every method whose map answers what the target asks: the others are right or wrong about something else."""
    return [name for name, function in available().items() if not function.description.question]


def _score(setup: Setup, method: Measurements) -> float:
    return float(scores(method.curves, setup.settings.steps).mean())


def _evaluation(
    setup: Setup,
    measured: Sequence[Measurements],
    ends: Arrays,
    photos: Photos,
    refused: Mapping[str, str],
    worse: Mapping[str, NDArray[np.float64]],
    highest: Ceiling | None,
) -> Evaluation:
    """From the measurements to scores and grades, the best method first."""
    steps, settings = setup.settings.steps, setup.settings
    ordered = {
        kind: is_ordered(levels, settings.seed, settings.confidence, settings.resamples)
        for kind, levels in worse.items()
    }
    by_photo = [_photo_scores(setup, method) for method in measured]
    method_scores, verdict = graded(by_photo, IMPUTATIONS, MEASURES, setup.settings)
    positions = {method.name: row for row, method in enumerate(measured)}
    order = [positions[score.method] for score in method_scores]
    ranked = [measured[row] for row in order]
    randomisation = np.full((len(ranked), len(setup.plan)), np.nan)
    for row, method in enumerate(ranked):
        if "randomised" in method.checks:
            randomisation[row] = method.checks["randomised"].mean(axis=0)
    return Evaluation(
        method_scores=tuple(method_scores),
        verdict=(*distrust(ordered), *verdict, *(() if highest is None else (highest.sentence,))),
        worsened={kind: levels.mean(axis=1) for kind, levels in worse.items()},
        ordered=ordered,
        ceiling=highest,
        notes=tuple(_notes(setup, photos)),
        cuts={filler: shares(filler, steps) for filler in IMPUTATIONS},
        curves={
            filler: np.stack([with_ends(method.curves[filler], ends.get(filler)).mean(axis=0) for method in ranked])
            for filler in IMPUTATIONS
        },
        stages=tuple(layers[-1] for layers in setup.plan),
        randomisation=randomisation,
        agreement=agreement(np.stack([method.grid for method in ranked])),
        photos=setup.images.names,
        checked=setup.checked[-1].stop,
        skipped=(*photos.skipped, *(() if setup.masks is None else setup.masks.skipped)),
        refused=refused,
        model=setup.encoder.name,
        layer=setup.encoder.layer,
        settings=setup.settings.as_dict(),
    )


def _photo_scores(setup: Setup, method: Measurements) -> PhotoScores:
    checks = method.checks
    return PhotoScores(
        method=method.name,
        title=method.title,
        scores=scores(method.curves, setup.settings.steps),
        randomised=checks["randomised"].T if "randomised" in checks else None,
        owed_to_weights=checks.get("owed_to_weights"),
        direction=checks.get("direction"),
        stability=checks.get("stability"),
        equivariance=checks.get("equivariance"),
        localisation=None if setup.masks is None else method.localisation[setup.masks.is_there].T,
        seconds=method.seconds,
        is_control=method.is_control,
    )


def _notes(setup: Setup, photos: Photos) -> list[str]:
    count, settings = len(setup.images), setup.settings
    return [
        f"{count:,} of {photos.available:,} photos, drawn at random",
        f"intervals of {100 * settings.confidence:.0f} % over photos, by the bootstrap",
        f"randomised weights, another question and noise were tried on {setup.checked[-1].stop} photos",
        *setup.notes,
        *_detail_kept(setup),
    ]


def _detail_kept(setup: Setup) -> list[str]:
    """How good the model's memory is, if it redraws."""
    if not setup.encoder.is_autoencoder:
        return []
    shares = explain(setup.encoder, setup.images, "detail_kept").scores["detail_kept"]
    return [kept_in_words(float(np.mean(shares)), (setup.images.shape[2], setup.images.shape[1]))]


def _settings(settings: Mapping[str, Any]) -> Settings:
    allowed = Settings().as_dict()
    for name in settings:
        if name not in allowed:
            raise UnknownName.of("setting of evaluate", name, allowed)
    return Settings(**settings).checked_values()


def _method_settings(name: str, settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """A method's settings; the seed goes to those that draw."""
    if find(name).description.question:
        raise NotApplicable(
            f"{name} tells {find(name).description.question}: no order of pixels is right or wrong by that, so it "
            f"cannot be scored. `saccade explain -m {name}` draws it."
        )
    allowed = settings_of(find(name))
    for setting in settings:
        if setting not in allowed:
            raise UnknownName.of(f"setting of {name}", setting, allowed)
    return {**({"seed": seed} if "seed" in allowed else {}), **settings}
