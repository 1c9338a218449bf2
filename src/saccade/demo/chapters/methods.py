"""One method of each family, side by side: do different ways of asking agree?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.demo import recipes
from saccade.demo.markup import Markup, element, exact, joined
from saccade.demo.naming import listed
from saccade.demo.photo_views import METHOD, image
from saccade.demo.photos import EXPLAINED, DescribedPhoto
from saccade.demo.workspace import Workspace
from saccade.methods import available, find
from saccade.picture.numerals import number
from saccade.picture.resampling import stretch
from saccade.results import Attribution, methods_sheets
from saccade.results.result import sentence

SHOWN = EXPLAINED[:6]
"""The photos of the table."""

FIRST = METHOD
"""The method that the others are compared with."""

NAMES = (FIRST, "occlusion", "smoothgrad", "grad_cam", "activation_energy")
"""One of every family, and those that answer in a moment."""


def methods(workspace: Workspace) -> Markup:
    """One row a photo, one column a method."""
    attributions = [_attribution(workspace, name) for name in NAMES]
    (drawn,) = methods_sheets(attributions, across=len(attributions))
    sheet = workspace.save(drawn, "images/methods.webp", {"methods": ", ".join(NAMES)})
    rows = [_row(workspace, photo, attributions) for photo in SHOWN]
    words = [_description(attribution, attributions[0]) for attribution in attributions]
    heads = [element("span", head) for head in ("Photo", *(attribution.title for attribution in attributions))]
    return joined(
        element(
            "p",
            "There is more than one way to ask a network where it looks. One brings the photo into focus; the plainest "
            "covers one patch after another; others follow the gradients of the network's arithmetic, or read how "
            "strongly each part of the code answers. "
            f"These are {len(NAMES)} of the {len(available())} methods that saccade knows; ",
            element("code", "saccade methods"),
            " lists them all, and ",
            element("code", "saccade evaluate"),
            " tells which to believe.",
        ),
        element("div", element("div", heads, class_="heads", aria_hidden="true"), rows, class_="contact"),
        element("p", _scales(attributions), class_="small"),
        element("dl", words, class_="methods"),
        element("p", element("a", "The same table as one image", href=sheet.path), class_="small"),
        recipes.methods([photo.file for photo in SHOWN], NAMES).markup(),
    )


def _attribution(workspace: Workspace, name: str) -> Attribution:
    """What a method says of the photos of the table, cut from what is computed already where possible."""
    count = len(EXPLAINED) if name == FIRST else len(SHOWN)
    return workspace.attribution(name, count)[: len(SHOWN)]


def _row(workspace: Workspace, photo: DescribedPhoto, attributions: list[Attribution]) -> Markup:
    index = SHOWN.index(photo)
    cells = [element("figure", image(workspace.photo_file(photo), f"{photo.alt}."), element("figcaption", "Photo"))]
    for attribution in attributions:
        single = attribution[index]
        name = f"images/{photo.stem}-{single.method}-small.webp"
        saved = workspace.save(single.overlay(least=480)[0], name, single.metadata())
        most = number(float(np.abs(single.values).max()))
        alt = f"{photo.title} by {single.title.lower()}, {single.units}: at most {most}."
        cells.append(element("figure", image(saved, alt), element("figcaption", single.title)))
    return element("div", cells, class_="row")


def _scales(attributions: list[Attribution]) -> str:
    signed = [attribution.title for attribution in attributions if attribution.signed]
    also = f" {listed(signed)}: orange speaks for, blue against." if signed else ""
    return f"Every map has a scale of its own, from nothing to its largest value.{also}"


def _description(attribution: Attribution, first: Attribution) -> Markup:
    words = joined(sentence(attribution.summary), " The unit: ", attribution.units, ".")
    if attribution is not first:
        value = agreement(attribution, first)
        words = joined(words, " Agreement with the first: ", exact(value, number(value)), ".")
    return element("div", element("dt", find(attribution.method).description.title), element("dd", words))


def agreement(attribution: Attribution, other: Attribution) -> float:
    """Do two methods rank the places alike? Spearman's correlation of the magnitudes, mean over the photos."""
    rows, columns = other.raw.shape[1:3]
    return float(
        np.mean(
            [
                np.corrcoef(_ranks(stretch(np.abs(one), rows, columns)), _ranks(stretch(np.abs(two), rows, columns)))[
                    0, 1
                ]
                for one, two in zip(attribution.values, other.values, strict=True)
            ]
        )
    )


def _ranks(values: NDArray[np.floating]) -> NDArray[np.intp]:
    return values.ravel().argsort(kind="stable").argsort(kind="stable")
