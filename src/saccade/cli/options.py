"""The options that several commands share."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from saccade.cli import values

if TYPE_CHECKING:
    from saccade.collection import PageStyle
    from saccade.encoder import Encoder

_MODEL = "The model"
_IMAGES = "How photos reach the model"
_DRAWING = "Drawing"

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        show_default=False,
        help="A .keras, .h5, .json (with --weights), .pt2, TorchScript or .onnx file; a folder of TensorFlow "
        "(SavedModel), TensorFlow.js, transformers, diffusers, timm or open_clip; timm:NAME or torchvision:NAME; or "
        "package.module:factory, with arguments as in 'mine:encoder(64,depth=3)'.",
    ),
]


@dataclass(frozen=True)
class Opening:
    """How the model is opened and asked."""

    layer: Annotated[
        str | None,
        typer.Option(metavar="NAME", rich_help_panel=_MODEL, help="The layer that is the code; `layers` lists them."),
    ] = None
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=_MODEL,
            help="Weights for timm:NAME, torchvision:NAME, a factory or a .json: .safetensors, .pt, .pth, .ckpt, .bin; "
            "for Keras .keras, .h5, .weights.h5.",
        ),
    ] = None
    draws: Annotated[
        int | None,
        typer.Option(
            metavar="N", rich_help_panel=_MODEL, help="Average a code that is drawn at random over so many draws."
        ),
    ] = None
    trust: Annotated[
        bool,
        typer.Option("--trust", rich_help_panel=_MODEL, help="Allow code that lies in the model file to run."),
    ] = False
    backend: Annotated[
        str | None,
        typer.Option(metavar="NAME", rich_help_panel=_MODEL, help="What Keras runs on: tensorflow, torch or jax."),
    ] = None
    device: Annotated[
        str | None,
        typer.Option(metavar="NAME", rich_help_panel=_MODEL, help="Where to compute, such as cpu or gpu:0."),
    ] = None
    memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE", rich_help_panel=_MODEL,
            help="Memory beyond the model's own, such as 500MB or 2GiB.  [default: 1GiB]",
        ),
    ] = None  # fmt: skip
    input_shape: Annotated[
        str | None,
        typer.Option(
            metavar="H,W,C",
            rich_help_panel=_IMAGES,
            help="For a model that does not say; free for a side that varies.",
        ),
    ] = None
    value_range: Annotated[
        str | None,
        typer.Option(
            metavar="LOW,HIGH", rich_help_panel=_IMAGES,
            help="The model's darkest and brightest pixel value; read off the model otherwise.",
        ),
    ] = None  # fmt: skip
    normalize: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", rich_help_panel=_IMAGES,
            help="Mean and spread of each channel: imagenet, clip, half (0.5/0.5), caffe, none, or M,M,M/S,S,S; as the "
            "model carries it otherwise.",
        ),
    ] = None  # fmt: skip
    fit: Annotated[
        str | None,
        typer.Option(
            metavar="stretch|cover|contain", rich_help_panel=_IMAGES,
            help="How a photo gets the model's shape: squeezed, cropped, or with edges added.  [default: as the model "
            "carries it, else stretch]",
        ),
    ] = None  # fmt: skip
    crop: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE", rich_help_panel=_IMAGES,
            help="The share of the photo's middle that is used, such as 0.875; with --fit cover.",
        ),
    ] = None  # fmt: skip
    interpolation: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", rich_help_panel=_IMAGES,
            help="How photos are resized: auto, nearest, box, bilinear, hamming, bicubic or lanczos.",
        ),
    ] = None  # fmt: skip
    size: Annotated[
        str | None,
        typer.Option(
            metavar="H,W",
            rich_help_panel=_IMAGES,
            help="Image size for a model that takes any; else the one that it carries, or each photo's own.",
        ),
    ] = None
    max_pixels: Annotated[
        int | None,
        typer.Option(
            metavar="N", rich_help_panel=_IMAGES, help="Refuse photos with more pixels.  [default: 100000000]"
        ),
    ] = None

    def settings(self) -> dict[str, Any]:
        """What `saccade.load` is given, beside the model; checked before any framework is loaded."""
        from saccade.images.normalisation import normalisation_of
        from saccade.images.recipe import Fit, Interpolation

        arguments: dict[str, Any] = {
            "layer": self.layer,
            "weights": self.weights,
            "trust": self.trust,
            "backend": self.backend,
            "device": self.device,
        }
        if self.fit is not None:
            arguments["fit"] = values.choice("fit", self.fit, get_args(Fit))
        if self.interpolation is not None:
            arguments["interpolation"] = values.choice("interpolation", self.interpolation, get_args(Interpolation))
        if self.crop is not None:
            arguments["crop"] = self.crop
        if self.draws is not None:
            arguments["draws"] = self.draws
        if self.normalize is not None:
            normalisation_of(self.normalize)
            arguments["normalize"] = self.normalize
        if self.backend is not None:
            values.choice("backend", self.backend, ("tensorflow", "torch", "jax"))
        if self.memory is not None:
            arguments["memory"] = values.memory(self.memory)
        if self.input_shape is not None:
            arguments["input_shape"] = values.input_shape(self.input_shape)
        if self.value_range is not None:
            arguments["value_range"] = values.pair_of_numbers("--value-range", self.value_range)
        if self.size is not None:
            arguments["size"] = values.size("--size", self.size)
        if self.max_pixels is not None:
            arguments["max_pixels"] = self.max_pixels
        return arguments

    def words(self) -> list[str]:
        """The same options as words of a command."""
        return words_of(self)

    def open(self, model: str) -> Encoder:
        """The model as an encoder."""
        from saccade.loading import load

        return load(model, **self.settings())


@dataclass(frozen=True)
class Drawing:
    """How pages look."""

    theme: Annotated[
        str, typer.Option(metavar="light|dark", rich_help_panel=_DRAWING, help="The colour of the paper.")
    ] = "light"
    scale: Annotated[
        str,
        typer.Option(
            metavar="each|all", rich_help_panel=_DRAWING,
            help="A colour scale for each photo, or one for all of them (then they can be compared).",
        ),
    ] = "each"  # fmt: skip
    format: Annotated[
        str,
        typer.Option("--format", metavar="png|jpg|webp", rich_help_panel=_DRAWING, help="The kind of image file."),
    ] = "png"
    view: Annotated[
        str,
        typer.Option(
            metavar="auto|heatmap|spotlight|contours", rich_help_panel=_DRAWING,
            help="Paint the map over the grey photo, light up what counts in its own colours, or draw lines.",
        ),
    ] = "auto"  # fmt: skip
    aspect: Annotated[
        str,
        typer.Option(metavar="free|16:9|4:3", rich_help_panel=_DRAWING, help="The shape of a page, such as a slide's."),
    ] = "free"
    overlay_only: Annotated[
        bool,
        typer.Option("--overlay-only", rich_help_panel=_DRAWING, help="Only the photo with its map, without any text."),
    ] = False
    raw: Annotated[bool, typer.Option("--raw", rich_help_panel=_DRAWING, help="Also write the numbers, as .npz.")] = (
        False
    )

    def style(self) -> PageStyle:
        """As the library has it; checked before any framework is loaded."""
        from saccade.collection import PageStyle

        return PageStyle(
            self.theme, self.scale, self.format, self.overlay_only, self.raw, view=self.view, aspect=self.aspect
        )


def words_of(options: Any) -> list[str]:
    """Options that were given, as words of a command; files and factories by their names, without folders."""
    from saccade.report.recipe import name_of_model

    words: list[str] = []
    for field in fields(options):
        value = getattr(options, field.name)
        if value is None or value is False:
            continue
        words.append(f"--{field.name.replace('_', '-')}")
        if value is not True:
            words.append(
                value.name
                if isinstance(value, Path)
                else name_of_model(value)
                if field.name == "beside"
                else str(value)
            )
    return words


def opened(encoder: Encoder) -> dict[str, Any]:
    """What was opened, for --json."""
    shape = encoder.layers[encoder.layer].shape
    return {
        "model": encoder.name,
        "framework": encoder.network.framework,
        "layer": encoder.layer,
        "layer_reason": encoder.layer_reason,
        "layer_runner_up": None if encoder.layer_runner_up is None else encoder.layer_runner_up.path,
        "code_shape": list(shape),
        "value_range": list(encoder.value_range),
        "value_range_reason": encoder.value_range_reason,
        "normalize": None if encoder.recipe.normalisation is None else encoder.recipe.normalisation.to_dict(),
        "reads": encoder.recipe.describe(),
        "notes": list(encoder.notes),
    }
