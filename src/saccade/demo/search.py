"""Which two pictures does the model find alike though a person would not? A search over photographs and cut-outs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.encoder import Encoder
from saccade.demo.photographs import Box, Photograph
from saccade.demo.places import area, inside
from saccade.demo.studio import PHOTOGRAPHS, Studio
from saccade.images import Images
from saccade.pairs import MATCHINGS, split

_WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
_SIDE = 2 / 3
"""Cut-outs have this share of the photo's width and height."""
_NEARLY = 0.75
"""Whole photographs are preferred if they reach this share of the best worth."""
MATCHING = MATCHINGS[0]
_STILL_SHOWN = 0.6
"""A cut-out must hold this share of the subject's area: otherwise there is nothing for a person to be surprised by."""


@dataclass(frozen=True)
class Candidate:
    """A photograph, or a cut-out of one.

    Attributes:
        photograph: Which.
        box: What part of it.
    """

    photograph: Photograph
    box: Box = _WHOLE

    @property
    def cut(self) -> bool:
        """Is it only a part?"""
        return self.box != _WHOLE

    @property
    def subject_box(self) -> Box | None:
        """Where the subject lies in this candidate, in shares of its own width and height."""
        if self.photograph.subject_box is None:
            return None
        left, top, right, bottom = self.photograph.subject_box
        wide, high = self.box[2] - self.box[0], self.box[3] - self.box[1]
        edges = (
            (left - self.box[0]) / wide, (top - self.box[1]) / high,
            (right - self.box[0]) / wide, (bottom - self.box[1]) / high,
        )  # fmt: skip
        left, top, right, bottom = (min(1.0, max(0.0, edge)) for edge in edges)
        return left, top, right, bottom

    def onto_photo(self, x: float, y: float) -> tuple[float, float]:
        """A place of the candidate as a place of the whole photograph, both as shares."""
        left, top, right, bottom = self.box
        return left + x * (right - left), top + y * (bottom - top)

    def pixels(self, original: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The part of the photo."""
        height, width = original.shape[:2]
        left, top, right, bottom = self.box
        return original[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]

    def file(self, studio: Studio) -> str:
        """The candidate as a file beside the page, as a path from there; a cut-out is saved first."""
        if not self.cut:
            return f"{PHOTOGRAPHS}/{self.photograph.file}"
        original = studio.images.photos[studio.index(self.photograph)].original
        edges = "-".join(f"{100 * edge:.0f}" for edge in self.box)
        name = f"pictures/{self.photograph.stem}-cut-{edges}.webp"
        return studio.save(Image.fromarray(self.pixels(original)), name).path


@dataclass(frozen=True)
class Found:
    """A pair that is alike for a reason nobody would think of.

    Attributes:
        a: One of them.
        b: The other one.
        worth: Their similarity times the share of the evidence that lies outside their subjects.
        tried: How many pairs there were.
    """

    a: Candidate
    b: Candidate
    worth: float
    tried: int


def search(encoder: Encoder, images: Images, photographs: Sequence[Photograph], mean: NDArray[np.floating]) -> Found:
    """Which pair is most alike for reasons outside its subjects?

    Pairs are ranked by `similarity x share of the positive evidence that lies outside the subjects`. Two parts of one
    photograph, and two photographs of one subject, are no surprise and are left out.

    Args:
        encoder: The model.
        images: The photographs.
        photographs: What is on them.
        mean: The mean code, taken off all codes.
    """
    candidates, pixels = [], []
    for photo, photograph in zip(images.photos, photographs, strict=True):
        for candidate in cut_outs(photograph):
            candidates.append(candidate)
            pixels.append(candidate.pixels(photo.original))
    codes = encoder.codes(encoder.read(pixels)).astype(np.float64) - mean
    pairs = [
        (i, j)
        for i, j in combinations(range(len(candidates)), 2)
        if candidates[i].photograph.subject != candidates[j].photograph.subject
    ]
    ranked = sorted(((_worth(codes, i, j, candidates), i, j) for i, j in pairs), reverse=True)
    whole = [each for each in ranked if not (candidates[each[1]].cut or candidates[each[2]].cut)]
    # Whole photographs are known from the rest of the page, so a cut-out has to be clearly better.
    value, i, j = whole[0] if whole[0][0] >= _NEARLY * ranked[0][0] else ranked[0]
    return Found(candidates[i], candidates[j], value, len(pairs))


def outside_of(shares: NDArray[np.float64], box: Box) -> float:
    """Which share of what speaks for a similarity lies outside a box? None of it, where nothing speaks for it."""
    raised = np.maximum(shares, 0)
    whole = raised.sum()
    return float(1 - inside(raised, box) / whole) if whole else 0.0


def cut_outs(photograph: Photograph) -> list[Candidate]:
    """The whole photograph, and nine overlapping parts of it as far as they still show the subject."""
    found = [Candidate(photograph)]
    for top in np.linspace(0, 1 - _SIDE, 3):
        for left in np.linspace(0, 1 - _SIDE, 3):
            candidate = Candidate(photograph, (float(left), float(top), float(left + _SIDE), float(top + _SIDE)))
            if _shown(candidate) >= _STILL_SHOWN:
                found.append(candidate)
    return found


def _shown(candidate: Candidate) -> float:
    """Which share of the subject's area does it hold?"""
    whole = candidate.photograph.subject_box
    if whole is None:
        return 1.0
    left, top = max(whole[0], candidate.box[0]), max(whole[1], candidate.box[1])
    right, bottom = min(whole[2], candidate.box[2]), min(whole[3], candidate.box[3])
    return max(0.0, right - left) * max(0.0, bottom - top) / area(whole)


def _worth(codes: NDArray[np.float64], i: int, j: int, candidates: Sequence[Candidate]) -> float:
    """The similarity times the share of the positive evidence outside the subjects, where they are in one place."""
    boxes = [box for box in (candidates[i].subject_box, candidates[j].subject_box) if box is not None]
    if not boxes:
        return 0.0
    found = split(codes[i], codes[j], MATCHING)
    return found.score * float(np.mean([outside_of(found.shares_a, box) for box in boxes]))
