"""Putting the weights of a file into a live torch module."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from saccade.errors import ModelError
from saccade.models.torch.weight_files import Checkpoint, Weights, checkpoint_in
from saccade.typing import Tensor

_AVERAGED = re.compile(r"ema|teacher|averaged", re.IGNORECASE)
"""The mean over the steps of training, which is what is used afterwards."""
_FOLLOWING = re.compile(r"student|momentum|encoder_k|target_", re.IGNORECASE)
"""What only served the training of the other."""
_PROBES = 8
"""Of how many of the module's names the beginnings in the file are looked for."""


@dataclass(frozen=True)
class Loaded:
    """What was put into a module.

    Attributes:
        notes: What was taken and what was left out, in sentences; empty where the file fits as it is.
        missing: Names of the module that the file does not have, and that therefore stayed as they were.
        warning: The sentence that says so; empty where nothing is missing.
    """

    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    warning: str = ""


def load_torch_weights(module: Any, path: Path, *, trust: bool = False) -> Loaded:
    """Fill a module with the weights of a safetensors file or a weights-only `.pt`, `.pth`, `.ckpt` or `.bin`.

    Containers (`state_dict`, `teacher`), beginnings of names (`module.`, `backbone.`) and heads that the module does
    not have are passed over, and said. Of the module whole parts may be missing, which stay as they are.

    Args:
        module: The module; it keeps the weights that it has when anything does not fit.
        path: The file.
        trust: Let code that lies in the file run, where there is no other way to its weights.

    Raises:
        FileError: Missing, empty or damaged.
        ModelError: The file holds something else, or weights of another model.
    """
    checkpoint = checkpoint_in(path, trust=trust)
    try:
        return fill(module, checkpoint, path.name)
    except ModelError as error:
        for converted in _as_timm_reads(module, checkpoint):
            with suppress(ModelError):
                loaded = fill(module, converted, path.name)
                note = (
                    f"{path.name} is of another layout or image size, which timm's own rules brought into the model's"
                )
                return replace(loaded, notes=(note, *loaded.notes))
        raise error


def _as_timm_reads(module: Any, checkpoint: Checkpoint) -> Iterator[Checkpoint]:
    """The weights as timm reads those that others trained, or that were trained at another size, for a model of its."""
    code = sys.modules.get(type(module).__module__)
    convert = getattr(code, "checkpoint_filter_fn", None)
    if convert is None or not type(module).__module__.startswith("timm."):
        return
    prefixes = {""} | {f"{prefix}." for weights in checkpoint.entries.values() for prefix in _wrappers(weights)}
    for container, weights in checkpoint.entries.items():
        for prefix in sorted(prefixes):
            named = {name.removeprefix(prefix): each for name, each in weights.items() if name.startswith(prefix)}
            converted = None
            with suppress(Exception):  # it looks for what only some files have
                converted = dict(convert(named, module))
            if converted is not None:
                yield Checkpoint({container: converted}, checkpoint.passed_over)


def _wrappers(weights: Weights) -> set[str]:
    """The first steps that all names share: what a wrapper may have put before them."""
    steps: list[str] = []
    split = [name.split(".") for name in weights]
    for step in split[0][:-1]:
        if any(len(names) <= len(steps) + 1 or names[len(steps)] != step for names in split):
            break
        steps.append(step)
    return {".".join(steps[: k + 1]) for k in range(len(steps))}


