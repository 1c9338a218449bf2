"""Files become arrays, and maps find their way back onto the photo.

    recipe         what the model wants: size, channels, value range
    normalisation  the mean and the spread of each channel in training
    placement      where the model's image lies on the original photo
    photos         the photos as read: `Photo` for showing, `Images` for the model
    files          finding files, and saying plainly why one cannot be opened
    signatures     what a file is, by its first bytes
    bounds         how much a file may ask for, checked before it is decoded
    damage         what a decoder raised, in plain words
    tiff           what the header of a TIFF says
    npy            arrays in .npy files
    heif           HEIC photos, where pillow-heif is installed
    decoding       files and bytes -> pixels
    colour_space   other colour spaces (ICC profiles) -> sRGB
    grey_profile   the ICC profile of greys that are those of sRGB
    pillow_images  Pillow's images -> pixels
    pixels         whatever a source holds -> colours, transparency, and the number that means full brightness
    fitting        pixels + recipe -> the model's numbers, at full precision
    reading        the two functions that use all of it: `read` and `read_photo`
    collection     many, a few at a time; what cannot be used is left out, named and counted
    own_pages      images that saccade wrote itself, which are no photos

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
