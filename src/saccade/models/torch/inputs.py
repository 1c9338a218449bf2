"""Does a torch module take one image? Where it does not, which part of it does is said."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from saccade.errors import ModelError

_IMAGES = ("pixel_values", "image", "images", "img", "imgs")
_TEXTS = ("input_ids", "text", "texts", "tokens", "token_ids", "input_text")
_OF_TOKENS = ("inputs_embeds", "hidden_states", "hidden_state", "embeddings", "encoder_hidden_states")
_ENCODERS = (
    "visual", "vision_model", "vision_tower", "vision_encoder", "image_encoder", "image_tower", "img_encoder",
    "online_encoder", "encoder_q", "base_encoder", "encoder", "backbone", "student", "teacher", "trunk", "body", "net",
)  # fmt: skip
"""What the part of a larger model is called that encodes images, the clearest first."""
_FLAT = ((28, 28, 1), (32, 32, 3), (64, 64, 1), (64, 64, 3), (32, 32, 1), (8, 8, 1), (16, 16, 1), (28, 28, 3))


def check_takes_one_image(module: Any, name: str) -> None:
    """Refuse what cannot be called with one image, before it is tried.

    Args:
        module: The module.
        name: What it is called in messages.

    Raises:
        ModelError: It takes several inputs, or its image by name, or in a dictionary, or it cannot be called at all;
            the message says which part of it to give instead, or how to wrap it.
    """
    import torch

    forward = type(module).forward
    if forward is torch.nn.Module.forward:
        raise ModelError(f"{name!r} has no forward(), so it cannot be called; {_instead(module)}")
    try:
        parameters = list(inspect.signature(module.forward).parameters.values())
    except (TypeError, ValueError):
        return  # some compiled functions do not say
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [
        parameter for parameter in parameters if parameter.default is parameter.empty and parameter.kind not in variable
    ]
    by_name = [parameter.name for parameter in needed if parameter.kind is parameter.KEYWORD_ONLY]
    takes_any = any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters)
    if by_name and len(needed) == 1:
        raise ModelError(
            f"{name!r} takes its image only by name ({by_name[0]}=); wrap it in a module whose forward(self, image) "
            f"gives self.model({by_name[0]}=image)."
        )
    if len(needed) > 1:
        listed = ", ".join(parameter.name for parameter in needed)
        raise ModelError(
            f"{name!r} takes {len(needed)} inputs ({listed}); saccade explains models that take one image: "
            f"{_instead(module)}"
        )
    names = [parameter.name for parameter in parameters]
    if not takes_any and names and names[0] in _TEXTS and any(image in names for image in _IMAGES):
        raise ModelError(f"the first input of {name!r} is {names[0]}, which is no image; {_instead(module)}")
    if needed and _is_mapping(needed[0].annotation):
        raise ModelError(
            f"{name!r} takes a dictionary ({needed[0].name}); wrap it in a module whose forward(self, image) puts the "
            f"image into one, or {_instead(module)}"
        )


def hint_of_other_input(module: Any, image: Any | None) -> str | None:
    """What to do with a module that reads no images (N, C, H, W), but names or rows of numbers; None where it does.

    Args:
        module: It is called once more,
        image: with this; None: it is not called, as where it comes from a file without trust.
    """
    names = [] if image is None else _names_read(module, image)
    if names:
        return f"it reads {names[0]!r} of its input, so it takes a dictionary; {_instead(module).rstrip('.')}"
    return _hint_of_flat_images(module)


def _names_read(module: Any, image: Any) -> list[str]:
    """Which entries of the image does the module ask for by name, as if it were a dictionary?"""
    import torch
    from torch.overrides import TorchFunctionMode

    names: list[str] = []

    class Reads(TorchFunctionMode):  # type: ignore[misc]
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if function is torch.Tensor.__getitem__ and isinstance(args[1], str):
                names.append(args[1])
                raise KeyError(args[1])
            return function(*args, **(kwargs or {}))

    with suppress(Exception, SystemExit), torch.no_grad(), Reads():  # the module has failed before
        module(image)
    return names


def _hint_of_flat_images(module: Any) -> str | None:
    """What to do with a module that reads images as rows of numbers; None where it does not."""
    import torch

    first = next((part for part in module.modules() if any(w.dim() >= 2 for w in part.parameters(recurse=False))), None)
    if not isinstance(first, torch.nn.Linear):
        return None
    shape = next((shape for shape in _FLAT if shape[0] * shape[1] * shape[2] == first.in_features), None)
    shown = "(height, width, channels)" if shape is None else str(shape)
    return (
        f"it reads images as rows of {first.in_features:,} numbers; give torch.nn.Sequential(torch.nn.Flatten(), "
        f"model) and input_shape={shown}"
    )


def _instead(module: Any) -> str:
    parts = list(_encoders(module))
    if not parts:
        return "wrap it in a module of one input."
    alternatives = f" (or {', '.join(f'model.{part}' for part in parts[1:3])})" if parts[1:] else ""
    return f"give the part that encodes images: model.{parts[0]}{alternatives}."


def _encoders(module: Any) -> Iterator[str]:
    """The parts that are called as encoders are, then those that begin with a convolution."""
    import torch

    children = {name: child for name, child in module.named_children() if _may_take_images(child)}
    yield from (name for name in _ENCODERS if name in children)
    for name, child in children.items():
        if name not in _ENCODERS and any(isinstance(part, torch.nn.Conv2d) for part in child.modules()):
            yield name


def _may_take_images(module: Any) -> bool:
    """Not where it needs several inputs, or tokens by their name: then it is the part behind a patch embedding."""
    try:
        parameters = list(inspect.signature(module.forward).parameters.values())
    except (TypeError, ValueError):
        return True  # some compiled functions do not say
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [
        parameter.name
        for parameter in parameters
        if parameter.default is parameter.empty and parameter.kind not in variable
    ]
    return len(needed) < 2 and not (parameters and parameters[0].name in (*_TEXTS, *_OF_TOKENS))


def _is_mapping(annotation: Any) -> bool:
    origin = getattr(annotation, "__origin__", annotation)
    if isinstance(origin, str):
        return origin.partition("[")[0].rpartition(".")[2] in ("dict", "Dict", "Mapping")
    return isinstance(origin, type) and issubclass(origin, Mapping)
