"""What does it remember? Every photo as the network paints it from its code alone, and what is lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.demo import recipes
from saccade.demo.markup import Markup, element, exact, joined
from saccade.demo.naming import peaks
from saccade.demo.photo_views import image, key, share
from saccade.demo.photos import EXPLAINED, DescribedPhoto
from saccade.demo.workspace import Workspace
from saccade.picture import Bar, Scale, overlay, scale_of
from saccade.picture.numerals import number

_PATCHES = 8
"""The worst place is looked for on a grid of so many places a side."""


@dataclass(frozen=True)
class RedrawnPhoto:
    """A photo and what became of it.

    Attributes:
        photo: Which.
        original: float32 (height, width, 3), 0..1: what the network was given.
        redrawn: The same, as it painted it.
    """

    photo: DescribedPhoto
    original: NDArray[np.float32]
    redrawn: NDArray[np.float32]

    @property
    def error(self) -> NDArray[np.float32]:
        """The mean absolute difference of the colours, as a share of full brightness, (height, width)."""
        return np.asarray(np.abs(self.redrawn - self.original).mean(axis=2), np.float32)

    @property
    def typical(self) -> float:
        """The root of the mean squared difference, as a share of full brightness."""
        return float(np.sqrt(np.mean((self.redrawn - self.original) ** 2, dtype=np.float64)))

    @property
    def psnr(self) -> float:
        """10 log10(1 / mean squared difference), in decibels."""
        return float(-20 * np.log10(max(self.typical, 1e-12)))


def memory(workspace: Workspace) -> Markup:
    """All photos: given, redrawn, and where they differ; the best and the worst ones large."""
    ranked = sorted(redrawn_photos(workspace), key=lambda redrawn: -redrawn.psnr)
    errors = np.stack([redrawn.error for redrawn in ranked])
    scale = scale_of(errors, signed=False, clip=1.0, shared="all photos")
    bar = Bar(scale, "mean difference of a pixel, as a share of full brightness", percent=True, contours=False)
    height, width = workspace.images.shape[1:3]
    best, worst, rest = ranked[0], ranked[-1], ranked[1:-1]
    return joined(
        element(
            "p",
            "The second half of the network paints the photo again, from the code and nothing else. What it "
            "paints is what it remembers. On the left the photo as the network gets it, at ",
            f"{width}\u00d7{height} pixels; in the middle its memory; on the right where the two differ.",
        ),
        element("h3", f"Remembered best: {_the(best)}"),
        _strip(workspace, best, scale, large=True),
        element("h3", f"Remembered worst: {_the(worst)}"),
        _strip(workspace, worst, scale, large=True),
        element("h3", "The others"),
        element("div", [_strip(workspace, redrawn, scale, large=False) for redrawn in rest], class_="strips"),
        key(bar),
        element(
            "p",
            f"One scale for all photos; the strongest {scale.clipped:g}\u00a0% of the pixels share its last "
            "colour. PSNR (peak signal-to-noise ratio) is the usual measure: higher is better, and 6 dB more means "
            "half the difference.",
            class_="small",
        ),
        recipes.reconstruction(best.photo.file).markup(),
    )


def redrawn_photos(workspace: Workspace) -> list[RedrawnPhoto]:
    """What the network makes of each photo."""
    images = workspace.images[: len(EXPLAINED)]
    low, high = images.value_range
    drawn = np.clip(workspace.encoder.reconstruct(images), low, high)
    originals = np.clip(images.array, low, high)
    return [
        RedrawnPhoto(photo, (one - low) / (high - low), (other - low) / (high - low))
        for photo, one, other in zip(EXPLAINED, originals, drawn, strict=True)
    ]


def _strip(workspace: Workspace, redrawn: RedrawnPhoto, scale: Scale, *, large: bool) -> Markup:
    source = workspace.images.photos[workspace.index(redrawn.photo)]
    stem, alt = redrawn.photo.stem, redrawn.photo.alt
    metadata = {"psnr": f"{redrawn.psnr:.2f} dB", "model": workspace.encoder.name}

    def placed(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return source.placement.onto_original(values)

    def shown(values: NDArray[np.float32]) -> Image.Image:
        return Image.fromarray(np.asarray(np.rint(255 * placed(values)), np.uint8))

    error = placed(redrawn.error)
    drawn = overlay(np.asarray(source.original), error, scale, contours=False)
    saved = [
        workspace.save(view, f"images/{stem}-{name}.webp", metadata)
        for view, name in ((shown(redrawn.original), "given"), (shown(redrawn.redrawn), "redrawn"), (drawn, "lost"))
    ]
    alts = (
        f"{alt}, as the network gets it: blurred by few pixels.",
        f"{alt}, as the network redraws it, blurrier: PSNR {redrawn.psnr:.1f} dB.",
        f"{redrawn.photo.title}: where memory and photo differ, most at {_worst(redrawn)}.",
    )
    names = ("Given", "Redrawn", "Lost")
    cells = [
        element("div", image(file, alt_text), element("span", name, class_="small"))
        for file, alt_text, name in zip(saved, alts, names, strict=True)
    ]
    return element(
        "figure",
        element("div", cells, class_="three"),
        element(
            "figcaption",
            element("b", redrawn.photo.title, ". ") if not large else None,
            "PSNR ",
            exact(redrawn.psnr, f"{redrawn.psnr:.1f} dB"),
            ": a pixel is typically off by ",
            share(redrawn.typical),
            f" of full brightness. Hardest: {_worst(redrawn)}.",
        ),
        class_="strip-large" if large else "strip-small",
    )


def _worst(redrawn: RedrawnPhoto) -> str:
    """The name of the place where memory and photo differ most."""
    rows, columns = redrawn.error.shape
    high, wide = rows // _PATCHES, columns // _PATCHES
    cells = (
        redrawn.error[: high * _PATCHES, : wide * _PATCHES].reshape(_PATCHES, high, _PATCHES, wide).mean(axis=(1, 3))
    )
    return peaks(cells, (1 / _PATCHES, 1 / _PATCHES), redrawn.photo, 1)[0].name


def _the(redrawn: RedrawnPhoto) -> str:
    return f"{redrawn.photo.title[:1].lower()}{redrawn.photo.title[1:]}, {number(redrawn.psnr, digits=3)} dB"