def fill(module: Any, checkpoint: Checkpoint, file_name: str) -> Loaded:
    """Fill a module with the weights that a file holds.

    Args:
        module: The module; it keeps the weights that it has when anything does not fit.
        checkpoint: What the file holds.
        file_name: What to call the file.

    Raises:
        ModelError: They are weights of another model.
    """
    module = getattr(module, "_orig_mod", module)  # of a compiled module
    expected = dict(module.state_dict())
    namings = sorted(_namings(checkpoint.entries, expected), key=lambda naming: naming.rank)
    best = namings[0]
    wrong = best.faults()
    if wrong:
        more = f", and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ModelError(
            f"the weights in {file_name} do not fit {type(module).__name__}: {', '.join(wrong[:3])}{more}. Give the "
            "factory that made the model these weights were saved from."
        )
    _put(module, expected, best.weights, file_name)
    others = [naming.container for naming in namings[1:] if naming.container != best.container and not naming.faults()]
    notes = tuple(_notes(best, checkpoint, file_name, list(dict.fromkeys(others))))
    if not best.missing:
        return Loaded(notes)
    warning = (
        f"{file_name} lacks weights of the model, which stay random, so that what they compute means nothing: "
        f"{several_names(best.missing)}"
    )
    return Loaded(notes, tuple(best.missing), warning)


@dataclass(frozen=True)
class _Naming:
    """One way to name the entries of a container as a module's own.

    Attributes:
        container: Where they lie.
        prefix: What stands before the names in the file.
        inside: What stands before the names in the module.
        stored: The entries by their names in the file.
        expected: The module's own by their names.
    """

    container: str
    prefix: str
    inside: str
    stored: Weights
    expected: Mapping[str, Any]

    @cached_property
    def _named(self) -> dict[str, Tensor]:
        """The entries under the prefix, as the module would call them."""
        cut = len(self.prefix)
        return {
            f"{self.inside}{name[cut:]}": each for name, each in self.stored.items() if name.startswith(self.prefix)
        }

    @cached_property
    def weights(self) -> dict[str, Tensor]:
        """The entries that the module has, in the shape in which it has them."""
        return {name: each for name, each in self._named.items() if name in self.expected and self._fits(name, each)}

    @cached_property
    def missing(self) -> list[str]:
        """What the module has and the file has not, or not in that shape."""
        return [name for name, own in self.expected.items() if name not in self.weights and _is_learnt(own)]

    @cached_property
    def left_out(self) -> list[str]:
        """What the file has and the module has not, as the file calls it."""
        cut = len(self.inside)
        loaded = {f"{self.prefix}{name[cut:]}" for name in self.weights}
        return [name for name in self.stored if name not in loaded]

    @property
    def rank(self) -> tuple[int, int, int, int]:
        """The smaller, the better: what fits, then what averaged the others in training, then the plainest."""
        place = f"{self.container}.{self.prefix}"
        liking = -1 if _AVERAGED.search(place) else 1 if _FOLLOWING.search(place) else 0
        return -len(self.weights), len(self.missing), liking, len(place) + len(self.inside)

    def faults(self) -> list[str]:
        """Why these are the weights of another model; empty where whole parts are missing or left out at most."""
        if not self.weights:
            return [*map(self._is_missing, list(self.expected)[:2]), *map(_is_foreign, list(self.stored)[:2])]
        # A layer that has one of its weights has all of them.
        owners = {_owner(name) for name in self.weights}
        torn = [name for name in self.missing if _owner(name) in owners]
        foreign = [name for name in self._named if name not in self.expected and self._belongs(name)]
        if not torn and not foreign:
            return []
        also = [name for name in self.missing if name not in torn]
        return [*map(self._is_missing, torn), *map(_is_foreign, foreign), *map(self._is_missing, also)]

    def _belongs(self, name: str) -> bool:
        """Does an entry that the module lacks lie in a part that it has: in a layer, or in a longer row of blocks?"""
        if (
            name.rpartition(".")[2] in ("weight", "bias", "running_mean", "running_var")
            and _owner(name) in self._owners
        ):
            return True
        steps = name.split(".")
        return any(
            step.isdecimal()
            and ".".join(steps[:place]) in self._rows
            and ".".join(steps[: place + 1]) not in self._parts
            for place, step in enumerate(steps[:-2])
            if place
        )

    @cached_property
    def _owners(self) -> set[str]:
        return {_owner(name) for name in self.expected}

    @cached_property
    def _parts(self) -> set[str]:
        """Every part of the module that holds something."""
        steps = [name.split(".") for name in self.expected]
        return {".".join(path[:depth]) for path in steps for depth in range(1, len(path))}

    @cached_property
    def _rows(self) -> set[str]:
        """Every part whose parts are numbered blocks, with layers inside."""
        split = [part.rpartition(".") for part in self._parts - self._owners]
        return {row for row, _, number in split if row and number.isdecimal()}

    def _fits(self, name: str, each: Tensor) -> bool:
        own = self.expected[name]
        return not hasattr(own, "shape") or tuple(own.shape) == tuple(each.shape)

    def _is_missing(self, name: str) -> str:
        stored = self._named.get(name)
        if stored is None:
            return f"{name!r} is missing"
        return f"{name!r} has shape {tuple(stored.shape)}, the model needs {tuple(self.expected[name].shape)}"


