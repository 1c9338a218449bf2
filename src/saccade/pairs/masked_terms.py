"""A code as a sum over places, for any encoder: what masked copies of the image say.

Copies of one image with random places hidden under the image's own blur are encoded once. The mean code, given which
places are visible, is taken as affine in them; its slope for a place is what the place adds to the code while half of
the others are hidden (its Banzhaf value). The inner product of two affine functions is bilinear, so what a pair of
places of two images adds is the product of their slopes, the same as least squares over all pairs of copies: n + m
codes do the work of n times m.

Slopes of a curved function do not sum to its value. What the slopes differ by between places is measured; what they
have in common is not, and is set so that all places together make the code: each has an equal part of it, plus what it
differs from the mean place. So shares sum to the score, whatever the filler.

Masks are the rows of a Hadamard matrix with columns picked and turned round by chance, each followed later by its
complement: every two places are visible together in a quarter of a block, so none of them lends another what it adds,
and with the complements neither do pairs of others. They are soft, as edges of hard ones are something to see.

Sources: bilinear interactions of two encoders by masks, Baniecki et al. (2025), arXiv:2508.05430; Banzhaf values as
least squares, Hammer and Holzman (1992); folded designs, Box and Wilson (1951).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.covering import blur_of
from saccade.attribution.fillers import filler_images, filler_in_words
from saccade.attribution.masks import cells_of, linear
from saccade.encoder import Encoder
from saccade.errors import InputError, NotApplicable
from saccade.pairs.terms import Numbers, Terms
from saccade.run import Run
from saccade.targets.paths import MASKED, ArrayPoints
from saccade.typing import Array

_BYTES = 2**30
"""Codes of all masked copies in double precision may take this much."""


def balanced_masks(seed: list[int], count: int, places: int) -> NDArray[np.bool_]:
    """Which places are visible in each mask?

    Whole blocks are balanced: with 2^k > places rows, every place is visible in half of them, every two together in a
    quarter. Every second block is the complement of the one before.

    Args:
        seed: Fixes them.
        count: How many masks.
        places: How many places.

    Returns:
        (count, places).
    """
    size = block_size(places)
    random = np.random.default_rng(seed)
    blocks: list[NDArray[np.bool_]] = []
    for number in range(-(-count // size)):
        if number % 2:
            blocks.append(~blocks[-1])
            continue
        # The first column of a Hadamard matrix is constant, and no place may be.
        columns, signs = 1 + random.permutation(size - 1)[:places], random.integers(2, size=places)
        bits = np.arange(size)[:, None] & columns
        for fold in (16, 8, 4, 2, 1):
            bits ^= bits >> fold
        blocks.append((((bits & 1) ^ signs) == 1)[random.permutation(size)])
    return np.concatenate(blocks)[:count]


def block_size(places: int) -> int:
    """How many masks make a balanced block: the least power of two above the number of places."""
    return 1 << places.bit_length()


@dataclass(frozen=True, eq=False)
class MaskedTerms:
    """A code as an estimated sum over places, and what it is not sure of.

    Attributes:
        terms: They sum to the code of the whole image.
        residuals: float64 (masks, numbers): what the affine function leaves of each masked copy's code.
        weights: float64 (rows, columns, masks): the terms are these times the codes, beside their common part.
        freedom: How many of the residuals are not spent on the fit.
        filler: What hidden places show, in words.
    """

    terms: Terms
    residuals: Numbers
    weights: Numbers
    freedom: int
    filler: str

    def variance(self, directions: Numbers) -> Numbers:
        """The variance of each place's term along each direction, (rows, columns, directions).

        Args:
            directions: (directions, numbers of the code).
        """
        spread = ((self.residuals @ directions.T) ** 2).sum(axis=0) / self.freedom
        return np.asarray((self.weights**2).sum(axis=2)[:, :, None] * spread)

    def variance_together(self, places: NDArray[np.bool_], direction: Numbers) -> float:
        """The variance of the sum of some places' terms along a direction: they come of the same copies.

        Args:
            places: bool (rows, columns).
            direction: (numbers of the code,).
        """
        spread = ((self.residuals @ direction) ** 2).sum() / self.freedom
        return float((self.weights[places].sum(axis=0) ** 2).sum() * spread)


def masked_terms(run: Run, image: Array, code: Numbers, *, masks: int, cells: int, seed: list[int]) -> MaskedTerms:
    """What does each place of an image add to its code? Estimated with masked copies.

    Args:
        run: The call, on an encoder.
        image: (1, height, width, channels).
        code: Of the whole image, flat.
        masks: How many masked copies are encoded.
        cells: Places along the shorter side.
        seed: Fixes the masks.

    Raises:
        InputError: Too few masks, or places that the image is too small for.
        NotApplicable: The codes of all copies do not fit into memory.
        Cancelled: The run was stopped.
    """
    size = (image.shape[1], image.shape[2])
    grid = cells_of(size, cells)
    places = grid[0] * grid[1]
    check_masks(masks, grid)
    key = (hashlib.sha256(image.tobytes()).digest(), image.shape, masks, cells, *seed)
    remembered = _recent(run.encoder, key)
    if remembered is not None:
        return remembered
    if masks * code.size * 8 > _BYTES:
        raise NotApplicable(
            f"the code has {code.size:,} numbers, so {masks} masked copies of it would take more than a GiB; take a "
            "layer with fewer numbers, or fewer masks."
        )
    visible = balanced_masks(seed, masks, places)
    blur = blur_of(grid, size)
    filler = filler_images(image, "blur", value_range=run.encoder.value_range, blur=blur)
    points = ArrayPoints(
        {
            "rows": np.broadcast_to(linear(size[0], grid[0]), (masks, size[0], grid[0])),
            "grid": visible.reshape(masks, *grid).astype(np.float32),
            "columns": np.broadcast_to(linear(size[1], grid[1]).T, (masks, grid[1], size[1])),
        }
    )
    layer = run.encoder.layer
    codes = run.activations_along(image, [layer], MASKED, points, {"filler": filler})[layer]
    filled = filler_in_words("blur", round(blur))
    answer = fitted(visible, codes.reshape(masks, -1).astype(np.float64), code, grid, filled)
    _keep(run.encoder, key, answer)
    return answer


_RECENT: WeakKeyDictionary[Encoder, OrderedDict[tuple[Any, ...], MaskedTerms]] = WeakKeyDictionary()
"""Whoever compares every two of some photos, or one with many, asks for the same copies again."""
_RECENT_BYTES = 128 * 2**20
_LOCK = Lock()


def _recent(encoder: Encoder, key: tuple[Any, ...]) -> MaskedTerms | None:
    with _LOCK:
        answers = _RECENT.setdefault(encoder, OrderedDict())
        if key in answers:
            answers.move_to_end(key)
        return answers.get(key)


def _keep(encoder: Encoder, key: tuple[Any, ...], answer: MaskedTerms) -> None:
    with _LOCK:
        answers = _RECENT.setdefault(encoder, OrderedDict())
        answers[key] = answer
        while sum(each.residuals.nbytes + each.weights.nbytes for each in answers.values()) > _RECENT_BYTES:
            answers.popitem(last=False)


def fitted(
    visible: NDArray[Any], codes: Numbers, code: Numbers, grid: tuple[int, int], filler: str = "blur"
) -> MaskedTerms:
    """The least squares of codes on visible places, made to sum to the code of the whole image.

    Args:
        visible: (masks, places), 1 where a place was visible.
        codes: (masks, numbers).
        code: (numbers,), of the whole image.
        grid: Rows and columns of places.
        filler: What hidden places show, in words.
    """
    design = visible - visible.mean(axis=0, dtype=np.float64)
    solve = np.linalg.pinv(design)  # (places, masks)
    middle = codes.mean(axis=0)
    slopes = solve @ (codes - middle)
    residuals = codes - middle - design @ slopes
    masks, places = visible.shape
    freedom = masks - places - 1
    size = block_size(places)
    if masks % (2 * size) == 0 and np.array_equal(visible[:size] == 0, visible[size : 2 * size] != 0):
        # Slopes depend on what a mask and its complement differ by, so half of what is left tells how sure they are.
        by_block = residuals.reshape(-1, 2, size, residuals.shape[1])
        residuals = (by_block[:, 0] - by_block[:, 1]).reshape(masks // 2, -1) / np.sqrt(2)
        freedom = masks // 2 - places
    terms = slopes - slopes.mean(axis=0) + code / places
    weights = solve - solve.mean(axis=0)
    return MaskedTerms(
        Terms(terms.reshape(*grid, -1), np.zeros_like(code)),
        residuals,
        weights.reshape(*grid, -1),
        max(freedom, 1),
        filler,
    )


def check_masks(masks: int, grid: tuple[int, int]) -> None:
    """Refuse so few masks that nothing follows from them.

    Raises:
        InputError: Fewer than a balanced block.
    """
    least = block_size(grid[0] * grid[1])
    if masks < least:
        raise InputError(
            f"masks={masks} are too few for {grid[0]}x{grid[1]} places; give {least} or more, best {2 * least} or a "
            "multiple of it, or fewer cells."
        )
