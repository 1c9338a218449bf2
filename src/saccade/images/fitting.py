"""Pixels + recipe -> the model's numbers, at full precision.

Every channel is resized on its own as 32-bit floats, also 8-bit ones, so nothing is rounded on the way: with the filter
that the recipe names, else Lanczos when shrinking and bicubic when enlarging, clipped to the range of pixels. A side
that keeps its length is not filtered. Large photos are converted and narrowed in bands of rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from saccade.images.pixels import Pixels, luminance, refuse_channels
from saccade.images.placement import FloatArray, Placement
from saccade.images.recipe import ImageRecipe, Interpolation

_LARGE = 1 << 24
"""Pixels of a plane that is no longer small."""


@dataclass(frozen=True)
class Frame:
    """Which part of the photo goes where in the model's image.

    Attributes:
        placement: The way back.
        crop: Left, top, right, bottom of the part of the photo that is used, in its pixels.
        inner: Height and width of that part in the model's image.
        corner: Row and column of its upper left corner there.
        interpolation: How pixels are resized.
    """

    placement: Placement
    crop: tuple[float, float, float, float]
    inner: tuple[int, int]
    corner: tuple[int, int]
    interpolation: Interpolation = "auto"

    @classmethod
    def of(cls, original: tuple[int, int], recipe: ImageRecipe) -> Frame:
        """Lay a photo of this size into the recipe's image."""
        height, width = original
        size = rows, columns = _size(original, recipe)
        whole_photo = (0.0, 0.0, float(width), float(height))
        if recipe.fit == "stretch":
            return cls(Placement(original, size, whole_photo), whole_photo, size, (0, 0), recipe.interpolation)
        if recipe.fit == "cover":
            scale = max(rows / height, columns / width) / recipe.crop
            used = min(rows / scale, height), min(columns / scale, width)
            top, left = (height - used[0]) / 2, (width - used[1]) / 2
            if scale == 1:  # cutting between pixels would blur a photo that needs no resizing
                top, left = float(math.floor(top)), float(math.floor(left))
            crop = (left, top, min(left + used[1], width), min(top + used[0], height))
            return cls(Placement(original, size, crop), crop, size, (0, 0), recipe.interpolation)
        scale = min(rows / height, columns / width)
        inner = min(rows, max(1, round(height * scale))), min(columns, max(1, round(width * scale)))
        corner = (rows - inner[0]) // 2, (columns - inner[1]) // 2
        # From whole pixels, not from the scale: the box then is exact, whatever rounding did to the shape.
        box = (
            -corner[1] * width / inner[1],
            -corner[0] * height / inner[0],
            (columns - corner[1]) * width / inner[1],
            (rows - corner[0]) * height / inner[0],
        )
        return cls(Placement(original, size, box), whole_photo, inner, corner, recipe.interpolation)

    def resample_bands(self, pixels: Pixels, planes: Callable[[Pixels], list[FloatArray]]) -> list[FloatArray]:
        """The used part of planes at its size in the model's image, made of one band of rows after the other.

        Args:
            pixels: The photo.
            planes: Makes the planes, float32 (rows, width), of a band of it.

        Returns:
            float32 planes; filters may overshoot the range.
        """
        height, width = pixels.size
        rows, columns = self.inner
        between = height * columns  # pixels after rows have been resized, and before columns are
        if between > max(height * width, _LARGE) and width * rows < between:
            # Far higher than it is wide: columns come first, or there would be far more of them than in the photo.
            left, upper, right, lower = self.crop
            turned = replace(self, crop=(upper, left, lower, right), inner=(columns, rows))
            return [plane.T for plane in turned.resample_bands(pixels.transposed(), planes)]
        narrow: list[FloatArray] = []
        for part, band in pixels.bands():
            for index, plane in enumerate(planes(band)):
                if index == len(narrow):
                    narrow.append(np.empty((height, columns), np.float32))
                narrow[index][part] = self._narrowed(plane)
        return [self._shortened(plane) for plane in narrow]

    def _narrowed(self, plane: FloatArray) -> FloatArray:
        """Rows resized along themselves; each by itself, so that a band of rows gives the same as the whole."""
        left, _, right, _ = self.crop
        columns, height = self.inner[1], plane.shape[0]
        image = Image.fromarray(plane).resize(
            (columns, height), _filter(self.interpolation, columns, right - left), box=(left, 0, right, height)
        )
        return np.asarray(image, dtype=np.float32)

    def _shortened(self, plane: FloatArray) -> FloatArray:
        """Columns resized along themselves."""
        _, upper, _, lower = self.crop
        rows, columns = self.inner
        image = Image.fromarray(plane).resize(
            (columns, rows), _filter(self.interpolation, rows, lower - upper), box=(0, upper, columns, lower)
        )
        return np.asarray(image, dtype=np.float32)


