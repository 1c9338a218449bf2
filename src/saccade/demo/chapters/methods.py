"""One method of each family, side by side: do different ways of asking agree?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.demo import recipes
from saccade.demo.markup import Markup, element, figures, joined
from saccade.demo.photographs import LOOKED_AT, Photograph
from saccade.demo.places import spoken
from saccade.demo.plates import picture
from saccade.demo.studio import Studio
from saccade.methods import available, find
from saccade.picture.numerals import number
from saccade.picture.resampling import stretch
from saccade.results import Attribution, methods_sheet
from saccade.results.result import sentence

SHOWN = LOOKED_AT[:6]
"""The photographs of the table."""

FIRST = "occlusion"
"""The method that the others are compared with."""

NAMES = (FIRST, "integrated_gradients", "smoothgrad", "grad_cam", "activation_energy")
"""One of every family, and those that answer in a moment."""


def methods(studio: Studio) -> Markup:
    """One row a photograph, one column a method."""
    found = [_looked(studio, name) for name in NAMES]
    sheet = studio.save(methods_sheet(found), "pictures/methods.webp", {"methods": ", ".join(NAMES)})
    rows = [_row(studio, photograph, found) for photograph in SHOWN]
    words = [_explained(look, found[0]) for look in found]
    heads = [element("span", each) for each in ("Photo", *(look.title for look in found))]
    return joined(
        element(
            "p",
            "There is more than one way to ask a network where it looks. Covering is the plainest. The others "
            "follow the gradients of its arithmetic, or read how strongly each part of the code answers. "
            f"These are {len(NAMES)} of the {len(available())} methods that saccade knows; ",
            element("code", "saccade methods"),
            " lists them all, and ",
            element("code", "saccade evaluate"),
            " tells which to believe.",
        ),
        element("div", element("div", heads, class_="heads", aria_hidden="true"), rows, class_="contact"),
        element("p", _scales(found), class_="small"),
        element("dl", words, class_="methods"),
        element("p", element("a", "The same table as one picture", href=sheet.path), class_="small"),
        recipes.methods([each.file for each in SHOWN], NAMES).markup(),
    )


def _looked(studio: Studio, name: str) -> Attribution:
    """The answer for the photographs of the table, cut from one that is there already where possible."""
    return studio.look(name, len(LOOKED_AT))[: len(SHOWN)] if name == FIRST else studio.look(name, len(SHOWN))


def _row(studio: Studio, photograph: Photograph, found: list[Attribution]) -> Markup:
    index = SHOWN.index(photograph)
    cells = [element("figure", picture(studio.photo(photograph), f"{photograph.alt}."), element("figcaption", "Photo"))]
    for look in found:
        one = look[index]
        saved = studio.save(
            one.overlay(least=480)[0], f"pictures/{photograph.stem}-{look.method}-small.webp", one.metadata()
        )
        most = number(float(np.abs(one.values).max()))
        alt = f"{photograph.title} by {look.title.lower()}, {one.units}: at most {most}."
        cells.append(element("figure", picture(saved, alt), element("figcaption", look.title)))
    return element("div", cells, class_="row")


def _scales(found: list[Attribution]) -> str:
    signed = [look.title for look in found if look.signed]
    also = f" {spoken(signed)}: orange speaks for, blue against." if signed else ""
    return f"Every picture has a scale of its own, from nothing to its largest value.{also}"


def _explained(look: Attribution, first: Attribution) -> Markup:
    plain = sentence(look.summary)
    if look is first:
        said = joined(plain, " The unit: ", look.units, ".")
    else:
        value = agreement(look, first)
        said = joined(
            plain, " The unit: ", look.units, ". Agreement with covering: ", figures(value, number(value)), "."
        )
    return element("div", element("dt", find(look.method).description.title), element("dd", said))


def agreement(look: Attribution, other: Attribution) -> float:
    """Do two methods rank the places alike? Spearman's correlation over the holes' grid, mean over the photographs."""
    rows, columns = other.raw.shape[1:3]
    return float(
        np.mean(
            [
                np.corrcoef(_ranks(stretch(np.abs(one), rows, columns)), _ranks(stretch(two, rows, columns)))[0, 1]
                for one, two in zip(look.values, other.values, strict=True)
            ]
        )
    )


def _ranks(values: NDArray[np.floating]) -> NDArray[np.intp]:
    return values.ravel().argsort(kind="stable").argsort(kind="stable")
