"""One model: opened, described, and its occlusion compared with holes that its framework computes one by one."""

from __future__ import annotations

import math
import re
import signal
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from types import FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

import saccade
from saccade.methods import available
from saccade.targets import code

SECONDS = 60
"""How much processor time one model may take."""
TOLERANCE = 1e-4
"""How far apart the scores of a hole may be, as a share of the largest of them."""
_DEAD = 1e-12
"""A code of this length is none: float32 cannot square it."""
_ROUNDING = 1e-6
"""What float32 leaves open of a code, as a share of its length."""
_UNNOTICED = 1e-10
"""Occlusion counts smaller shares of the code's square as rounding."""
_USUAL = 64
_OF_ONE_PASS = ("activation_energy", "attention_rollout", "eigen_cam")
_FEATURE_MAPS = ("ablation_cam", "grad_cam", "grad_cam_plus_plus", "layer_cam", "score_cam")
"""They refuse where `eigen_cam` does: where no layer with places leads to the code."""

Array = NDArray[Any]
Codes = Callable[[Array], Array]
"""From one batch of images to their codes, in any order of numbers."""


@dataclass
class Row:
    """What the table says of one model.

    Attributes:
        group: The heading that it stands under.
        name: How people call it.
        code: The code's layer.
        reason: Why that layer.
        shape: The code's shape, without the batch.
        places: Its rows, columns and special tokens, or `"none"`.
        fed: Size, range and normalisation of its images.
        fed_reason: Where these were read.
        refused_methods: The methods that cannot answer.
        difference: The largest difference between occlusion's score of a hole and that of the hole computed alone,
            as a share of the largest score.
        rounding: How much of that float32's rounding explains, for a code that hardly moves.
        is_dead: Random weights leave nothing of any image in the code, so nothing was compared.
        is_still: With random weights no hole changes the code beyond rounding, so nothing was compared.
        alone: Who computed the single holes: `"framework"`, or `"encoder"` where the framework cannot be asked for
            that layer by itself.
        passes: Passes that occlusion needed.
        holes: Holes that it scored.
        seconds: Processor time of opening.
        refusal: saccade's line, for a model that it refuses.
        fault: Any other error, with its last lines.
    """

    group: str
    name: str
    code: str = ""
    reason: str = ""
    shape: str = ""
    places: str = ""
    fed: str = ""
    fed_reason: str = ""
    refused_methods: list[str] = field(default_factory=list)
    difference: float | None = None
    rounding: float = 0.0
    is_dead: bool = False
    is_still: bool = False
    alone: str = ""
    passes: int = 0
    holes: int = 0
    seconds: float = 0.0
    refusal: str = ""
    fault: str = ""

    @property
    def agrees(self) -> bool:
        """Is occlusion what single holes say?"""
        return self.difference is not None and self.difference <= max(TOLERANCE, self.rounding)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


def examine(group: str, name: str, make: Callable[[], Any], codes_of: Callable[[Any, saccade.Encoder], Any]) -> Row:
    """What does saccade make of this model? An error is a part of the answer, and ends nothing else.

    Args:
        group: The heading that it stands under.
        name: How people call it.
        make: Builds it.
        codes_of: The framework's own way to the codes, from the model and its encoder; None where there is none.
    """
    row = Row(group, name)
    try:
        with _time_limit(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _fill(row, make, codes_of)
    except saccade.SaccadeError as error:
        row.refusal = str(error)
    except _OutOfTimeError:
        row.fault = f"not done after {SECONDS} s of computing"
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.filename.rpartition('/')[2]}:{place.lineno}"
        row.fault = f"{type(error).__name__}: {str(error)[:300]} ({where})"
    return row


def _fill(row: Row, make: Callable[[], Any], codes_of: Callable[[Any, saccade.Encoder], Any]) -> None:
    model = make()
    start = time.process_time()
    encoder = saccade.Encoder(model)
    row.seconds = time.process_time() - start
    row.code, row.reason = encoder.layer, encoder.layer_reason
    row.fed, row.fed_reason = encoder.recipe.describe(), encoder.value_range_reason.partition(";")[0]
    image = _image(encoder)
    height, width = image.shape[1:3]
    row.shape = "x".join(str(side) for side in encoder.activations(image, [encoder.layer])[encoder.layer].shape[1:])
    encoder.check_code()
    places = encoder.places(encoder.layer, height, width)
    row.places = "none" if places is None else places.describe()
    _compare(row, encoder, image, codes_of(model, encoder))
    row.refused_methods = _refused_methods(encoder, image)


