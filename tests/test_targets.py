"""What is explained: every target against its formula in numpy, finite differences, covering by hand; sums."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import asking
import nets
import numpy as np
import pytest
from closeness import close
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from reference_engine import reference_engine

from saccade import targets
from saccade.encoder import Encoder
from saccade.engines import Questions
from saccade.errors import FileError, InputError, NotApplicable, SaccadeWarning
from saccade.methods import find
from saccade.models.numpy_network import NumpyNetwork
from saccade.run import Run
from saccade.targets import Target, parse
from saccade.targets.paths import ONCE, STAY

pytestmark = pytest.mark.engine

SIZE = 12
RNG = np.random.default_rng(11)
VECTOR, PER_CHANNEL = RNG.normal(size=(3, 3, 3)).astype(np.float32), RNG.normal(size=3).astype(np.float32)
A, B = (np.random.default_rng(seed).random((1, SIZE, SIZE, 1), np.float32) for seed in (21, 22))
COLLECTION = np.random.default_rng(23).random((9, SIZE, SIZE, 1), np.float32)


def peak(code: Any) -> Any:
    """A number of one's own, written so that it runs in every framework."""
    return code[:, 1, 2, 0] ** 2 + 3.0 * code[:, 0, 1, 2]


class World:
    """The small autoencoder, opened; and again in numpy, in float64, as the oracle."""

    def __init__(self) -> None:
        self.model = nets.autoencoder(SIZE)
        self.encoder = Encoder(self.model, layer="encoded")
        self.run = nets.numpy_autoencoder(nets.weights_of(self.model))
        self.images = nets.pictures(self.model, 2)
        self.moved = np.clip(self.images + 0.1 * RNG.normal(size=self.images.shape), 0, 1).astype(np.float32)
        self.a, self.b, cells = (self.code(source) for source in (A, B, COLLECTION))
        cells = cells.reshape(-1, 3)
        _, vectors = np.linalg.eigh(np.cov(cells.T))
        second = vectors[:, -2]
        self.component = second * np.sign(second[np.abs(second).argmax()])

    def code(self, pictures: Any) -> Any:
        return self.run(np.asarray(pictures, np.float64), {})["encoded"]

    def redrawn(self, pictures: Any) -> Any:
        return self.run(np.asarray(pictures, np.float64), {})["conv_decoded"]


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def inner(a: Any, b: Any) -> Any:
    return (a * b).sum(axis=(1, 2, 3))


def cosine(a: Any, b: Any) -> Any:
    return inner(a, b) / np.sqrt(inner(a, a) * inner(b, b))


def part(f: Any, own: Any, rows: slice, columns: slice) -> Any:
    return inner(f[:, rows, columns], own[:, rows, columns])


