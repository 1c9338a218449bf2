"""The same photos through a network that learned what things are called: does it look at the same places?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.demo import recipes
from saccade.demo.markup import Markup, element, exact, joined
from saccade.demo.photo_views import image, share
from saccade.demo.photos import ASTRONAUT, CAMERAMAN, CAT, CUP, MOTORCYCLE, ROCKET, Box, DescribedPhoto
from saccade.demo.second_encoder import MISSING, TITLE
from saccade.demo.workspace import PHOTOS, Workspace
from saccade.explanation import explain
from saccade.picture.numerals import number
from saccade.results import Attribution
from saccade.results.map_sentence import area, inside

METHOD = "layer_cam"
"""Where the cells that make the code light up: asked of both networks, and answered in a second by either."""
SHOWN = (CAT, CUP, ASTRONAUT, CAMERAMAN, ROCKET, MOTORCYCLE)


def another_network(workspace: Workspace) -> Markup:
    """Both networks beside each other on the same photos, or a line that says how to get the second."""
    heading = element("h3", "And a network that knows what things are called?")
    if workspace.second is None:
        return joined(
            heading,
            element("p", f"With {TITLE} installed (", element("code", MISSING), ") it is shown here beside the first."),
        )
    paths = [workspace.folder / PHOTOS / photo.file for photo in SHOWN]
    first, second = (
        explain(encoder, encoder.read(paths), method=METHOD) for encoder in (workspace.encoder, workspace.second)
    )
    on_subject = [[subject_share(each, index) for index in range(len(SHOWN))] for each in (first, second)]
    areas = [_box(photo) for photo in SHOWN]
    more = sum(theirs > ours for ours, theirs in zip(*on_subject, strict=True))
    strips = [_strip(workspace, index, (first, second), on_subject) for index in range(len(SHOWN))]
    return joined(
        heading,
        element(
            "p",
            f"{TITLE} learned to tell a thousand kinds of things in photographs apart; its code is "
            "what it knows before it names one. Both networks get the whole photo, and both are asked the same: "
            "where do the cells light up that make the code? On average ",
            share(float(np.mean(on_subject[1]))),
            " of its map lies on the subject, where the autoencoder has ",
            share(float(np.mean(on_subject[0]))),
            " and the subject fills ",
            share(float(np.mean([area(box) for box in areas]))),
            " of the photo; it has more there in ",
            exact(more, f"{more}"),
            f" of {len(SHOWN)} photos.",
        ),
        element("div", strips, class_="strips"),
        element(
            "p",
            f"Method: {first.title}; every map has a scale of its own, from nothing to its largest value. Where "
            "the subject is, people said beforehand by one coarse box a photo.",
            class_="small",
        ),
        recipes.another_network([photo.file for photo in SHOWN], METHOD).markup(),
    )


def subject_share(attribution: Attribution, index: int) -> float:
    """Which share of what a map holds above zero lies in the box of the subject?"""
    raised: NDArray[np.floating] = np.maximum(attribution.values[index], 0)
    return inside(raised, _box(SHOWN[index])) / float(raised.sum())


def _box(photo: DescribedPhoto) -> Box:
    box = photo.subject_box
    assert box is not None, "only photos of one subject are shown"
    return box


def _strip(
    workspace: Workspace, index: int, both: tuple[Attribution, Attribution], on_subject: list[list[float]]
) -> Markup:
    photo = SHOWN[index]
    cells = [
        element("div", image(workspace.photo_file(photo), f"{photo.alt}."), element("span", "Photo", class_="small"))
    ]
    for attribution, name, stem, shares in zip(
        both, ("Autoencoder", TITLE), ("autoencoder", "efficientnet"), on_subject, strict=True
    ):
        single = attribution[index]
        saved = workspace.save(
            single.overlay(least=480)[0], f"images/{photo.stem}-{METHOD}-{stem}.webp", single.metadata()
        )
        most = number(float(np.abs(single.values).max()))
        alt = f"{photo.title} by {name}: {100 * shares[index]:.0f} % of its map on {photo.subject}, at most {most}."
        cells.append(element("div", image(saved, alt), element("span", name, class_="small")))
    return element(
        "figure",
        element("div", cells, class_="three"),
        element(
            "figcaption",
            element("b", photo.title, ". "),
            f"On {photo.subject}: ",
            share(on_subject[0][index]),
            " of the autoencoder's map, ",
            share(on_subject[1][index]),
            f" of {TITLE}'s.",
        ),
        class_="strip-small",
    )
