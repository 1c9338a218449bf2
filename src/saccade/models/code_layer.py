"""Which layer is the code? As named; else what the model itself says; else its shape. The reason is always given.

In order of evidence:

1. the layer that was named
2. an output of the model that is called as codes are (`image_embeds`, `pooler_output`, `mu`, ...)
3. what the model's own `encode()` gives
4. a layer near the end that is called as codes are (`encoded`, `latent`, `bottleneck`, ...)
5. the model's output, if it is no image: the deepest, where it gives several maps
6. of a model that redraws, a layer with a likely name (`encoder`, `z`, ...)
7. of a model that redraws, the narrowest point that everything passes through; where skips go round it, the deepest
   level

Never the image itself, one of its size, or a table at the entrance. Whether a layer is narrow is measured at a
real size, not read off shapes that are free.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from saccade.models.dataflow import Dataflow
from saccade.models.network import Layer, Measured, Network, find_layer

_OF_OUTPUTS = (
    "image_embeds", "image_features", "pooler_output", "x_norm_clstoken", "embedding", "embeddings", "embeds", "z_mean",
    "mu", "mean", "loc", "encoded", "code", "codes", "latent", "latents", "bottleneck", "features", "z",
    "last_hidden_state",
)  # fmt: skip
"""What outputs of models are called that are codes, the clearest first."""
_MEANS = ("z_mean", "mu", "fc_mu", "mean", "loc", "mean_layer", "to_mu", "z_mu", "mu_layer")
"""What the mean of a code that is drawn at random is called."""
_SPREADS = ("z_log_var", "log_var", "logvar", "z_logvar", "fc_var", "fc_logvar", "log_sigma", "scale", "std", "var")
_CLEAR = (
    "encoded",
    "code",
    "codes",
    "latent",
    "latents",
    "bottleneck",
    "z_mean",
    "mu",
    "fc_mu",
    "embedding",
    "embeddings",
)
"""What layers are called that are codes, the clearest first."""
_LIKELY = ("z", "encoder_output", "encoder")
_HANDING_ON = ("InputLayer", "Identity", "Flatten", "Reshape", "Rescaling", "Normalization", "Dropout")
_FINISHING = (
    "Activation", "ReLU", "ELU", "GELU", "SiLU", "LeakyReLU", "PReLU", "Tanh", "Sigmoid", "BatchNorm", "Softplus",
)  # fmt: skip


@dataclass(frozen=True)
class CodeLayer:
    """The layer that is the code, why, and what it would be otherwise.

    Attributes:
        path: The layer.
        reason: Why it is the code.
        runner_up: The layer that comes next, with its own reason; None where there is none.
    """

    path: str
    reason: str
    runner_up: CodeLayer | None = None


def code_layer(network: Network, name: str | None = None) -> CodeLayer:
    """Choose the layer whose numbers stand for the image.

    Raises:
        UnknownName: A layer was named that the model does not have.
        ModelError: It is computed with weights that no file brought.
    """
    layer = _by_evidence(network) if name is None else CodeLayer(find_layer(network, name), "as named")
    check_weights = getattr(network, "check_weights", None)
    if check_weights is not None:
        check_weights(layer.path)
    return layer


def _by_evidence(network: Network) -> CodeLayer:
    """The layer for which most speaks, and the one that comes next."""
    evidence = _Evidence(network)
    ranked: dict[str, str] = {}
    for path, reason in evidence.candidates():
        ranked.setdefault(path, reason)
        if len(ranked) == 2:
            break
    (path, reason), *others = ranked.items()
    return CodeLayer(path, reason, CodeLayer(*others[0]) if others else None)


def last_name(path: str) -> str:
    """The last component of a path, without the number of a second use."""
    name = re.split(r"[/.\[]", path.rstrip("]"))[-1]
    return re.sub(r"(_\d+|:\d+)$", "", name).lower()


def is_mean(path: str) -> bool:
    """Is a layer called as the mean of a code that is drawn at random?"""
    return last_name(path) in _MEANS


class _Evidence:
    """What speaks for one layer or another."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.layers = network.layers
        outputs: Mapping[str, str] = getattr(network, "outputs", {})
        self.outputs = outputs or {"output": network.output}
        measured = _measured(network)
        self.size, self.shapes, self.flow = measured.size, measured.shapes, measured.dataflow

    def candidates(self) -> Iterator[tuple[str, str]]:
        """Layers with their reasons, the best first; there is always one."""
        outputs = {name: path for name, path in self.outputs.items() if not self._is_image(path)}
        codes = {name: path for name, path in outputs.items() if not self._is_redrawing(path)}
        yield from self._named_outputs(codes)
        yield from self._encoded()
        yield from self._clearly_named()
        yield from self._own_output(codes)
        if self.redraws:
            yield from self._likely_named()
            yield from self._narrowest()
        yield self.network.output, self._last_reason()

    @cached_property
    def redraws(self) -> bool:
        """Is one of the outputs an image?"""
        return bool(self._redrawings)

    @cached_property
    def _redrawings(self) -> list[str]:
        return [path for path in self.outputs.values() if self._is_redrawing(path) and not self._is_image(path)]

    # The rules, in order

    def _named_outputs(self, codes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        if len(self.outputs) < 2:
            return
        for name in _OF_OUTPUTS:
            for output, path in codes.items():
                if name in (last_name(output), last_name(path)):
                    yield path, f"the model gives it as {output!r}"

    def _encoded(self) -> Iterator[tuple[str, str]]:
        parts = [path for path in self.layers if re.fullmatch(r"encode(\[.*)?", path) and self._kind(path) == "Method"]
        means = [path for path in parts if is_mean(path) or is_mean(self._maker(path))]
        spreads = [path for path in parts if last_name(path) in _SPREADS or last_name(self._maker(path)) in _SPREADS]
        for path in dict.fromkeys([*means, *(path for path in parts if path not in spreads)]):
            if not self._is_image(path):
                mean = ", its mean" if path in means and len(parts) > 1 else ""
                yield path, f"what the model's encode() gives{mean}"

    def _clearly_named(self) -> Iterator[tuple[str, str]]:
        for path in self._layers_named(_CLEAR):
            if self._is_near_end(path):
                yield path, f"its name is {path!r}"
        for path in self.layers:
            words = set(re.split(r"[^a-z]+", last_name(path)))
            if words & {"encoded", "latent", "bottleneck"} and self._is_near_end(path):
                yield path, f"its name is {path!r}"

    def _own_output(self, codes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        paths = list(dict.fromkeys(codes.values()))
        if not paths:
            return
        maps = [path for path in paths if len(self.shapes[path]) == 3]
        grids = {self.shapes[path][:2] for path in maps}
        if len(maps) == len(paths) > 1 and len(grids) > 1 and not self.redraws:
            deepest = min(maps, key=lambda path: math.prod(self.shapes[path][:2]))
            yield deepest, f"the deepest of the {len(maps)} maps that the model gives"
            return
        if self.redraws:
            first = next((path for path in paths if last_name(path) not in _SPREADS), paths[0])
            yield first, "the first of the model's outputs that is no image"
            return
        output = self.network.output if self.network.output in paths else paths[0]
        yield output, "the model's output"
        yield from ((path, "another of the model's outputs") for path in paths)

    def _likely_named(self) -> Iterator[tuple[str, str]]:
        for path in self._layers_named(_LIKELY):
            if self._position(path) > 0 and not self._is_redrawing(path):
                yield path, f"its name is {path!r}"

    def _narrowest(self) -> Iterator[tuple[str, str]]:
        inner = [path for path in self.layers if not self._is_redrawing(path) and not self._is_image(path)]
        passed = [path for path in inner if all(self._is_cut(path, redrawing) for redrawing in self._redrawings)]
        deepest = self._deepest([path for path in inner if len(self.shapes[path]) == 3])
        if passed and not (deepest and self._goes_round(passed, deepest)):
            path = self._last_of(min(passed, key=self._numbers), passed)
            yield path, f"the narrowest point of the autoencoder ({self._numbers(path):,} numbers an image)"
        if deepest:
            path = self._bottom(deepest)
            yield path, f"the deepest level ({'x'.join(map(str, self.shapes[path]))}); skips go round it"
        elif inner:
            path = self._last_of(min(inner, key=self._numbers), inner)
            yield path, f"the narrowest layer ({self._numbers(path):,} numbers an image)"

    def _last_reason(self) -> str:
        if self.redraws and len(self.layers) == 1:
            return "the model's output, an image: no layer inside it can be read, so this is no code"
        return "the model's output"

    # What layers are

    def _layers_named(self, names: tuple[str, ...]) -> Iterator[str]:
        for name in names:
            yield from (path for path in self.layers if last_name(path) == name)

    def _position(self, path: str) -> float:
        """Which share of the layers with weights lies up to this one, 0 to 1."""
        weighted = self._weighted
        order = list(self.layers)
        last = order.index(path)
        before = sum(order.index(other) <= last for other in weighted)
        return before / max(len(weighted), 1)

    @cached_property
    def _weighted(self) -> list[str]:
        """The layers that hold weights themselves, not through layers inside them."""
        paths = [path for path, layer in self.layers.items() if layer.parameters]
        return [path for path in paths if not any(other.startswith((f"{path}/", f"{path}.")) for other in paths)]

    def _is_near_end(self, path: str) -> bool:
        """Not before the blocks: a patch projection is called `embeddings`, too. A decoder may follow."""
        if self._is_redrawing(path) or self._is_image(path):
            return False
        weighted_after = len(self._weighted) * (1 - self._position(path))
        return self._position(path) > 0 and (self.redraws or weighted_after <= 3 or self._position(path) > 0.5)

    def _is_redrawing(self, path: str) -> bool:
        """Has it the image's own size, after something smaller: a redrawing, a mask, or one flattened?"""
        shape = self.shapes[path]
        height, width = self.size
        channels = self.network.input_shape[2]
        numbers = height * width * channels
        order = list(self.layers)
        earlier = [self.shapes[other] for other in order[: order.index(path)]]
        if len(shape) == 3 and shape[:2] == (height, width):
            areas = [math.prod(other[:2]) for other in earlier if len(other) == 3]
            return shape[2] == channels or any(1 < area < height * width for area in areas)
        is_flat = len(shape) in (1, 2) and math.prod(shape) == numbers
        return is_flat and any(math.prod(other) < numbers for other in earlier)

    def _is_image(self, path: str) -> bool:
        """Is it the image itself, handed on, or flattened?"""
        height, width = self.size
        numbers = height * width * self.network.input_shape[2]
        operation = self.flow.operations.get(path)
        is_first = operation is not None and operation.inputs == ("input",)
        if self._numbers(path) != numbers:
            return False
        # What the whole model gives counts with all its weights, though they need not have made it.
        if self.layers[path].parameters and path not in self.outputs:
            return False
        return is_first or (self._kind(path) in _HANDING_ON and self._position(path) == 0)

    def _deepest(self, maps: list[str]) -> list[str]:
        """The maps of the smallest grid; 1x1 is what a gate beside the way has been pooled to."""
        areas = {path: math.prod(self.shapes[path][:2]) for path in maps}
        least = min((area for area in areas.values() if area > 1), default=0)
        return [path for path, area in areas.items() if area == least]

    def _goes_round(self, passed: list[str], deepest: list[str]) -> bool:
        """Does what everything passes through lie at a higher level than the deepest, so that skips go round that?"""
        least = math.prod(self.shapes[deepest[0]][:2])
        return all(len(self.shapes[path]) == 3 and math.prod(self.shapes[path][:2]) > least for path in passed)

    def _bottom(self, deepest: list[str]) -> str:
        """Where the deepest level is first reached, the last that all of it passes, by the name of the block it ends.

        A gate may follow on the same level: it reads the bottom, and so does the way up.
        """
        order = [path for path in self.layers if len(self.shapes[path]) == 3 and math.prod(self.shapes[path][:2]) > 1]
        order = [path for path in order if not self.layers[path].shares_memory]
        at_the_bottom = [path in deepest for path in order]
        first = at_the_bottom.index(True)
        last = next((k for k in range(first, len(order)) if not at_the_bottom[k]), len(order)) - 1
        level = order[first : last + 1]
        passed = [path for path in level if self._is_passed(path, level[0])]
        bottom = passed[-1] if passed else level[-1]
        blocks = [path for path in deepest if re.match(re.escape(path) + r"[./]", bottom)]
        return min([*blocks, bottom], key=len)

    def _is_passed(self, path: str, start: str) -> bool:
        """Does every way from one layer to the redrawings lead through another?"""
        return all(self._is_cut(path, redrawing, self._maker_key(start)) for redrawing in self._redrawings)

    def _is_cut(self, path: str, redrawing: str, start: str = "input") -> bool:
        """Does every way from the image, or from a layer, to the redrawing lead through this layer?"""
        return any(self.flow.is_cut(at, redrawing, start) for at in (path, self._maker_key(path)))

    def _maker_key(self, path: str) -> str:
        # Where a layer only names what an operation computed, the rest of the model reads the operation.
        operation = self.flow.operations.get(path)
        sources = operation.inputs if operation is not None else ()
        return sources[0] if len(sources) == 1 and "#" in sources[0] else path

    def _last_of(self, path: str, among: list[str]) -> str:
        """With the activation or normalisation right after it: the code is what the decoder reads."""
        order = [other for other in self.layers if other in among]
        place = order.index(path)
        while place + 1 < len(order) and self._finishes(order[place], order[place + 1]):
            place += 1
        return order[place]

    def _finishes(self, path: str, following: str) -> bool:
        same = self.shapes[path] == self.shapes[following]
        return same and self._kind(following).startswith(_FINISHING)

    def _kind(self, path: str) -> str:
        return self.layers[path].kind

    def _numbers(self, path: str) -> int:
        return math.prod(self.shapes[path])

    def _maker(self, path: str) -> str:
        """The layer that made what another one hands on."""
        source = self.flow.operations[path].inputs if path in self.flow.operations else ()
        return source[0] if len(source) == 1 and source[0] in self.layers else path


def _measured(network: Network) -> Measured:
    """What a run has shown; of a network that does not say, what it declares."""
    measured: Measured | None = getattr(network, "measured", None)
    if measured is not None:
        return measured
    height, width, _ = network.input_shape
    size = height or 64, width or 64
    flow = network.dataflow(*size)
    return Measured(size, {path: _real_shape(layer, flow) for path, layer in network.layers.items()}, flow)


def _real_shape(layer: Layer, flow: Dataflow) -> tuple[int, ...]:
    grid = flow.grid(layer.path) if None in layer.shape and len(layer.shape) == 3 else None
    shape = layer.shape if grid is None else (*grid, layer.shape[-1])
    return tuple(1 if size is None else size for size in shape)
