"""From a file, a folder or a factory to a network.

Nothing that lies in a file is executed unless the caller says `trust=True`. A factory `package.module:function` is the
caller's own code, named by the caller, and is called.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Literal

from saccade.errors import FileError, InputError, ModelError, SaccadeWarning
from saccade.models.archive import is_archive, open_archive
from saccade.models.backend import choose_backend, choose_backend_quietly
from saccade.models.code_beside import importable
from saccade.models.factories import model_of
from saccade.models.factory_call import is_factory, read_call
from saccade.models.input_shape import InputShape, checked_shape
from saccade.models.live_models import is_network, open_live
from saccade.models.named_models import is_named, open_named, read_name
from saccade.models.network import Network
from saccade.models.onnx.files import starts_as_onnx
from saccade.models.opened_model import Opened
from saccade.models.torch.folders import is_model_folder, open_folder
from saccade.models.torch.triton_import import triton_kept_out
from saccade.nearest_names import nearest_file

_OF_JAVASCRIPT = "model.json"
"""What TensorFlow.js and Teachable Machine call the description of a model in its folder."""
_GIVEN_BY_KERAS = re.compile(r"(functional|model|sequential)(_\d+)?")
"""Names that Keras gives to models of any kind, so that they say nothing."""


def open_model(
    source: str | Path,
    *,
    weights: str | Path | None = None,
    trust: bool = False,
    backend: str | None = None,
    device: str | None = None,
    input_shape: InputShape | None = None,
) -> Network:
    """Open a model from a file, a folder or a factory.

    Args:
        source: `.keras`, `.h5`, `.json` (with weights), `.pt2`, TorchScript, `.onnx`; a folder of TensorFlow
            (SavedModel), transformers, diffusers, timm or open_clip; `timm:NAME`, `torchvision:NAME`; or
            `package.module:factory`, with arguments where it takes some: `package.module:factory(word,size=64)`.
        weights: A file of weights for a name, a factory or a JSON architecture.
        trust: Allow what lies in the file (Lambda layers, pickled modules, custom classes, graphs that do more than
            compute) to run.
        backend: The Keras backend, if Keras is not loaded yet.
        device: Where PyTorch models are placed.
        input_shape: Height, width, channels, for models that do not say.

    Raises:
        FileError: Missing, empty or damaged.
        ModelError: Not a model, or one that must not or cannot be opened.
    """
    if not isinstance(source, (str, os.PathLike)) or not str(source).isprintable() or not str(source):
        raise InputError(f"{source!r:.80} is no model; give the path of a file, or package.module:factory.")
    with triton_kept_out():
        text = str(source)
        path = _expanded(Path(source))
        if not _exists(path) and (is_factory(text) or is_named(text)):
            choose_backend_quietly(backend)
            file = None if weights is None else _expanded(Path(weights))
            named = read_name(text) if is_named(text) else None
            opened = Opened(model_of(read_call(text))) if named is None else open_named(named, file)
            if file is not None:
                opened = _with_weights(opened, file, trust, input_shape)
            network = _placed(open_live(opened.model, input_shape=input_shape, opened=opened), device)
            return network if is_network(opened.model) else _named(network, path)
        if not _exists(path):
            raise FileError(_missing(path))
        if (path / _OF_JAVASCRIPT).is_file():
            path = path / _OF_JAVASCRIPT
        try:
            kind = _kind(path)
        except OSError as error:
            raise FileError(f"{path} cannot be read: {error.strerror or error}.") from error
        if weights is not None and kind != "json":
            raise InputError(
                f"{path.name} holds its own weights; --weights goes with timm:NAME, torchvision:NAME, "
                "package.module:factory or a .json."
            )
        if not trust:
            return _named(_from_file(path, kind, weights, False, backend, device, input_shape), path)
        with importable(path.parent) as modules:
            network = _from_file(path, kind, weights, True, backend, device, input_shape)
        if modules and hasattr(network, "notes"):
            ran = ", ".join(sorted({name.partition(".")[0] for name in modules}))
            network.notes = (*network.notes, f"code that lies beside {path.name} was run, as --trust allows: {ran}")
        return _named(network, path)


def check_source(source: str) -> None:
    """Refuse a file or folder that is not there, or is no model, before anything is loaded.

    Raises:
        FileError: Missing or empty.
        ModelError: Not a model.
    """
    path = _expanded(Path(source))
    if not _exists(path):
        if not (is_factory(source) or is_named(source)):
            raise FileError(_missing(path))
    elif not (path / _OF_JAVASCRIPT).is_file():
        try:
            _kind(path)
        except OSError as error:
            raise FileError(f"{path} cannot be read: {error.strerror or error}.") from error


def _from_file(
    path: Path,
    kind: str,
    weights: str | Path | None,
    trust: bool,
    backend: str | None,
    device: str | None,
    input_shape: InputShape | None,
) -> Network:
    """Open a model from what lies there."""
    if kind == "folder":
        opened = open_folder(path, trust=trust)
        return _placed(open_live(opened.model, input_shape=input_shape, opened=opened), device)
    if kind == "torch":
        from saccade.models.torch.files import open_torch_file

        network: Network = open_torch_file(path, trust=trust, input_shape=input_shape)
        return _placed(network, device)
    if kind == "onnx":
        from saccade.models.onnx.network import open_onnx

        return open_onnx(path, input_shape=input_shape, device=device)
    choose_backend(backend)
    if kind == "saved_model":
        return _from_saved_model(path, trust, input_shape)
    from saccade.models.keras.opening import open_architecture, open_keras_file

    if kind == "json":
        from saccade.models.legacy.tensorflow_js import carried_beside

        model = open_architecture(path, None if weights is None else Path(weights), trust=trust)
        return open_live(model, input_shape=input_shape, opened=Opened(model, carried=carried_beside(path)))
    return open_live(open_keras_file(path, trust=trust), input_shape=input_shape)


def _from_saved_model(path: Path, trust: bool, input_shape: InputShape | None) -> Network:
    from saccade.models.saved_model.function import FunctionNetwork
    from saccade.models.saved_model.opening import SavedFunction, open_saved_model

    opened = open_saved_model(path, trust=trust)
    if isinstance(opened, SavedFunction):
        return FunctionNetwork(opened, path.name, input_shape=input_shape)
    return open_live(opened, input_shape=input_shape)


def _expanded(path: Path) -> Path:
    """The path with the home folder for `~`; as it is where there is no such user."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        # A name that is too long, or holds a zero byte, names nothing.
        return False


