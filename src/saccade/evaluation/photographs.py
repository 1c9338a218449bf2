"""The photographs that take part in an evaluation, and the masks of the objects on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.encoder import Encoder
from saccade.errors import Cancelled, FileError, ImageError, InputError
from saccade.evaluation.intervals import FEWEST
from saccade.images import Images, find, read


@dataclass(frozen=True)
class Photographs:
    """What is evaluated on.

    Attributes:
        images: The photographs.
        found: How many there were to choose from.
        skipped: Why some could not be used, one line each.
    """

    images: Images
    found: int
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Masks:
    """Where the objects are.

    Attributes:
        areas: bool (images, height, width), all false for a photograph without a mask.
        skipped: Why masks are missing or could not be used, one line each.
    """

    areas: NDArray[np.bool_]
    skipped: tuple[str, ...] = ()

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which photographs have a mask, (images,)."""
        return np.asarray(self.areas.any(axis=(1, 2)))


def gather(encoder: Encoder, given: Any, limit: int, seed: int, stop: Callable[[], bool] | None = None) -> Photographs:
    """Read up to `limit` photographs, drawn by lot so that a sorted folder is not seen from one end only.

    Args:
        encoder: The model; it says how pictures are read.
        given: A folder, a glob, a list of files, `Images`, or arrays.
        limit: At most so many.
        seed: Of the lot.
        stop: Asked between files; True ends the work with `Cancelled`.

    Raises:
        FileError: There is no such file or folder.
        InputError: Fewer photographs than an interval needs, or the model leaves their size open.
    """
    if limit < FEWEST:
        raise InputError(f"limit={limit}: an evaluation needs {FEWEST} photographs or more; 24 are a good start.")
    if None in (encoder.recipe.height, encoder.recipe.width):
        raise InputError(
            "this model takes pictures of any size, but those of an evaluation must be alike; give --size H,W "
            "(size=(height, width) in Python)."
        )
    sources = _sources(encoder, given)
    order = np.random.default_rng([seed, 5]).permutation(len(sources))
    chosen: dict[int, Images] = {}
    skipped: list[str] = []
    for place in order:
        if len(chosen) == limit:
            break
        if stop is not None and stop():
            raise Cancelled("stopped before it was finished.")
        try:
            chosen[int(place)] = encoder.read(sources[place])
        except (ImageError, FileError) as error:
            skipped.append(str(error))
    if len(chosen) < FEWEST:
        tail = f" ({len(skipped)} more cannot be read: {skipped[0]})" if skipped else ""
        raise InputError(
            f"{len(chosen)} usable photographs{tail}; an evaluation needs {FEWEST} or more, and 24 are a good start."
        )
    return Photographs(Images.join([chosen[place] for place in sorted(chosen)]), len(sources), tuple(skipped))


def masks_for(encoder: Encoder, images: Images, folder: str | Path) -> Masks:
    """The masks of these photographs: pictures of the same name, bright on the object.

    A mask belongs to the photograph whose name, without its ending, it bears, and must have its shape. What is brighter
    than half of the mask's brightest value is the object.

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
            fitting = [each for each in fitting if each.parent.name == photo.source.parent.name] or fitting
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
        some = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        problems.append(f"no mask in {folder} for {len(missing)} of {len(images)} photographs: {some}")
    if not areas.any():
        raise InputError(f"no mask in {folder} fits the photographs: {problems[0]}")
    return Masks(areas, tuple(problems))


def _mask(encoder: Encoder, path: Path, size: Sequence[int], name: str) -> NDArray[np.bool_]:
    recipe = replace(encoder.recipe, channels=1, value_range=(0.0, 1.0), background=(0, 0, 0))
    found = read(path, recipe)
    height, width = found.photos[0].original.shape[:2]
    if abs(height * size[1] - width * size[0]) > max(*size, height, width):
        raise ImageError(f"{path} is {width}x{height}, but {name} is {size[1]}x{size[0]}; a mask needs the same shape.")
    values = found.array[0, :, :, 0]
    area: NDArray[np.bool_] = values > values.max() / 2 if values.max() > 0 else np.zeros(values.shape, bool)
    if not area.any():
        raise ImageError(f"{path} marks nothing: it is black where the model looks.")
    if area.all():
        raise ImageError(f"{path} marks everything, so every map lies on it.")
    return area


def _sources(encoder: Encoder, given: Any) -> Sequence[Any]:
    if isinstance(given, (str, Path)):
        return find([given])
    if isinstance(given, Images) or (isinstance(given, np.ndarray) and given.ndim == 4):
        return list(encoder.images(given))
    if isinstance(given, (bytes, Image.Image, np.ndarray)):
        return [given]
    sources: list[Any] = []
    for each in given:
        sources.extend(find([each]) if isinstance(each, (str, Path)) else [each])
    return sources
