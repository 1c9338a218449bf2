"""pytorch-grad-cam, on torch, with a target function on the code.

It imports torchvision, of which the environment has none that fits a torch without CUDA. Nothing that is measured uses
it, so inside this process alone an empty module stands in for it: its names exist and fail when they are called.

Its maps are cut off below zero, enlarged to the picture and stretched to 0..1; for the comparison saccade's go the same
way, by its own function.
"""

from __future__ import annotations

import copy
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
from cases import Case
from nets import Subject

from peers.peer import Array, Peer


def _without_torchvision() -> None:
    """Let the import of torchvision go through where there is none."""
    try:
        import torchvision  # noqa: F401
    except ImportError:

        def absent(*arguments: Any, **settings: Any) -> Any:
            raise ImportError("torchvision is not installed; only its name is here")

        names = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional", "torchvision.ops")
        for name in names:
            sys.modules[name] = types.ModuleType(name)
        for name in ("Compose", "Normalize", "ToTensor"):
            setattr(sys.modules["torchvision.transforms"], name, absent)
        sys.modules["torchvision.transforms.functional"].resize = absent  # type: ignore[attr-defined]
        sys.modules["torchvision.ops"].box_iou = absent  # type: ignore[attr-defined]


def _runner(kind: str, subject: Subject, case: Case, **settings: Any) -> Callable[[], Array]:
    _without_torchvision()
    import pytorch_grad_cam
    import torch

    # A copy of its own, since it hooks the layers. The weights are frozen but for one bias below the layer: the
    # shortest way back that still gives it the gradients it waits for.
    at = case.at or subject.bare_at
    bare = copy.deepcopy(subject.bare)
    biased = [name for name, module in bare.named_modules() if getattr(module, "bias", None) is not None]
    before = [name for name in biased if _order(bare, name) <= _order(bare, at)]
    bare.get_submodule(before[-1]).bias.requires_grad_(True)
    with torch.no_grad():
        code = bare(torch.tensor(case.pictures).permute(0, 3, 1, 2))[0]
    explainer = getattr(pytorch_grad_cam, kind)(model=bare, target_layers=[bare.get_submodule(at)], **settings)
    return lambda: np.asarray(
        explainer(
            input_tensor=torch.tensor(case.pictures).permute(0, 3, 1, 2),
            targets=[lambda output: (output * (code if output.ndim == 3 else code[None])).sum()],
        )
    )


def _order(bare: Any, name: str) -> int:
    return [each for each, _ in bare.named_modules()].index(name)


def _drawn(values: Array, case: Case) -> Array:
    """A map as pytorch-grad-cam draws it."""
    _without_torchvision()
    from pytorch_grad_cam.utils.image import scale_cam_image

    enlarged = scale_cam_image(np.maximum(values, 0), (case.pictures.shape[2], case.pictures.shape[1]))
    return np.asarray(scale_cam_image(enlarged))


def grad_cam(subject: Subject, case: Case) -> Peer:
    """Channels weighted by their mean gradients."""
    make = {"as it comes": lambda: _runner("GradCAM", subject, case)}
    return Peer("pytorch-grad-cam", make, lambda look, _: _drawn(look.values, case), "as it draws it")


def layer_cam(subject: Subject, case: Case) -> Peer:
    """Values times positive gradients: saccade's with `positive=True`."""
    make = {"as it comes": lambda: _runner("LayerCAM", subject, case)}
    return Peer("pytorch-grad-cam", make, None, "only positive gradients; not compared with the signed map")


def eigen_cam(subject: Subject, case: Case) -> Peer:
    """The first component by a whole singular value decomposition; its sign is chance."""

    def mine(look: Any, theirs: Array) -> Array:
        both = [_drawn(look.values, case), _drawn(-look.values, case)]
        return min(both, key=lambda each: float(np.abs(each - theirs).max()))

    make = {"as it comes": lambda: _runner("EigenCAM", subject, case)}
    return Peer("pytorch-grad-cam", make, mine, "as it draws it, with the sign that it happens to have")


def ablation_cam(subject: Subject, case: Case) -> Peer:
    """Channels weighted by what the score loses without them."""
    make = {f"batch_size={batch}": lambda batch=batch: _ablation(subject, case, batch) for batch in (16, 64)}
    return Peer("pytorch-grad-cam", make, None, "another score, so results are not compared")


def _ablation(subject: Subject, case: Case, batch: int) -> Callable[[], Array]:
    _without_torchvision()
    import pytorch_grad_cam.ablation_cam
    from pytorch_grad_cam.ablation_layer import AblationLayer

    pytorch_grad_cam.ablation_cam.tqdm.tqdm = lambda each: each  # no bar of progress
    return _runner("AblationCAM", subject, case, ablation_layer=AblationLayer(), batch_size=batch)


QUESTIONS = {"grad_cam": grad_cam, "layer_cam": layer_cam, "eigen_cam": eigen_cam, "ablation_cam": ablation_cam}
