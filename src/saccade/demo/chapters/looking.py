"""Where does it look? Every photo with the map of what its code is made of."""

from __future__ import annotations

import numpy as np

from saccade.demo import recipes
from saccade.demo.markup import Markup, element, exact, joined
from saccade.demo.naming import listed
from saccade.demo.photo_views import peaks_of, photo_views, share
from saccade.demo.photos import EXPLAINED, DescribedPhoto
from saccade.demo.workspace import Workspace
from saccade.picture.numerals import number
from saccade.results import Attribution


def looking(workspace: Workspace) -> Markup:
    """Cover and see, for all photos."""
    attribution = workspace.attribution("occlusion", len(EXPLAINED))
    patch, holes = attribution.settings["patch"], int(attribution.settings["holes"])
    height, width = attribution.images.shape[1:3]
    part = patch[0] * patch[1] / (height * width)
    plates = [
        element(
            "div",
            photo_views(
                workspace,
                attribution,
                photo,
                _caption(attribution, workspace.index(photo), photo),
                suffix="-look",
            ),
            recipes.heat(photo.file).markup(),
            class_="cell",
        )
        for photo in EXPLAINED
    ]
    return joined(
        element(
            "p",
            "Every photo was covered ",
            exact(holes, f"{holes}"),
            " times, each time at another place, by a blurred patch of itself, ",
            exact(part, f"1/{number(1 / part)}"),
            " of its area. The brighter a place, the more of the code depends on it. Grey means: under its own blur "
            "the place gives nearly the same code.",
        ),
        element("div", plates, class_="plates"),
        element(
            "p",
            "Every photo has a scale of its own; the thin lines run at 1/4, 1/2 and 3/4 of it. A pixel shows "
            "the mean of all patches that covered it, so the colours end below the strongest single patch. Method: "
            f"{attribution.title.lower()}; {'; '.join(attribution.notes)}.",
            class_="small",
        ),
    )


def _caption(attribution: Attribution, index: int, photo: DescribedPhoto) -> Markup:
    top = peaks_of(attribution, index, photo)
    typical = float(np.median(attribution.raw[index]))
    more = f" {listed([peak.name for peak in top[1:]])}".rstrip() if len(top) > 1 else ""
    return joined(
        element("b", photo.title, ". "),
        f"Most of all {top[0].name}: hiding a patch there changes ",
        share(top[0].value),
        " of the code (a typical patch: ",
        share(typical),
        ").",
        f" Next:{more}." if more else None,
    )