def _image(encoder: saccade.Encoder) -> Array:
    """One image with large and small structure, over the whole range of values."""
    recipe, random = encoder.recipe, np.random.default_rng(0)
    own_height, own_width, _ = encoder.network.input_shape
    carried = (
        (recipe.height, recipe.width) if max(recipe.height or 0, recipe.width or 0) <= 2 * _USUAL else (None, None)
    )
    height, width = own_height or carried[0] or _USUAL, own_width or carried[1] or _USUAL
    coarse = random.random((1, 8, 8, recipe.channels))
    rows, columns = np.arange(height) * 8 // height, np.arange(width) * 8 // width
    image = 0.7 * coarse[:, rows][:, :, columns] + 0.3 * random.random((1, height, width, recipe.channels))
    low, high = encoder.value_range
    return (low + (high - low) * image).astype(np.float32)


def _compare(row: Row, encoder: saccade.Encoder, image: Array, codes: Codes | None) -> None:
    """Occlusion's scores of five holes, beside the same holes filled by hand and encoded one by one."""
    height, width = image.shape[1:3]
    across = 8 if max(height, width) <= 96 else 4
    patch = max(1, height // across), max(1, width // across)
    answer = saccade.methods.find("occlusion")(encoder, image, code(), patch=patch, stride=patch, filler="grey")
    scores = answer.raw[0]
    row.alone = "encoder" if codes is None else "framework"
    row.passes, row.holes = int(answer.settings["passes"]), int(answer.settings["holes"])
    ask: Codes = encoder.codes if codes is None else codes
    untouched = _numbers(ask(image))
    if float(np.linalg.norm(untouched)) < _DEAD:
        row.is_dead = True
        return
    tops = [min(top * patch[0], height - patch[0]) for top in range(scores.shape[0])]
    lefts = [min(left * patch[1], width - patch[1]) for left in range(scores.shape[1])]
    last_row, last_column = len(tops) - 1, len(lefts) - 1
    cells = {(0, 0), (0, last_column), (last_row, 0), (last_row, last_column), (last_row // 2, last_column // 2)}
    own, alone = [], []
    for down, over in sorted(cells):
        covered = image.copy()
        top, left = tops[down], lefts[over]
        covered[:, top : top + patch[0], left : left + patch[1]] = sum(encoder.value_range) / 2
        own.append(scores[down, over])
        alone.append(((_numbers(ask(covered)) - untouched) ** 2).sum() / (untouched**2).sum())
    largest = max(alone)
    if not largest > 0:
        raise RuntimeError("no hole changes the code, so nothing is compared")
    if largest <= _UNNOTICED:
        row.is_still = True
        return
    row.rounding = 2 * _ROUNDING / math.sqrt(largest)
    apart = np.abs(np.array(own) - np.array(alone))
    # What occlusion counts as rounding it sets to zero, and so a hole alone may have that much more.
    row.difference = float(np.where(apart <= _UNNOTICED, 0.0, apart).max() / largest)


def _numbers(codes: Array) -> NDArray[np.float64]:
    return np.asarray(codes, np.float64).ravel()


def _refused_methods(encoder: saccade.Encoder, image: Array) -> list[str]:
    """The methods that cannot answer; those of one pass are asked, the others are known by what they need."""
    refused = {name for name in _OF_ONE_PASS if _refuses(encoder, image, name)}
    if "eigen_cam" in refused:
        refused.update(_FEATURE_MAPS)
    if not encoder.is_autoencoder:
        refused.add("detail_kept")
    if encoder.capabilities.gradients:
        rectifiers = encoder.network.rectifiers(encoder.layer)
        if rectifiers.obstacle is not None or not rectifiers.paths:
            refused.add("guided_backprop")
    for name, method in available().items():
        if not all(getattr(encoder.capabilities, need) for need in method.description.needs):
            refused.add(name)
    return sorted(refused)


def _refuses(encoder: saccade.Encoder, image: Array, name: str) -> bool:
    try:
        available()[name](encoder, image, code())
    except saccade.SaccadeError:
        return True
    return False


def steps(path: str) -> tuple[str, list[str]]:
    """A layer's name and what is taken of it: `"output[mu]"` is `("output", ["mu"])`."""
    return path.partition("[")[0], re.findall(r"\[([^\]]*)\]", path)


class _OutOfTimeError(BaseException):
    """Not an Exception: nothing on the way may take it for an answer."""


@contextmanager
def _time_limit(seconds: int) -> Iterator[None]:
    def end(_number: int, _frame: FrameType | None) -> None:
        raise _OutOfTimeError

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
