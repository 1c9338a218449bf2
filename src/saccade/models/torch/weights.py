"""Putting the weights of a file into a live torch module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from saccade.errors import ModelError
from saccade.models.torch.weight_files import Weights, weights_in

_PREFIXES = ("module.", "model.", "_orig_mod.", "net.", "network.")
"""What wrappers put before every name."""


def load_torch_weights(module: Any, path: Path) -> None:
    """Fill a module with the weights of a safetensors file or a weights-only `.pt`.

    Wrappers' prefixes (`module.`, `model.`) and nesting under `state_dict` are undone. On failure the module keeps the
    weights it had.

    Raises:
        FileError: Missing, empty or damaged.
        ModelError: The file holds something else, or weights of another model.
    """
    import torch

    weights = weights_in(path)
    expected = dict(module.state_dict())
    named = min(_renamed(weights), key=lambda weights: len(_mismatch(weights, expected)))
    wrong = _mismatch(named, expected)
    if wrong:
        more = f", and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ModelError(
            f"the weights in {path.name} do not fit {type(module).__name__}: {', '.join(wrong[:3])}{more}. Give the "
            "factory that made the model these weights were saved from."
        )
    before = {name: tensor.clone() for name, tensor in expected.items() if hasattr(tensor, "clone")}
    try:
        module.load_state_dict({**expected, **named})
    except RuntimeError as error:
        with torch.no_grad():
            for name, values in before.items():
                expected[name].copy_(values)
        raise ModelError(
            f"the weights in {path.name} do not fit {type(module).__name__}: {' '.join(str(error).split())}"
        ) from error


def _renamed(weights: Weights) -> Iterator[Weights]:
    """The weights under the names they may have had before wrappers changed them."""
    yield weights
    while prefix := next((each for each in _PREFIXES if any(name.startswith(each) for name in weights)), None):
        # Beside the model a checkpoint may hold what only its training needed.
        weights = {name.removeprefix(prefix): each for name, each in weights.items() if name.startswith(prefix)}
        yield weights


def _mismatch(weights: Weights, expected: Mapping[str, Any]) -> list[str]:
    missing = [
        f"{name!r} is missing" for name in expected if name not in weights and not name.endswith("num_batches_tracked")
    ]
    foreign = [f"{name!r} is not in the model" for name in weights if name not in expected]
    shaped = [
        f"{name!r} has shape {tuple(each.shape)}, the model needs {tuple(expected[name].shape)}"
        for name, each in weights.items()
        if name in expected and hasattr(expected[name], "shape") and each.shape != expected[name].shape
    ]
    return [*missing, *foreign, *shaped]
