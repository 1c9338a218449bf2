"""Finding out by measurement which token stands for which part of the image, where no graph could be followed.

One part of a noisy image after another gets other noise. The token that stands for a part answers to it more than to
any other part, whatever attention mixes in. A guess of rows and columns is taken only if tokens answer as it says.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from saccade.engines.engine import Engine
from saccade.engines.questions import Questions
from saccade.errors import ModelError
from saccade.models.places import Places

_MOST_SPECIAL = 16
"""Registers and class tokens are few."""
_PARTS = 12
"""How many parts of the image are changed, and"""
_ANSWERING = 0.9
"""which share of them the right token must answer to."""


def measured_places(
    engine: Engine, layer: str, size: tuple[int, int], value_range: tuple[float, float]
) -> Places | None:
    """Where do the rows and columns of the image lie among the tokens of a layer?

    Args:
        engine: The network, made ready to be asked.
        layer: The layer's path.
        size: Height and width of the image.
        value_range: The darkest and the brightest pixel value.

    Returns:
        None for a layer that is no row of tokens, and where none answers as rows and columns would.
    """
    if len(engine.network.layers[layer].shape) != 2:
        return None
    images = np.zeros((1, *size, engine.network.input_shape[2]), np.float32)
    try:
        shape = engine.layer_shape(images, layer)
    except ModelError:  # it is known only once the layer has run
        shape = Questions(engine).activations(images, [layer])[layer].shape[1:]
    best, most = None, _ANSWERING
    for tokens, channels_first in ((shape[0], False), (shape[1], True)):
        for rows, columns in _grids(engine, size, tokens):
            cells = _parts(rows, columns)
            answers = _answers(engine, layer, size, value_range, (rows, columns), cells)
            places, share = _best_alignment(
                answers.swapaxes(1, 2) if channels_first else answers, (rows, columns), cells
            )
            if share >= most:
                best = Places(rows, columns, places, tokens - rows * columns - places, channels_first)
                most = share + 1e-6
    return best


def _grids(engine: Engine, size: tuple[int, int], tokens: int) -> Iterator[tuple[int, int]]:
    """Rows and columns that so many tokens can have: square cells, or the grid of a layer that the network knows."""
    flow = engine.dataflow(*size)
    declared = {places.grid for name in flow.operations if (places := flow.places(name)) is not None}
    square = {(size[0] // side, size[1] // side) for side in range(1, min(size) + 1)}
    for rows, columns in sorted(declared | square, reverse=True):
        if rows * columns > 1 and 0 <= tokens - rows * columns <= _MOST_SPECIAL:
            yield rows, columns


def _parts(rows: int, columns: int) -> NDArray[np.int64]:
    """Cells all over the grid, (cells, 2)."""
    cells = np.random.default_rng(0).permutation(rows * columns)[:_PARTS]
    return np.stack(np.divmod(np.unique([0, columns - 1, *cells]), columns), axis=1)


def _answers(
    engine: Engine,
    layer: str,
    size: tuple[int, int],
    value_range: tuple[float, float],
    grid: tuple[int, int],
    cells: NDArray[np.int64],
) -> NDArray[np.float64]:
    """By how much each number of the layer changes with each part of the image, (cells, ...)."""
    generator = np.random.default_rng(1)
    low, high = value_range
    count = 1 + len(cells)
    shape = (*size, engine.network.input_shape[2])
    images = np.broadcast_to(generator.uniform(low, high, shape), (count, *shape)).astype(np.float32)
    for image, (row, column) in zip(images[1:], cells, strict=True):
        down, across = (
            slice(index * side // parts, (index + 1) * side // parts)
            for index, side, parts in zip((row, column), size, grid, strict=True)
        )
        image[down, across] = generator.uniform(low, high, image[down, across].shape)
    filling = max(0, (engine.network.fixed_batch or 1) - count)
    images = np.concatenate([images, np.repeat(images[:1], filling, axis=0)])
    values = Questions(engine).activations(images, [layer])[layer].astype(np.float64)
    return np.asarray(np.abs(values[1:count] - values[0]))


def _best_alignment(answers: NDArray[np.float64], grid: tuple[int, int], cells: NDArray[np.int64]) -> tuple[int, float]:
    """How many special tokens stand before the first cell, and the share of parts to which the right token answers."""
    strength = np.sqrt((answers**2).sum(axis=2))
    # Special tokens answer to every part alike; a cell's own token to its own above all.
    relative = strength / (strength.mean(axis=0) + 1e-3 * strength.max() + 1e-30)
    offsets = relative.argmax(axis=1) - (cells[:, 0] * grid[1] + cells[:, 1])
    values, counts = np.unique(offsets, return_counts=True)
    prefix = int(values[counts.argmax()])
    is_possible = 0 <= prefix <= answers.shape[1] - grid[0] * grid[1]
    return prefix, float(counts.max() / len(cells)) if is_possible and strength.any() else 0.0
