"""What a target's number counts, for the units of its maps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """What a number counts.

    Attributes:
        name: In words, as it stands in a unit: `"mean of channel 3"`, `"cosine similarity lost"`.
        is_share: Whether it is a share of a whole, which people read in percent.
    """

    name: str
    is_share: bool = False

    def __str__(self) -> str:
        """The name."""
        return self.name
