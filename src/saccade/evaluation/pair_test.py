"""Second-order insertion and deletion: do links join what makes two images alike?

Both images start as nothing but their own blur, and the places of the links are shown on both, the strongest link
first. What the two then have in common beyond their blurs rises at once where links are right: what is shown in one is
what is shown in the other. It rises late where the same number of places is shown at random, or in each image those
that are strongest by themselves, without asking which go together.

Taking places away is the weaker test, and here it must be: with k places of n hidden, places that go together leave
n - k pairs, places at random only (n - k)^2 / n, so wrong links cost more than right ones. It is measured on the side
where that cannot happen: the places of the links are hidden in one image only, and the other stays whole.

    shown    cosine of A(S) - A(nothing) with B(T) - B(nothing)
    hidden   <A(S) - A(nothing), B - B(nothing)> / (|A - A(nothing)| |B - B(nothing)|)

The first is a cosine of its own, since a single place on an empty image moves many codes further than the whole image.

Source: second-order insertion and deletion, Baniecki et al. (2025), arXiv:2508.05430.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.covering import covered, filler_of
from saccade.errors import NotApplicable
from saccade.results import Similarity
from saccade.results.matches import Link, Place
from saccade.run import Run
from saccade.typing import Array

Numbers = NDArray[np.float64]
Pairing = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Places of both images in the order in which they are shown, by their number."""
_MEASURED = 8
"""So many numbers of places are tried, at most."""


@dataclass(frozen=True, eq=False)
class PairTest:
    """What two images have in common when places are shown, or hidden, in one order or another.

    Attributes:
        counts: How many places of each image are shown, or hidden.
        links: What the two have in common with so many links shown; 0 for nothing, `whole` for everything.
        strongest: The same with the places that are strongest by themselves.
        random: The same with places at random, (repeats, counts).
        links_hidden: What is left with the links' places of the first image hidden.
        random_hidden: The same with places at random, (repeats, counts).
        whole: What the whole images have in common beyond their blurs, -1 to 1.
    """

    counts: tuple[int, ...]
    links: Numbers
    strongest: Numbers
    random: Numbers
    links_hidden: Numbers
    random_hidden: Numbers
    whole: float

    @property
    def insertion(self) -> float:
        """How much more the links show than places at random, on average over the counts."""
        return float(self.links.mean() - self.random.mean())

    @property
    def over_strongest(self) -> float:
        """How much more the links show than the places that are strongest by themselves."""
        return float(self.links.mean() - self.strongest.mean())

    @property
    def deletion(self) -> float:
        """How much more hiding the links' places takes away than hiding places at random."""
        return float(self.random_hidden.mean() - self.links_hidden.mean())

    @property
    def holds(self) -> bool:
        """Do the links show more than every one of the random pairings?"""
        return bool(self.links.mean() > self.random.mean(axis=1).max())

    @property
    def sentence(self) -> str:
        """In plain words."""
        verdict = "The links hold" if self.holds else "The links do no better than chance: do not trust them here"
        return (
            f"{verdict}. With the places of the {self.counts[-1]} strongest links alone, the photos have "
            f"{self.links[-1]:.2f} in common; with as many places at random "
            f"{self.random[:, -1].mean():.2f}. (With the strongest places of each photo, which need not belong "
            f"together: {self.strongest[-1]:.2f}.)"
        )


def pair_test(run: Run, similarity: Similarity, links: Sequence[Link], *, repeats: int = 5, seed: int = 0) -> PairTest:
    """Do these links join what makes two images alike?

    Args:
        run: The call, on the encoder that compared them.
        similarity: The comparison.
        links: The strongest first, no place in two of them; whoever found them.
        repeats: How many random pairings they are measured against.
        seed: Of those.

    Raises:
        NotApplicable: No places, or fewer than two links.
        Cancelled: The run was stopped.
    """
    if not similarity.places or len(links) < 2:
        raise NotApplicable("only links can be tested, and this comparison has fewer than two.")
    grids = similarity.shares_a.shape, similarity.shares_b.shape
    sizes = similarity.shares_a.size, similarity.shares_b.size
    counts = np.unique(np.linspace(1, min(len(links), *(size - 1 for size in sizes)), _MEASURED).round().astype(int))
    random = np.random.default_rng(seed)
    by_links = _numbers([link.a for link in links], grids[0]), _numbers([link.b for link in links], grids[1])
    by_share = tuple(
        np.argsort(-shares, axis=None, kind="stable") for shares in (similarity.shares_a, similarity.shares_b)
    )
    orders: list[Pairing] = [by_links, (by_share[0], by_share[1])]
    orders += [(random.permutation(sizes[0]), random.permutation(sizes[1])) for _ in range(repeats)]
    codes = [
        _codes(run, similarity.images[side].array, grids[side], [order[side] for order in orders], counts)
        for side in (0, 1)
    ]
    (shown_a, hidden_a, whole_a), (shown_b, _, whole_b) = codes
    lengths = max(float(np.linalg.norm(whole_a) * np.linalg.norm(whole_b)), 1e-30)
    each = np.linalg.norm(shown_a, axis=2) * np.linalg.norm(shown_b, axis=2)
    shown = np.einsum("ock,ock->oc", shown_a, shown_b) / np.maximum(each, 1e-30)
    hidden = hidden_a @ whole_b / lengths
    return PairTest(
        counts=tuple(counts.tolist()),
        links=shown[0],
        strongest=shown[1],
        random=shown[2:],
        links_hidden=hidden[0],
        random_hidden=hidden[2:],
        whole=float(whole_a @ whole_b) / lengths,
    )


def _codes(
    run: Run, image: Array, grid: Place, orders: Sequence[NDArray[np.intp]], counts: NDArray[np.intp]
) -> tuple[Numbers, Numbers, Numbers]:
    """Codes less that of the blur: with places shown and hidden, (orders, counts, numbers), and of the whole image."""
    filler = filler_of(image, grid, run.encoder.value_range)
    masks = []
    for order in orders:
        for count in counts:
            mask = np.zeros(grid[0] * grid[1], bool)
            mask[order[:count]] = True
            masks.append(mask.reshape(grid))
    copies = [filler, image, covered(image, filler, [~mask for mask in masks]), covered(image, filler, masks)]
    codes = run.codes(np.concatenate(copies), remember=False).astype(np.float64)
    flat = codes.reshape(len(codes), -1)
    whole, changes = flat[1] - flat[0], flat[2:] - flat[0]
    shown, hidden = changes.reshape(2, len(orders), len(counts), -1)
    return shown, hidden, whole


def _numbers(places: Sequence[Place], grid: Place) -> NDArray[np.intp]:
    return np.array([row * grid[1] + column for row, column in places], np.intp)
