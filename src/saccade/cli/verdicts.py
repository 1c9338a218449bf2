"""What an evaluation on disk says of each method."""

from __future__ import annotations

import json
from pathlib import Path

from saccade.errors import FileError

_BYTES = 64 * 2**20


def verdicts_of(path: Path) -> tuple[dict[str, str], tuple[str, str]]:
    """The verdict on each method in words, the best method first; and the model and layer that it is about.

    Args:
        path: The folder that `saccade evaluate` wrote, or the `evaluation.json` in it.

    Raises:
        FileError: There is none, or it is damaged.
    """
    from saccade.results.method_score import GRADES

    file = path / "evaluation.json" if path.is_dir() else path
    try:
        if file.stat().st_size > _BYTES:
            raise FileError(f"{file} was not written by `saccade evaluate`: it is too large.")
        content = json.loads(file.read_text(encoding="utf-8"))
        verdicts = {str(entry["method"]): GRADES[entry["grade"]] for entry in content["methods"]}
        return verdicts, (str(content["model"]), str(content["layer"]))
    except OSError as error:
        raise FileError(f"{file} cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FileError(
            f"{file} is damaged, or was not written by `saccade evaluate`; give its output folder."
        ) from error
