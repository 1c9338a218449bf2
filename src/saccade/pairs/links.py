"""From a table of all pairs of places to the few links and matches that a person can look at.

A place that is strong by itself is strong with every place of the other photo. So partners are not chosen by what a
pair adds, but by its excess: what it adds beyond what its two places add to any. Numbers shown stay what they are, the
shares of the score.

    excess(u, v) = share(u, v) - mean over v' of share(u, v') - mean over u' of share(u', v) + mean of all

A link joins two places, each of which is the other's best partner. A match is a part of the first photo with a part of
the second: it grows from the strongest free link by the places that go with the whole other side, neighbours first, as
long as each part stays compact.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.pairs.compact_parts import CompactParts, neighbours
from saccade.results.matches import Link, Match, Place

Table = NDArray[np.float64]

MATCHES = 6
"""So many colours can be told apart."""
_NEIGHBOUR = 0.4
"""A neighbour joins a match with at least this part of the mean excess of its pairs,"""
_ELSEWHERE = 0.9
"""and a place further away with this part: the same stuff lies there, too."""
_WORTH = 0.05
"""A match with less than this part of the strongest one's excess, or share, is not shown."""
_STRONG = 0.5
"""Place by place a region holds the places with at least this part of its strongest share."""
_SURE = 2.0
"""A link that is estimated must stand so many standard errors out."""


def excess(table: Table) -> Table:
    """What pairs add beyond what their places add to any; the same shape (rows, columns, rows, columns)."""
    own = table.mean(axis=(2, 3), keepdims=True) + table.mean(axis=(0, 1), keepdims=True)
    return np.asarray(table - own + table.mean())


def strongest_links(table: Table, count: int = 20, error: Table | None = None) -> list[Link]:
    """Which places of two photos go together? Each is the other's best partner; the largest excess first.

    Args:
        table: (rows, columns, rows, columns): what every pair of places adds to the score.
        count: At most so many.
        error: The standard errors of the table, where it is estimated; links within two of them are left out.
    """
    grid_b = table.shape[2:]
    above = _flat(excess(table))
    shares, errors = _flat(table), None if error is None else _flat(error)
    links = []
    for a, b in _mutual(above, errors):
        own = None if errors is None else float(errors[a, b])
        links.append(Link(_place(a, table.shape[1]), _place(b, grid_b[1]), float(shares[a, b]), own))
    return links[:count]


def matches(table: Table, error: Table | None = None, most: int = MATCHES) -> tuple[Match, ...]:
    """Which parts of two photos go together, or speak against each other?

    The links of a match are all pairs of its places, so that its share is what the two parts add to the score, which is
    more than as many pairs of places add on average. No pair is in two matches, and no place in two that raise the
    score, nor in two that lower it.

    Args:
        table: (rows, columns, rows, columns): what every pair of places adds to the score.
        error: The standard errors of the table, where it is estimated.
        most: At most so many matches.

    Returns:
        The largest share first, whatever its sign.
    """
    grid_a, grid_b = table.shape[:2], table.shape[2:]
    shares, errors = _flat(table), None if error is None else _flat(error)
    above = _flat(excess(table))
    free = {sign: (np.ones(len(shares), bool), np.ones(shares.shape[1], bool)) for sign in (1.0, -1.0)}
    is_matched = np.zeros(shares.shape, bool)
    parts: list[tuple[float, list[int], list[int]]] = []
    seeds = [(sign, *pair) for sign in (1.0, -1.0) for pair in _mutual(sign * above, errors)]
    for sign, a, b in sorted(seeds, key=lambda seed: -abs(above[seed[1], seed[2]])):
        free_a, free_b = free[sign]
        if not (free_a[a] and free_b[b]) or is_matched[a, b] or sign * shares[a, b] <= 0:
            continue
        # No pair may count twice: minus infinity keeps out every place that would bring such a pair along.
        speaking = np.where(is_matched, -np.inf, sign * above)
        side_a, side_b = _grown(speaking, (a, b), (free_a, free_b), (grid_a, grid_b))
        block = np.ix_(side_a, side_b)
        # Parts that are less alike than most, and add to the score all the same, say nothing: they add less than as
        # many pairs of places at random.
        if sign * shares[block].mean() <= max(0.0, sign * shares.mean()):
            continue
        free_a[side_a] = free_b[side_b] = False
        is_matched[block] = True
        parts.append((float(speaking[block].sum()), side_a, side_b))
    strongest = max((weight for weight, _, _ in parts), default=0.0)
    grown = [
        _match(shares, errors, side_a, side_b, (grid_a, grid_b))
        for weight, side_a, side_b in sorted(parts, key=lambda part: -part[0])[:most]
        if weight >= _WORTH * strongest
    ]
    largest = max((abs(match.share) for match in grown), default=0.0)
    shown = [match for match in grown if abs(match.share) >= _WORTH * largest]
    return tuple(sorted(shown, key=lambda match: -abs(match.share)))


