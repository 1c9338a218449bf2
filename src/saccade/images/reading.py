"""Photos, arrays and uploads become what the model wants: `read` for several, `read_photo` for one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.errors import ImageError
from saccade.images import decoding
from saccade.images.files import expanded
from saccade.images.fitting import fit
from saccade.images.photos import Images, Photo
from saccade.images.pillow_images import from_pillow
from saccade.images.pixels import Pixels, note_dark, refuse_shape
from saccade.images.recipe import ImageRecipe

Source = str | Path | bytes | Image.Image | NDArray[Any] | Images


def read(sources: Source | Iterable[Source], recipe: ImageRecipe) -> Images:
    """What does the model get to see of these photos?

    Args:
        sources: One, or several in any mixture: paths; the bytes of a photo's file; Pillow images; arrays
            (height, width) or (height, width, channels) of uint8 (0..255), uint16 (0..65535), bool, or
            floats, which must lie in 0..1; arrays (images, height, width, channels) stand for several.
            `Images` already read for the same model pass.
        recipe: What the model wants.

    Returns:
        The images in order, float32 (images, height, width, channels) in the recipe's value range, with
        the originals and the way back onto them.

    Raises:
        FileError: A file is missing (the line names the nearest), is a folder, or may not be read.
        ImageError: A photo is empty, damaged, too large, of the wrong channels or values; sizes differ.

    Example:
        >>> read(np.zeros((20, 30, 3), "uint8"), ImageRecipe(16, 16, 3)).shape
        (1, 16, 16, 3)
    """
    parts: list[Images] = []
    count = 0
    for source in _as_list(sources):
        for single in _images(source, f"image {count + 1}"):
            part = _read(single, recipe, f"image {count + 1}")
            parts.append(part)
            count += len(part)
    return Images.join(parts)


def read_photo(source: Source, recipe: ImageRecipe) -> Images:
    """What does the model get to see of this photo? Like `read`, for one.

    Raises:
        FileError: The file is missing, is a folder, or may not be read.
        ImageError: It is not one usable photo.
    """
    images = read(source, recipe)
    if len(images) != 1:
        raise ImageError(f"{len(images)} images were given where one is wanted; use read() for several.")
    return images


def _as_list(sources: Source | Iterable[Source]) -> Iterable[Any]:
    alone = isinstance(sources, (str, Path, bytes, bytearray, memoryview, Image.Image, Images, Mapping))
    if alone or hasattr(sources, "__array__") or hasattr(sources, "read") or not isinstance(sources, Iterable):
        return [sources]  # `_read` says what is allowed
    return sources


def _images(source: Any, label: str) -> Iterable[Any]:
    """Take a stack of arrays apart; also turns other libraries' arrays (tensors) into numpy's."""
    if isinstance(source, (Images, Image.Image)) or not hasattr(source, "__array__"):
        return [source]
    try:
        if hasattr(source, "detach") and hasattr(source, "cpu"):  # a PyTorch tensor, wherever it lies
            source = source.detach().cpu()
        array = np.asarray(source)
    except Exception as error:
        kind = f"{type(source).__name__} of {getattr(source, 'dtype', 'unknown type')}"
        raise ImageError(
            f"{label} is a {kind}, whose numbers numpy cannot take over; give them as a dense numpy array of "
            "uint8, uint16 or float32."
        ) from error
    return array if array.ndim == 4 else [array]


def _read(source: Any, recipe: ImageRecipe, label: str) -> Images:
    if isinstance(source, Images):
        return _already(source, recipe)
    name, path = label, None
    if isinstance(source, (str, Path)):
        path = expanded(source)
        name = path.name
        pixels = decoding.from_file(path, recipe.channels, recipe.max_pixels)
    elif isinstance(source, (bytes, bytearray, memoryview)):
        pixels = decoding.from_bytes(bytes(source), label, recipe.channels, recipe.max_pixels)
    elif isinstance(source, Image.Image):
        filename = getattr(source, "filename", "")
        if isinstance(filename, str) and filename:
            path = Path(filename)
            name = path.name
        pixels = from_pillow(source, name, recipe.max_pixels)
    elif isinstance(source, np.ndarray):
        refuse_shape(label, source.shape, recipe.channels, recipe.max_pixels)
        pixels = Pixels.of(np.asarray(source), label)
    else:
        hint = "its content, as source.read() gives it" if hasattr(source, "read") else "a path"
        raise ImageError(
            f"{label} is a {type(source).__name__}; give {hint}, a Pillow image, or an array (height, width, channels)."
        )
    note_dark(pixels, name)
    array, placement = fit(pixels, recipe, str(path or name))
    original = pixels.display(recipe.background)
    if isinstance(source, np.ndarray) and np.may_share_memory(original, source):
        original = original.copy()  # for the caller may go on writing into it
    return Images(array[None], (Photo(name, path, original, placement),), recipe.value_range)


def _already(images: Images, recipe: ImageRecipe) -> Images:
    _, height, width, channels = images.shape
    shape = (recipe.height or height, recipe.width or width, recipe.channels)
    if (height, width, channels) != shape or tuple(images.value_range) != tuple(recipe.value_range):
        raise ImageError(f"{images!r} was read for another model; this one wants {recipe.describe()}.")
    return images
