"""What answers hold, for the description of the interface that programs read."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Documented(BaseModel):
    """What an answer holds, for the description of the interface."""

    model_config = ConfigDict(extra="allow")


class Refusal(BaseModel):
    """Why something was refused."""

    detail: str = Field(description="One line: what was asked, what is allowed.")


class Numbers(Documented):
    """An array."""

    dtype: str = Field(description="`float32`, `float16`, `uint8` or `int8`.")
    shape: list[int]
    base64: str = Field(description="Little-endian, the last axis fastest.")
    scale: float | None = Field(None, description="What `float16` numbers are to be multiplied by.")


class ListedPhoto(Documented):
    """A photo that can be asked about."""

    number: str
    name: str


class Model(Documented):
    """What was opened."""

    name: str
    layer: str = Field(description="The layer that is the code.")
    description: list[str]
    input_shape: list[int | None]
    value_range: list[float]


class MethodOnOffer(Documented):
    """A method."""

    name: str
    title: str
    summary: str
    source: str
    cost: str
    needs: list[str]
    is_applicable: bool = Field(description="Whether this model can answer it.")


class Explanation(Documented):
    """A map."""

    method: str
    values: Numbers = Field(description="float32 (rows, columns), in `unit`; without loss.")
    unit: str
    sentence: str = Field(description="The answer in words.")
    scale: dict[str, Any] = Field(description="`low`, `high`, `signed`, `flat`: which values have which colours.")
    grid: list[int] = Field(description="Rows and columns of the method's own grid.")
    notes: list[str]
    settings: dict[str, str]
    target: str
    layer: str


class DialsOnOffer(Documented):
    """The directions in which codes differ most."""

    count: int
    shares: list[float] = Field(description="Of all that tells the photos apart, how much lies along each.")
    photos: int = Field(description="Of how many photos: those that the command names.")
    reach: float = Field(description="How far each can be turned, in standard deviations of these photos.")


class Pair(Documented):
    """Why two photos are alike."""

    score: float = Field(description="The cosine of their codes, less the mean code where `centred`.")
    shares_a: Numbers = Field(description="What every place of the first adds to the score.")
    shares_b: Numbers
    sentence: str
