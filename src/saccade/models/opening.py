"""From a live model, a file, a folder or a factory to a network.

Nothing that lies in a file is executed unless the caller says `trust=True`. A factory `package.module:function` is the
caller's own code, named by the caller, and is called.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
import traceback
import zipfile
from pathlib import Path
from typing import Any, Literal

from saccade.errors import FileError, InputError, MissingPackage, ModelError
from saccade.models.archive import open_archive
from saccade.models.input_shape import InputShape, checked_shape
from saccade.models.messages import plain_sentence
from saccade.models.network import Network

BACKENDS = ("tensorflow", "torch", "jax")
"""Keras backends in the order of speed on a CPU."""


def choose_backend(name: str | None = None) -> str:
    """Decide on which backend Keras runs, before Keras is loaded: as asked, as set, else the fastest installed."""
    if name is not None and name not in BACKENDS:
        raise InputError(f"no backend {name!r}; allowed: {', '.join(BACKENDS)}.")
    if "keras" in sys.modules:
        running = str(sys.modules["keras"].backend.backend())
        if name is not None and name != running:
            raise InputError(f"Keras already runs on {running} in this process, so {name} cannot be chosen any more.")
        return running
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    chosen = name or os.environ.get("KERAS_BACKEND")
    if chosen is None:
        chosen = next((backend for backend in BACKENDS if importlib.util.find_spec(backend)), None)
        if chosen is None:
            raise MissingPackage.of("TensorFlow, PyTorch or JAX", "tensorflow")
    os.environ["KERAS_BACKEND"] = chosen
    return chosen


def open_live(model: Any, *, input_shape: InputShape | None = None) -> Network:
    """A network from a live Keras model or PyTorch module; a network is given back as it is."""
    if input_shape is not None:
        input_shape = checked_shape(input_shape)
    keras = sys.modules.get("keras")
    if keras is not None and isinstance(model, keras.Model):
        from saccade.models.keras.network import KerasNetwork

        return KerasNetwork(model, input_shape=input_shape)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module):
        from saccade.models.torch.network import TorchNetwork

        return TorchNetwork(model, input_shape=input_shape)
    if _is_network(model):
        return model  # type: ignore[no-any-return]
    if type(model).__module__.startswith("tf_keras"):
        raise ModelError(
            "this is a live Keras 2 model (tf_keras), which Keras 3 cannot call; save it with "
            "model.save('model.keras') and open the file."
        )
    raise ModelError(
        f"a {type(model).__module__}.{type(model).__name__} is no model that saccade knows; give a Keras 3 model, a "
        "torch.nn.Module, or the path of a file."
    )


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
        source: `.keras`, `.h5`, `.json` (with weights), a SavedModel folder, `.pt2`, TorchScript, or
            `package.module:factory`.
        weights: A weights-only file for a factory or a JSON architecture.
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
    text = str(source)
    path = _expanded(Path(source))
    if _is_factory(text) and not _exists(path):
        return _from_factory(text, weights, backend, device, input_shape)
    if not _exists(path):
        raise FileError(_missing(path))
    try:
        kind = _kind(path)
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}.") from error
    if weights is not None and kind != "json":
        raise InputError(f"{path.name} holds its own weights; --weights goes with package.module:factory or a .json.")
    if kind == "torch":
        from saccade.models.torch.files import open_torch_file

        network: Network = open_torch_file(path, trust=trust, input_shape=input_shape)
        return _placed(network, device)
    choose_backend(backend)
    if kind == "saved_model":
        return _from_saved_model(path, trust, input_shape)
    from saccade.models.keras.opening import open_architecture, open_keras_file

    if kind == "json":
        model = open_architecture(path, None if weights is None else Path(weights), trust=trust)
    else:
        model = open_keras_file(path, trust=trust)
    return open_live(model, input_shape=input_shape)


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


def _kind(path: Path) -> Literal["keras", "json", "saved_model", "torch"]:
    """What is it, by what it holds; names can lie."""
    if path.is_dir():
        if (path / "saved_model.pb").exists():
            return "saved_model"
        raise ModelError(
            f"{path} is a folder, but no TensorFlow SavedModel (it holds no saved_model.pb); give a model file."
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
    if _is_archive(path):
        with open_archive(path) as archive:
            # The archives of PyTorch keep everything in a folder.
            return "keras" if suffix == ".keras" or "config.json" in archive.names else "torch"
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
        "TorchScript .pt, or package.module:factory."
    )


def _is_archive(path: Path) -> bool:
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        # It is one, of which a part is missing.
        return True


def _is_factory(text: str) -> bool:
    module, colon, function = text.partition(":")
    names = [*module.split("."), *function.split(".")]
    return bool(colon) and all(name.isidentifier() for name in names)


def _from_factory(
    text: str, weights: str | Path | None, backend: str | None, device: str | None, input_shape: InputShape | None
) -> Network:
    module_name, _, function_name = text.partition(":")
    choose_backend_quietly(backend)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    made = _imported(module_name)
    for name in function_name.split("."):
        if not hasattr(made, name):
            raise ModelError(f"module {module_name!r} has no {function_name!r} to call.")
        made = getattr(made, name)
    model = _called(made, text) if callable(made) and not _is_model(made) else made
    if not _is_model(model):
        raise ModelError(
            f"{text} gave a {type(model).__name__}; a factory must give a Keras 3 model, a torch.nn.Module, or a "
            "network of your own (saccade.models.Network)."
        )
    if weights is not None:
        _load_weights(model, Path(weights))
    return _placed(open_live(model, input_shape=input_shape), device)


def _imported(module_name: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise ModelError(
                f"no module {module_name!r} to import the factory from; it was looked for in the current folder and "
                "the installed packages."
            ) from error
        raise ModelError(f"importing {module_name!r} failed: {_own_words(error)}.") from error
    except (Exception, SystemExit) as error:  # the user's own code, which may raise anything
        raise ModelError(f"importing {module_name!r} failed: {_own_words(error)}.") from error


def _called(factory: Any, text: str) -> Any:
    """What the factory gives, called without arguments."""
    needed = _needed_arguments(factory)
    if needed:
        raise ModelError(
            f"{text} needs arguments ({', '.join(needed)}); give a factory that needs none, such as a function that "
            "calls it with the arguments that you want."
        )
    try:
        return factory()
    except (Exception, SystemExit) as error:  # the user's own code, which may raise anything
        raise ModelError(f"{text} failed: {_own_words(error)}.") from error


def _needed_arguments(factory: Any) -> list[str]:
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return []  # some functions written in C do not say
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [one.name for one in parameters if one.default is one.empty and one.kind not in variable]


def _own_words(error: BaseException) -> str:
    """What the user's code said when it failed, with the line where it did."""
    if isinstance(error, SystemExit):
        return f"it ended the program (exit {error.code})"
    if isinstance(error, SyntaxError):
        return f"{error.msg} in line {error.lineno} of {error.filename}"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {plain_sentence(error)} (line {frame.lineno} of {frame.filename})"


