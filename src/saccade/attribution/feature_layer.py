"""The layer whose feature maps are weighted by the methods of the CAM family: which one, and what it holds.

CAM methods say how much each channel of a layer counts and add its feature maps up. The layer lies before the code, has
places, and everything the code knows should have passed through it. Fine grids make fine maps, but early layers know
little of what the code is made of; so the one chosen by default is the last whose grid is finer than the code's own,
such as the convolution before the last pooling. What only pads or crops is passed over: its cells do not share the
image out evenly, as a map is drawn. Of a transformer it is the last block whose patch tokens the target still reads:
behind the last attention a class token reads itself alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.encoder import Encoder
from saccade.errors import NotApplicable
from saccade.models import Dataflow, find_layer
from saccade.models.dataflow import POINTWISE
from saccade.models.network import declared_places
from saccade.models.places import Places, special_tokens
from saccade.run import Run
from saccade.targets import Target
from saccade.targets.paths import ONCE, STAY, ArrayPoints, Path
from saccade.typing import Array, Tensor

_MOST_WAYS = 4
"""So many layers that lie beside each other are named in a refusal."""


@dataclass(frozen=True)
class FeatureLayer:
    """The layer whose feature maps are weighted.

    Attributes:
        path: Its name.
        places: Where its rows and columns lie among its numbers.
        channels: How many feature maps it holds.
        note: Which layer it is, and why, for the reader of the map.
        encoder: The model that it is a layer of.
    """

    path: str
    places: Places
    channels: int
    note: str
    encoder: Encoder

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.places.grid

    def cells(self, values: Array) -> Array:
        """The layer's values (images, ...) as (images, rows, columns, channels), without special tokens."""
        return self.places.split(values)[0]


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
        path, why = _default_layer(run, flow, images, targets)
    else:
        path, why = find_layer(run.encoder.network, at), "as asked"
        for target in targets:
            _check(run, flow, run.encoder.layer_of(target), path)
    places, channels = _places(run, flow, path), run.encoder.layers[path].shape[-1]
    assert places is not None
    assert channels is not None
    left_out = f"; {special_tokens(places.special)} left out, no place" if places.special else ""
    note = f"feature maps of {path} ({places.columns}x{places.rows} cells, {channels} channels), {why}{left_out}"
    return FeatureLayer(path, places, channels, note, run.encoder)


def values_and_gradient(run: Run, images: Array, target: Target, layer: FeatureLayer) -> tuple[Array, Array]:
    """What do the layer's cells hold, and how would the target move with them? (images, rows, columns, channels) both.

    One forward pass gives both. The gradient is taken at the layer: nothing before it is differentiated.
    """
    objective = run.objective_at_input(images, target)
    gradient, values = run.gradient(images, objective, STAY, ONCE, at=layer.path, values=True)
    return layer.cells(values), layer.cells(gradient)


def _default_layer(run: Run, flow: Dataflow, images: Array, targets: Sequence[Target]) -> tuple[str, str]:
    """The layer by default, and why."""
    code = run.encoder.layer
    own = _places(run, flow, code)
    cells = own.cells if own is not None else 0
    for path in reversed(_before(run, code)):
        if not flow.is_cut(path, code):
            continue
        places = _places(run, flow, path)
        if places is None or places.cells <= cells or _moves_the_edge(flow, path):
            continue
        if places.special and not reads_tokens(run, images, targets, path, places.is_cell):
            continue
        # A layer that sees single pixels only rescales or pads the image.
        if flow.receptive_field(path) != (1, 1):
            if places.special:
                return path, "the last before the code whose patch tokens it reads"
            finer = "the last before the code" if cells <= 1 else "the last before the code with a finer grid"
            return path, finer
    if cells > 1:
        return code, "the code itself: no layer before it has a finer grid"
    beside = [
        f"{path!r} ({places.columns}x{places.rows} cells)" for path, places in _beside(run, flow, images, targets)
    ]
    if len(beside) > 1:
        raise NotApplicable(
            f"the code {code!r} is made of layers that lie beside each other, so no single one has the feature maps of "
            f"all of it; name one, which then shows its part (at=): {' or '.join(beside)}; or use occlusion."
        )
    raise NotApplicable(
        f"neither the code {code!r} nor a layer that everything passes on the way to it has places, so there are no "
        "feature maps to weigh; name a layer (at=), or use occlusion."
    )


def _beside(run: Run, flow: Dataflow, images: Array, targets: Sequence[Target]) -> list[tuple[str, Places]]:
    """The last layers with places of ways that lie beside each other: each gathers another layer, and none the rest."""
    code = run.encoder.layer
    last: list[tuple[str, Places]] = []
    earlier: set[str] = set()
    listed = {path for path in _before(run, code) if _is_listed(run, flow, path)}
    for path in reversed(_before(run, code)):
        if path not in listed or path in earlier or len(last) == _MOST_WAYS:
            continue
        before = _ancestors(flow, path, without=None)
        if not (before & listed) - _ancestors(flow, code, without=path):
            continue
        places = _places(run, flow, path)
        if places is not None and (not places.special or reads_tokens(run, images, targets, path, places.is_cell)):
            last.append((path, places))
            earlier |= before
    return last[::-1]


def _ancestors(flow: Dataflow, name: str, without: str | None) -> set[str]:
    """Everything that `name` is computed from on ways that do not lead through one layer."""
    waiting, visited = [name], {name}
    while waiting:
        operation = flow.operations.get(waiting.pop())
        new = {key for key in (operation.inputs if operation is not None else ()) if key != without} - visited
        visited |= new
        waiting.extend(new)
    return visited - {name}


