"""LibraGrad: the input times a gradient for which attention, normalisation and gates stand still."""

from __future__ import annotations

import numpy as np

from saccade.attribution.gradient_maps import contribution_map
from saccade.attribution.method import method
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import INNER_PRODUCT, Target
from saccade.targets.paths import ONCE, STAY
from saccade.typing import Array


@method(
    title="LibraGrad",
    summary="a transformer held still at this photo, its attention as it is: what does each pixel add to the answer?",
    source="Mehri et al. (2025), CVPR, arXiv:2411.16760, with gates and products as constants too",
    cost="2 forwards and 1 backward",
    needs=["gradients", "linearised"],
)
def libragrad(run: Run, images: Array, target: Target, *, low_pass: float | None = None) -> Map:
    """What does each pixel add, with attention and normalisation held as they are?

    m = x * g, summed over channels, where g is the gradient of the target with the weights of attention and the spread
    of normalisations as constants, activations as constants times their inputs, and half a gradient for each factor of
    a product. Such a network is linear in its image apart from its biases, so the map and the biases' part together
    are the target's value: nothing is lost in saturated softmaxes, nothing counted twice. The plain gradient has no
    such sum.

    Returns:
        A signed map per pixel; `raw` is (images, height, width, channels). `scores["rest"]` is what is left of the
        target's value for biases, position embeddings and special tokens, where the target is a sum of products with
        the code.
    """
    # A code of fixed length has no gradient, but one that holds its length constant: that is the one asked for.
    run.expect(3 * len(images))
    objective = run.objective(images, target, "shares")
    raw = images * run.gradient(images, objective, STAY, ONCE, linearised=True)
    notes = ["attention, normalisation and gates are constants on the way back"]
    scores = {}
    if objective.measure is INNER_PRODUCT:
        score = run.score(images, [objective], STAY, ONCE)[0][0]
        scores = {"score": score, "rest": score - raw.sum(axis=(1, 2, 3), dtype=np.float64)}
        share = float(np.median(1 - scores["rest"] / np.where(score == 0, 1, score)))
        notes.append(
            f"all pixels together add {100 * share:.0f} % of the {target.gradient_units}; the rest is biases, position "
            "embeddings and special tokens"
        )
    return contribution_map(
        run,
        raw,
        target,
        low_pass,
        units=f"part of the {target.gradient_units}, per pixel",
        notes=tuple(notes),
        scores=scores,
    )
