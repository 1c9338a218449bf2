"""Why are these two alike? Two views of one thing, and a pair that a search found; by one network and by another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from saccade.demo import recipes
from saccade.demo.markup import Markup, element, exact, joined
from saccade.demo.naming import name_of, peaks
from saccade.demo.photo_views import image, share
from saccade.demo.photos import MOTORCYCLE, MOTORCYCLE_RIGHT
from saccade.demo.search import Candidate, FoundPair, outside_of, search
from saccade.demo.second_encoder import FIT, MISSING, SECOND, TITLE
from saccade.demo.workspace import MODEL, PHOTOS, Workspace
from saccade.encoder import Encoder
from saccade.pairs import compare, mean_code
from saccade.picture.numerals import number, signed
from saccade.results import Similarity
from saccade.results.map_sentence import area
from saccade.results.similarity_words import headline, match_sentence

_WIDE, _NARROW = 1300, 460
"""Widths of the picture, for screens of any size and for telephones."""
_DENSER = 1.1
"""With so many times what its area would give it, the subject made two photos alike; with less than one such part, the
background did."""


@dataclass(frozen=True)
class Network:
    """One of the two networks.

    Attributes:
        title: What it is called on the page.
        stem: What its files are called.
        encoder: The encoder.
        model: How commands name it.
        fit: How it is told to fit photos, if it is.
    """

    title: str
    stem: str
    encoder: Encoder
    model: str
    fit: str | None = None


def alike(workspace: Workspace) -> Markup:
    """Two pairs, each split over the places of both photos, by each network."""
    first = Network("the autoencoder", "autoencoder", workspace.encoder, MODEL)
    mean = mean_code(workspace.encoder, workspace.images).code
    found = search(workspace.encoder, workspace.images, workspace.photos, mean)
    others = _others(workspace.encoder.codes(workspace.images) - mean, workspace)
    views = Candidate(MOTORCYCLE), Candidate(MOTORCYCLE_RIGHT)
    return joined(
        element(
            "p",
            "To this network, two photos are alike when their codes point the same way: 1 would be the same code, "
            "0 nothing in common. That one number can be taken apart without remainder: every place adds its share, "
            "for or against, and the strongest parts are joined by lines. What all these photos have in common was "
            "taken off first. Any two of them score ",
            exact(others, signed(others)),
            " on average, the two views of the motorcycle aside.",
        ),
        _pair(workspace, first, views, "motorcycle", "One motorcycle, two points of view", _same_thing),
        _pair(workspace, first, (found.a, found.b), "surprise", _title(found), lambda why: _surprise(why, found)),
        second_pairs(workspace, views, found),
    )


def second_pairs(workspace: Workspace, views: tuple[Candidate, Candidate], found: FoundPair) -> Markup:
    """The same pairs by the other network, or a line that says how to get it."""
    if workspace.second is None:
        words = f"With {TITLE} installed ("
        return element("p", words, element("code", MISSING), ") the same pairs are shown as it sees them.")
    network = Network(TITLE, "efficientnet", workspace.second, SECOND, FIT)
    return joined(
        element("h3", "The same pairs, by a network that knows what things are called"),
        element(
            "p",
            f"The code of {TITLE} is one mean over all places of the photo, so where something lies does not matter: "
            "every place of the one photo is compared with every place of the other.",
        ),
        _pair(workspace, network, views, "motorcycle", "Two points of view, once more", _nothing_more),
        _pair(workspace, network, (found.a, found.b), "surprise", "Are these two alike to it too?", _nothing_more),
    )


def _pair(
    workspace: Workspace,
    network: Network,
    both: tuple[Candidate, Candidate],
    name: str,
    title: str,
    say: Callable[[Similarity], Markup],
) -> Markup:
    paths = [candidate.file(workspace) for candidate in both]
    why = compare(
        network.encoder, *(workspace.folder / path for path in paths), reference=workspace.folder / PHOTOS, cover=True
    )
    light, dark, *narrow = (
        workspace.save(
            why.figure(theme=theme, width=width), f"images/{name}-{network.stem}{suffix}.webp", why.metadata()
        )
        for theme, width, suffix in (
            ("light", _WIDE, ""),
            ("dark", _WIDE, "-dark"),
            ("light", _NARROW, "-narrow"),
            ("dark", _NARROW, "-narrow-dark"),
        )
    )
    told = headline(why.score, why.shares_a, why.shares_b, matches=why.matches)
    alt = (
        f"{both[0].photo.title} and {both[1].photo.title.lower()} side by side, to {network.title} {told}. Their "
        f"matching parts are outlined and joined by lines. {match_sentence(why.score, why.matches)}"
    )
    plain = [
        joined(element("a", f"the {which} photo alone", href=path), ". ")
        for which, path in zip(("first", "second"), paths, strict=True)
    ]
    return element(
        "section",
        element("h4" if network.fit else "h3", title),
        element(
            "figure",
            element("div", image(light, alt, dark=dark, narrow=(narrow[0], narrow[1])), class_="whole"),
            element("figcaption", _sum(why, network), say(why), _whose(why, both)),
        ),
        element("p", element("a", "The picture", href=light.path), ", ", plain, class_="small"),
        recipes.pair(*paths, model=network.model, fit=network.fit).markup(),
        class_="pair",
    )


def _sum(why: Similarity, network: Network) -> Markup:
    """The score as a sum of what speaks for it and against it."""
    raised, lowered = (float(part.sum()) for part in (np.maximum(why.shares, 0), np.minimum(why.shares, 0)))
    against = joined(", what speaks against it ", exact(lowered, signed(lowered))) if lowered < -0.005 else ""
    return joined(
        f"To {network.title} they are ",
        element("b", exact(why.score, number(why.score))),
        " alike. What speaks for it adds up to ",
        exact(raised, signed(raised)),
        against,
        ".",
    )


def _whose(why: Similarity, both: tuple[Candidate, Candidate]) -> Markup:
    """Did the subject make them alike, or what is around it? By the coarse boxes round the subjects."""
    if why.score <= 0:
        return joined(" That is not above 0: ", element("b", "to it these two have nothing in common"), ".")
    told: list[Markup] = []
    denser: list[float] = []
    for candidate, shares, which in zip(both, (why.shares_a, why.shares_b), ("first", "second"), strict=True):
        box = candidate.subject_box
        if box is None or not (shares > 0).any():
            continue
        part, filled = 1 - outside_of(shares, box), area(box)
        denser.append(part / filled)
        subject = candidate.photo.subject
        verb = "fills" if candidate.photo.is_singular else "fill"
        told.append(
            joined(share(part), f" of it lies on {subject}, which {verb} ", share(filled), f" of the {which} photo")
        )
    if not told:
        return Markup("")
    ratio = float(np.mean(denser))
    reason = (
        "the subject"
        if ratio >= _DENSER
        else "the background"
        if ratio <= 1 / _DENSER
        else "subject and background in equal measure"
    )
    return joined(
        " ",
        told[0],
        joined(", and ", told[1]) if len(told) > 1 else None,
        ": ",
        element("b", f"{reason} made them alike"),
        ". The boxes round the subjects were drawn by hand, coarsely.",
    )


def _same_thing(why: Similarity) -> Markup:
    first = peaks(why.shares, _cell(why), MOTORCYCLE, 1)[0]
    return joined(" The camera moved one step aside. The strongest evidence is ", element("b", first.name), ".")


def _nothing_more(why: Similarity) -> Markup:
    told = match_sentence(why.score, why.matches).replace(" %", "\u00a0%")
    return joined(f" {told}" if told else None)


def _title(pair: FoundPair) -> str:
    a, b = (side.photo.title[:1].lower() + side.photo.title[1:] for side in (pair.a, pair.b))
    return f"{a[:1].upper()}{a[1:]} and {b}: alike, but why?"


def _surprise(why: Similarity, pair: FoundPair) -> Markup:
    cell = peaks(why.shares, _cell(why), pair.a.photo, 1)[0]
    x, y = (cell.box[0] + cell.box[2]) / 2, (cell.box[1] + cell.box[3]) / 2
    names = [name_of(side.photo, *side.onto_photo(x, y)) for side in (pair.a, pair.b)]
    return joined(
        " Nobody would file these two together; of ",
        exact(pair.tried, f"{pair.tried:,}"),
        " pairs of photos and cut-outs that were compared, this one stood out. The strongest single place shows "
        f"{names[0]} in the one and {names[1]} in the other.",
    )


def _cell(why: Similarity) -> tuple[float, float]:
    return 1 / why.shares.shape[0], 1 / why.shares.shape[1]


def _others(codes: NDArray[np.floating], workspace: Workspace) -> float:
    """The mean similarity of all pairs but the two views of one thing."""
    flat = codes.reshape(len(codes), -1).astype(np.float64)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    both = {workspace.index(MOTORCYCLE), workspace.index(MOTORCYCLE_RIGHT)}
    pairs = [(a, b) for a, b in combinations(range(len(flat)), 2) if {a, b} != both]
    return float(np.mean([flat[a] @ flat[b] for a, b in pairs]))