# Name: the target, and its number in numpy from (world, moved pictures, the pictures whose references are frozen).
Number = Callable[[World, Any, Any], Any]
TABLE: dict[str, tuple[Callable[[], Target], Number]] = {
    "code": (targets.code, lambda w, x, own: inner(w.code(x), w.code(own))),
    "channel": (lambda: targets.channel(1), lambda w, x, own: w.code(x)[..., 1].mean(axis=(1, 2))),
    "cell": (
        lambda: targets.cell(1, 2),
        lambda w, x, own: part(w.code(x), w.code(own), slice(1, 2), slice(2, 3)),
    ),
    "region": (
        lambda: targets.region((0, 2), slice(1, None)),
        lambda w, x, own: part(w.code(x), w.code(own), slice(0, 2), slice(1, 3)),
    ),
    "direction": (lambda: targets.direction(VECTOR), lambda w, x, own: inner(w.code(x), VECTOR[None])),
    "direction of channels": (
        lambda: targets.direction(PER_CHANNEL),
        lambda w, x, own: (w.code(x) @ PER_CHANNEL).mean(axis=(1, 2)),
    ),
    "component": (
        lambda: targets.component(1, COLLECTION),
        lambda w, x, own: (w.code(x) @ w.component).mean(axis=(1, 2)),
    ),
    "like": (lambda: targets.like(A), lambda w, x, own: cosine(w.code(x), w.a)),
    "unlike": (lambda: targets.unlike(A), lambda w, x, own: -cosine(w.code(x), w.a)),
    "toward": (
        lambda: targets.toward(A, than=B),
        lambda w, x, own: cosine(w.code(x), w.a) - cosine(w.code(x), w.b),
    ),
    "reconstruction": (
        targets.reconstruction_error,
        lambda w, x, own: ((w.redrawn(x) - x) ** 2).mean(axis=(1, 2, 3)),
    ),
    "reconstruction of a part": (
        lambda: targets.reconstruction_error(rows=(2, 7), columns=(5, None)),
        lambda w, x, own: ((w.redrawn(x) - x)[:, 2:7, 5:] ** 2).mean(axis=(1, 2, 3)),
    ),
    "sum": (
        lambda: targets.code() - 0.5 * targets.like(B),
        lambda w, x, own: inner(w.code(x), w.code(own)) - 0.5 * cosine(w.code(x), w.b),
    ),
    "sum of three": (
        lambda: 2 * targets.channel(0) + np.float32(0.25) * targets.toward(A, than=B) - targets.region((0, 1), None),
        lambda w, x, own: (
            2 * w.code(x)[..., 0].mean(axis=(1, 2))
            + 0.25 * (cosine(w.code(x), w.a) - cosine(w.code(x), w.b))
            - part(w.code(x), w.code(own), slice(0, 1), slice(None))
        ),
    ),
    "sum of outputs": (
        lambda: targets.reconstruction_error(rows=(0, 6)) - targets.reconstruction_error(),
        lambda w, x, own: (
            ((w.redrawn(x) - x)[:, :6] ** 2).mean(axis=(1, 2, 3)) - ((w.redrawn(x) - x) ** 2).mean(axis=(1, 2, 3))
        ),
    ),
    "function": (lambda: targets.of(peak), lambda w, x, own: peak(w.code(x))),
    "sum with functions": (
        lambda: targets.channel(2) - 2 * targets.of(peak) + targets.like(A) + 0.5 * targets.of(peak, name="again"),
        lambda w, x, own: w.code(x)[..., 2].mean(axis=(1, 2)) - 1.5 * peak(w.code(x)) + cosine(w.code(x), w.a),
    ),
}


def share(w: World, x: Any, own: Any) -> Any:
    change = w.code(x) - w.code(own)
    return inner(change, change) / inner(w.code(own), w.code(own))


def worth(name: str, w: World, x: Any, own: Any) -> Any:
    """What covering takes away, by hand; of the whole code, the share that changes."""
    if name == "code":
        return share(w, x, own)
    if name == "sum":
        return share(w, x, own) - 0.5 * (cosine(w.code(own), w.b) - cosine(w.code(x), w.b))
    number = TABLE[name][1]
    return number(w, own, own) - number(w, x, own)


@pytest.mark.parametrize("name", TABLE)
def test_a_gradient_is_that_of_the_formula(world: World, name: str) -> None:
    """The gradient at moved pictures, with references frozen before, against central differences in numpy."""
    build, number = TABLE[name]
    objective = Run(world.encoder).objective(world.images, build())
    steps = 1e-5 * np.eye(SIZE * SIZE).reshape(-1, SIZE, SIZE, 1)
    both = [number(world, world.moved[:1] + sign * steps, world.images[:1]) for sign in (1, -1)]
    differences = ((both[0] - both[1]) / 2e-5).reshape(1, SIZE, SIZE, 1)
    close(Run(world.encoder).gradient(world.moved, objective, STAY, ONCE)[:1], differences)


@pytest.mark.parametrize("place", ["code", "output"])
def test_all_scores_are_those_of_the_formulas(world: World, place: str) -> None:
    chosen = {name: build() for name, (build, _) in TABLE.items() if build().reads == place}
    objectives = [Run(world.encoder).objective(world.images, target) for target in chosen.values()]
    scores = Run(world.encoder).score(world.moved, objectives, STAY, ONCE)
    for name, score in zip(chosen, scores, strict=True):
        close(score[0], TABLE[name][1](world, world.moved, world.images), 1e-5)


