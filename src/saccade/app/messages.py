"""What a page may say through the socket: one kind of message for everything that moves."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from saccade.app.dials import MOST_DIALS
from saccade.app.requests import ExplainQuestion, Number, ReportQuestion

MOST_FRAME = 640
"""Pixels of a side of a frame of the camera."""


class Message(BaseModel):
    """What every message says."""

    model_config = ConfigDict(extra="forbid")
    id: int = Field(ge=0, le=2**53, description="Repeated by every answer.")


class Explain(Message, ExplainQuestion):
    """A map that sharpens while it is computed: answers with `partial` come first."""

    kind: Literal["explain"]


class Frame(Message):
    """A frame of the camera; the bytes are RGB, row by row."""

    kind: Literal["frame"]
    width: int = Field(ge=8, le=MOST_FRAME)
    height: int = Field(ge=8, le=MOST_FRAME)
    method: Literal["saliency", "activation_energy"]


class Encode(Message):
    """An image as the model takes it; the bytes are float32, row by row. The answer is its code and its redrawing.

    Where the photos of the command are a collection, `neighbours` are those of it that are most alike.
    """

    kind: Literal["run"]
    photo: Number | None = Field(default=None, description="What it was before it was covered; it finds not itself.")


class Turn(Message):
    """The dials: the code of a photo, moved along directions, as the decoder draws it."""

    kind: Literal["dials"]
    photo: Number
    amounts: list[float] = Field(max_length=MOST_DIALS, description="For every direction, in its standard deviations.")


class Mix(Message):
    """What lies between two photos: the mean of their codes, as the decoder draws it."""

    kind: Literal["mix"]
    photo: Number
    other: Number
    share: float = Field(ge=0, le=1, description="0 is the photo, 1 the other one.")


class Report(Message, ReportQuestion):
    """The report of some photos: answers with `doing` come first, the last one carries the page."""

    kind: Literal["report"]


KINDS: dict[str, type[Message]] = {
    "explain": Explain, "frame": Frame, "run": Encode, "dials": Turn, "mix": Mix, "report": Report,
}  # fmt: skip
