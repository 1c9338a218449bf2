"""xplique, on TensorFlow, with an operator that scores the code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

import numpy as np
from cases import Case
from nets import Subject

from peers.peer import Array, Peer, raw


def _inner(model: Any, inputs: Any, targets: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_sum(model(inputs) * targets, axis=(1, 2, 3))


def _unchanged(model: Any, inputs: Any, targets: Any) -> Any:
    import tensorflow as tf

    axes = tuple(range(1, len(targets.shape)))
    changed = tf.reduce_sum((model(inputs) - targets) ** 2, axis=axes)
    return -changed / tf.reduce_sum(targets**2, axis=axes)


def _cosine(model: Any, inputs: Any, targets: Any) -> Any:
    import tensorflow as tf

    code = model(inputs)
    along = tf.reduce_sum(code * targets, axis=(1, 2, 3))
    return along * tf.math.rsqrt(tf.reduce_sum(code**2, axis=(1, 2, 3)) * tf.reduce_sum(targets**2, axis=(1, 2, 3)))


def _runner(kind: str, subject: Subject, pictures: Array, **settings: Any) -> Callable[[], Array]:
    import xplique.attributions

    explainer = getattr(xplique.attributions, kind)(subject.bare, **settings)

    def explain() -> Array:
        codes = subject.bare(pictures, training=False)
        return np.asarray(explainer.explain(pictures, codes))

    return explain


def _makers(
    kind: str, subject: Subject, case: Case, batches: tuple[int, ...], **settings: Any
) -> dict[str, Callable[[], Callable[[], Array]]]:
    return {
        f"batch_size={batch}": partial(_runner, kind, subject, case.pictures, batch_size=batch, **settings)
        for batch in batches
    }


def saliency(subject: Subject, case: Case) -> Peer:
    """The length of the gradient per channel."""
    make = _makers("Saliency", subject, case, (16,), operator=_inner, reducer=None)
    return Peer("xplique", make, lambda look, _: np.abs(look.raw))


def input_x_gradient(subject: Subject, case: Case) -> Peer:
    """The gradient times the picture."""
    make = _makers("GradientInput", subject, case, (16,), operator=_inner, reducer=None)
    return Peer("xplique", make, raw)


def smoothgrad(subject: Subject, case: Case) -> Peer:
    """The mean gradient."""
    make = _makers(
        "SmoothGrad", subject, case, (5, 16, case.passes), operator=_inner, reducer=None,
        nb_samples=case.passes, noise=case.deviation,
    )  # fmt: skip
    return Peer("xplique", make, raw, "the same noise", "xplique gradients", lambda: _same_noise(case))


def integrated_gradients(subject: Subject, case: Case) -> Peer:
    """From black, by the trapezium rule, the only one it has."""
    make = _makers(
        "IntegratedGradients", subject, case, (5, 16, case.passes), operator=_inner, reducer=None,
        steps=case.passes, baseline_value=0.0,
    )  # fmt: skip
    return Peer("xplique", make, raw, "trapezium rule against Gauss and Legendre", "xplique gradients")


def occlusion(subject: Subject, case: Case) -> Peer:
    """Black holes, one a picture."""
    make = _makers(
        "Occlusion", subject, case, (8, 32, 128), operator=_unchanged,
        patch_size=case.patch, patch_stride=case.sparse, occlusion_value=0.0,
    )  # fmt: skip

    def mine(look: Any, _theirs: Array) -> Array:
        # It adds up the holes over each pixel where saccade takes their mean.
        from saccade.occlusion.tiling import holes

        height, width = look.values.shape[1:]
        rows, columns = holes((height, width), look.settings["patch"], look.settings["stride"]).stencils()
        times = rows.sum(axis=0)[:, None] * columns.sum(axis=0)[None]
        return np.asarray(look.values * np.maximum(times, 1))[..., None]

    return Peer("xplique", make, mine, family="xplique forwards", scale=case.scale)


def relax(subject: Subject, case: Case) -> Peer:
    """RISE with the cosine as its score; an eighth of the masks, scaled."""
    count = max(case.passes // 8, 8)
    make = _makers("Rise", subject, case, (8, 32, 128), operator=_cosine, nb_samples=count, grid_size=7)
    says = "RISE with the cosine as its score; other masks, so results are not compared"
    return Peer("xplique", make, None, says, "xplique forwards", scale=case.passes / count)


def grad_cam(subject: Subject, case: Case) -> Peer:
    """Its Grad-CAM, which takes an operator and does not use it."""
    make = _makers("GradCAM", subject, case, (16,), operator=_inner, conv_layer=subject.bare_at)
    return Peer("xplique", make, partial(_enlarged, size=case.pictures.shape[1:3]), "cut off at zero and enlarged")


def _enlarged(look: Any, _theirs: Array, size: tuple[int, int]) -> Array:
    import tensorflow as tf

    return np.asarray(tf.image.resize(np.maximum(look.values, 0)[..., None], size, method="bicubic"))


@contextmanager
def _same_noise(case: Case) -> Iterator[None]:
    left = iter(case.noise())

    def drawn(count: int) -> Array:
        return np.stack([next(left) for _ in range(count)])

    import tensorflow as tf

    with mock.patch(
        "xplique.attributions.gradient_statistics.gradient_statistic.GradientStatistic._perturb_samples",
        lambda inputs, count, noise: tf.repeat(inputs, count, axis=0) + noise * drawn(count),
    ):
        yield


QUESTIONS = {
    "saliency": saliency,
    "input_x_gradient": input_x_gradient,
    "smoothgrad": smoothgrad,
    "integrated_gradients": integrated_gradients,
    "occlusion": occlusion,
    "relax": relax,
    "grad_cam": grad_cam,
}
