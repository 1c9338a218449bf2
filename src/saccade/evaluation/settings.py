"""What is tested, how often, and with which seed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from saccade.arguments import check_arguments
from saccade.errors import InputError


@dataclass(frozen=True)
class Settings:
    """The settings of an evaluation.

    Attributes:
        steps: In how many parts of equal size the pixels are removed and brought back.
        block: Pixels go in squares of this side.
        checked: How many photos the tests beside deletion and insertion take: randomised weights, another
            question, noise. Each of them explains these photos again.
        stages: At most so many stages of randomised weights, from the code backwards to all layers.
        noise: Standard deviation of the noise in the test of stability, as a share of the value range.
        ceiling: On so many photos a better order than the maps' is searched for; 0 leaves it out.
        draws: How many noisy copies of a photo are explained.
        confidence: Of the intervals.
        resamples: Of the bootstrap.
        seed: Of everything drawn at random.
    """

    steps: int = 12
    block: int = 1
    checked: int = 8
    stages: int = 4
    noise: float = 0.02
    draws: int = 2
    ceiling: int = 4
    confidence: float = 0.95
    resamples: int = 2000
    seed: int = 0

    def checked_values(self) -> Settings:
        """The same, once the numbers are known to be usable.

        Raises:
            InputError: One of them cannot.
        """
        check_arguments("evaluate", Settings, self.as_dict())
        least = {
            "steps": 6, "block": 1, "checked": 1, "stages": 1, "draws": 1, "ceiling": 0, "resamples": 100, "seed": 0,
        }  # fmt: skip
        for name, low in least.items():
            if getattr(self, name) < low:
                raise InputError(f"{name}={getattr(self, name)}: give {low} or more.")
        most = {"steps": 1_000, "draws": 1_000, "resamples": 100_000}
        for name, high in most.items():
            if getattr(self, name) > high:
                raise InputError(f"{name}={getattr(self, name)}: give {high} or less.")
        if not 0 < self.noise <= 1:
            raise InputError(f"noise={self.noise:g}: give a share of the value range above 0, at most 1, such as 0.02.")
        if not 0.5 <= self.confidence < 1:
            raise InputError(f"confidence={self.confidence:g}: give a share from 0.5 up to below 1, such as 0.95.")
        return self

    def as_dict(self) -> dict[str, Any]:
        """By name, for files."""
        return asdict(self)
