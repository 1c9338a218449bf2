"""What an evaluation on disk says of each method."""

from __future__ import annotations

from pathlib import Path

from saccade.cli.json_file import json_content
from saccade.errors import FileError


def verdicts_of(path: Path) -> tuple[dict[str, str], tuple[str, str]]:
    """The verdict on each method in words, the best method first; and the model and layer that it is about.

    Args:
        path: The folder that `saccade evaluate` wrote, or the `evaluation.json` in it.

    Raises:
        FileError: There is none, or it is damaged.
    """
    from saccade.results.method_score import GRADES

    try:
        evaluation = json_content(path / "evaluation.json" if path.is_dir() else path)
        verdicts = {str(entry["method"]): GRADES[entry["grade"]] for entry in evaluation["methods"]}
        return verdicts, (str(evaluation["model"]), str(evaluation["layer"]))
    except FileError as error:
        raise FileError(f"{error} Give the output folder of `saccade evaluate`.") from error
    except (KeyError, TypeError) as error:
        raise FileError(
            f"{path} is damaged, or was not written by `saccade evaluate`; give its output folder."
        ) from error