def regions(shares: Table, most: int = MATCHES) -> tuple[Match, ...]:
    """The matches of photos that are compared place by place: compact regions of strong shares of one sign.

    A region grows from its strongest place by its strongest neighbour, as long as it stays compact. What would make it
    wind is left for a region of its own.

    Args:
        shares: (rows, columns): what each place adds, together with the same place of the other photo.
        most: At most so many.

    Returns:
        The largest share first, whatever its sign.
    """
    rows, columns = shares.shape
    free = np.ones(shares.shape, bool)
    compact_regions: list[list[Place]] = []
    strongest = np.abs(shares).max(initial=0.0)
    for index in np.argsort(-np.abs(shares), axis=None, kind="stable"):
        start = _place(int(index), columns)
        if abs(shares[start]) < _STRONG / 2 * strongest or not strongest:
            break
        if free[start]:
            compact_regions.append(_region(shares, start, free))
    matched = [
        Match.of([Link(place, place, float(shares[place])) for place in region], (rows, columns), (rows, columns))
        for region in compact_regions
    ]
    return tuple(sorted(matched, key=lambda match: -abs(match.share))[:most])


def _region(shares: Table, start: Place, free: NDArray[np.bool_]) -> list[Place]:
    """The compact region round a place, whose places are free no more."""
    rows, columns = shares.shape
    least = _STRONG * abs(shares[start])
    along = shares * np.sign(shares[start])
    parts = CompactParts(rows, columns, most=1)
    region: list[Place] = []
    waiting = {start}
    while waiting:
        place = max((place for place in sorted(waiting) if parts.takes(place)), key=along.__getitem__, default=None)
        if place is None:
            break
        waiting.remove(place)
        parts.add(place)
        region.append(place)
        free[place] = False
        waiting |= {near for near in neighbours(place, rows, columns) if free[near] and along[near] >= least}
    return region


def _mutual(above: Table, errors: Table | None) -> list[tuple[int, int]]:
    """Pairs of which each is the other's best, the largest first."""
    best_b, best_a = above.argmax(axis=1), above.argmax(axis=0)
    pairs = [(a, int(b)) for a, b in enumerate(best_b) if best_a[b] == a and above[a, b] > 0]
    if errors is not None:
        pairs = [(a, b) for a, b in pairs if above[a, b] > _SURE * errors[a, b]]
    return sorted(pairs, key=lambda pair: -above[pair])


def _grown(
    above: Table,
    seed: tuple[int, int],
    free: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    grids: tuple[tuple[int, ...], tuple[int, ...]],
) -> tuple[list[int], list[int]]:
    """Both sides of a match that grows from one link, a place at a time."""
    sides = [seed[0]], [seed[1]]
    tables = above, above.T
    open_ = [free[0].copy(), free[1].copy()]
    near = [np.zeros(len(free[0]), bool), np.zeros(len(free[1]), bool)]
    # What each place has together with the whole other side, kept up to date as that grows.
    sums = [above[:, seed[1]].copy(), above[seed[0]].copy()]
    parts = CompactParts(*grids[0]), CompactParts(*grids[1])
    for side in (0, 1):
        open_[side][seed[side]] = False
        parts[side].add(_place(seed[side], grids[side][1]))
        _mark(near[side], seed[side], grids[side])
    while True:
        block = float(sums[0][sides[0]].sum()) / (len(sides[0]) * len(sides[1]))
        best: tuple[float, int, int] | None = None
        for side in (0, 1):
            joint = sums[side] / len(sides[1 - side])
            worth = np.where(open_[side], joint / np.where(near[side], _NEIGHBOUR, _ELSEWHERE), -np.inf)
            index = _best_place(worth, block, parts[side], grids[side][1])
            if index is not None and (best is None or worth[index] > best[0]):
                best = float(worth[index]), side, index
        if best is None:
            return sides
        _, side, index = best
        sides[side].append(index)
        open_[side][index] = False
        parts[side].add(_place(index, grids[side][1]))
        sums[1 - side] += tables[side][index]
        _mark(near[side], index, grids[side])


def _best_place(worth: NDArray[np.float64], least: float, parts: CompactParts, columns: int) -> int | None:
    """The place that is worth most, of those that are worth enough and leave the parts compact."""
    enough = np.flatnonzero(worth >= least)
    ordered = enough[np.argsort(-worth[enough], kind="stable")].tolist()
    return next((index for index in ordered if parts.takes(_place(index, columns))), None)


def _mark(near: NDArray[np.bool_], index: int, grid: tuple[int, ...]) -> None:
    """Mark the neighbours of a place."""
    for row, column in neighbours(_place(index, grid[1]), *grid):
        near[row * grid[1] + column] = True


def _match(
    shares: Table,
    errors: Table | None,
    side_a: list[int],
    side_b: list[int],
    grids: tuple[tuple[int, ...], tuple[int, ...]],
) -> Match:
    (rows_a, columns_a), (rows_b, columns_b) = grids
    links = [
        Link(
            _place(a, columns_a),
            _place(b, columns_b),
            float(shares[a, b]),
            None if errors is None else float(errors[a, b]),
        )
        for a in side_a
        for b in side_b
    ]
    return Match.of(links, (rows_a, columns_a), (rows_b, columns_b))


def _place(index: int, columns: int) -> Place:
    return index // columns, index % columns


def _flat(table: Table) -> Table:
    return table.reshape(table.shape[0] * table.shape[1], -1)
