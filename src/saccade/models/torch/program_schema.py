"""Members of an exported program (.pt2), read along the schema by which PyTorch reads them."""

from __future__ import annotations

import dataclasses
import enum
import json
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any, get_args, get_origin

from saccade.models.torch.archive import Archive
from saccade.models.torch.program_texts import objection_to
from saccade.models.torch.trust import Untrusted


class SchemaReader:
    """Reads one member of JSON along PyTorch's own schema.

    Args:
        archive: The file.
        member: What to read of it.
        schema: PyTorch's module of data classes.
    """

    def __init__(self, archive: Archive, member: str, schema: Any) -> None:
        self.archive, self.member, self.schema = archive, member, schema

    def read(self, kind: Any) -> dict[str, Any]:
        """The values, which are all as the schema says, and harmless.

        Raises:
            Untrusted: A text does not belong in its place.
            FileError: They are not what the schema says.
        """
        try:
            # As PyTorch does it: the reader of JSON itself would guess the encoding.
            values = json.loads(self.archive.read(self.member).decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise self.archive.damaged(f"the member {self.member!r} cannot be read as JSON") from error
        self._value(kind, values, ("", ""), ())
        return dict(values)

    def _value(self, kind: Any, value: Any, owner: tuple[str, str], place: tuple[str | int, ...]) -> None:
        """Check one value.

        Args:
            kind: Its type.
            value: What was read.
            owner: The data class and the field that it belongs to.
            place: Where it lies, for messages.
        """
        origin = get_origin(kind)
        if origin in (typing.Union, types.UnionType):
            [kind] = [each for each in get_args(kind) if each is not type(None)]
            if value is not None:
                self._value(kind, value, owner, place)
        elif origin is list:
            for number, each in enumerate(self._of(list, value, place)):
                self._value(get_args(kind)[0], each, owner, (*place, number))
        elif origin is dict:
            for key, each in self._of(dict, value, place).items():
                self._text(key, (owner[0], f"{owner[1]}, key"), place)
                self._value(get_args(kind)[1], each, (owner[0], f"{owner[1]}, {key}"), (*place, key))
        elif dataclasses.is_dataclass(kind) and isinstance(kind, type):
            self._fields(kind, self._of(dict, value, place), place)
        elif kind is str:
            self._text(self._of(str, value, place), owner, place)
        elif isinstance(kind, type) and issubclass(kind, enum.IntEnum):
            if self._of(int, value, place) not in [each.value for each in kind]:
                raise self._wrong(place)
        elif kind is float:
            if not isinstance(value, (int, float)) and value not in ("Infinity", "-Infinity", "NaN"):
                raise self._wrong(place)
        elif kind in (int, bool):
            self._of(kind, value, place)
        else:
            raise Untrusted(f"something that saccade does not know ({self._at(place)})")

    def _fields(self, kind: type, values: Mapping[str, Any], place: tuple[str | int, ...]) -> None:
        hints = _hints(kind, self.schema)
        fields = {each.name: each for each in dataclasses.fields(kind)}
        if issubclass(kind, self.schema._Union):
            if len(values) != 1 or next(iter(values)) not in hints:
                raise self._wrong(place)
        else:
            for name, each in fields.items():
                if name not in values and each.default is each.default_factory is dataclasses.MISSING:
                    raise self.archive.damaged(f"{name!r} is missing in {self._at(place)}")
        for name, value in values.items():
            # PyTorch passes over what its schema does not name.
            if name in hints:
                self._value(hints[name], value, (kind.__name__, name), (*place, name))

    def _text(self, text: str, owner: tuple[str, str], place: tuple[str | int, ...]) -> None:
        objection = objection_to(text, *owner)
        if objection is not None:
            raise Untrusted(f"{objection} {text[:60]!a} ({self._at(place)})")

    def _of(self, kind: type, value: Any, place: tuple[str | int, ...]) -> Any:
        is_odd_number = kind is int and (isinstance(value, bool) or (isinstance(value, int) and abs(value) >= 2**63))
        if not isinstance(value, kind) or is_odd_number:
            raise self._wrong(place)
        return value

    def _wrong(self, place: tuple[str | int, ...]) -> Exception:
        return self.archive.damaged(f"{self._at(place)} holds something else than belongs there")

    def _at(self, place: tuple[str | int, ...]) -> str:
        path = ".".join(ascii(each)[1:-1][:40] if isinstance(each, str) else str(each) for each in place[-6:])
        return f"{path!r} of {self.member!r}" if path else repr(self.member)


@cache
def _hints(kind: type, schema: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind, globalns=vars(schema))
