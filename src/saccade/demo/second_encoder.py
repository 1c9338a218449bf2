"""A second network for the same photos, where it is installed: EfficientNet-Lite0, which learned to name things."""

from __future__ import annotations

from saccade.encoder import Encoder, load
from saccade.errors import MissingPackage

SECOND = "saccade.pretrained:efficientnet_lite0"
"""The model, as commands take it."""
TITLE = "EfficientNet-Lite0"
FIT = "stretch"
"""The whole photo, as the autoencoder gets it, where training cut out the middle."""
MISSING = "pip install 'saccade[pretrained]'"
"""What puts it onto this page."""


def second_encoder() -> Encoder | None:
    """The encoder; None where its packages are not installed."""
    try:
        return load(SECOND, fit=FIT)
    except MissingPackage:
        return None
