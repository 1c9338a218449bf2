"""The examples run as they stand and leave the pictures they promise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.mark.parametrize(
    ("name", "pictures"),
    [
        ("keras_autoencoder.py", ["chelsea.png", "why-alike.png"]),
        ("torch_autoencoder.py", ["chelsea.png"]),
        ("visual_search.py", ["why-alike.png"]),
    ],
)
def test_example(name: str, pictures: list[str], tmp_path: Path) -> None:
    lines = (EXAMPLES / name).read_text().splitlines()
    assert len(lines) < 40
    arguments = [] if name == "visual_search.py" else ["1"]  # the others train: for one epoch only
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=500,
        env={**os.environ, "KERAS_BACKEND": "tensorflow"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for picture in pictures:
        with Image.open(tmp_path / picture) as image:
            image.load()
            assert min(image.size) > 500


def test_every_example_is_tested() -> None:
    names = {"keras_autoencoder.py", "torch_autoencoder.py", "visual_search.py"}
    assert {path.name for path in EXAMPLES.glob("*.py")} == names
