"""Attention rollout on Keras models, against attention and its products written out."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from numpy.testing import assert_allclose

import saccade
from saccade.errors import NotApplicable

IMAGES = np.random.default_rng(0).random((2, 16, 24, 3), np.float32)


class Block(layers.Layer):
    """A block with its attention inside a layer of the user's own."""

    def __init__(self, width: int, heads: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.norm = layers.LayerNormalization()
        self.attend = layers.MultiHeadAttention(heads, width // heads)
        self.add = layers.Add()

    def build(self, shape: Any) -> None:
        self.norm.build(shape)
        self.attend.build(shape, shape)

    def call(self, tokens: Any) -> Any:
        normal = self.norm(tokens)
        return self.add([tokens, self.attend(normal, normal)])


def transformer(blocks: int = 2, *, inside: bool = False, width: int = 8) -> keras.Model:
    """Patches of 4 px, 4 x 6 of them, and attention among them."""
    keras.utils.set_random_seed(0)
    images = keras.Input((16, 24, 3))
    tokens = layers.Reshape((24, width))(layers.Conv2D(width, 4, 4, name="patches")(images))
    for k in range(blocks):
        if inside:
            tokens = Block(width, 2, name=f"block{k}")(tokens)
            continue
        normal = layers.LayerNormalization(name=f"norm{k}")(tokens)
        attended = layers.MultiHeadAttention(2, width // 2, name=f"attention{k}")(normal, normal)
        tokens = layers.Add(name=f"sum{k}")([tokens, attended])
    model = keras.Model(images, layers.GlobalAveragePooling1D(name="pooled")(tokens))
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(0, 0.7, values.shape).astype(np.float32) for values in model.get_weights()])
    return model


def attention_of(layer: Any, tokens: np.ndarray) -> np.ndarray:
    """(images, heads, queries, keys) by the formula, from the layer's weights."""
    (wq, bq, wk, bk), *_ = ([np.asarray(w, np.float64) for w in layer.get_weights()[:4]],)
    q = np.einsum("ntc,chd->nhtd", tokens, wq) + bq[None, :, None]
    k = np.einsum("ntc,chd->nhtd", tokens, wk) + bk[None, :, None]
    scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(q.shape[-1])
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def rolled_out(model: keras.Model, blocks: int, *, inside: bool) -> np.ndarray:
    """The mean row of the product of (A + 1) / 2, block after block, in float64."""
    product = np.eye(24)[None]
    for k in range(blocks):
        if inside:
            block = model.get_layer(f"block{k}")
            normal = block.norm(keras.Model(model.input, block.input)(IMAGES))
            layer = block.attend
        else:
            normal = keras.Model(model.input, model.get_layer(f"norm{k}").output)(IMAGES)
            layer = model.get_layer(f"attention{k}")
        weights = attention_of(layer, np.asarray(keras.ops.convert_to_numpy(normal), np.float64)).mean(1)
        product = (weights + np.eye(24)) / 2 @ product
    return product.mean(1)


@pytest.mark.engine
@pytest.mark.parametrize("inside", [False, True])
def test_rollout_is_the_formula(inside: bool) -> None:
    model = transformer(inside=inside)
    encoder = saccade.Encoder(model)
    assert (encoder.capabilities.attention, encoder.capabilities.linearised) == (True, True)
    attribution = saccade.explain(encoder, IMAGES, "attention_rollout")
    expected = rolled_out(model, 2, inside=inside)
    assert_allclose(attribution.raw.reshape(2, 24), expected, rtol=1e-4, atol=1e-6)
    assert attribution.grid == (4, 6)
    assert "attention of 2 blocks" in "; ".join(attribution.notes)


class ByHand(layers.Layer):
    """Attention of Keras's operations, with two heads, as people write it for positions of their own."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form
        self.qkv, self.softmax = layers.Dense(24), layers.Softmax()

    def build(self, shape: Any) -> None:
        self.qkv.build(shape)

    def call(self, tokens: Any) -> Any:
        q, k, v = (keras.ops.reshape(part, (-1, 24, 2, 4)) for part in keras.ops.split(self.qkv(tokens), 3, -1))
        if self.form == "fused":
            return keras.ops.reshape(keras.ops.dot_product_attention(q, k, v), (-1, 24, 8))
        scores = keras.ops.einsum("nqhc,nkhc->nhqk", q, k) / 2
        weights = self.softmax(scores) if self.form == "layer" else keras.ops.softmax(scores)
        return keras.ops.reshape(keras.ops.einsum("nhqk,nkhc->nqhc", weights, v), (-1, 24, 8))


@pytest.mark.engine
@pytest.mark.parametrize("form", ["fused", "softmax", "layer"])
def test_attention_written_by_hand_is_read(form: str) -> None:
    keras.utils.set_random_seed(0)
    images = keras.Input((16, 24, 3))
    tokens = layers.Reshape((24, 8))(layers.Conv2D(8, 4, 4)(images))
    block = ByHand(form)
    model = keras.Model(images, layers.GlobalAveragePooling1D()(layers.Add()([tokens, block(tokens)])))
    encoder = saccade.Encoder(model)
    attribution = saccade.explain(encoder, IMAGES, "attention_rollout")
    read = np.asarray(keras.ops.convert_to_numpy(keras.Model(images, tokens)(IMAGES)), np.float64)
    kernel, bias = (np.asarray(values, np.float64) for values in block.get_weights())
    q, k, _ = np.split(read @ kernel + bias, 3, -1)
    q, k = (part.reshape(2, 24, 2, 4) for part in (q, k))
    scores = np.exp(np.einsum("nqhc,nkhc->nhqk", q, k) / 2)
    weights = (scores / scores.sum(-1, keepdims=True)).mean(1)
    assert_allclose(attribution.raw.reshape(2, 24), (weights + np.eye(24)).mean(1) / 2, rtol=1e-4, atol=1e-6)


def test_asking_for_weights_changes_nothing() -> None:
    model = transformer()
    encoder = saccade.Encoder(model)
    before = encoder.codes(IMAGES)
    saccade.explain(encoder, IMAGES, "attention_rollout")
    assert_allclose(encoder.codes(IMAGES), before, rtol=0, atol=0)
    assert_allclose(before.reshape(2, -1), keras.ops.convert_to_numpy(model(IMAGES)), rtol=1e-5, atol=1e-6)


def test_a_model_that_shows_its_weights_itself_goes_on_doing_so() -> None:
    keras.utils.set_random_seed(0)
    images = keras.Input((16, 24, 3))
    tokens = layers.Reshape((24, 8))(layers.Conv2D(8, 4, 4)(images))
    mixed, weights = layers.MultiHeadAttention(2, 4, name="attend")(tokens, tokens, return_attention_scores=True)
    gate = layers.GlobalAveragePooling1D()(layers.Reshape((24, 48))(layers.Permute((2, 1, 3))(weights)))
    model = keras.Model(images, layers.Concatenate()([layers.GlobalAveragePooling1D()(mixed), gate]))
    encoder = saccade.Encoder(model)
    network: Any = encoder.network
    with network.inference_mode():
        (read,) = network.attention(keras.ops.convert_to_tensor(IMAGES), encoder.layer)
    expected = keras.ops.convert_to_numpy(keras.Model(images, weights)(IMAGES)).mean(1)
    assert_allclose(keras.ops.convert_to_numpy(read), expected, rtol=1e-5, atol=1e-6)


class Windows(layers.Layer):
    """Attention within windows of six tokens, which lie beside the images."""

    def call(self, tokens: Any) -> Any:
        windows = keras.ops.reshape(tokens, (-1, 6, 8))
        weights = keras.ops.softmax(keras.ops.matmul(windows, keras.ops.swapaxes(windows, 1, 2)))
        return tokens + keras.ops.reshape(keras.ops.matmul(weights, windows), (-1, 24, 8))


def test_attention_within_windows_is_refused() -> None:
    images = keras.Input((16, 24, 3))
    tokens = layers.Reshape((24, 8))(layers.Conv2D(8, 4, 4)(images))
    encoder = saccade.Encoder(keras.Model(images, layers.GlobalAveragePooling1D()(Windows()(tokens))))
    with pytest.raises(NotApplicable, match=r"needs attention among all tokens of the image.* this model's is 6x6"):
        saccade.explain(encoder, IMAGES, "attention_rollout")


def test_what_cannot_be_asked_is_refused() -> None:
    plain = saccade.Encoder(keras.Sequential([keras.Input((16, 16, 3)), layers.Conv2D(4, 3), layers.ELU()]))
    with pytest.raises(NotApplicable, match="this model has none before its code"):
        saccade.explain(plain, np.zeros((1, 16, 16, 3), np.float32), "attention_rollout")
