"""How a report was made: everything that is needed to make it again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from saccade.encoder import Encoder
from saccade.fingerprint import encoder_fingerprint
from saccade.images import Images


def recipe(
    encoder: Encoder,
    images: Images,
    name: str,
    methods: Sequence[str] | None,
    model_source: str,
    left_out: Sequence[str],
    collection: str | None = None,
) -> dict[str, Any]:
    """Everything that is needed to make it again."""
    names = [photo.source.name if photo.source is not None else photo.name for photo in images.photos]
    # Only names: the page may be mailed, and where files lie on a disk is nobody's business.
    parts = ["saccade", "report", _name_of(model_source), *names]
    for method in methods or ():
        parts += ["--method", method]
    if collection is not None:
        parts += ["--collection", collection]
    return {
        "command": shlex.join([*parts, "--output", name]),
        "facts": [
            ["model", encoder.describe()],
            ["fingerprint of the model", encoder_fingerprint(encoder)[:16]],
            ["photos", ", ".join(images.names)],
            *([["left out", "\n".join(left_out)]] if left_out else []),
            ["made with", _versions(encoder)],
        ],
    }


def _name_of(source: str) -> str:
    """A file's name without its folders; a factory as it is."""
    return source if ":" in source and not Path(source).exists() else Path(source).name


def _versions(encoder: Encoder) -> str:
    return f"saccade {version('saccade')}, numpy {np.__version__}, {encoder.network.framework}"
