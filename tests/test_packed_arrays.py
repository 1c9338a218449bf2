"""Arrays of a page in less room: what a browser unpacks is what was packed, bit by bit. Oracle: zlib and numpy."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from browsers import opened
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from page_data import decoded

from saccade.report.array_spec import array_spec, to_five_digits
from saccade.report.packed_arrays import packed
from saccade.report.page_file import joined_modules


@pytest.fixture(scope="module")
def functions(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A page that has the views' functions under `views`."""
    script = joined_modules("arrays.js") + "\nwindow.views = { decodeArray, inflate, bytesOfBase64 };"
    page = tmp_path_factory.mktemp("packed") / "functions.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><body><script type=module>{script}</script>")
    with opened(browser, page) as tab:
        yield tab


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def deflated(content: bytes, level: int, strategy: int) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy)
    return packer.compress(content) + packer.flush()


CONTENTS = {
    "nothing": b"",
    "one byte": b"a",
    "one byte often": b"a" * 70_000,
    "words": b"to see or not to see, that is the question; " * 300,
    "all bytes": bytes(range(256)) * 40,
    "noise": np.random.default_rng(0).bytes(100_000),
    "few letters": bytes(
        np.random.default_rng(1).choice([1, 2, 3, 200], 50_000, p=[0.9, 0.06, 0.03, 0.01]).astype("u1")
    ),
    "many codes": bytes((np.random.default_rng(2).standard_cauchy(90_000) * 3).astype("i8").astype("u1")),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_a_browser_undoes_deflate(functions: Any, name: str) -> None:
    content = CONTENTS[name]
    for level, strategy in (
        (0, zlib.Z_DEFAULT_STRATEGY),
        (9, zlib.Z_DEFAULT_STRATEGY),
        (6, zlib.Z_FIXED),
        (1, 0),
        (9, 2),
    ):
        inflated = functions.evaluate(
            "([text, size]) => { let all = ''; for (const byte of views.inflate(views.bytesOfBase64(text), size)) "
            "all += String.fromCharCode(byte); return btoa(all); }",
            [text(deflated(content, level, strategy)), len(content)],
        )
        assert base64.b64decode(inflated) == content, (level, strategy)


def test_what_is_damaged_is_no_array(functions: Any) -> None:
    whole = deflated(CONTENTS["words"], 9, 0)
    for broken, size in ((whole[:40], 13_200), (whole, 13_199), (b"\xff" * 40, 13_200)):
        answer = functions.evaluate(
            "([text, size]) => { try { views.inflate(views.bytesOfBase64(text), size); } "
            "catch (error) { return error.name; } return 'an array'; }",
            [text(broken), size],
        )
        assert answer == "RangeError"


def smooth(*shape: int) -> Any:
    return np.sin(np.indices(shape).sum(axis=0) / 9.0) * 3 - 1


ARRAYS = [
    (smooth(64, 48), "float32"),
    (smooth(64, 48), "float16"),
    (smooth(8, 40, 40) * 50 + 120, "uint8"),
    (smooth(32, 32, 3) * 30, "int8"),
    (np.random.default_rng(0).normal(size=(40, 40)), "float32"),
    (np.zeros((40, 40)), "float32"),
    (np.arange(5000), "float32"),
    (np.ones((1, 1)), "float32"),
    (np.zeros((0, 7)), "float16"),
]


@pytest.mark.parametrize(("values", "kind"), ARRAYS)
def test_arrays_are_the_same_in_less_room(functions: Any, values: Any, kind: str) -> None:
    plain = array_spec(values, kind)
    small = packed({"photos": [{"map": plain, "name": "cat"}]})["photos"][0]
    assert small["name"] == "cat"
    assert len(str(small["map"])) <= len(str(plain))
    np.testing.assert_array_equal(decoded(small["map"]), decoded(plain))
    shown = [
        functions.evaluate(
            "(spec) => { const { values, shape } = views.decodeArray(spec); "
            "return [values.constructor.name, shape, [...new Uint8Array(values.buffer)]]; }",
            spec,
        )
        for spec in (plain, small["map"])
    ]
    assert shown[0] == shown[1]


def test_smooth_arrays_take_much_less_and_noise_stays_as_it_is() -> None:
    for values, kind in ARRAYS[:4]:
        plain = array_spec(values, kind)
        assert len(packed(plain)["deflated"]) < 0.75 * len(plain["base64"])
    noise = array_spec(np.random.default_rng(0).integers(0, 256, (64, 64)), "uint8")
    assert packed(noise) == noise


@given(arrays(np.float32, st.tuples(st.integers(0, 4), st.integers(1, 5)), elements=st.floats(-1e6, 1e6, width=32)))
def test_arrays_come_back(values: NDArray[np.float32]) -> None:
    np.testing.assert_array_equal(decoded(array_spec(values)), values)
    np.testing.assert_allclose(
        decoded(array_spec(values, "float16")), values, atol=1e-3 * np.abs(values).max(initial=0) + 1e-30
    )


@given(arrays(np.float32, (7, 5), elements=st.floats(-1e6, 1e6, width=32)))
def test_five_digits_are_kept_of_every_number(values: NDArray[np.float32]) -> None:
    rounded = to_five_digits(values)
    normal = np.abs(values) >= np.finfo(np.float32).tiny
    np.testing.assert_allclose(rounded[normal], values[normal], rtol=1 / 65_000, atol=0)
    np.testing.assert_allclose(rounded, values, rtol=1 / 65_000, atol=1e-42)
