"""What people bring themselves: methods, networks, live models in place of encoders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from typing import Any

import nets
import numpy as np
import pytest

import saccade
from saccade import methods
from saccade.encoder import Encoder
from saccade.errors import InputError, NotApplicable, SaccadeWarning, UnknownName
from saccade.models.dataflow import Dataflow, Operation, Window
from saccade.models.network import Hints, Layer
from saccade.models.rectifiers import Rectifiers
from saccade.run import Run
from saccade.targets import Target
from saccade.targets.paths import ONCE, STAY

KERNEL = np.random.default_rng(0).normal(size=(4, 4, 3, 5)).astype(np.float32)


class Borrowed:
    """A network around another runtime: patches of 4x4 px become cells of 5 channels. It offers nothing more."""

    framework = "numpy"
    name = "borrowed"
    input_shape = (16, 16, 3)
    fixed_batch = None
    hints = Hints()
    output = "code"

    def __init__(self) -> None:
        self.layers = {"code": Layer("code", "Runtime", (4, 4, 5), 0)}
        self.images = 0

    def run(self, images: Any, layers: Any, taps: Any = None) -> Any:
        assert not taps, "this network knows no taps"
        assert list(layers) == ["code"]
        self.images += len(images)
        patches = images.reshape(len(images), 4, 4, 4, 4, 3).transpose(0, 1, 3, 2, 4, 5)
        return {"code": np.maximum(np.einsum("nrcabk,abkf->nrcf", patches, KERNEL), 0)}

    @contextmanager
    def inference_mode(self) -> Iterator[None]:
        yield

    def dataflow(self, height: int, width: int) -> Dataflow:
        window = Window(kernel=4, stride=4)
        return Dataflow((height, width), {"code": Operation(("input",), (window, window), (height // 4, width // 4))})

    def rectifiers(self, layer: str) -> Rectifiers:
        return Rectifiers(obstacle=f"{layer} is not known")

    def weights(self) -> list[tuple[str, Any]]:
        return []


@saccade.method(title="Mine", summary="what I look for", source="here", cost="one gradient", needs=["gradients"])
def mine(run: Run, images: Any, target: Target, *, power: float = 1.0) -> saccade.Map:
    """How steep is it?"""
    gradient = run.gradient(images, run.objective_at_input(images, target), STAY, ONCE)
    values = (np.abs(gradient).sum(axis=-1) ** power).astype(np.float32)
    return saccade.Map(values, gradient, units="steepness", signed=False, settings={"power": power})


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(nets.autoencoder(24), layer="encoded")


@pytest.fixture(scope="module")
def images(encoder: Encoder) -> Any:
    return nets.pictures(encoder.network.model, 1)  # type: ignore[attr-defined]


def test_a_method_is_passed_as_a_function(encoder: Encoder, images: Any) -> None:
    attribution = saccade.explain(encoder, images, mine, power=2.0)
    assert (attribution.method, attribution.title, attribution.units, attribution.settings["power"]) == (
        "mine",
        "Mine",
        "steepness",
        2.0,
    )
    plain = saccade.explain(encoder, images, "saliency", low_pass=0)
    np.testing.assert_allclose(attribution.values, plain.values**2, rtol=1e-4, atol=1e-9)
    with pytest.raises(UnknownName, match="no setting of mine 'powre'; the nearest is 'power'"):
        saccade.explain(encoder, images, mine, powre=2.0)


def test_a_function_that_is_no_method_is_refused_in_one_line(encoder: Encoder, images: Any) -> None:
    def undecorated(run: Any, images: Any, target: Any) -> None: ...

    for candidate, named in ((undecorated, "undecorated"), (3, "int")):
        with pytest.raises(InputError, match=rf"method='{named}' is no method: give a name .* @saccade.method\("):
            saccade.explain(encoder, images, candidate)  # type: ignore[arg-type]


def test_a_live_model_is_explained_with_its_defaults(encoder: Encoder, images: Any) -> None:
    attribution = saccade.explain(encoder.network.model, images, "activation_energy")  # type: ignore[attr-defined]
    np.testing.assert_array_equal(attribution.values, saccade.explain(encoder, images, "activation_energy").values)
    with pytest.raises(InputError, match=r"'cat.keras' is a path, not an encoder; open it first: saccade.load\("):
        saccade.explain("cat.keras", images)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Entry points as an installed package would have them."""

    def install(**values: str) -> None:
        entries = [EntryPoint(name, value, methods.ENTRY_POINTS) for name, value in values.items()]
        monkeypatch.setattr(methods, "entry_points", lambda group: entries if group == methods.ENTRY_POINTS else [])
        methods.available.cache_clear()

    yield install
    monkeypatch.undo()
    methods.available.cache_clear()


