"""The photos: those that the command names, read when they are first shown, and those that clients have dropped."""

from __future__ import annotations

import io
import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from saccade.app.limits import Limits
from saccade.app.refusal import Refused
from saccade.encoder import Encoder
from saccade.errors import FileError, ImageError, ImageTooLarge, one_line
from saccade.images import ImageRecipe, Images, Photo, read_photo
from saccade.utf8 import utf8_bytes

_READ = 48
"""Photos of the command that lie in memory at once."""
_THUMBNAIL = 112
_LONGEST_NAME = 80
_FREE_SIDE = 224
"""Pixels of a side, as far as it is free; rounded down to what the model can halve."""


@dataclass(frozen=True, eq=False)
class AlbumPhoto:
    """A photo that can be asked about.

    Attributes:
        number: How requests call it.
        image: It, read for the model.
    """

    number: str
    image: Images

    @property
    def name(self) -> str:
        """As people call it."""
        return self.image.names[0]

    @cached_property
    def thumbnail(self) -> bytes:
        """Small, as a file."""
        small = Image.fromarray(np.asarray(self.image.photos[0].original))
        small.thumbnail((2 * _THUMBNAIL, _THUMBNAIL), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        small.save(buffer, "WEBP", quality=82, method=4)
        return buffer.getvalue()


class Album:
    """All photos of this server.

    Args:
        encoder: The model that they are read for.
        paths: The photos of the command. They are the only files that are ever opened.
        limits: How many, how large.
    """

    def __init__(self, encoder: Encoder, paths: Sequence[Path], limits: Limits) -> None:
        self._limits = limits
        # What anybody may send is bounded for everybody's sake; what the command names, by the command's own limit.
        self._file_recipe = of_one_size(encoder.recipe)
        self.recipe = replace(self._file_recipe, max_pixels=min(encoder.recipe.max_pixels, limits.pixels))
        self._paths = {f"f{index}": path for index, path in enumerate(paths)}
        self._read: OrderedDict[str, AlbumPhoto] = OrderedDict()
        self._dropped: OrderedDict[str, tuple[str, AlbumPhoto]] = OrderedDict()
        self._lock = threading.Lock()

    def listed(self, client: str) -> list[tuple[str, str]]:
        """Number and name of every photo that a client may ask about; its own first, the newest before."""
        with self._lock:
            own = [(number, photo.name) for number, (owner, photo) in self._dropped.items() if owner == client]
        return [*reversed(own), *((number, _name_of(path)) for number, path in self._paths.items())]

    def is_there(self, client: str, number: str) -> bool:
        """May this client ask about this photo?"""
        with self._lock:
            return number in self._paths or (number in self._dropped and self._dropped[number][0] == client)

    def photo(self, client: str, number: str) -> AlbumPhoto:
        """The photo; one of the command's is read now if it was not.

        Raises:
            Refused: There is no such photo for this client, or it cannot be read.
        """
        with self._lock:
            if number in self._dropped and self._dropped[number][0] == client:
                return self._dropped[number][1]
            if number in self._read:
                self._read.move_to_end(number)
                return self._read[number]
            path = self._paths.get(number)
        if path is None:
            raise Refused(404, "there is no such photo; it may have made room for newer ones.")
        try:
            photo = AlbumPhoto(number, self._smaller(read_photo(path, self._file_recipe), _name_of(path)))
        except (ImageError, FileError) as error:
            raise Refused(422, str(error).replace(str(path), path.name)) from error
        with self._lock:
            self._read[number] = photo
            while len(self._read) > _READ:
                self._read.popitem(last=False)
        return photo

    def drop(self, client: str, content: bytes, name: str) -> AlbumPhoto:
        """Take a photo that a client sends.

        Args:
            client: Who sends it; only that client can ask about it.
            content: Of its file.
            name: What it is called; never used as the name of a file.

        Raises:
            Refused: It is not one usable photo.
        """
        shown_name = displayed_name(name)
        try:
            image = read_photo(content, self.recipe)
        except (ImageError, FileError) as error:
            status = 413 if isinstance(error, ImageTooLarge) else 415
            raise Refused(status, str(error).replace("image 1", shown_name)) from error
        photo = AlbumPhoto(f"d{secrets.token_urlsafe(12)}", self._smaller(image, shown_name))
        with self._lock:
            self._dropped[photo.number] = (client, photo)
            own = [number for number, (owner, _) in self._dropped.items() if owner == client]
            for number in own[: max(0, len(own) - self._limits.photos)]:
                del self._dropped[number]
            while len(self._dropped) > self._limits.all_photos:
                self._dropped.popitem(last=False)
        return photo

    def remove(self, client: str, number: str) -> None:
        """Forget a photo that a client has dropped.

        Raises:
            Refused: There is no such photo of this client.
        """
        with self._lock:
            if number not in self._dropped or self._dropped[number][0] != client:
                raise Refused(404, "there is no such photo of yours.")
            del self._dropped[number]

    def frame(self, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Images:
        """One frame of a camera, read for the model."""
        return read_photo(pixels, self.recipe)

    def _smaller(self, image: Images, name: str) -> Images:
        """The same for the model, and smaller for the eye."""
        photo = image.photos[0]
        height, width = photo.original.shape[:2]
        factor = self._limits.longest_side / max(height, width)
        if factor >= 1:
            return Images(image.array, (replace(photo, name=name, source=None),), image.value_range)
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        drawn = np.asarray(Image.fromarray(np.asarray(photo.original)).resize(size, Image.Resampling.LANCZOS))
        placement = photo.placement.on_resized(size[1], size[0])
        return Images(image.array, (Photo(name, None, drawn, placement),), image.value_range)


def of_one_size(recipe: ImageRecipe) -> ImageRecipe:
    """The recipe with a size for a model that takes any: photos of one size can be compared."""
    side = max(recipe.multiple, _FREE_SIDE // recipe.multiple * recipe.multiple)
    return replace(recipe, height=recipe.height or side, width=recipe.width or side)


def _name_of(path: Path) -> str:
    """What a file is called on the page, where it must be text."""
    return utf8_bytes(path.name).decode()


def displayed_name(name: str) -> str:
    """What a photo is called on the page: the last part of what was sent, in one line."""
    last = one_line(name.replace("\\", "/").rpartition("/")[2])[:_LONGEST_NAME].strip()
    return last or "photo"