def _kind(path: Path) -> Literal["keras", "json", "saved_model", "folder", "torch", "onnx"]:
    """What is it, by what it holds; names can lie."""
    if path.is_dir():
        if (path / "saved_model.pb").exists():
            return "saved_model"
        if is_model_folder(path):
            return "folder"
        raise ModelError(
            f"{path} is a folder, but of no model: neither of TensorFlow (saved_model.pb) or TensorFlow.js "
            "(model.json), nor of transformers, diffusers, timm or open_clip (config.json with the weights beside it); "
            "give one, or a model file."
        )
    if not path.is_file():
        raise FileError(f"{path} is no file.")
    with path.open("rb") as file:
        start = file.read(512)
    if not start:
        raise FileError(f"{path} is empty.")
    suffix = path.suffix.lower()
    if start.startswith(b"\x89HDF\r\n\x1a\n"):
        return "keras"
    if is_archive(path):
        with open_archive(path) as archive:
            # The archives of PyTorch keep everything in a folder.
            return "keras" if suffix == ".keras" or "config.json" in archive.names else "torch"
    if suffix == ".onnx" or starts_as_onnx(start):
        return "onnx"
    if suffix in (".pt", ".pth", ".pt2", ".ts", ".safetensors", ".bin", ".ckpt"):
        return "torch"
    if suffix in (".json", ".yaml", ".yml") or start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return "json"
    if suffix == ".keras":
        raise FileError(f"{path} is damaged or no Keras file: a .keras file is a zip archive, this is not.")
    if suffix in (".h5", ".hdf5"):
        raise FileError(f"{path} is damaged or no HDF5 file; it starts with {start[:8]!r}.")
    raise ModelError(
        f"{path} is no model that saccade knows; give .keras, .h5, .json with --weights, a SavedModel folder, .pt2, "
        "TorchScript .pt, .onnx, the folder of a model, timm:NAME, torchvision:NAME, or package.module:factory."
    )


def _with_weights(opened: Opened, weights: Path, trust: bool, input_shape: InputShape | None) -> Opened:
    """The model with the weights of a file."""
    if not _exists(weights):
        raise FileError(_missing(weights))
    if not weights.is_file():
        raise FileError(f"{weights} is no file.")
    keras, torch = sys.modules.get("keras"), sys.modules.get("torch")
    if keras is not None and isinstance(opened.model, keras.Model):
        from saccade.models.keras.opening import load_weights

        load_weights(opened.model, weights, None if input_shape is None else checked_shape(input_shape))
        return opened
    if torch is None or not isinstance(opened.model, torch.nn.Module):
        raise InputError(f"--weights goes with Keras models and PyTorch modules, not with {opened.model!r:.60}.")
    from saccade.models.torch.weights import load_torch_weights

    loaded = load_torch_weights(opened.model, weights, trust=trust)
    notes = (*opened.notes, *loaded.notes)
    if loaded.missing:
        warnings.warn(loaded.warning, SaccadeWarning, stacklevel=4)
        notes = (*notes, loaded.warning)
    return replace(opened, notes=notes, missing_weights=loaded.missing)


def _named(network: Network, path: Path) -> Network:
    """The network, by the name of its file where its own says nothing."""
    if path.suffix and _GIVEN_BY_KERAS.fullmatch(network.name):
        network.name = path.name
    return network


def _placed(network: Network, device: str | None) -> Network:
    """Move a module that nobody else holds; live modules stay where their owner put them."""
    if device is not None and network.framework == "torch" and hasattr(network, "to"):
        network.to(device)
    return network


def _missing(path: Path) -> str:
    names: list[str] = []
    with contextlib.suppress(OSError):
        names = [neighbour.name for neighbour in path.parent.iterdir()]
    near = nearest_file(path.name, names)
    where = "" if near is None else f"; the nearest in that folder is {near!r}"
    return f"no file {path}{where}."