def test_a_method_of_another_package_is_found(installed: Any, encoder: Encoder, images: Any) -> None:
    installed(mine=f"{__name__}:mine")
    assert methods.find("mine") is mine
    assert saccade.explain(encoder, images, "mine").method == "mine"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("saliency", f"{__name__}:mine", "that name is taken"),
        ("broken", "no_such_module:mine", "it cannot be loaded"),
        ("plain", f"{__name__}:test_a_method_is_passed_as_a_function", "no function with @saccade.method"),
    ],
)
def test_what_is_no_method_of_another_package_is_left_out(installed: Any, name: str, value: str, message: str) -> None:
    installed(**{name: value})
    with pytest.warns(SaccadeWarning, match=rf"method '{name}' .* is left out: .*{message}"):
        available = methods.available()
    assert (name in available) == (name == "saliency")
    assert available.get(name) is not mine


def test_a_borrowed_network_answers_what_needs_no_gradients() -> None:
    network = Borrowed()
    own = Encoder(network)
    images = np.random.default_rng(1).random((1, 16, 16, 3)).astype(np.float32)
    able = [
        name
        for name, function in methods.available().items()
        if not set(function.description.needs) & {"gradients", "taps"} and name != "detail_kept"  # it only encodes
    ]
    assert {"occlusion", "relax", "sobol", "activation_energy", "eigen_cam"} <= set(able)
    for name in able:
        if name == "score_cam":
            attribution = saccade.explain(own, images, name, masked="picture")
        else:
            settings = {"relax": {"masks": 32}, "sobol": {"designs": 4}}.get(name, {})
            attribution = saccade.explain(own, images, name, **settings)
        assert np.isfinite(attribution.values).all()
        assert attribution.values.any()


def test_a_borrowed_network_is_covered_as_one_hole_at_a_time_would_be() -> None:
    own = Encoder(Borrowed())
    images = np.random.default_rng(1).random((1, 16, 16, 3)).astype(np.float32)
    attribution = saccade.explain(own, images, patch=4, stride=4, filler="black", low_pass=0)
    code = own.codes(images)
    for row, column in np.ndindex(4, 4):
        hidden = images.copy()
        hidden[:, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] = 0
        share = ((own.codes(hidden) - code) ** 2).sum() / (code**2).sum()
        np.testing.assert_allclose(attribution.raw[0, row, column], share, rtol=1e-4, atol=1e-7)
    assert attribution.settings["passes"] < attribution.settings["holes"]


@pytest.mark.parametrize("name", ["saliency", "integrated_gradients", "grad_cam", "ablation_cam", "jacobian_energy"])
def test_what_a_network_cannot_do_is_refused_before_anything_is_computed(name: str) -> None:
    network = Borrowed()
    own = Encoder(network)
    before = network.images
    with pytest.raises(
        NotApplicable, match=rf"{name} needs .*, which 'borrowed' does not offer; these need none: .*occlusion"
    ):
        saccade.explain(own, np.zeros((1, 16, 16, 3), np.float32), name)
    with pytest.raises(NotApplicable, match=r"does not offer"):
        methods.find(name)(own, np.zeros((1, 16, 16, 3), np.float32), saccade.targets.code())
    assert network.images == before


def test_evaluate_says_that_weights_cannot_be_randomised(tmp_path: Any) -> None:
    own = Encoder(Borrowed())
    images = np.random.default_rng(1).random((8, 16, 16, 3)).astype(np.float32)
    evaluation = saccade.evaluate(own, images, ["activation_energy"], steps=6, resamples=100)
    assert any("cannot be told apart by layer" in note for note in evaluation.notes)


def test_a_framework_that_is_not_known_brings_its_backend() -> None:
    from saccade.engines import engine_for
    from saccade.engines.numpy import NumpyBackend
    from saccade.errors import ModelError

    class Foreign(Borrowed):
        framework = "mlx"

    with pytest.raises(ModelError, match="'borrowed' is of framework 'mlx'; known are tensorflow, torch, jax, numpy"):
        engine_for(Foreign())

    class WithBackend(Foreign):
        backend = NumpyBackend

    assert isinstance(engine_for(WithBackend()).backend, NumpyBackend)
