"""The encoder: a model, its code layer, and how it wants its pictures. The rest of the house talks to it alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from saccade.engines import DEFAULT_MEMORY, Objective, Receive, engine_for
from saccade.engines.terms import as_grid
from saccade.errors import ImageError, ModelError, NotApplicable
from saccade.images import ImageRecipe, Images, read
from saccade.models import Dataflow, Layer, Network, code_layer, guess_value_range, open_live, open_model
from saccade.models.training_state import looks_untrained
from saccade.targets import Target
from saccade.targets.paths import STAY, Arrays, Path, Points
from saccade.typing import Array

Progress = Callable[[int, int], None]


class Encoder:
    """What does this model make of pictures? One answer for every framework.

    Args:
        model: A live Keras 3 model or `torch.nn.Module`. It is left exactly as it was found.
        layer: The layer whose numbers are the code; by default well-known names, then the narrowest point of an
            autoencoder, then the output. `layer_reason` says why.
        value_range: The model's darkest and brightest pixel value; by default read off the model, see
            `value_range_reason`.
        fit: How a photo gets the model's shape: `"stretch"`, `"cover"` or `"contain"`.
        size: Height and width for a model whose size is free; None lets every photo keep its own.
        input_shape: Height, width, channels, for a model that does not say.
        background: The colour under transparency and around contained photos.
        max_pixels: Larger photos are refused before they are decoded.
        memory: Bytes that one question may use beyond the model's own.
        device: Where to compute, such as `"cpu"` or `"gpu:0"`; None leaves it to the framework.

    Raises:
        ModelError: Not a model, weights that are not numbers, or no code to explain.
        UnknownName: No such layer.

    Example:
        >>> encoder = saccade.Encoder(autoencoder, layer="encoded")
        >>> encoder.codes(encoder.read(["cat.jpg"])).shape
        (1, 8, 8, 32)
    """

    def __init__(
        self,
        model: Any,
        *,
        layer: str | None = None,
        value_range: tuple[float, float] | None = None,
        fit: Literal["stretch", "cover", "contain"] = "stretch",
        size: tuple[int, int] | None = None,
        input_shape: tuple[int | None, int | None, int] | None = None,
        background: tuple[int, int, int] = (255, 255, 255),
        max_pixels: int = 100_000_000,
        memory: int = DEFAULT_MEMORY,
        device: str | None = None,
    ) -> None:
        self.network: Network = open_live(model, input_shape=input_shape)
        self.engine = engine_for(self.network, memory=memory, device=device)
        chosen = code_layer(self.network, layer)
        self.layer, self.layer_reason = chosen.path, chosen.reason
        guessed, reason = guess_value_range(self.network)
        self.value_range = guessed if value_range is None else value_range
        self.value_range_reason = reason if value_range is None else "as given"
        self.notes: tuple[str, ...] = tuple(looks_untrained(self.network))
        self._remembered: list[tuple[Array, Array]] | None = None
        height, width = _size(self.network, size)
        self.recipe = ImageRecipe(
            height=height,
            width=width,
            channels=self.network.input_shape[2],
            fit=fit,
            value_range=self.value_range,
            background=background,
            multiple=self._multiple() if None in (height, width) else 1,
            max_pixels=max_pixels,
        )

    # Pictures

    def read(self, sources: Any) -> Images:
        """Turn paths, PIL images or arrays into what the model wants, and keep the way back onto the photos."""
        return read(sources, self.recipe)

    def images(self, given: Any) -> Images:
        """Take whatever stands for pictures: `Images`, an array that already is a batch, or something to read.

        Raises:
            ImageError: The array is no batch of this model's pictures.
        """
        if isinstance(given, Images):
            images = given
        elif isinstance(given, np.ndarray) and given.ndim == 4 and given.dtype.kind == "f":
            images = Images.from_array(given, self.value_range)
        else:
            return self.read(given)
        height, width, channels = self.network.input_shape
        wanted = (height or images.shape[1], width or images.shape[2], channels)
        if images.shape[1:] != wanted:
            raise ImageError(
                f"pictures of shape {images.shape[1:]} for a model that takes {self.network.input_shape}; read them "
                "with encoder.read()."
            )
        if len(images) == 0:
            raise ImageError("no pictures were given.")
        return images

    # Layers and places

    @property
    def name(self) -> str:
        """The model's name."""
        return self.network.name

    @property
    def layers(self) -> Mapping[str, Layer]:
        """Every layer that can be read, by path, in the order of computation."""
        return self.network.layers

    @property
    def is_autoencoder(self) -> bool:
        """Does the model give back a picture of the kind it takes?"""
        shape, wanted = self.network.layers[self.network.output].shape, self.network.input_shape
        return self.network.output != self.layer and shape == wanted

    def dataflow(self, height: int, width: int) -> Dataflow:
        """How places move through the model at this picture size; written down once per size."""
        return self.engine.dataflow(height, width)

    def place(self, target: Target) -> str:
        """The layer that a target reads."""
        if target.place == "code":
            return self.layer
        if not self.is_autoencoder:
            raise NotApplicable(
                f"target {target.name!r} needs a model that redraws its picture; this one gives "
                f"{self.network.layers[self.network.output].shape}. Give the whole autoencoder, or target 'code'."
            )
        return self.network.output

    # Questions

    def activations(self, images: Array, layers: Sequence[str]) -> dict[str, Array]:
        """What do these layers hold? {layer: (images, ...)}, channels last."""
        return self.engine.activations(images, layers)

    def activations_along(
        self,
        images: Array,
        layers: Sequence[str],
        path: Path,
        points: Points,
        fixed: Arrays | None = None,
        *,
        at: str | None = None,
    ) -> dict[str, Array]:
        """What do these layers hold while the pictures (or the values of a layer, `at`) move along a path?

        Returns:
            {layer: (points, images, ...)}.
        """
        return self.engine.activations_along(images, layers, path, points, fixed, at=at)

    def codes(self, images: Any) -> Array:
        """The codes of pictures, (images, rows, columns, channels); a vector code is one cell.

        Args:
            images: Anything that `images` takes.
        """
        array = images if isinstance(images, np.ndarray) and images.dtype == np.float32 else None
        array = self.images(images).array if array is None else array
        remembered = self.remembered(array)
        if remembered is not None:
            return remembered
        found = self.engine.activations(array, [self.layer])[self.layer]
        codes = found.reshape(len(found), *as_grid(found.shape[1:]))
        if self._remembered is not None and isinstance(images, (np.ndarray, Images)):
            # What was read here for once comes never again as the same array.
            self._remembered.append((array, codes))
        return codes

    def remembered(self, array: Array) -> Array | None:
        """The codes of this very array, if they were asked for in the block of `remembering`."""
        return next((codes for known, codes in self._remembered or () if known is array), None)

    def code_size(self, layer: str, images: Array) -> int:
        """How many numbers one picture has at a layer."""
        shape = self.layers[layer].shape
        grid = self.dataflow(images.shape[1], images.shape[2]).grid(layer) if None in shape else None
        sizes = shape if grid is None else (*grid, shape[-1])
        return int(np.prod([each or 1 for each in sizes]))

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """Encode each batch of pictures once inside the block, for callers who ask several questions about it.

        Only inside a block: between two calls the model may have been trained further.
        """
        outermost = self._remembered is None
        self._remembered = self._remembered if self._remembered is not None else []
        try:
            yield
        finally:
            if outermost:
                self._remembered = None

    def reconstruct(self, images: Any) -> Array:
        """The pictures as the model redraws them, (images, height, width, channels) in the model's value range.

        Raises:
            NotApplicable: The model has no decoder.
        """
        if not self.is_autoencoder:
            raise NotApplicable("the model does not redraw pictures: its output is no picture. Give the autoencoder.")
        return self.engine.activations(self.images(images).array, [self.network.output])[self.network.output]

    def score(
        self,
        images: Array,
        targets: Sequence[Target | Objective],
        path: Path,
        points: Points,
        fixed: Arrays | None = None,
        *,
        cells: bool | Receive = False,
        at: str | None = None,
    ) -> list[NDArray[np.float64]]:
        """How do targets score while the pictures (or the values of a layer, `at`) move along a path?

        They are compared as for covering, unless they were made ready before (`measured`).

        Returns:
            For each target (points, images), or with `cells` the terms (points, images, rows, columns, terms).
        """
        asked = [each if isinstance(each, Objective) else self.objective(images, each, "cover") for each in targets]
        return self.engine.score(images, asked, path, points, fixed, cells=cells, at=at)

    @overload
    def gradient(
        self,
        images: Array,
        target: Target,
        path: Path,
        points: Points,
        fixed: Arrays | None = None,
        *,
        weights: Array | None = None,
        at: str | None = None,
        variance: Literal[False] = False,
        values: Literal[False] = False,
        guided: Sequence[str] = (),
    ) -> Array: ...

    @overload
    def gradient(
        self,
        images: Array,
        target: Target,
        path: Path,
        points: Points,
        fixed: Arrays | None = None,
        *,
        weights: Array | None = None,
        at: str | None = None,
        variance: bool = False,
        values: bool = False,
        guided: Sequence[str] = (),
    ) -> Array | tuple[Array, Array]: ...

    def gradient(
        self,
        images: Array,
        target: Target,
        path: Path,
        points: Points,
        fixed: Arrays | None = None,
        *,
        weights: Array | None = None,
        at: str | None = None,
        variance: bool = False,
        values: bool = False,
        guided: Sequence[str] = (),
    ) -> Array | tuple[Array, Array]:
        """The mean gradient of a target along a path, at the picture or at a layer.

        Also its variance, or the layer's own values, if asked for.
        """
        asked = self.objective_at_input(images, target) if path is STAY else self.objective(images, target)
        return self.engine.gradient(
            images, asked, path, points, fixed, weights=weights, at=at, variance=variance, values=values, guided=guided
        )

    def vjp(self, images: Array, cotangents: Array) -> Array:
        """`J^T c` for patterns `c` on the code, (patterns, images, height, width, channels)."""
        return self.engine.vjp(images, self.layer, cotangents)

    def objective(self, images: Array, target: Target, use: Literal["gradient", "cover"] = "gradient") -> Objective:
        """The target made ready for these pictures: its measure, its layer, its frozen references."""
        layer = self.place(target)
        # What the output should be is the picture itself; its code is not asked for.
        reference = target.freeze(self.codes(images) if target.place == "code" else images, self)
        return Objective(target.gradient if use == "gradient" else target.cover, layer, reference)

    def objective_at_input(self, images: Array, target: Target) -> Objective:
        """The target made ready for pictures that stay as they are: the same gradient, up to a constant factor.

        Where it can be spared, they are not encoded first for the frozen reference.
        """
        if target.autograd_form is None:
            return self.objective(images, target)
        return Objective(target.autograd_form, self.place(target), np.zeros((len(images), 1, 1, 1), np.float32))

    def describe(self) -> str:
        """Say in a few lines what was opened and how it will be asked."""
        shape = "x".join("free" if each is None else str(each) for each in self.layers[self.layer].shape)
        lines = [
            f"{self.name}: {len(self.layers)} layers, on {self.network.framework}",
            f"code: {self.layer} ({shape}), {self.layer_reason}",
            f"pictures: {self.recipe.describe()} ({self.value_range_reason})",
            *(f"note: {note}" for note in self.notes),
        ]
        return "\n".join(lines)

    def _multiple(self) -> int:
        """The code's stride, so that a decoder can double what the encoder halved."""
        height, width, _ = self.network.input_shape
        stride = self.dataflow(height or 256, width or 256).stride(self.layer)
        if stride is None or stride[0] != int(stride[0]) or stride[0] > 64:
            return 1
        return int(stride[0])


