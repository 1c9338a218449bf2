"""Arguments of a kind that nothing can be done with are refused in one line, wherever they are given."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nets
import numpy as np
import pytest

import saccade
from saccade.errors import FileError, InputError, SaccadeError, UnknownName
from saccade.results.result import Result

ABSURD = [
    0, -1, 10**7, 2**70, 1.5, float("nan"), float("inf"), "x", "", None, True, [], (0, 0), {}, np.int64(3),
    np.float32(2.0), b"x", object(), len, "\0",
]  # fmt: skip


@pytest.fixture(scope="module")
def encoder() -> saccade.Encoder:
    return saccade.Encoder(nets.autoencoder(24), layer="encoded")


@pytest.fixture(scope="module")
def images(encoder: saccade.Encoder) -> np.ndarray:
    return nets.pictures(encoder.network.model, 8)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def attribution(encoder: saccade.Encoder, images: np.ndarray) -> saccade.Attribution:
    return saccade.explain(encoder, images[:1], "saliency")


def answered(ask: Callable[[], object]) -> str:
    """What is said; any other error than saccade's own fails the test."""
    try:
        ask()
    except SaccadeError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", ["theme", "scale", "clip", "opacity", "smooth", "width"])
def test_figures(attribution: saccade.Attribution, name: str) -> None:
    assert any(answered(lambda value=value: attribution.figure(**{name: value})) for value in ABSURD)  # type: ignore[misc]


@pytest.mark.parametrize("name", ["scale", "clip", "opacity", "contours", "smooth", "least"])
def test_overlays(attribution: saccade.Attribution, name: str) -> None:
    assert any(answered(lambda value=value: attribution.overlay(**{name: value})) for value in ABSURD)  # type: ignore[misc]


def test_names_of_arguments(attribution: saccade.Attribution, small_model: str, tmp_path: Path) -> None:
    for ask in (
        lambda: attribution.figure(theem="dark"),  # type: ignore[call-arg]
        lambda: attribution.save(tmp_path / "map.png", theem="dark"),
        lambda: attribution.png(theem="dark"),
    ):
        with pytest.raises(UnknownName, match="no argument of figure 'theem'; the nearest is 'theme'"):
            ask()
    assert not list(tmp_path.iterdir())
    with pytest.raises(UnknownName, match="no argument of Encoder 'leyer'; the nearest is 'layer'"):
        saccade.load(small_model, leyer="encoded")


def test_photos_are_not_enlarged_beyond_all_bounds(attribution: saccade.Attribution) -> None:
    with pytest.raises(InputError, match="least=100000: images are enlarged to 10,000 pixels at most"):
        attribution.overlay(least=100_000)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        (None, "None is no path"),
        (5, "5 is no path"),
        ("a\0.png", "cannot be the name"),
        ("a\0.npz", "cannot be the name"),
    ],
)
def test_results_are_saved_at_paths_only(attribution: saccade.Attribution, path: Any, says: str) -> None:
    with pytest.raises(FileError, match=says):
        attribution.save(path)


