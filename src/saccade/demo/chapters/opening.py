"""The head of the page: one photograph, lit where the model looks, and one sentence in plain words."""

from __future__ import annotations

import numpy as np

from saccade.demo.markup import Markup, element, figures, joined
from saccade.demo.photographs import CAT, LOOKED_AT
from saccade.demo.plates import peaks_of, plate, share
from saccade.demo.studio import Studio
from saccade.picture.numerals import number


def opening(studio: Studio) -> Markup:
    """What is this page about? Title, what the model is, and the first picture."""
    look = studio.look("occlusion", len(LOOKED_AT))
    encoder = studio.encoder
    numbers = encoder.layer_size(encoder.layer, studio.images.array)
    ratio = studio.images.array[0].size / numbers
    title = element("h1", "Where does a machine look when nobody tells it what matters?")
    deck = element(
        "p",
        "A small network learned to squeeze photographs of clothes into ",
        figures(numbers, f"{numbers:,}"),
        " numbers and to paint them back. It was never told what anything is called. Here it meets a cat, a cup, a "
        "rocket: things it has never seen. These pictures show, by measurement, what it takes notice of.",
        class_="deck",
    )
    return element(
        "header",
        element(
            "div",
            element("div", element("p", "saccade", class_="mark"), title, deck, class_="words"),
            element("div", plate(studio, look, CAT, _caption(studio), shown="spotlight", lazy=False, patch=True),
                    class_="lead"),
            _about(numbers, ratio),
            class_="inner",
        ),
        class_="opening",
    )  # fmt: skip


def _caption(studio: Studio) -> Markup:
    look = studio.look("occlusion", len(LOOKED_AT))
    index = studio.index(CAT)
    top = peaks_of(look, index, CAT)[0]
    typical = float(np.median(look.raw[index]))
    return joined(
        "Hiding the outlined patch over ",
        element("b", top.name),
        " changes ",
        element("b", share(top.value)),
        " of the code, more than anywhere else",
        joined(" and ", figures(top.value / typical, number(top.value / typical)), " times as much as a typical patch")
        if typical > 0
        else None,
        ".",
    )


def _about(numbers: int, ratio: float) -> Markup:
    return element(
        "p",
        "The ",
        element("b", "code"),
        " is all that the network keeps of a picture: ",
        figures(numbers, f"{numbers:,}"),
        " numbers, ",
        figures(1 / ratio, f"1/{number(ratio)}"),
        " of what came in. To find out what a place is worth, it is hidden under a blurred copy of itself and the "
        "code is made again: what changes the code was looked at. The picture stays in its own colours there and "
        "goes dark elsewhere.",
        class_="about",
    )
