"""Asking one method about some pictures: the only place where an `Attribution` is made."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import NoneType
from typing import Any, overload

from saccade.attribution.degenerate import code_degeneracies, map_degeneracies
from saccade.encoder import Encoder
from saccade.errors import InputError, UnknownName
from saccade.images import Images
from saccade.methods import Map, Method, find
from saccade.results import Attribution
from saccade.targets import Target, code, parse


@overload
def explain(
    encoder: Encoder,
    images: Any,
    method: str = "occlusion",
    target: Target | str | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
    **settings: Any,
) -> Attribution: ...


@overload
def explain(
    encoder: Encoder,
    images: Any,
    method: str = "occlusion",
    *,
    target: Sequence[Target | str],
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
    **settings: Any,
) -> list[Attribution]: ...


def explain(
    encoder: Encoder,
    images: Any,
    method: str = "occlusion",
    target: Target | str | Sequence[Target | str] | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
    **settings: Any,
) -> Attribution | list[Attribution]:
    """Where does the encoder look in these pictures?

    Args:
        encoder: The model and its code.
        images: Paths, PIL images, arrays, or what `encoder.read` gave.
        method: The name of a method; see `saccade.methods.available()`.
        target: What is explained; the whole code by default. A `Target` or its text form, or a list of them: methods
            that cover parts of the picture encode each covered picture once for all targets.
        progress: Called with the pieces done and the pieces in all, for each question that the method asks.
        stop: Asked between pieces; True ends the work with `Cancelled`.
        **settings: The method's own settings.

    Returns:
        The maps with their units, which draw and save themselves; a list of them for a list of targets.

    Raises:
        UnknownName: No such method, target or setting.
        NotApplicable: The method cannot answer for this code; the message names one that can.
        Cancelled: `stop` said so.

    Example:
        >>> look = saccade.explain(encoder, "cat.jpg", method="occlusion")
        >>> look.overlay()[0].save("cat.png")
    """
    function = find(method)
    _check(function, method, settings)
    alone = isinstance(target, (Target, str, NoneType))
    given: Sequence[Target | str] = [target or code()] if isinstance(target, (Target, str, NoneType)) else target
    chosen = [each if isinstance(each, Target) else parse(each) for each in given]
    if not chosen:
        raise InputError("no target was given; leave it out for the whole code.")
    read = encoder.images(images)
    engine = encoder.engine
    kept = engine.progress, engine.stop
    engine.progress, engine.stop = progress, stop
    try:
        with encoder.remembering():
            maps = function(encoder, read.array, chosen, **settings)
            # Only what was encoded anyway is looked at: a check must not cost a pass.
            codes = encoder.remembered(read.array)
    finally:
        engine.progress, engine.stop = kept
    told = () if codes is None else code_degeneracies(codes, read.names)
    results = [
        _result(encoder, read, function, method, each, found, told) for each, found in zip(chosen, maps, strict=True)
    ]
    return results[0] if alone else results


def _result(
    encoder: Encoder,
    read: Images,
    function: Method,
    method: str,
    target: Target,
    found: Map,
    told: tuple[str, ...],
) -> Attribution:
    return Attribution(
        values=found.values,
        raw=found.raw,
        units=found.units,
        signed=found.signed,
        images=read,
        method=method,
        title=function.description.title,
        plain=function.description.plain,
        target=target.name,
        question=target.question,
        model=encoder.name,
        layer=encoder.place(target),
        settings=found.settings,
        notes=(*told, *map_degeneracies(found.values, read.names, target.name), *found.notes, *encoder.notes),
        scores=found.scores,
    )


def settings_of(function: Method) -> dict[str, inspect.Parameter]:
    """The settings a method takes, by name, with their defaults."""
    parameters = inspect.signature(function).parameters.values()
    return {each.name: each for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY}


def _check(function: Method, method: str, settings: dict[str, Any]) -> None:
    allowed = settings_of(function) if settings else {}
    for name in settings:
        if name not in allowed:
            if not allowed:
                raise InputError(f"method {method!r} takes no settings; {name!r} was given.")
            raise UnknownName.of(f"setting of {method}", name, allowed)
