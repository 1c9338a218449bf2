"""What every layer of a model makes of one picture: raw maps by layer, which draw and save themselves."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.errors import FileError, UnknownName
from saccade.images import Images
from saccade.picture import feature_sheet, save_picture
from saccade.picture.collage import End, Row, collage, full_colour, tiles_across
from saccade.picture.numerals import percent
from saccade.results.arrays import save_arrays
from saccade.results.framing import framed
from saccade.results.layer_maps import LayerMaps
from saccade.typing import Array

_SORTED = {
    "variation": "Those that change most over the photo come first; below each its number and its share of all change.",
    "energy": "The strongest come first; below each its number and its share of the energy, the sum of squares.",
    "index": "Below each its number and its share of the energy, the sum of squares.",
}


@dataclass(frozen=True, eq=False)
class FeatureMaps(Mapping[str, Array]):
    """What does every layer make of this picture? A mapping from path to float32 (rows, columns, channels).

    Attributes:
        layers: The layers in the order of computation.
        code: The path of the layer whose numbers are the code.
        code_size: How many numbers the code holds.
        images: The picture.
        model: The model's name.
        redrawn: The picture as the model redraws it, float32 (height, width, channels), if it does.
        output: The path of the layer that redraws it.
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

    # Numbers

    def layer(self, path: str) -> LayerMaps:
        """One layer, with its receptive field and stride; the last part of its path is enough.

        Raises:
            UnknownName: No such layer, or more than one ends so.
        """
        found = [each for each in self.layers if each.path == path]
        found = found or [each for each in self.layers if each.path.replace(".", "/").split("/")[-1] == path]
        if len(found) != 1:
            raise UnknownName.of("layer with feature maps", path, self, hint="They are the keys of the feature maps.")
        return found[0]

    def energy(self, path: str) -> NDArray[np.float64]:
        """How strong is each channel of a layer? The sum of its squared values, float64 (channels,)."""
        return self.layer(path).energy

    # Pictures

    def sheet(
        self, path: str, *, theme: str = "dark", scale: str = "all", order: str = "variation", tile: int | None = None
    ) -> Image.Image:
        """All feature maps of a layer on one sheet.

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
        channels = layer.order(order)
        signed = layer.signed_apart if scale == "each" else layer.signed
        counted = layer.variation if order == "variation" else layer.energy
        shares = counted / (counted.sum() or 1.0)
        rows, columns, count = layer.values.shape
        silent = int((layer.energy == 0).sum())
        notes = [f"Layer {layer.path} ({layer.kind}) of {self.model}, photo {self.images.names[0]}."]
        if silent:
            notes.append(f"{silent} of the {count} maps are zero everywhere: these detectors found nothing.")
        return feature_sheet(
            layer.tiles(channels, signed=signed),
            [f"{channel} \u00b7 {percent(float(shares[channel]))}" for channel in channels],
            scale=scale,
            signed=signed,
            unit="answer of the detector",
            title=f"{layer.path}: {count} feature maps of {columns}\u00d7{rows} cells",
            caption=[
                f"Every tile is the answer of one detector to the photo, place by place. {_SORTED[order]}",
                f"{self._sight(layer)} {layer.colours(signed=signed)}",
            ],
            notes=[*notes, *(_sentence(note) for note in self.notes)],
            tile=tile,
            theme=theme,
        )

    def collage(self, *, theme: str = "dark") -> Image.Image:
        """One poster: the photo, the strongest maps of each layer down to the code, and the picture redrawn from it.

        Args:
            theme: `"light"` or `"dark"`.
        """
        frame = framed(self.images.photos[0])
        rows = self._rows(tiles_across((frame.shape[0], frame.shape[1])))
        notes = [
            "In each row the maps that change most over the photo; the number below a tile is its channel.",
            "Pooled maps stand below the maps they were made from. The small frame shows how much a cell can see.",
            f"Model {self.model}, photo {self.images.names[0]}. Finer maps than the tiles are averaged.",
        ]
        if enlarged := self._drawn()[1]:
            notes.append(f"Left out, as they only enlarge the maps above: {', '.join(each.path for each in enlarged)}.")
        notes += [_sentence(note) for note in self.notes]
        return collage(self._first(frame, rows), rows, self._last(frame), notes=notes, theme=theme)

    def _repr_png_(self) -> bytes:
        """Shown by notebooks."""
        buffer = io.BytesIO()
        self.collage().save(buffer, "PNG")
        return buffer.getvalue()

    # Files

    def save(self, path: str | os.PathLike[str], *, theme: str = "dark", scale: str = "all") -> list[Path]:
        """Save a sheet for each layer and the collage into a folder, or all numbers into an `.npz`.

        Args:
            path: A folder, which is made if it is not there, or a name that ends in `.npz`.
            theme: `"light"` or `"dark"`.
            scale: As in `sheet`.

        Returns:
            The files: the collage, then the layers in order.

        Raises:
            FileError: The folder cannot be made or written.
        """
        target = Path(path)
        if target.suffix.lower() == ".npz":
            return [save_arrays(target, {f"layer.{name}": maps for name, maps in self.items()}, self.metadata())]
        try:
            target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(f"the folder {target} cannot be made: {error.strerror or error}.") from error
        made = [save_picture(self.collage(theme=theme), target / "collage.png", self.metadata())]
        for number, layer in enumerate(self.layers, start=1):
            name = re.sub(r"[^A-Za-z0-9_.]+", "-", layer.path).strip("-.")
            page = self.sheet(layer.path, theme=theme, scale=scale)
            about = {**self.metadata(), "layer": layer.path, "scale": scale}
            made.append(save_picture(page, target / f"{number:02d}-{name}.png", about))
        return made

    def metadata(self) -> dict[str, str]:
        """How this was made, as text by name; it travels inside the pictures."""
        from importlib.metadata import version

        return {
            "Software": f"saccade {version('saccade')}",
            "names": "; ".join(self.images.names),
            "model": self.model,
            "code": self.code,
            "notes": "; ".join(self.notes),
        }

    # Parts

    def _sight(self, layer: LayerMaps) -> str:
        height, width = self.images.shape[1:3]
        field = layer.receptive_field
        if field is None or (field[0] >= height and field[1] >= width):
            return "Each cell sees the whole picture."
        return f"Each cell sees {field[1]}\u00d7{field[0]} px of the {width}\u00d7{height} px picture."

    def _drawn(self) -> tuple[list[LayerMaps], list[LayerMaps]]:
        """The layers that get a row on the poster, and those left out because they only enlarge what is above."""
        layers = [layer for layer in self.layers if layer.path != self.output or len(self) == 1]
        enlarged = [now for before, now in pairwise(layers) if now.only_enlarges(before)]
        return [layer for layer in layers if layer not in enlarged], enlarged

    def _rows(self, most: int) -> list[Row]:
        drawn = self._drawn()[0]
        signed = any(layer.signed for layer in drawn)  # one language of colours on the poster where that can be
        rows, channels, above = list[Row](), np.arange(0), 0
        for layer in drawn:
            count = layer.values.shape[2]
            if not (rows and "Pool" in layer.kind and count == above):
                vector = layer.values.shape[:2] == (1, 1)
                channels = layer.order("index") if vector else layer.order()[:most]
            rows.append(self._row(layer, channels, drawn, signed and layer.below < 0))
            above = count
        return rows

    def _row(self, layer: LayerMaps, channels: NDArray[np.intp], drawn: list[LayerMaps], signed: bool) -> Row:
        height, width = self.images.shape[1:3]
        rows, columns, count = layer.values.shape
        field = layer.receptive_field or (height, width)
        scale = layer.scale(signed=signed)
        paths = [each.path for each in drawn]
        here, code = paths.index(layer.path), paths.index(self.code) if self.code in paths else len(paths)
        heading = ""
        if here == code:
            heading = f"The code: {self.code_size:,} numbers are all that is kept"
        elif here == 0:
            heading = "Taken apart, layer by layer" if code < len(paths) else "Layer by layer"
        elif here == code + 1:
            heading = "Painted again, layer by layer" if self.redrawn is not None else "After the code"
        cells = f"{count} numbers" if (rows, columns) == (1, 1) else f"{count} maps of {columns}\u00d7{rows}"
        part = f"{min(field[1], width)}\u00d7{min(field[0], height)} px"
        sees = f"a cell sees {'everything' if field[0] >= height and field[1] >= width else part}"
        return Row(
            title=layer.path,
            lines=[cells, sees, full_colour(scale)],
            tiles=layer.tiles(channels, signed=signed),
            labels=[str(channel) for channel in channels],
            scale=scale,
            sees=(field[0] / height, field[1] / width),
            heading=heading,
            marked=here == code,
        )

    def _first(self, frame: NDArray[np.uint8], rows: list[Row]) -> End:
        _, height, width, channels = self.images.shape
        pixels = height * width * channels
        below = ", blue is below zero" if any(row.scale.signed for row in rows) else ""
        looks = (
            "One layer after the other looks at this photo. Each holds many detectors; a tile shows where in "
            f"the photo one of them answers: black is nothing, bright is much{below}."
        )
        sizes = (
            f"The model sees it as {width}\u00d7{height} pixels, {pixels:,} numbers. "
            f"Its code keeps {percent(self.code_size / pixels)} of that: {self.code_size:,} numbers."
        )
        lines = [looks, sizes]
        return End(frame, "What the model makes of this photo", lines)

    def _last(self, frame: NDArray[np.uint8]) -> End | None:
        if self.redrawn is None:
            return None
        low, high = self.images.value_range
        shown = Images.from_array(np.clip(self.redrawn, low, high), (low, high)).photos[0].original
        drawn = Image.fromarray(shown).resize((frame.shape[1], frame.shape[0]), Image.Resampling.BICUBIC)
        source = (
            f"Painted from the {self.code_size:,} numbers of the code alone."
            if self.from_code_alone
            else "Painted from the code and from what earlier layers hand on beside it."
        )
        return End(
            np.asarray(drawn),
            "The picture, redrawn",
            [source, "What is missing did not survive the way through the code and back."],
        )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