def _namings(entries: Mapping[str, Weights], expected: Mapping[str, Any]) -> Iterator[_Naming]:
    """Every way to name the entries that is worth trying; as they stand first."""
    names = list(expected)
    probes = {names[k * len(names) // _PROBES] for k in range(_PROBES)} if names else set()
    for container, stored in entries.items():
        beginnings = {("", "")}
        for probe in probes:
            beginnings |= {(name.removesuffix(probe), "") for name in stored if name.endswith(f".{probe}")}
            steps = probe.split(".")
            insides = (".".join(steps[:depth]) + "." for depth in range(1, len(steps)))
            beginnings |= {("", inside) for inside in insides if probe.removeprefix(inside) in stored}
        for prefix, inside in sorted(beginnings):
            yield _Naming(container, prefix, inside, stored, expected)


def _is_foreign(name: str) -> str:
    return f"{name!r} is not in the model"


def _is_learnt(own: Any) -> bool:
    """Can training have made it? Whole numbers are positions and counts, which the model's code makes itself."""
    return not hasattr(own, "is_floating_point") or bool(own.is_floating_point() or own.is_complex())


def _owner(name: str) -> str:
    return name.rpartition(".")[0]


def _put(module: Any, expected: Mapping[str, Any], weights: Weights, file_name: str) -> None:
    """Put fitting weights in; the module gets its own back where it refuses them."""
    import torch

    before = {name: tensor.clone() for name, tensor in expected.items() if hasattr(tensor, "clone")}
    try:
        module.load_state_dict({**expected, **weights})
    except RuntimeError as error:
        with torch.no_grad():
            for name, values in before.items():
                expected[name].copy_(values)
        raise ModelError(
            f"the weights in {file_name} do not fit {type(module).__name__}: {' '.join(str(error).split())}"
        ) from error


def _notes(naming: _Naming, checkpoint: Checkpoint, file_name: str, others: Sequence[str]) -> Iterator[str]:
    """What whoever reads the maps should know of how the weights were taken."""
    choices = []
    if others:
        choices.append(f"under {naming.container!r}, where {_listed(others)} would fit as well")
    elif len(checkpoint.entries) > 1 and naming.container:
        choices.append(f"under {naming.container!r}")
    if naming.prefix:
        choices.append(f"named {naming.prefix + '...'!r}")
    if naming.inside:
        choices.append(f"for the part {naming.inside.rstrip('.')!r}")
    if choices:
        yield f"from {file_name} the weights {', '.join(choices)}, were taken"
    if naming.left_out:
        yield f"left out of {file_name}, since the model has no place for it: {several_names(naming.left_out)}"
    if checkpoint.passed_over:
        yield f"{file_name} also holds objects ({checkpoint.passed_over}); they were not brought back, and ran no code"


def several_names(names: Sequence[str]) -> str:
    """Names in a sentence: at most three of them, and how many more there are."""
    return _listed(names) if len(names) <= 3 else f"{_listed(names[:3])} and {len(names) - 3} more"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
