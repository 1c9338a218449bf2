"""Other pictures as a measure: what makes this one like them, unlike them, or more like one than like another."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from saccade.errors import InputError
from saccade.targets.measure import COSINE, MINUS_COSINE
from saccade.targets.quoting import quoted
from saccade.targets.target import Codes, CodeSource, Target


def like(other: Any) -> Target:
    """What makes this picture like another one? `s = cos(f(x'), f(other))`, signed: what speaks against it is negative.

    Args:
        other: A picture (path, array, PIL image) for all, or as many pictures as there are to explain.

    Example:
        >>> saccade.targets.like("holiday/b.jpg").question
        'what makes it like b.jpg'
    """
    picture = Picture.of(other)
    return Target(
        name=f"like:{quoted(picture.name)}" if picture.name else "like",
        text=f"like:{quoted(picture.path)}" if picture.path else None,
        files=picture.files,
        question=f"what makes it like {picture.in_words}",
        gradient=COSINE,
        gradient_units="cosine similarity",
        cover=COSINE,
        occlusion_units="cosine similarity lost when this is covered",
        freeze=_Codes(picture),
    )


def unlike(other: Any) -> Target:
    """What makes this picture unlike another one? `s = -cos(f(x'), f(other))`, the opposite of `like`.

    Positive is what sets it apart: covering that makes the two more similar.

    Args:
        other: A picture (path, array, PIL image) for all, or as many pictures as there are to explain.

    Example:
        >>> saccade.targets.unlike("b.jpg").occlusion_units
        'cosine similarity gained when this is covered'
    """
    picture = Picture.of(other)
    return Target(
        name=f"unlike:{quoted(picture.name)}" if picture.name else "unlike",
        text=f"unlike:{quoted(picture.path)}" if picture.path else None,
        files=picture.files,
        question=f"what makes it unlike {picture.in_words}",
        gradient=MINUS_COSINE,
        gradient_units="minus cosine similarity",
        cover=MINUS_COSINE,
        occlusion_units="cosine similarity gained when this is covered",
        freeze=_Codes(picture),
    )


def toward(a: Any, *, than: Any) -> Target:
    """What makes this picture more like a than like b? `s = cos(f(x'), f(a)) - cos(f(x'), f(b))`, signed.

    What both have in common with the picture falls out; what is left is the reason for the choice between them.

    Args:
        a: The picture that it is held to be more like.
        than: The picture b that it is compared with.

    Example:
        >>> saccade.targets.toward("a.jpg", than="b.jpg").question
        'what makes it more like a.jpg than like b.jpg'
    """
    first, second = Picture.of(a), Picture.of(than)
    named, told = first.name and second.name, first.path and second.path
    return replace(
        like(a) - like(than),
        name=f"toward:{quoted(first.name)},than={quoted(second.name)}" if named else "toward",
        text=f"toward:{quoted(first.path)},than={quoted(second.path)}" if told else None,
        question=f"what makes it more like {first.in_words} than like {second.in_words}",
        gradient_units="lead in cosine similarity",
        occlusion_units="lead in cosine similarity lost when this is covered",
        parts=(),
    )


@dataclass(frozen=True)
class Picture:
    """A picture to compare with; two are the same if they are the same file or the same object.

    Attributes:
        path: Where its file lies; empty for anything else.
        given: What the encoder reads.
    """

    path: str
    given: Any = field(compare=False, repr=False)
    identity: int = field(repr=False)

    @classmethod
    def of(cls, given: Any) -> Picture:
        """Take whatever stands for a picture."""
        if isinstance(given, (str, Path)):
            return cls(os.fspath(given), given, 0)
        return cls("", given, id(given))

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return Path(self.path).name or self.path

    @property
    def in_words(self) -> str:
        """The name, or words for it."""
        return self.name or "the other picture"

    @property
    def files(self) -> tuple[str, ...]:
        """Its file, if it has one."""
        return (self.path,) if self.path else ()


@dataclass(frozen=True)
class _Codes:
    """The codes of other pictures, one for all or one for each."""

    picture: Picture

    def __call__(self, codes: Codes, source: CodeSource) -> Codes:
        others = source.codes(self.picture.given)
        if len(others) not in (1, len(codes)):
            raise InputError(
                f"{len(others)} other pictures for {len(codes)} to explain; give one for all, or one for each."
            )
        if others.shape[1:] != codes.shape[1:]:
            raise InputError(
                f"the codes differ in shape ({codes.shape[1:]} and {others.shape[1:]}), so their places cannot be "
                "compared; read both pictures at one size."
            )
        return np.ascontiguousarray(np.broadcast_to(others, codes.shape))
