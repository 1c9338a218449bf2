"""What an earlier run has finished, one file for each piece of work, so that a second run goes on from there."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from saccade.attribution.method import settings_of
from saccade.errors import FileError
from saccade.methods import find
from saccade.results.arrays import opened_arrays, save_arrays

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Cache:
    """A folder of finished pieces of work.

    Attributes:
        folder: Where they lie; None keeps nothing.
        fingerprint: Of everything that all of them depend on: another model or other images share nothing.
    """

    folder: Path | None
    fingerprint: str

    def get_or_make(self, name: str, key: Mapping[str, Any], make: Callable[[], Arrays]) -> Arrays:
        """The piece of that name, from the folder or made now.

        Args:
            name: Of the file.
            key: What else the piece depends on; one that was made with another key is made again.
            make: Makes it.
        """
        if self.folder is None:
            return make()
        about = {"fingerprint": self.fingerprint, "key": json.loads(json.dumps(key, default=str))}
        path = self.folder / f"{name}.npz"
        with contextlib.suppress(FileError), opened_arrays(path) as (key_of_file, file):
            if key_of_file == about:
                return {array: file[array] for array in file.files if array != "metadata"}
        arrays = make()
        self.folder.mkdir(parents=True, exist_ok=True)
        save_arrays(path, arrays, about)
        return arrays


def settings_key(method: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """A method's settings with the defaults of the others, since a default may be another one tomorrow."""
    return {**{setting: parameter.default for setting, parameter in settings_of(find(method)).items()}, **settings}