def test_the_reference_engine_knows_sums_and_functions(world: World) -> None:
    oracle = Questions(reference_engine(NumpyNetwork(world.run, (SIZE, SIZE, 1))))
    objective = Run(world.encoder).objective(
        world.images[:1], targets.channel(2) - 2 * targets.of(peak) + targets.like(A)
    )
    expected = oracle.gradient(world.moved[:1], objective, STAY, ONCE)
    close(Run(world.encoder).gradient(world.moved[:1], objective, STAY, ONCE), expected)


@pytest.mark.parametrize("place", ["code", "output"])
def test_a_worth_is_what_covering_by_hand_takes_away(world: World, place: str) -> None:
    chosen = {name: build() for name, (build, _) in TABLE.items() if build().reads == place}
    explained = list(chosen.values())
    looks = find("occlusion")(world.encoder, world.images, explained, patch=6, stride=6, filler=0.25, low_pass=0)
    for name, look in zip(chosen, looks, strict=True):
        assert look.signed == (name != "code")
        for row, column in np.ndindex(2, 2):
            covered = world.images.copy()
            covered[:, row * 6 : row * 6 + 6, column * 6 : column * 6 + 6] = 0.25
            close(look.raw[:, row, column], worth(name, world, covered, world.images), 1e-4)


@pytest.mark.parametrize("net", ["reference", "nested"])
def test_tiled_equals_plain_for_every_target(net: str) -> None:
    build, layer = nets.LOCAL[net]
    # Large enough that the redrawn picture's pixels do not all see each other.
    model = nets.autoencoder(56) if net == "reference" else build()
    encoder = Encoder(model, layer=layer)
    images = nets.pictures(model, 2)
    other, more = nets.pictures(model, 1, seed=8), nets.pictures(model, 3, seed=9)
    channels = encoder.codes(images).shape[-1]
    every = [
        targets.code(), targets.channel(1), targets.cell(1, 2), targets.region((1, 3), (0, 4)),
        targets.direction(np.arange(channels) - 0.5), targets.component(0, more), targets.like(other),
        targets.unlike(other), targets.toward(other, than=more[:1]), targets.code() - 0.5 * targets.like(other),
        2 * targets.code() + targets.code(), -targets.channel(0) + targets.toward(other, than=more[:1]) * 3,
        targets.reconstruction_error(), targets.reconstruction_error(rows=(3, 11), columns=(None, 9)),
        targets.reconstruction_error(columns=(0, 9)) - 0.5 * targets.reconstruction_error(),
    ]  # fmt: skip
    assert all(entry.tiles for entry in every)
    for places in ("code", "output"):
        chosen = [entry for entry in every if entry.reads == places]
        tiled = find("occlusion")(encoder, images, chosen, patch=8, stride=8)
        plain = find("occlusion")(encoder, images, chosen, patch=8, stride=8, tiled=False)
        for target, one, two in zip(chosen, tiled, plain, strict=True):
            assert one.settings["tiled"] is True, target.name
            assert two.settings["tiled"] is False
            close(one.raw, two.raw, 2e-4)


def test_a_function_of_the_whole_code_is_covered_hole_by_hole() -> None:
    encoder = Encoder(nets.autoencoder(), layer="encoded")
    images = nets.pictures(encoder.network.model, 1)  # type: ignore[attr-defined]
    for target in (targets.of(peak), targets.code() + targets.of(peak)):
        assert not target.tiles
        assert find("occlusion")(encoder, images, target, patch=4, stride=4).settings["tiled"] is False
        with pytest.raises(NotApplicable, match="a sum over places"):
            find("activation_energy")(encoder, images, target)


