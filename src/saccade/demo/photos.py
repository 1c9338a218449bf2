"""Which photos, what is on them, and where they lie: scikit-image brings them along."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from saccade.errors import FileError, MissingPackage

Box = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of the photo's width and height."""


@dataclass(frozen=True)
class DescribedPhoto:
    """A photo and what a person sees on it.

    Attributes:
        file: Its name in scikit-image's data folder.
        title: What it shows, two or three words.
        alt: What it shows, for those who cannot see it.
        credit: Whose it is.
        things: Names of what lies where; the smallest box round a place names it.
        elsewhere: What lies outside all of them.
        subject: What the photo is of, in two or three words.
        subject_box: Where that is; None where it is everywhere.
    """

    file: str
    title: str
    alt: str
    credit: str
    things: tuple[tuple[str, Box], ...]
    elsewhere: str
    subject: str
    subject_box: Box | None

    @property
    def is_singular(self) -> bool:
        """Is its subject one thing, so that a verb after it ends in s?"""
        return not (" and " in self.subject or self.subject.endswith("s"))

    @property
    def stem(self) -> str:
        """The file's name without its ending."""
        return Path(self.file).stem


CAT = DescribedPhoto(
    "chelsea.png",
    "The cat",
    "A tabby cat looks past the camera, its face filling the photo",
    "Stefan van der Walt, CC0",
    (
        ("the eye on the left", (0.28, 0.26, 0.47, 0.52)),
        ("the eye on the right", (0.63, 0.34, 0.79, 0.58)),
        ("the nose", (0.49, 0.70, 0.64, 0.92)),
        ("the ear", (0.68, 0.0, 0.86, 0.22)),
        ("the forehead", (0.25, 0.0, 0.68, 0.26)),
        ("the cheek", (0.05, 0.50, 0.49, 1.0)),
        ("the edge of the face", (0.79, 0.22, 0.88, 0.75)),
        ("the muzzle", (0.40, 0.55, 0.78, 1.0)),
    ),
    "the blurred background",
    "the cat",
    (0.1, 0.0, 0.82, 1.0),
)
ASTRONAUT = DescribedPhoto(
    "astronaut.png",
    "The astronaut",
    "Eileen Collins in an orange space suit, a helmet before her, a flag and a model of the shuttle behind her",
    "NASA, public domain",
    (
        ("the face", (0.36, 0.12, 0.51, 0.30)),
        ("the hair", (0.30, 0.02, 0.59, 0.25)),
        ("the collar under the chin", (0.24, 0.28, 0.60, 0.57)),
        ("the helmet", (0.54, 0.66, 1.0, 1.0)),
        ("the model of the shuttle", (0.68, 0.02, 0.92, 0.56)),
        ("the flag", (0.0, 0.0, 0.22, 0.80)),
        ("the badge on the chest", (0.25, 0.67, 0.42, 0.84)),
        ("the name patch", (0.54, 0.63, 0.65, 0.75)),
        ("the white hose", (0.44, 0.56, 0.56, 1.0)),
        ("the orange suit", (0.03, 0.45, 0.72, 1.0)),
    ),
    "the grey backdrop",
    "the astronaut",
    (0.1, 0.02, 1.0, 1.0),
)
CUP = DescribedPhoto(
    "coffee.png",
    "The cup",
    "An espresso in a brown cup on a red saucer, with a spoon, on a wooden table",
    "Pikolo Espresso Bar and Rachel Michetti, CC0",
    (
        ("the near rim of the cup", (0.31, 0.38, 0.66, 0.56)),
        ("the rim on the left", (0.28, 0.06, 0.38, 0.40)),
        ("the rim on the right", (0.60, 0.06, 0.71, 0.40)),
        ("the far rim", (0.34, 0.02, 0.64, 0.13)),
        ("the coffee", (0.35, 0.10, 0.63, 0.46)),
        ("the handle", (0.31, 0.57, 0.45, 0.77)),
        ("the spoon", (0.53, 0.55, 0.69, 0.84)),
        ("the saucer", (0.13, 0.18, 0.80, 0.98)),
    ),
    "the wooden table",
    "the cup",
    (0.13, 0.03, 0.80, 0.98),
)
ROCKET = DescribedPhoto(
    "rocket.jpg",
    "The rocket",
    "A white rocket stands lit on its launch pad between masts, under a dark blue evening sky",
    "SpaceX, public domain",
    (
        ("the foot of the rocket", (0.42, 0.78, 0.60, 1.0)),
        ("the rocket", (0.44, 0.28, 0.57, 0.95)),
        ("the lights of the launch pad", (0.08, 0.76, 0.80, 1.0)),
        ("the mast on the left", (0.26, 0.28, 0.36, 0.80)),
        ("the mast on the right", (0.66, 0.28, 0.76, 0.80)),
        ("the tower on the left", (0.0, 0.0, 0.14, 1.0)),
        ("the tower on the right", (0.86, 0.0, 1.0, 1.0)),
    ),
    "the dark sky",
    "the rocket and its launch pad",
    (0.08, 0.28, 0.80, 1.0),
)
CAMERAMAN = DescribedPhoto(
    "camera.png",
    "The cameraman",
    "In black and white: a man in a dark coat bends to a film camera on a tripod, in a field before a town",
    "Lav Varshney, CC0",
    (
        ("the film camera", (0.49, 0.26, 0.67, 0.44)),
        ("the head", (0.28, 0.11, 0.55, 0.42)),
        ("the hands", (0.49, 0.42, 0.65, 0.62)),
        ("the shoulder", (0.04, 0.20, 0.34, 0.42)),
        ("the skyline", (0.62, 0.20, 1.0, 0.47)),
        ("the tripod", (0.44, 0.50, 0.82, 1.0)),
        ("the dark coat", (0.0, 0.25, 0.52, 1.0)),
        ("the grass", (0.5, 0.46, 1.0, 1.0)),
    ),
    "the empty sky",
    "the cameraman",
    (0.0, 0.11, 0.82, 1.0),
)
MOTORCYCLE = DescribedPhoto(
    "motorcycle_left.png",
    "The motorcycle",
    "A red motorcycle in a garage full of boxes and shelves",
    "Middlebury 2014 stereo data set, Scharstein and others",
    (
        ("the headlight", (0.65, 0.22, 0.79, 0.42)),
        ("the red tank", (0.41, 0.34, 0.67, 0.52)),
        ("the engine", (0.43, 0.48, 0.67, 0.76)),
        ("the seat", (0.17, 0.29, 0.44, 0.48)),
        ("the rear wheel", (0.15, 0.48, 0.36, 0.82)),
        ("the exhaust", (0.30, 0.60, 0.50, 0.85)),
        ("the front wheel", (0.64, 0.52, 0.94, 0.92)),
        ("the red bin", (0.80, 0.28, 0.98, 0.57)),
        ("the shelf with boxes", (0.44, 0.0, 1.0, 0.32)),
        ("the white door", (0.22, 0.0, 0.44, 0.32)),
        ("the planks", (0.0, 0.0, 0.24, 0.35)),
        ("the bench", (0.0, 0.24, 0.42, 0.58)),
    ),
    "the garage floor",
    "the motorcycle",
    (0.13, 0.20, 0.94, 0.93),
)
MOTORCYCLE_RIGHT = DescribedPhoto(
    "motorcycle_right.png",
    "The motorcycle from the right",
    "The same red motorcycle, seen from a step to the right, so that it stands further left in the photo",
    "Middlebury 2014 stereo data set, Scharstein and others",
    (
        ("the headlight", (0.58, 0.22, 0.71, 0.42)),
        ("the red tank", (0.34, 0.34, 0.60, 0.52)),
        ("the engine", (0.36, 0.48, 0.60, 0.76)),
        ("the seat", (0.10, 0.29, 0.38, 0.48)),
        ("the rear wheel", (0.08, 0.48, 0.30, 0.82)),
        ("the front wheel", (0.58, 0.52, 0.86, 0.92)),
        ("the red bin", (0.66, 0.28, 0.84, 0.57)),
        ("the shelf with boxes", (0.38, 0.0, 1.0, 0.32)),
        ("the white door", (0.20, 0.0, 0.40, 0.32)),
    ),
    "the garage",
    "the motorcycle",
    (0.06, 0.20, 0.87, 0.93),
)
COINS = DescribedPhoto(
    "coins.png",
    "The coins",
    "In black and white: four rows of old Greek coins on a dark cloth",
    "Brooklyn Museum, no known copyright restrictions",
    (
        ("the coins of the top row", (0.0, 0.03, 1.0, 0.29)),
        ("the coins of the second row", (0.0, 0.30, 1.0, 0.51)),
        ("the coins of the third row", (0.0, 0.52, 1.0, 0.75)),
        ("the coins of the bottom row", (0.0, 0.76, 1.0, 1.0)),
    ),
    "the dark cloth",
    "the coins",
    None,
)
GALAXIES = DescribedPhoto(
    "hubble_deep_field.jpg",
    "The galaxies",
    "Thousands of small galaxies on black: the Hubble telescope's farthest view",
    "NASA, public domain",
    (
        ("the bright galaxy right of the middle", (0.66, 0.48, 0.80, 0.62)),
        ("the white galaxy at the left", (0.06, 0.40, 0.19, 0.52)),
        ("the group of galaxies at the top", (0.34, 0.02, 0.56, 0.24)),
        ("the two galaxies at the left", (0.08, 0.20, 0.20, 0.33)),
    ),
    "small galaxies",
    "the galaxies",
    None,
)

EXPLAINED: tuple[DescribedPhoto, ...] = (CAT, CUP, ASTRONAUT, CAMERAMAN, ROCKET, MOTORCYCLE, COINS, GALAXIES)
"""The photos that are explained, in the order of the page: two of one shape beside each other."""

ALL: tuple[DescribedPhoto, ...] = (*EXPLAINED, MOTORCYCLE_RIGHT)
"""With the second view of the motorcycle."""


def files(photos: Sequence[DescribedPhoto]) -> list[Path]:
    """Where do these photos lie on this machine?

    Raises:
        MissingPackage: scikit-image is not installed.
        FileError: It is, without a photo.
    """
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise MissingPackage.of("scikit-image", "demo")
    folder = Path(spec.origin).parent / "data"
    paths = [folder / photo.file for photo in photos]
    for path in paths:
        if not path.is_file():
            raise FileError(
                f"scikit-image's photo {path.name!r} is not in {folder}; install it again: pip install "
                "--force-reinstall scikit-image"
            )
    return paths
