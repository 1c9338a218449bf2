"""A second network for the same photos, where it is installed: EfficientNet-Lite0, which learned to name things."""

from __future__ import annotations

from saccade.encoder import Encoder
from saccade.errors import MissingPackage
from saccade.loading import load

SECOND = "saccade.pretrained:efficientnet_lite0"
"""The model, as commands take it."""
FIT = "stretch"
"""The whole photo, as the autoencoder gets it, where training cut out the middle."""
LEAD = (
    "The first network only ever learned to paint photos back. This one, EfficientNet-Lite0, learned to tell a "
    "thousand kinds of things apart. Both get the same photos and the same question."
)
MISSING = (
    "a second network beside the first, EfficientNet-Lite0, which learned to name things: pip install "
    "'saccade[pretrained]', then `saccade demo` again"
)
"""What puts it onto the page."""


def second_encoder() -> Encoder | None:
    """The encoder; None where its packages are not installed."""
    try:
        return load(SECOND, fit=FIT)
    except MissingPackage:
        return None
