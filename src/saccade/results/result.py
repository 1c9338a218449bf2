"""What every result can do: save itself, show itself, and tell itself to a program."""

from __future__ import annotations

import io
import json
import os
from abc import ABC, abstractmethod
from importlib.metadata import version
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from saccade.atomic_files import writable_path, write_text
from saccade.errors import FileError
from saccade.picture import save_picture
from saccade.picture.files import FORMATS, png_bytes
from saccade.results.arrays import save_arrays
from saccade.results.plain_values import in_words, plain

_WIDEST = 1400
"""A notebook shows no more pixels across."""


class Result(ABC):
    """Raw numbers, their units and how they were made; one page for people.

    A kind of result says how it was made, which arrays it holds, and what stands on its page; everything else is here.
    """

    @abstractmethod
    def provenance(self) -> dict[str, Any]:
        """How it was made: names, units, settings and notes, as plain numbers and words."""

    @abstractmethod
    def arrays(self) -> dict[str, NDArray[Any]]:
        """Its raw numbers by name, as an `.npz` keeps them."""

    @abstractmethod
    def page(self, **drawing: Any) -> Image.Image:
        """Its page for people.

        Args:
            **drawing: How it is drawn; the result's own methods for pages say what they take.
        """

    def to_dict(self) -> dict[str, Any]:
        """How it was made and what came out, as plain numbers and words that JSON can hold.

        Arrays of the size of images are left to the `.npz`.
        """
        provenance: dict[str, Any] = plain(self.provenance())
        return provenance

    def metadata(self) -> dict[str, str]:
        """How it was made, as text by name; it travels inside saved pages."""
        return {
            "Software": f"saccade {version('saccade')}",
            **{name: in_words(value) for name, value in self.provenance().items()},
        }

    def png(self, **drawing: Any) -> bytes:
        """The page as the bytes of a PNG file, with its metadata inside.

        Args:
            **drawing: What `page` takes.
        """
        return png_bytes(self.page(**drawing), self.metadata())

    def save(self, path: str | os.PathLike[str], **drawing: Any) -> Path:
        """Save the page (`.png`, `.jpg`, `.webp`), the raw numbers (`.npz`) or the numbers as text (`.json`).

        Args:
            path: The ending chooses; how it was made stands inside, and nothing half-written is left behind.
            **drawing: For a page, what `page` takes.

        Returns:
            The path.

        Raises:
            FileError: Another ending, or the folder is missing or cannot be written.
        """
        target = writable_path(path)
        check_ending(target)
        match target.suffix.lower():
            case ".npz":
                return save_arrays(target, self.arrays(), plain(self.provenance()))
            case ".json":
                return write_text(target, json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n")
            case _:
                return save_picture(self.page(**drawing), target, self.metadata())

    def _repr_png_(self) -> bytes:
        """Shown by notebooks."""
        page = self.page()
        page.thumbnail((_WIDEST, page.height))
        buffer = io.BytesIO()
        page.save(buffer, "PNG")
        return buffer.getvalue()


def check_ending(path: Path) -> None:
    """Refuse a name that no result is saved under.

    Raises:
        FileError: It ends in something else.
    """
    if path.suffix.lower() not in (*FORMATS, ".npz", ".json"):
        raise FileError(
            f"cannot save a result as {path.name!r}; the name must end in {', '.join(FORMATS)} for its page, "
            ".npz for its raw numbers, or .json for its numbers as text."
        )


def read_only(*arrays: NDArray[Any]) -> None:
    """Results are frozen: nobody writes into their numbers."""
    for array in arrays:
        array.setflags(write=False)


def capitalised(text: str) -> str:
    """With a capital at the start."""
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """With a capital at the start and a stop at the end."""
    return f"{capitalised(text)}{'' if text.endswith(('.', '?')) else '.'}"
