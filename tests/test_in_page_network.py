"""A model in a page: its data compute what the library computes, by a naive interpreter and in a real browser."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from pages import document
from plain_networks import ACTIVATIONS, COMPUTED, decoded, interpreted

import saccade
from saccade.errors import NotApplicable
from saccade.report import in_page_network as module
from saccade.report.array_spec import array_spec
from saccade.report.in_page_network import in_page_network
from saccade.report.page_file import joined_modules

SHIPPED = Path(saccade.__file__).parent / "shipped" / "clothing-autoencoder.keras"


# Models of every kind of layer that can be written down


def _processing() -> keras.Model:
    image = layers.Input((17, 22, 3))
    x = layers.Rescaling(2.0, offset=-1.0)(image)
    x = layers.ZeroPadding2D(((1, 2), (0, 3)))(x)
    x = layers.Conv2D(10, (5, 3), strides=(2, 1), use_bias=False)(x)
    x = layers.LeakyReLU(negative_slope=0.3)(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(3, dilation_rate=2, padding="same", activation="relu6")(x)
    x = layers.SeparableConv2D(6, 3, depth_multiplier=2, padding="same", activation="tanh")(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    x = layers.Conv2DTranspose(7, 3, strides=2, padding="same", activation="elu")(x)
    x = layers.UpSampling2D((2, 3), interpolation="bilinear")(x)
    x = layers.Conv2D(5, 3, dilation_rate=(2, 3), padding="same", activation="silu")(x)
    x = layers.Cropping2D(((1, 0), (2, 1)))(x)
    x = layers.Conv2DTranspose(4, (2, 4), strides=(3, 2), activation="softsign", name="code")(x)
    return keras.Model(image, x)


def _branching() -> keras.Model:
    image = layers.Input((12, 12, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="selu")(image)
    y = layers.Dropout(0.5)(layers.Conv2D(8, 3, groups=4, padding="same", activation="softplus")(x))
    x = layers.Add()([x, y])
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(8, 1, activation="sigmoid")(layers.Conv2D(2, 1, activation="hard_silu")(gate))
    x = layers.Multiply()([x, gate]) + y
    x = layers.Concatenate()([x, layers.Average()([x, y]), layers.Maximum()([x, y]), layers.Subtract()([x, y])])
    x = layers.AveragePooling2D(3, strides=2, padding="same")(x)
    x = layers.ReLU(max_value=0.7)(layers.Dense(5, activation="gelu")(x))
    x = layers.Flatten()(x)
    x = layers.Dense(12, activation="exponential")(x)
    x = layers.Softmax()(layers.Conv2D(4, 2)(layers.Reshape((2, 2, 3))(x)))
    return keras.Model(image, layers.Flatten(name="code")(x))


def _enlarging() -> keras.Model:
    part_input = layers.Input((None, None, 4))
    inner = layers.Conv2D(4, 3, padding="same", activation="hard_sigmoid")
    part = keras.Model(part_input, inner(part_input), name="part")
    image = layers.Input((6, 5, 2))
    x = layers.Conv2D(4, 1, activation=layers.LeakyReLU(negative_slope=0.1))(image)
    x = part(part(x))
    x = layers.UpSampling2D((3, 2))(x)
    x = layers.Conv2D(6, (5, 4), padding="same", activation="elu")(x)
    x = layers.UpSampling2D(2)(x)
    x = layers.Conv2D(3, 3, dilation_rate=2, padding="same")(x)
    x = layers.ELU(alpha=0.5)(x)
    shared = layers.UpSampling2D(2)(x)
    x = layers.Conv2D(3, 3, padding="same")(shared)
    x = layers.Add()([x, shared])
    x = layers.Conv2D(2, 3, strides=2, padding="same", activation="relu")(layers.UpSampling2D(2)(x))
    x = layers.Conv2DTranspose(9, 2, strides=3, padding="same", name="code")(x)
    return keras.Model(image, x)


def _redrawing() -> keras.Model:
    image = layers.Input((8, 8, 3))
    x = layers.MaxPooling2D(2, name="code")(layers.Conv2D(4, 3, padding="same", activation="relu")(image))
    x = layers.Conv2D(3, 3, padding="same", name="redrawn")(layers.UpSampling2D(2)(x))
    return keras.Model(image, x)


Made = tuple[Callable[[], keras.Model], dict[str, Any]]
MODELS: dict[str, Made] = {
    "processing": (_processing, {}),
    "branching": (_branching, {}),
    "enlarging": (_enlarging, {}),
    "redrawing": (_redrawing, {}),
    "normalised": (_redrawing, {"normalize": ((0.3, 0.4, 0.6), (0.2, 0.3, 0.25))}),
    "bgr": (_redrawing, {"normalize": "caffe", "value_range": (0.0, 255.0)}),
}


def _encoder(name: str) -> saccade.Encoder:
    make, settings = MODELS[name]
    keras.utils.set_random_seed(3)
    model = make()
    draw = np.random.default_rng(5)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):  # as after training: no longer the identity
            layer.set_weights([draw.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    return saccade.Encoder(model, layer="code", **{"value_range": (0.0, 1.0), "normalize": "none"} | settings)


@pytest.fixture(scope="module")
def encoders() -> dict[str, saccade.Encoder]:
    return {name: _encoder(name) for name in MODELS}


@pytest.fixture(scope="module")
def shipped() -> saccade.Encoder:
    return saccade.load(SHIPPED)


def _images(encoder: saccade.Encoder, count: int = 2) -> np.ndarray:
    low, high = encoder.value_range
    return np.random.default_rng(7).uniform(low, high, (count, *encoder.network.input_shape)).astype(np.float32)


def _expected(encoder: saccade.Encoder, images: np.ndarray) -> dict[str, np.ndarray]:
    paths = {"code": encoder.layer} | ({"redrawn": encoder.network.output} if encoder.is_autoencoder else {})
    values = encoder.activations(images, list(paths.values()))
    return {name: values[path].reshape(len(images), -1) for name, path in paths.items()}


def _error(computed: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference as a share of the largest number."""
    return float(np.abs(computed - expected).max() / np.abs(expected).max())


