"""What every layer of a model makes of one image: raw maps by layer."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.arguments import checks_arguments
from saccade.atomic_files import writable_path
from saccade.errors import FileError, UnknownName
from saccade.images import Images
from saccade.picture import Panel, bar_sheet, feature_sheet, figure, save_picture
from saccade.picture.numerals import percent
from saccade.results.feature_collage import FeatureCollage
from saccade.results.layer_maps import LayerMaps
from saccade.results.model_image import model_image
from saccade.results.plain_values import plain
from saccade.results.result import Result, sentence
from saccade.typing import Array

_SORTED = {
    "variation": "Those that change most over the photo come first; below each its number and its share of all change.",
    "energy": "The strongest come first; below each its number and its share of the energy, the sum of squares.",
    "index": "Below each its number and its share of the energy, the sum of squares.",
}


@dataclass(frozen=True, eq=False)
class FeatureMaps(Mapping[str, Array], Result):
    """What does every layer make of this image? A mapping from layer path to float32 (rows, columns, channels).

    Attributes:
        layers: The layers in the order of computation.
        code: The path of the layer whose numbers are the code.
        code_size: How many numbers the code holds.
        images: The image, one `Images` of one.
        model: The model's name.
        redrawn: The image as the model redraws it, float32 (height, width, channels), if it does.
        output: The path of the layer that redraws it, if one does.
        from_code_alone: Whether it is redrawn from the code and nothing else.
        notes: What the reader must know.
    """

    layers: tuple[LayerMaps, ...]
    code: str
    code_size: int
    images: Images
    model: str
    redrawn: Array | None = None
    output: str | None = None
    from_code_alone: bool = False
    notes: tuple[str, ...] = ()

    def __getitem__(self, path: str) -> Array:
        for layer in self.layers:
            if layer.path == path:
                return layer.values
        raise KeyError(path)

    def __iter__(self) -> Iterator[str]:
        return (layer.path for layer in self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __repr__(self) -> str:
        return f"FeatureMaps({len(self)} layers of {self.model} for {self.images.names[0]}, code {self.code})"

    def _redrawn_page(self, layer: LayerMaps, theme: str) -> Image.Image:
        assert self.redrawn is not None
        photo = self.images.photos[0]
        drawn = model_image(self.redrawn, photo.placement, self.images.value_range)
        source = "from the code alone" if self.from_code_alone else "from the code and what earlier layers hand on"
        return figure(
            [Panel(Image.fromarray(np.asarray(photo.original)), photo.name), Panel(drawn, "Redrawn", source)],
            columns=2,
            title=f"{layer.path}: the image, redrawn",
            notes=[f"Layer {layer.path} ({layer.kind}) of {self.model}.", *(sentence(note) for note in self.notes)],
            theme=theme,
        )

    def _vector_page(self, layer: LayerMaps, theme: str) -> Image.Image:
        numbers, signed = layer.values[0, 0], layer.signed_apart
        return bar_sheet(
            numbers,
            signed=signed,
            unit="number of the vector",
            title=f"{layer.path}: {len(numbers):,} numbers",
            caption=["Every bar is one number, in their order. It belongs to no place of the photo: all of it counts."],
            notes=[
                f"Layer {layer.path} ({layer.kind}) of {self.model}, photo {self.images.names[0]}.",
                *(sentence(note) for note in self.notes),
            ],
            theme=theme,
        )

    # Numbers

    def layer(self, path: str) -> LayerMaps:
        """One layer, with its receptive field and stride; the last part of its path is enough.

        Raises:
            UnknownName: No such layer, or more than one ends so.
        """
        layers = [layer for layer in self.layers if layer.path == path]
        layers = layers or [layer for layer in self.layers if layer.path.replace(".", "/").split("/")[-1] == path]
        if len(layers) != 1:
            raise UnknownName.of("layer with feature maps", path, self, hint="They are the keys of the feature maps.")
        return layers[0]

    def energy(self, path: str) -> NDArray[np.float64]:
        """How strong is each channel of a layer? The sum of its squared values, float64 (channels,)."""
        return self.layer(path).energy

    # Pages

    @checks_arguments
    def sheet(
        self, path: str, *, theme: str = "dark", scale: str = "all", order: str = "variation", tile: int | None = None
    ) -> Image.Image:
        """All feature maps of a layer on one sheet; of the layer that redraws the image, the redrawn image.

        Args:
            path: The layer.
            theme: `"light"` or `"dark"`.
            scale: `"all"`: one scale for the layer; `"each"`: every map its own, with its limit below.
            order: `"variation"`: the map that changes most from place to place first; `"energy"`: the strongest first,
                be it the same everywhere; `"index"`: as they are numbered.
            tile: Wanted width of a tile in pixels.

        Raises:
            UnknownName: No such layer, scale or order.
        """
        layer = self.layer(path)
        if layer.path == self.output and self.redrawn is not None:
            return self._redrawn_page(layer, theme)
        if layer.values.shape[:2] == (1, 1):
            return self._vector_page(layer, theme)
        channels = layer.order(order)
        signed = layer.signed_apart if scale == "each" else layer.signed
        sizes = layer.variation if order == "variation" else layer.energy
        shares = sizes / (sizes.sum() or 1.0)
        rows, columns, count = layer.values.shape
        silent = int((layer.energy == 0).sum())
        notes = [f"Layer {layer.path} ({layer.kind}) of {self.model}, photo {self.images.names[0]}."]
        if silent:
            notes.append(f"{silent:,} of the {count:,} maps are zero everywhere: these detectors found nothing.")
        return feature_sheet(
            layer.tiles(channels, signed=signed),
            [f"{channel} \u00b7 {percent(float(shares[channel]))}" for channel in channels],
            scale=scale,
            signed=signed,
            unit="answer of the detector",
            title=f"{layer.path}: {count:,} feature maps of {columns}\u00d7{rows} cells",
            caption=[
                f"Every tile is the answer of one detector to the photo, place by place. {_SORTED[order]}",
                f"{self._field_in_words(layer)} {layer.colours(signed=signed)}",
            ],
            notes=[*notes, *(sentence(note) for note in self.notes)],
            tile=tile,
            theme=theme,
        )

    @checks_arguments
    def collage(self, *, theme: str = "dark") -> Image.Image:
        """One page: the photo, the strongest maps of each layer down to the code, and the image redrawn from it.

        Args:
            theme: `"light"` or `"dark"`.
        """
        layout = FeatureCollage(
            self.layers,
            self.code,
            self.code_size,
            self.images,
            redrawn=self.redrawn,
            output=self.output,
            from_code_alone=self.from_code_alone,
        )
        about = f"Model {self.model}, photo {self.images.names[0]}. Finer maps than the tiles are averaged."
        return layout.draw([about, *(sentence(note) for note in self.notes)], theme=theme)

    def page(self, **drawing: Any) -> Image.Image:
        """`collage`, which says what it takes."""
        return self.collage(**drawing)

    # Files

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The maps of each layer as `layer.PATH`, and the model's `images`."""
        return {"images": self.images.array, **{f"layer.{path}": maps for path, maps in self.items()}}

    @checks_arguments
    def save_sheets(self, folder: str | os.PathLike[str], *, theme: str = "dark", scale: str = "all") -> list[Path]:
        """Save the collage and a sheet for each layer into a folder.

        Args:
            folder: It is made if it is not there.
            theme: `"light"` or `"dark"`.
            scale: As in `sheet`.

        Returns:
            The files: the collage, then the layers in order.

        Raises:
            FileError: The folder cannot be made or written.
        """
        target = writable_path(folder)
        try:
            target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(f"the folder {target} cannot be made: {error.strerror or error}.") from error
        files = [self.save(target / "collage.png", theme=theme)]
        for number, layer in enumerate(self.layers, start=1):
            name = re.sub(r"[^A-Za-z0-9_.]+", "-", layer.path).strip("-.")
            page = self.sheet(layer.path, theme=theme, scale=scale)
            about = {**self.metadata(), "layer": layer.path, "scale": scale}
            files.append(save_picture(page, target / f"{number:02d}-{name}.png", about))
        return files

    def provenance(self) -> dict[str, Any]:
        """Model, code layer and notes."""
        return {
            "names": self.images.names,
            "model": self.model,
            "code": self.code,
            "code_size": self.code_size,
            "notes": self.notes,
            "value_range": self.images.value_range,
        }

    def to_dict(self) -> dict[str, Any]:
        """How it was made, and of each layer its shape, what a cell sees, and how strong each channel is."""
        layers = [
            {
                "path": layer.path,
                "kind": layer.kind,
                "shape": layer.values.shape,
                "receptive_field": layer.receptive_field,
                "stride": layer.stride,
                "energy": layer.energy,
                "variation": layer.variation,
            }
            for layer in self.layers
        ]
        return {**super().to_dict(), "layers": plain(layers)}

    # Parts

    def _field_in_words(self, layer: LayerMaps) -> str:
        height, width = self.images.shape[1:3]
        field = layer.receptive_field
        if field is None or (field[0] >= height and field[1] >= width):
            return "Each cell sees the whole image."
        return f"Each cell sees {field[1]}\u00d7{field[0]} px of the {width}\u00d7{height} px image."
