"""Why are these two alike? Two views of one thing, and a pair that a search found and nobody expected."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from saccade.demo import recipes
from saccade.demo.markup import Markup, element, exact, joined
from saccade.demo.naming import name_of, peaks
from saccade.demo.photo_views import image, key, share
from saccade.demo.photos import MOTORCYCLE, MOTORCYCLE_RIGHT
from saccade.demo.score_bars import score_bars
from saccade.demo.search import Candidate, FoundPair, outside_of, search
from saccade.demo.workspace import PHOTOS, Saved, Workspace
from saccade.pairs import compare, mean_code
from saccade.picture import Bar, overlay, stretch
from saccade.picture.contours import legible
from saccade.picture.numerals import number, signed
from saccade.results import Similarity
from saccade.results.map_sentence import area, main_region

_UNIT = "what this place adds to the similarity"
_NOTABLE = -0.02
"""Evidence against is worth a word from this share of the score on."""
_LITTLE = 0.75
"""A subject with less than this part of what its size would give it is said to count little."""


def alike(workspace: Workspace) -> Markup:
    """Two pairs, each split over the places of both photos."""
    mean = mean_code(workspace.encoder, workspace.images).code
    pair = search(workspace.encoder, workspace.images, workspace.photos, mean)
    others = _others(workspace.encoder.codes(workspace.images) - mean, workspace)
    return joined(
        element(
            "p",
            "To this network, two photos are alike when their codes point the same way: 1 would be the same code, "
            "0 nothing in common. That one number can be taken apart without remainder: every place adds its share, "
            "for or against. What all these photos have in common was taken off first. Any two of them score ",
            exact(others, signed(others)),
            " on average, the two views of the motorcycle aside.",
        ),
        _pair(
            workspace,
            Candidate(MOTORCYCLE),
            Candidate(MOTORCYCLE_RIGHT),
            "motorcycle",
            "One motorcycle, two points of view",
            _expected,
        ),
        _pair(workspace, pair.a, pair.b, "surprise", _headline(pair), lambda why: _surprise(why, pair)),
    )


def _pair(
    workspace: Workspace, a: Candidate, b: Candidate, name: str, title: str, say: Callable[[Similarity], Markup]
) -> Markup:
    paths = [candidate.file(workspace) for candidate in (a, b)]
    why = compare(workspace.encoder, *(workspace.folder / path for path in paths), reference=workspace.folder / PHOTOS)
    scale = why.scale()
    metadata = why.metadata()
    maps = [
        stretch(shares, photo.original.shape[0], photo.original.shape[1])
        for shares, photo in zip((why.shares_a, why.shares_b), why.photos, strict=True)
    ]
    lines = all(legible(values, scale) for values in maps)
    drawn = [
        overlay(photo.original, values, scale, contours=lines, least=900)
        for photo, values in zip(why.photos, maps, strict=True)
    ]
    saved = [
        workspace.save(map_, f"images/{name}-{side}.webp", metadata) for side, map_ in zip("ab", drawn, strict=True)
    ]
    page = workspace.save(why.figure(), f"images/{name}.webp", metadata)
    sides = [_side(saved[side], paths[side], (a, b)[side], why, side) for side in (0, 1)]
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
            element("div", key(Bar(scale, _UNIT, contours=lines)), score_bars(why.shares, why.score), class_="below"),
            element("figcaption", say(why)),
        ),
        element("p", element("a", "The same as one image", href=page.path), class_="small"),
        recipes.pair(*paths).markup(),
        class_="pair",
    )  # fmt: skip


def _score(value: float) -> Markup:
    return element("p", element("b", exact(value, number(value))), element("span", "similarity"), class_="score")


def _side(saved: Saved, path: str, candidate: Candidate, why: Similarity, side: int) -> Markup:
    shares = (why.shares_a, why.shares_b)[side]
    where, part_there = main_region(np.maximum(shares, 0))
    part = ", a part of the photo" if candidate.cut else ""
    alt = (
        f"{candidate.photo.alt}{part}. Orange where a place raised the similarity, blue where it lowered it; "
        f"{100 * part_there:.0f} % of the orange lies in {where}."
    )
    return element(
        "div",
        image(saved, alt),
        element("a", "the plain photo", href=path, class_="small"),
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
        " of the photo",
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
        exact(why.score, number(why.score)),
        " of 1. The strongest evidence is ",
        element("b", first.name),
        ".",
        surprise,
        against,
    )


def _headline(pair: FoundPair) -> str:
    a, b = (side.photo.title[:1].lower() + side.photo.title[1:] for side in (pair.a, pair.b))
    return f"{a[:1].upper()}{a[1:]} and {b}: alike, but why?"


def _surprise(why: Similarity, pair: FoundPair) -> Markup:
    cell = peaks(why.shares, _cell(why), pair.a.photo, 1)[0]
    x, y = (cell.box[0] + cell.box[2]) / 2, (cell.box[1] + cell.box[3]) / 2
    names = [name_of(side.photo, *side.onto_photo(x, y)) for side in (pair.a, pair.b)]
    sentences: list[Markup] = []
    outside: list[float] = []
    for side in (pair.a, pair.b):
        box = side.subject_box
        if box is not None:
            outside.append(outside_of(why.shares, box))
            verb = "takes" if side.photo.is_singular else "take"
            where = f" of what speaks for it lies outside {side.photo.subject}, which {verb} up "
            sentences.append(joined(share(outside[-1]), where, share(area(box)), " of the photo"))
    reason = joined(" The reason is ", element("b", "not the subject"), ": ") if min(outside) > 0.5 else " In numbers: "
    return joined(
        "Nobody would file these two together; of ",
        exact(pair.tried, f"{pair.tried:,}"),
        " pairs of photos and cut-outs that were compared, this one stood out.",
        reason,
        sentences[0],
        joined(" and ", sentences[1]) if len(sentences) > 1 else None,
        "; ",
        _most(why),
        f". The strongest single place shows {names[0]} in the one and {names[1]} in the other.",
    )


def _most(why: Similarity) -> Markup:
    where, part = main_region(np.maximum(why.shares, 0))
    if part >= 1:
        return joined("it is spread over the whole photo")
    return joined("most of it (", share(part), f") comes from {where}")


def _cell(why: Similarity) -> tuple[float, float]:
    return 1 / why.shares.shape[0], 1 / why.shares.shape[1]


def _others(codes: NDArray[np.floating], workspace: Workspace) -> float:
    """The mean similarity of all pairs but the two views of one thing."""
    flat = codes.reshape(len(codes), -1).astype(np.float64)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    both = {workspace.index(MOTORCYCLE), workspace.index(MOTORCYCLE_RIGHT)}
    pairs = [(a, b) for a, b in combinations(range(len(flat)), 2) if {a, b} != both]
    return float(np.mean([flat[a] @ flat[b] for a, b in pairs]))
