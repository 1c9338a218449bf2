"""Rows on disk, each written as soon as it is known, so that a run can be interrupted, and single rows asked again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from examination import Row

_ROOT = Path(__file__).parents[2]
RECORD = _ROOT / "out" / "encoders.jsonl"


@dataclass(frozen=True)
class Answer:
    """One row, and how it was made.

    Attributes:
        row: What the table says.
        versions: Of the libraries, by name.
        run: When the run began that asked.
        source: A digest of saccade's source at that time.
    """

    row: Row
    versions: dict[str, str]
    run: str
    source: str

    @classmethod
    def from_line(cls, line: str) -> Answer:
        """From a line of the record."""
        fields = json.loads(line)
        return cls(**(fields | {"row": Row(**fields["row"])}))

    def to_line(self) -> str:
        """As a line of the record."""
        return json.dumps(self.__dict__ | {"row": self.row.to_dict()})


def answers(versions: Mapping[str, str]) -> dict[tuple[str, str], Answer]:
    """The answers on disk that these versions gave, by heading and name; the last of each."""
    return {(answer.row.group, answer.row.name): answer for answer in _lines() if answer.versions == versions}


def add(answer: Answer) -> None:
    """Write one more answer."""
    RECORD.parent.mkdir(exist_ok=True)
    with RECORD.open("a", encoding="utf-8") as file:
        file.write(f"\n{answer.to_line()}\n")  # whatever ended an earlier run may have cut off its last line


def source() -> str:
    """A digest of saccade's source."""
    digest = hashlib.sha256()
    for path in sorted((_ROOT / "src" / "saccade").rglob("*.py")):
        digest.update(f"{path.relative_to(_ROOT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _lines() -> Iterator[Answer]:
    if not RECORD.exists():
        return
    for line in RECORD.read_text(encoding="utf-8").splitlines():
        try:
            yield Answer.from_line(line)
        except (json.JSONDecodeError, TypeError, KeyError):
            continue  # cut off by whatever ended that run, or written by another state of this script