# The data, by a naive interpreter


@pytest.mark.engine
@pytest.mark.parametrize("name", MODELS)
def test_the_data_compute_what_keras_computes(encoders: dict[str, saccade.Encoder], name: str, backend: str) -> None:
    encoder = encoders[name]
    images = _images(encoder)
    if name == "branching" and backend == "torch":
        # There Keras's average pooling takes the edge of the image for what lies beyond it.
        with pytest.raises(NotApplicable, match="repeats the edges of the image"):
            in_page_network(encoder, *encoder.network.input_shape[:2])
        return
    network = json.loads(json.dumps(in_page_network(encoder, *encoder.network.input_shape[:2])))
    values = interpreted(network, images[0])
    for part, expected in _expected(encoder, images).items():
        assert _error(values[network[part]].ravel(), expected[0]) < 2e-3, part
    assert (network["redrawn"] is None) == (not encoder.is_autoencoder)


def test_every_kind_of_layer_is_tried(encoders: dict[str, saccade.Encoder]) -> None:
    networks = [in_page_network(encoder, *encoder.network.input_shape[:2]) for encoder in encoders.values()]
    tried = [layer for network in networks for layer in network["layers"]]
    assert {layer["kind"] for layer in tried} == {*COMPUTED, "combine", "concatenate"}
    assert {layer["activation"]["name"] for layer in tried if "activation" in layer} == set(ACTIVATIONS) - {"gelu_tanh"}


def test_the_shipped_model_is_small_and_whole(shipped: saccade.Encoder) -> None:
    network = in_page_network(shipped, 128, 128)
    assert network["weights"] == sum(values.size for _, values in shipped.network.weights())
    assert network["multiplications"] == 780_926_976
    assert len(json.dumps(network)) < 1_900_000
    assert [layer["name"] for layer in network["layers"]][-1] == shipped.network.output


def test_what_is_not_needed_is_not_carried() -> None:
    model = _redrawing()
    scores = layers.LayerNormalization()(layers.Flatten()(model.output))
    encoder = saccade.Encoder(keras.Model(model.input, scores), layer="code", value_range=(0, 1), normalize="none")
    network = in_page_network(encoder, 8, 8)
    assert [layer["kind"] for layer in network["layers"]] == ["convolution", "pooling"]
    assert network["redrawn"] is None


# What cannot run in a page


