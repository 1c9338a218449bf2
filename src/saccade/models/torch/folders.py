"""Folders in which libraries keep a model: its settings as JSON, its weights beside them.

config.json of transformers            with model.safetensors, whole or in shards
config.json of diffusers               an autoencoder; also the `vae` in the folder of a pipeline
config.json of timm                    as its models lie on Hugging Face
open_clip_config.json                  the image tower of a CLIP

Nothing is fetched from anywhere, and no code in the folder runs without trust.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from saccade.errors import FileError, MissingPackage, ModelError
from saccade.models.carried import Carried, folder_settings, from_open_clip, from_timm
from saccade.models.factories import call_factory
from saccade.models.factory_call import FactoryCall
from saccade.models.messages import plain_sentence
from saccade.models.opened_model import Opened
from saccade.models.torch.offline import offline, parts_of, refuse_elsewhere
from saccade.models.torch.weight_files import check_sizes
from saccade.models.torch.weights import load_torch_weights, several_names

_CONFIG, _OPEN_CLIP, _PIPELINE = "config.json", "open_clip_config.json", "model_index.json"
_CODERS = ("vae", "vqvae", "vqgan", "movq")
"""Where pipelines keep their autoencoder."""
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
_OPEN_CLIP_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_FETCHING = ("attn_implementation", "_attn_implementation", "_attn_implementation_internal", "experts_implementation")
"""Settings that may name a repository, from which transformers would fetch code."""
_NO_IMAGES = ("input_ids", "input_features", "input_values", "inputs_embeds")
_LIBRARIES = ("transformers", "diffusers")


def is_model_folder(path: Path) -> bool:
    """Does a folder hold the settings of a model?"""
    return any((path / name).is_file() for name in (_CONFIG, _OPEN_CLIP, _PIPELINE))


def open_folder(path: Path, *, trust: bool = False) -> Opened:
    """Open a model from a folder, for which `is_model_folder` holds.

    Args:
        path: The folder.
        trust: Allow code that lies in it to run.

    Raises:
        FileError: Something in it is missing or damaged.
        ModelError: It is no encoder of images, or must not or cannot be opened.
        MissingPackage: The library that wrote it is not installed.
    """
    if (path / _PIPELINE).is_file():
        coder = next((path / name for name in _CODERS if (path / name / _CONFIG).is_file()), None)
        if coder is None:
            raise ModelError(
                f"{path} is a pipeline of diffusers without an autoencoder ({', '.join(_CODERS)}); give the folder of "
                "the part that takes an image."
            )
        return replace(open_folder(coder, trust=trust), name=f"{path.name} {coder.name}")
    if (path / _OPEN_CLIP).is_file():
        settings = folder_settings(path / _OPEN_CLIP)
        refuse_elsewhere(path, settings)
        return _from_open_clip(path, settings)
    settings = folder_settings(path / _CONFIG)
    refuse_elsewhere(path, settings)
    if "_class_name" in settings:
        return _from_diffusers(path, settings)
    if "model_type" in settings or "auto_map" in settings:
        return _from_transformers(path, settings, trust)
    if isinstance(settings.get("architecture"), str):
        return _from_timm(path, settings)
    raise ModelError(
        f"{path / _CONFIG} names neither a model_type (transformers), nor a _class_name (diffusers), nor an "
        "architecture (timm); give package.module:factory with --weights."
    )


# transformers


def _from_transformers(path: Path, settings: Mapping[str, Any], trust: bool) -> Opened:
    transformers = _library("transformers")
    kind = settings.get("model_type")
    is_known = isinstance(kind, str) and kind in transformers.models.auto.configuration_auto.CONFIG_MAPPING
    if not is_known and "auto_map" not in settings:
        raise _unknown(path, kind, transformers)
    if not is_known and not trust:
        raise ModelError(
            f"{path} brings the code of its model with it, which would run; if you trust where the folder comes from, "
            "say --trust (trust=True)."
        )
    _check_settings(path, settings)
    is_safe = _weights_beside(path).suffix != ".bin"
    own = {"local_files_only": True, "trust_remote_code": trust and not is_known}
    with _one_line(path), _quietly():
        config = _without_fetched_backbones(transformers.AutoConfig.from_pretrained(path, **own))
        architecture = _architecture(transformers, config)
        if "VisionModel" in architecture.__name__ and getattr(config, "vision_config", None) is not None:
            config = _tower_config(config)
        own |= {"config": config, "use_safetensors": is_safe, "output_loading_info": True}
        module, loading = architecture.from_pretrained(path, **own)
        if _lacks_only_the_pooler(module, loading["missing_keys"]):
            module, loading = architecture.from_pretrained(path, add_pooling_layer=False, **own)
    name = type(module).__name__
    if module.main_input_name in _NO_IMAGES and not hasattr(config, "vision_config"):
        raise ModelError(f"{path} holds a {name}, which takes {module.main_input_name}: no image.")
    left_out, missing = sorted(loading["unexpected_keys"]), sorted(loading["missing_keys"])
    notes = []
    if left_out:
        notes.append(f"left out, since a {name} has no place for it: {several_names(left_out)}")
    if missing:
        notes.append(f"its file lacks weights of the {name}, which stay random: {several_names(missing)}")
    return Opened(module.eval(), path.name, None, tuple(notes), tuple(missing))


def _without_fetched_backbones(config: Any) -> Any:
    """The same settings, where the weights of a model inside the model come from the folder, too."""
    waiting = [config]
    while waiting:
        part = waiting.pop()
        waiting += [inner for inner in vars(part).values() if hasattr(inner, "model_type")]
        if getattr(part, "use_pretrained_backbone", False):
            part.use_pretrained_backbone = False
    return config


def _lacks_only_the_pooler(module: Any, missing: Any) -> bool:
    """Is all that is missing the pooler, which some classes put on top whether it was trained or not?"""
    takes = inspect.signature(type(module).__init__).parameters
    return "add_pooling_layer" in takes and bool(missing) and all(name.startswith("pooler.") for name in missing)


def _architecture(transformers: Any, config: Any) -> Any:
    """The class to open a folder with: that of the image tower, where there is one beside a text tower."""
    own = next(iter(getattr(config, "architectures", None) or ()), "")
    if own.endswith("VisionModelWithProjection") and hasattr(transformers, own):
        return getattr(transformers, own)
    mapping = transformers.AutoModel._model_mapping
    if getattr(config, "vision_config", None) is None or type(config) not in mapping:
        return transformers.AutoModel
    stem = mapping[type(config)].__name__.removesuffix("Model")
    names = (f"{stem}VisionModelWithProjection", f"{stem}VisionModel")
    tower = next((getattr(transformers, name) for name in names if hasattr(transformers, name)), None)
    return transformers.AutoModel if tower is None else tower


def _tower_config(config: Any) -> Any:
    """The settings of the image tower; that of what both towers are projected to stands outside it."""
    tower = config.vision_config
    if getattr(config, "projection_dim", None) is not None:
        tower.projection_dim = config.projection_dim
    return tower


def _check_settings(path: Path, settings: Mapping[str, Any]) -> None:
    """Refuse what would make transformers fetch something, or compute with numbers that have no gradients."""
    for part in parts_of(settings):
        fetched = next((part[key] for key in _FETCHING if "/" in str(part.get(key, ""))), None)
        if fetched is not None:
            raise ModelError(f"{path} wants to compute with {fetched!r:.80}, which would be fetched; remove it there.")
        if part.get("quantization_config") is not None:
            raise ModelError(f"{path} holds quantised weights; give the folder of the model before it was quantised.")
    if (path / "adapter_config.json").is_file():
        raise ModelError(f"{path} holds an adapter, which needs another model; merge the two, and save the whole.")


def _weights_beside(path: Path) -> Path:
    """The file of weights that lies in a folder; one that holds pickles is looked through first."""
    weights = next((path / name for name in _WEIGHTS if (path / name).is_file()), None)
    if weights is None:
        raise FileError(f"{path} holds no weights ({', '.join(_WEIGHTS)}).")
    if weights.suffix == ".bin":
        check_sizes(weights)
    return weights


# diffusers


def _from_diffusers(path: Path, settings: Mapping[str, Any]) -> Opened:
    diffusers = _library("diffusers")
    name = settings["_class_name"]
    if not isinstance(name, str) or not _is_autoencoder(diffusers, name):
        raise ModelError(
            f"{path} holds a {name!r:.60}, which diffusers {diffusers.__version__} does not know as an autoencoder of "
            "images; give the folder of the vae."
        )
    stem = "diffusion_pytorch_model"
    files = [path / f"{stem}{end}" for end in (".safetensors", ".safetensors.index.json", ".bin")]
    weights = next((file for file in files if file.is_file()), None)
    if weights is None:
        raise FileError(f"{path} holds no weights ({', '.join(file.name for file in files)}).")
    if weights.suffix == ".bin":
        check_sizes(weights)
    with _one_line(path), _quietly():
        module, loading = getattr(diffusers, name).from_pretrained(
            path,
            local_files_only=True,
            use_safetensors=weights.suffix != ".bin",
            low_cpu_mem_usage=False,
            output_loading_info=True,
        )
    missing = sorted(loading["missing_keys"])
    notes = (f"its file lacks weights, which stay random: {several_names(missing)}",) if missing else ()
    return Opened(module.eval(), path.name, None, notes, tuple(missing))


def _is_autoencoder(diffusers: Any, name: str) -> bool:
    if not any(word in name for word in ("Autoencoder", "VQModel", "VAE")):
        return False
    kind = getattr(diffusers, name, None)
    return isinstance(kind, type) and issubclass(kind, diffusers.ModelMixin)


# timm and open_clip


def _from_timm(path: Path, settings: Mapping[str, Any]) -> Opened:
    timm = _library("timm")
    name = settings["architecture"]
    if not timm.is_model(name):
        raise _unknown(path, name, timm)
    more = settings.get("model_args")
    arguments = {**(more if isinstance(more, Mapping) else {}), "num_classes": 0, "pretrained": False}
    with _one_line(path), _quietly():
        module = call_factory(timm.create_model, FactoryCall("timm", "create_model", (name,), arguments, is_call=True))
    published = settings.get("pretrained_cfg")
    config = published if isinstance(published, Mapping) else settings
    carried = from_timm(config, f"{_CONFIG} in the folder") if "mean" in config else None
    return _filled(Opened(module.eval(), path.name, carried), _weights_beside(path))


def _from_open_clip(path: Path, settings: Mapping[str, Any]) -> Opened:
    _library("open_clip")
    towers = importlib.import_module("open_clip.model")
    model = settings.get("model_cfg", {})
    tower = dict(model.get("vision_cfg", {}))
    if tower.get("timm_model_name"):
        tower["timm_model_pretrained"] = False
    with _one_line(path), _quietly():
        module = towers._build_vision_tower(model["embed_dim"], tower, bool(model.get("quick_gelu", False)))
    preprocessing = settings.get("preprocess_cfg")
    carried: Carried | None = None
    if isinstance(preprocessing, Mapping) and "mean" in preprocessing:
        size = {"size": tower.get("image_size"), **preprocessing}
        carried = from_open_clip(size, f"{_OPEN_CLIP} in the folder")
    weights = next((path / name for name in _OPEN_CLIP_WEIGHTS if (path / name).is_file()), None)
    if weights is None:
        raise FileError(f"{path} holds no weights ({', '.join(_OPEN_CLIP_WEIGHTS)}).")
    return _filled(Opened(module.eval(), path.name, carried), weights)


def _filled(opened: Opened, weights: Path) -> Opened:
    loaded = load_torch_weights(opened.model, weights)
    notes = (*loaded.notes, loaded.warning) if loaded.warning else loaded.notes
    return Opened(opened.model, opened.name, opened.carried, notes, loaded.missing)


# Libraries


def _unknown(path: Path, kind: Any, library: Any) -> ModelError:
    return ModelError(
        f"{path} holds a {kind!r:.60}, which {library.__name__} {library.__version__} does not know; a newer one may."
    )


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise ModelError(f"importing {name!r} failed: {plain_sentence(error)}.") from error
        raise MissingPackage(f"{name} is not installed; install it with: pip install {name}") from error
    except Exception as error:  # a library that does not fit the others may raise anything
        raise ModelError(f"importing {name!r} failed: {plain_sentence(error)}.") from error


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    """Say in one line what a library says in many, and let it fetch nothing."""
    try:
        with offline(path):
            yield
    except (FileError, ModelError, MissingPackage):
        raise
    except (
        TypeError,
        AttributeError,
        LookupError,
        AssertionError,
    ) as error:  # which speak of Python and not of settings
        raise ModelError(
            f"{path} cannot be opened: its settings are damaged, or of another version of the library."
        ) from error
    except Exception as error:  # settings can be anything, and anything may go wrong with them
        raise ModelError(f"{path} cannot be opened: {plain_sentence(error)}.") from error


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep the progress bars and reports of the libraries that are loaded off the screen."""
    states = []
    for library in _LIBRARIES:
        if library not in sys.modules:
            continue
        logs = importlib.import_module(f"{library}.utils.logging")
        states.append((logs, logs.is_progress_bar_enabled(), logs.get_verbosity()))
        logs.disable_progress_bar()
        logs.set_verbosity(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logs, has_bar, verbosity in states:
            logs.set_verbosity(verbosity)
            if has_bar:
                logs.enable_progress_bar()
