"""Would any network of this shape say the same? A map beside the maps of networks with fresh weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from saccade.arguments import checks_arguments
from saccade.encoder import Encoder, as_encoder
from saccade.engines import Estimate, OnEstimate, Progress, Stop
from saccade.errors import InputError
from saccade.evaluation.agreement import on_grid, rank_correlation
from saccade.explanation import explain
from saccade.methods import Method
from saccade.models.randomisation import randomised, weighted_layers
from saccade.results import Attribution
from saccade.results.untrained_maps import UntrainedMaps
from saccade.targets import Target
from saccade.typing import Array

NETWORKS = 4
"""A single untrained network is one chance of many."""


@checks_arguments
def explain_beside_untrained(
    encoder: Encoder | Any,
    images: Any,
    method: str | Method | None = None,
    target: Target | str | None = None,
    *,
    networks: int = NETWORKS,
    seed: int = 0,
    progress: Progress | None = None,
    stop: Stop | None = None,
    on_partial: Callable[[Attribution], None] | None = None,
    on_estimate: OnEstimate | None = None,
    partial_after: float = 0.0,
    **settings: Any,
) -> Attribution:
    """Where does the encoder look, and where would networks look that have learned nothing?

    The same question is put to the network with its weights drawn as they are before training, several times. Their
    maps are scaled to the total magnitude of the trained network's map and averaged. What both show comes from the
    photo and the network's shape, not from learning. The encoder is left as it was; while this runs, nobody else may
    ask it.

    Args:
        encoder: The model and its code.
        images: What `explain` takes.
        method: As for `explain`.
        target: As for `explain`.
        networks: How many untrained networks are asked.
        seed: Of their weights.
        progress: Called with the pieces done and the pieces in all, for each question.
        stop: Asked between pieces; True ends the call with `Cancelled`.
        on_partial: As for `explain`, with the trained network's map alone.
        on_estimate: As for `explain`; the estimates are for all networks together.
        partial_after: As for `explain`.
        **settings: The method's own settings.

    Returns:
        The attribution with `untrained`; its page shows both on one scale.

    Raises:
        InputError: `networks` below 1.
        NotApplicable: The weights of this kind of model cannot be told apart by layer.

    Source: Adebayo et al. (2018), Sanity Checks for Saliency Maps, arXiv:1810.03292.

    Example:
        >>> look = explain_beside_untrained(encoder, "cat.jpg", "saliency", networks=2)
        >>> look.untrained.likeness.shape
        (2, 1)
    """
    if networks < 1:
        raise InputError(f"networks={networks}: give 1 or more.")
    encoder = as_encoder(encoder)
    weighted_layers(encoder.network, encoder.layer)  # refuses before anything is computed

    def for_all(estimate: Estimate) -> None:
        assert on_estimate is not None
        on_estimate(
            replace(estimate, seconds=(1 + networks) * estimate.seconds, passes=(1 + networks) * estimate.passes)
        )

    trained = explain(
        encoder, images, method, target, progress=progress, stop=stop, on_partial=on_partial,
        on_estimate=None if on_estimate is None else for_all, partial_after=partial_after / (1 + networks), **settings,
    )  # fmt: skip
    return beside_untrained(
        encoder, trained, method, target, networks=networks, seed=seed, progress=progress, stop=stop, **settings
    )


def beside_untrained(
    encoder: Encoder,
    trained: Attribution,
    method: str | Method | None,
    target: Target | str | None = None,
    *,
    networks: int = NETWORKS,
    seed: int = 0,
    progress: Progress | None = None,
    stop: Stop | None = None,
    **settings: Any,
) -> Attribution:
    """The same attribution with what untrained networks say to the same question; see `explain_beside_untrained`.

    Args:
        encoder: That explained.
        trained: What it said.
        method: The method that was asked.
        target: What was explained.
        networks: How many untrained networks are asked.
        seed: Of their weights.
        progress: As for `explain`.
        stop: As for `explain`.
        **settings: The settings that the method was asked with.

    Raises:
        NotApplicable: The weights of this kind of model cannot be told apart by layer.
    """
    layers = weighted_layers(encoder.network, encoder.layer)
    grid = on_grid(np.abs(trained.heatmap))
    total = _total(trained.values)
    mean, likeness = np.zeros(trained.values.shape), []
    for number in range(networks):
        with randomised(encoder.network, layers, seed + number, untrained=True):
            untrained = explain(encoder, trained.images, method, target, progress=progress, stop=stop, **settings)
        mean += untrained.values * (total / np.maximum(_total(untrained.values), 1e-30)) / networks
        likeness.append(rank_correlation(grid, on_grid(np.abs(untrained.heatmap))))
    return replace(trained, untrained=UntrainedMaps(mean.astype(np.float32), np.stack(likeness)))


def _total(values: Array) -> Array:
    total: Array = np.abs(values).sum(axis=(1, 2), dtype=np.float64)[:, None, None]
    return total
