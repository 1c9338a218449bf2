"""What a method is: a function from images and a target to a map, with a title, a source, and what it needs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, cast, overload

from saccade.arguments import check_arguments
from saccade.attribution.filled_tokens import filled_tokens
from saccade.attribution.shared_arguments import documented
from saccade.encoder import Encoder
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.typing import Array

Need = Literal["gradients", "taps", "layer_weights", "attention", "linearised"]


@dataclass(frozen=True)
class Description:
    """How a method is called among people, and what it needs.

    Attributes:
        title: The field's name for it.
        summary: What it does, for readers who know nothing of networks.
        source: Where it was published.
        cost: What it costs, in words.
        needs: What the network must be able to do (`models.Capabilities`).
        question: What its map answers, where that is not what the target asks.
    """

    title: str
    summary: str
    source: str
    cost: str
    needs: tuple[Need, ...] = ()
    question: str = ""


class Method(Protocol):
    """A method: `method(encoder, images, target, **settings)`; in place of the encoder it takes a `Run` on one."""

    __name__: str
    description: Description

    @overload
    def __call__(self, run: Run | Encoder, images: Array, target: Target, **settings: Any) -> Map: ...

    @overload
    def __call__(self, run: Run | Encoder, images: Array, target: Sequence[Target], **settings: Any) -> list[Map]: ...

    def __call__(self, run: Run | Encoder, images: Array, target: Any, **settings: Any) -> Any:
        """One target gives one map, several give a list."""
        ...


def method(
    *,
    title: str,
    summary: str,
    source: str,
    cost: str,
    needs: Sequence[Need] = (),
    together: bool = False,
    question: str = "",
) -> Callable[[Callable[..., Any]], Method]:
    """Make a function a method, which then takes one target and gives a map, or several and gives a list.

    The function is `function(run, images, target, *, ...settings)` and gives a `Map`. What it asks, it asks of the
    `Run`. Before anything is computed the network is checked for what the method needs. Its documentation lists its own
    settings under `Settings:`; what all methods share is written beside them.

    Args:
        title: The field's name for it.
        summary: What it does, for readers who know nothing of networks.
        source: Where it was published.
        cost: What it costs, in words.
        needs: What the network must be able to do: `"gradients"`, `"taps"`, `"layer_weights"`, `"attention"`,
            `"linearised"`.
        together: The function itself takes a sequence of targets and gives a list of maps, all from the same passes.
        question: What its map answers, where that is not what the target asks; the headline of its pages.

    Example:
        >>> @saccade.method(title="Brightness", summary="where it is bright", source="mine", cost="none")
        ... def brightness(run, images, target):
        ...     return saccade.Map(images.mean(-1), images, units="pixel value", signed=False)
        >>> saccade.explain(encoder, "cat.jpg", brightness).title
        'Brightness'
    """

    def mark(function: Callable[..., Any]) -> Method:
        name = getattr(function, "__name__", "method")

        @functools.wraps(function)
        def explaining(run: Run | Encoder, images: Array, target: Target | Sequence[Target], **settings: Any) -> Any:
            run = run if isinstance(run, Run) else Run(run)
            run.require(*needs, what=name)
            settings = check_arguments(name, function, settings)
            targets = [target] if isinstance(target, Target) else list(target)
            maps: list[Any] = []
            groups = [targets] if together else targets
            for number, explained in enumerate(groups):
                with run.equal_part(number, len(groups)):
                    own_maps = function(run, images, explained, **settings)
                maps += own_maps if together else [own_maps]
            if any("filler" in own.settings for own in maps):
                notes = filled_tokens(run.encoder, (images.shape[1], images.shape[2]))
                maps = [replace(own, notes=(*own.notes, *notes)) for own in maps]
            return maps[0] if isinstance(target, Target) else maps

        explaining.__doc__ = documented(function)
        explaining.description = Description(title, summary, source, cost, tuple(needs), question)  # type: ignore[attr-defined]
        return cast("Method", explaining)

    return mark


def settings_of(method: Method) -> dict[str, inspect.Parameter]:
    """The settings that a method takes, by name, with their defaults."""
    parameters = inspect.signature(method).parameters.values()
    return {parameter.name: parameter for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}