def token_layers(run: Run, images: Array, target: Target) -> Iterator[tuple[str, Places]]:
    """The layers of tokens that everything passes on the way to what a target reads, the last first."""
    flow = run.encoder.dataflow(images.shape[1], images.shape[2])
    layer_read = run.encoder.layer_of(target)
    for path in [layer_read, *reversed(_before(run, layer_read))]:
        if len(run.encoder.layers[path].shape) == 2 and (path == layer_read or flow.is_cut(path, layer_read)):
            places = _places(run, flow, path)
            if places is not None:
                yield path, places


def reads_tokens(run: Run, images: Array, targets: Sequence[Target], path: str, tokens: NDArray[np.bool_]) -> bool:
    """Does a target change when these tokens of a layer do? Behind the last attention a class token reads itself alone.

    Args:
        run: The call, on an encoder.
        images: (images, height, width, channels); the first is asked.
        targets: What is explained.
        path: The layer.
        tokens: Which of its tokens, (tokens,).
    """
    if not run.encoder.capabilities.taps:
        return True
    first_image = slice(0, 1)
    objectives = [objective.select(first_image) for objective in run.objectives(images, targets)]
    shape = run.engine.layer_shape(images, path)
    token_mask = tokens.astype(np.float32).reshape(1, *shape[:-1], 1)
    shares = ArrayPoints({"share": np.array([1, 0], np.float32).reshape(2, 1, *(1 for _ in shape))})
    scores = run.score(images[first_image], objectives, TOKENS_FADE, shares, {"tokens": token_mask}, at=path)
    return any(abs(float(own[1, 0] - own[0, 0])) > 1e-9 + 1e-6 * abs(float(own[0, 0])) for own in scores)


def _check(run: Run, flow: Dataflow, layer_read: str, path: str) -> None:
    allowed = [
        layer_path for layer_path in [*_before(run, layer_read), layer_read] if _is_listed(run, flow, layer_path)
    ]
    allowed = [layer_path for layer_path in allowed if _reaches(flow, layer_path, layer_read)]
    hint = f"give one of {', '.join(allowed[-8:])}" if allowed else "use occlusion"
    if path not in (*_before(run, layer_read), layer_read):
        raise NotApplicable(f"layer {path!r} is computed after {layer_read!r}, which is explained; {hint}.")
    if _places(run, flow, path) is None:
        shape = run.encoder.layers[path].shape
        raise NotApplicable(f"layer {path!r} has no places (its shape is {shape}), so no feature maps; {hint}.")
    if not _reaches(flow, path, layer_read):
        raise NotApplicable(f"{layer_read!r}, which is explained, is not computed from layer {path!r}; {hint}.")


def _before(run: Run, layer_read: str) -> list[str]:
    paths = list(run.encoder.layers)
    return paths[: paths.index(layer_read)]


def _moves_the_edge(flow: Dataflow, path: str) -> bool:
    """Does the layer only pad or crop? Its grid is then no longer that of the whole image, as a map is drawn."""
    operation = flow.operations.get(path)
    if operation is None or operation.windows is None or operation.grid is None or "input" in operation.inputs:
        return False
    local = any(window.kernel > 1 or window.stride > 1 for window in operation.windows)
    grids = [flow.operations[source].grid for source in operation.inputs if source in flow.operations]
    return not local and any(grid != operation.grid for grid in grids)


def _is_listed(run: Run, flow: Dataflow, path: str) -> bool:
    """Is the layer offered to people? It has places, as the network itself says; nothing is measured for a list."""
    return _usable(declared_places(run.encoder.network, path, flow), run.encoder.layers[path].shape) is not None


def _places(run: Run, flow: Dataflow, path: str) -> Places | None:
    """The places of a layer that has feature maps; None where it has none."""
    shape = run.encoder.layers[path].shape
    return _usable(run.encoder.places(path, *flow.size), shape) if len(shape) > 1 else None


def _usable(places: Places | None, shape: tuple[int | None, ...]) -> Places | None:
    """Places of several cells, whose channels are the last axis."""
    if places is None or places.channels_first or places.cells < 2 or len(shape) < 2:
        return None
    lead = shape[:-1]
    return places if None in lead or math.prod(side or 1 for side in lead) == places.tokens else None


def _reaches(flow: Dataflow, path: str, layer_read: str) -> bool:
    """Is `read` computed from `path`? Yes, where a way is not known."""
    waiting, visited = [layer_read], {"input"}
    while waiting:
        key = waiting.pop()
        if key == path or (key not in flow.operations and key != "input"):
            return True
        if key not in visited:
            visited.add(key)
            waiting.extend(flow.operations[key].inputs)
    # Torch's identities hand on what they get, and what comes after is written down as reading their input.
    operation = flow.operations.get(path)
    unread = not any(path in each.inputs for each in flow.operations.values())
    handed_on = operation is not None and operation.windows == POINTWISE and len(operation.inputs) == 1
    return unread and handed_on and flow.operations[path].inputs[0] in visited - {"input"}


def _fading(values: Tensor, fixed: Mapping[str, Tensor], points: Mapping[str, Tensor]) -> Tensor:
    tokens = fixed["tokens"][None]
    return values[None] * (1 - tokens + tokens * points["share"])


TOKENS_FADE = Path("tokens of a layer fade", _fading)
"""A layer's values, some of whose tokens (1 in the fixed `tokens`) keep a share; points `share` (points, 1, ...)."""
