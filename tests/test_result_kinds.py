"""What every kind of result can do: save itself by ending, show itself, tell itself as plain numbers and words."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import nets
import numpy as np
import pytest
from PIL import Image

import saccade
from saccade.errors import FileError
from saccade.picture import read_metadata
from saccade.results import Result
from saccade.results.plain_values import in_words, plain

KINDS = ["attribution", "several attributions", "similarity", "cell maps", "feature maps", "evaluation"]


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    encoder = saccade.Encoder(nets.autoencoder(24, 3), layer="encoded")
    photos = [np.random.default_rng(number).integers(0, 255, (40, 60, 3), dtype=np.uint8) for number in range(9)]
    return {
        "attribution": saccade.explain(encoder, photos[0]),
        "several attributions": saccade.explain(encoder, photos[:2], "saliency"),
        "similarity": saccade.compare(encoder, photos[0], photos[1]),
        "cell maps": saccade.cells(encoder, photos[0]),
        "feature maps": saccade.feature_maps(encoder, photos[0]),
        "evaluation": saccade.evaluate(encoder, photos, ["saliency"], limit=8, steps=6, stages=1, draws=1),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_is_plain_numbers_and_words(results: dict[str, Result], kind: str) -> None:
    content = results[kind].to_dict()
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    provenance = plain(results[kind].provenance())
    assert provenance["model"]
    assert provenance.items() <= content.items()


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_is_saved_by_its_ending(results: dict[str, Result], kind: str, tmp_path: Path) -> None:
    result = results[kind]
    assert json.loads(result.save(tmp_path / "a.json").read_text()) == result.to_dict()
    with np.load(result.save(tmp_path / "a.npz")) as file:
        assert set(file.files) == {"metadata", *result.arrays()}
        assert json.loads(str(file["metadata"])) == plain(result.provenance())
        for name, values in result.arrays().items():
            np.testing.assert_array_equal(file[name], values)
    assert read_metadata(result.save(tmp_path / "a.png")) == result.metadata()
    for ending in ("json", "npz", "png"):
        with pytest.raises(FileError):
            result.save(tmp_path / "missing" / f"a.{ending}")
    for name in ("a.gif", "a"):
        with pytest.raises(FileError, match=r"must end in .*\.png.* for its page, \.npz .* or \.json"):
            result.save(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.npz", "a.png"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_gives_its_page_as_bytes(results: dict[str, Result], kind: str, tmp_path: Path) -> None:
    result = results[kind]
    page = result.page()
    with Image.open(io.BytesIO(result.png())) as png:
        assert png.format == "PNG"
        np.testing.assert_array_equal(np.asarray(png), np.asarray(page))
    (tmp_path / "bytes.png").write_bytes(result.png())
    assert read_metadata(tmp_path / "bytes.png") == result.metadata()
    with Image.open(io.BytesIO(result._repr_png_())) as shown:
        assert shown.width == min(page.width, 1400)
        assert shown.height / shown.width == pytest.approx(page.height / page.width, rel=0.01)


def test_where_the_strongest_value_of_a_map_lies(results: dict[str, Result]) -> None:
    look = results["attribution"]
    assert isinstance(look, saccade.results.Attribution)
    (image,) = look.to_dict()["images"]
    values = np.abs(look.values[0])
    assert image["size"] == [60, 40]
    assert image["highest"] == pytest.approx(float(values.max()))
    np.testing.assert_allclose(image["values"], look.values[0], rtol=1e-6)
    x, y = image["strongest_at"]
    row, column = int(y / 40 * values.shape[0]), int(x / 60 * values.shape[1])
    assert values[row, column] == values.max()


def test_what_is_plain() -> None:
    values: dict[Any, Any] = {
        "array": np.array([[1.0, np.nan], [np.inf, 2.0]], np.float32), 3: (np.int64(4), np.bool_(True), None),
        "path": Path("a/b"), "range": range(2), "deep": {"x": [np.float32(0.5)]},
    }  # fmt: skip
    assert plain(values) == {
        "array": [[1.0, None], [None, 2.0]], "3": [4, True, None], "path": "a/b", "range": [0, 1],
        "deep": {"x": [0.5]},
    }  # fmt: skip
    assert in_words(("a", "b")) == "a; b"
    assert in_words({"steps": 4, "patch": (8, 8)}) == "steps=4, patch=[8, 8]"
    assert in_words(0.5) == "0.5"
