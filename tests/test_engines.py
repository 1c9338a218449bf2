"""The engines against numpy and finite differences, and their manners: memory, progress, compiling, no trace left."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import keras
import nets
import numpy as np
import pytest
from closeness import close
from reference_engine import reference_engine

from saccade.encoder import Encoder
from saccade.engines import Objective, Questions, engine_for
from saccade.errors import Cancelled, MemoryBudgetError
from saccade.models import open_live
from saccade.models.numpy_network import NumpyNetwork
from saccade.targets import COSINE, HALF_ENERGY, INNER_PRODUCT, MEAN_SQUARED_ERROR, SHARE_CHANGED
from saccade.targets.noise import NormalPoints
from saccade.targets.paths import COVERED, NOISY, ONCE, STAY, STRAIGHT, ArrayPoints

pytestmark = pytest.mark.engine

SIZE = 12
MEASURES = (INNER_PRODUCT, COSINE, SHARE_CHANGED, HALF_ENERGY)


def ask(network: Any, **settings: Any) -> Questions:
    """A call on the network's engine."""
    return Questions(engine_for(network, **settings))


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return nets.autoencoder(SIZE)


@pytest.fixture(scope="module")
def engine(model: keras.Model) -> Questions:
    return ask(open_live(model))


@pytest.fixture(scope="module")
def reference(model: keras.Model) -> Questions:
    network = NumpyNetwork(nets.numpy_autoencoder(nets.weights_of(model)), (SIZE, SIZE, 1))
    return Questions(reference_engine(network))


@pytest.fixture(scope="module")
def twin(model: keras.Model) -> Questions:
    return ask(open_live(nets.torch_autoencoder(nets.weights_of(model)), input_shape=(SIZE, SIZE, 1)))


@pytest.fixture(scope="module")
def images(model: keras.Model) -> Any:
    return nets.pictures(model, 2)


def objective(measure: Any, codes: Any, layer: str = "encoded") -> Objective:
    # Another picture's code as the reference, so that no measure is at its optimum, where gradients vanish.
    return Objective(measure, layer, np.ascontiguousarray(codes[::-1]))


def paths(images: Any) -> dict[str, Any]:
    filler = np.full_like(images, 0.3)
    holes = {"rows": np.eye(SIZE, dtype=np.float32)[:5], "columns": np.eye(SIZE, dtype=np.float32)[3:8]}
    return {
        "stay": (STAY, ONCE, {}),
        "straight": (
            STRAIGHT,
            ArrayPoints({"times": np.linspace(0.1, 0.9, 3).astype(np.float32)}),
            {"baseline": filler},
        ),
        "jittered": (NOISY, NormalPoints(1, 3, images.shape[1:]), {"scale": np.array([0.05, 0.1], np.float32)}),
        "covered": (COVERED, ArrayPoints(holes), {"filler": filler}),
    }


def test_activations_agree_with_numpy(engine: Questions, reference: Questions, twin: Questions, images: Any) -> None:
    layers = ["conv_1", "encoded", "conv_decoded"]
    expected = reference.activations(images, layers)
    activations = engine.activations(images, layers)
    for layer in layers:
        close(activations[layer], expected[layer], 1e-5)
    close(twin.activations(images, ["encoder"])["encoder"], expected["encoded"], 1e-5)
    close(
        twin.activations(images, [twin.engine.network.output])[twin.engine.network.output],
        expected["conv_decoded"],
        1e-5,
    )


@pytest.mark.parametrize("path", ["stay", "straight", "jittered", "covered"])
def test_scores_agree_with_numpy(
    engine: Questions, reference: Questions, twin: Questions, images: Any, path: str
) -> None:
    codes = reference.activations(images, ["encoded"])["encoded"]
    objectives = [objective(measure, codes) for measure in MEASURES]
    way, points, fixed = paths(images)[path]
    expected = reference.score(images, objectives, way, points, fixed)
    scores = engine.score(images, objectives, way, points, fixed)
    theirs = twin.score(images, [Objective(o.measure, "encoder", o.reference) for o in objectives], way, points, fixed)
    for a, b, c in zip(scores, theirs, expected, strict=True):
        assert a.shape == (len(points), len(images))
        close(a, c)
        close(b, c)


