"""Why two images are alike: shares that add up, references that are taken off, pages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from skimage import data

import saccade
from saccade.attribution.smoothing import gaussian_blur
from saccade.errors import Cancelled, FileError, InputError, NotApplicable, UnknownName
from saccade.images import Placement
from saccade.images.photos import Photo
from saccade.pairs import mean_code, split
from saccade.picture import read_metadata
from saccade.results import Similarity
from saccade.results.framing import framed

SEED = 7
numbers = st.floats(-1e3, 1e3, allow_nan=False, width=32)
grids = st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 5))


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.ravel().astype(float), b.ravel().astype(float)
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def opened(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def living(code: np.ndarray) -> bool:
    pooled = code.astype(float).mean(axis=(0, 1))
    return bool(np.abs(pooled).max() > 1e-3)


# The split


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_shares_of_places_sum_to_the_cosine(draw: st.DataObject) -> None:
    shape = draw.draw(grids)
    a, b = (draw.draw(arrays(np.float32, shape, elements=numbers).filter(living)) for _ in range(2))
    parts = split(a, b)
    assert parts.score == pytest.approx(cosine(a, b), rel=1e-10, abs=1e-12)
    assert abs(parts.shares_a.sum() - parts.score) <= 1e-12 * max(np.abs(parts.shares_a).sum(), 1e-300)
    assert np.array_equal(parts.shares_a, parts.shares_b)
    for row, column in np.ndindex(*shape[:2]):
        alone = a[row, column].astype(float) @ b[row, column].astype(float)
        length = np.linalg.norm(a.astype(float)) * np.linalg.norm(b.astype(float))
        assert parts.shares_a[row, column] == pytest.approx(alone / length, rel=1e-9, abs=1e-14)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_shares_anywhere_are_the_sums_over_all_pairs_of_cells(draw: st.DataObject) -> None:
    shape, (rows, columns, _) = draw.draw(grids), draw.draw(grids)
    a = draw.draw(arrays(np.float32, shape, elements=numbers).filter(living)).astype(float)
    b = draw.draw(arrays(np.float32, (rows, columns, shape[2]), elements=numbers).filter(living)).astype(float)
    parts = split(a, b, "anywhere")
    mean_a, mean_b = a.mean(axis=(0, 1)), b.mean(axis=(0, 1))
    length = np.linalg.norm(mean_a) * np.linalg.norm(mean_b) * shape[0] * shape[1] * rows * columns
    pairs = np.zeros((*shape[:2], rows, columns))
    for index in np.ndindex(*pairs.shape):
        pairs[index] = a[index[:2]] @ b[index[2:]] / length
    scale = np.abs(pairs).sum()
    assert np.allclose(parts.shares_a, pairs.sum(axis=(2, 3)), rtol=0, atol=1e-12 * scale)
    assert np.allclose(parts.shares_b, pairs.sum(axis=(0, 1)), rtol=0, atol=1e-12 * scale)
    for shares in (parts.shares_a, parts.shares_b):
        assert abs(shares.sum() - parts.score) <= 1e-12 * scale
    assert parts.score == pytest.approx(cosine(mean_a, mean_b), rel=1e-9, abs=1e-12 * scale)


def test_a_similarity_has_no_units_and_knows_evidence_against() -> None:
    rng = np.random.default_rng(SEED)
    a, b = rng.normal(size=(2, 3, 4, 5))
    plain = split(a, b)
    assert (plain.shares_a < 0).any()
    for factor in (1e-180, 3.0, 1e180):
        assert np.allclose(split(a * factor, b).shares_a, plain.shares_a, rtol=1e-12)
    assert split(a, a).score == pytest.approx(1, abs=1e-15)
    assert split(a, -a, "anywhere").score == pytest.approx(-1, abs=1e-15)


def test_anywhere_does_not_mind_where_things_lie() -> None:
    rng = np.random.default_rng(SEED)
    a, b = rng.normal(size=(2, 4, 4, 3))
    moved = split(a, np.roll(b, (1, 2), axis=(0, 1)), "anywhere")
    still = split(a, b, "anywhere")
    assert moved.score == pytest.approx(still.score, rel=1e-12)
    assert np.allclose(moved.shares_a, still.shares_a)
    assert np.allclose(moved.shares_b, np.roll(still.shares_b, (1, 2), axis=(0, 1)))


def test_what_cannot_be_split_says_so() -> None:
    ones = np.ones((2, 2, 3))
    with pytest.raises(InputError, match=r"2x2 and 2x3 cells.*matching='anywhere'"):
        split(ones, np.ones((2, 3, 3)))
    with pytest.raises(InputError, match="3 and 4 channels"):
        split(ones, np.ones((2, 2, 4)), "anywhere")
    with pytest.raises(InputError, match="the second code is zero"):
        split(ones, 0 * ones)
    with pytest.raises(InputError, match="no direction"):
        split(ones * np.array([1, -1])[:, None, None] / 3, ones, "anywhere")
    with pytest.raises(InputError, match="not numbers"):
        split(ones * np.nan, ones)
    with pytest.raises(InputError, match=r"\(3,\)"):
        split(ones[0, 0], ones)
    with pytest.raises(UnknownName, match="the nearest is 'place'"):
        split(ones, ones, "places")


# Comparing


def encoder(size: int | None = 16, *, vector: bool = False, **settings: object) -> saccade.Encoder:
    import keras

    keras.utils.set_random_seed(SEED)
    picture = keras.Input((size, size, 3))
    cells = keras.layers.Conv2D(6, 3, padding="same", activation="elu", name="conv_1")(picture)
    cells = keras.layers.MaxPooling2D(4, name="encoded")(cells)
    if vector:
        cells = keras.layers.Flatten(name="flat")(cells)
        cells = keras.layers.Dense(5, name="latent")(cells)
    model = keras.Model(picture, cells, name="tiny")
    return saccade.Encoder(model, layer="latent" if vector else "encoded", value_range=(0, 1), **settings)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def tiny() -> saccade.Encoder:
    return encoder()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty photos cut out of one, and a file that is none."""
    place = tmp_path_factory.mktemp("reference")
    coffee = data.coffee()
    for number in range(40):
        top, left = 8 * number, 12 * number
        Image.fromarray(coffee[top : top + 40, left : left + 60]).save(place / f"{number:02d}.png")
    (place / "broken.jpg").write_bytes(b"no picture")
    return place


