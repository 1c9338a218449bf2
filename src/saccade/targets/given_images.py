"""Other images that a target refers to: one, several, or a whole collection."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class GivenImages:
    """Other images; two are equal if they are the same file or folder, or the same object in memory.

    Attributes:
        path: The file, folder or glob; empty for an object in memory.
        source: What the encoder reads.
        identity: Tells objects in memory apart; 0 for a path.
    """

    path: str
    source: Any = field(compare=False, repr=False)
    identity: int = field(repr=False)

    @classmethod
    def of(cls, source: Any) -> GivenImages:
        """Take whatever stands for images: a path, an array, a PIL image, several of them."""
        if isinstance(source, (str, Path)):
            return cls(os.fspath(source), source, 0)
        return cls("", source, id(source))

    @property
    def name(self) -> str:
        """The name of the file or folder, without the folders that it lies in; empty for an object in memory."""
        return Path(self.path).name or self.path

    @property
    def files(self) -> tuple[str, ...]:
        """The path, if there is one."""
        return (self.path,) if self.path else ()
