"""A photo on the page: itself, spotlight and heat map in one frame, with the key to its colours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from saccade.demo.markup import Markup, element, exact, joined
from saccade.demo.naming import Peak, listed, peaks
from saccade.demo.photos import DescribedPhoto
from saccade.demo.workspace import Saved, Workspace
from saccade.explanation import DEFAULT_METHOD
from saccade.picture import Bar
from saccade.picture.numerals import percent
from saccade.picture.overlay import MID_GREY
from saccade.picture.palette import STEPS, palette
from saccade.picture.scales import Scale
from saccade.results import Attribution

METHOD = DEFAULT_METHOD
"""The method of the first pictures."""
PATCH = 1 / 8
"""Side of the patches whose shares are told, as a share of the photo's: one cell of the code."""
_VIEWS = (("heat", "Heat map"), ("spotlight", "Spotlight"), ("photo", "Photo"))


NARROW = "(max-width: 46rem)"
"""Screens on which a wide page could not be read."""


def image(
    saved: Saved,
    alt: str,
    *,
    class_: str | None = None,
    lazy: bool = True,
    dark: Saved | None = None,
    narrow: tuple[Saved, Saved] | None = None,
) -> Markup:
    """An image with its size, so that the page does not jump.

    Args:
        saved: The image.
        alt: What it shows.
        class_: Its class.
        lazy: Load it when the reader comes near.
        dark: Another one for dark paper.
        narrow: Two for narrow screens, on light paper and on dark.
    """
    shown = element(
        "img",
        src=saved.path,
        alt=alt,
        width=saved.width,
        height=saved.height,
        class_=class_,
        loading="lazy" if lazy else None,
    )
    others = [] if dark is None else [("(prefers-color-scheme: dark)", dark)]
    if narrow is not None:  # the first that fits is taken
        others = [(f"{NARROW} and (prefers-color-scheme: dark)", narrow[1]), (NARROW, narrow[0]), *others]
    if not others:
        return shown
    sources = [
        element("source", srcset=other.path, media=media, width=other.width, height=other.height)
        for media, other in others
    ]
    return element("picture", sources, shown)


def key(bar: Bar) -> Markup:
    """What the colours stand for: the strip, its numbers, the unit and the scale."""
    if bar.scale.flat:
        return element("p", bar.remark, class_="key-flat")
    kind = ("signed" if bar.scale.signed else "unsigned") + (" lined" if bar.contours else "")
    # The painted strip is an ornament beside its numbers, which every reader gets as text.
    return element(
        "div",
        element("p", bar.unit, class_="unit"),
        element("div", class_=f"strip {kind}", aria_hidden="true"),
        element("ol", [element("li", text.replace(" %", "\u00a0%")) for _, text in bar.ticks], class_="ticks"),
        class_="key",
    )


def strip_style(signed: bool) -> str:
    """The colours of a strip as a CSS gradient, the same paint as in the images."""
    scale = Scale(-1.0 if signed else 0.0, 1.0, signed=signed)
    colours = palette(scale).over(np.array([MID_GREY], np.float32))
    stops = np.rint(np.linspace(0, STEPS - 1, 25)).astype(int)
    painted = ", ".join("rgb({:.0f} {:.0f} {:.0f})".format(*colours[stop]) for stop in stops)
    return f"linear-gradient(to right, {painted})"


def patch_shares(attribution: Attribution, index: int) -> NDArray[np.float64]:
    """What every patch of `PATCH` adds, as a share of all that the pixels of the photo add, (rows, columns).

    Patches start every half patch, so that none of them falls between two.
    """
    contributions = attribution.raw[index].sum(axis=-1, dtype=np.float64)
    side, step = (round(PATCH * contributions.shape[0]), round(PATCH * contributions.shape[0] / 2))
    windows = np.lib.stride_tricks.sliding_window_view(contributions, (side, side))[::step, ::step]
    return np.asarray(windows.sum(axis=(2, 3)) / contributions.sum())


