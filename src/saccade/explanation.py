"""Asking one method about some images: the only place where an `Attribution` is made."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, overload

import numpy as np

from saccade.arguments import check_arguments
from saccade.attribution.defaults import default_method, measured_caution
from saccade.attribution.degenerate import code_degeneracies, map_degeneracies
from saccade.attribution.method import Description, Method, settings_of
from saccade.attribution.sum_sizes import dominated_parts
from saccade.encoder import Encoder, as_encoder
from saccade.engines import OnEstimate, Progress, Stop
from saccade.errors import InputError, NotApplicable, SaccadeWarning, UnknownName
from saccade.images import Images
from saccade.late_images import LateImages
from saccade.methods import available, find
from saccade.overflow import TOO_LARGE, no_numbers, overflow_noticed
from saccade.results import Attribution
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target, code, parse


@overload
def explain(
    encoder: Encoder | Any,
    images: Any,
    method: str | Method | None = None,
    target: Target | str | None = None,
    *,
    progress: Progress | None = None,
    stop: Stop | None = None,
    on_partial: Callable[[Attribution], None] | None = None,
    on_estimate: OnEstimate | None = None,
    partial_after: float = 0.0,
    **settings: Any,
) -> Attribution: ...


@overload
def explain(
    encoder: Encoder | Any,
    images: Any,
    method: str | Method | None = None,
    *,
    target: Sequence[Target | str],
    progress: Progress | None = None,
    stop: Stop | None = None,
    on_partial: Callable[[Attribution], None] | None = None,
    on_estimate: OnEstimate | None = None,
    partial_after: float = 0.0,
    **settings: Any,
) -> list[Attribution]: ...


def explain(
    encoder: Encoder | Any,
    images: Any,
    method: str | Method | None = None,
    target: Target | str | Sequence[Target | str] | None = None,
    *,
    progress: Progress | None = None,
    stop: Stop | None = None,
    on_partial: Callable[[Attribution], None] | None = None,
    on_estimate: OnEstimate | None = None,
    partial_after: float = 0.0,
    **settings: Any,
) -> Attribution | list[Attribution]:
    """Where does the encoder look in these images?

    Any number of threads may explain with one encoder at once; each call has its own progress, stop and partials.

    Args:
        encoder: The model and its code; a live Keras model or torch module is made an `Encoder` with its defaults.
        images: Paths, PIL images, arrays, or what `encoder.read` gave.
        method: The name of a method, see `saccade.methods.available()`; or a function made with `@saccade.method`. By
            default that of `saccade.attribution.defaults` for this kind of code; the notes say why.
        target: What is explained; the whole code by default. A `Target` or its text form, or a list of them: methods
            that cover parts of the image encode each covered image once for all targets.
        progress: Called with what is done and what there is in all, once from the beginning to the end of the call for
            the methods of this library. A method that does not say what it expects (`Run.expect`) is counted anew for
            each question that it asks.
        stop: Asked between pieces; True ends the call with `Cancelled`.
        on_partial: Called with the map so far, again and again while the method refines it, for each target; the last
            one is the result. Pieces are smaller then, so that the first one comes soon.
        on_estimate: Called with an `engines.Estimate` of how long a question takes, once two of its pieces are done.
        partial_after: Maps so far are handed out only where a question takes more seconds than that by its estimate,
            in pieces of the size that is fastest; the result itself is not.
        **settings: The method's own settings.

    Returns:
        The maps with their units, which draw and save themselves; a list of them for a list of targets.

    Raises:
        UnknownName: No such method, target or setting.
        ModelError: The model gives no finite numbers for any of the images.
        NotApplicable: The method cannot answer for this model or code; the message names one that can.
        Cancelled: `stop` said so.

    Example:
        >>> attribution = saccade.explain(encoder, "cat.jpg")
        >>> attribution.overlay()[0].save("cat.png")
    """
    encoder = as_encoder(encoder)
    stated = (
        target
        if isinstance(target, Sequence) and not isinstance(target, (str, bytes))
        else [code() if target is None else target]
    )
    targets = [single if isinstance(single, Target) else parse(single) for single in stated]
    if not targets:
        raise InputError("no target was given; leave it out for the whole code.")
    stand_in: tuple[str, ...] = ()
    if method is None:
        method, stand_in = default_method(encoder, targets)
    callbacks = {"progress": progress, "stop": stop, "on_partial": on_partial, "on_estimate": on_estimate}
    check_arguments("explain", explain, {**callbacks, "partial_after": partial_after})
    function = _method(method)
    name = method if isinstance(method, str) else getattr(function, "__name__", "method")
    _check_settings(function, name, settings)
    _check_needs(encoder, name, function.description)
    late = LateImages(encoder, images)

    def attribution(explained: Target, method_map: Map, notes: tuple[str, ...] = ()) -> Attribution:
        all_notes = (*stand_in, *measured_caution(encoder, name, explained), *notes)
        return _attribution(encoder, late.images, name, function.description, explained, method_map, all_notes)

    def hand_out(maps: list[Map]) -> None:
        assert on_partial is not None
        for explained, method_map in zip(targets, maps, strict=True):
            on_partial(attribution(explained, method_map))

    run = Run(
        encoder,
        progress=progress,
        stop=stop,
        on_partial=None if on_partial is None else hand_out,
        on_estimate=on_estimate,
        partial_after=partial_after,
    )
    run.meanwhile = lambda: late.images
    with overflow_noticed() as overflows:
        maps = function(run, late.array, targets, **settings)
    run.finish_progress()
    _check_finite(encoder, maps, is_overflown=bool(overflows))
    # Only what was encoded anyway is looked at: a check must not cost a pass.
    codes = run.known_codes(late.array)
    notes = () if codes is None else code_degeneracies(codes, late.images.names)
    use: Literal["gradient", "occlusion"] = "gradient" if "gradients" in function.description.needs else "occlusion"
    results = []
    for explained, method_map in zip(targets, maps, strict=True):
        sizes = dominated_parts(run, late.array, explained, use)
        if sizes is not None:
            warnings.warn(sizes.warning, SaccadeWarning, stacklevel=2)
        own = notes if sizes is None else (sizes.note, *notes)
        results.append(attribution(explained, method_map, own))
    if on_partial is not None and not partial_after:
        for result in results:
            on_partial(result)
    return results if stated is target else results[0]


def _check_finite(encoder: Encoder, maps: Sequence[Map], *, is_overflown: bool) -> None:
    """One photo of many may have no map, which its notes say; where none has one, the model is to blame."""

    def are_finite() -> Iterator[bool]:
        return (bool(np.isfinite(values).all()) for each in maps for values in each.values)

    if not any(are_finite()):  # mostly the first one is, and the others need not be looked at
        raise no_numbers(encoder.name)
    if is_overflown and all(are_finite()):  # what was divided by it is zero now, and would look like a finding
        raise no_numbers(encoder.name, TOO_LARGE)


def _attribution(
    encoder: Encoder,
    images: Images,
    method: str,
    description: Description,
    target: Target,
    method_map: Map,
    notes: tuple[str, ...],
) -> Attribution:
    return Attribution(
        values=method_map.values,
        raw=method_map.raw,
        units=method_map.units,
        signed=method_map.signed,
        zero_is_mean=method_map.zero_is_mean,
        is_share=method_map.is_share,
        grid=method_map.grid or (method_map.raw.shape[1], method_map.raw.shape[2]),
        images=images,
        method=method,
        title=description.title,
        summary=description.summary,
        target=target.name,
        question=description.question or target.question,
        model=encoder.name,
        layer=encoder.layer_of(target),
        view=method_map.view,
        sentences=method_map.sentences,
        redrawn=method_map.redrawn,
        compared=tuple(encoder.images(reference.source) for reference in target.compared),
        settings=method_map.settings,
        notes=(
            *notes,
            *map_degeneracies(method_map.values, images.names, None if method_map.sentences else target.name),
            *method_map.notes,
            *encoder.notes,
        ),
        scores=method_map.scores,
        fed=encoder.recipe.describe_values(),
    )


def _method(method: str | Method) -> Method:
    if isinstance(method, str):
        return find(method)
    if isinstance(getattr(method, "description", None), Description):
        return method
    what = getattr(method, "__name__", type(method).__name__)
    raise InputError(
        f"method={what!r} is no method: give a name (`saccade methods` lists them), or a function made with "
        "@saccade.method(title=..., summary=..., source=..., cost=...)."
    )


def _check_settings(function: Method, method: str, settings: dict[str, Any]) -> None:
    allowed = settings_of(function) if settings else {}
    for name in settings:
        if name not in allowed:
            if not allowed:
                raise InputError(f"method {method!r} takes no settings; {name!r} was given.")
            raise UnknownName.of(f"setting of {method}", name, allowed)


def _check_needs(encoder: Encoder, method: str, description: Description) -> None:
    """Refuse before computing what the network cannot do, and name the methods that it can."""
    for need in description.needs:
        if not getattr(encoder.capabilities, need):
            able = [
                name
                for name, function in available().items()
                if all(getattr(encoder.capabilities, other) for other in function.description.needs)
            ]
            words = {
                "gradients": "gradients",
                "taps": "layers that can be changed on their way",
                "attention": "attention that can be read",
                "linearised": "attention that can be held constant on the way back",
            }
            raise NotApplicable(
                f"{method} needs {words.get(need, 'weights by layer')}, which {encoder.name!r} does not offer; "
                f"these need none: {', '.join(able)}."
            )
