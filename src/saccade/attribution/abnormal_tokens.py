"""Tokens of abnormally high norm: where a transformer keeps what belongs to the whole image, not to the place.

Source: Darcet, Oquab, Mairal and Bojanowski, Vision transformers need registers, ICLR 2024, arXiv:2309.16588.
"""

from __future__ import annotations

import numpy as np

from saccade.encoder import Encoder
from saccade.typing import Array

_ABNORMAL = 4.0
"""How many times the median length a token must have."""


def abnormal_tokens(encoder: Encoder, layer: str, cells: Array) -> list[str]:
    """Are there tokens that are far longer than the others? A note where there are.

    Args:
        encoder: The model.
        layer: The layer that the cells are of; those of a map that a convolution made may differ as they like.
        cells: (images, rows, columns, channels), without special tokens.
    """
    if len(encoder.layers[layer].shape) != 2:
        return []
    lengths = np.sqrt(np.einsum("...c,...c->...", cells, cells, dtype=np.float64)).reshape(len(cells), -1)
    high = lengths > _ABNORMAL * np.median(lengths, axis=1, keepdims=True)
    if not high.any():
        return []
    where = f"{int(high.sum())} of {high.size} patch tokens"
    most = float((lengths / np.maximum(np.median(lengths, axis=1, keepdims=True), 1e-30))[high].max())
    note = f"{where} of {layer} are up to {most:.0f} times as long as the median: transformers often keep there what "
    return [note + "belongs to the whole image, so what lies at those places may not be what is seen there"]
