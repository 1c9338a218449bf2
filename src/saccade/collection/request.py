"""What is asked about every photo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from saccade.attribution.defaults import DEFAULT_METHOD
from saccade.errors import InputError
from saccade.methods import Method
from saccade.targets import Target

RESERVED = ("methods", "photo")
"""Words that stand for something else in the place of a label in file names."""


@dataclass(frozen=True)
class Request:
    """One question about every photo.

    Attributes:
        method: The name of a method, see `saccade.methods.available()`; or a function made with `@saccade.method`,
            whose pages are always made again.
        target: What is explained, as a `Target` or its text form.
        settings: The method's own settings.
        beside_untrained: Show the same map of networks with fresh weights beside it.
        verdict: What an evaluation said of the method on this model, in words; it stands beside the method's name.
        label: Stands for the request in file names and, if it is not the method's name, on the page: needed where one
            method is asked twice about one target. By default the method's name.

    Raises:
        InputError: The label is one of the words that file names use for something else.
    """

    method: str | Method = DEFAULT_METHOD
    target: Target | str = "code"
    settings: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""
    beside_untrained: bool = False
    verdict: str = ""

    def __post_init__(self) -> None:
        if not self.label:
            object.__setattr__(self, "label", self.name)
        if self.label in RESERVED:
            raise InputError(f"label {self.label!r} stands for something else in file names; give another word.")

    @property
    def name(self) -> str:
        """The method's name."""
        return self.method if isinstance(self.method, str) else self.method.__name__