class _Own(layers.Layer):
    def call(self, image: Any) -> Any:
        return image * image


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (layers.LayerNormalization(name="code"), "'code' is a LayerNormalization, which a page cannot compute."),
        (_Own(name="code"), "'code' is a _Own, which"),
        (layers.Conv2D(2, 3, activation=keras.ops.sin, name="code"), "'code' ends in"),
        (layers.UpSampling2D(2, interpolation="bicubic", name="code"), "bicubic"),
        (layers.Softmax(axis=1, name="code"), "over other axes"),
        (layers.Conv2DTranspose(2, 3, strides=2, output_padding=1, name="code"), "padding of its output"),
    ],
)
def test_a_layer_that_a_page_cannot_compute_is_named(layer: layers.Layer, reason: str) -> None:
    image = layers.Input((8, 8, 3))
    encoder = saccade.Encoder(keras.Model(image, layer(image)), layer="code", value_range=(0, 1), normalize="none")
    with pytest.raises(NotApplicable, match=reason):
        in_page_network(encoder, 8, 8)


def test_what_code_beside_the_layers_computes_is_refused() -> None:
    class Beside(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = layers.Conv2D(2, 3), layers.Conv2D(2, 3, name="code")

        def call(self, image: Any) -> Any:
            return self.second(keras.ops.sin(self.first(image)))

    model = Beside()
    model(np.zeros((1, 8, 8, 3), np.float32))
    encoder = saccade.Encoder(model, layer="code", value_range=(0, 1), normalize="none", input_shape=(8, 8, 3))
    with pytest.raises(NotApplicable, match="reads something that no layer gave"):
        in_page_network(encoder, 8, 8)


def test_too_large_models_are_refused(encoders: dict[str, saccade.Encoder], monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, reason in (
        ("MOST_BYTES", "holds at most 0.0001"),
        ("MOST_MULTIPLICATIONS", "multiplications for an image"),
        ("MOST_NUMBERS", "numbers of an image, and a page keeps at most 100"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, limit, 100)
            with pytest.raises(NotApplicable, match=reason):
                in_page_network(encoders["redrawing"], 8, 8)


def test_weights_beyond_the_range_of_half_precision_are_carried() -> None:
    model = _redrawing()
    model.layers[1].set_weights([1e6 * weight for weight in model.layers[1].get_weights()])
    encoder = saccade.Encoder(model, layer="code", value_range=(0, 1), normalize="none")
    kernel = decoded(in_page_network(encoder, 8, 8)["layers"][0]["kernel"])
    assert _error(kernel, model.layers[1].get_weights()[0]) < 1e-3


# In a browser


RUNS = """
const carried = JSON.parse(document.getElementById("data").textContent);
const results = {};
for (const [name, { network: spec, images, moved }] of Object.entries(carried)) {
  const network = await InPageNetwork.open(spec);
  const { values, shape } = decodeArray(images);
  const size = values.length / shape[0];
  const result = { beside: network.isInWorker, answers: [], same: true };
  for (let index = 0; index < shape[0]; index += 1) {
    const answer = await network.run(values.slice(index * size, (index + 1) * size));
    result.answers.push({ code: [...answer.code], redrawn: answer.redrawn && [...answer.redrawn] });
  }
  // Browsers without relaxed SIMD multiply and add one after the other.
  const compute = await startNetwork(await planNetwork(spec, false));
  const apart = compute(values.slice(0, size));
  result.apart = { code: [...apart.code], redrawn: apart.redrawn && [...apart.redrawn] };
  // What is computed of a change only, and everything anew: the same bits.
  for (const change of moved.map((each) => decodeArray(each).values)) {
    const fresh = await InPageNetwork.open(spec);
    const [partly, anew] = [await network.run(change), await fresh.run(change)];
    fresh.close();
    for (const part of ["code", "redrawn"]) {
      if (anew[part]?.some((value, place) => !Object.is(value, partly[part][place]))) result.same = false;
    }
  }
  network.close();
  results[name] = result;
}
globalThis.results = results;
"""


LATEST = """
const { network: spec, image } = JSON.parse(document.getElementById("data").textContent);
const network = await InPageNetwork.open(spec);
const { values } = decodeArray(image);
const answers = await Promise.all([0, 0.1, 0.2, 0.3].map((shift) => network.run(values.map((value) => value + shift))));
const last = await network.run(values.map((value) => value + 0.3));
const changed = values.slice();
const asked = network.run(changed);
changed.fill(0); // an image that the caller goes on to paint
const unchanged = await asked;
const failure = await network.run(values.slice(1)).then(() => "", (error) => error.message);
const after = await network.run(values);
const pending = [network.run(values), network.run(values)];
network.close();
globalThis.results = {
  beside: network.isInWorker,
  dropped: answers.map((answer) => answer === null),
  isLast: answers[3].code.every((value, place) => value === last.code[place]),
  isUnchanged: after.code.every((value, place) => value === unchanged.code[place]),
  milliseconds: last.milliseconds,
  failure,
  closed: await Promise.all(pending),
};
"""


@pytest.mark.parametrize("workers", [True, False])
def test_the_latest_image_wins(
    browser: Any, encoders: dict[str, saccade.Encoder], tmp_path: Path, workers: bool
) -> None:
    encoder = encoders["redrawing"]
    carried = {"network": in_page_network(encoder, 8, 8), "image": array_spec(_images(encoder)[0])}
    page = tmp_path / "page.html"
    page.write_text(document(joined_modules("in_page_network.js") + LATEST, carried, workers=workers), encoding="utf-8")
    tab = browser.new_page()
    tab.goto(page.as_uri())
    results = _awaited(tab, "globalThis.results")
    tab.close()
    assert results["beside"] is workers
    assert results["dropped"] == [False, True, True, False]
    assert results["isLast"]
    assert results["isUnchanged"]
    assert results["milliseconds"] >= 0
    assert "an image of 191 numbers for a network that takes 192" in results["failure"]
    assert results["closed"][1] is None


def _moved(images: np.ndarray, covers: int) -> list[np.ndarray]:
    """The second image with rectangles of it changed, one after the other: small, at the edges, large."""
    draw = np.random.default_rng(11)
    height, width = images.shape[1:3]
    result = []
    for _ in range(covers):
        image = images[-1].copy()
        tall, wide = draw.integers(1, height // 2 + 1), draw.integers(1, width // 2 + 1)
        top, left = draw.integers(0, height - tall + 1), draw.integers(0, width - wide + 1)
        image[top : top + tall, left : left + wide] = draw.uniform(image.min(), image.max())
        result.append(image)
    return result


@pytest.fixture(scope="module")
def ran(
    browser: Any, encoders: dict[str, saccade.Encoder], shipped: saccade.Encoder, tmp_path_factory: Any
) -> dict[str, Any]:
    """Every model computed in one page from `file://`, and what the page asked and said meanwhile."""
    carried = {}
    for name, encoder in {**encoders, "shipped": shipped}.items():
        images = _images(encoder)
        height, width = images.shape[1:3]
        carried[name] = {
            "network": in_page_network(encoder, height, width),
            "images": array_spec(images),
            "moved": [array_spec(image) for image in _moved(images, 6)],
        }
    page = tmp_path_factory.mktemp("page") / "page.html"
    page.write_text(document(joined_modules("in_page_network.js") + RUNS, carried), encoding="utf-8")
    tab = browser.new_page()
    messages: list[str] = []
    requests: list[str] = []
    tab.on("console", lambda message: messages.append(message.text))
    tab.on("pageerror", lambda error: messages.append(str(error)))
    tab.on("request", lambda request: requests.append(request.url))
    tab.goto(page.as_uri())
    results = _awaited(tab, "globalThis.results")
    tab.close()
    return {"results": results, "messages": messages, "requests": requests}


def _awaited(tab: Any, expression: str, seconds: float = 120) -> Any:
    """What an expression gives once it gives something; asked from outside, since the page forbids eval."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = tab.evaluate(expression)
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"{expression} gave nothing in {seconds} s")


@pytest.mark.parametrize("name", [*MODELS, "shipped"])
def test_a_page_computes_what_the_library_computes(
    ran: dict[str, Any], encoders: dict[str, saccade.Encoder], shipped: saccade.Encoder, name: str
) -> None:
    encoder = {**encoders, "shipped": shipped}[name]
    expected = _expected(encoder, _images(encoder))
    for part, numbers in expected.items():
        for answer, row in zip(ran["results"][name]["answers"], numbers, strict=True):
            assert _error(np.array(answer[part]), row) < 3e-3, part
        assert _error(np.array(ran["results"][name]["apart"][part]), numbers[0]) < 3e-3, part


def test_computing_only_what_changed_gives_the_same_bits(ran: dict[str, Any]) -> None:
    assert [name for name, result in ran["results"].items() if not result["same"]] == []


def test_a_page_computes_without_a_request_or_a_word(ran: dict[str, Any]) -> None:
    assert ran["messages"] == []
    assert [url for url in ran["requests"] if not url.startswith("blob:")] == ran["requests"][:1]
    assert ran["requests"][0].startswith("file:")
    assert all(result["beside"] for result in ran["results"].values())
