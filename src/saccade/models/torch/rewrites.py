"""Which calls of a run can be computed together, of all kinds that are known."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from saccade.models.torch.batch_norm_folding import folded_batch_norms, known_convolutions, known_normalisations
from saccade.models.torch.calls import Result
from saccade.models.torch.pool_before_activation import known_activations, known_poolings, postponed_activations
from saccade.models.torch.rewritten_calls import CallTrace, Rewrite


@cache
def numbered_functions() -> frozenset[Any]:
    """The functions of torch whose calls are numbered."""
    return known_activations() | known_poolings() | known_convolutions() | known_normalisations()


def rewrites(
    calls: CallTrace, results: Mapping[str, Result], hooked: Collection[str], pre_hooked: Collection[str]
) -> tuple[Rewrite, ...]:
    """Every pair of calls that can be computed together, in the order of computation.

    Args:
        calls: One run.
        results: Every tensor of it that has a name, by layer path.
        hooked: The modules with a hook of the user on what they give, who must see the model as it is.
        pre_hooked: The modules with a hook on what they are given.
    """
    if not calls.is_complete:
        return ()
    hooked_paths = {path for path, result in results.items() if result.name in hooked}
    return tuple(
        sorted(
            (
                rewrite
                for rewrite in (*postponed_activations(calls, results), *folded_batch_norms(calls, results))
                if rewrite.names.isdisjoint(hooked_paths) and not _is_heard(rewrite, results, pre_hooked)
            ),
            key=lambda rewrite: rewrite.first,
        )
    )


def _is_heard(rewrite: Rewrite, results: Mapping[str, Result], pre_hooked: Collection[str]) -> bool:
    """May a module with a hook on what it is given be given the result of the first call?"""
    if not pre_hooked:
        return False
    name = None if rewrite.result is None else results[rewrite.result].name
    return name is None or any(name == each or name.startswith(f"{each}.") or not each for each in pre_hooked)
