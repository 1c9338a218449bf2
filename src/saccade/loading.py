"""From a model file to an encoder, with what is known of the model from the file beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from saccade.arguments import refuse_unknown
from saccade.encoder import Encoder
from saccade.engines.terms import as_grid
from saccade.models import open_model
from saccade.reference import Reference, reference_path


def load(
    source: str | Path,
    *,
    weights: str | Path | None = None,
    trust: bool = False,
    backend: str | None = None,
    device: str | None = None,
    input_shape: tuple[int | None, int | None, int] | None = None,
    **settings: Any,
) -> Encoder:
    """Open a model file and make it an encoder.

    Args:
        source: A `.keras` file (Keras 3 or 2), an `.h5` (Keras 1 or 2), a `.json` with `weights`, a `.pt2`, TorchScript
            or `.onnx` file; a folder of TensorFlow (SavedModel), transformers, diffusers, timm or open_clip;
            `timm:NAME` or `torchvision:NAME`; or `package.module:factory`, with arguments where it takes some.
        weights: A file of weights, for a name, a factory or a `.json`.
        trust: Allow code that lies in the file to run.
        backend: The Keras backend (`"tensorflow"`, `"jax"`, `"torch"`), if Keras is not loaded yet.
        device: Where to compute.
        input_shape: Height, width, channels, for a model that does not say.
        **settings: Everything else that `Encoder` takes.

    Raises:
        FileError: Missing, empty or damaged.
        ModelError: Not a model, or one that may not or cannot be opened.
        UnknownName: No such setting.

    Example:
        >>> encoder = saccade.load("autoencoder.keras")
    """
    refuse_unknown(Encoder, settings)
    network = open_model(source, weights=weights, trust=trust, backend=backend, device=device, input_shape=input_shape)
    encoder = Encoder(network, device=device, **settings)
    path = Path(source)
    encoder.file_name = path.name if path.exists() else ""
    reference = reference_path(path) if path.suffix else None
    if reference is not None and encoder.reference is None and reference.is_file():
        encoder.reference = _fitting(encoder, reference)
    return encoder


def _fitting(encoder: Encoder, path: Path) -> Reference | None:
    """The reference beside a model, if it is about this layer."""
    reference = Reference.load(path)
    shape = as_grid(tuple(side or 0 for side in encoder.layers[encoder.layer].shape))
    return reference if reference.mean_code.shape == shape else None
