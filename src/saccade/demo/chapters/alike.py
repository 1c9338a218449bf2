"""Why are these two alike? Two views of one thing, and a pair that the search found and nobody expected."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from saccade.demo import recipes
from saccade.demo.evidence import sums
from saccade.demo.markup import Markup, element, figures, joined
from saccade.demo.photographs import MOTORCYCLE, MOTORCYCLE_RIGHT
from saccade.demo.places import area, name_of, peaks, region
from saccade.demo.plates import key, picture, share
from saccade.demo.search import Candidate, Found, outside_of, search
from saccade.demo.studio import PHOTOGRAPHS, Saved, Studio
from saccade.pairs import compare, mean_code
from saccade.picture import Bar, overlay, stretch
from saccade.picture.contours import legible
from saccade.picture.numerals import number, signed
from saccade.results import Similarity

_UNIT = "what this place adds to the similarity"
_NOTABLE = -0.02
"""Evidence against is worth a word from this share of the score on."""
_LITTLE = 0.75
"""A subject with less than this part of what its size would give it is said to count little."""


def alike(studio: Studio) -> Markup:
    """Two pairs, each split over the places of both photographs."""
    mean = mean_code(studio.encoder, studio.images).code
    found = search(studio.encoder, studio.images, studio.photographs, mean)
    others = _others(studio.encoder.codes(studio.images) - mean, studio)
    return joined(
        element(
            "p",
            "To this network, two pictures are alike when their codes point the same way: 1 would be the same code, "
            "0 nothing in common. That one number can be taken apart without remainder: every place adds its share, "
            "for or against. What all these photographs have in common was taken off first. Any two of them score ",
            figures(others, signed(others)),
            " on average, the two views of the motorcycle aside.",
        ),
        _pair(
            studio,
            Candidate(MOTORCYCLE),
            Candidate(MOTORCYCLE_RIGHT),
            "motorcycle",
            "One motorcycle, two points of view",
            _expected,
        ),
        _pair(studio, found.a, found.b, "surprise", _headline(found), lambda why: _surprise(why, found)),
    )


def _pair(
    studio: Studio, a: Candidate, b: Candidate, name: str, title: str, say: Callable[[Similarity], Markup]
) -> Markup:
    paths = [each.file(studio) for each in (a, b)]
    why = compare(studio.encoder, *(studio.folder / path for path in paths), reference=studio.folder / PHOTOGRAPHS)
    scale = why.scale()
    made = why.metadata()
    maps = [
        stretch(shares, photo.original.shape[0], photo.original.shape[1])
        for shares, photo in zip((why.shares_a, why.shares_b), why.photos, strict=True)
    ]
    lines = all(legible(values, scale) for values in maps)
    drawn = [
        overlay(photo.original, values, scale, contours=lines, least=900)
        for photo, values in zip(why.photos, maps, strict=True)
    ]
    saved = [studio.save(image, f"pictures/{name}-{side}.webp", made) for side, image in zip("ab", drawn, strict=True)]
    page = studio.save(why.figure(), f"pictures/{name}.webp", made)
    sides = [_side(each, photo, candidate, why, side)
             for side, (each, photo, candidate) in enumerate(zip(saved, paths, (a, b), strict=True))]  # fmt: skip
    return element(
        "section",
        element("h3", title),
        element(
            "figure",
            element(
                "div",
                sides[0],
                _score(why.score),
                sides[1],
                class_="two",
            ),
            element("div", key(Bar(scale, _UNIT, contours=lines)), sums(why.shares, why.score), class_="below"),
            element("figcaption", say(why)),
        ),
        element("p", element("a", "The same as one picture", href=page.path), class_="small"),
        recipes.pair(*paths).markup(),
        class_="pair",
    )  # fmt: skip


def _score(value: float) -> Markup:
    return element("p", element("b", figures(value, number(value))), element("span", "similarity"), class_="score")


def _side(saved: Saved, photo: str, candidate: Candidate, why: Similarity, side: int) -> Markup:
    shares = (why.shares_a, why.shares_b)[side]
    where, held = region(np.maximum(shares, 0))
    part = ", a part of the photograph" if candidate.cut else ""
    alt = (
        f"{candidate.photograph.alt}{part}. Orange where a place raised the similarity, blue where it lowered it; "
        f"{100 * held:.0f} % of the orange lies in {where}."
    )
    return element(
        "div",
        picture(saved, alt),
        element("a", "the plain photo", href=photo, class_="small"),
    )


def _expected(why: Similarity) -> Markup:
    first = peaks(why.shares, _cell(why), MOTORCYCLE, 1)[0]
    box = MOTORCYCLE.subject_box
    assert box is not None
    outside, filled = outside_of(why.shares, box), area(box)
    little = 1 - outside < _LITTLE * filled
    surprise = joined(
        " Only " if little else " ",
        share(1 - outside),
        " of what speaks for it lies on the motorcycle, which fills ",
        share(filled),
        " of the picture",
        ": what is near has shifted most between the views, what is far has stayed." if little else ".",
    )
    lowered = float(why.shares[why.shares < 0].sum())
    against = (
        " Blue places spoke against it: there the two views differ."
        if lowered < _NOTABLE * why.score
        else " Almost nothing speaks against it."
    )
    return joined(
        "The camera moved one step aside, and the network still finds ",
        figures(why.score, number(why.score)),
        " of 1. The strongest evidence is ",
        element("b", first.name),
        ".",
        surprise,
        against,
    )


def _headline(found: Found) -> str:
    a, b = (each.photograph.title[:1].lower() + each.photograph.title[1:] for each in (found.a, found.b))
    return f"{a[:1].upper()}{a[1:]} and {b}: alike, but why?"


def _surprise(why: Similarity, found: Found) -> Markup:
    cell = peaks(why.shares, _cell(why), found.a.photograph, 1)[0]
    x, y = (cell.box[0] + cell.box[2]) / 2, (cell.box[1] + cell.box[3]) / 2
    names = [name_of(each.photograph, *each.onto_photo(x, y)) for each in (found.a, found.b)]
    said: list[Markup] = []
    outside: list[float] = []
    for each in (found.a, found.b):
        box = each.subject_box
        if box is not None:
            outside.append(outside_of(why.shares, box))
            said.append(
                joined(share(outside[-1]), f" of what speaks for it lies outside {each.photograph.subject}, which take",
                       "s" if each.photograph.one else None, " up ", share(area(box)), " of the picture")
            )  # fmt: skip
    reason = joined(" The reason is ", element("b", "not the subject"), ": ") if min(outside) > 0.5 else " In numbers: "
    return joined(
        "Nobody would file these two together; of ",
        figures(found.tried, f"{found.tried:,}"),
        " pairs of photographs and cut-outs that were compared, this one stood out.",
        reason,
        said[0],
        joined(" and ", said[1]) if len(said) > 1 else None,
        "; ",
        _most(why),
        f". The strongest single place shows {names[0]} in the one and {names[1]} in the other.",
    )


def _most(why: Similarity) -> Markup:
    where, held = region(np.maximum(why.shares, 0))
    if held >= 1:
        return joined("it is spread over the whole picture")
    return joined("most of it (", share(held), f") comes from {where}")


def _cell(why: Similarity) -> tuple[float, float]:
    return 1 / why.shares.shape[0], 1 / why.shares.shape[1]


def _others(codes: NDArray[np.floating], studio: Studio) -> float:
    """The mean similarity of all pairs but the two views of one thing."""
    flat = codes.reshape(len(codes), -1).astype(np.float64)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    both = {studio.index(MOTORCYCLE), studio.index(MOTORCYCLE_RIGHT)}
    pairs = [(a, b) for a, b in combinations(range(len(flat)), 2) if {a, b} != both]
    return float(np.mean([flat[a] @ flat[b] for a, b in pairs]))