def load(
    source: str | FilePath,
    *,
    weights: str | FilePath | None = None,
    trust: bool = False,
    backend: str | None = None,
    device: str | None = None,
    input_shape: tuple[int | None, int | None, int] | None = None,
    **settings: Any,
) -> Encoder:
    """Open a model file and make it an encoder.

    Args:
        source: A `.keras` file (Keras 3 or 2), an `.h5` (Keras 1 or 2), a `.json` with `weights`, a SavedModel folder,
            a `.pt2` or TorchScript file, or `package.module:factory`.
        weights: A weights-only file, for a factory or a `.json`.
        trust: Allow code that lies in the file to run.
        backend: The Keras backend (`"tensorflow"`, `"jax"`, `"torch"`), if Keras is not loaded yet.
        device: Where to compute.
        input_shape: Height, width, channels, for a model that does not say.
        **settings: Everything else that `Encoder` takes.

    Raises:
        FileError: Missing, empty or damaged.
        ModelError: Not a model, or one that may not or cannot be opened.

    Example:
        >>> encoder = saccade.load("autoencoder.keras")
    """
    network = open_model(source, weights=weights, trust=trust, backend=backend, device=device, input_shape=input_shape)
    return Encoder(network, device=device, **settings)


def _size(network: Network, size: tuple[int, int] | None) -> tuple[int | None, int | None]:
    height, width, _ = network.input_shape
    if size is None:
        return height, width
    if (height not in (None, size[0])) or (width not in (None, size[1])):
        raise ModelError(f"the model takes pictures of {height}x{width} only; size={size} cannot be had.")
    return size
