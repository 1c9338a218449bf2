"""LibraGrad on Keras models: shares that sum, a net frozen by hand, and the PyTorch way with equal weights."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
import torch
from keras import layers, ops
from numpy.testing import assert_allclose, assert_array_equal

import saccade
from saccade.models.keras import replaced_functions
from saccade.models.keras.attention import linearised

IMAGES = np.random.default_rng(0).random((2, 16, 24, 3), np.float32)
WIDTH = 8


@keras.saving.register_keras_serializable("tests")
class ByHand(layers.Layer):
    """Attention of products and a softmax, as people write it."""

    def __init__(self, *, einsum: bool = False, **settings: Any) -> None:
        super().__init__(**settings)
        self.einsum = einsum
        self.qkv = layers.Dense(3 * WIDTH, use_bias=False)

    def build(self, shape: Any) -> None:
        self.qkv.build(shape)

    def call(self, tokens: Any) -> Any:
        q, k, v = ops.split(self.qkv(tokens), 3, -1)
        scores = ops.einsum("nqc,nkc->nqk", q, k) if self.einsum else q @ ops.swapaxes(k, -1, -2)
        weights = ops.softmax(scores / WIDTH**0.5, -1)
        return ops.einsum("nqk,nkc->nqc", weights, v) if self.einsum else weights @ v


class Gated(layers.Layer):
    """Two branches multiplied by the operator of the framework's tensors."""

    def __init__(self, activation: Any) -> None:
        super().__init__()
        self.activation = keras.activations.get(activation)
        self.up, self.gate = layers.Dense(16, use_bias=False), layers.Dense(16, use_bias=False)

    def build(self, shape: Any) -> None:
        self.up.build(shape)
        self.gate.build(shape)

    def call(self, tokens: Any) -> Any:
        return self.activation(self.up(tokens)) * self.gate(tokens)


def multi_head(normal: Any) -> Any:
    return layers.MultiHeadAttention(2, 4, use_bias=False)(normal, normal)


ATTENTION: dict[str, Callable[[Any], Any]] = {
    "fused": multi_head,
    "with dropout": lambda normal: layers.MultiHeadAttention(2, 4, use_bias=False, dropout=0.1)(normal, normal),
    "grouped": lambda normal: layers.GroupQueryAttention(4, 4, 2, use_bias=False)(normal, normal),
    "luong": lambda normal: layers.Attention()([normal, normal]),
    "along two axes": lambda normal: layers.Reshape((24, WIDTH))(
        (lambda grid: layers.MultiHeadAttention(2, 4, use_bias=False, attention_axes=(1, 2))(grid, grid))(
            layers.Reshape((4, 6, WIDTH))(normal)
        )
    ),
    "by hand": lambda normal: ByHand()(normal),
    "by einsum": lambda normal: ByHand(einsum=True)(normal),
}
NORMS: dict[str, Callable[[], Any]] = {
    "layer": lambda: layers.LayerNormalization(center=False),
    "root mean square": layers.RMSNormalization,
    "group": lambda: layers.GroupNormalization(2, center=False),
    "unit": layers.UnitNormalization,
}


def transformer(attend: Any = multi_head, norm: Any = NORMS["layer"], activation: str = "gelu") -> keras.Model:
    """One block of a transformer, without biases, class token and position embeddings."""
    keras.utils.set_random_seed(0)
    images = keras.Input((16, 24, 3))
    tokens = layers.Reshape((24, WIDTH))(layers.Conv2D(WIDTH, 4, 4, use_bias=False)(images))
    tokens = layers.Add()([tokens, attend(norm()(tokens))])
    tokens = layers.Add()([tokens, layers.Dense(WIDTH, use_bias=False)(Gated(activation)(norm()(tokens)))])
    model = keras.Model(images, layers.GlobalAveragePooling1D(name="pooled")(tokens))
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(0, 0.7, values.shape).astype(np.float32) for values in model.get_weights()])
    return model


@pytest.mark.engine
@pytest.mark.parametrize("attention", ATTENTION)
def test_all_pixels_together_are_the_score(attention: str) -> None:
    encoder = saccade.Encoder(transformer(ATTENTION[attention]), value_range=(0, 1))
    shares = saccade.explain(encoder, IMAGES, "libragrad", low_pass=0)
    assert_allclose(shares.raw.sum((1, 2, 3)), shares.scores["score"], rtol=1e-4)
    plain = saccade.explain(encoder, IMAGES, "input_x_gradient")
    assert np.abs(plain.raw.sum((1, 2, 3)) / shares.scores["score"] - 1).max() > 0.02


