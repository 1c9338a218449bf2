"""A second model of one command: how it is named, and how it is opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from saccade.cli import values
from saccade.cli.options import Opening, words_of

if TYPE_CHECKING:
    from saccade.encoder import Encoder

_BESIDE = "Another model beside it"


@dataclass(frozen=True)
class OtherModel:
    """Another model for the same photos."""

    beside: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", rich_help_panel=_BESIDE,
            help="Show the same photos to another model: where both look, which photos each finds alike, and why.",
        ),
    ] = None  # fmt: skip
    beside_layer: Annotated[
        str | None, typer.Option(metavar="NAME", rich_help_panel=_BESIDE, help="Its layer that is the code.")
    ] = None
    beside_weights: Annotated[
        Path | None, typer.Option(metavar="FILE", rich_help_panel=_BESIDE, help="Its weights, as --weights.")
    ] = None
    beside_fit: Annotated[
        str | None,
        typer.Option(
            metavar="stretch|cover|contain", rich_help_panel=_BESIDE, help="How a photo gets its shape, as --fit."
        ),
    ] = None

    def check(self) -> None:
        """Refuse an option that says nothing, and a model that is not there; before any framework is loaded.

        Raises:
            InputError: An option without --beside, or with a value that it cannot have.
            FileError: The model or its weights are not there.
            ModelError: It is no model.
        """
        from saccade.errors import InputError
        from saccade.images.files import existing
        from saccade.images.recipe import Fit
        from saccade.models.opening import check_source

        if self.beside is None and (self.beside_layer or self.beside_weights or self.beside_fit):
            raise InputError(
                "--beside-layer, --beside-weights and --beside-fit are about another model; name it: --beside MODEL."
            )
        if self.beside == "untrained":
            raise InputError(
                "every report shows what networks of the same shape say that never learned anything (`Can I believe "
                "this map?`); --beside takes another model."
            )
        if self.beside_fit is not None:
            values.choice("fit", self.beside_fit, get_args(Fit))
        if self.beside is not None:
            check_source(self.beside)
        if self.beside_weights is not None:
            existing(self.beside_weights)

    def open(self, opening: Opening) -> Encoder | None:
        """The other model as an encoder, with the same means as the first; None where none was named."""
        if self.beside is None:
            return None
        means = Opening(
            layer=self.beside_layer, weights=self.beside_weights, fit=self.beside_fit, trust=opening.trust,
            backend=opening.backend, device=opening.device, memory=opening.memory, max_pixels=opening.max_pixels,
        )  # fmt: skip
        return means.open(self.beside)

    def words(self) -> list[str]:
        """The same options as words of a command."""
        return words_of(self)
