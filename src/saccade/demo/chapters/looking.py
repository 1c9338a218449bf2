"""Where does it look? Every photo with the map of what its code is made of."""

from __future__ import annotations

import numpy as np

from saccade.demo import recipes
from saccade.demo.chapters.another_network import another_network
from saccade.demo.markup import Markup, element, exact, joined
from saccade.demo.naming import listed
from saccade.demo.photo_views import METHOD, patch_shares, peaks_of, photo_views, share
from saccade.demo.photos import EXPLAINED, DescribedPhoto
from saccade.demo.workspace import Workspace
from saccade.evaluation.untrained import explain_beside_untrained
from saccade.results import Attribution


def looking(workspace: Workspace) -> Markup:
    """Bring into focus and see, for all photos; and what networks say that have learned nothing."""
    attribution = workspace.attribution(METHOD, len(EXPLAINED))
    change = attribution.scores["score"] - attribution.scores["score_at_baseline"]
    gap = float(np.abs(attribution.scores["completeness_gap"] / change).max())
    untrained = explain_beside_untrained(workspace.encoder, workspace.images[: len(EXPLAINED)], METHOD).untrained
    assert untrained is not None
    likeness = float(untrained.likeness.mean())
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
            "Every photo starts as a blur and comes into focus in small steps. At each step the network's own "
            "arithmetic tells what every pixel adds to the code, and all that is added is shared out among the "
            "pixels, to within ",
            share(gap),
            ". Orange adds; blue takes away. Grey means: coming into focus adds next to nothing there, since a plain "
            "surface is cheap to describe. ",
            exact(len(untrained.likeness), f"{len(untrained.likeness)}"),
            " networks of the same shape that never learned anything were asked the same: their maps have a rank "
            "correlation of ",
            exact(likeness, f"{likeness:.2f}"),
            " with these, where 1 would be the same map.",
        ),
        element("div", plates, class_="plates"),
        element(
            "p",
            "Every photo has a scale of its own; the thin lines run at 1/4, 1/2 and 3/4 of it. Method: "
            f"{attribution.title.lower()}; {'; '.join(attribution.notes)}.",
            class_="small",
        ),
        another_network(workspace),
    )


def _caption(attribution: Attribution, index: int, photo: DescribedPhoto) -> Markup:
    top = peaks_of(attribution, index, photo)
    typical = float(np.median(patch_shares(attribution, index)))
    more = f" {listed([peak.name for peak in top[1:]])}".rstrip() if len(top) > 1 else ""
    return joined(
        element("b", photo.title, ". "),
        f"Most of all {top[0].name}: that patch holds ",
        share(top[0].value),
        " of what the details add (a typical patch: ",
        share(typical),
        ").",
        f" Next:{more}." if more else None,
    )
