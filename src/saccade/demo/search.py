"""Which two photos does the model find alike though a person would not? A search over photos and cut-outs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.demo.photos import Box, DescribedPhoto
from saccade.demo.workspace import PHOTOS, Workspace
from saccade.encoder import Encoder
from saccade.images import Images
from saccade.pairs import MATCHINGS, split
from saccade.results.map_sentence import area, inside

_WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
_SIDE = 2 / 3
"""Cut-outs have this share of the photo's width and height."""
_NEARLY = 0.75
"""Whole photos are preferred if they reach this share of the best worth."""
_MATCHING = MATCHINGS[0]
_STILL_SHOWN = 0.6
"""A cut-out must hold this share of the subject's area: otherwise there is nothing for a person to be surprised by."""


@dataclass(frozen=True)
class Candidate:
    """A photo, or a cut-out of one.

    Attributes:
        photo: Which.
        box: What part of it.
    """

    photo: DescribedPhoto
    box: Box = _WHOLE

    @property
    def cut(self) -> bool:
        """Is it only a part?"""
        return self.box != _WHOLE

    @property
    def subject_box(self) -> Box | None:
        """Where the subject lies in this candidate, in shares of its own width and height."""
        if self.photo.subject_box is None:
            return None
        left, top, right, bottom = self.photo.subject_box
        wide, high = self.box[2] - self.box[0], self.box[3] - self.box[1]
        edges = (
            (left - self.box[0]) / wide, (top - self.box[1]) / high,
            (right - self.box[0]) / wide, (bottom - self.box[1]) / high,
        )  # fmt: skip
        left, top, right, bottom = (min(1.0, max(0.0, edge)) for edge in edges)
        return left, top, right, bottom

    def onto_photo(self, x: float, y: float) -> tuple[float, float]:
        """A place of the candidate as a place of the whole photo, both as shares."""
        left, top, right, bottom = self.box
        return left + x * (right - left), top + y * (bottom - top)

    def pixels(self, original: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The part of the photo."""
        height, width = original.shape[:2]
        left, top, right, bottom = self.box
        return original[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]

    def file(self, workspace: Workspace) -> str:
        """The path of the candidate's file, from the page on; a cut-out is saved first."""
        if not self.cut:
            return f"{PHOTOS}/{self.photo.file}"
        original = workspace.images.photos[workspace.index(self.photo)].original
        edges = "-".join(f"{100 * edge:.0f}" for edge in self.box)
        name = f"images/{self.photo.stem}-cut-{edges}.webp"
        return workspace.save(Image.fromarray(self.pixels(original)), name).path


@dataclass(frozen=True)
class FoundPair:
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


def search(encoder: Encoder, images: Images, photos: Sequence[DescribedPhoto], mean: NDArray[np.floating]) -> FoundPair:
    """Which pair is most alike for reasons outside its subjects?

    Pairs are ranked by `similarity x share of the positive evidence that lies outside the subjects`. Two parts of one
    photo, and two photos of one subject, are no surprise and are left out.

    Args:
        encoder: The model.
        images: The photos.
        photos: What is on them.
        mean: The mean code, taken off all codes.
    """
    candidates, pixels = [], []
    for image, photo in zip(images, photos, strict=True):
        for candidate in cut_outs(photo):
            candidates.append(candidate)
            pixels.append(candidate.pixels(image.photos[0].original))
    codes = encoder.codes(encoder.read(pixels)).astype(np.float64) - mean
    pairs = [
        (i, j)
        for i, j in combinations(range(len(candidates)), 2)
        if candidates[i].photo.subject != candidates[j].photo.subject
    ]
    ranked = sorted(((_worth(codes, i, j, candidates), i, j) for i, j in pairs), reverse=True)
    whole = [entry for entry in ranked if not (candidates[entry[1]].cut or candidates[entry[2]].cut)]
    # Whole photos are known from the rest of the page, so a cut-out has to be clearly better.
    value, i, j = whole[0] if whole[0][0] >= _NEARLY * ranked[0][0] else ranked[0]
    return FoundPair(candidates[i], candidates[j], value, len(pairs))


def outside_of(shares: NDArray[np.float64], box: Box) -> float:
    """Which share of what speaks for a similarity lies outside a box? None of it, where nothing speaks for it."""
    raised = np.maximum(shares, 0)
    whole = raised.sum()
    return float(1 - inside(raised, box) / whole) if whole else 0.0


def cut_outs(photo: DescribedPhoto) -> list[Candidate]:
    """The whole photo, and nine overlapping parts of it as far as they still show the subject."""
    candidates = [Candidate(photo)]
    for top in np.linspace(0, 1 - _SIDE, 3):
        for left in np.linspace(0, 1 - _SIDE, 3):
            candidate = Candidate(photo, (float(left), float(top), float(left + _SIDE), float(top + _SIDE)))
            if _shown(candidate) >= _STILL_SHOWN:
                candidates.append(candidate)
    return candidates


def _shown(candidate: Candidate) -> float:
    """Which share of the subject's area does it hold?"""
    whole = candidate.photo.subject_box
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
    parts = split(codes[i], codes[j], _MATCHING)
    return parts.score * float(np.mean([outside_of(parts.shares_a, box) for box in boxes]))
