"""Other images as a measure: what makes this one like them, unlike them, or more like one than like another."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from saccade.errors import InputError
from saccade.images.files import expanded
from saccade.targets.form import TextForm, Unreadable, file_name
from saccade.targets.given_images import GivenImages
from saccade.targets.measure import COSINE, MINUS_COSINE, Measure, weighted_sum
from saccade.targets.quantity import Quantity
from saccade.targets.quoting import QUOTED, quoted
from saccade.targets.target import Codes, CodeSource, Target

_PAIR = re.compile(rf"(?P<a>\s*(?:{QUOTED})\s*|.*?)\s*,\s*than=(?P<b>.*)", re.S)


def like(other: Any) -> Target:
    """What makes this image like another one? `s = cos(f(x'), f(other))`, signed: what speaks against it is negative.

    Args:
        other: An image (path, array, PIL image) for all, or as many images as there are to explain.

    Example:
        >>> saccade.targets.like("holiday/b.jpg").question
        'what makes it like b.jpg'
    """
    return _comparison("like", other, COSINE, "cosine similarity", "cosine similarity lost")


def unlike(other: Any) -> Target:
    """What makes this image unlike another one? `s = -cos(f(x'), f(other))`, the opposite of `like`.

    Positive is what sets it apart: covering that makes the two more similar.

    Args:
        other: An image (path, array, PIL image) for all, or as many images as there are to explain.

    Example:
        >>> saccade.targets.unlike("b.jpg").occlusion_units.name
        'cosine similarity gained'
    """
    return _comparison("unlike", other, MINUS_COSINE, "minus cosine similarity", "cosine similarity gained")


def toward(a: Any, *, than: Any) -> Target:
    """What makes this image more like a than like b? `s = cos(f(x'), f(a)) - cos(f(x'), f(b))`, signed.

    What both have in common with the image falls out; what is left is the reason for the choice between them.

    Args:
        a: The image that it is more like.
        than: The image b that it is compared with.

    Example:
        >>> saccade.targets.toward("a.jpg", than="b.jpg").question
        'what speaks for a.jpg rather than b.jpg'
    """
    first, second = _others(a), _others(than)
    has_names, has_paths = first.name and second.name, first.path and second.path
    difference = weighted_sum([(1.0, COSINE), (-1.0, COSINE)])
    return Target(
        kind="toward",
        arguments=TwoOthers(OtherImages(first), OtherImages(second)),
        name=f"toward:{quoted(first.name)},than={quoted(second.name)}" if has_names else "toward",
        text=f"toward:{quoted(first.path)},than={quoted(second.path)}" if has_paths else None,
        files=tuple(dict.fromkeys(first.files + second.files)),
        question=f"what speaks for {_in_words(first)} rather than {_in_words(second)}",
        gradient_measure=difference,
        gradient_units=Quantity("lead in cosine similarity"),
        occlusion_measure=difference,
        occlusion_units=Quantity("lead in cosine similarity lost"),
    )


@dataclass(frozen=True)
class OtherImages:
    """The images that are compared with, one for all or one for each."""

    images: GivenImages

    @property
    def compared(self) -> tuple[GivenImages, ...]:
        """What a page shows beside the photo."""
        return (self.images,)

    def reference(self, codes: Codes, source: CodeSource) -> Codes:
        """Their codes."""
        others = source.codes(self.images.source)
        if len(others) not in (1, len(codes)):
            raise InputError(
                f"{len(others)} other images for {len(codes)} to explain; give one for all, or one for each."
            )
        if others.shape[1:] != codes.shape[1:]:
            raise InputError(
                f"the codes differ in shape ({codes.shape[1:]} and {others.shape[1:]}), so their places cannot be "
                "compared; read both images at one size."
            )
        return np.ascontiguousarray(np.broadcast_to(others, codes.shape))


@dataclass(frozen=True)
class TwoOthers:
    """The images a and b of `toward`."""

    a: OtherImages
    than: OtherImages

    @property
    def compared(self) -> tuple[GivenImages, ...]:
        """What a page shows beside the photo, a first."""
        return (self.a.images, self.than.images)

    def reference(self, codes: Codes, source: CodeSource) -> Codes:
        """Their codes, side by side along the channels, as `weighted_sum` reads them."""
        return np.concatenate([self.a.reference(codes, source), self.than.reference(codes, source)], axis=-1)


def _comparison(kind: str, other: Any, measure: Measure, gradient_units: str, occlusion_units: str) -> Target:
    """The target of one measure against other images."""
    images = _others(other)
    return Target(
        kind=kind,
        arguments=OtherImages(images),
        name=f"{kind}:{quoted(images.name)}" if images.name else kind,
        text=f"{kind}:{quoted(images.path)}" if images.path else None,
        files=images.files,
        question=f"what makes it {kind} {_in_words(images)}",
        gradient_measure=measure,
        gradient_units=Quantity(gradient_units),
        occlusion_measure=measure,
        occlusion_units=Quantity(occlusion_units),
    )


def _others(source: Any) -> GivenImages:
    """The other images.

    Raises:
        InputError: A folder, of which nobody can say which photo is meant.
    """
    images = GivenImages.of(source)
    with suppress(OSError):  # what cannot be the name of a file is refused where it is read
        if images.path and expanded(images.path).is_dir():
            raise InputError(f"{images.path} is a folder; give one photo to compare with.")
    return images


def _in_words(images: GivenImages) -> str:
    return images.name or "the other image"


def _read_toward(value: str) -> Target:
    pair = _PAIR.fullmatch(value)
    if pair is None:
        raise Unreadable
    return toward(file_name(pair["a"]), than=file_name(pair["b"]))


TEXT_FORMS = (
    TextForm("like", "PHOTO", "another photo", lambda value: like(file_name(value)), "b.jpg"),
    TextForm("unlike", "PHOTO", "the opposite of like", lambda value: unlike(file_name(value)), "b.jpg"),
    TextForm("toward", "PHOTO,than=PHOTO", "more like the one than the other", _read_toward, "a.jpg,than=b.jpg"),
)
"""How these targets are written."""