def choose_backend_quietly(backend: str | None) -> None:
    """Choose a Keras backend for a factory that may not need Keras at all."""
    try:
        choose_backend(backend)
    except MissingPackage:
        # A factory of torch modules needs no Keras; one of Keras models will say so itself when it imports.
        return


def _is_model(value: Any) -> bool:
    keras, torch = sys.modules.get("keras"), sys.modules.get("torch")
    return (
        (keras is not None and isinstance(value, keras.Model))
        or (torch is not None and isinstance(value, torch.nn.Module))
        or _is_network(value)
    )


def _is_network(value: Any) -> bool:
    """A user's own `Network`; a class of them is a factory."""
    return not isinstance(value, type) and hasattr(value, "run") and hasattr(value, "dataflow")


def _load_weights(model: Any, weights: Path) -> None:
    if not _exists(weights):
        raise FileError(_missing(weights))
    if not weights.is_file():
        raise FileError(f"{weights} is no file.")
    keras = sys.modules.get("keras")
    if keras is not None and isinstance(model, keras.Model):
        from saccade.models.keras.opening import load_weights

        load_weights(model, weights)
        return
    from saccade.models.torch.files import load_torch_weights

    load_torch_weights(model, weights)


def _placed(network: Network, device: str | None) -> Network:
    """Move a module that nobody else holds; live modules stay where their owner put them."""
    if device is not None and network.framework == "torch" and hasattr(network, "to"):
        network.to(device)
    return network


def _missing(path: Path) -> str:
    import difflib

    folder = path.parent
    near = difflib.get_close_matches(path.name, [p.name for p in folder.iterdir()], n=1) if folder.is_dir() else []
    where = f"; the nearest in that folder is {near[0]!r}" if near else ""
    return f"no file {path}{where}."
