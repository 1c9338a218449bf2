"""Evaluation of small models: weights come back unchanged, curves are those of a naive loop, a known truth wins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import nets
import numpy as np
import pytest

import saccade
from saccade.attribution.smoothing import gaussian_blur
from saccade.encoder import Encoder
from saccade.errors import Cancelled, InputError, NotApplicable, UnknownName
from saccade.evaluation.batches import batches, joined
from saccade.evaluation.controls import CONTROLS
from saccade.evaluation.imputation import mean_colour
from saccade.evaluation.rankings import ranks
from saccade.evaluation.removal import Removal, cuts
from saccade.evaluation.similarity import references, together
from saccade.fingerprint import encoder_fingerprint, fingerprint
from saccade.models.numpy_network import NumpyNetwork
from saccade.models.randomisation import randomised, weighted_layers
from saccade.run import Run
from saccade.targets.paths import ONCE, STAY

pytestmark = pytest.mark.engine

L = keras.layers
WINDOW = (slice(6, 14), slice(10, 20))
QUICK: dict[str, Any] = {"steps": 6, "stages": 2, "draws": 1, "resamples": 200}


def _photos(count: int = 10, size: int = 24, channels: int = 1, seed: int = 1) -> Any:
    """Smooth pictures with something to see everywhere."""
    noise = np.random.default_rng(seed).normal(size=(count, size, size, channels)).astype(np.float32)
    smooth = gaussian_blur(noise, 1.5)
    return ((smooth - smooth.min()) / np.ptp(smooth)).astype(np.float32)


@pytest.fixture(scope="module")
def small() -> Encoder:
    return Encoder(nets.autoencoder(), layer="encoded", value_range=(0.0, 1.0))


def _seeing_a_window() -> Encoder:
    """An encoder whose code depends on the pixels of `WINDOW` and on nothing else."""
    inputs = keras.Input((24, 24, 1))
    rows, columns = WINDOW
    x = L.Cropping2D(((rows.start, 24 - rows.stop), (columns.start, 24 - columns.stop)))(inputs)
    x = L.Conv2D(5, 3, name="conv", **nets.CONV)(x)
    x = L.Dense(12, name="encoded")(L.Flatten()(x))
    model = keras.Model(inputs, x)
    random = np.random.default_rng(4)
    model.set_weights([random.normal(size=weights.shape) * 0.4 for weights in model.get_weights()])
    return Encoder(model, layer="encoded", value_range=(0.0, 1.0))


# Randomised weights


def _torch() -> Encoder:
    model = nets.torch_autoencoder(nets.weights_of(nets.autoencoder()))
    return Encoder(model, layer="encoder.5", value_range=(0.0, 1.0), input_shape=(24, 24, 1))


def _with_counters() -> Encoder:
    return Encoder(nets.averaging(), layer="encoded", value_range=(0.0, 1.0))


MODELS: dict[str, Callable[[], Encoder]] = {
    "keras": lambda: Encoder(nets.autoencoder(), layer="encoded", value_range=(0.0, 1.0)),
    "nested": lambda: Encoder(nets.nested(), layer="encoder/block/deep", value_range=(0.0, 1.0)),
    "subclassed": lambda: Encoder(nets.subclassed(), layer="encoded", value_range=(0.0, 1.0)),
    "counters": _with_counters,
    "torch": _torch,
}


def _weights(encoder: Encoder) -> dict[str, Any]:
    return {name: np.array(values) for name, values in encoder.network.weights()}


@pytest.mark.parametrize("name", list(MODELS))
def test_randomised_weights_come_back_also_after_an_error(name: str) -> None:
    encoder = MODELS[name]()
    before = _weights(encoder)
    height, width, channels = encoder.network.input_shape
    pictures = np.random.default_rng(0).random((2, height or 24, width or 24, channels), dtype=np.float32)
    codes = encoder.codes(pictures)
    layers = weighted_layers(encoder.network, encoder.layer)
    inside: dict[str, Any] = {}

    def fail() -> None:
        with randomised(encoder.network, layers, 3):
            inside.update(_weights(encoder))
            # The running network is randomised too, not only what is read back from it.
            assert np.abs(encoder.codes(pictures.copy()) - codes).max() > 1e-4 * np.abs(codes).max()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    for weight, values in _weights(encoder).items():
        np.testing.assert_array_equal(values, before[weight])
        np.testing.assert_array_equal(np.sort(inside[weight], axis=None), np.sort(before[weight], axis=None))
    assert any((inside[weight] != before[weight]).any() for weight in before)
    np.testing.assert_array_equal(encoder.codes(pictures.copy()), codes)


def test_only_the_layers_named_are_randomised_and_the_decoder_is_none_of_them(small: Encoder) -> None:
    assert weighted_layers(small.network, "encoded") == ["conv_1", "conv_2"]
    before = _weights(small)
    with randomised(small.network, ["conv_2"], 0):
        changed = {name.split("/")[0] for name, values in _weights(small).items() if (values != before[name]).any()}
    assert changed == {"conv_2"}
    with pytest.raises(UnknownName, match="layer with weights"), randomised(small.network, ["encoded"], 0):
        pass
    torch = _torch()
    assert weighted_layers(torch.network, "encoder.5") == ["encoder.0", "encoder.3"]


def test_a_shared_layer_is_shuffled_once() -> None:
    encoder = MODELS["subclassed"]()
    assert weighted_layers(encoder.network, "encoded") == ["first", "shared"]


def test_a_model_whose_layers_cannot_be_told_apart_says_so() -> None:
    network = NumpyNetwork(lambda images, taps: {"code": images}, (4, 4, 1))
    with pytest.raises(NotApplicable, match="cannot be told apart by layer"):
        weighted_layers(network, "code")


# Deletion and insertion


def test_curves_are_those_of_a_naive_loop(small: Encoder) -> None:
    images = _photos(3)
    codes = small.codes(images)
    names = ["a", "b", "c"]
    objective = together(references(small, codes, names))
    fillers = {"mean": mean_colour(images), "blur": gaussian_blur(images, 4.0)}
    removal = Removal(Run(small), images, range(3), objective, fillers, 6, 0)
    maps = np.random.default_rng(5).normal(size=(3, 24, 24)).astype(np.float32)
    curves = removal.curves(ranks(maps, 6, range(3), 0))
    mean = codes.astype(np.float64).mean(axis=0)

    def likeness(pictures: Any) -> Any:
        moved, own = small.codes(pictures.astype(np.float32)) - mean, codes - mean
        lengths = np.sqrt((moved**2).sum(axis=(1, 2, 3)) * (own**2).sum(axis=(1, 2, 3)))
        return (moved * own).sum(axis=(1, 2, 3)) / lengths

    order = np.argsort(np.argsort(-maps.reshape(3, -1), axis=1), axis=1).reshape(3, 24, 24, 1)
    for name, filler in fillers.items():
        for column, cut in enumerate(cuts(name, 6)):
            first = order < cut * 24 * 24 // 6
            for side, gone in enumerate((first, ~first)):
                np.testing.assert_allclose(
                    curves[name][:, side, column], likeness(np.where(gone, filler, images)), rtol=2e-4, atol=2e-5
                )
        np.testing.assert_allclose(removal.ends()[name], likeness(filler), rtol=2e-4, atol=2e-5)
    # Filled from the neighbours, kept pixels stay, and with few pixels gone the code hardly moves.
    assert curves["linear"].shape == (3, 2, len(cuts("linear", 6)))
    assert (curves["linear"][:, 0, 0] > curves["mean"][:, 0, 1]).mean() > 0.6


def test_a_code_that_does_not_vary_is_refused(small: Encoder) -> None:
    same = np.repeat(_photos(1), 9, axis=0)
    with pytest.raises(InputError, match="the same for all 9 photos"):
        saccade.evaluate(small, same, ["saliency"], **QUICK)


# Everything


def test_where_the_truth_is_known_true_maps_win_and_chance_scores_nothing(tmp_path: Path) -> None:
    from PIL import Image

    encoder = _seeing_a_window()
    photos = _photos(10)
    folder, masks = tmp_path / "photos", tmp_path / "masks"
    for directory in (folder, masks):
        directory.mkdir()
    area = np.zeros((24, 24), np.uint8)
    area[WINDOW] = 255
    for number, photo in enumerate(photos):
        Image.fromarray((255 * photo[..., 0]).astype(np.uint8)).save(folder / f"{number}.png")
        Image.fromarray(area).save(masks / f"{number}.png")
    evaluation = saccade.evaluate(
        encoder, folder, ["occlusion", "saliency"], masks=masks,
        method_settings={"occlusion": {"patch": 4, "stride": 2, "low_pass": 0.0}, "saliency": {"low_pass": 0.0}},
        **QUICK,
    )  # fmt: skip
    random, edges = evaluation["random"], evaluation["edges"]
    assert abs(random.score[0]) < 0.05
    for name in ("occlusion", "saliency"):
        score = evaluation[name]
        assert score.score[1] > max(random.score[2], edges.score[2])
        assert score.margin is not None
        assert score.margin[1] > 0
        # Four pixels beside the window can be covered together with it.
        assert score.localisation["rank"][0] > 0.75
    assert evaluation["saliency"].localisation["mass"][0] == pytest.approx(1.0)
    assert evaluation["saliency"].localisation["pointing"][0] == 1.0
    share = area.mean() / 255
    assert random.localisation["mass"][0] == pytest.approx(share, abs=0.05)
    assert not {evaluation["occlusion"].grade, evaluation["saliency"].grade} & {"undecided", "fails"}, (
        evaluation.verdict
    )
    assert [entry.grade for entry in evaluation.method_scores].count("control") == len(CONTROLS)
    assert evaluation.randomisation.shape == (2 + len(CONTROLS), 2)
    np.testing.assert_allclose(evaluation.agreement, evaluation.agreement.T)
    assert evaluation.agreement[[entry.method for entry in evaluation.method_scores].index("random")].mean() < 0.35


def _numbers(evaluation: Any) -> Any:
    content = evaluation.to_dict()
    for method in content["methods"]:
        del method["seconds"]
    return content


def test_a_stopped_run_goes_on_and_gives_the_same(small: Encoder, tmp_path: Path) -> None:
    photos = _photos(10)
    methods = ["saliency", "activation_energy"]
    settings: dict[str, Any] = {"methods": methods, "cache": tmp_path, **QUICK}
    before = _weights(small)
    whole = saccade.evaluate(small, photos, methods, **QUICK)
    texts: list[str] = []
    with pytest.raises(Cancelled):
        saccade.evaluate(
            small, photos, **settings, progress=lambda done, total, text: texts.append(text),
            stop=lambda: any("randomised" in text for text in texts),
        )  # fmt: skip
    for name, values in _weights(small).items():
        np.testing.assert_array_equal(values, before[name])
    times = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert {"random-0.npz", "saliency-0.npz", "saliency-1.npz"} <= set(times)
    assert not any("activation" in name or name.endswith(".part") for name in times)
    (tmp_path / "saliency-1.npz").write_bytes(b"cut off")
    done: list[float] = []
    again = saccade.evaluate(small, photos, **settings, progress=lambda now, total, _: done.append(now / total))
    assert _numbers(again) == _numbers(whole)
    assert done == sorted(done)
    assert done[-1] == 1.0
    unchanged = {name for name, time in times.items() if (tmp_path / name).stat().st_mtime_ns == time}
    assert unchanged == set(times) - {"saliency-1.npz"}
    # Other pictures, other weights and other masks share nothing.
    model = encoder_fingerprint(small)
    prints = [fingerprint(model, photos, None), fingerprint(model, _photos(10, seed=2), None)]
    prints.append(fingerprint(model, photos, photos[..., 0] > 0.5))
    with randomised(small.network, ["conv_1"], 0):
        prints.append(fingerprint(encoder_fingerprint(small), photos, None))
    assert len(set(prints)) == 4


def test_pictures_in_overlapping_batches_are_counted_once() -> None:
    for count in (3, 8, 9, 15, 16, 17):
        pieces = batches(count)
        assert len({len(batch) for batch in pieces}) == 1
        assert joined([np.array(batch) for batch in pieces], pieces).tolist() == list(range(count))


def test_results_do_not_depend_on_the_batch(small: Encoder) -> None:
    images = _photos(9)
    names = [str(k) for k in range(9)]
    objectives = references(small, small.codes(images), names)
    maps = np.zeros((9, 24, 24), np.float32)

    def curves(numbers: range) -> Any:
        rows = slice(numbers.start, numbers.stop)
        fillers = {"mean": mean_colour(images)[rows], "blur": gaussian_blur(images[rows], 4.0)}
        removal = Removal(Run(small), images[rows], numbers, together(objectives[rows]), fillers, 6, 0)
        return removal.curves(ranks(maps[rows], 6, numbers, 0))

    whole, part = curves(range(9)), curves(range(4, 7))
    for name, values in part.items():
        np.testing.assert_allclose(values, whole[name][4:7], rtol=1e-4, atol=1e-5)


def test_a_method_that_cannot_answer_is_refused_by_name_and_left_out_of_all(tmp_path: Path) -> None:
    encoder = Encoder(nets.dense_code(), layer="latent", value_range=(0.0, 1.0))
    photos = _photos(8, size=16)
    with pytest.raises(NotApplicable, match="activation_energy needs a code with places"):
        saccade.evaluate(encoder, photos, ["activation_energy"], **QUICK)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"methods": ["salience"]}, UnknownName, "saliency"),
        ({"methods": []}, InputError, "no method"),
        ({"step": 8}, UnknownName, "steps"),
        ({"limit": 3}, InputError, "8 photos or more"),
        ({"method_settings": {"saliency": {"lowpass": 1}}}, UnknownName, "low_pass"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(
    small: Encoder, settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as raised:
        saccade.evaluate(small, _photos(8), **{"methods": ["saliency"], **settings})
    assert "\n" not in str(raised.value)


def test_too_few_photos_and_free_sizes_are_refused(small: Encoder) -> None:
    with pytest.raises(InputError, match="7 usable photos"):
        saccade.evaluate(small, _photos(7), ["saliency"])
    free = Encoder(nets.free_size(), layer="encoded", value_range=(0.0, 1.0))
    with pytest.raises(InputError, match="--size"):
        saccade.evaluate(free, _photos(8, channels=3), ["saliency"])


def test_the_untouched_picture_is_like_itself(small: Encoder) -> None:
    images = _photos(4)
    objective = together(references(small, small.codes(images), list("abcd")))
    np.testing.assert_allclose(Run(small).score(images, [objective], STAY, ONCE)[0][0], 1.0, rtol=1e-5)
