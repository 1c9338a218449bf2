"""tf-keras-vis, on TensorFlow; signs are kept, nothing is enlarged or stretched to 0..1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
from cases import NOISE, Case
from nets import Subject

from peers.peer import Array, Peer, raw, values


def _score(subject: Subject, pictures: Array) -> Callable[[Any], Any]:
    import tensorflow as tf

    codes = subject.bare(pictures, training=False)
    return lambda output: tf.reduce_sum(output * codes, axis=(1, 2, 3))


def _slopes(subject: Subject, case: Case, samples: int) -> Callable[[], Array]:
    from tf_keras_vis.saliency import Saliency

    explainer = Saliency(subject.bare, clone=False)
    return lambda: np.asarray(
        explainer(
            _score(subject, case.pictures),
            case.pictures,
            smooth_samples=samples,
            smooth_noise=NOISE,
            keepdims=True,
            gradient_modifier=None,
            normalize_map=False,
        )
    )


def _cam(module: str, name: str, subject: Subject, case: Case) -> Callable[[], Array]:
    import importlib

    explainer = getattr(importlib.import_module(f"tf_keras_vis.{module}"), name)(subject.bare, clone=False)
    return lambda: np.asarray(
        explainer(
            _score(subject, case.pictures),
            case.pictures,
            penultimate_layer=subject.bare_at,
            seek_penultimate_conv_layer=False,
            gradient_modifier=None,
            activation_modifier=None,
            expand_cam=False,
            normalize_cam=False,
        )
    )


def saliency(subject: Subject, case: Case) -> Peer:
    """The gradient with its sign."""
    return Peer("tf-keras-vis", {"all at once": lambda: _slopes(subject, case, 0)}, raw)


def smoothgrad(subject: Subject, case: Case) -> Peer:
    """The mean gradient; one sample at a time is all it offers."""
    make = {"one by one": lambda: _slopes(subject, case, case.passes)}
    return Peer("tf-keras-vis", make, raw, "the same noise", same=lambda: _same_noise(case))


def grad_cam(subject: Subject, case: Case) -> Peer:
    """Channels weighted by their mean gradients."""
    return Peer("tf-keras-vis", {"all at once": lambda: _cam("gradcam", "Gradcam", subject, case)}, values)


def layer_cam(subject: Subject, case: Case) -> Peer:
    """Values times gradients."""
    return Peer("tf-keras-vis", {"all at once": lambda: _cam("layercam", "Layercam", subject, case)}, values)


@contextmanager
def _same_noise(case: Case) -> Iterator[None]:
    left = iter(case.noise())

    def normal(mean: Any, sigma: Any, shape: Any) -> Any:
        return sigma * np.stack([next(left) for _ in range(shape[0])]).reshape(shape)

    with mock.patch("numpy.random.normal", normal):
        yield


QUESTIONS = {"saliency": saliency, "smoothgrad": smoothgrad, "grad_cam": grad_cam, "layer_cam": layer_cam}
