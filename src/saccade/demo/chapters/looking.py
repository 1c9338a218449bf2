"""Where does it look? Every photograph with the map of what its code is made of."""

from __future__ import annotations

import numpy as np

from saccade.demo import recipes
from saccade.demo.markup import Markup, element, figures, joined
from saccade.demo.photographs import LOOKED_AT, Photograph
from saccade.demo.places import spoken
from saccade.demo.plates import peaks_of, plate, share
from saccade.demo.studio import Studio
from saccade.picture.numerals import number
from saccade.results import Attribution


def looking(studio: Studio) -> Markup:
    """Cover and see, for all photographs."""
    look = studio.look("occlusion", len(LOOKED_AT))
    patch, holes = look.settings["patch"], int(look.settings["holes"])
    height, width = look.images.shape[1:3]
    part = patch[0] * patch[1] / (height * width)
    plates = [
        element(
            "div",
            plate(studio, look, photograph, _caption(look, studio.index(photograph), photograph), suffix="-look"),
            recipes.heat(photograph.file).markup(),
            class_="cell",
        )
        for photograph in LOOKED_AT
    ]
    return joined(
        element(
            "p",
            "Every picture was covered ",
            figures(holes, f"{holes}"),
            " times, each time at another place, by a patch of ",
            figures(part, f"1/{number(1 / part)}"),
            " of its area. The brighter a place, the more of the code depends on it. Grey means: cover it, and the "
            "network hardly notices.",
        ),
        element("div", plates, class_="plates"),
        element(
            "p",
            "Every photograph has a scale of its own; the thin lines run at 1/4, 1/2 and 3/4 of it. A pixel shows "
            "the mean of all patches that covered it, so the colours end below the strongest single patch. Method: "
            f"{look.title.lower()}; {'; '.join(look.notes)}.",
            class_="small",
        ),
    )


def _caption(look: Attribution, index: int, photograph: Photograph) -> Markup:
    top = peaks_of(look, index, photograph)
    typical = float(np.median(look.raw[index]))
    more = f" {spoken([each.name for each in top[1:]])}".rstrip() if len(top) > 1 else ""
    return joined(
        element("b", photograph.title, ". "),
        f"Most of all {top[0].name}: hiding a patch there changes ",
        share(top[0].value),
        " of the code (a typical patch: ",
        share(typical),
        ").",
        f" Next:{more}." if more else None,
    )
