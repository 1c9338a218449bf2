"""Guided backpropagation: right where it is defined, refused where it is not, and the model as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import nets
import numpy as np
import pytest
from closeness import close

import saccade
from saccade import targets
from saccade.encoder import Encoder
from saccade.errors import NotApplicable
from saccade.methods import find
from saccade.run import Run

pytestmark = pytest.mark.engine

L = keras.layers
SIZE = 12


def model_of(*layers: Any) -> keras.Model:
    inputs = keras.Input((SIZE, SIZE, 2))
    x = inputs
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x)


def batch(shape: tuple[int, ...] = (2, SIZE, SIZE, 2)) -> Any:
    return np.random.default_rng(3).random(shape, dtype=np.float32)


def guided(encoder: Encoder, images: Any, target: targets.Target | None = None) -> Any:
    return find("guided_backprop")(encoder, images, target or targets.code()).raw


def test_two_layers_by_hand() -> None:
    model = model_of(L.Flatten(), L.Dense(9, activation="relu"), L.Dense(4, name="middle"), L.ReLU(name="code"))
    encoder, images = Encoder(model, layer="code", value_range=(0, 1)), batch()
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=each.shape).astype(np.float32) for each in model.get_weights()])
    first, b1, second, b2 = (each.astype(np.float64) for each in model.get_weights())
    u1 = images.reshape(2, -1) @ first + b1
    u2 = np.maximum(u1, 0) @ second + b2
    alive = int(u2.min(axis=0).argmax())
    for target, arriving in ((targets.code(), np.maximum(u2, 0)), (targets.channel(alive), np.eye(4)[[alive] * 2])):
        back = (u2 > 0) * np.maximum(arriving, 0)
        back = (u1 > 0) * np.maximum(back @ second.T, 0)
        expected = (back @ first.T).reshape(images.shape)
        close(guided(encoder, images, target), expected)
        plain = find("saliency")(encoder, images, target).raw
        assert np.abs(plain - expected).max() > 0.05 * np.abs(expected).max()


def torch_net(inplace: bool) -> Any:
    import torch
    from torch import nn

    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 5, 3, padding=1), nn.BatchNorm2d(5), nn.ReLU(inplace), nn.MaxPool2d(2),
        nn.Conv2d(5, 6, 3, padding=1), nn.ReLU(inplace), nn.Conv2d(6, 4, 3, padding=1), nn.Sigmoid(),
    ).eval()  # fmt: skip


@pytest.mark.parametrize("inplace", [False, True])
def test_torch_equals_captum(inplace: bool) -> None:
    import torch
    from captum.attr import GuidedBackprop

    module, images = torch_net(inplace), batch()
    # The sigmoid comes after the code and does not matter.
    gradient = guided(Encoder(module, layer="6", input_shape=(SIZE, SIZE, 2)), images)
    cut = torch_net(False)[:7]
    x = torch.tensor(images.transpose(0, 3, 1, 2))
    reference = cut(x).detach()

    class Score(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cut = cut

        def forward(self, x: Any) -> Any:
            return (self.cut(x) * reference).flatten(1).sum(1)

    with pytest.warns(UserWarning, match="backward hooks"):
        expected = GuidedBackprop(Score()).attribute(x.requires_grad_())
    close(gradient, expected.detach().numpy().transpose(0, 2, 3, 1))


def test_keras_equals_torch_with_the_same_weights() -> None:
    module, images = torch_net(False), batch()
    conv = {"padding": "same"}
    inputs = keras.Input((SIZE, SIZE, 2))
    x = L.ReLU()(L.BatchNormalization(epsilon=1e-5)(L.Conv2D(5, 3, **conv)(inputs)))
    x = L.Conv2D(6, 3, activation="relu", **conv)(L.MaxPooling2D(2)(x))
    model = keras.Model(inputs, L.Conv2D(4, 3, name="code", **conv)(x))
    weights = {name: each.detach().numpy() for name, each in module.state_dict().items()}
    model.set_weights(
        [
            weights[name].transpose(2, 3, 1, 0) if weights[name].ndim == 4 else weights[name]
            for name in (
                "0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var",
                "4.weight", "4.bias", "6.weight", "6.bias",
            )
        ]
    )  # fmt: skip
    expected = guided(Encoder(module, layer="6", input_shape=(SIZE, SIZE, 2)), images)
    close(guided(Encoder(model, layer="code", value_range=(0, 1)), images), expected)


def test_written_into_after_the_relu() -> None:
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, written: bool) -> None:
            super().__init__()
            torch.manual_seed(1)
            self.first, self.second = nn.Conv2d(2, 5, 3, padding=1), nn.Conv2d(5, 4, 3, padding=1)
            self.relu, self.written = nn.ReLU(), written

        def forward(self, x: Any) -> Any:
            x = self.relu(self.first(x))
            x = x.mul_(-2.0) if self.written else x * -2.0
            return self.relu(self.second(x))

    gradient, expected = (
        guided(Encoder(Net(written), layer="relu:2", input_shape=(SIZE, SIZE, 2)), batch()) for written in (True, False)
    )
    assert np.abs(expected).max() > 0
    close(gradient, expected)


def test_every_spelling_of_a_relu_is_reached() -> None:
    def net(how: Callable[[Any, int], Any]) -> keras.Model:
        inputs = keras.Input((SIZE, SIZE, 2))
        x = how(inputs, 5)
        inner_in = keras.Input((SIZE, SIZE, 5))
        x = keras.Model(inner_in, how(inner_in, 5), name="inner")(x) + x
        model = keras.Model(inputs, L.Conv2D(3, 3, name="code")(L.AveragePooling2D(2)(x)))
        rng = np.random.default_rng(0)
        model.set_weights([rng.normal(size=each.shape).astype(np.float32) for each in model.get_weights()])
        return model

    spellings: list[Callable[[Any, int], Any]] = [
        lambda x, n: L.Conv2D(n, 3, padding="same", activation="relu")(x),
        lambda x, n: L.ReLU()(L.Conv2D(n, 3, padding="same")(x)),
        lambda x, n: L.Activation("relu")(L.Conv2D(n, 3, padding="same")(x)),
        lambda x, n: keras.ops.relu(L.Conv2D(n, 3, padding="same")(x)),
        lambda x, n: keras.activations.relu(L.Conv2D(n, 3, padding="same")(x)),
        lambda x, n: L.Conv2D(n, 3, padding="same", activation=lambda u: keras.ops.maximum(u, 0))(x),
    ]
    maps = [guided(Encoder(net(each), layer="code", value_range=(0, 1)), batch()) for each in spellings]
    for other in maps[1:]:
        close(other, maps[0])
    encoder = Encoder(net(spellings[0]), layer="code", value_range=(0, 1))
    assert len(encoder.network.rectifiers("code").paths) == 2


class RawRelu(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.encoded = L.Conv2D(3, 3), L.Conv2D(3, 3, name="encoded")

    def call(self, images: Any) -> Any:
        return self.encoded(keras.ops.relu(self.first(images)))


class OwnLayer(L.Layer):
    def call(self, x: Any) -> Any:
        return keras.ops.relu(x)


def keras_refusals() -> dict[str, tuple[keras.Model, str]]:
    conv = {"filters": 3, "kernel_size": 3, "padding": "same"}
    refusals = {
        name: (model_of(L.Conv2D(**conv, activation="relu"), L.Conv2D(**conv, activation=name)), f"ends in {name}")
        for name in ("elu", "sigmoid", "tanh", "silu", "gelu", "softmax")
    }
    gate = keras.Input((SIZE, SIZE, 2))
    x = L.Conv2D(**conv, activation="relu")(gate)
    raw = RawRelu()
    raw(batch())
    return {
        **refusals,
        "leaky": (model_of(L.Conv2D(**conv), L.LeakyReLU()), "is a LeakyReLU"),
        "sloping": (model_of(L.Conv2D(**conv), L.ReLU(negative_slope=0.1)), "is a ReLU with a gradient"),
        "relu6": (model_of(L.Conv2D(**conv), L.ReLU(6.0)), "is a ReLU with a gradient, a ceiling"),
        "normalised": (model_of(L.Conv2D(**conv, activation="relu"), L.LayerNormalization()), "LayerNormalization"),
        "gated": (keras.Model(gate, L.Multiply()([x, x])), "is a Multiply"),
        "squared": (keras.Model(gate, x * x), "is a Multiply"),
        "own": (model_of(L.Conv2D(**conv), OwnLayer(name="mine")), "is a OwnLayer, a class of its own"),
        "raw": (raw, "what 'encoded' reads was computed by code that is no layer"),
        "linear": (model_of(L.Conv2D(**conv), L.MaxPooling2D(2)), "none stands before"),
    }


def test_keras_models_with_anything_else_are_refused_before_computing(monkeypatch: pytest.MonkeyPatch) -> None:
    for model, words in keras_refusals().values():
        encoder = Encoder(model, value_range=(0, 1))

        def computing(*_: Any, **__: Any) -> None:
            raise AssertionError("computed before it was refused")

        monkeypatch.setattr(Run, "gradient", computing)
        with pytest.raises(NotApplicable) as refused:
            find("guided_backprop")(encoder, batch(), targets.code())
        assert words in str(refused.value)
        assert "use saliency or integrated_gradients" in str(refused.value)


def test_torch_modules_with_anything_else_are_refused() -> None:
    import torch
    from torch import nn

    class Functional(nn.Module):
        def __init__(self, function: Any) -> None:
            super().__init__()
            self.conv, self.function = nn.Conv2d(2, 3, 3), function

        def forward(self, x: Any) -> Any:
            return self.function(self.conv(x))

    def sequence(*layers: Any) -> Any:
        return nn.Sequential(nn.Conv2d(2, 4, 3), *layers)

    hidden = "a relu is called as a function"
    for module, words in (
        (sequence(nn.ReLU(), nn.ELU()), "elu, which is no ReLU"),
        (sequence(nn.Sigmoid()), "sigmoid"),
        (sequence(nn.Tanh()), "tanh"),
        (sequence(nn.SiLU()), "silu"),
        (sequence(nn.LeakyReLU()), "leaky_relu"),
        (sequence(nn.ReLU6()), "hardtanh"),
        (sequence(nn.ReLU(), nn.InstanceNorm2d(4)), "batch_norm"),
        (sequence(nn.ReLU(), nn.GroupNorm(2, 4)), "group_norm"),
        (sequence(nn.MaxPool2d(2)), "none stands before"),
        (Functional(torch.relu), hidden),
        (Functional(torch.nn.functional.relu), hidden),
        (Functional(lambda x: x.clamp(min=0)), "clamp"),
        (Functional(lambda x: x * x), "mul"),
        (Functional(lambda x: x * (x > 0)), "gt"),
    ):
        encoder = Encoder(module, input_shape=(SIZE, SIZE, 2), value_range=(0, 1))
        with pytest.raises(NotApplicable) as refused:
            find("guided_backprop")(encoder, batch(), targets.code())
        assert words in str(refused.value)


def test_what_comes_after_the_code_does_not_matter_and_what_comes_before_the_output_does() -> None:
    encoder = Encoder(nets.rectified(), layer="encoded")
    images = nets.pictures(encoder.network.model)  # type: ignore[attr-defined]
    assert np.abs(guided(encoder, images)).max() > 0
    with pytest.raises(NotApplicable, match="ends in sigmoid"):
        saccade.explain(encoder, images, "guided_backprop", "reconstruction_error")


def test_the_model_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    model, module = nets.rectified(), torch_net(False)
    called, operated = keras.layers.Layer.__call__, keras.Operation.__call__
    activations = [getattr(layer, "activation", None) for layer in model.layers]
    for encoder, images in (
        (Encoder(model, layer="encoded"), nets.pictures(model)),
        (Encoder(module, layer="6", input_shape=(SIZE, SIZE, 2)), batch()),
    ):
        plain, codes = find("saliency")(encoder, images, targets.code()).raw, encoder.codes(images)
        first = guided(encoder, images)
        # Guiding is not left behind for the next question, nor is a plain question's program used for a guided one.
        np.testing.assert_array_equal(find("saliency")(encoder, images, targets.code()).raw, plain)
        np.testing.assert_array_equal(guided(encoder, images), first)
        np.testing.assert_array_equal(encoder.codes(images), codes)
        assert np.abs(first - plain).max() > 0.01 * np.abs(plain).max()
        encoder.engine._programs.clear()

        def broken(*_: Any) -> Any:
            raise RuntimeError("in the middle")

        with monkeypatch.context() as patched:
            patched.setattr(encoder.engine.backend, "relu_backward", broken)
            with pytest.raises(RuntimeError, match="in the middle"):
                guided(encoder, images)
        encoder.engine._programs.clear()
        np.testing.assert_array_equal(find("saliency")(encoder, images, targets.code()).raw, plain)
    assert keras.layers.Layer.__call__ is called
    assert keras.Operation.__call__ is operated
    assert [getattr(layer, "activation", None) for layer in model.layers] == activations
    assert not any(part._forward_hooks or part._backward_hooks for part in module.modules())
    assert all(weight.requires_grad and weight.grad is None for weight in module.parameters())