NAMES = [
    "steps", "block", "checked", "stages", "noise", "draws", "confidence", "resamples", "seed", "methods", "limit",
    "masks", "method_settings", "cache",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::saccade.errors.SaccadeWarning")
@pytest.mark.parametrize("name", NAMES)
def test_evaluations(encoder: saccade.Encoder, images: np.ndarray, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Computed(Exception):
        pass

    def computing(*arguments: Any, **settings: Any) -> Any:
        raise Computed

    monkeypatch.setattr(saccade.Run, "execute", computing)
    monkeypatch.setattr("saccade.engines.execution.Execution.execute", computing)
    refused = []
    for value in ABSURD:
        arguments = {"methods": ["saliency"], "limit": 8, "steps": 6, name: value}
        try:
            saccade.evaluate(encoder, images, **arguments)
        except Computed:
            continue
        except SaccadeError as error:
            refused.append(str(error))
    assert refused
    assert not [line for line in refused if "\n" in line]


def test_one_method_is_given_by_its_name_alone(encoder: saccade.Encoder, images: np.ndarray) -> None:
    evaluation = saccade.evaluate(encoder, images, "saliency", limit=8, steps=6, checked=1)
    assert "saliency" in [score.method for score in evaluation.method_scores]


@pytest.mark.parametrize("target", [5, [None], b"code", [["code"]], saccade.targets.channel, "", {"a": "code"}])
def test_what_is_no_target(encoder: saccade.Encoder, images: np.ndarray, target: Any) -> None:
    with pytest.raises(InputError, match="no target"):
        saccade.explain(encoder, images[:1], "saliency", target=target)


@pytest.mark.parametrize(
    "combine",
    [
        lambda code: code + 5,
        lambda code: 5 + code,
        lambda code: code - None,
        lambda code: "x" * code,
        lambda code: code * 1j,
        lambda code: code * np.complex64(1j),
    ],
)
def test_what_does_not_add_up(combine: Callable[[Any], Any]) -> None:
    with pytest.raises(InputError, match=r"do not add up|give a number"):
        combine(saccade.targets.code())


def test_sums_that_would_never_be_compiled() -> None:
    with pytest.raises(InputError, match=r"a sum of 3,001 targets; give at most 256"):
        saccade.targets.parse("code + " * 3000 + "code")


@pytest.mark.parametrize("make", [saccade.targets.like, saccade.targets.unlike])
def test_a_folder_is_no_other_image(make: Callable[[Path], Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder; give one photo to compare with"):
        make(tmp_path)
    with pytest.raises(InputError, match="is a folder; give one photo to compare with"):
        saccade.targets.toward("a.jpg", than=tmp_path)
    assert make("x" * 5000).kind == make("a.jpg").kind  # type: ignore[arg-type]


def test_value_ranges_that_nothing_can_be_computed_with() -> None:
    with pytest.raises(InputError, match=r"value_range=\(0, 1e\+300\): give numbers of at most 1e\+15"):
        saccade.Encoder(nets.autoencoder(24), layer="encoded", value_range=(0, 1e300))


def test_targets_still_add_up() -> None:
    code = saccade.targets.code()
    assert sum([code, 2 * code]).name == (code + code * 2).name  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("method", "settings"),
    [("integrated_gradients", {"steps": np.int64(4)}), ("occlusion", {"patch": np.int32(4), "stride": np.int64(4)})],
)
def test_numbers_of_numpy_are_numbers(
    encoder: saccade.Encoder, images: np.ndarray, method: str, settings: dict[str, Any]
) -> None:
    attribution = saccade.explain(encoder, images[:1], method, **settings)
    plain = saccade.explain(encoder, images[:1], method, **{name: int(value) for name, value in settings.items()})
    np.testing.assert_array_equal(attribution.values, plain.values)


def test_smoothing_beyond_all_bounds(encoder: saccade.Encoder, images: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"low_pass=1e\+308 of saliency: give a finite number or None"):
        saccade.explain(encoder, images[:1], "saliency", low_pass=1e308)


def test_no_address_in_memory_is_shown(encoder: saccade.Encoder, images: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"samples=\(object\) of smoothgrad: give a whole number"):
        saccade.explain(encoder, images[:1], "smoothgrad", samples=object())


def test_a_name_of_another_kind_is_no_name() -> None:
    assert str(UnknownName.of("theme", None, ["light"])) == "no theme None; allowed: light."


@pytest.mark.parametrize("method", ["saliency", "occlusion"])
@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda code: 1 / 0, "failed with ZeroDivisionError: division by zero"),
        (lambda: 1, "failed with TypeError"),
        (lambda code: np.zeros(1), "gave a numpy array, which has no gradient"),
    ],
    ids=["raises", "no argument", "numpy"],
)
def test_functions_that_fail(
    encoder: saccade.Encoder, images: np.ndarray, method: str, function: Any, says: str
) -> None:
    with pytest.raises(InputError, match=f"the target's function {says}") as caught:
        saccade.explain(encoder, images[:1], method, target=saccade.targets.of(function))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_codes_are_asked_of_images_only(encoder: saccade.Encoder, images: np.ndarray, value: float) -> None:
    with pytest.raises(InputError, match=r"not numbers|far outside"):
        encoder.codes(np.where(images > 0.5, np.float32(value), images))
    with pytest.raises(InputError, match="images of shape"):
        encoder.codes(np.zeros((1, 5, 7, 3), np.float32))


FIELDS = {"attribution": saccade.Attribution, "similarity": saccade.Similarity, "cells": saccade.CellMaps}