CAT, CUP = data.chelsea(), data.coffee()


def test_the_score_is_the_cosine_of_the_codes(tiny: saccade.Encoder) -> None:
    why = saccade.compare(tiny, CAT, CUP)
    a, b = tiny.codes(tiny.read([CAT, CUP]))
    assert why.score == pytest.approx(cosine(a, b), rel=1e-6)
    assert why.shares_a.shape == (4, 4)
    assert why.shares_a.dtype == np.float64
    assert why.shares.sum() == pytest.approx(why.score, rel=1e-12)
    assert (why.kind, why.centred, why.references, why.places) == ("cosine", False, 0, True)
    assert saccade.compare(tiny, CUP, CAT).score == pytest.approx(why.score, rel=1e-6)
    with pytest.raises(ValueError, match="read-only"):
        why.shares_a[0] = 0


def test_the_mean_code_is_the_mean_of_all_codes(tiny: saccade.Encoder, folder: Path) -> None:
    paths = sorted(folder.glob("*.png"))
    steps: list[tuple[int, int]] = []
    mean = mean_code(tiny, folder, progress=lambda done, whole: steps.append((done, whole)))
    codes = np.concatenate([tiny.codes(tiny.read([path])) for path in paths]).astype(float)
    assert np.allclose(mean.code, codes.mean(axis=0), rtol=1e-5, atol=1e-6)
    assert (mean.count, [image.name for image in mean.skipped]) == (40, ["broken.jpg"])
    assert steps[-1] == (41, 41)
    assert [done for done, _ in steps] == sorted({done for done, _ in steps})
    assert len(steps) == 2  # batches of 32


