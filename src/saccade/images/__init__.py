"""Files become arrays, and maps find their way back onto the photo.

    recipe      what the model wants: size, channels, value range
    placement   where the model's picture lies on the original photo
    photos      the photos as read: `Photo` for showing, `Images` for the model
    files       finding and opening files, and saying plainly why one cannot be opened
    pixels      whatever a source holds -> colours, transparency, and the number that means full brightness
    fitting     pixels + recipe -> the model's numbers, at full precision
    reading     the two verbs: `read` and `read_photo`
    collection  many, a few at a time; what cannot be used is left out, named and counted

Numpy and Pillow only; no framework is loaded here.
"""

from __future__ import annotations

from saccade.images.files import EXTENSIONS, find
from saccade.images.photos import Images, Photo
from saccade.images.placement import FloatArray, Placement
from saccade.images.reading import Source, read, read_photo
from saccade.images.recipe import ImageRecipe

__all__ = [
    "EXTENSIONS",
    "FloatArray",
    "ImageRecipe",
    "Images",
    "Photo",
    "Placement",
    "Source",
    "find",
    "read",
    "read_photo",
]