@pytest.mark.parametrize("path", ["stay", "straight", "jittered", "covered"])
@pytest.mark.parametrize("measure", MEASURES, ids=lambda each: each.name)
def test_gradients_agree_with_finite_differences(
    engine: Questions, reference: Questions, twin: Questions, images: Any, path: str, measure: Any
) -> None:
    codes = reference.activations(images, ["encoded"])["encoded"]
    way, points, fixed = paths(images)[path]
    code_objective = objective(measure, codes)
    expected = reference.gradient(images, code_objective, way, points, fixed)
    close(engine.gradient(images, code_objective, way, points, fixed), expected)
    close(twin.gradient(images, Objective(measure, "encoder", code_objective.reference), way, points, fixed), expected)


def test_the_error_of_the_output_is_differentiated_through_both_of_its_pictures(
    engine: Questions, reference: Questions, images: Any
) -> None:
    error_objective = Objective(MEAN_SQUARED_ERROR, "conv_decoded", np.zeros((2, 1, 1, 1), np.float32))
    close(engine.gradient(images, error_objective, STAY, ONCE), reference.gradient(images, error_objective, STAY, ONCE))


@pytest.mark.parametrize("layer", ["conv_1", "pool_1", "conv_2"])
def test_gradients_at_a_layer_agree_with_finite_differences(
    engine: Questions, reference: Questions, images: Any, layer: str
) -> None:
    codes = reference.activations(images, ["encoded"])["encoded"]
    code_objective = objective(COSINE, codes)
    close(
        engine.gradient(images[:1], Objective(COSINE, "encoded", code_objective.reference[:1]), STAY, ONCE, at=layer),
        reference.gradient(
            images[:1], Objective(COSINE, "encoded", code_objective.reference[:1]), STAY, ONCE, at=layer
        ),
    )


def test_weights_and_variances(engine: Questions, reference: Questions, images: Any) -> None:
    codes = reference.activations(images, ["encoded"])["encoded"]
    way, points, fixed = paths(images)["straight"]
    weights = np.array([0.2, 0.5, 0.3], np.float32)
    both = [
        each.gradient(images, objective(COSINE, codes), way, points, fixed, weights=weights, variance=True)
        for each in (engine, reference)
    ]
    for answer, expected in zip(*both, strict=True):
        close(answer, expected)


def test_pulling_agrees_with_finite_differences(engine: Questions, reference: Questions, images: Any) -> None:
    patterns = np.random.default_rng(0).normal(size=(3, 1, 3, 3, 3)).astype(np.float32)
    close(engine.vjp(images, "encoded", patterns), reference.vjp(images, "encoded", patterns))


def terms_of(engine: Questions, images: Any, objective: Objective, way: Any, points: Any, fixed: Any) -> Any:
    """The terms of every place, put together from the pieces."""
    pieces: dict[tuple[int, int], Any] = {}

    def on_chunk(number: int, some_points: slice, some_images: slice, terms: Any) -> None:
        assert number == 0
        for point in range(some_points.start, some_points.stop):
            for image in range(some_images.start, some_images.stop):
                pieces[point, image] = terms[point - some_points.start, image - some_images.start]

    assert engine.score(images, [objective], way, points, fixed, on_chunk=on_chunk) == []
    return np.stack([np.stack([pieces[point, image] for image in range(len(images))]) for point in range(len(points))])


def test_cells_add_up_to_the_score(engine: Questions, images: Any) -> None:
    codes = engine.activations(images, ["encoded"])["encoded"]
    way, points, fixed = paths(images)["covered"]
    code_objective = objective(COSINE, codes)
    cells = terms_of(engine, images, code_objective, way, points, fixed)
    assert cells.shape == (len(points), 2, 3, 3, 3)
    sums = tuple(np.moveaxis(cells.sum(axis=(2, 3), dtype=np.float64), -1, 0))
    np.testing.assert_allclose(COSINE.number(sums, 27), engine.score(images, [code_objective], way, points, fixed)[0])


