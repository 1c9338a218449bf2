"""A file in JSON that the user names: read, or said in one line why not."""

from __future__ import annotations

import json
import stat
from collections import Counter
from pathlib import Path
from typing import Any

from saccade.errors import FileError

_LARGEST = 64 * 2**20


def json_content(path: Path) -> Any:
    """What a file in JSON holds.

    Raises:
        FileError: It is not there, may not be read, is too large, or is no JSON; or an object in it has a name twice.
    """
    from saccade.images.files import expanded, unreadable

    place = expanded(path)
    try:
        status = place.stat()
        if not stat.S_ISREG(status.st_mode):
            raise FileError(f"{path} is a folder, a device or a pipe; give a file in JSON.")
        if status.st_size > _LARGEST:
            raise FileError(f"{path} has {status.st_size:,} bytes; at most {_LARGEST:,} of JSON are read.")
        content = place.read_bytes()
    except FileNotFoundError as error:
        raise FileError(f"no file {path}.") from error
    except (OSError, ValueError) as error:
        raise unreadable(place, error) from error
    try:
        # With the mark at the beginning that some editors write.
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=lambda pairs: _named_once(path, pairs))
    except UnicodeDecodeError as error:
        raise FileError(f"{path.name} is no JSON: it is not text in UTF-8; save it as that.") from error
    except json.JSONDecodeError as error:
        what = f"{error.msg[:1].lower()}{error.msg[1:]}"
        raise FileError(f"{path.name} is no JSON: {what}, in line {error.lineno}, column {error.colno}.") from error
    except (ValueError, RecursionError) as error:
        raise FileError(
            f"{path.name} is no JSON that can be read: it has a number of thousands of digits, or is nested too deep."
        ) from error


def _named_once(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise FileError(f"{path.name} has two entries for {twice!r:.60}; join them.")
    return members
