"""The peers as oracles: Captum on the same torch module, tf-keras-vis on the same Keras model."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import nets
import numpy as np
import pytest
from closeness import close

import saccade
from saccade.encoder import Encoder
from saccade.targets.noise import NormalPoints

SIZE = 24


@pytest.fixture(scope="module")
def keras_model() -> Any:
    return nets.autoencoder(SIZE)


@pytest.fixture(scope="module")
def torch_module(keras_model: Any) -> Any:
    return nets.torch_autoencoder(nets.weights_of(keras_model))


@pytest.fixture(scope="module")
def images(keras_model: Any) -> Any:
    return nets.pictures(keras_model)


@pytest.fixture(scope="module")
def encoder(torch_module: Any) -> Encoder:
    return Encoder(torch_module, layer="encoder", input_shape=(SIZE, SIZE, 1))


def forward(module: Any, images: Any) -> Any:
    """`<f(x'), f(x)>` with f(x) frozen, as Captum wants it: each row with its own reference."""
    import torch

    frozen = module.encoder(torch.tensor(images.transpose(0, 3, 1, 2))).detach()

    def run(x: Any, reference: Any = frozen) -> Any:
        return (module.encoder(x) * reference).flatten(1).sum(1)

    return run, frozen


def last(tensor: Any) -> Any:
    return tensor.detach().numpy().transpose(0, 2, 3, 1)


def test_saliency_equals_captum(encoder: Encoder, torch_module: Any, images: Any) -> None:
    import torch
    from captum.attr import Saliency

    run, _ = forward(torch_module, images)
    x = torch.tensor(images.transpose(0, 3, 1, 2), requires_grad=True)
    expected = last(Saliency(run).attribute(x, abs=False))
    close(saccade.explain(encoder, images, "saliency").raw, expected)


def test_integrated_gradients_equal_captum(encoder: Encoder, torch_module: Any, images: Any) -> None:
    expected = integrated_by_captum(torch_module, images)
    settings: dict[str, Any] = {"method": "integrated_gradients", "steps": 50, "baseline": "black"}
    plain = Encoder(torch_module, layer="encoder", input_shape=(SIZE, SIZE, 1))
    plain.network.__dict__["_rewrites"] = ()
    close(saccade.explain(plain, images, **settings).raw, expected)
    # Where calls are computed together, it is the same but for the few windows in which float32 cannot tell the
    # activations of two pixels apart; and there it is no farther from what double precision says than Captum is.
    raw = saccade.explain(encoder, images, **settings).raw
    true = integrated_by_captum(copy.deepcopy(torch_module).double(), images)
    largest = np.abs(expected).max()
    assert (np.abs(raw - expected) > 1e-4 * largest).mean() < 0.01
    assert np.abs(raw - true).max() <= np.abs(expected - true).max() + 1e-5 * largest


def integrated_by_captum(module: Any, images: Any) -> Any:
    """Captum's answer in the precision of the module's weights."""
    import torch
    from captum.attr import IntegratedGradients

    kind = next(module.parameters()).dtype
    x = torch.tensor(images.transpose(0, 3, 1, 2)).to(kind)
    frozen = module.encoder(x).detach()
    explainer = IntegratedGradients(lambda pixels, reference: (module.encoder(pixels) * reference).flatten(1).sum(1))
    return last(explainer.attribute(x, baselines=0.0, n_steps=50, additional_forward_args=(frozen,)))


def test_occlusion_equals_captum(encoder: Encoder, torch_module: Any, images: Any) -> None:
    import torch
    from captum.attr import Occlusion

    _, frozen = forward(torch_module, images)

    def share(x: Any, reference: Any) -> Any:
        code = torch_module.encoder(x)
        return -((code - reference) ** 2).flatten(1).sum(1) / (reference**2).flatten(1).sum(1)

    x = torch.tensor(images.transpose(0, 3, 1, 2))
    # Captum reports f(x) - f(covered) and averages the windows over each pixel.
    expected = Occlusion(share).attribute(
        x, sliding_window_shapes=(1, 6, 6), strides=(1, 3, 3), baselines=0.5, additional_forward_args=(frozen,)
    )
    attribution = saccade.explain(encoder, images, "occlusion", patch=6, stride=3, filler=0.5, low_pass=0)
    close(attribution.heatmap, last(expected)[..., 0])


def test_keras_and_torch_give_the_same_maps(encoder: Encoder, keras_model: Any, images: Any) -> None:
    twin = Encoder(keras_model)
    for method in ("saliency", "smoothgrad", "integrated_gradients", "occlusion", "activation_energy"):
        close(saccade.explain(twin, images, method).raw, saccade.explain(encoder, images, method).raw)


def test_saliency_and_smoothgrad_equal_tf_keras_vis(keras_model: Any, images: Any) -> None:
    import keras
    import tensorflow as tf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the peer's own deprecation warnings
        from tf_keras_vis.saliency import Saliency

        cut = keras.Model(keras_model.inputs, keras_model.get_layer("encoded").output)
        frozen = tf.convert_to_tensor(cut(images))
        samples = 6
        spread = images.max(axis=(1, 2, 3)) - images.min(axis=(1, 2, 3))
        noise = NormalPoints(4, samples, images.shape[1:]).take(0, samples)["noise"]

        def score(output: Any) -> Any:
            # The peer stacks the noisy copies of the batch; every copy must meet its own picture's code.
            copies = output.shape[0] // len(images)
            return tf.reduce_sum(output * tf.tile(frozen, (copies, 1, 1, 1)), axis=(1, 2, 3))

        peer = Saliency(cut, clone=False)
        arguments = {"normalize_map": False, "keepdims": True, "gradient_modifier": None}
        plain = np.asarray(peer(score, images, **arguments))
        close(saccade.explain(Encoder(keras_model), images, "saliency").raw, plain)

        smooth = [
            np.asarray(_one(peer, cut, images[k : k + 1], noise * (0.1 * spread[k]), arguments))
            for k in range(len(images))
        ]
    raw = saccade.explain(Encoder(keras_model), images, "smoothgrad", samples=samples, noise=0.1, seed=4).raw
    close(raw, np.concatenate(smooth))


def _one(peer: Any, cut: Any, image: Any, noise: Any, arguments: dict[str, Any]) -> Any:
    """The peer's plain saliency at each noisy copy, averaged with the sign kept: SmoothGrad as it was published."""
    import tensorflow as tf

    frozen = tf.convert_to_tensor(cut(image))
    maps = [
        np.asarray(peer(lambda output: tf.reduce_sum(output * frozen, axis=(1, 2, 3)), image + each, **arguments))
        for each in noise
    ]
    return np.mean(maps, axis=0)
