"""A name for the pages of every photo: different from all others, and short enough for every file system."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count, islice
from pathlib import Path

LONGEST_PHOTO = 140
LONGEST_LABEL = 30
LONGEST_TARGET = 60
"""Bytes of a photo's, a request's and a target's part of a file name; with the ending at most 255, where file systems
end."""


def page_names(photos: Sequence[Path], reserved: Iterable[str] = ()) -> dict[Path, str]:
    """What are the pages of each photo called?

    A name is the photo's own without its ending; photos of one name are told apart by their folders and endings, and
    names that are too long are shortened. Names differ by more than capitals, since many file systems do not tell those
    apart.

    Args:
        photos: The photos, each once.
        reserved: Names that no photo may have.

    Example:
        >>> list(page_names([Path("a/cat.jpg"), Path("b/cat.jpg"), Path("dog.png")]).values())
        ['a-cat', 'b-cat', 'dog']
    """
    folders = {parent: parent.resolve() for parent in {photo.parent for photo in photos}}
    stems = Counter(photo.stem.casefold() for photo in photos)
    stems_in_folders = Counter((folders[photo.parent], photo.stem.casefold()) for photo in photos)
    used = {name.casefold() for name in reserved}
    names: dict[Path, str] = {}
    for photo in photos:
        stem, folder = photo.stem.casefold(), folders[photo.parent]
        candidates = _candidates(photo, folder)
        if stems[stem] > 1:
            # All of them get the longer name, so that none looks like the only one.
            candidates = islice(candidates, 1 if stems_in_folders[folder, stem] == 1 else 2, None)
        numbered = (f"{photo.stem}-{number}" for number in count(2))
        shortened = (shorten(name, LONGEST_PHOTO) for name in chain(candidates, numbered))
        names[photo] = next(name for name in shortened if name.casefold() not in used)
        used.add(names[photo].casefold())
    return names


def slug(text: str) -> str:
    """A text as part of a file name."""
    return re.sub(r"[^\w]+", "-", text).strip("-") or "x"


def shorten(name: str, longest: int) -> str:
    """The name itself, or its beginning and a checksum of all of it if it takes more than so many bytes."""
    content = os.fsencode(name)
    if len(content) <= longest:
        return name
    checksum = hashlib.sha256(content).hexdigest()[:8]
    # What is cut in the middle of a letter loses that letter.
    start = content[: longest - len(checksum) - 1].decode("utf-8", "ignore")
    return f"{start}-{checksum}"


def _candidates(photo: Path, folder: Path) -> Iterator[str]:
    """Names for one photo, the shortest first: its own, with its folder, with its ending, with more folders."""
    yield photo.stem
    folders = folder.parts[1:]
    for depth in range(1, len(folders) + 1):
        yield "-".join([*(slug(part) for part in folders[-depth:]), photo.stem])
        if depth == 1:
            yield f"{photo.stem}-{photo.suffix[1:].lower()}"
