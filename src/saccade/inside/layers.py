"""Asking every layer what it makes of one image: the only place where `FeatureMaps` are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from saccade.arguments import checks_arguments
from saccade.encoder import Encoder
from saccade.engines.terms import as_grid
from saccade.errors import InputError, NotApplicable
from saccade.models import Dataflow, find_layer
from saccade.models.dataflow import POINTWISE
from saccade.overflow import no_numbers
from saccade.results import FeatureMaps, LayerMaps
from saccade.typing import Array


@checks_arguments
def feature_maps(encoder: Encoder, image: Any, *, layers: Sequence[str] | None = None) -> FeatureMaps:
    """What does every layer make of this image?

    One question to the model gives the feature maps of all layers with places, from the first to the redrawn image.
    The code is always among them, also when it is a plain vector (one cell). A layer that only hands on what another
    one made, such as a whole sub-model and its last layer, appears once.

    Args:
        encoder: The model and its code.
        image: One image: a path, a PIL image, an array, or one of `encoder.read`.
        layers: Only these, by layer path, each of them even when it repeats another; all by default.

    Returns:
        An ordered mapping from layer path to float32 (rows, columns, channels), which draws and saves itself.

    Raises:
        InputError: Not one image.
        NotApplicable: A layer that was asked for, or every layer, has no places.
        UnknownName: No such layer.

    Example:
        >>> maps = saccade.feature_maps(encoder, "cat.jpg")
        >>> maps["conv_1"].shape
        (128, 128, 48)
        >>> maps.collage().save("collage.png")
    """
    images = encoder.images(image)
    if len(images) != 1:
        raise InputError(f"feature maps are of one image; {len(images)} were given.")
    height, width = images.shape[1:3]
    flow = encoder.dataflow(height, width)
    paths = _paths(encoder, layers)
    activations = encoder.activations(images.array, [*dict.fromkeys([*paths, *_output(encoder)])])
    for path in paths:
        if not np.isfinite(activations[path]).all():
            raise no_numbers(encoder.name, f"values that are not numbers (NaN or infinite) at layer {path!r}")
    left_out = set[str]() if layers is not None else _repeats(encoder, paths, activations, flow)
    return FeatureMaps(
        layers=tuple(
            LayerMaps(
                path=path,
                kind=encoder.layers[path].kind,
                values=activations[path][0].reshape(as_grid(activations[path].shape[1:])),
                receptive_field=flow.receptive_field(path) if len(encoder.layers[path].shape) == 3 else None,
                stride=flow.stride(path) if len(encoder.layers[path].shape) == 3 else None,
            )
            for path in paths
            if path not in left_out
        ),
        code=encoder.layer,
        code_size=encoder.layer_size(encoder.layer, images.array),
        images=images,
        model=encoder.name,
        redrawn=activations[encoder.network.output][0] if encoder.is_autoencoder else None,
        output=encoder.network.output if encoder.is_autoencoder else None,
        from_code_alone=_from_code_alone(encoder, flow),
        notes=encoder.notes,
    )


def _paths(encoder: Encoder, layers: Sequence[str] | None) -> list[str]:
    """The paths of the layers that are shown."""
    if layers is None:
        paths = [path for path, layer in encoder.layers.items() if len(layer.shape) == 3 or path == encoder.layer]
        if not any(len(encoder.layers[path].shape) == 3 for path in paths):
            raise NotApplicable(f"{encoder.name} has no layer with places, so it has no feature maps to show.")
        return paths
    paths = list(dict.fromkeys(find_layer(encoder.network, name) for name in layers))
    if not paths:
        raise InputError("no layers were named; leave layers= out for all of them.")
    for path in paths:
        if len(encoder.layers[path].shape) != 3 and path != encoder.layer:
            raise NotApplicable(
                f"layer {path!r} has no places (its shape is {encoder.layers[path].shape}), so no maps."
            )
    return paths


def _output(encoder: Encoder) -> list[str]:
    return [encoder.network.output] if encoder.is_autoencoder else []


def _repeats(encoder: Encoder, paths: Sequence[str], activations: Mapping[str, Array], flow: Dataflow) -> set[str]:
    """Which layers show again what another one shows? The code and the output stay under their own names."""
    own = {encoder.layer, *_output(encoder)}
    repeats: set[str] = set()
    for path in paths:
        operation = flow.operations.get(path)
        if operation is None or operation.windows != POINTWISE or len(operation.inputs) != 1:
            continue
        source = operation.inputs[0]
        while source in repeats:  # three names for one thing
            source = flow.operations[source].inputs[0]
        if source in activations and source in paths and np.array_equal(activations[source], activations[path]):
            repeats.add(path if path not in own or source in own else source)
    return repeats


def _from_code_alone(encoder: Encoder, flow: Dataflow) -> bool:
    """Is the output computed from the code and nothing else? Not when a connection skips the code."""
    reached, waiting = set[str](), _output(encoder)
    while waiting:
        path = waiting.pop()
        if path == encoder.layer or path in reached:
            continue
        if path not in flow.operations:  # the image itself
            return False
        reached.add(path)
        waiting.extend(flow.operations[path].inputs)
    return encoder.is_autoencoder
