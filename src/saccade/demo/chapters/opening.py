"""The head of the page: one photo, lit where the model looks, and one sentence in plain words."""

from __future__ import annotations

import numpy as np

from saccade.demo.markup import Markup, element, exact, joined
from saccade.demo.photo_views import METHOD, patch_shares, peaks_of, photo_views, share
from saccade.demo.photos import CAT, EXPLAINED
from saccade.demo.workspace import Workspace
from saccade.picture.numerals import number


def opening(workspace: Workspace) -> Markup:
    """What is this page about? Title, what the model is, and the first picture."""
    attribution = workspace.attribution(METHOD, len(EXPLAINED))
    encoder = workspace.encoder
    numbers = encoder.layer_size(encoder.layer, workspace.images.array)
    ratio = workspace.images.array[0].size / numbers
    title = element("h1", "Where does a machine look when nobody tells it what matters?")
    deck = element(
        "p",
        "A small network learned to squeeze photos of clothes into ",
        exact(numbers, f"{numbers:,}"),
        " numbers and to paint them back. It was never told what anything is called. Here it meets a cat, a cup, a "
        "rocket: things it has never seen. These pictures show, by measurement, what it takes notice of.",
        class_="deck",
    )
    views = photo_views(workspace, attribution, CAT, _caption(workspace), shown="spotlight", lazy=False, patch=True)
    return element(
        "header",
        element(
            "div",
            element("div", element("p", "saccade", class_="mark"), title, deck, class_="words"),
            element("div", views, class_="lead"),
            _about(numbers, ratio),
            class_="inner",
        ),
        class_="opening",
    )  # fmt: skip


def _caption(workspace: Workspace) -> Markup:
    attribution = workspace.attribution(METHOD, len(EXPLAINED))
    index = workspace.index(CAT)
    top = peaks_of(attribution, index, CAT)[0]
    typical = float(np.median(patch_shares(attribution, index)))
    return joined(
        "The outlined patch over ",
        element("b", top.name),
        ", 1/64 of the photo, holds ",
        element("b", share(top.value)),
        " of what its details add to the code, more than any other",
        joined(" and ", exact(top.value / typical, number(top.value / typical)), " times as much as a typical patch")
        if typical > 0
        else None,
        ".",
    )


def _about(numbers: int, ratio: float) -> Markup:
    return element(
        "p",
        "The ",
        element("b", "code"),
        " is all that the network keeps of a photo: ",
        exact(numbers, f"{numbers:,}"),
        " numbers, ",
        exact(1 / ratio, f"1/{number(ratio)}"),
        " of what came in. To find out what a place is worth, the photo is brought into focus step by step, from a "
        "blur, and every pixel is credited with what its detail adds to the code. The photo stays in its own colours "
        "where much is added and goes dark elsewhere.",
        class_="about",
    )
