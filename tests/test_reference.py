"""What is typical of a collection: against numpy on all codes at once, on disk, beside a model, and as a target."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from commands import Run
from PIL import Image

import saccade
from saccade import targets
from saccade.errors import FileError, InputError
from saccade.pairs import reference_of
from saccade.pairs.reference import reference_of_codes
from saccade.reference import Reference, reference_path


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = tmp_path / "album"
    folder.mkdir()
    generator = np.random.default_rng(4)
    for number in range(9):
        Image.fromarray(generator.integers(0, 255, (32, 32, 3), np.uint8)).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def encoder(small_model: str) -> saccade.Encoder:
    return saccade.load(small_model)


def test_it_equals_numpy_on_all_codes_at_once(encoder: saccade.Encoder, album: Path) -> None:
    reference = reference_of(encoder, album)
    images = encoder.read(sorted(album.glob("*.png")))
    codes = encoder.codes(images).astype(np.float64)
    assert reference.count == 9
    np.testing.assert_allclose(reference.mean_code, codes.mean(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(reference.code_spread, codes.std(axis=0), rtol=1e-4, atol=1e-6)
    assert reference.mean_image is not None
    np.testing.assert_allclose(reference.mean_image, images.array.mean(axis=0), rtol=1e-5, atol=1e-6)
    flat = codes.reshape(9, -1)
    flat = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    every = (flat @ flat.T)[np.triu_indices(9, 1)]
    assert reference.scores[0] == pytest.approx(every.min(), abs=1e-6)
    assert reference.scores[-1] == pytest.approx(every.max(), abs=1e-6)
    assert (np.diff(reference.scores) >= 0).all()
    median, high = reference.typical(centred=False)
    assert every.min() <= median <= high <= every.max()


def test_of_codes_alone_it_equals_numpy_on_all_pairs() -> None:
    codes = np.random.default_rng(2).normal(3, 1, (600, 2, 3, 4)).astype(np.float32)
    before = codes.copy()
    reference = reference_of_codes(codes, name="these")
    assert (reference.count, reference.name, reference.mean_image) == (600, "these", None)
    np.testing.assert_array_equal(codes, before)
    np.testing.assert_allclose(reference.mean_code, codes.mean(axis=0, dtype=float), rtol=1e-6)
    np.testing.assert_allclose(reference.code_spread, codes.std(axis=0, dtype=float), rtol=1e-6)
    for centred in (False, True):
        flat = (codes - codes.mean(axis=0, dtype=float) * centred).reshape(600, -1)
        flat /= np.linalg.norm(flat, axis=1, keepdims=True)
        pairs = (flat @ flat.T)[np.triu_indices(600, 1)]
        expected = np.median(pairs), np.quantile(pairs, 0.95)
        np.testing.assert_allclose(reference.typical(centred=centred), expected, atol=0.03)


def test_without_a_mean_image_it_comes_back_from_disk(tmp_path: Path) -> None:
    codes = np.random.default_rng(2).normal(3, 1, (20, 2, 3, 4)).astype(np.float32)
    reference = reference_of_codes(codes, name="these")
    back = Reference.load(reference.save(tmp_path / "x.reference.npz"))
    assert back.mean_image is None
    np.testing.assert_allclose(back.centred_scores, reference.centred_scores, rtol=1e-6)


def test_it_comes_back_from_disk_and_damage_is_refused(encoder: saccade.Encoder, album: Path, tmp_path: Path) -> None:
    reference = reference_of(encoder, album)
    path = reference.save(tmp_path / "x.reference.npz")
    back = Reference.load(path)
    assert back.count == reference.count
    np.testing.assert_allclose(back.mean_code, reference.mean_code, rtol=2e-3, atol=1e-4)
    np.testing.assert_allclose(back.scores, reference.scores, rtol=1e-6)
    content = path.read_bytes()
    for cut in (0, 10, len(content) // 2, len(content) - 9):
        path.write_bytes(content[:cut])
        with pytest.raises(FileError, match=r"x\.reference\.npz"):
            Reference.load(path)
    for metadata, mean_code in (('{"count": 3}', np.full((1, 1, 2), np.nan)), ("5", np.zeros((1, 1, 2)))):
        np.savez(path, metadata=np.array(metadata), mean_code=mean_code)
        with pytest.raises(FileError, match="was not saved by saccade"):
            Reference.load(path)
    # Half a gigabyte of zeros in half a megabyte.
    np.savez_compressed(path, metadata=np.array('{"count": 3}'), mean_code=np.zeros((1, 2**13, 2**13), np.float64))
    with pytest.raises(FileError, match="was not saved by saccade"):
        Reference.load(path)


def test_a_model_knows_the_reference_beside_it(small_model: str, album: Path, tmp_path: Path) -> None:
    model = Path(shutil.copy(small_model, tmp_path / "mine.keras"))
    assert saccade.load(model).reference is None
    reference_of(saccade.load(model), album).save(reference_path(model))
    encoder = saccade.load(model)
    assert encoder.reference is not None
    why = saccade.compare(encoder, album / "0.png", album / "1.png")
    assert "a typical pair of the collection that the model knows (9 photos) scores" in why.typical
    assert (why.median_score, why.high_score) == encoder.reference.typical(centred=True)
    centred = saccade.compare(encoder, album / "0.png", album / "1.png", reference=encoder.reference)
    assert why.centred
    assert centred.score == pytest.approx(why.score, abs=1e-6)
    by_folder = saccade.compare(encoder, album / "0.png", album / "1.png", reference=album)
    assert centred.score == pytest.approx(by_folder.score, abs=2e-2)
    first = next(name for name, layer in encoder.layers.items() if name != encoder.layer and len(layer.shape) == 3)
    assert saccade.load(model, layer=first).reference is None, "it is about another layer"


def test_the_centred_target_explains_the_code_less_the_mean(encoder: saccade.Encoder, album: Path) -> None:
    image = encoder.read(album / "3.png")
    codes = encoder.codes(image)
    mean = encoder.codes(encoder.read(sorted(album.glob("*.png")))).mean(axis=0)
    by_folder = saccade.explain(encoder, image, "saliency", f"centred:{album}")
    by_hand = saccade.explain(encoder, image, "saliency", targets.direction(codes[0] - mean))
    np.testing.assert_allclose(by_folder.raw, by_hand.raw, rtol=1e-4, atol=1e-5 * np.abs(by_hand.raw).max())
    assert by_folder.question == "what sets its code apart from the mean of album"
    occluded = saccade.explain(encoder, image, "occlusion", targets.centred(album))
    np.testing.assert_allclose(occluded.scores["score"], ((codes - mean) * codes).sum(axis=(1, 2, 3)), rtol=1e-4)
    assert occluded.signed
    with pytest.raises(InputError, match="centred:FOLDER"):
        saccade.explain(encoder, image, "saliency", "centred")


def test_the_command_takes_off_what_the_model_knows(run: Run, small_model: str, album: Path, tmp_path: Path) -> None:
    status, _, err = run("compare", small_model, album / "0.png", album / "1.png", "--centred")
    assert status == 2
    assert "--reference" in err
    model = Path(shutil.copy(small_model, tmp_path / "mine.keras"))
    reference_of(saccade.load(model), album).save(reference_path(model))
    status, out, err = run("compare", model, album / "0.png", album / "1.png", "--centred", "--json")
    assert status == 0, err
    assert '"centred": true' in out
    assert "a typical pair" in out
    assert '"centred": true' in run("compare", model, album / "0.png", album / "1.png", "--json")[1]
    assert '"centred": false' in run("compare", model, album / "0.png", album / "1.png", "--as-they-are", "--json")[1]


def test_the_model_that_ships_knows_its_collection() -> None:
    shipped = Path(saccade.__file__).parent / "shipped" / "clothing-autoencoder.keras"
    reference = saccade.load(shipped).reference
    assert reference is not None
    assert reference.count == 3068
    assert reference.mean_image.shape == (128, 128, 3)
    assert 0.6 < reference.typical(centred=False)[0] < 0.8
    assert abs(reference.typical(centred=True)[0]) < 0.05
