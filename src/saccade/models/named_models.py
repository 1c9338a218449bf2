"""`timm:NAME` and `torchvision:NAME`: encoders of these libraries by name, without their classifiers, never downloaded.

A name may carry a tag that says which published weights are meant (`resnet50.a1_in1k`, `resnet50.IMAGENET1K_V2`), and
arguments in brackets. Which weights a file holds is also told by its name, where it is that of a published file.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from saccade.errors import InputError, MissingPackage, SaccadeWarning, UnknownName
from saccade.images.normalisation import NAMED
from saccade.models.carried import Carried, from_torchvision
from saccade.models.factories import call_factory, imported
from saccade.models.factory_call import FactoryCall, read_arguments
from saccade.models.opened_model import Opened
from saccade.nearest_names import nearest

_NAMED = re.compile(r"(timm|torchvision):([A-Za-z0-9_]+)(?:\.([A-Za-z0-9_]+))?\s*(\(.*)?", re.DOTALL)
_OF_TENSORFLOW = ("googlenet", "inception_v3")
"""Their weights come from TensorFlow and want -1..1, which torchvision makes of its own normalisation in the model."""
_CLASSES = 1000


@dataclass(frozen=True)
class NamedModel:
    """What the text of a model of a library says.

    Attributes:
        library: `"timm"` or `"torchvision"`.
        name: The model's name there.
        tag: Which published weights are meant, or None.
        call: How it is made, with the arguments that were given.
    """

    library: str
    name: str
    tag: str | None
    call: FactoryCall


def is_named(text: str) -> bool:
    """Does this look like a model of a library, or a function of it?"""
    return _NAMED.fullmatch(text) is not None


def read_name(text: str) -> NamedModel | None:
    """Which model of a library does this text name? None where it is something else, as a function of that library.

    Raises:
        MissingPackage: The library is not installed.
        InputError: Its arguments cannot be read.
    """
    match = _NAMED.fullmatch(text)
    if match is None:
        return None
    library, name, tag, bracket = match.groups()
    if hasattr(_library(library), name):
        return None
    arguments, settings = read_arguments(text, match.start(4)) if bracket else ((), {})
    return NamedModel(library, name, tag, FactoryCall(library, name, arguments, settings, is_call=bool(bracket)))


def open_named(model: NamedModel, weights: Path | None) -> Opened:
    """Make a model of a library, with random weights and no classifier, unless its number of classes was given.

    Args:
        model: Which one.
        weights: The file from which its weights will be taken, whose name may say which weights they are.

    Raises:
        ModelError: It cannot be made.
        InputError: It takes no such arguments.
        UnknownName: The library has no such model, or no such weights of it.
    """
    opened = (_from_timm if model.library == "timm" else _from_torchvision)(model, weights)
    if weights is not None:
        return opened
    note = (
        f"the weights of {model.library}:{model.name} are random, since nothing is downloaded and no --weights FILE "
        "(weights=) was given: the maps mean nothing"
    )
    warnings.warn(note, SaccadeWarning, stacklevel=4)
    return Opened(opened.model, opened.name, opened.carried, (*opened.notes, note))


def _from_timm(model: NamedModel, weights: Path | None) -> Opened:
    timm = _library("timm")
    if not timm.is_model(model.name):
        raise _unknown(model, timm.list_models(), timm)
    _check_arguments(model)
    tag = model.tag
    published = dict(timm.models.get_arch_pretrained_cfgs(model.name))
    tags = {name.partition(".")[2]: config for name, config in published.items() if "." in name}
    if tag is not None and tag not in tags:
        raise UnknownName.of(f"weights of timm's {model.name} called", tag, tags)
    if tag is None and weights is not None:
        tag = next((each for each, config in tags.items() if weights.name in _file_names(config)), None)
    name = model.name if tag is None else f"{model.name}.{tag}"
    settings = {"num_classes": 0, **model.call.settings}
    module = _quietly(timm.create_model, FactoryCall("timm", model.name, (name,), settings, is_call=True))
    return Opened(module, name)


def _file_names(config: Any) -> list[str]:
    """What the published file of weights is called."""
    places = (getattr(config, "url", None), getattr(config, "hf_hub_filename", None))
    return [str(place).rpartition("/")[2] for place in places if place]


def _from_torchvision(model: NamedModel, weights: Path | None) -> Opened:
    models = _library("torchvision").models
    names = models.list_models(module=models)
    if model.name not in names:
        raise _unknown(model, names, models)
    _check_arguments(model)
    published = list(models.get_model_weights(model.name))
    tags = [each.name for each in published]
    if model.tag is not None and model.tag not in tags:
        raise UnknownName.of(f"weights of torchvision's {model.name} called", model.tag, tags)
    settings = {"weights": None, **model.call.settings}
    module = _quietly(models.get_model, FactoryCall("torchvision", model.name, (model.name,), settings, is_call=True))
    if "num_classes" not in settings:
        _leave_classifier_out(module)
    name = model.name if model.tag is None else f"{model.name}.{model.tag}"
    return Opened(module, name, _carried(model, weights, published, models.get_model_weights(model.name).DEFAULT))


def _carried(model: NamedModel, weights: Path | None, published: Sequence[Any], default: Any) -> Carried:
    """What the weights that are meant were trained on: those of the tag, of the file's name, or the best of all."""
    file_name = None if weights is None else weights.name
    meant = [each for each in published if each.name == model.tag or each.url.rpartition("/")[2] == file_name]
    published_weights = meant[0] if meant else default
    others = "" if meant or len(published) == 1 else f"; name others as torchvision:{model.name}.TAG"
    carried = from_torchvision(
        vars(published_weights.transforms()), f"torchvision's weights {published_weights.name} were trained so{others}"
    )
    return replace(carried, normalisation=NAMED["half"]) if model.name in _OF_TENSORFLOW else carried


def _leave_classifier_out(module: Any) -> None:
    """Hand on what the last layer of as many outputs as there are classes would read."""
    import torch

    last = None
    for name, part in module.named_modules():
        if _CLASSES in (getattr(part, "out_features", None), getattr(part, "out_channels", None)):
            last = name
    if last is None:
        return
    owner, _, attribute = last.rpartition(".")
    setattr(module.get_submodule(owner), attribute, torch.nn.Identity())


def _quietly(factory: Any, call: FactoryCall) -> Any:
    """What the library makes, without what it has to say about it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call_factory(factory, call)


def _library(name: str) -> Any:
    try:
        return imported(name)
    except InputError as error:
        if isinstance(error.__cause__, ModuleNotFoundError) and error.__cause__.name == name:
            raise MissingPackage(f"{name} is not installed; install it with: pip install {name}") from error
        raise


def _check_arguments(model: NamedModel) -> None:
    name, call = model.call.name, model.call
    if call.arguments:
        raise InputError(f"{name} takes arguments by name only, such as {name}(num_classes=10).")
    refused = next((each for each in ("pretrained", "weights") if each in call.settings), None)
    if refused is not None:
        raise InputError(f"{name} takes no {refused}=, since nothing is downloaded; give --weights FILE.")


def _unknown(model: NamedModel, names: Iterable[str], library: Any) -> UnknownName:
    defined = [name for name, value in vars(library).items() if callable(value) and not isinstance(value, type)]
    functions = [name for name in defined if not name.startswith("_")]
    near = nearest(model.name, [*names, *functions], 3)
    which = f"; the nearest are {', '.join(map(repr, near))}" if near else ""
    return UnknownName(f"{model.library} has no model {model.name!r}{which}.")