@pytest.mark.parametrize("kind", ["list", "images", "floats", "bytes", "mixture"])
def test_a_reference_may_be_anything_that_can_be_read(tiny: saccade.Encoder, folder: Path, kind: str) -> None:
    paths = sorted(folder.glob("*.png"))[:5]
    images = tiny.read(paths)
    stack = np.stack([opened(path) for path in paths])
    reference = {
        "list": [str(path) for path in paths],
        "images": images,
        "floats": images.array,
        "bytes": stack,
        "mixture": [paths[0], images[1:3], Image.fromarray(stack[3]), stack[4]],
    }[kind]
    expected = tiny.codes(images).astype(float).mean(axis=0)
    mean = mean_code(tiny, reference)
    assert mean.count == 5
    assert np.allclose(mean.code, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("matching", ["place", "anywhere"])
def test_centring_takes_the_mean_off_before_the_cosine(tiny: saccade.Encoder, folder: Path, matching: str) -> None:
    why = saccade.compare(tiny, CAT, CUP, reference=folder, matching=matching)
    mean = mean_code(tiny, folder)
    a, b = (code - mean.code for code in tiny.codes(tiny.read([CAT, CUP])))
    if matching == "anywhere":
        a, b = a.mean(axis=(0, 1)), b.mean(axis=(0, 1))
    assert why.score == pytest.approx(cosine(a, b), rel=1e-5)
    assert why.shares_a.sum() == pytest.approx(why.score, abs=1e-12)
    assert why.shares_b.sum() == pytest.approx(why.score, abs=1e-12)
    assert np.array_equal(why.shares_a, why.shares_b) == (matching == "place")
    assert (why.centred, why.references) == (True, 40)
    assert "1 of the reference images cannot be used and was left out (broken.jpg)" in why.notes
    same = saccade.compare(tiny, CAT, CUP, centre=mean.code, matching=matching)
    assert same.score == pytest.approx(why.score, rel=1e-6)
    assert (same.centred, same.references) == (True, 0)


def test_what_cannot_be_compared_says_so(tiny: saccade.Encoder, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Give one"):
        saccade.compare(tiny, CAT, CUP, reference=folder, centre=np.zeros(6))
    with pytest.raises(InputError, match="first image is 2 images"):
        saccade.compare(tiny, [CAT, CUP], CUP)
    with pytest.raises(InputError, match=r"centre of shape \(5,\) .*one number for each channel: \(6,\)"):
        saccade.compare(tiny, CAT, CUP, centre=np.zeros(5))
    with pytest.raises(InputError, match="the first code is exactly the mean"):
        saccade.compare(tiny, CAT, CUP, reference=[CAT])
    with pytest.raises(FileError, match="no photos in the folder"):
        saccade.compare(tiny, CAT, CUP, reference=tmp_path)
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"none of the 1 images of the reference can be used: .*broken\.jpg"):
        saccade.compare(tiny, CAT, CUP, reference=tmp_path)
    with pytest.raises(Cancelled):
        saccade.compare(tiny, CAT, CUP, reference=folder, stop=lambda: True)


def test_images_of_different_sizes_have_no_mean(folder: Path) -> None:
    free = encoder(None)
    with pytest.raises(InputError, match=r"differ in shape \(\(10, 15, 6\) and \(20, 15, 6\)\).*give size="):
        mean_code(free, [CUP[:40, :60], CUP[:80, :60]])
    assert mean_code(free, [CUP[:40, :60], CUP[:80, :60]], size=(32, 32)).code.shape == (8, 8, 6)


def test_a_small_reference_is_mentioned(tiny: saccade.Encoder, folder: Path) -> None:
    few = sorted(folder.glob("*.png"))[:3]
    assert any("only 3 images" in note for note in saccade.compare(tiny, CAT, CUP, reference=few).notes)


def test_photos_of_their_own_sizes(folder: Path) -> None:
    free = encoder(None)
    small = np.ascontiguousarray(CAT[:80, :120])
    with pytest.raises(InputError, match="cells, so they cannot be compared place by place"):
        saccade.compare(free, small, CUP[:40, :60])
    why = saccade.compare(free, small, CUP[:40, :60], matching="anywhere", reference=folder)
    assert (why.shares_a.shape, why.shares_b.shape) == ((20, 30), (10, 15))
    assert why.figure(width=700).width == 700
    # The reference photos, 40x60, are read at the pair's size, so that places agree.
    assert saccade.compare(free, small, small[::-1], reference=folder).shares_a.shape == (20, 30)


def test_a_plain_vector_is_split_over_the_cells_that_it_is_made_of() -> None:
    why = saccade.compare(encoder(vector=True), CAT, CUP)
    assert why.shares_a.shape == (4, 4)
    assert why.shares_a.sum() + why.special == pytest.approx(why.score)
    assert (why.places, why.split, why.matching) == (True, "exact", "anywhere")
    assert why.figure(width=800).width == 800
    with pytest.raises(NotApplicable, match=r"code \(latent\) has no places.*matching='anywhere'"):
        saccade.compare(encoder(vector=True), CAT, CUP, matching="place")


# The result


@pytest.fixture(scope="module")
def why(tiny: saccade.Encoder) -> Similarity:
    rng = np.random.default_rng(SEED)
    return saccade.compare(tiny, CAT, CUP, centre=rng.normal(size=6), matching="anywhere")


def test_it_draws_both_photos(why: Similarity) -> None:
    for theme in ("light", "dark"):
        assert why.figure(theme=theme, width=900).width == 900
    assert why._repr_png_()[1:4] == b"PNG"
    assert why.on_photo(0).shape == CAT.shape[:2]
    assert why.on_photo(1, smooth=False).shape == CUP.shape[:2]
    assert set(np.unique(why.on_photo(1, smooth=False))) == set(np.unique(why.shares_b.astype(np.float32)))


def test_top_cells_lie_on_the_photo(why: Similarity) -> None:
    cells = why.top_cells(3, which=1)
    strongest = np.sort(np.abs(why.shares_b), axis=None)[::-1][:3]
    assert [abs(cell.share) for cell in cells] == pytest.approx(list(strongest))
    height, width = CUP.shape[:2]
    for cell in cells:
        assert cell.share == why.shares_b[cell.row, cell.column]
        assert cell.box == pytest.approx(
            (cell.column * width / 4, cell.row * height / 4, (cell.column + 1) * width / 4, (cell.row + 1) * height / 4)
        )
    assert len(why.top_cells(99)) == 16


def test_it_saves_and_opens_again(why: Similarity, tmp_path: Path) -> None:
    opened = Similarity.load(why.save(tmp_path / "why.npz"))
    assert np.array_equal(opened.shares_a, why.shares_a)
    assert np.array_equal(opened.shares_b, why.shares_b)
    assert opened.metadata() == why.metadata()
    assert repr(opened) == repr(why)
    page = why.save(tmp_path / "why.png", theme="dark", width=800)
    assert read_metadata(page) == why.metadata()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["why.npz", "why.png"]
    with pytest.raises(FileError, match="cannot be written"):
        why.save(tmp_path / "missing" / "why.npz")
    with pytest.raises(FileError, match="not saved by saccade"):
        Similarity.load(page)


def test_the_frame_is_what_the_model_sees() -> None:
    photo = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)

    def cropped(box: tuple[float, float, float, float]) -> np.ndarray:
        return framed(Photo("x", None, photo, Placement((4, 6), (2, 2), box)))

    assert np.array_equal(cropped((0, 0, 6, 4)), photo)
    assert np.array_equal(cropped((1, 0, 5, 4)), photo[:, 1:5])
    padded = cropped((0, -1, 6, 5))
    assert padded.shape == (6, 6, 3)
    assert np.array_equal(padded[1:5], photo)
    assert (padded[[0, 5]] == 255).all()


