"""The collage of a model's feature maps: the photo, rows of maps down to the code, the image redrawn from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.images import Images
from saccade.picture.collage import End, Row, collage, full_colour, tiles_across
from saccade.picture.numerals import percent
from saccade.results.framing import framed
from saccade.results.layer_maps import LayerMaps
from saccade.typing import Array

_ROWS = 32
"""Layers beyond this number make a picture too high for many programs to open."""


@dataclass(frozen=True)
class FeatureCollage:
    """What stands on it; the attributes are those of `FeatureMaps`."""

    layers: tuple[LayerMaps, ...]
    code: str
    code_size: int
    images: Images
    redrawn: Array | None
    output: str | None
    from_code_alone: bool

    def draw(self, notes: Sequence[str], *, theme: str) -> Image.Image:
        """Draw it.

        Args:
            notes: Small print, behind what is said of the maps.
            theme: `"light"` or `"dark"`.
        """
        frame = framed(self.images.photos[0])
        layers, enlarging = self._layers()
        layers, count = self._evenly_spread(layers), len(layers)
        rows = self._rows(layers, tiles_across((frame.shape[0], frame.shape[1])))
        small_print = [
            "In each row the maps that change most over the photo; the number below a tile is its channel.",
            "Pooled maps stand below the maps they were made from. The small frame shows how much a cell can see.",
        ]
        if enlarging:
            paths = ", ".join(layer.path for layer in enlarging)
            small_print.append(f"Left out, as they only enlarge the maps above: {paths}.")
        if len(layers) < count:
            small_print.append(f"{len(layers)} of {count} layers, evenly spread; every layer has a sheet of its own.")
        ends = self._photo_end(frame, rows), self._redrawn_end(frame)
        return collage(ends[0], rows, ends[1], notes=[*small_print, *notes], theme=theme)

    def _layers(self) -> tuple[list[LayerMaps], list[LayerMaps]]:
        """The layers that get a row, and those left out because they only enlarge what is above."""
        layers = [layer for layer in self.layers if layer.path != self.output or len(self.layers) == 1]
        enlarging = [layer for before, layer in pairwise(layers) if layer.only_enlarges(before)]
        return [layer for layer in layers if layer not in enlarging], enlarging

    def _evenly_spread(self, layers: list[LayerMaps]) -> list[LayerMaps]:
        """So many that the collage can be looked at, evenly spread, the code among them."""
        if len(layers) <= _ROWS:
            return layers
        places = set(np.linspace(0, len(layers) - 1, _ROWS).round().astype(int).tolist())
        return [layer for place, layer in enumerate(layers) if place in places or layer.path == self.code]

    def _rows(self, layers: list[LayerMaps], most: int) -> list[Row]:
        signed = any(layer.signed for layer in layers)  # one language of colours on the page where that can be
        rows, channels, above = list[Row](), np.arange(0), 0
        for layer in layers:
            count = layer.values.shape[2]
            if not (rows and "Pool" in layer.kind and count == above):
                vector = layer.values.shape[:2] == (1, 1)
                channels = layer.order("index") if vector else layer.order()[:most]
            rows.append(self._row(layer, channels, layers, signed and layer.below < 0))
            above = count
        return rows

    def _row(self, layer: LayerMaps, channels: NDArray[np.intp], layers: list[LayerMaps], signed: bool) -> Row:
        height, width = self.images.shape[1:3]
        rows, columns, count = layer.values.shape
        field = layer.receptive_field or (height, width)
        scale = layer.scale(signed=signed)
        paths = [other.path for other in layers]
        place, code = paths.index(layer.path), paths.index(self.code) if self.code in paths else len(paths)
        heading = ""
        if place == code:
            heading = f"The code: {self.code_size:,} numbers are all that is kept"
        elif place == 0:
            heading = "Taken apart, layer by layer" if code < len(paths) else "Layer by layer"
        elif place == code + 1:
            heading = "Painted again, layer by layer" if self.redrawn is not None else "After the code"
        cells = f"{count:,} numbers" if (rows, columns) == (1, 1) else f"{count:,} maps of {columns}\u00d7{rows}"
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
            marked=place == code,
        )

    def _photo_end(self, frame: NDArray[np.uint8], rows: list[Row]) -> End:
        _, height, width, channels = self.images.shape
        pixels = height * width * channels
        below = ", blue is below zero" if any(row.scale.signed for row in rows) else ""
        reading = (
            "One layer after the other looks at this photo. Each holds many detectors; a tile shows where in "
            f"the photo one of them answers: black is nothing, bright is much{below}."
        )
        sizes = (
            f"The model sees it as {width}\u00d7{height} pixels, {pixels:,} numbers. "
            f"Its code keeps {percent(self.code_size / pixels)} of that: {self.code_size:,} numbers."
        )
        return End(frame, "What the model makes of this photo", [reading, sizes])

    def _redrawn_end(self, frame: NDArray[np.uint8]) -> End | None:
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
            "The image, redrawn",
            [source, "What is missing did not survive the way through the code and back."],
        )
