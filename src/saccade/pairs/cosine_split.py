"""The exact split of a similarity over places: arrays in, arrays out.

    place            the cosine of the codes as one long vector:  s = sum over u of <a_u, b_u> / (|a| |b|)
    anywhere         the cosine of the mean cells:                s = sum over u and v of <a_u, b_v> / (n m |a'| |b'|)

The first asks whether the same things lie at the same places, the second whether the same things lie anywhere. Both are
sums of products, so the score falls apart into shares without any approximation; shares against are negative and stay.

A code that is itself a sum over places (`Terms`) has a cosine of the second kind:

    terms            s = sum over u and v of <a_u, b_v> / (|a| |b|) + what the constants of both codes add

Source: Stylianou, Souvenir and Pless, Visualizing deep similarity networks, WACV 2019, arXiv:1901.00536; Zhu, Yang and
Chen, Visual explanation for deep metric learning, TIP 2021, arXiv:1909.12977.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.errors import InputError, UnknownName
from saccade.pairs.terms import Terms, products

Codes = NDArray[np.floating]
Shares = NDArray[np.float64]

MATCHINGS = ("place", "anywhere")
"""How the cells of two codes are matched."""

LARGEST_TABLE = 2**22
"""A table of all pairs of places has at most so many numbers."""


@dataclass(frozen=True)
class Split:
    """A score and what each cell of both codes adds to it.

    Attributes:
        score: The cosine, -1 to 1.
        shares_a: float64 (rows, columns) of the first code; with `special` they sum to the score.
        shares_b: The same for the second code.
        special: What special tokens and constants, which are no place, add to the score.
        interactions: float64 (rows, columns, rows, columns): what each pair of cells adds; with `special` they sum to
            the score. None where cells are compared at the same place, and where it would be too large.
        within: The same table of each code with itself, which sums to 1, or nearly so beside constants.
    """

    score: float
    shares_a: Shares
    shares_b: Shares
    special: float = 0.0
    interactions: Shares | None = None
    within: tuple[Shares, Shares] | None = None


def split(a: Codes, b: Codes, matching: str = "place", *, special: tuple[Codes, Codes] | None = None) -> Split:
    """Which cells make two codes alike?

    Args:
        a: float (rows, columns, channels).
        b: The same; with `"anywhere"` its rows and columns may differ.
        matching: One of `MATCHINGS`.
        special: The special tokens of both, (tokens, channels) each; they belong to the whole code where places are
            compared, and to no cell.

    Returns:
        The score and its shares, in float64.

    Raises:
        InputError: The codes do not fit together, or one of them is zero or not finite, so that it has no direction.
        UnknownName: No such matching.

    Example:
        >>> split(np.ones((2, 2, 3)), np.ones((2, 2, 3))).shares_a
        array([[0.25, 0.25],
               [0.25, 0.25]])
    """
    if matching not in MATCHINGS:
        raise UnknownName.of("matching", matching, MATCHINGS)
    if special is not None and matching == "place" and special[0].size:
        return _with_special(a, b, special)
    first, second = _scaled(a, "first"), _scaled(b, "second")
    if first.shape[2] != second.shape[2]:
        raise InputError(f"the codes have {first.shape[2]} and {second.shape[2]} channels, so they are not comparable.")
    return _place_by_place(first, second) if matching == "place" else _anywhere(first, second)


def split_terms(a: Terms, b: Terms) -> Split:
    """Which places make two codes alike that are sums over places?

    Raises:
        InputError: One of the codes is zero or not finite, so that it has no direction, or they differ in length.
    """
    code_a, code_b = _scaled(a.code[None, None], "first")[0, 0], _scaled(b.code[None, None], "second")[0, 0]
    if len(code_a) != len(code_b):
        raise InputError(f"the codes have {len(code_a)} and {len(code_b)} numbers, so they are not comparable.")
    length_a, length_b = _length(code_a, "first"), _length(code_b, "second")
    score = min(1.0, max(-1.0, float(code_a @ code_b) / (length_a * length_b)))
    # The codes were divided by their largest number, and the cells must be by the same.
    unit_a, unit_b = _of_length_one(a), _of_length_one(b)
    if max(a.cells[..., 0].size, b.cells[..., 0].size) ** 2 > LARGEST_TABLE:
        shares_a = unit_a.cells @ unit_b.cells.sum(axis=(0, 1))
        shares_b = unit_b.cells @ unit_a.cells.sum(axis=(0, 1))
        return Split(score, shares_a, shares_b, score - float(shares_a.sum()))
    table = products(unit_a.cells, unit_b.cells)
    within = products(unit_a.cells, unit_a.cells), products(unit_b.cells, unit_b.cells)
    special = score - float(table.sum())
    special = 0.0 if abs(special) < 1e-12 * max(1.0, np.abs(table).sum()) else special
    return Split(score, table.sum(axis=(2, 3)), table.sum(axis=(0, 1)), special, table, within)


def _of_length_one(terms: Terms) -> Terms:
    """Divided by the length of the code, without overflow."""
    largest = float(np.abs(terms.code).max())
    length = float(np.linalg.norm(terms.code / largest))
    return terms.through(lambda values: values / largest / length)


def _with_special(a: Codes, b: Codes, special: tuple[Codes, Codes]) -> Split:
    """Cells and special tokens in one row, place by place, and apart again."""
    rows, columns, channels = a.shape
    if a.shape != b.shape:
        return _place_by_place(_scaled(a, "first"), _scaled(b, "second"))  # says what does not fit
    first, second = (
        np.concatenate([code.reshape(-1, channels), tokens])[None] for code, tokens in zip((a, b), special, strict=True)
    )
    together = _place_by_place(_scaled(first, "first"), _scaled(second, "second"))
    shares = together.shares_a[0, : rows * columns].reshape(rows, columns)
    return Split(together.score, shares, shares.copy(), float(together.shares_a[0, rows * columns :].sum()))


def _place_by_place(a: Shares, b: Shares) -> Split:
    if a.shape != b.shape:
        raise InputError(
            f"the codes have {_cells(a)} and {_cells(b)} cells, so they cannot be compared place by place; load the "
            "model with one size for both images (size=(height, width)), or compare with matching='anywhere'."
        )
    shares = np.einsum("ijc,ijc->ij", a / _length(a, "first"), b / _length(b, "second"))
    return Split(_sum(shares), shares, shares.copy())


def _anywhere(a: Shares, b: Shares) -> Split:
    mean_a, mean_b = a.mean(axis=(0, 1)), b.mean(axis=(0, 1))
    length_a, length_b = _length(mean_a, "first", np.abs(a).mean()), _length(mean_b, "second", np.abs(b).mean())
    # <a_u, mean b> is the sum over all v of <a_u, b_v> / m: no table of all pairs of cells is needed.
    shares_a = a @ (mean_b / length_b) / (length_a * a.shape[0] * a.shape[1])
    shares_b = b @ (mean_a / length_a) / (length_b * b.shape[0] * b.shape[1])
    cells = a.shape[0] * a.shape[1], b.shape[0] * b.shape[1]
    if max(cells) ** 2 > LARGEST_TABLE:
        return Split(_sum(shares_a), shares_a, shares_b)
    unit_a, unit_b = a / (length_a * cells[0]), b / (length_b * cells[1])
    within = products(unit_a, unit_a), products(unit_b, unit_b)
    return Split(_sum(shares_a), shares_a, shares_b, 0.0, products(unit_a, unit_b), within)


def _scaled(code: Codes, which: str) -> Shares:
    """The code in float64 with 1 as its largest value: a cosine has no units, and squares must not overflow."""
    values = np.asarray(code, np.float64)
    if values.ndim != 3 or not values.size:
        raise InputError(f"a code is (rows, columns, channels), none of them empty; the {which} one is {values.shape}.")
    largest = np.abs(values).max()
    if not np.isfinite(largest):
        raise InputError(f"the {which} code holds values that are not numbers (NaN or infinite).")
    return np.asarray(values / largest if largest > 0 else values, np.float64)


def _length(values: Shares, which: str, size: float = 0.0) -> float:
    length = float(np.linalg.norm(values))
    if length <= 1e-12 * size or length == 0:  # what is left when cells cancel out is rounding, not a direction
        raise InputError(
            f"the {which} code is zero (or exactly the mean that was taken off), so it has no direction to be compared."
        )
    return length


def _sum(shares: Shares) -> float:
    return min(1.0, max(-1.0, float(shares.sum())))


def _cells(code: Shares) -> str:
    return f"{code.shape[0]}x{code.shape[1]}"