def peaks_of(attribution: Attribution, index: int, photo: DescribedPhoto, most: int = 3) -> list[Peak]:
    """The patches that add most, as shares of what the whole photo adds, the strongest first."""
    return peaks(patch_shares(attribution, index), (PATCH, PATCH), photo, most)


def photo_views(
    workspace: Workspace,
    attribution: Attribution,
    photo: DescribedPhoto,
    caption: Markup,
    *,
    shown: str = "heat",
    lazy: bool = True,
    patch: bool = False,
    suffix: str = "",
) -> Markup:
    """One photo in its three views, which the reader switches.

    Args:
        workspace: Where the images are saved.
        attribution: What a method says of it, among others.
        photo: Which one.
        caption: What is to be seen.
        shown: The view that is shown first.
        lazy: Load the images when the reader comes near.
        patch: Draw the outline of the patch that adds most.
        suffix: Set apart the controls of a photo that is shown twice.
    """
    index = workspace.index(photo)
    single = attribution[index]
    metadata = single.metadata()
    heat = workspace.save(single.overlay()[0], f"images/{photo.stem}-heat.webp", metadata)
    spotlight = workspace.save(single.spotlight()[0], f"images/{photo.stem}-spotlight.webp", metadata)
    bar = Bar(single.scale(0), single.units, percent=single.is_share)
    top = peaks_of(attribution, index, photo)
    bright = listed([peak.name for peak in top])
    reach = f"The colours run from {bar.ticks[0][1]} to {bar.ticks[-1][1]}." if not bar.scale.flat else bar.remark
    alts = {
        "heat": f"{photo.alt}. Painted over in heat colours, brightest over {bright}. {reach}",
        "spotlight": f"{photo.alt}. Dark and grey except for {bright}, which keep their colours.",
        "photo": f"{photo.alt}.",
    }
    files = {"heat": heat, "spotlight": spotlight, "photo": workspace.photo_file(photo)}
    views = {view: image(files[view], alts[view], class_=view, lazy=lazy) for view, _ in _VIEWS}
    group = f"{photo.stem}{suffix}"
    return element(
        "figure",
        [_switch(group, view, name, view == shown, photo.title) for view, name in _VIEWS],
        element("div", [views[view] for view, _ in _VIEWS], _outline(top[0]) if patch else None, class_="frame"),
        _labels(group),
        key(bar),
        element("figcaption", caption),
        class_="plate",
    )


def _switch(group: str, view: str, name: str, checked: bool, title: str) -> Markup:
    return element(
        "input", type="radio", name=f"view-{group}", id=f"{group}-{view}", class_=f"view view-{view}",
        checked=checked, aria_label=f"{title}: {name}",
    )  # fmt: skip


def _labels(group: str) -> Markup:
    labels = [element("label", name, for_=f"{group}-{view}", class_=f"for-{view}") for view, name in _VIEWS]
    return element("div", labels, class_="views", aria_hidden="true")


def _outline(peak: Peak) -> Markup:
    """The patch as a thin frame, on a grid of a thousandth of the photo."""
    left, top, right, bottom = (1000 * edge for edge in peak.box)
    area = {"x": f"{left:.0f}", "y": f"{top:.0f}", "width": f"{right - left:.0f}", "height": f"{bottom - top:.0f}"}
    frame = [element("rect", class_=name, vector_effect="non-scaling-stroke", **area) for name in ("edge", "line")]
    drawing = {"viewBox": "0 0 1000 1000", "preserveAspectRatio": "none", "aria_hidden": "true", "focusable": "false"}
    return element("svg", frame, class_="outline", **drawing)


def facts(pairs: Sequence[tuple[str, Markup | str]]) -> Markup:
    """A list of names and values."""
    return element("dl", joined(*[element("div", element("dt", name), element("dd", value)) for name, value in pairs]))


def share(value: float) -> Markup:
    """A share as a percentage that also says its exact value."""
    return exact(value, percent(value).replace(" ", "\u00a0"))
