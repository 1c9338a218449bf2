"""What a program may say in a question, and what of it is refused: nothing in it can name a file."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from saccade import targets
from saccade.app.refusal import Refused
from saccade.arguments import Names
from saccade.attribution.method import Method, settings_of
from saccade.errors import UnknownName
from saccade.images import Images
from saccade.targets import Target

Number = Annotated[str, StringConstraints(max_length=40, pattern=r"^[A-Za-z0-9_-]+$")]
Name = Annotated[str, StringConstraints(max_length=200)]
Setting = bool | int | float | str | None | list[int] | list[float]

_WORDS = ("code", "channel", "cell", "region", "centred", "reconstruction_error", "e")
"""Kinds of targets that are complete in themselves (and the e of 1e-3); all others name a file or a folder."""
_SIGNS = re.compile(r"[\w:,.*+\- ]{1,200}", re.ASCII)
_LARGEST_SETTING = 4096
"""Steps, samples, masks beyond that are for a program that has the machine for itself."""


class Question(BaseModel):
    """Anything that is asked."""

    model_config = ConfigDict(extra="forbid")


class Likeness(Question):
    """Another photo as a target."""

    kind: Literal["like", "unlike"] = Field(description="What makes the photo like the other one, or unlike it.")
    photo: Number = Field(description="The number of the other photo.")


class ExplainQuestion(Question):
    """Where does the model look in this photo?"""

    photo: Number = Field(description="The number of the photo, as `GET /api/photos` lists it.")
    method: Name | None = Field(default=None, description="The name of a method; by default the library's default.")
    target: Name | Likeness | None = Field(
        default=None,
        description="What is explained: `code` (the default), `channel:K`, `cell:ROW,COLUMN`, `region:ROWS,COLUMNS`, "
        "`centred`, `reconstruction_error`, sums of them such as `channel:3 - 0.5*channel:4`, or another photo.",
    )
    layer: Name | None = Field(default=None, description="Explain this layer instead of the code.")
    settings: dict[Name, Setting] = Field(default_factory=dict, description="The method's own settings.")


class CompareQuestion(Question):
    """Why are these two photos alike?"""

    a: Number = Field(description="The number of a photo.")
    b: Number = Field(description="The number of another one.")


class PhotoQuestion(Question):
    """A question about one photo alone."""

    photo: Number = Field(description="The number of the photo.")


class PhotosQuestion(Question):
    """A question about several photos."""

    photos: list[Number] = Field(min_length=1, max_length=24, description="The numbers of the photos.")


class ReportQuestion(Question):
    """Which photos the report shows."""

    photos: list[Number] = Field(min_length=1, max_length=12, description="The numbers of 1 to 12 photos.")
    title: Name | None = Field(default=None, description="The headline.")


def target_of(stated: str | Likeness | None, photo: Callable[[str], Images]) -> Target:
    """The target that a question means.

    Args:
        stated: Its text, or another photo.
        photo: Finds a photo by its number.

    Raises:
        Refused: A target that names a file.
    """
    if stated is None:
        return targets.code()
    if isinstance(stated, Likeness):
        make = targets.like if stated.kind == "like" else targets.unlike
        return make(photo(stated.photo))
    if not _SIGNS.fullmatch(stated) or any(word not in _WORDS for word in re.findall(r"[A-Za-z_]+", stated)):
        raise Refused(422, "that target is none that can be asked for here: code, channel:K, cell:ROW,COLUMN, "
                      "region:ROWS,COLUMNS, centred, reconstruction_error, sums of them, or another photo by its "
                      "number.")  # fmt: skip
    if re.search(r"centred\s*:", stated):
        raise Refused(422, "centred:FOLDER names a folder; only centred alone can be asked for here.")
    return targets.parse(stated)


def settings_for(method: Method, name: str, stated: dict[str, Setting]) -> dict[str, Any]:
    """A method's settings; a text only where it is one of the words that the setting names.

    Raises:
        UnknownName: The method has no such setting, or the setting no such word.
        Refused: A count that is too large for a server, or a text where any would do.
    """
    allowed = settings_of(method)
    hints = get_type_hints(method, include_extras=True) if stated else {}
    settings: dict[str, Any] = {}
    for key, value in stated.items():
        if key not in allowed:
            raise UnknownName.of(f"setting of {name}", key, allowed)
        if isinstance(value, str):
            words = _words(hints.get(key))
            if value not in words:
                raise UnknownName.of(f"value of {key}", value, words)
        numbers = value if isinstance(value, list) else [value]
        if key != "seed" and any(isinstance(number, int) and abs(number) > _LARGEST_SETTING for number in numbers):
            raise Refused(422, f"{key} is at most {_LARGEST_SETTING:,} here.")
        settings[key] = tuple(value) if isinstance(value, list) else value
    return settings


def _words(annotation: Any) -> list[str]:
    """The words that an annotation names."""
    words = [
        word for extra in getattr(annotation, "__metadata__", ()) if isinstance(extra, Names) for word in extra.names
    ]
    for part in get_args(annotation):
        words += [part] if isinstance(part, str) else _words(part)
    return words
