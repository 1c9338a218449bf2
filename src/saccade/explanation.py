"""Asking one method about some pictures: the only place where an `Attribution` is made."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from saccade.encoder import Encoder
from saccade.errors import InputError, UnknownName
from saccade.methods import Method, find
from saccade.results import Attribution
from saccade.targets import Target, code, parse


def explain(
    encoder: Encoder,
    images: Any,
    method: str = "occlusion",
    target: Target | str | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
    **settings: Any,
) -> Attribution:
    """Where does the encoder look in these pictures?

    Args:
        encoder: The model and its code.
        images: Paths, PIL images, arrays, or what `encoder.read` gave.
        method: The name of a method; see `saccade.methods.available()`.
        target: What is explained; the whole code by default. A `Target` or its text form.
        progress: Called with the pieces done and the pieces in all, for each question that the method asks.
        stop: Asked between pieces; True ends the work with `Cancelled`.
        **settings: The method's own settings.

    Returns:
        The maps with their units, which draw and save themselves.

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
    chosen = target if isinstance(target, Target) else code() if target is None else parse(target)
    read = encoder.images(images)
    engine = encoder.engine
    kept = engine.progress, engine.stop
    engine.progress, engine.stop = progress, stop
    try:
        with encoder.remembering():
            found = function(encoder, read.array, chosen, **settings)
    finally:
        engine.progress, engine.stop = kept
    description = function.description  # type: ignore[attr-defined]
    return Attribution(
        values=found.values,
        raw=found.raw,
        units=found.units,
        signed=found.signed,
        images=read,
        method=method,
        title=description.title,
        plain=description.plain,
        target=chosen.name,
        question=chosen.question,
        model=encoder.name,
        layer=encoder.place(chosen),
        settings=found.settings,
        notes=(*found.notes, *encoder.notes),
        scores=found.scores,
    )


def settings_of(function: Method) -> dict[str, inspect.Parameter]:
    """The settings a method takes, by name, with their defaults."""
    parameters = inspect.signature(function).parameters.values()
    return {each.name: each for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY}


def _check(function: Method, method: str, settings: dict[str, Any]) -> None:
    allowed = settings_of(function)
    for name in settings:
        if name not in allowed:
            if not allowed:
                raise InputError(f"method {method!r} takes no settings; {name!r} was given.")
            raise UnknownName.of(f"setting of {method}", name, allowed)
