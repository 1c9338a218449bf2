"""Which layers of a model can be computed together, of all kinds that are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from saccade.models.keras.batch_norm_folding import folded_batch_norms
from saccade.models.keras.calls import Call
from saccade.models.keras.layer_rewrites import Calls, Replacement, Rewrite
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


def started(plan: Sequence[Rewrite]) -> Mapping[str, Replacement]:
    """What works in place of the layers of a model in one run, by path."""
    replacements: dict[str, Replacement] = {}
    kinds: list[type[Rewrite]] = list(dict.fromkeys(map(type, plan)))
    for kind in kinds:
        replacements |= kind.started([rewrite for rewrite in plan if type(rewrite) is kind])
    return replacements