def fit(pixels: Pixels, recipe: ImageRecipe, name: str) -> tuple[FloatArray, Placement]:
    """What does the model get to see of this photo?

    Returns:
        float32 (height, width, channels) in the recipe's value range, and the way back.

    Raises:
        ImageError: The photo cannot have the number of channels that the model wants.
    """
    refuse_channels(name, pixels.colours.shape[2], recipe.channels, transparent=pixels.alpha is not None)
    frame = Frame.of(pixels.size, recipe)
    ground = [luminance(recipe.background)] * recipe.channels
    if recipe.channels in (3, 4):
        ground = [float(part) for part in (*recipe.background, 0)][: recipe.channels]
    image = np.empty((*frame.placement.size, recipe.channels), dtype=np.float64)
    image[:] = np.asarray(ground) * (pixels.top / 255.0)
    (row, column), (rows, columns) = frame.corner, frame.inner
    for index, plane in enumerate(_planes(pixels, recipe, frame)):
        np.clip(plane, 0.0, pixels.top, out=image[row : row + rows, column : column + columns, index])
    # Weighted this way, and in double precision, 0 becomes low and full becomes high to the last digit.
    low, high = recipe.value_range
    values = (low * (pixels.top - image) + high * image) / pixels.top
    return np.clip(values.astype(np.float32), np.float32(low), np.float32(high)), frame.placement


def _size(original: tuple[int, int], recipe: ImageRecipe) -> tuple[int, int]:
    """Height and width of the model's image of a photo of this size."""
    height, width = original
    if recipe.height is not None and recipe.width is not None:
        return recipe.height, recipe.width
    if recipe.width is not None:
        return _free(height * recipe.width / width, recipe), recipe.width
    if recipe.height is not None:
        return recipe.height, _free(width * recipe.height / height, recipe)
    scale = min(1.0, recipe.longest_side / max(height, width))
    return _free(height * scale, recipe), _free(width * scale, recipe)


def _free(side: float, recipe: ImageRecipe) -> int:
    steps = min(round(side), recipe.longest_side) // recipe.multiple
    return max(1, steps) * recipe.multiple


def _filter(interpolation: Interpolation, after: int, before: float) -> Image.Resampling:
    if interpolation != "auto":
        return Image.Resampling[interpolation.upper()]
    return Image.Resampling.LANCZOS if after < before else Image.Resampling.BICUBIC


def _planes(pixels: Pixels, recipe: ImageRecipe, frame: Frame) -> list[FloatArray]:
    """One resized plane per channel, not yet clipped to 0..top."""
    colours, background = pixels.colours.shape[2], recipe.background
    if recipe.channels == 4 and colours in (1, 3):
        return _with_alpha(pixels, frame, background)
    if colours == recipe.channels and pixels.alpha is None:
        return frame.resample_bands(pixels, lambda band: [band.plane(index) for index in range(colours)])
    if recipe.channels == 1:
        return frame.resample_bands(pixels, lambda band: [band.over(band.grey(), luminance(background))])
    if colours == 1 and pixels.alpha is None:
        return frame.resample_bands(pixels, lambda band: [band.plane(0)]) * 3
    return frame.resample_bands(
        pixels, lambda band: [band.over(band.plane(index % colours), background[index]) for index in range(3)]
    )


def _with_alpha(pixels: Pixels, frame: Frame, background: tuple[int, int, int]) -> list[FloatArray]:
    """RGBA, weighted by opacity, or the unseen colour of clear pixels would bleed into the edges."""
    top, colours = np.float32(pixels.top), pixels.colours.shape[2]
    is_whole = frame.inner == pixels.size and frame.crop == (0, 0, pixels.size[1], pixels.size[0])

    def planes(band: Pixels) -> list[FloatArray]:
        opacity = band.opacity()
        stored = [band.plane(index % colours) for index in range(3)]
        if opacity is None:
            return stored
        return [*(stored if is_whole else [plane * (opacity / top) for plane in stored]), opacity]

    resampled = frame.resample_bands(pixels, planes)
    if pixels.alpha is None:
        return [*resampled, np.full_like(resampled[0], top)]
    if is_whole:
        return resampled
    *weighted, alpha = resampled
    clear = alpha <= 1e-3 * top  # too little to divide by, and to be seen
    share = np.where(clear, np.float32(1.0), alpha / top)
    return [
        *(
            np.where(clear, np.float32(ground * top / 255.0), plane / share)
            for plane, ground in zip(weighted, background, strict=True)
        ),
        alpha,
    ]