def test_a_batch_equals_a_loop_and_chunks_change_nothing(model: keras.Model, engine: Questions) -> None:
    images = nets.pictures(model, 5)
    codes = engine.activations(images, ["encoded"])["encoded"]
    way, points, _ = paths(images[:2])["straight"]
    fixed = {"baseline": np.full_like(images, 0.3)}
    code_objective = objective(COSINE, codes)
    whole = engine.gradient(images, code_objective, way, points, fixed)
    single = [
        engine.gradient(
            images[k : k + 1], Objective(COSINE, "encoded", code_objective.reference[k : k + 1]), way, points,
            {"baseline": fixed["baseline"][k : k + 1]},
        )
        for k in range(5)
    ]  # fmt: skip
    close(whole, np.concatenate(single), 1e-5)
    scores = engine.score(images, [code_objective], way, points, fixed)[0]
    one_at_a_time = few_at_once(open_live(model), most=1)
    four_at_a_time = few_at_once(open_live(model), most=4)
    for other in (one_at_a_time, four_at_a_time):
        close(other.gradient(images, code_objective, way, points, fixed), whole, 1e-5)
        close(other.score(images, [code_objective], way, points, fixed)[0], scores, 1e-5)


def few_at_once(network: Any, most: int) -> Questions:
    """A call on an engine that never takes more than some images at once."""
    engine = engine_for(network)
    engine.batch = most
    return Questions(engine)


def test_a_question_asked_again_is_not_compiled_again(model: keras.Model, backend: str) -> None:
    engine = engine_for(open_live(model))
    images = nets.pictures(model, 7)
    codes = Questions(engine).activations(images, ["encoded"])["encoded"]
    points = ArrayPoints({"times": np.linspace(0, 1, 50).astype(np.float32)})

    def call(measure: Any) -> None:
        fixed = {"baseline": np.zeros_like(images)}
        Questions(engine).gradient(images, objective(measure, codes), STRAIGHT, points, fixed)
        Questions(engine).score(images, [objective(measure, codes)], STRAIGHT, points, fixed)

    call(COSINE)
    traces = engine.traces
    for _ in range(3):
        call(COSINE)
    if backend == "torch":
        assert engine.programs == 3
    else:
        assert engine.traces == traces
        assert traces <= 4


def test_training_on_is_seen(model: keras.Model) -> None:
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    engine = ask(open_live(copy))
    images = nets.pictures(copy)
    before = engine.activations(images, ["encoded"])["encoded"]
    copy.set_weights([each * 1.5 for each in copy.get_weights()])
    after = engine.activations(images, ["encoded"])["encoded"]
    assert np.abs(after - before).max() > 0.01


def test_the_model_comes_back_untouched(backend: str) -> None:
    inputs = keras.Input((12, 12, 1))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(3, 3, padding="same")(inputs))
    x = keras.layers.Dropout(0.5, seed=1)(x)
    model = keras.Model(inputs, keras.layers.GaussianNoise(0.5, seed=2)(x))
    engine = ask(open_live(model))
    images = nets.pictures(model)
    before = [keras.ops.convert_to_numpy(each.value).copy() for each in model.variables]
    plain_call = keras.layers.Layer.__call__
    frozen = [each.requires_grad for each in model.parameters()] if backend == "torch" else []

    class Failing(Exception):
        pass

    def stop() -> bool:
        raise Failing

    layer = next(iter(model.layers[1:])).name
    objective_here = Objective(HALF_ENERGY, layer, np.zeros((2, 1, 1, 1), np.float32))
    engine.gradient(images, objective_here, STAY, ONCE)
    engine.stop = stop
    with pytest.raises(Failing):
        engine.gradient(images, objective_here, STAY, ONCE)
    assert keras.layers.Layer.__call__ is plain_call
    for value, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(value, keras.ops.convert_to_numpy(variable.value))
    if backend == "torch":
        assert [each.requires_grad for each in model.parameters()] == frozen
        assert all(each.grad is None for each in model.parameters())


def test_nothing_after_the_layer_is_computed(model: keras.Model, backend: str) -> None:
    called = []
    decoder = keras.layers.Lambda(lambda x: called.append(1) or x)
    chained = keras.Model(model.inputs, decoder(model.get_layer("encoded").output))
    network = open_live(chained)
    _ = network.layers
    called.clear()
    ask(network).activations(nets.pictures(model), ["encoded"])
    assert not called


