"""The layer whose feature maps are weighted by the methods of the CAM family: which one, and what it holds.

CAM methods say how much each channel of a layer counts and add its feature maps up. The layer lies before the code, has
places, and everything the code knows should have passed through it. Fine grids make fine maps, but early layers know
little of what the code is made of; so the one chosen by default is the last whose grid is finer than the code's own,
such as the convolution before the last pooling. What only pads or crops is passed over: its cells do not share the
picture out evenly, as a map is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from saccade.errors import NotApplicable
from saccade.models import Dataflow, find_layer
from saccade.models.dataflow import POINTWISE
from saccade.run import Run
from saccade.targets import Target
from saccade.targets.paths import ONCE, STAY
from saccade.typing import Array


@dataclass(frozen=True)
class FeatureLayer:
    """The layer whose feature maps are weighted.

    Attributes:
        path: Its name.
        grid: Rows and columns.
        channels: How many feature maps it holds.
        note: Which layer it is, and why, for the reader of the picture.
    """

    path: str
    grid: tuple[int, int]
    channels: int
    note: str


def feature_layer(run: Run, images: Array, targets: Sequence[Target], at: str | None) -> FeatureLayer:
    """Which layer's feature maps are weighted?

    Args:
        run: The call, on an encoder.
        images: (images, height, width, channels); their size settles free grids.
        targets: What is explained; the layer must come before what each target reads.
        at: The layer's name, or None for the last layer before the code with a grid finer than the code's, through
            which everything passes; where there is none, the code itself.

    Raises:
        UnknownName: No such layer; the nearest name is given.
        NotApplicable: The layer has no places, comes too late, or is never read by the code; or no layer will do.
    """
    flow = run.encoder.dataflow(images.shape[1], images.shape[2])
    if at is None:
        path, why = _chosen(run, flow)
    else:
        path, why = find_layer(run.encoder.network, at), "as asked"
        for target in targets:
            _check(run, flow, run.encoder.place(target), path)
    grid, channels = _grid(run, flow, path), run.encoder.layers[path].shape[-1]
    assert grid is not None
    assert channels is not None
    note = f"feature maps of {path} ({grid[1]}x{grid[0]} cells, {channels} channels), {why}"
    return FeatureLayer(path, grid, channels, note)


def values_and_gradient(run: Run, images: Array, target: Target, layer: FeatureLayer) -> tuple[Array, Array]:
    """What does the layer hold, and how would the target move with it? Both (images, rows, columns, channels).

    One forward pass gives both. The gradient is taken at the layer: nothing before it is differentiated.
    """
    objective = run.objective_at_input(images, target)
    gradient, values = run.gradient(images, objective, STAY, ONCE, at=layer.path, values=True)
    return values, gradient


def _chosen(run: Run, flow: Dataflow) -> tuple[str, str]:
    """The layer by default, and why."""
    code = run.encoder.layer
    own = _grid(run, flow, code)
    cells = own[0] * own[1] if own is not None else 0
    for path in reversed(_before(run, code)):
        grid = _grid(run, flow, path)
        if grid is None or grid[0] * grid[1] <= max(cells, 1) or not flow.is_cut(path, code):
            continue
        if _moves_the_edge(flow, path):
            continue
        # A layer that sees single pixels only rescales or pads the picture.
        if flow.receptive_field(path) != (1, 1):
            finer = "the last before the code" if cells <= 1 else "the last before the code with a finer grid"
            return path, finer
    if cells > 1:
        return code, "the code itself: no layer before it has a finer grid"
    raise NotApplicable(
        f"neither the code {code!r} nor a layer that everything passes on the way to it has places, so there are no "
        "feature maps to weigh; name a layer (at=), or use occlusion."
    )


def _check(run: Run, flow: Dataflow, read: str, path: str) -> None:
    allowed = [each for each in [*_before(run, read), read] if _has_places(run, flow, each)]
    allowed = [each for each in allowed if _reaches(flow, each, read)]
    hint = f"give one of {', '.join(allowed[-8:])}" if allowed else "use occlusion"
    if path not in (*_before(run, read), read):
        raise NotApplicable(f"layer {path!r} is computed after {read!r}, which is explained; {hint}.")
    if not _has_places(run, flow, path):
        shape = run.encoder.layers[path].shape
        raise NotApplicable(f"layer {path!r} has no places (its shape is {shape}), so no feature maps; {hint}.")
    if not _reaches(flow, path, read):
        raise NotApplicable(f"{read!r}, which is explained, is not computed from layer {path!r}; {hint}.")


def _before(run: Run, read: str) -> list[str]:
    paths = list(run.encoder.layers)
    return paths[: paths.index(read)]


def _moves_the_edge(flow: Dataflow, path: str) -> bool:
    """Does the layer only pad or crop? Its grid is then no longer that of the whole picture, as a map is drawn."""
    operation = flow.operations.get(path)
    if operation is None or operation.windows is None or "input" in operation.inputs:
        return False
    local = any(window.kernel > 1 or window.stride > 1 for window in operation.windows)
    read = [flow.operations[source].grid for source in operation.inputs if source in flow.operations]
    return not local and any(grid != operation.grid for grid in read)


def _has_places(run: Run, flow: Dataflow, path: str) -> bool:
    grid = _grid(run, flow, path)
    return grid is not None and grid[0] * grid[1] > 1


def _grid(run: Run, flow: Dataflow, path: str) -> tuple[int, int] | None:
    shape = run.encoder.layers[path].shape
    if len(shape) != 3:
        return None
    height, width, _ = shape
    if height is not None and width is not None:
        return height, width
    return flow.grid(path) if path in flow.operations else None


def _reaches(flow: Dataflow, path: str, read: str) -> bool:
    """Is `read` computed from `path`? Yes, where a way is not known."""
    waiting, seen = [read], {"input"}
    while waiting:
        key = waiting.pop()
        if key == path or (key not in flow.operations and key != "input"):
            return True
        if key not in seen:
            seen.add(key)
            waiting.extend(flow.operations[key].inputs)
    # Torch's identities hand on what they get, and what comes after is written down as reading their input.
    operation = flow.operations.get(path)
    unread = not any(path in each.inputs for each in flow.operations.values())
    handed_on = operation is not None and operation.windows == POINTWISE and len(operation.inputs) == 1
    return unread and handed_on and flow.operations[path].inputs[0] in seen - {"input"}
