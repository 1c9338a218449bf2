"""The same questions put to xplique, tf-keras-vis and Captum, each with the settings that suit it best.

All of them get the encoder alone and a score that they can differentiate: `sum(f(x') * f(x))` with f(x) frozen for the
gradient methods, minus the share of the code that changes for occlusion. A peer is a function of nothing that gives a
map as (images, height, width, channels) or (images, height, width).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Peer = Callable[[], Array]


# xplique, on TensorFlow


def _xplique_inner(model: Any, inputs: Any, targets: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_sum(model(inputs) * targets, axis=(1, 2, 3))


def _xplique_unchanged(model: Any, inputs: Any, targets: Any) -> Any:
    import tensorflow as tf

    changed = tf.reduce_sum((model(inputs) - targets) ** 2, axis=(1, 2, 3))
    return -changed / tf.reduce_sum(targets**2, axis=(1, 2, 3))


def xplique_saliency(encoder: Any, pictures: Array) -> Peer:
    """The length of the slope per channel."""
    from xplique.attributions import Saliency

    return _xplique(Saliency(encoder, batch_size=16, operator=_xplique_inner, reducer=None), encoder, pictures)


def xplique_smoothgrad(encoder: Any, pictures: Array, samples: int, deviation: float, batch: int) -> Peer:
    """The mean slope, `batch` samples at once."""
    from xplique.attributions import SmoothGrad

    return _xplique(
        SmoothGrad(
            encoder, batch_size=batch, operator=_xplique_inner, reducer=None, nb_samples=samples, noise=deviation
        ),
        encoder,
        pictures,
    )


def xplique_integrated_gradients(encoder: Any, pictures: Array, steps: int, batch: int) -> Peer:
    """From black, by the trapezium rule, the only one it has."""
    from xplique.attributions import IntegratedGradients

    return _xplique(
        IntegratedGradients(
            encoder, batch_size=batch, operator=_xplique_inner, reducer=None, steps=steps, baseline_value=0.0
        ),
        encoder,
        pictures,
    )


def xplique_occlusion(encoder: Any, pictures: Array, patch: int, stride: tuple[int, int], batch: int) -> Peer:
    """Black holes, one a picture."""
    from xplique.attributions import Occlusion

    return _xplique(
        Occlusion(
            encoder,
            batch_size=batch,
            operator=_xplique_unchanged,
            patch_size=patch,
            patch_stride=stride,
            occlusion_value=0.0,
        ),
        encoder,
        pictures,
    )


def _xplique(explainer: Any, encoder: Any, pictures: Array) -> Peer:
    def explain() -> Array:
        codes = encoder(pictures, training=False)
        return np.asarray(explainer.explain(pictures, codes))

    return explain


# tf-keras-vis, on TensorFlow


def keras_vis(encoder: Any, pictures: Array, samples: int = 0, noise: float = 0.1) -> Peer:
    """Saliency, or SmoothGrad with samples; signs are kept while averaging, as in saccade."""
    import tensorflow as tf
    from tf_keras_vis.saliency import Saliency

    explainer = Saliency(encoder, clone=False)

    def explain() -> Array:
        codes = encoder(pictures, training=False)
        return np.asarray(
            explainer(
                lambda output: tf.reduce_sum(output * codes, axis=(1, 2, 3)),
                pictures,
                smooth_samples=samples,
                smooth_noise=noise,
                keepdims=True,
                gradient_modifier=None,
                normalize_map=False,
            )
        )

    return explain


# Captum, on torch, channels last and with frozen weights


def captum_saliency(encoder: Any, pictures: Array) -> Peer:
    """The slope with its sign."""
    from captum.attr import Saliency

    sent, inner, _ = _captum(encoder, pictures)
    explainer = Saliency(inner)
    return lambda: _back(explainer.attribute(sent().requires_grad_(True), abs=False))


def captum_smoothgrad(encoder: Any, pictures: Array, samples: int, deviation: float, batch: int) -> Peer:
    """The mean slope, `batch` samples at once."""
    from captum.attr import NoiseTunnel, Saliency

    sent, inner, _ = _captum(encoder, pictures)
    explainer = NoiseTunnel(Saliency(inner))
    return lambda: _back(
        explainer.attribute(
            sent().requires_grad_(True),
            nt_type="smoothgrad",
            nt_samples=samples,
            nt_samples_batch_size=batch,
            stdevs=deviation,
            abs=False,
        )
    )


def captum_integrated_gradients(encoder: Any, pictures: Array, steps: int, batch: int) -> Peer:
    """From black, Gauss and Legendre, `batch` steps at once."""
    from captum.attr import IntegratedGradients

    sent, inner, _ = _captum(encoder, pictures)
    explainer = IntegratedGradients(inner)
    return lambda: _back(
        explainer.attribute(sent(), baselines=0.0, n_steps=steps, method="gausslegendre", internal_batch_size=batch)
    )


def captum_occlusion(encoder: Any, pictures: Array, patch: int, stride: tuple[int, int], batch: int) -> Peer:
    """Black holes, one a picture, `batch` pictures at once."""
    import torch
    from captum.attr import Occlusion

    sent, _, unchanged = _captum(encoder, pictures)
    explainer = Occlusion(unchanged)

    def explain() -> Array:
        with torch.no_grad():
            return _back(
                explainer.attribute(
                    sent(),
                    sliding_window_shapes=(3, patch, patch),
                    strides=(3, *stride),
                    baselines=0.0,
                    perturbations_per_eval=batch,
                )
            )

    return explain


def _captum(encoder: Any, pictures: Array) -> tuple[Callable[[], Any], Any, Any]:
    import torch

    def sent() -> Any:
        return torch.tensor(pictures).permute(0, 3, 1, 2)

    with torch.no_grad():
        codes = encoder(sent())
        energy = (codes**2).sum((1, 2, 3))

    def inner(images: Any) -> Any:
        return (encoder(images) * _rows(codes, images)).sum((1, 2, 3))

    def unchanged(images: Any) -> Any:
        changed = ((encoder(images) - _rows(codes, images)) ** 2).sum((1, 2, 3))
        return -changed / _rows(energy, images)

    return sent, inner, unchanged


def _rows(values: Any, images: Any) -> Any:
    """The frozen reference of every picture in an expanded batch of one."""
    return values if len(values) == len(images) else values[:1].expand(len(images), *values.shape[1:])


def _back(tensor: Any) -> Array:
    return np.asarray(tensor.detach().permute(0, 2, 3, 1).numpy(), np.float32)


# The same noise for everybody, for the comparison of results only


@contextmanager
def same_noise(framework: str, patterns: Array, deviation: float) -> Iterator[None]:
    """Hand these standard normal patterns to the peers in place of their own noise while the block lasts."""
    left = iter(patterns)

    def drawn(count: int) -> Array:
        return np.stack([next(left) for _ in range(count)])

    if framework == "tensorflow":
        import tensorflow as tf

        noisy = mock.patch(
            "xplique.attributions.gradient_statistics.gradient_statistic.GradientStatistic._perturb_samples",
            lambda inputs, count, noise: tf.repeat(inputs, count, axis=0) + noise * drawn(count),
        )
        normal = mock.patch("numpy.random.normal", lambda mean, sigma, shape: sigma * drawn(shape[0]).reshape(shape))
        with noisy, normal:
            yield
    else:
        import torch

        def torch_normal(mean: Any, deviations: Any) -> Any:
            return torch.tensor(drawn(len(deviations))).permute(0, 3, 1, 2) * deviation

        with mock.patch("torch.normal", torch_normal):
            yield