def test_progress_ends_at_the_total_and_stop_cancels(model: keras.Model) -> None:
    engine = few_at_once(open_live(model), most=2)
    images = nets.pictures(model, 4)
    progress: list[tuple[int, int]] = []
    engine.progress = lambda done, total: progress.append((done, total))
    engine.activations(images, ["encoded"])
    assert progress == [(1, 2), (2, 2)]
    engine.stop = lambda: True
    with pytest.raises(Cancelled, match="stopped"):
        engine.activations(images, ["encoded"])


def test_memory_that_runs_out_halves_the_piece(model: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = ask(open_live(model))
    images = nets.pictures(model, 9)
    expected = engine.activations(images, ["encoded"])["encoded"]
    tensor: Callable[[Any], Any] = engine.engine.backend.tensor
    sizes: list[int] = []

    def small(values: Any) -> Any:
        if values.ndim == 4 and values.shape[1:3] == (SIZE, SIZE):
            sizes.append(len(values))
            if len(values) > 2:
                raise MemoryError
        return tensor(values)

    monkeypatch.setattr(engine.engine.backend, "tensor", small)
    np.testing.assert_allclose(engine.activations(images, ["encoded"])["encoded"], expected, rtol=1e-5, atol=1e-6)
    refused = [count for count in sizes if count > 2]
    assert refused[0] == 9
    assert all(later <= earlier // 2 for earlier, later in itertools.pairwise(refused))
    assert len(sizes) - len(refused) >= 5
    monkeypatch.setattr(engine.engine.backend, "tensor", lambda values: (_ for _ in ()).throw(MemoryError))
    with pytest.raises(MemoryBudgetError, match="memory ran out"):
        engine.activations(images, ["encoded"])


def test_a_picture_beyond_the_budget_is_refused_with_the_numbers(model: keras.Model) -> None:
    with pytest.raises(MemoryBudgetError, match=r"needs about .* MiB, more than the .* MiB allowed"):
        ask(open_live(model), memory=1000).activations(nets.pictures(model), ["encoded"])


@pytest.mark.parametrize("name", ["dense", "pooled"])
def test_codes_without_places(name: str) -> None:
    build, layer = nets.MIXING[name]
    model = build()
    engine = ask(open_live(model))
    images = nets.pictures(model)
    codes = engine.activations(images, [layer])[layer].reshape(2, 1, 1, -1)
    gradient = engine.gradient(images, Objective(COSINE, layer, np.ascontiguousarray(codes[::-1])), STAY, ONCE)
    assert np.abs(gradient).max() > 0
    step = 1e-3 * np.random.default_rng(1).normal(size=images.shape).astype(np.float32)
    ends = [
        engine.score(images + sign * step, [Objective(COSINE, layer, np.ascontiguousarray(codes[::-1]))], STAY, ONCE)
        for sign in (1, -1)
    ]
    change = ends[0][0][0] - ends[1][0][0]
    np.testing.assert_allclose(2 * (gradient * step).sum(axis=(1, 2, 3)), change, rtol=0.02, atol=1e-6)


def test_a_model_of_one_batch_size(backend: str) -> None:
    free = nets.autoencoder(SIZE)
    inputs = keras.Input(batch_shape=(4, SIZE, SIZE, 1))
    fixed = keras.Model(inputs, free(inputs))
    layer = next(path for path in open_live(fixed).layers if path.endswith("encoded"))
    engine = ask(open_live(fixed))
    images = nets.pictures(free, 6)
    expected = ask(open_live(free)).activations(images, ["encoded"])["encoded"]
    close(engine.activations(images, [layer])[layer], expected, 1e-5)


def test_an_array_that_nobody_may_write_into_comes_to_the_model_as_it_is(model: keras.Model) -> None:
    encoder = Encoder(model, layer="encoded")
    images = encoder.images(nets.pictures(model, 3))
    engine_backend = encoder.engine.backend
    for part in (images.array, images.array[1:2], images.array[::-1], images.array.astype(np.float64)):
        part.setflags(write=False)
        with engine_backend.context():
            array = engine_backend.array(engine_backend.tensor(part))
        np.testing.assert_array_equal(array, part.astype(np.float32))
        assert array.dtype == np.float32
