"""The encoder: a model, its code layer, and how it wants its images. Immutable, and shared by any number of threads."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from saccade.engines import Questions, engine_for
from saccade.engines.objections import badly_fed, left_to_chance, may_be_normalised, refuse_fixed_length, unnormalised
from saccade.engines.place_measurement import measured_places
from saccade.engines.terms import as_grid
from saccade.engines.trials import Trials
from saccade.errors import ImageError, InputError, ModelError, NotApplicable, SaccadeWarning
from saccade.images import ImageRecipe, Images, read
from saccade.images.recipe import Fit, Interpolation
from saccade.models import Dataflow, Layer, Network, code_layer, open_live
from saccade.models.averaged_network import AveragedNetwork
from saccade.models.code_layer import CodeLayer
from saccade.models.feed import feed_of
from saccade.models.network import Capabilities, capabilities, declared_places
from saccade.models.normalised_network import NormalisedNetwork
from saccade.models.places import Places
from saccade.models.training_state import looks_untrained
from saccade.reference import Reference
from saccade.targets import Target
from saccade.typing import Array


class Encoder:
    """What does this model make of images? One answer for every framework.

    Args:
        model: A live Keras 3 model or `torch.nn.Module`. It is left exactly as it was found.
        layer: The layer whose numbers are the code; by default well-known names, then the narrowest point of an
            autoencoder, then the output. `layer_reason` says why.
        value_range: The darkest and the brightest pixel value of the images; by default as the model carries it or
            computes it, see `value_range_reason`.
        normalize: Mean and spread of each channel that the model was trained with: `"imagenet"`, `"clip"`, `"half"`,
            `"caffe"`, `"none"`, `"M,M,M/S,S,S"` or a pair of them; by default as the model carries it. Images,
            fillers and gradients stay in `value_range`: (image - mean) / std is the network's first operation.
        fit: How a photo gets the model's shape: `"stretch"`, `"cover"` or `"contain"`; by default as the model carries
            it, else stretched.
        crop: The share of the photo's middle that is used, for `"cover"`; by default as the model carries it, else all.
        interpolation: How photos are resized; by default as the model carries it, else `"auto"`.
        draws: Compute each image so many times and take the mean, for a model whose code is drawn at random and that
            has no layer of means; without it such a code is refused.
        size: Height and width for a model whose size is free; by default the size that the model carries, else every
            photo keeps its own.
        input_shape: Height, width, channels, for a model that does not say.
        background: The colour under transparency and around contained photos.
        reference: What is typical of a collection for this model; `load` takes it from the file beside the model.
        max_pixels: Larger photos are refused before they are decoded.
        memory: Bytes that one call may use beyond the model's own; by default 1 GiB, on an accelerator half of what
            is free there.
        device: Where to compute, such as `"cpu"` or `"gpu:0"`; None leaves it to the framework.

    Attributes:
        file_name: The name of the file or folder that `load` opened, without its folder; empty for a live model.

    Raises:
        ModelError: Not a model, weights that are not numbers, or no code to explain.
        UnknownName: No such layer.

    Example:
        >>> encoder = saccade.Encoder(autoencoder, layer="encoded")
        >>> encoder.codes(encoder.read(["cat.jpg"])).shape
        (1, 8, 8, 64)
    """

    def __init__(
        self,
        model: Any,
        *,
        layer: str | None = None,
        value_range: tuple[float, float] | None = None,
        normalize: Any = None,
        fit: Fit | None = None,
        crop: float | None = None,
        interpolation: Interpolation | None = None,
        draws: int | None = None,
        size: tuple[int, int] | None = None,
        input_shape: tuple[int | None, int | None, int] | None = None,
        background: tuple[int, int, int] = (255, 255, 255),
        max_pixels: int = 100_000_000,
        memory: int | None = None,
        device: str | None = None,
        reference: Reference | None = None,
    ) -> None:
        network = open_live(model, input_shape=input_shape)
        code = code_layer(network, layer)
        self.layer, self.layer_reason, self.layer_runner_up = code.path, code.reason, code.runner_up
        feed = feed_of(
            network, value_range=value_range, normalize=normalize, fit=fit, crop=crop, interpolation=interpolation,
            size=size,
        )  # fmt: skip
        self.value_range, self.value_range_reason = feed.value_range, feed.reason
        self.network: Network = (
            network if feed.normalisation is None else NormalisedNetwork(network, feed.normalisation)
        )
        self.draws = draws
        if draws is not None:
            self.network = AveragedNetwork(self.network, draws)
        self.engine = engine_for(self.network, memory=memory, device=device)
        if draws is not None:
            self.engine.share_between(draws)
        self._measured_places = lru_cache(maxsize=64)(self._measure_places)
        self.reference = reference
        self.file_name = ""
        self.notes: tuple[str, ...] = (*getattr(network, "notes", ()), *looks_untrained(self.network))
        height, width = feed.size
        self.recipe = ImageRecipe(
            height=height,
            width=width,
            channels=network.input_shape[2],
            fit=feed.fit,
            crop=feed.crop,
            interpolation=feed.interpolation,
            value_range=feed.value_range,
            normalisation=feed.normalisation,
            background=background,
            multiple=self._multiple() if None in (height, width) else 1,
            max_pixels=max_pixels,
        )
        self._trials = Trials(self.engine, self.value_range)
        if layer is None:
            self._take_unnormalised()
        if draws is not None:
            self.notes = (*self.notes, left_to_chance(self._trials.let_pass(self.layer), draws))
        if feed.is_assumed:
            self._warn_if_badly_fed()

    # Images

    def read(self, sources: Any) -> Images:
        """Turn paths, PIL images or arrays into what the model wants, and keep the way back onto the photos."""
        return read(sources, self.recipe)

    def images(self, photos: Any) -> Images:
        """Take whatever stands for images: `Images`, an array that already is a batch, or something to read.

        Raises:
            ImageError: The array is no batch of this model's images.
        """
        if isinstance(photos, Images):
            images = photos
        elif isinstance(photos, np.ndarray) and photos.ndim == 4 and photos.dtype.kind == "f":
            images = Images.from_array(photos, self.value_range)
        else:
            return self.read(photos)
        self.check_shape(images.shape)
        return images

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Refuse images (images, height, width, channels) that are none, or not of the model's size.

        Raises:
            ImageError: They are so.
        """
        height, width, channels = self.network.input_shape
        expected = (height or shape[1], width or shape[2], channels)
        if tuple(shape[1:]) != expected:
            raise ImageError(
                f"images of shape {tuple(shape[1:])} for a model that takes {self.network.input_shape}; read them "
                "with encoder.read()."
            )
        if shape[0] == 0:
            raise ImageError("no images were given.")

    # Layers and places

    @property
    def name(self) -> str:
        """The model's name; that of its file where its own is the one that Keras gives to all."""
        return self.network.name

    @property
    def capabilities(self) -> Capabilities:
        """What the model can do beside computing its layers."""
        return capabilities(self.network)

    @property
    def layers(self) -> Mapping[str, Layer]:
        """Every layer that can be read, by path, in the order of computation."""
        return self.network.layers

    @property
    def is_autoencoder(self) -> bool:
        """Does the model give back an image of the kind that it takes?"""
        shape = self.network.layers[self.network.output].shape
        return self.network.output != self.layer and shape == self.network.input_shape

    def dataflow(self, height: int, width: int) -> Dataflow:
        """How places move through the model at this image size; traced once per size."""
        return self.engine.dataflow(height, width)

    def layer_size(self, layer: str, images: Array) -> int:
        """How many numbers one image has at a layer."""
        return self.engine.layer_size(images, layer)

    def places(self, layer: str, height: int, width: int) -> Places | None:
        """Where do the rows and columns of an image of this size lie among the numbers of a layer?

        As the network declares it; for tokens that it says nothing of, as measured.

        Returns:
            None for a vector, and where the places are not known.
        """
        places = declared_places(self.network, layer, self.dataflow(height, width))
        if places is None:
            places = self._measured_places(layer, height, width)
        return None if places is None or places.tokens == 1 else places

    def stride(self, layer: str, height: int, width: int) -> tuple[float, float] | None:
        """How many pixels lie between neighbouring cells of a layer, down and across? None where it has no places."""
        places = self.places(layer, height, width)
        return None if places is None else (height / places.rows, width / places.columns)

    def layer_of(self, target: Target) -> str:
        """The layer that a target reads."""
        if target.reads == "code":
            return self.layer
        if not self.is_autoencoder:
            raise NotApplicable(
                f"target {target.name!r} needs a model that redraws its image; this one gives "
                f"{self.network.layers[self.network.output].shape}. Give the whole autoencoder, or target 'code'."
            )
        return self.network.output

    # Questions that need no progress; everything else is asked by a `Run`

    def activations(self, images: Array, layers: Sequence[str]) -> dict[str, Array]:
        """What do these layers hold? {layer: (images, ...)}, channels last."""
        return Questions(self.engine).activations(images, layers)

    def codes(self, images: Any) -> Array:
        """The codes of images, (images, rows, columns, channels); a vector code is one cell.

        Args:
            images: Anything that `images` takes.
        """
        self.check_code()
        return self.on_grid(self.activations(self.images(images).array, [self.layer])[self.layer])

    def on_grid(self, values: Array) -> Array:
        """Values of the code layer, (images, ...), as sums are taken of them: (images, rows, columns, channels).

        A vector is one cell, and tokens are one row of cells; `places` says where they lie on the image.
        """
        return values.reshape(len(values), *as_grid(values.shape[1:]))

    def reconstruct(self, images: Any) -> Array:
        """The images as the model redraws them, (images, height, width, channels) in the model's value range.

        Raises:
            NotApplicable: The model has no decoder.
        """
        if not self.is_autoencoder:
            raise NotApplicable("the model does not redraw images: its output is no image. Give the autoencoder.")
        return self.activations(self.images(images).array, [self.network.output])[self.network.output]

    def describe(self) -> str:
        """Say in a few lines what was opened and how it will be asked."""
        lines = [
            f"{self.name}: {len(self.layers)} layers, on {self.network.framework}",
            f"code: {self.layer} ({self._code_shape}), {self.layer_reason}" + self._otherwise(),
            f"images: {self.recipe.describe()} ({self.value_range_reason})",
            *(f"note: {note}" for note in self.notes),
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        """One line: the model, its code and what it takes."""
        return f"<Encoder {self.describe().splitlines()[0]}; code {self.layer} ({self._code_shape})>"

    def _repr_html_(self) -> str:
        """Shown by notebooks: what was opened, and how it is asked."""
        rows = [line.partition(": ") for line in self.describe().splitlines()[1:]]
        cells = "".join(
            f"<tr><th style='text-align:left'>{escape(a)}</th><td>{escape(b)}</td></tr>" for a, _, b in rows
        )
        return f"<b>{escape(self.describe().splitlines()[0])}</b><table>{cells}</table>"

    @property
    def _code_shape(self) -> str:
        return "x".join("free" if side is None else str(side) for side in self.layers[self.layer].shape)

    # Is there a code that can be explained?

    def check_code(self) -> None:
        """Refuse a code that cannot be explained; where no graph shows it, a few images are encoded for that, once.

        Raises:
            ModelError: The code is drawn at random, or depends on the other images of a batch.
        """
        self._trials.passed(self.layer)

    def check_gradient(self) -> None:
        """Refuse the gradient of the code with itself where it is zero whatever the image.

        Raises:
            NotApplicable: All codes have the same length.
        """
        refuse_fixed_length(self._trials.passed(self.layer))

    def _take_unnormalised(self) -> None:
        """Of a code of unit length, take what was normalised: the gradient of its likeness to itself is not 0."""
        if not may_be_normalised(self.network, self.layer):
            return
        trial = self._trials.new(self.layer)
        layer = unnormalised(trial) if trial.has_fixed_length else None
        if layer is not None:
            self.layer_runner_up = CodeLayer(self.layer, self.layer_reason)
            self.layer_reason = f"what {self.layer!r} brings to unit length"
            self.layer = layer

    def _warn_if_badly_fed(self) -> None:
        try:
            warning = badly_fed(self._trials.new(self.layer))
        except ModelError:  # it cannot compute these images; the first question says why
            return
        if warning is not None:
            self.notes = (*self.notes, warning)
            warnings.warn(warning, SaccadeWarning, stacklevel=3)

    # Parts

    def _otherwise(self) -> str:
        runner_up = self.layer_runner_up
        is_sure = self.layer_reason.startswith(("its name is", "as named", "as given"))
        return "" if runner_up is None or is_sure else f"; else --layer {runner_up.path} ({runner_up.reason})"

    def _measure_places(self, layer: str, height: int, width: int) -> Places | None:
        return measured_places(self.engine, layer, (height, width), self.value_range)

    def _multiple(self) -> int:
        """The code's stride, so that a decoder can double what the encoder halved; and whole patches."""
        height, width, _ = self.network.input_shape
        measured = getattr(self.network, "measured", None)
        flow = self.dataflow(height or 256, width or 256) if measured is None else measured.dataflow
        stride = flow.stride(self.layer)
        patch = int(getattr(self.network, "patch", 1))
        if stride is None or stride[0] != int(stride[0]) or stride[0] > 64:
            return patch
        return math.lcm(patch, int(stride[0]))


def as_encoder(model: Any) -> Encoder:
    """An encoder as it is; a live model or an opened network with its defaults.

    Raises:
        InputError: A path or something else that is no model.
        ModelError: A model that cannot be asked.
    """
    if isinstance(model, Encoder):
        return model
    if isinstance(model, (str, FilePath)):
        raise InputError(f"{str(model)!r} is a path, not an encoder; open it first: saccade.load({str(model)!r}).")
    return Encoder(model)
