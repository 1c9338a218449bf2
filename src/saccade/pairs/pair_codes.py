"""Two images and their codes, each less a centre where one is taken off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from saccade.encoder import Encoder
from saccade.errors import InputError, NotApplicable
from saccade.images import Images
from saccade.models.places import Places
from saccade.pairs.head_search import linear_head
from saccade.pairs.linear_head import LinearHead
from saccade.reference import Reference
from saccade.run import Run
from saccade.typing import Array

_ROUNDING = 1e-5
"""What float32 leaves of a code when it is taken off itself, as a share of its length."""


@dataclass(frozen=True, eq=False)
class PairCodes:
    """Two images, their codes, and the call.

    Attributes:
        places: Where the places of the codes lie; None for vectors.
        head: How the codes come of the cells of an earlier layer; None where the codes have places themselves, where it
            is not so, and where it was not asked for.
        cells: The values of that layer, one array for each image.
    """

    run: Run
    progress: Callable[[int, int], None] | None
    stop: Callable[[], bool] | None
    images: tuple[Images, Images]
    codes: list[NDArray[np.floating]]
    places: list[Places | None]
    head: LinearHead | None
    cells: list[Array]

    @classmethod
    def of(
        cls,
        encoder: Encoder,
        images: tuple[Images, Images],
        *,
        exact: bool,
        progress: Callable[[int, int], None] | None,
        stop: Callable[[], bool] | None,
    ) -> PairCodes:
        """Encode both images, once.

        Args:
            encoder: The model and its code.
            images: The two.
            exact: Read the cells that the codes are made of, too.
            progress: Called while the call goes on.
            stop: Ends it.
        """
        run = Run(encoder, stop=stop)
        encoder.check_code()
        sizes = [(each.shape[1], each.shape[2]) for each in images]
        places = [encoder.places(encoder.layer, *size) for size in sizes]
        head = linear_head(run, sizes[0]) if exact and None in places else None
        layers = [encoder.layer] if head is None else [encoder.layer, head.layer]
        if images[0].shape == images[1].shape:
            both = run.activations(np.concatenate([each.array for each in images]), layers)
            values = [{layer: both[layer][row] for layer in layers} for row in (0, 1)]
        else:
            values = [{layer: own[0] for layer, own in run.activations(each.array, layers).items()} for each in images]
        codes = [encoder.on_grid(own[encoder.layer][None])[0] for own in values]
        cells = [] if head is None else [own[head.layer] for own in values]
        return cls(run, progress, stop, images, list(codes), places, head, cells)

    @property
    def have_places(self) -> bool:
        """Whether both codes are grids of cells, or tokens that lie on one."""
        return all(places is not None for places in self.places)

    def check(self, matching: str | None, split: str) -> None:
        """Refuse what cannot be asked of these codes.

        Raises:
            NotApplicable: A matching that they cannot have.
        """
        if self.have_places:
            if split == "masked" and matching == "place":
                raise NotApplicable("masked images pair all places; with split='masked' give matching='anywhere'.")
            return
        if matching == "place":
            raise NotApplicable(
                f"the code ({self.run.encoder.layer}) has no places that could be compared one by one; give "
                "matching='anywhere', or name a layer with cells."
            )

    def check_reference(self, reference: Reference) -> None:
        """Refuse what is known of another model's codes, or of another layer's.

        Raises:
            InputError: Its codes have another shape.
        """
        stored, own = reference.mean_code.shape, self.codes[0].shape
        if stored != own and not (self.have_places and stored[-1:] == own[-1:]):
            shapes = ["x".join(map(str, shape)) for shape in (stored, own)]
            raise InputError(
                f"the reference is of another model or layer: its codes are {shapes[0]}, and those of "
                f"{self.run.encoder.layer!r} are {shapes[1]}; make one with saccade.pairs.reference_of(encoder, "
                "FOLDER)."
            )

    def less(self, centre: ArrayLike | None, matching: str) -> list[NDArray[np.floating]]:
        """Both codes less the centre, where there is one.

        Args:
            centre: (rows, columns, channels) or (channels,); None takes nothing off.
            matching: `"anywhere"` takes the mean cell of a centre with places.

        Raises:
            InputError: The centre does not fit, or nothing is left of a code.
        """
        if centre is None:
            return self.codes
        middle = _as_array(centre)
        if matching == "anywhere" and middle.ndim == 3:
            # Places do not count here, and the two grids may differ.
            fits = self.places[0] is not None and middle.shape == self.codes[0].shape
            middle = (cells_and_special(middle, self.places[0])[0] if fits else middle).mean(axis=(0, 1))
        return [_code_less(code, middle, which) for code, which in zip(self.codes, ("first", "second"), strict=True)]

    def centres(self, centre: ArrayLike | None, matching: str) -> list[NDArray[np.float64]]:
        """What is taken off each code."""
        return [
            np.asarray(code, np.float64) - less
            for code, less in zip(self.codes, self.less(centre, matching), strict=True)
        ]


def cells_and_special(
    code: NDArray[np.floating], places: Places | None
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """The cells of a code (rows, columns, channels), and its special tokens (tokens, channels)."""
    if places is None:
        return code, code[0, :0]
    cells, special = places.split(code[None])
    return cells[0], special[0]


def _as_array(centre: ArrayLike) -> NDArray[np.float64]:
    try:
        middle = np.asarray(centre, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("centre is no array of numbers; give (rows, columns, channels) or (channels,).") from error
    if not np.isfinite(middle).all():
        raise InputError("centre holds values that are not numbers (NaN or infinite).")
    return middle


def _code_less(code: NDArray[np.floating], middle: NDArray[np.float64], which: str) -> NDArray[np.floating]:
    if middle.shape not in (code.shape, code.shape[-1:]):
        raise InputError(
            f"a centre of shape {middle.shape} for a code of shape {code.shape}; give that shape, or one number for "
            f"each channel: ({code.shape[-1]},)."
        )
    less = code - middle
    if np.linalg.norm(less) <= _ROUNDING * np.linalg.norm(middle):
        raise InputError(
            f"the {which} code is exactly the mean that is taken off, so nothing is left to compare; give a reference "
            "collection of more, or of other images."
        )
    return less