def test_simple_targets_are_special_cases_of_the_others(world: World) -> None:
    def gradient(target: Target) -> Any:
        return asking.gradient(world.encoder, world.images, target, STAY, ONCE)

    close(gradient(targets.direction([0, 1, 0])), gradient(targets.channel(1)), 1e-6)
    close(gradient(targets.region((1, 2), (2, 3))), gradient(targets.cell(1, 2)), 1e-6)
    close(gradient(targets.region(None, slice(None))), gradient(targets.code()), 1e-6)
    close(gradient(targets.unlike(A)), -gradient(targets.like(A)), 1e-6)
    close(gradient(-targets.like(A)), -gradient(targets.like(A)), 1e-6)
    close(gradient(targets.like(A) - targets.like(B)), gradient(targets.toward(A, than=B)), 1e-6)
    whole = targets.reconstruction_error(rows=(0, SIZE), columns=(0, SIZE))
    close(gradient(whole), gradient(targets.reconstruction_error()), 1e-6)


def test_gradients_add_and_scale(world: World) -> None:
    def gradient(target: Target) -> Any:
        return asking.gradient(world.encoder, world.images, target, STAY, ONCE)

    first, second = targets.channel(0), targets.like(A)
    expected = 0.3 * gradient(first) - 4 * gradient(second)
    close(gradient(0.3 * first - 4 * second), expected, 1e-5)
    close(gradient(0.1 * (3 * first - second * 40)), expected, 1e-5)
    close(gradient(sum([0.3 * first, -4 * second])), expected, 1e-5)  # type: ignore[arg-type]


def test_weights_are_never_taken_for_others(world: World) -> None:
    for weight in (0.5, 0.25, -0.5):
        actual = asking.gradient(
            world.encoder, world.images, targets.channel(0) + weight * targets.channel(1), STAY, ONCE
        )
        parts = [asking.gradient(world.encoder, world.images, targets.channel(k), STAY, ONCE) for k in (0, 1)]
        close(actual, parts[0] + weight * parts[1], 1e-5)


def test_covering_a_sum_that_only_grows_stays_unsigned(world: World) -> None:
    counts_increase = [targets.code(), 2 * targets.code(), targets.code() + 0.5 * targets.code()]
    signed = [-targets.code(), targets.code() - 0.5 * targets.code(), targets.code() + targets.channel(0)]
    assert [target.counts_increase for target in (*counts_increase, *signed)] == [True] * 3 + [False] * 3
    looks = find("occlusion")(world.encoder, world.images, [*counts_increase, *signed[:2]], patch=6, stride=6)
    for look, factor in zip(looks, (1, 2, 1.5, -1, 0.5), strict=True):
        close(look.raw, factor * looks[0].raw, 1e-5)
    assert (looks[1].raw >= 0).all()
    assert (looks[3].raw <= 0).all()


def test_the_shares_of_a_sum_add_up_to_its_score(world: World) -> None:
    for target in (targets.toward(A, than=B), targets.code() - 3 * targets.unlike(A), 2 * targets.channel(1)):
        look = find("activation_energy")(world.encoder, world.images, target)
        close(look.values.sum(axis=(1, 2)), look.scores["score"], 1e-4)
    single = find("activation_energy")(world.encoder, world.images, targets.like(A)).values
    both = find("activation_energy")(world.encoder, world.images, targets.like(A) - targets.like(B)).values
    other = find("activation_energy")(world.encoder, world.images, targets.like(B)).values
    close(both, single - other, 1e-4)


def test_a_function_is_compiled_once(backend: str) -> None:
    model = nets.autoencoder(SIZE)
    encoder = Encoder(model, layer="encoded")
    images = nets.pictures(model, 2)
    traces: list[int] = []

    class Owner:
        def number(self, code: Any) -> Any:
            traces.append(1)
            return code[:, 0, 0, 0]

    owner = Owner()
    for _ in range(4):
        # A bound method is a new object each time it is named; it is the same function all the same.
        asking.gradient(encoder, images, targets.of(owner.number), STAY, ONCE)
    compiled = encoder.engine.programs
    asking.gradient(encoder, images, targets.of(lambda code: code[:, 1, 1, 1]), STAY, ONCE)
    assert encoder.engine.programs == compiled + 1
    asking.gradient(encoder, images, targets.of(Owner().number), STAY, ONCE)
    assert encoder.engine.programs == compiled + 2
    if backend != "torch":
        assert len(traces) <= 4  # twice where a framework traces twice; once for each owner