@pytest.fixture(scope="module")
def saved(encoder: saccade.Encoder, images: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    results: list[Result] = [
        saccade.explain(encoder, images[:1], "saliency"),
        saccade.compare(encoder, images[:1], images[1:2]),
        saccade.cells(encoder, images[:1]),
    ]
    for name, result in zip(FIELDS, results, strict=True):
        result.save(folder / f"{name}.npz")
    return folder


@pytest.mark.parametrize("name", FIELDS)
def test_damaged_results(saved: Path, name: str, tmp_path: Path) -> None:
    content = (saved / f"{name}.npz").read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for number in range(80):
        damaged = bytearray(content)
        if number % 4 == 0:
            del damaged[int(rng.integers(len(damaged))) :]
        for _ in range(number % 5):
            if damaged:
                damaged[int(rng.integers(len(damaged)))] = int(rng.integers(256))
        (tmp_path / "damaged.npz").write_bytes(damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            message = answered(lambda: FIELDS[name].load(tmp_path / "damaged.npz"))  # type: ignore[attr-defined]
        refused += bool(message)
        assert not message or "damaged.npz is damaged, or was not saved by saccade." in message
    assert refused > 20


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize(
    "change",
    [
        {"metadata": np.array(5)},
        {"metadata": np.array("[]")},
        {"metadata": np.array("{}")},
        {"metadata": np.array("x")},
    ],
    ids=["number", "list", "nothing", "text"],
)
def test_results_without_their_metadata(saved: Path, name: str, change: dict[str, np.ndarray], tmp_path: Path) -> None:
    with np.load(saved / f"{name}.npz") as file:
        np.savez(tmp_path / "x.npz", **{**dict(file), **change})  # type: ignore[arg-type]
    with pytest.raises(FileError, match="is damaged, or was not saved"):
        FIELDS[name].load(tmp_path / "x.npz")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "array"), [("attribution", "values"), ("similarity", "shares_a"), ("cells", "windows")]
)
def test_results_of_other_numbers(saved: Path, name: str, array: str, tmp_path: Path) -> None:
    with np.load(saved / f"{name}.npz") as file:
        contents = dict(file)
    for wrong in (np.array("text"), np.zeros(3), np.zeros((2, 3, 4)), contents[array].astype(complex)):
        np.savez(tmp_path / "x.npz", **{**contents, array: wrong})  # type: ignore[arg-type]
        with pytest.raises(FileError, match="is damaged, or was not saved"):
            FIELDS[name].load(tmp_path / "x.npz")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        (None, "None is no path"), ("/nowhere/x.npz", "no file /nowhere/x.npz"), ("/dev/zero", "a device"),
        (".", "is a folder"), ("a\0b", "cannot be the name"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_a_result(path: Any, says: str) -> None:
    with pytest.raises(FileError, match=says):
        saccade.Attribution.load(path)


QUESTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "explain": lambda model, image: saccade.explain(model, image, "saliency").values,
    "compare": lambda model, image: saccade.compare(model, image, image[:, ::-1]).shares_a,
    "cells": lambda model, image: saccade.cells(model, image).windows,
    "feature_maps": lambda model, image: saccade.feature_maps(model, image)["conv_1"],
}


@pytest.mark.parametrize("name", [*QUESTIONS, "evaluate"])
@pytest.mark.parametrize("model", [None, 5, "model.keras", len, np.zeros(3)], ids=repr)
def test_what_is_no_model(images: np.ndarray, name: str, model: Any) -> None:
    ask = QUESTIONS.get(name, saccade.evaluate)
    with pytest.raises(SaccadeError):
        ask(model, images[:1])


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_live_model_is_asked_as_its_encoder(images: np.ndarray, name: str) -> None:
    model = nets.autoencoder(24)
    image = images[:1]
    np.testing.assert_array_equal(QUESTIONS[name](model, image), QUESTIONS[name](saccade.Encoder(model), image))


@pytest.mark.parametrize("name", ["progress", "stop", "on_partial"])
def test_what_cannot_be_called(encoder: saccade.Encoder, images: np.ndarray, name: str) -> None:
    with pytest.raises(InputError, match=rf"{name}=5 of explain: give a function or None"):
        saccade.explain(encoder, images[:1], "saliency", **{name: 5})


@pytest.mark.parametrize("centre", ["x", object(), {}, np.full(4, np.nan)])
def test_centres_that_are_no_numbers(encoder: saccade.Encoder, images: np.ndarray, centre: Any) -> None:
    with pytest.raises(InputError, match=r"centre (is no array of numbers|holds values that are not numbers)"):
        saccade.compare(encoder, images[:1], images[1:2], centre=centre)
