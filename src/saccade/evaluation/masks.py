"""The masks of the objects on the photos of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from saccade.encoder import Encoder
from saccade.errors import FileError, ImageError, InputError
from saccade.images import Images, find, read


@dataclass(frozen=True)
class Masks:
    """Where the objects are.

    Attributes:
        areas: bool (images, height, width), all false for a photo without a mask.
        skipped: Why masks are missing or could not be used, one line each.
    """

    areas: NDArray[np.bool_]
    skipped: tuple[str, ...] = ()

    @property
    def is_there(self) -> NDArray[np.bool_]:
        """Which photos have a mask, (images,)."""
        return np.asarray(self.areas.any(axis=(1, 2)))


def masks_for(encoder: Encoder, images: Images, folder: str | Path) -> Masks:
    """The masks of these photos: images of the same name, bright on the object.

    A mask belongs to the photo whose name, without its ending, it bears, and must have its shape. What is brighter than
    half of the mask's brightest value is the object.

    Raises:
        FileError: There is no such folder.
        InputError: Not one mask fits.
    """
    by_name: dict[str, list[Path]] = {}
    for path in find([folder]):
        by_name.setdefault(path.stem, []).append(path)
    areas = np.zeros(images.shape[:3], bool)
    problems: list[str] = []
    missing: list[str] = []
    for row, photo in enumerate(images.photos):
        stem = photo.source.stem if photo.source is not None else Path(photo.name).stem
        fitting = by_name.get(stem, [])
        if len(fitting) > 1 and photo.source is not None:
            fitting = [path for path in fitting if path.parent.name == photo.source.parent.name] or fitting
        if not fitting:
            missing.append(photo.name)
            continue
        if len(fitting) > 1:
            problems.append(f"{photo.name}: {len(fitting)} masks bear its name ({fitting[0]}, {fitting[1]}).")
            continue
        try:
            areas[row] = _mask(encoder, fitting[0], photo.original.shape[:2], photo.name)
        except (ImageError, FileError) as error:
            problems.append(str(error))
    if missing:
        names = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        problems.append(f"no mask in {folder} for {len(missing)} of {len(images)} photos: {names}")
    if not areas.any():
        raise InputError(f"no mask in {folder} fits the photos: {problems[0]}")
    return Masks(areas, tuple(problems))


def _mask(encoder: Encoder, path: Path, size: Sequence[int], name: str) -> NDArray[np.bool_]:
    recipe = replace(encoder.recipe, channels=1, value_range=(0.0, 1.0), background=(0, 0, 0))
    mask = read(path, recipe)
    height, width = mask.photos[0].original.shape[:2]
    if abs(height * size[1] - width * size[0]) > max(*size, height, width):
        raise ImageError(f"{path} is {width}x{height}, but {name} is {size[1]}x{size[0]}; a mask needs the same shape.")
    values = mask.array[0, :, :, 0]
    area: NDArray[np.bool_] = values > values.max() / 2 if values.max() > 0 else np.zeros(values.shape, bool)
    if not area.any():
        raise ImageError(f"{path} marks nothing: it is black where the model looks.")
    if area.all():
        raise ImageError(f"{path} marks everything, so every map lies on it.")
    return area
