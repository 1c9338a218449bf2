"""A collection as a map: every photo at a place, near those that are alike; and how far the map may be trusted.

neighbours   t-SNE: keeps who is near whom; distances between far islands mean little
pca          the two directions along which the codes differ most; distances are real, and most of them are lost
grid         the neighbours' map with every photo in a cell of its own, so that none covers another
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.collection.code_space import CodeSpace, Scores
from saccade.errors import InputError, MissingPackage, UnknownName
from saccade.typing import Array

LAYOUTS = ("pca", "neighbours", "grid")
"""How photos are laid out."""
MOST = 5000
"""More photos are a sample: a table of all their pairs is needed."""
_TRUST = 10
"""Neighbours whose places are judged."""
_COMPONENTS = 50
"""Directions of the codes that the neighbours' map is made from, as is usual."""
_PERPLEXITY = 30.0


@dataclass(frozen=True, eq=False)
class PhotoMap:
    """Where every photo lies.

    Attributes:
        layout: One of `LAYOUTS`.
        positions: float32 (photos, 2): x to the right and y down, the longer side of all of them from 0 to 1.
        trustworthiness: How many of each photo's neighbours on the map are neighbours by the code too: 1 all, 0.5 as if
            by chance (Venna and Kaski 2001, of the 10 nearest); None for fewer than four photos.
        shares: What share of how the codes differ lies along x and along y; for `pca` only.
        columns: Of the grid; 0 elsewhere.
    """

    layout: str
    positions: Array
    trustworthiness: float | None
    shares: tuple[float, float] | None = None
    columns: int = 0


def photo_maps(
    space: CodeSpace, layouts: tuple[str, ...] = LAYOUTS, *, aspect: float = 1.6, seed: int = 0
) -> list[PhotoMap]:
    """Where do the photos of a collection lie, by their codes?

    Args:
        space: The collection, of at most `MOST` photos; `sample` takes some of more.
        layouts: Which of `LAYOUTS`, in this order.
        aspect: Width to height of the grid.
        seed: Fixes everything that is drawn at random: the same codes give the same maps.

    Raises:
        UnknownName: No such layout.
        InputError: Fewer than two photos, or more than `MOST`.
        MissingPackage: scikit-learn is not installed.
    """
    for layout in layouts:
        if layout not in LAYOUTS:
            raise UnknownName.of("layout", layout, LAYOUTS)
    if not 2 <= len(space) <= MOST:
        raise InputError(f"a map takes 2 to {MOST:,} photos, and this collection has {len(space):,}.")
    check_installed()
    components, shares = _components(space, seed)
    positions = {"pca": _placed(components[:, :2])}
    if set(layouts) - {"pca"}:
        positions["neighbours"] = _placed(_embedded(components, seed))
    columns = 0
    if "grid" in layouts:
        positions["grid"], columns = _gridded(positions["neighbours"], aspect)
    distances = np.maximum(1 - space.scores(space.directions), 0)
    return [
        PhotoMap(
            layout, positions[layout], _trustworthiness(distances, positions[layout]),
            shares if layout == "pca" else None, columns if layout == "grid" else 0,
        )
        for layout in layouts
    ]  # fmt: skip


def sample(count: int, most: int, seed: int = 0) -> NDArray[np.intp]:
    """So many rows of a larger collection, drawn at random, in order; all where there are no more."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def check_installed() -> None:
    """Refuse before the work what could not be finished.

    Raises:
        MissingPackage: scikit-learn is not installed.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise MissingPackage.of("scikit-learn", extra="collection") from error


def _components(space: CodeSpace, seed: int) -> tuple[Array, tuple[float, float]]:
    """The codes along the directions in which they differ most, and the shares of the first two."""
    from sklearn.decomposition import PCA

    if not np.ptp(space.directions, axis=0).max() > 0:  # all the same
        return np.zeros((len(space), 2), np.float32), (0.0, 0.0)
    count = min(_COMPONENTS, *space.directions.shape)
    pca = PCA(count, svd_solver="randomized" if count == _COMPONENTS else "full", random_state=seed)
    components = pca.fit_transform(space.directions).astype(np.float32)
    shares = [float(share) for share in pca.explained_variance_ratio_[:2]] + [0.0]
    if components.shape[1] == 1:
        components = np.concatenate([components, np.zeros_like(components)], axis=1)
    return components, (shares[0], shares[1])


def _embedded(components: Array, seed: int) -> Array:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if len(components) < 5 or not np.ptp(components[:, 0]) > 0:
        return components[:, :2]  # nothing to arrange
    perplexity = min(_PERPLEXITY, (len(components) - 1) / 3)
    # Its threads meet after every step: where another program has a core they wait, and it takes ten times as long.
    with threadpool_limits(1, user_api="openmp"):
        embedded: Array = TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(components)
    return embedded


def _placed(points: Array) -> Array:
    """In a box whose longer side runs from 0 to 1, in the middle of the shorter one."""
    least, most = points.min(axis=0), points.max(axis=0)
    side = float((most - least).max()) or 1.0
    return np.asarray((points - least) / side, np.float32)


def _gridded(points: Array, aspect: float) -> tuple[Array, int]:
    """Each photo in a cell of its own, all together as near to their places as can be; and the columns."""
    from scipy.optimize import linear_sum_assignment

    count = len(points)
    columns = min(count, max(1, round(float(np.sqrt(count * aspect)))))
    rows = -(-count // columns)
    cells = np.stack(np.divmod(np.arange(count), columns)[::-1], axis=1).astype(np.float64)
    spread = np.ptp(points, axis=0)
    stretched = (points - points.min(axis=0)) / np.where(spread > 0, spread, 1) * (columns - 1, max(rows - 1, 1e-9))
    costs = ((stretched[:, None] - cells[None]) ** 2).sum(axis=2)
    photo, cell = linear_sum_assignment(costs)
    placed = np.empty_like(cells)
    placed[photo] = cells[cell]
    return np.asarray(placed / max(columns - 1, rows - 1, 1), np.float32), columns


def _trustworthiness(distances: Scores, positions: Array) -> float | None:
    from sklearn.manifold import trustworthiness

    neighbours = min(_TRUST, (len(distances) - 1) // 2)
    if neighbours < 1 or len(distances) < 4:
        return None
    return float(trustworthiness(distances, positions, n_neighbors=neighbours, metric="precomputed"))
