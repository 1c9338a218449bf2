"""The CAM family against the peers: Captum on the same torch module, tf-keras-vis on the same Keras model."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import nets
import numpy as np
import pytest
from closeness import close

from saccade import targets
from saccade.encoder import Encoder
from saccade.methods import find

FAMILY = ["ablation_cam", "eigen_cam", "grad_cam", "grad_cam_plus_plus", "layer_cam", "score_cam"]
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


def test_keras_and_torch_give_the_same_maps(encoder: Encoder, keras_model: Any, images: Any) -> None:
    twin = Encoder(keras_model)
    for method in FAMILY:
        for target in (targets.code(), targets.like(images[::-1].copy())):
            if method == "eigen_cam" and target.name != "code":
                continue
            attribution = find(method)(encoder, images, target)
            assert attribution.settings["at"] == "encoder.4"  # the activation before the last pooling
            close(attribution.values, find(method)(twin, images, target, at="conv_2").values, 1e-3)


def test_a_torch_layer_that_everything_passes_is_known_as_such() -> None:
    """So that only what comes after it runs anew; not where a skip goes round it, by an identity or without."""
    import torch
    from torch import nn

    class Skipping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.inner = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)
            self.aside, self.pool = nn.Identity(), nn.MaxPool2d(2)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            x = self.first(images)
            skip = self.aside(x)
            return self.pool(self.inner(x) + skip)

    encoder = Encoder(Skipping(), layer="pool", input_shape=(8, 8, 1))
    flow = encoder.dataflow(8, 8)
    assert {path: flow.is_cut(path, "pool") for path in ("first", "aside", "inner")} == {
        "first": True,
        "aside": False,
        "inner": False,
    }
    pictures = np.random.default_rng(0).random((2, 8, 8, 1), dtype=np.float32)
    for at in ("first", "aside", "inner"):
        assert np.isfinite(find("ablation_cam")(encoder, pictures, targets.code(), at=at).values).all()


def test_grad_cam_and_layer_cam_equal_captum(encoder: Encoder, torch_module: Any, images: Any) -> None:
    import torch
    from captum.attr import LayerGradCam, LayerGradientXActivation

    x = torch.tensor(images.transpose(0, 3, 1, 2))
    with torch.no_grad():
        frozen = torch_module.encoder(x)

    def run(pictures: Any) -> Any:
        return (torch_module.encoder(pictures) * frozen).flatten(1).sum(1)

    for at in (1, 4):
        layer = torch_module.encoder[at]
        path = f"encoder.{at}"
        for relu in (False, True):
            expected = LayerGradCam(run, layer).attribute(x, relu_attributions=relu).detach().numpy()[:, 0]
            attribution = find("grad_cam")(encoder, images, targets.code(), at=path, centred=False, positive=relu)
            close(attribution.values, expected)
        products = LayerGradientXActivation(run, layer).attribute(x).detach().numpy()
        attribution = find("layer_cam")(encoder, images, targets.code(), at=path)
        close(attribution.raw, products.transpose(0, 2, 3, 1))
        close(attribution.values, products.sum(1))


def rectified() -> keras.Model:
    """Behind a ReLU, where the peer's formula is meant; small scores, so that its exponential is a number."""
    inputs = keras.Input((12, 10, 2))
    x = keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="features")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return nets._model(inputs, keras.layers.Dense(3, name="code")(x))


def scaled(values: Any) -> Any:
    """The peer cuts, and knows its maps up to a factor only."""
    values = np.maximum(np.asarray(values), 0)
    return values / values.max(axis=(1, 2), keepdims=True)


def test_grad_cam_plus_plus_equals_tf_keras_vis_up_to_its_normalisation() -> None:
    model = rectified()
    images = nets.pictures(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the peer's own deprecation warnings
        from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus

        peer = GradcamPlusPlus(model, clone=False)
        expected = peer(
            lambda output: output[:, 1],
            images,
            penultimate_layer="features",
            seek_penultimate_conv_layer=False,
            expand_cam=False,
            normalize_cam=False,
        )
    # The peer divides every channel's alphas by their sum; behind a mean a channel has one gradient, and ours are
    # Chattopadhyay's own: without the division.
    kernel = model.layers[-1].get_weights()[0][:, 1]
    features = Encoder(model).activations(images, ["features"])["features"]
    gradient = np.maximum(kernel / 120, 0)
    alphas = 120 * gradient / (2 + gradient * features.sum(axis=(1, 2))) / np.where(gradient > 0, gradient, 1)
    attribution = find("grad_cam_plus_plus")(Encoder(model), images, targets.channel(1), positive=True)
    undone = (attribution.raw / np.where(alphas > 0, alphas, 1)[:, None, None]).sum(axis=-1)
    assert np.asarray(expected).max() > 0
    close(scaled(undone), scaled(expected))


def test_score_cam_equals_tf_keras_vis_where_it_scores_as_asked() -> None:
    model = rectified()
    images = nets.pictures(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow as tf
        from tf_keras_vis.scorecam import Scorecam

        outputs: list[Any] = []

        def score(output: Any) -> Any:
            # The peer hands over softmax(output); only the maps' weights are compared, so the softmax is asked for too.
            outputs.append(np.asarray(output))
            return output[:, 1]

        expected = Scorecam(model)(
            score,
            images,
            penultimate_layer="features",
            seek_penultimate_conv_layer=False,
            expand_cam=False,
            normalize_cam=False,
        )
    soft = keras.Model(model.inputs, keras.layers.Softmax(name="soft")(model.output))
    encoder = Encoder(soft, layer="soft")
    settings = {"at": "features", "masked": "picture", "filler": 0.0}
    attribution = find("score_cam")(encoder, images, targets.channel(1), **settings)
    # The peer leaves out the score of "nothing": one number for all channels, which is added back.
    nothing = np.asarray(soft(tf.zeros_like(images)))[:, 1]
    features = encoder.activations(images, ["features"])["features"]
    close(np.maximum(attribution.values + nothing[:, None, None] * features.sum(axis=-1), 0), expected, 1e-3)
    assert len(outputs) == features.shape[-1]
