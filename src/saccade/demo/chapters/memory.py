"""What does it remember? Every photograph as the network paints it from its code alone, and what is lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.demo import recipes
from saccade.demo.markup import Markup, element, figures, joined
from saccade.demo.photographs import LOOKED_AT, Photograph
from saccade.demo.places import peaks
from saccade.demo.plates import key, picture, share
from saccade.demo.studio import Studio
from saccade.picture import Bar, Scale, overlay, scale_of
from saccade.picture.numerals import number

_PATCHES = 8
"""The worst place is looked for on a grid of so many places a side."""


@dataclass(frozen=True)
class Redrawn:
    """A photograph and what became of it.

    Attributes:
        photograph: Which.
        given: float32 (height, width, 3), 0..1: what the network was given.
        redrawn: The same, as it painted it.
    """

    photograph: Photograph
    given: NDArray[np.float32]
    redrawn: NDArray[np.float32]

    @property
    def error(self) -> NDArray[np.float32]:
        """The mean absolute difference of the colours, as a share of full brightness, (height, width)."""
        return np.asarray(np.abs(self.redrawn - self.given).mean(axis=2), np.float32)

    @property
    def typical(self) -> float:
        """The root of the mean squared difference, as a share of full brightness."""
        return float(np.sqrt(np.mean((self.redrawn - self.given) ** 2, dtype=np.float64)))

    @property
    def psnr(self) -> float:
        """10 log10(1 / mean squared difference), in decibels."""
        return float(-20 * np.log10(max(self.typical, 1e-12)))


def memory(studio: Studio) -> Markup:
    """All photographs: given, redrawn, and where they differ; the best and the worst ones large."""
    found = sorted(redrawn(studio), key=lambda each: -each.psnr)
    scale = scale_of(np.stack([each.error for each in found]), signed=False, clip=1.0, shared="all photographs")
    bar = Bar(scale, "mean difference of a pixel, as a share of full brightness", percent=True, contours=False)
    height, width = studio.images.shape[1:3]
    best, worst, rest = found[0], found[-1], found[1:-1]
    return joined(
        element(
            "p",
            "The second half of the network paints the picture again, from the code and nothing else. What it "
            "paints is what it remembers. On the left the photograph as the network gets it, at ",
            f"{width}\u00d7{height} pixels; in the middle its memory; on the right where the two differ.",
        ),
        element("h3", f"Remembered best: {_the(best)}"),
        _strip(studio, best, scale, large=True),
        element("h3", f"Remembered worst: {_the(worst)}"),
        _strip(studio, worst, scale, large=True),
        element("h3", "The others"),
        element("div", [_strip(studio, each, scale, large=False) for each in rest], class_="strips"),
        key(bar),
        element(
            "p",
            f"One scale for all photographs; the strongest {scale.clipped:g}\u00a0% of the pixels share its last "
            "colour. PSNR (peak signal-to-noise ratio) is the usual measure: higher is better, and 6 dB more means "
            "half the difference.",
            class_="small",
        ),
        recipes.memory(best.photograph.file).markup(),
    )


def redrawn(studio: Studio) -> list[Redrawn]:
    """What the network makes of each photograph."""
    images = studio.images[: len(LOOKED_AT)]
    low, high = images.value_range
    drawn = np.clip(studio.encoder.reconstruct(images), low, high)
    given = np.clip(images.array, low, high)
    return [
        Redrawn(photograph, (one - low) / (high - low), (other - low) / (high - low))
        for photograph, one, other in zip(LOOKED_AT, given, drawn, strict=True)
    ]


def _strip(studio: Studio, one: Redrawn, scale: Scale, *, large: bool) -> Markup:
    photo = studio.images.photos[studio.index(one.photograph)]
    stem, alt = one.photograph.stem, one.photograph.alt
    made = {"psnr": f"{one.psnr:.2f} dB", "model": studio.encoder.name}

    def placed(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return photo.placement.onto_original(values)

    def shown(values: NDArray[np.float32]) -> Image.Image:
        return Image.fromarray(np.asarray(np.rint(255 * placed(values)), np.uint8))

    error = placed(one.error)
    drawn = overlay(np.asarray(photo.original), error, scale, contours=False)
    saved = [
        studio.save(image, f"pictures/{stem}-{what}.webp", made)
        for image, what in ((shown(one.given), "given"), (shown(one.redrawn), "redrawn"), (drawn, "lost"))
    ]
    alts = (
        f"{alt}, as the network gets it: blurred by few pixels.",
        f"{alt}, as the network redraws it, blurrier: PSNR {one.psnr:.1f} dB.",
        f"{one.photograph.title}: where memory and photograph differ, most at {_worst(one)}.",
    )
    names = ("Given", "Redrawn", "Lost")
    cells = [
        element("div", picture(each, text), element("span", name, class_="small"))
        for each, text, name in zip(saved, alts, names, strict=True)
    ]
    return element(
        "figure",
        element("div", cells, class_="three"),
        element(
            "figcaption",
            element("b", one.photograph.title, ". ") if not large else None,
            "PSNR ",
            figures(one.psnr, f"{one.psnr:.1f} dB"),
            ": a pixel is typically off by ",
            share(one.typical),
            f" of full brightness. Hardest: {_worst(one)}.",
        ),
        class_="strip-large" if large else "strip-small",
    )


def _worst(one: Redrawn) -> str:
    """The name of the place where memory and photograph differ most."""
    rows, columns = one.error.shape
    high, wide = rows // _PATCHES, columns // _PATCHES
    cells = one.error[: high * _PATCHES, : wide * _PATCHES].reshape(_PATCHES, high, _PATCHES, wide).mean(axis=(1, 3))
    return peaks(cells, (1 / _PATCHES, 1 / _PATCHES), one.photograph, 1)[0].name


def _the(one: Redrawn) -> str:
    return f"{one.photograph.title[:1].lower()}{one.photograph.title[1:]}, {number(one.psnr, digits=3)} dB"
