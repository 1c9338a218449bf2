"""Where the rows and columns of the image lie among the numbers of a layer.

A convolution gives rows and columns of cells. A transformer gives tokens: those of the patches, in rows and columns,
and special ones that are no place (a class token, registers). A flattened map holds its cells one after the other, or
one channel after the other. Whatever draws, splits or names cells asks here, and looks at no shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Places:
    """The places of one layer, at one image size.

    Attributes:
        rows: Rows of cells, from the top of the image to its bottom.
        columns: Columns of cells, from left to right.
        prefix: Special tokens before the first cell; they are no place.
        suffix: Special tokens behind the last cell.
        channels_first: The numbers of one channel lie together, as in a flattened map of PyTorch; else those of one
            cell.
    """

    rows: int
    columns: int
    prefix: int = 0
    suffix: int = 0
    channels_first: bool = False

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.columns

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return self.rows * self.columns

    @property
    def special(self) -> int:
        """How many special tokens there are."""
        return self.prefix + self.suffix

    @property
    def tokens(self) -> int:
        """Cells and special tokens."""
        return self.cells + self.special

    @property
    def is_cell(self) -> NDArray[np.bool_]:
        """Which tokens are cells, (tokens,)."""
        return np.array([False] * self.prefix + [True] * self.cells + [False] * self.suffix)

    def split(self, values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Values of the layer as cells, and what belongs to no place.

        Args:
            values: (images, ...) in the layer's own form, or in any that has its numbers in the same order.

        Returns:
            (images, rows, columns, channels) and (images, special tokens, channels).
        """
        count = len(values)
        if self.channels_first:
            tokens = values.reshape(count, -1, self.tokens).swapaxes(1, 2)
        else:
            tokens = values.reshape(count, self.tokens, -1)
        cells = tokens[:, self.prefix : self.prefix + self.cells]
        special = np.concatenate([tokens[:, : self.prefix], tokens[:, self.prefix + self.cells :]], axis=1)
        return np.ascontiguousarray(cells.reshape(count, self.rows, self.columns, tokens.shape[2])), special

    def join(self, cells: NDArray[Any], shape: tuple[int, ...], special: NDArray[Any] | None = None) -> NDArray[Any]:
        """Cells back in the order in which the layer has them.

        Args:
            cells: (images, rows, columns, channels).
            shape: The form of the result for one image.
            special: (images, special tokens, channels); zeros by default.
        """
        count, channels = len(cells), cells.shape[-1]
        flat = cells.reshape(count, self.cells, channels)
        if self.special:
            special = np.zeros((count, self.special, channels), cells.dtype) if special is None else special
            flat = np.concatenate([special[:, : self.prefix], flat, special[:, self.prefix :]], axis=1)
        if self.channels_first:
            flat = flat.swapaxes(1, 2)
        return np.ascontiguousarray(flat).reshape(count, *shape)

    def in_line(self, values: NDArray[Any]) -> NDArray[Any]:
        """Cells and special tokens together, (images, rows, columns, channels); with special ones in a single row.

        `off_line` takes numbers of them apart again.
        """
        cells, special = self.split(values)
        if not self.special:
            return cells
        tokens = [special[:, : self.prefix], cells.reshape(len(cells), self.cells, -1), special[:, self.prefix :]]
        return np.concatenate(tokens, axis=1)[:, None]

    def off_line(self, numbers: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Numbers that lie as `in_line` has them: those of cells (images, rows, columns), the sum of special ones."""
        if not self.special:
            return numbers, np.zeros(len(numbers), numbers.dtype)
        line = numbers.reshape(len(numbers), self.tokens)
        cells = line[:, self.prefix : self.prefix + self.cells]
        return cells.reshape(len(numbers), *self.grid), line.sum(axis=1) - cells.sum(axis=1)

    def describe(self) -> str:
        """Say in words: `"14x14 cells and 1 special token"`."""
        cells = f"{self.columns}x{self.rows} cells"
        return f"{cells} and {special_tokens(self.special)}" if self.special else cells


def special_tokens(count: int) -> str:
    """So many special tokens, in words."""
    return f"{count} special token{'s' * (count != 1)}"
