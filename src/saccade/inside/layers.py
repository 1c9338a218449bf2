"""Asking every layer what it makes of one image: the only place where `FeatureMaps` are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from saccade.arguments import checks_arguments
from saccade.encoder import Encoder, as_encoder
from saccade.errors import InputError, NotApplicable
from saccade.inside.measured_fields import fields
from saccade.inside.selection import selected
from saccade.models import Dataflow, find_layer
from saccade.models.dataflow import POINTWISE
from saccade.models.network import declared_places
from saccade.models.places import Places, special_tokens
from saccade.overflow import no_numbers
from saccade.results import FeatureMaps, LayerMaps
from saccade.run import Run
from saccade.typing import Array


@checks_arguments
def feature_maps(encoder: Encoder | Any, image: Any, *, layers: Sequence[str] | str | None = None) -> FeatureMaps:
    """What do the layers make of this image?

    One question to the model gives the feature maps of its layers with places, from the first to the redrawn image. Of
    a deep model some are taken, evenly spread, of a transformer the outputs of its blocks. The code is always among
    them, also when it is a plain vector (one cell). A layer that only hands on what another one made, such as a whole
    sub-model and its last layer, appears once.

    Args:
        encoder: The model and its code; a live model is made an `Encoder` with its defaults.
        image: One image: a path, a PIL image, an array, or one of `encoder.read`.
        layers: `"all"` layers, or only these, by layer path, each of them even when it repeats another; by default all
            of a model of up to 32 layers with places, and about 12 of a deeper one.

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
    encoder = as_encoder(encoder)
    images = encoder.images(image)
    if len(images) != 1:
        raise InputError(f"feature maps are of one image; {len(images)} were given.")
    height, width = images.shape[1:3]
    flow = encoder.dataflow(height, width)
    named = None if layers == "all" else [layers] if isinstance(layers, str) else layers
    places = _places(encoder, named, height, width)
    paths = list(places) if layers is not None else selected(encoder.layers, list(places), _always(encoder, places))
    left_unshown = len(places) - len(paths)
    places = {path: places[path] for path in paths}
    activations = encoder.activations(images.array, [*dict.fromkeys([*paths, *_output(encoder)])])
    for path in paths:
        if not np.isfinite(activations[path]).all():
            raise no_numbers(encoder.name, f"values that are not numbers (NaN or infinite) at layer {path!r}")
    left_out = set[str]() if named is not None else _repeats(encoder, paths, activations, flow)
    shapes = {path: activations[path].shape[1:] for path in paths}
    receptive_fields = fields(Run(encoder), images.array, flow, places, shapes)
    return FeatureMaps(
        layers=tuple(
            LayerMaps(
                path=path,
                kind=encoder.layers[path].kind,
                values=_on_grid(encoder, activations[path], places[path])[0],
                receptive_field=receptive_fields[path],
                stride=None if places[path] is None else encoder.stride(path, height, width),
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
        notes=(
            *_unshown(len(paths), left_unshown),
            *_special(places),
            *encoder.notes,
        ),
    )


def _places(encoder: Encoder, layers: Sequence[str] | None, height: int, width: int) -> dict[str, Places | None]:
    """The layers that are shown, and their places; the code may have none."""
    flow = encoder.dataflow(height, width)
    code = encoder.layer
    if layers is None:
        # Only the code's places are measured, where the network does not say them: there may be hundreds of layers.
        declared = {path: declared_places(encoder.network, path, flow) for path in encoder.layers}
        declared[code] = declared[code] or encoder.places(code, height, width)
        # A flattened map shows nothing that the map itself does not.
        places = {
            path: layer
            for path, layer in declared.items()
            if path == code or (layer is not None and len(encoder.layers[path].shape) > 1)
        }
        if not any(places.values()):
            raise NotApplicable(f"{encoder.name} has no layer with places, so it has no feature maps to show.")
        return places
    paths = list(dict.fromkeys(find_layer(encoder.network, name) for name in layers))
    if not paths:
        raise InputError("no layers were named; leave layers= out for all of them.")
    places = {
        path: declared_places(encoder.network, path, flow) or encoder.places(path, height, width) for path in paths
    }
    for path, layer in places.items():
        if layer is None and path != code:
            raise NotApplicable(
                f"layer {path!r} has no places (its shape is {encoder.layers[path].shape}), so no maps."
            )
    return places


def _on_grid(encoder: Encoder, values: Array, places: Places | None) -> Array:
    """Values of a layer as (images, rows, columns, channels), without special tokens."""
    return encoder.on_grid(values) if places is None else places.split(values)[0]


def _unshown(shown: int, unshown: int) -> list[str]:
    """What is to be said about layers that are not shown."""
    if not unshown:
        return []
    return [f"{shown} of {shown + unshown} layers, evenly spread; name others, or all of them, with layers"]


def _special(places: Mapping[str, Places | None]) -> list[str]:
    """What is to be said about special tokens."""
    most = max((layer.special for layer in places.values() if layer is not None), default=0)
    return [f"{special_tokens(most)} left out: no place of the image"] if most else []


def _always(encoder: Encoder, places: Mapping[str, Places | None]) -> list[str]:
    """The layers that are shown in any case."""
    return [path for path in (encoder.layer, *_output(encoder)) if path in places]


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
