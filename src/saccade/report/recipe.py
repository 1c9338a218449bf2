"""How a report was made: everything that is needed to make it again."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from saccade.encoder import Encoder
from saccade.fingerprint import encoder_fingerprint
from saccade.images import Images
from saccade.report.about_photos import AboutPhoto
from saccade.report.training_facts import training_facts


def recipe(
    encoder: Encoder,
    images: Images,
    name: str,
    methods: Sequence[str] | None,
    model_source: str,
    left_out: Sequence[str],
    *,
    options: Sequence[str] = (),
    beside: Encoder | None = None,
    about: Mapping[str, AboutPhoto] | None = None,
    collection: str | None = None,
) -> dict[str, Any]:
    """Everything that is needed to make it again.

    Args:
        encoder: The model.
        images: The photos.
        name: Of the page's file.
        methods: Names of methods, if any were named.
        model_source: How the model is named.
        left_out: What the page does not show, and why.
        options: Further words of the command.
        beside: The other model.
        about: What is known of the photos.
        collection: How the photos around them are named.
    """
    names = [photo.source.name if photo.source is not None else photo.name for photo in images.photos]
    # Only names: the page may be mailed, and must not tell where files lie on the disk.
    parts = ["saccade", "report", name_of_model(model_source), *names]
    for method in methods or ():
        parts += ["--method", method]
    if collection is not None:
        parts += ["--collection", collection]
    return {
        "command": shlex.join([*parts, *options, "--output", name]),
        "facts": [
            ["model", encoder.describe()],
            *([["beside it", beside.describe()]] if beside is not None else []),
            ["fingerprint of the model", encoder_fingerprint(encoder)[:16]],
            ["photos", _photos(images, about or {})],
            *training_facts(model_source),
            *([["left out", "\n".join(left_out)]] if left_out else []),
            ["made with", _versions(encoder)],
        ],
    }


def name_of_model(source: str) -> str:
    """A file's name without its folders; a factory as it is."""
    return source if ":" in source and not Path(source).exists() else Path(source).name


def _photos(images: Images, about: Mapping[str, AboutPhoto]) -> str:
    """Their names; with whose they are, one a line."""
    owners = {name: photo.credit for name, photo in about.items() if photo.credit}
    if not owners:
        return ", ".join(images.names)
    return "\n".join(f"{name}: {owners[name]}" if name in owners else name for name in images.names)


def _versions(encoder: Encoder) -> str:
    framework = encoder.network.framework
    # It is loaded, or the model could not have been asked; one without a version is of somebody's own.
    of_framework = getattr(sys.modules.get(framework), "__version__", "")
    return f"saccade {version('saccade')}, numpy {np.__version__}, {framework} {of_framework}".rstrip()