@pytest.mark.engine
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("activation", ["silu", "mish", "tanh", "hard_silu", "elu", "sigmoid"])
def test_norms_activations_and_gates_leave_nothing_over(norm: str, activation: str) -> None:
    encoder = saccade.Encoder(transformer(norm=NORMS[norm], activation=activation), value_range=(0, 1))
    shares = saccade.explain(encoder, IMAGES, "libragrad", low_pass=0)
    assert_allclose(shares.raw.sum((1, 2, 3)), shares.scores["score"], rtol=1e-4)


@pytest.mark.engine
def test_it_gives_what_pytorch_gives() -> None:
    """The block in PyTorch with these weights, whose oracle is a net frozen by hand."""
    model = transformer(ByHand(), NORMS["layer"], "silu")
    patches, scale, qkv, second, up, gate, down = (torch.tensor(values) for values in model.get_weights())

    class Twin(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches = torch.nn.Conv2d(3, WIDTH, 4, 4, bias=False)
            self.patches.weight.data = patches.permute(3, 2, 0, 1).contiguous()

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            normalised = torch.nn.functional.layer_norm
            tokens = self.patches(images).flatten(2).transpose(1, 2)
            q, k, v = (normalised(tokens, [WIDTH], scale, eps=1e-3) @ qkv).chunk(3, -1)
            tokens = tokens + torch.softmax(q @ k.mT / WIDTH**0.5, -1) @ v
            normal = normalised(tokens, [WIDTH], second, eps=1e-3)
            return (tokens + (torch.nn.functional.silu(normal @ up) * (normal @ gate)) @ down).mean(1)

    twin = saccade.Encoder(Twin().eval(), input_shape=(16, 24, 3), value_range=(0, 1))
    expected = saccade.explain(twin, IMAGES, "libragrad", low_pass=0).raw
    shares = saccade.explain(saccade.Encoder(model, value_range=(0, 1)), IMAGES, "libragrad", low_pass=0).raw
    assert_allclose(shares, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


@pytest.mark.engine
def test_it_leaves_everything_as_it_was() -> None:
    encoder = saccade.Encoder(transformer(), value_range=(0, 1))
    before = encoder.codes(IMAGES), saccade.explain(encoder, IMAGES, "saliency").values
    functions = keras.src.backend.nn.softmax, layers.Softmax.call
    saccade.explain(encoder, IMAGES, "libragrad")
    assert_array_equal(encoder.codes(IMAGES), before[0])
    assert_array_equal(saccade.explain(encoder, IMAGES, "saliency").values, before[1])
    assert functions == (keras.src.backend.nn.softmax, layers.Softmax.call)


def test_other_threads_and_blocks_within_blocks() -> None:
    import tensorflow as tf

    values = tf.constant([[1.0, 2.0]])
    gradients: dict[str, Any] = {}

    def record_gradient(name: str) -> None:
        with tf.GradientTape() as tape:
            tape.watch(values)
            total = tf.reduce_sum(ops.softmax(values)[:, :1])
        gradients[name] = tape.gradient(total, values)

    with linearised():
        with linearised():
            record_gradient("inner")
        record_gradient("outer")
        thread = threading.Thread(target=record_gradient, args=("beside",))
        thread.start()
        thread.join()
    record_gradient("after")
    assert gradients["inner"] is gradients["outer"] is None
    assert_allclose(gradients["beside"], gradients["after"])
    assert np.abs(gradients["after"]).max() > 0.1


def test_functions_come_back_where_not_all_can_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    softmax = layers.Softmax.call

    def broken() -> Iterator[tuple[Any, str, str]]:
        yield layers.Softmax, "call", "softmax layer"
        raise ImportError("another version of Keras")

    with monkeypatch.context() as patched:
        patched.setattr(replaced_functions, "_functions", broken)
        with pytest.raises(ImportError), linearised():
            pass
    assert layers.Softmax.call is softmax
    with linearised():
        assert layers.Softmax.call is not softmax
    assert layers.Softmax.call is softmax
