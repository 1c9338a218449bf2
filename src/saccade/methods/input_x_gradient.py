"""Input times gradient: what each pixel's own value adds, if the gradient stayed as it is."""

from __future__ import annotations

from saccade.attribution.gradient_maps import contribution_map
from saccade.attribution.method import method
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.targets.paths import ONCE, STAY
from saccade.typing import Array


@method(
    title="Input x gradient",
    summary="the small nudge times the brightness of the pixel: what is already there, and matters",
    source="Shrikumar, Greenside, Shcherbina and Kundaje (2016), arXiv:1605.01713",
    cost="1 forward and 1 backward",
    needs=["gradients"],
)
def input_x_gradient(run: Run, images: Array, target: Target, *, low_pass: float | None = None) -> Map:
    """What would be lost, to first order, if a pixel went to the model's zero?

    m = x * d target(x) / dx, summed over channels. Exact for a target that is linear in the image. A pixel at zero
    gets nothing, however much it matters; what looks like zero depends on the model's range of values, and is said in
    the notes: black for 0..1, middle grey for -1..1.

    Returns:
        A signed map per pixel; `raw` is (images, height, width, channels).
    """
    run.expect(2 * len(images))
    raw = images * run.gradient(images, run.objective_at_input(images, target), STAY, ONCE)
    return contribution_map(
        run,
        raw,
        target,
        low_pass,
        units=f"part of the {target.gradient_units} to first order, per pixel",
        notes=(_zero(run.encoder.value_range),),
    )


def _zero(value_range: tuple[float, float]) -> str:
    """What a pixel of value 0, which can get nothing, looks like."""
    low, high = value_range
    place = -low / (high - low)
    if not 0 <= place <= 1:
        return f"no pixel is zero in the model's range {low:g} to {high:g}, so everything counts"
    look = "black" if place < 0.05 else "white" if place > 0.95 else f"a grey of {100 * place:.0f} %"
    return f"zero is {look}: such pixels get nothing, whatever they are worth"