# What a score means


def test_a_reference_tells_what_a_typical_pair_scores(tiny: saccade.Encoder, folder: Path) -> None:
    paths = sorted(folder.glob("*.png"))
    codes = np.concatenate([tiny.codes(tiny.read([path])) for path in paths]).astype(float)
    for centred in (True, False):
        flat = codes - codes.mean(axis=0) * centred
        every = [cosine(flat[i], flat[j]) for i in range(40) for j in range(i)]
        why = saccade.compare(tiny, CAT, CUP, reference=folder, centred=centred)
        assert why.median_score == pytest.approx(np.median(every), abs=1e-4)
        assert why.high_score == pytest.approx(np.quantile(every, 0.95), abs=1e-4)
        assert why.typical.startswith("a typical pair of the 40 reference photos scores ")
        assert (why.centred, why.references) == ((True, 40) if centred else (False, 0))
    pooled = codes.mean(axis=(1, 2)) - codes.mean(axis=(0, 1, 2))
    every = [cosine(pooled[i], pooled[j]) for i in range(40) for j in range(i)]
    why = saccade.compare(tiny, CAT, CUP, reference=folder, matching="anywhere")
    assert why.median_score == pytest.approx(np.median(every), abs=1e-4)


def test_a_large_reference_is_sampled_evenly(tiny: saccade.Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    from saccade.pairs import reference

    monkeypatch.setattr(reference, "_SAMPLE", 8)
    shades = np.linspace(0.05, 1, 60, dtype=np.float32)[:, None, None, None] * np.ones((1, 16, 16, 3), np.float32)
    mean = mean_code(tiny, shades)
    codes = tiny.codes(shades).reshape(60, -1)
    rows = [int(np.abs(codes - code.ravel()).sum(axis=1).argmin()) for code in mean.sample]  # type: ignore[union-attr]
    assert len(set(rows)) == 8
    assert max(rows) >= 30
    assert mean_code(tiny, shades[:2]).typical() is None


def test_what_is_known_of_a_model_is_taken_off_by_itself(folder: Path) -> None:
    from saccade.pairs import reference_of

    plain = encoder()
    with_reference = encoder(reference=reference_of(plain, folder))
    why = saccade.compare(with_reference, CAT, CUP)
    assert (why.centred, why.references) == (True, 40)
    assert (why.median_score, why.high_score) == with_reference.reference.typical(centred=True)  # type: ignore[union-attr]
    as_they_are = saccade.compare(with_reference, CAT, CUP, centred=False)
    assert as_they_are.score == pytest.approx(saccade.compare(plain, CAT, CUP).score, abs=1e-6)
    assert (as_they_are.median_score, as_they_are.high_score) == with_reference.reference.typical(centred=False)  # type: ignore[union-attr]
    with pytest.raises(InputError, match="centred=True needs to know"):
        saccade.compare(plain, CAT, CUP, centred=True)
    with pytest.raises(InputError, match="give one of them"):
        saccade.compare(plain, CAT, CUP, centred=False, centre=np.zeros(6))


def test_a_reference_of_another_model_is_refused(tiny: saccade.Encoder, folder: Path) -> None:
    from saccade.pairs import reference_of

    other = reference_of(encoder(vector=True), folder)
    with pytest.raises(InputError, match="of another model or layer: its codes are 1x1x5, and those of 'encoded' are"):
        saccade.compare(tiny, CAT, CUP, reference=other)


def test_the_folder_of_a_photo_is_offered(tiny: saccade.Encoder, folder: Path, tmp_path: Path) -> None:
    photo = sorted(folder.glob("*.png"))[0]
    (note,) = [text for text in saccade.compare(tiny, photo, CUP).notes if "typical pair" in text]
    assert "the folder of 00.png would (41 photos)" in note
    assert "--reference FOLDER" in note
    assert str(folder) not in note, "the note stands on pages that are sent to others"
    assert not any("typical pair" in text for text in saccade.compare(tiny, photo, CUP, reference=folder).notes)
    assert not any("typical pair" in text for text in saccade.compare(tiny, CAT, CUP).notes)


# Covering


@pytest.mark.parametrize("matching", ["place", "anywhere"])
@pytest.mark.parametrize("centred", [False, True])
def test_covering_the_matches_is_done_as_by_hand(tiny: saccade.Encoder, matching: str, *, centred: bool) -> None:
    centre = np.random.default_rng(1).normal(size=(4, 4, 6)) if centred else None
    why = saccade.compare(tiny, CAT, CUP, matching=matching, centre=centre, cover=True)
    test = why.cover_test
    assert test is not None
    raising = sorted((match for match in why.matches if match.share > 0), key=lambda match: -match.share)[:3]
    whole = tiny.read([CAT, CUP]).array
    images, hidden = whole.copy(), gaussian_blur(whole, 4.0)

    def codes(read: np.ndarray) -> list[np.ndarray]:
        each = tiny.codes(read).astype(float) - (0 if centre is None else centre)
        return [code.mean(axis=(0, 1)) for code in each] if matching == "anywhere" else list(each)

    (a, b), covered = codes(whole), np.zeros((2, 4, 4), bool)
    for count, match in enumerate(raising):
        for side, places in enumerate((match.places_a, match.places_b)):
            covered[side] |= places
            for row, column in 4 * np.argwhere(places):
                box = side, slice(row, row + 4), slice(column, column + 4)
                images[box] = hidden[box]
        covered_a, covered_b = codes(images)
        one_by_one = (cosine(covered_a, b) + cosine(a, covered_b)) / 2
        assert test.measured[count] == pytest.approx(one_by_one, abs=1e-5)
        under = (why.shares_a[covered[0]].sum() + why.shares_b[covered[1]].sum()) / 2
        assert test.predicted[count] == pytest.approx(why.score - under, abs=1e-9)
    assert test.score == why.score
    assert saccade.compare(tiny, CAT, CUP).cover_test is None
