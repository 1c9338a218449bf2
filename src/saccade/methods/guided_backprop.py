"""Guided backpropagation: the gradient, with only gains passed back through every ReLU."""

from __future__ import annotations

from saccade.attribution.gradient_maps import gradient_map, length_joining
from saccade.attribution.method import method
from saccade.errors import NotApplicable
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.targets.paths import ONCE, STAY
from saccade.typing import Array


@method(
    title="Guided backpropagation",
    summary="a small nudge, following only what pushes up: crisp lines, closer to an edge drawing than to reasons",
    source="Springenberg, Dosovitskiy, Brox and Riedmiller (2015), arXiv:1412.6806",
    cost="1 forward and 1 backward",
    needs=["gradients"],
)
def guided_backprop(run: Run, images: Array, target: Target, *, low_pass: float | None = None) -> Map:
    """Which pixels feed the target along paths on which every ReLU gains?

    At each ReLU y = max(u, 0) the gradient goes back as  du = [u > 0] * max(dy, 0)  in place of  [u > 0] * dy.
    It is defined by ReLUs alone: with any other nonlinearity before the code (ELU, sigmoid, tanh, swish) the rule has
    no meaning, and what is left would be the plain gradient under a wrong name.

    The map is known to change little when the weights of the model's later layers are drawn at random (Adebayo et al.
    2018, arXiv:1810.03292), so it shows what is there to be seen, not why the code is what it is.

    Returns:
        A map per pixel; `raw` is the signed guided gradient (images, height, width, channels).

    Raises:
        NotApplicable: Something other than a ReLU that can be reached bends the way from the image to the code.
    """
    layer = run.encoder.layer_of(target)
    rectifiers = run.encoder.network.rectifiers(layer)
    instead = "use saliency or integrated_gradients"
    if rectifiers.obstacle is not None:
        raise NotApplicable(f"guided_backprop needs a model with ReLUs only; here {rectifiers.obstacle}; {instead}.")
    if not rectifiers.paths:
        raise NotApplicable(f"guided_backprop needs ReLUs, and none stands before {layer!r}; {instead}.")
    run.expect(2 * len(images))
    joining = length_joining(run, images, target, low_pass)
    objective = run.objective_at_input(images, target)
    gradient = run.gradient(images, objective, STAY, ONCE, guided=rectifiers.paths, joining=joining)
    return gradient_map(run, gradient, target, low_pass)