def test_a_function_that_gives_something_else_is_refused(world: World) -> None:
    with pytest.raises(InputError, match=r"gave shape \(2, 3, 3, 3\) for 2 images; it must give one number each"):
        asking.gradient(world.encoder, world.images, targets.of(lambda code: code), STAY, ONCE)
    with pytest.raises(InputError, match=r"gave shape .* one number each"):
        asking.gradient(world.encoder, world.images, targets.code() + targets.of(lambda code: code), STAY, ONCE)
    with pytest.raises(InputError, match=r"takes a function of codes, not a list; for a vector use direction"):
        targets.of([1, 2])  # type: ignore[arg-type]


# Principal components


def test_components_do_not_depend_on_how_the_collection_is_cut(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from saccade.images import collection

    whole = targets.component(0, COLLECTION).arguments.components(Run(world.encoder))
    monkeypatch.setattr(collection, "BATCH", 2)
    cut = targets.component(0, list(COLLECTION)).arguments.components(Run(world.encoder))
    np.testing.assert_allclose(cut, whole, atol=1e-5)
    np.testing.assert_allclose(whole @ whole.T, np.eye(3), atol=1e-10)
    assert (whole[np.arange(3), np.abs(whole).argmax(axis=1)] > 0).all()


@given(st.integers(1, 12), st.integers(1, 40), st.integers(0, 2**31), st.integers(1, 9))
@settings(max_examples=40, deadline=None)
def test_spread_joins_batches_exactly(width: int, count: int, seed: int, size: int) -> None:
    from saccade.targets.spread import Spread

    rows = np.random.default_rng(seed).normal(size=(count, width)) * 10.0 ** np.arange(width)[::-1] / 1e3 + 5.0
    spread = Spread()
    for start in range(0, count, size):
        spread.add(rows[start : start + size])
    centred = rows - rows.mean(axis=0)
    _, lengths, directions = np.linalg.svd(centred, full_matrices=False)
    components = spread.components()
    assert len(components) <= min(width, max(count - 1, 0))
    for vector, other, length in zip(components, directions, lengths, strict=False):
        if length > 1e-3 * lengths[0]:
            assert abs(vector @ other) > 1 - 1e-6


def test_a_collection_is_encoded_once_and_again_when_the_model_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nets.autoencoder(SIZE)
    encoder = Encoder(model, layer="encoded")
    images = nets.pictures(model, 1)
    target = targets.component(0, COLLECTION)
    Run(encoder).objective(images, target)
    questions = asking.recorded(monkeypatch, "activations_along")
    before = Run(encoder).objective(images, target).reference
    assert [len(arguments[0]) for _, arguments, _ in questions] == [1, 1]  # the image and the probe
    model.set_weights(
        [weights[..., ::-1] if weights.shape == (3, 3, 4, 3) else weights for weights in model.get_weights()]
    )
    expected = Run(encoder).objective(images, targets.component(0, COLLECTION)).reference
    questions.clear()
    after = Run(encoder).objective(images, target).reference
    assert max(len(arguments[0]) for _, arguments, _ in questions) == len(COLLECTION)
    np.testing.assert_array_equal(after, expected)
    assert np.abs(after - before).max() > 0.1 * np.abs(before).max()


def test_a_folder_as_a_collection(world: World, tmp_path: Path) -> None:
    for k, picture in enumerate(COLLECTION):
        Image.fromarray((picture[..., 0] * 255).round().astype(np.uint8)).save(tmp_path / f"{k}.png")
    target = parse(f"component:1,{tmp_path}")
    assert target == targets.component(1, tmp_path)
    assert target.name == f"component:1,{tmp_path.name}"
    reference = Run(world.encoder).objective(world.images, target).reference
    close(reference[0, 0, 0] * 9, world.component, 0.02)
    (tmp_path / "broken.png").write_bytes(b"nothing")
    with pytest.warns(SaccadeWarning, match=r"1 of the images in .* left out \(broken.png\)"):
        again = Run(world.encoder).objective(world.images, parse(f"component:1,{tmp_path}")).reference
    close(again, reference, 1e-5)


def test_components_that_are_not_there(world: World) -> None:
    with pytest.raises(InputError, match="vary in 3 directions only, so component 3 does not exist; give 0 to 2"):
        Run(world.encoder).objective(world.images, targets.component(3, COLLECTION))
    with pytest.raises(InputError, match="component -1: components are counted from 0"):
        targets.component(-1, COLLECTION)
    with pytest.raises(FileError):
        Run(world.encoder).objective(world.images, targets.component(0, "no-such-folder"))
    dense = Encoder(nets.dense_code(), layer="latent")
    picture = nets.pictures(dense.network.model, 1)  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="are all the same, so they have no components"):
        Run(dense).objective(picture, targets.component(0, np.repeat(picture, 3, axis=0)))


