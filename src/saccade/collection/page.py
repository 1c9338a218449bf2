"""One page: the answers to the requests about one target side by side, drawn from their results."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from PIL import Image

from saccade.collection.names import LONGEST_LABEL, LONGEST_TARGET, shorten, slug
from saccade.collection.request import Request
from saccade.collection.style import ASPECTS, PageStyle
from saccade.collection.thumbnails import overlay, shrunk
from saccade.errors import InputError
from saccade.methods import find
from saccade.picture import Scale
from saccade.results import methods_sheets
from saccade.targets import Target, parse

if TYPE_CHECKING:
    from saccade.results import Attribution

_DRAWN = 1000
"""Photos are made this small, in pixels on the longer side, where several maps stand on one page."""


@dataclass(frozen=True)
class Page:
    """What stands on a page of every photo.

    Attributes:
        requests: Questions about one target.
        target: That target; the same object for all photos, so that a collection that it reads is encoded once.
        style: How it looks.
        side_by_side: Whether files are named after the methods together, though some may not have answered.
    """

    requests: tuple[Request, ...]
    target: Target
    style: PageStyle
    side_by_side: bool

    @property
    def labels(self) -> list[str]:
        """The labels of the requests."""
        return [request.label for request in self.requests]

    @property
    def suffix(self) -> str:
        """The end of file names: what was asked."""
        return self.suffix_of("methods" if self.side_by_side else self.requests[0].label)

    def suffix_of(self, label: str) -> str:
        """The end of the names of files that belong to one request."""
        beside = any(request.beside_untrained for request in self.requests)
        name = shorten(slug(label), LONGEST_LABEL) + ("-beside-untrained" if beside else "")
        return name if self.target.kind == "code" else f"{name}-{target_slug(self.target)}"

    def only(self, labels: Sequence[str]) -> Page:
        """The same with some of the requests: those that have an answer."""
        return replace(self, requests=tuple(request for request in self.requests if request.label in labels))

    def drawn(
        self, attributions: Sequence[Attribution], scales: Sequence[Scale | None]
    ) -> list[tuple[Callable[[], Image.Image], dict[str, str]]]:
        """For each picture of the page, how it is drawn and how it was made.

        Args:
            attributions: One result a request, of one photo.
            scales: A scale shared with other photos for each, or None.
        """
        theme, view, first = self.style.theme, self.style.view, attributions[0]
        aspect = ASPECTS[self.style.aspect]
        if self.style.overlay_only:
            return [
                (lambda result=result, scale=scale: overlay(result, scale, view=view), result.metadata())  # type: ignore[misc]
                for result, scale in zip(attributions, scales, strict=True)
            ]
        if not self.side_by_side:
            draw = partial(first.figure, theme=theme, scale=scales[0] or "each", view=view, aspect=aspect)
            return [(draw, first.metadata())]
        metadata = {
            key: "; ".join(dict.fromkeys(result.metadata()[key] for result in attributions)) for key in first.metadata()
        }

        def draw_together() -> Image.Image:
            small = [shrunk(result, _DRAWN) for result in attributions]
            return methods_sheets(small, view=view, theme=theme, aspect=aspect)[0]

        return [(draw_together, metadata)]


def pages_of(requests: Sequence[Request], style: PageStyle) -> tuple[Page, ...]:
    """Group requests into pages, one for each target.

    Raises:
        InputError: None, two of one label about one target, several on one scale, or targets of one name.
        UnknownName: A method or a target that does not exist.
    """
    if not requests:
        raise InputError("a run needs at least one request, such as Request('occlusion').")
    targets: dict[str | int, Target] = {}
    grouped: dict[str | int, list[Request]] = {}
    for request in requests:
        if isinstance(request.method, str):
            find(request.method)
        target = parse(request.target) if isinstance(request.target, str) else request.target
        key = target.text or id(target)
        targets.setdefault(key, target)
        grouped.setdefault(key, []).append(request)
    for key, together in grouped.items():
        label, count = Counter(request.label for request in together).most_common(1)[0]
        if count > 1:
            raise InputError(
                f"{count} requests about {targets[key].name} are called {label!r}; give each a label of its own."
            )
        if len(together) > 1 and any(request.beside_untrained for request in together):
            raise InputError(
                "untrained networks stand beside one method's map; ask about each method in a run of its own."
            )
        if style.overlay_only and any(request.beside_untrained for request in together):
            raise InputError(
                "untrained networks stand beside the map on a page, and overlays (--overlay-only) have no page; leave "
                "one of them out."
            )
        if style.scale == "all" and len(together) > 1:
            raise InputError("one scale for all photos goes with one method; each method has units of its own.")
    targets_by_slug: dict[str, Target] = {}
    for target in targets.values():
        other = targets_by_slug.setdefault(target_slug(target).casefold(), target)
        if other is not target:
            raise InputError(
                f"targets {other.name} and {target.name} would have the same file names; ask about them in two runs."
            )
    return tuple(
        Page(tuple(together), targets[key], style, side_by_side=len(together) > 1) for key, together in grouped.items()
    )


def target_slug(target: Target) -> str:
    """A target as part of a file name: its signs become words, so that a sum and its opposite differ."""
    signs = re.sub(r"(?<![^\s:])-", " minus ", target.name).replace(" + ", " plus ")
    return shorten(slug(signs), LONGEST_TARGET)
