"""Captum, on torch, channels last and with frozen weights; its Occlusion is its FeatureAblation over windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

import numpy as np
from cases import Case
from nets import Subject

from peers.peer import Array, Peer, raw, values


class _Question:
    """Pictures, and the two scores against their frozen codes."""

    def __init__(self, subject: Subject, case: Case) -> None:
        import torch

        self.bare, self.pictures = subject.bare, case.pictures
        with torch.no_grad():
            self.codes = self.bare(self.sent())
            self.energy = (self.codes**2).sum((1, 2, 3))

    def sent(self) -> Any:
        import torch

        return torch.tensor(self.pictures).permute(0, 3, 1, 2)

    def inner(self, images: Any) -> Any:
        return (self.bare(images) * _rows(self.codes, images)).sum((1, 2, 3))

    def unchanged(self, images: Any) -> Any:
        changed = ((self.bare(images) - _rows(self.codes, images)) ** 2).sum((1, 2, 3))
        return -changed / _rows(self.energy, images)


def saliency(subject: Subject, case: Case) -> Peer:
    """The gradient with its sign."""

    def make() -> Callable[[], Array]:
        from captum.attr import Saliency

        question = _Question(subject, case)
        explainer = Saliency(question.inner)
        return lambda: _back(explainer.attribute(question.sent().requires_grad_(True), abs=False))

    return Peer("Captum", {"all at once": make}, raw)


def input_x_gradient(subject: Subject, case: Case) -> Peer:
    """The gradient times the picture."""

    def make() -> Callable[[], Array]:
        from captum.attr import InputXGradient

        question = _Question(subject, case)
        explainer = InputXGradient(question.inner)
        return lambda: _back(explainer.attribute(question.sent().requires_grad_(True)))

    return Peer("Captum", {"all at once": make}, raw)


def smoothgrad(subject: Subject, case: Case) -> Peer:
    """The mean gradient."""

    def make(batch: int) -> Callable[[], Array]:
        from captum.attr import NoiseTunnel, Saliency

        question = _Question(subject, case)
        explainer = NoiseTunnel(Saliency(question.inner))
        settings = {"nt_type": "smoothgrad", "nt_samples": case.passes, "nt_samples_batch_size": batch}
        return lambda: _back(
            explainer.attribute(question.sent().requires_grad_(True), stdevs=case.deviation, abs=False, **settings)
        )

    makers = {f"nt_samples_batch_size={batch}": partial(make, batch) for batch in (1, 5, case.passes)}
    return Peer("Captum", makers, raw, "the same noise", same=lambda: _same_noise(case))


def integrated_gradients(subject: Subject, case: Case) -> Peer:
    """From black, Gauss and Legendre."""

    def make(batch: int) -> Callable[[], Array]:
        from captum.attr import IntegratedGradients

        question = _Question(subject, case)
        explainer = IntegratedGradients(question.inner)
        settings = {"n_steps": case.passes, "method": "gausslegendre", "internal_batch_size": batch}
        return lambda: _back(explainer.attribute(question.sent(), baselines=0.0, **settings))

    makers = {f"internal_batch_size={batch}": partial(make, batch) for batch in (4, 10, case.passes)}
    return Peer("Captum", makers, raw)


def occlusion(subject: Subject, case: Case) -> Peer:
    """Black holes, one a picture."""

    def make(batch: int) -> Callable[[], Array]:
        import torch
        from captum.attr import FeatureAblation, Occlusion

        question = _Question(subject, case)
        if case.sparse[0] > case.patch:
            # Its Occlusion takes no step above a hole; holes that do not meet are as many features, the rest one more.
            mask, rest = _features(case)
            ablation = FeatureAblation(question.unchanged)

            def ablate() -> Array:
                with torch.no_grad():
                    attribution = ablation.attribute(
                        question.sent(), baselines=0.0, feature_mask=mask, perturbations_per_eval=batch
                    )
                return _back(attribution).mean(axis=-1) * (mask[0, 0] != rest).numpy()

            return ablate
        explainer = Occlusion(question.unchanged)
        windows = {"sliding_window_shapes": (3, case.patch, case.patch), "strides": (3, *case.sparse)}

        def explain() -> Array:
            with torch.no_grad():
                attribution = explainer.attribute(
                    question.sent(), baselines=0.0, perturbations_per_eval=batch, **windows
                )
            return _back(attribution).mean(axis=-1)

        return explain

    makers = {f"perturbations_per_eval={batch}": partial(make, batch) for batch in (4, 16, 64)}
    return Peer("Captum", makers, values, scale=case.scale)


def grad_cam(subject: Subject, case: Case) -> Peer:
    """Channels weighted by their mean gradients."""

    def make() -> Callable[[], Array]:
        from captum.attr import LayerGradCam

        question = _Question(subject, case)
        explainer = LayerGradCam(question.inner, subject.bare.get_submodule(subject.bare_at))
        return lambda: _back(explainer.attribute(question.sent().requires_grad_(True)))[..., 0]

    return Peer("Captum", {"all at once": make}, values)


def layer_cam(subject: Subject, case: Case) -> Peer:
    """Its LayerGradientXActivation, summed over channels."""

    def make() -> Callable[[], Array]:
        from captum.attr import LayerGradientXActivation

        question = _Question(subject, case)
        explainer = LayerGradientXActivation(question.inner, subject.bare.get_submodule(subject.bare_at))
        return lambda: _back(explainer.attribute(question.sent().requires_grad_(True))).sum(axis=-1)

    return Peer("Captum", {"all at once": make}, values, "LayerGradientXActivation, summed over channels")


def _features(case: Case) -> tuple[Any, int]:
    """The number of the hole over each pixel, (1, 1, height, width), and the number of what no hole covers."""
    import torch

    height, width = case.pictures.shape[1:3]
    corners = [
        (top, left)
        for top in range(0, height - case.patch + 1, case.sparse[0])
        for left in range(0, width - case.patch + 1, case.sparse[1])
    ]
    mask = torch.full((1, 1, height, width), len(corners))
    for number, (top, left) in enumerate(corners):
        mask[..., top : top + case.patch, left : left + case.patch] = number
    return mask, len(corners)


def _rows(references: Any, images: Any) -> Any:
    """The frozen reference of every picture in an expanded batch of one."""
    return references if len(references) == len(images) else references[:1].expand(len(images), *references.shape[1:])


def _back(tensor: Any) -> Array:
    return np.asarray(tensor.detach().permute(0, 2, 3, 1).numpy(), np.float32)


@contextmanager
def _same_noise(case: Case) -> Iterator[None]:
    import torch

    left = iter(case.noise())

    def normal(mean: Any, deviations: Any) -> Any:
        drawn = np.stack([next(left) for _ in range(len(deviations))])
        return torch.tensor(drawn).permute(0, 3, 1, 2) * case.deviation

    with mock.patch("torch.normal", normal):
        yield


QUESTIONS = {
    "saliency": saliency,
    "input_x_gradient": input_x_gradient,
    "smoothgrad": smoothgrad,
    "integrated_gradients": integrated_gradients,
    "occlusion": occlusion,
    "grad_cam": grad_cam,
    "layer_cam": layer_cam,
}