# Directions


def test_a_vector_from_a_file(world: World, tmp_path: Path) -> None:
    np.save(tmp_path / "smile.npy", VECTOR)
    target = parse(f"direction:{tmp_path}/smile.npy")
    assert target.name == "direction:smile.npy"
    assert target.gradient_units.name == "projection on smile.npy"
    assert target == targets.direction(tmp_path / "smile.npy")
    reference = Run(world.encoder).objective(world.images, target).reference
    np.testing.assert_array_equal(
        reference, Run(world.encoder).objective(world.images, targets.direction(VECTOR)).reference
    )
    (tmp_path / "text.npy").write_text("hello")
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    for name in ("text.npy", "objects.npy"):
        with pytest.raises(FileError, match=r"is no \.npy file of numbers"):
            targets.direction(tmp_path / name)
    with pytest.raises(FileError, match="cannot be read: No such file"):
        targets.direction(tmp_path / "none.npy")


def test_a_vector_of_another_shape(world: World) -> None:
    with pytest.raises(InputError, match=r"shape \(4,\) does not fit the code; give 3x3x3, or one number per channel"):
        Run(world.encoder).objective(world.images, targets.direction(np.ones(4)))
    dense = Encoder(nets.dense_code(), layer="latent")
    picture = nets.pictures(dense.network.model, 1)  # type: ignore[attr-defined]
    values = np.arange(6)
    gradient = asking.gradient(dense, picture, targets.direction(values))
    parts = [asking.gradient(dense, picture, targets.channel(k)) for k in range(6)]
    close(gradient, np.tensordot(values, parts, 1), 1e-5)


# What is refused


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (targets.region((0, 4), None), "the code has 3x3 cells, so rows 0:4 do not exist; rows go from 0 up to 3"),
        (targets.region(None, (3, None)), "so columns 3: do not exist"),
        (
            targets.reconstruction_error(columns=(0, 13)),
            "the model sees images of 12x12 pixels, so columns 0:13 do not exist",
        ),
        (targets.like(COLLECTION[:3]), "3 other images for 2 to explain; give one for all, or one for each"),
    ],
)
def test_targets_that_do_not_fit_the_model(world: World, target: Target, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Run(world.encoder).objective(world.images, target)
    with pytest.raises(InputError, match=message):
        Run(world.encoder).objective(world.images, 2 * target)


def test_a_redrawn_picture_needs_a_decoder() -> None:
    model = nets.pooled_code()
    encoder = Encoder(model, layer="embedding")
    with pytest.raises(NotApplicable, match="needs a model that redraws its image"):
        Run(encoder).objective(nets.pictures(model, 1), targets.reconstruction_error(rows=(0, 4)))
