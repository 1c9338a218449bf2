"""Which layers of a deep model are shown, where nobody names any? The outputs of its blocks, evenly spread."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from saccade.models.network import Layer

ALL_UP_TO = 32
"""A model of at most so many layers with places is shown whole."""
MOST = 12
"""Layers of a deeper one, beside the first, the code and the output."""
_FEWEST_BLOCKS = 3
"""So many numbered siblings of one kind are blocks."""


def selected(layers: Mapping[str, Layer], paths: Sequence[str], always: Collection[str]) -> list[str]:
    """Some of these layers, in their order.

    Args:
        layers: All layers of the model, by path.
        paths: Those that can be shown, in the order of computation.
        always: Those that must be among them: the code, the output.

    Returns:
        The first layer, the outputs of blocks (modules of one kind that are numbered side by side and hold layers of
        their own) where the model has some, else any layers, evenly spread; and those of `always`.
    """
    if len(paths) <= ALL_UP_TO:
        return list(paths)
    blocks = _blocks(layers, paths)
    choices = [path for path in paths if path in blocks] if len(blocks) >= _FEWEST_BLOCKS else list(paths)
    choices = [path for path in choices if path not in always]
    selection = {paths[0], *always}
    selection |= {
        choices[place] for place in np.linspace(0, len(choices) - 1, min(MOST, len(choices))).round().astype(int)
    }
    return [path for path in paths if path in selection]


def _blocks(layers: Mapping[str, Layer], paths: Sequence[str]) -> set[str]:
    """Modules that are numbered side by side, of one kind, and hold layers: `blocks.0`, `blocks.1`, ..."""
    parents = {re.split(r"[./](?=[^./]*$)", path)[0] for path in layers}
    siblings: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for path in paths:
        name = re.fullmatch(r"(?P<family>.*[./])?\d+", path)
        if name and path in parents:
            # Stages are numbered too (`layers.0.blocks.1`): blocks of all stages are one family.
            siblings[re.sub(r"\d+", "#", name["family"] or ""), layers[path].kind].append(path)
    largest = max(siblings.values(), key=len, default=[])
    return set(largest)
