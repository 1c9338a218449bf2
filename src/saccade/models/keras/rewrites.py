"""Which layers of a model can be computed together, of all kinds that are known."""

from __future__ import annotations

from collections.abc import Sequence

from saccade.models.keras.batch_norm_folding import folded_batch_norms
from saccade.models.keras.calls import Call
from saccade.models.keras.layer_rewrites import Calls, Rewrite
from saccade.models.keras.pool_before_activation import postponed_activations
from saccade.typing import Tensor


def rewrites(calls: Sequence[Call], result: Tensor, *, folded: bool) -> tuple[Rewrite, ...]:
    """Every pair of layers that can be computed together.

    Args:
        calls: Every call of one run, in order.
        result: What the model gave.
        folded: Also batch normalisations in the convolutions before them.
    """
    graph = Calls(calls, result)
    return (*postponed_activations(graph), *(folded_batch_norms(graph) if folded else ()))
