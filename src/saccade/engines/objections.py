"""What speaks against a code, in one line each, with what to do: drawn at random, mixed in its batch, badly fed."""

from __future__ import annotations

from collections.abc import Sequence

from saccade.engines.trial import Trial
from saccade.errors import ModelError, NotApplicable
from saccade.models.code_layer import is_mean
from saccade.models.network import Network

_ALIKE = 2e-4
"""Where different images are less far apart than this, another value range is tried."""
_BETTER = 20.0
_OTHER_RANGES = ((0.0, 255.0), (-1.0, 1.0))
_UNMASKED = {"ViTMAEModel": "transformers.ViTModel", "ViTMAEForPreTraining": "transformers.ViTModel"}
"""Classes that mask images at random in use, too, and what reads their weights without."""
_STEADY = 1e-5
"""Below this share of its length a code is the same but for rounding."""
_NORMALISING = ("UnitNormalization", "Lambda", "Normalize", "TrueDivide", "Divide")
"""Classes of layers that may bring a code to unit length."""
_NORMALISED_FROM = 6
"""How many layers before a code of unit length are looked at for what was normalised."""


def refuse_unsteady(trial: Trial) -> None:
    """Refuse a code that is drawn at random, or that depends on the other images of a batch.

    Raises:
        ModelError: It is one; the message says which layer is the first, and which to take instead.
    """
    if trial.is_steady:
        return
    network = trial.engine.network
    if trial.is_random:
        before = _up_to(network, trial.layer)
        first = trial.first_random(before)
        where = "" if first in (None, trial.layer) else f" (the first layer that is: {first!r})"
        # One draw for a whole batch, or a state that is kept from call to call: that cannot be told apart.
        how = "drawn at random, or another one at every call" if trial.is_alike_in_a_batch else "drawn at random"
        raise ModelError(
            f"the code {trial.layer!r} is {how}{where}: an untouched copy of an image gets another code, so a map "
            f"would show noise. {_instead(trial, before)}"
        )
    if trial.depends_on_neighbours:
        first = trial.first_mixed(_up_to(network, trial.layer))
        where = "" if first in (None, trial.layer) else f", from layer {first!r} on"
        raise ModelError(
            f"the code {trial.layer!r} of an image depends on the other images of its batch{where}, as that of a batch "
            "normalisation with training=True does; a map would show what those are. Build the model "
            "without it, or choose a layer before it (--layer, layer=)."
        )


def _instead(trial: Trial, before: Sequence[str]) -> str:
    """Which layer to take in place of one that is drawn: the mean, else the last steady one."""
    unmasked = _UNMASKED.get(type(getattr(trial.engine.network, "module", None)).__name__)
    if unmasked is not None:
        return (
            f"It hides most of every image by a mask that it draws; {unmasked} is the same encoder without the mask, "
            "and takes its weights."
        )
    steady = [path for path in trial.steady(before) if path != trial.layer]
    size = trial.engine.network.layers[trial.layer].shape
    alike = [path for path in steady if trial.engine.network.layers[path].shape == size]
    means = [path for path in steady if is_mean(path)]
    if means:
        return f"Name its mean: --layer {means[0]} (layer={means[0]!r})."
    if alike:
        named = ", ".join(repr(path) for path in alike[-3:])
        return (
            f"Name another layer, such as its mean; those of its shape that are not drawn: {named} (--layer, layer=)."
        )
    if steady:
        return f"Name another layer; the last that is not drawn is {steady[-1]!r} (--layer {steady[-1]})."
    return "No layer before it is steady; switch the drawing off in the model, or average it (--draws 64, draws=64)."


def refuse_fixed_length(trial: Trial) -> None:
    """Refuse the gradient of a code with itself where it is zero whatever the image.

    Raises:
        NotApplicable: All codes have the same length.
    """
    if not trial.has_fixed_length:
        return
    layer = unnormalised(trial)
    before = "" if layer is None else f"explain what is normalised, layer {layer!r} (--layer {layer}); "
    raise NotApplicable(
        f"every code of {trial.layer!r} has the same length, so its likeness to itself has the gradient 0; "
        f"{before}take a target with another photo, such as toward:PHOTO,than=PHOTO or like:PHOTO, or the "
        "method occlusion."
    )


def may_be_normalised(network: Network, layer: str) -> bool:
    """Does the last step before a layer divide by something? Then it is worth measuring whether by its length."""
    measured = getattr(network, "measured", None)
    operation = None if measured is None else measured.dataflow.operations.get(layer)
    inputs = () if operation is None else operation.inputs
    return network.layers[layer].kind in _NORMALISING or any(
        key.startswith("div") or key == "unknown" for key in inputs
    )


def unnormalised(trial: Trial) -> str | None:
    """The layer of which the code is only the direction; None where none is found."""
    before = _up_to(trial.engine.network, trial.layer)[:-1]
    size = trial.engine.network.layers[trial.layer].shape
    alike = [path for path in before if trial.engine.network.layers[path].shape == size]
    return next((path for path in alike[::-1][:_NORMALISED_FROM] if trial.is_direction_of(path)), None)


def left_to_chance(trial: Trial, draws: int) -> str:
    """What the mean of some draws leaves of the differences between them, in one line."""
    if trial.unsteadiness < _STEADY:
        return f"nothing of the code is drawn at random, so the mean of {draws} draws only costs time; leave it out"
    return (
        f"the code is the mean of {draws} draws; that of an untouched copy still differs by "
        f"{100 * trial.unsteadiness:.2g} % of its length, and so much of every map is chance"
    )


def badly_fed(trial: Trial) -> str | None:
    """Does another value range tell images apart where the one that is assumed does not? One line, or None."""
    distance = trial.distance
    if distance >= _ALIKE:
        return None
    low, high = trial.value_range
    others = [other for other in _OTHER_RANGES if other != (low, high)]
    ranked = sorted(((trial.distance_at(other), other) for other in others), reverse=True)
    best, other = ranked[0]
    if best < _BETTER * max(distance, 1e-7):
        return None
    better = f"{other[0]:g},{other[1]:g}"
    return (
        f"nothing in the model says that its images are {low:g}..{high:g}, and different images then get almost the "
        f"same code (cosine similarity {1 - distance:.5f}; at {other[0]:g}..{other[1]:g} it is {1 - best:.3f}). If it "
        f"was trained so, give --value-range {better} (value_range=({better.replace(',', ', ')}))."
    )


def _up_to(network: Network, layer: str) -> list[str]:
    order = list(network.layers)
    return order[: order.index(layer) + 1]
