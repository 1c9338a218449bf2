"""What every opened model looks like to the engines, whatever framework it was made in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from saccade.errors import UnknownName
from saccade.models.dataflow import Dataflow
from saccade.models.places import Places
from saccade.models.rectifiers import Rectifiers
from saccade.typing import Tensor

Framework = str
"""Who computes: `"tensorflow"`, `"torch"`, `"jax"`, `"numpy"`, or another that brings its own backend."""
Taps = Mapping[str, Callable[[Tensor], Tensor]]
"""By layer: what is made of its result, (images, ...) channels last, before the computation goes on with it."""


class EverythingFound(BaseException):
    """Ends a computation early; not an Exception, so that no handler inside a model swallows it."""


@dataclass(frozen=True)
class Layer:
    """One named place in a model where its numbers can be read.

    Attributes:
        path: The name by which the layer is asked for, with the sub-models it lies in: `"encoder/encoded"`.
        kind: The layer's class, such as `"Conv2D"`.
        shape: The result for one image, channels last; None where the size is free.
        parameters: How many weights the layer holds.
        shares_memory: The result lies where that of an earlier layer lies, as when a block hands on what its last layer
            made.
    """

    path: str
    kind: str
    shape: tuple[int | None, ...]
    parameters: int
    shares_memory: bool = False


@dataclass(frozen=True)
class Hints:
    """What a model's own layers say about the images that it was trained on.

    Attributes:
        rescaling: Scale and offset of a rescaling layer at the input, if there is one.
        output_activation: The last activation, such as `"sigmoid"`, if it is known.
    """

    rescaling: tuple[float, float] | None = None
    output_activation: str | None = None


@dataclass(frozen=True)
class Measured:
    """What a network was seen to be when it ran once.

    Attributes:
        size: Height and width of the images.
        shapes: The shape of every layer for one of them, channels last.
        dataflow: How places moved.
    """

    size: tuple[int, int]
    shapes: Mapping[str, tuple[int, ...]]
    dataflow: Dataflow


@dataclass(frozen=True)
class Capabilities:
    """What a network can do beside computing its layers.

    Attributes:
        gradients: Its framework can differentiate through it.
        taps: `run` changes the results of layers on their way, as it is told.
        layer_weights: `layer_weights()` gives every weight under its layer, to be read and written.
        attention: `attention(images, layer)` gives the weights of every attention before a layer, (images, queries,
            keys) each.
        linearised: Inside `linearised()` the weights of attention are constants for gradients, as the spread of
            normalisations and gates are.
    """

    gradients: bool = False
    taps: bool = False
    layer_weights: bool = False
    attention: bool = False
    linearised: bool = False


class Network(Protocol):
    """An opened model: names its layers and answers in its own framework's tensors.

    Attributes:
        framework: Who computes.
        name: A short name for people.
        input_shape: Height, width (None: free) and channels of one image.
        fixed_batch: The only batch size that the model takes, or None.

    A network may have more attributes:

    - `capabilities` says what it can do; one without it can do nothing more than compute its layers
    - `backend` is the `engines.Backend` of a framework that saccade does not know
    - `outputs` are the tensors that the model gives, by what they are called there (`output[mu]`), and the layers that
      they are
    - `patch` is how many pixels the patches have of which images must be made
    - `measured` is what a run has shown: `Measured`
    - `carried` is what the model says about its images: `models.carried.Carried`
    - `notes` are sentences that its user should read of how it was opened
    - `check_weights(layer)` refuses a layer that is computed with weights that no file brought
    - `first_read(level)` is what its first kernel reads of an image of one brightness
    - `is_steady(layer)`: its graph shows that the layer draws nothing and mixes no images of a batch, so that this need
      not be measured
    """

    framework: Framework
    name: str
    input_shape: tuple[int | None, int | None, int]
    fixed_batch: int | None

    @property
    def layers(self) -> Mapping[str, Layer]:
        """Every layer that can be read, by path, in the order of computation."""
        ...

    @property
    def output(self) -> str:
        """The path of the layer that is the model's output."""
        ...

    @property
    def hints(self) -> Hints:
        """What the model's own layers say about its images."""
        ...

    def run(self, images: Tensor, layers: Sequence[str], taps: Taps | None = None) -> dict[str, Tensor]:
        """Compute the layers asked for, and nothing after them.

        Args:
            images: (images, height, width, channels) in the model's framework.
            layers: Paths from `self.layers`.
            taps: Change the result of a layer on its way: zeros added are where a gradient at a layer is taken, and
                many changed copies in place of one run what comes after the layer alone.

        Returns:
            {path: tensor}, channels last, not flattened.
        """
        ...

    def inference_mode(self) -> AbstractContextManager[None]:
        """Put the model into its evaluating state, and leave it afterwards exactly as it was found."""
        ...

    def dataflow(self, height: int, width: int) -> Dataflow:
        """Trace how places move through the model at this image size."""
        ...

    def rectifiers(self, layer: str) -> Rectifiers:
        """The ReLUs between the image and a layer, and whether there are other nonlinearities on the way."""
        ...

    def weights(self) -> list[tuple[str, Any]]:
        """Every weight by name as a numpy array."""
        ...


def capabilities(network: Network) -> Capabilities:
    """What can this network do? Nothing beside computing its layers, where it does not say."""
    own = getattr(network, "capabilities", None)
    return own if isinstance(own, Capabilities) else Capabilities()


def declared_places(network: Network, layer: str, flow: Dataflow) -> Places | None:
    """The places that a network declares for a layer; None where it has none, or where they are not known.

    A layer of which the data flow says nothing is taken by its shape, which has its channels last.
    """
    if layer in flow.operations:
        return flow.places(layer)
    match network.layers[layer].shape:
        case (int(rows), int(columns), _):
            return Places(rows, columns)
    return None


def find_layer(network: Network, name: str) -> str:
    """Which layer does this name mean? Full paths first, then a last component that is unique.

    Raises:
        UnknownName: No layer, or more than one, has that name.
    """
    if not isinstance(name, str):
        raise UnknownName(f"no layer {name!r:.60}; layers are named by texts, such as {next(iter(network.layers))!r}.")
    if name in network.layers:
        return name
    # The parts of what a model gives may be called as they are there, whatever layer made them.
    outputs: Mapping[str, str] = getattr(network, "outputs", {})
    spelling = _spelling(name)
    ends = [path for path in network.layers if _spelling(path) == spelling]
    ends = ends or [path for output, path in outputs.items() if _spelling(output) == spelling]
    ends = ends or [path for path in network.layers if _spelling(path).split("/")[-1] == spelling]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise UnknownName(f"{name!r} names {len(ends)} layers: {', '.join(ends)}. Give the whole path.")
    raise UnknownName.of(
        "layer", name, network.layers, hint="List them with `saccade layers MODEL` or `encoder.layers`."
    )


def _spelling(name: str) -> str:
    """A path in one spelling: `output[mu]`, `output.mu` and `output/mu` are the same."""
    return name.replace("[", "/").replace("]", "").replace(".", "/")
