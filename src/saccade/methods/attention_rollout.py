"""Attention rollout: attention followed through all blocks of a transformer, back to the patches."""

from __future__ import annotations

from itertools import islice

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.feature_layer import reads_tokens, token_layers
from saccade.attribution.method import method
from saccade.errors import NotApplicable
from saccade.models.places import Places, special_tokens
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.typing import Array

_TRIED = 8
"""Layers of tokens that are looked at, from the code backwards: pooling by attention comes behind the blocks."""


@method(
    title="Attention rollout",
    summary="which patches the tokens look at, through all blocks: it shows where is looked, not what it is worth",
    source="Abnar and Zuidema (2020), ACL, arXiv:2005.00928; for a code without classes by the tokens that it reads",
    cost="1 forward; up to 3 more to see which tokens the code reads",
    needs=["attention", "taps"],
)
def attention_rollout(run: Run, images: Array, target: Target) -> Map:
    """Which patches can the code have looked at, if attention is all that moves between them?

    R = Â_L ... Â_2 Â_1,  Â_l = (A_l + I) / 2, where A_l is the mean of the heads of block l and I stands for the way
    round it. Row t of R says what token t is mixed of. A code that is read from special tokens has the mean of their
    rows, one that is a mean of patch tokens the mean of those, a cell of a code of tokens its own.

    It answers for no target: what values the tokens carry, and what becomes of them, is left out.

    Settings:
        target: The whole code, or cells of it.

    Returns:
        An unsigned map on the patches, in shares of all tokens; `raw` is the mean row (images, 1, tokens, 1). What
        lies at special tokens is no place, and `scores["special_tokens"]`.

    Raises:
        NotApplicable: No attention among all tokens, or a target that is not made of tokens.
    """
    run.expect(2 * len(images))
    layer, places, blocks = _blocks(run, images, target)
    rows = _rows(run, images, target, layer, places)
    for block in blocks[::-1]:
        # From the last block to the first, one row of the product alone.
        rows = (np.einsum("nt,nts->ns", rows, block.astype(np.float64)) + rows) / 2
    line = rows[:, None, :, None]
    cells, special = places.split(line)
    return Map(
        values=cells[..., 0].astype(np.float32),
        raw=line.astype(np.float32),
        grid=places.grid,
        units="share of attention",
        signed=False,
        is_share=True,
        notes=(
            f"attention of {len(blocks)} blocks before {layer}; it shows where is looked, not what is done with it",
            *((f"{special_tokens(places.special)} left out: no place",) if places.special else ()),
        ),
        scores={"special_tokens": special.sum(axis=(1, 2))},
    )


def _blocks(run: Run, images: Array, target: Target) -> tuple[str, Places, list[Array]]:
    """The last layer of tokens before which every attention is among all of them, and the weights of those."""
    shapes: set[str] = set()
    for layer, places in islice(token_layers(run, images, target), _TRIED):
        weights = run.attention(images, layer)
        tokens = len(images), places.tokens, places.tokens
        if weights and all(block.shape == tokens for block in weights):
            return layer, places, weights
        shapes |= {"x".join(map(str, block.shape[1:])) for block in weights}
        if not weights:
            break
    instead = "libragrad, or occlusion" if run.encoder.capabilities.linearised else "occlusion"
    remark = f"this model's is {', '.join(sorted(shapes))}" if shapes else "this model has none before its code"
    raise NotApplicable(
        f"attention_rollout needs attention among all tokens of the image, block after block; {remark}. Use {instead}."
    )


def _rows(run: Run, images: Array, target: Target, layer: str, places: Places) -> NDArray[np.float64]:
    """How the target is read from tokens: (images, tokens), which sum to 1."""
    counted = np.zeros(places.tokens)
    if target.kind in ("cell", "region"):
        counted[:] = (target.freeze(run.codes(images), run) != 0).any(axis=(0, 1, 3))
    elif target.kind != "code":
        raise NotApplicable(
            f"attention_rollout says which patches tokens look at, for no target such as {target.name!r}; use code, "
            "cell:ROW,COLUMN or region:..., or libragrad."
        )
    else:
        is_place = places.is_cell
        if layer == run.encoder.layer:
            counted[is_place] = 1.0
        else:
            counted[is_place] = reads_tokens(run, images, [target], layer, is_place)
            for token in np.flatnonzero(~is_place):
                only = np.arange(places.tokens) == token
                counted[token] = reads_tokens(run, images, [target], layer, only)
    if not counted.any():
        raise NotApplicable(
            f"attention_rollout: the code reads no token of {layer!r} that could be told. Use occlusion."
        )
    return np.repeat((counted / counted.sum())[None], len(images), axis=0)
