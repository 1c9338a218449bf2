"""Targets as words: text and back, names, questions, units, what is refused; and what has nothing to explain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nets
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from saccade import targets
from saccade.attribution.degenerate import code_degeneracies, map_degeneracies
from saccade.errors import FileError, InputError, UnknownName
from saccade.targets import Target, parse

A, B = (np.random.default_rng(seed).random((1, 12, 12, 1), np.float32) for seed in (21, 22))
COLLECTION = np.random.default_rng(23).random((9, 12, 12, 1), np.float32)
PER_CHANNEL = np.array([0.5, -1.0, 2.0], np.float32)


def peak(code: Any) -> Any:
    return code[:, 0, 0, 0]


# Words


def test_words_stay_readable() -> None:
    target = targets.code() - 0.5 * targets.like("holiday/b.jpg")
    assert target.name == "code - 0.5*like:b.jpg"
    assert target.text == "code - 0.5*like:holiday/b.jpg"
    assert target.files == ("holiday/b.jpg",)
    assert target.question == "what the code is made of, less 0.5 times what makes it like b.jpg"
    assert target.gradient_units.name == "(inner product with the photo's own code) - 0.5 x (cosine similarity)"
    assert target.occlusion_units.name == (
        "(squared change of the code (share of its square)) - 0.5 x (cosine similarity lost)"
    )
    contrast = targets.toward("a.jpg", than="b.jpg")
    assert contrast.question == "what speaks for a.jpg rather than b.jpg"
    assert contrast.gradient_units.name == "lead in cosine similarity"
    assert contrast.files == ("a.jpg", "b.jpg")
    assert (-contrast).name == "-toward:a.jpg,than=b.jpg"
    assert (-contrast).question == "the opposite of what speaks for a.jpg rather than b.jpg"
    assert targets.region((2, 5), (1, 2)).question == "what rows 2 to 4 and column 1 of the code see"
    assert targets.region(None, (1, None)).question == "what all rows and columns from 1 of the code see"
    assert (
        targets.reconstruction_error(rows=(0, 2)).gradient_units.name
        == "mean squared error of rows 0 to 1 and all columns"
    )
    assert targets.of(peak).question == "what drives peak"
    assert targets.of(lambda code: code).gradient_units.name == "a function of the code"
    assert targets.direction([1.0, 2.0], name="smile").question == "what pushes the code along smile"
    assert targets.like(A).question == "what makes it like the other image"


def test_arrays_and_functions_have_no_text() -> None:
    for target in (targets.like(A), targets.of(peak), targets.direction(PER_CHANNEL), targets.component(0, COLLECTION)):
        assert target.text is None
        assert (targets.code() - target).text is None
        assert (targets.toward(A, than="b.jpg")).text is None


def test_equal_targets_are_equal() -> None:
    assert targets.like("b.jpg") == targets.like(Path("b.jpg"))
    assert targets.like(A) == targets.like(A)
    assert targets.like(A) != targets.like(B)
    assert targets.direction([1, 2]) == targets.direction(np.array([1.0, 2.0]))
    assert targets.direction([1, 2]) != targets.direction([2, 1])
    assert 1.0 * targets.code() == targets.code()
    assert len({targets.channel(1), targets.channel(1), targets.channel(2)}) == 2


names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda name: Path(name).name == name
)
spans = st.tuples(st.none() | st.integers(0, 4), st.none() | st.integers(5, 9))
simple = st.one_of(
    st.just(targets.code()),
    st.builds(targets.channel, st.integers(-9, 99)),
    st.builds(targets.cell, st.integers(0, 9), st.integers(0, 9)),
    st.builds(targets.region, spans, spans),
    st.builds(targets.component, st.integers(0, 9), names),
    st.builds(targets.like, names),
    st.builds(targets.unlike, names),
    st.builds(lambda a, b: targets.toward(a, than=b), names, names),
)
weights = st.floats(-1e6, 1e6).filter(lambda weight: weight != 0) | st.sampled_from([1.0, -1.0, 0.5, 2.0, 1e-30])
outputs = st.builds(lambda rows, columns: targets.reconstruction_error(rows=rows, columns=columns), spans, spans)


@example([(1.0, targets.like("='")), (1.0, targets.component(0, "'"))])
@example(
    [
        (
            1.0,
            targets.like("a: 'b"),
        ),
        (-1.0, targets.unlike("c,'d")),
    ]
)
@given(st.lists(st.tuples(weights, simple), min_size=1, max_size=4) | st.lists(st.tuples(weights, outputs), min_size=1))
@settings(max_examples=150, deadline=None)
def test_text_round_trip(parts: list[tuple[float, Target]]) -> None:
    target = sum(weight * part for weight, part in parts)
    assert isinstance(target, Target)
    assert parse(target.name) == target
    assert target.text is not None
    assert parse(target.text) == target
    assert parse(f"  {target.text}\n") == target


@given(st.text("code-+*:,=\"' 0.5liketowrdhan", max_size=30))
@settings(max_examples=150, deadline=None)
def test_any_text_is_a_target_or_one_plain_line(text: str) -> None:
    try:
        target = parse(text)
    except InputError:
        return  # what it says is tested below; nothing else may be raised
    assert parse(target.text or "") == target


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('like:"a - copy.jpg"', lambda: targets.like("a - copy.jpg")),
        ("like:'a - copy.jpg' - 2*code", lambda: targets.like("a - copy.jpg") - 2 * targets.code()),
        ("like:a-b+c, d.jpg", lambda: targets.like("a-b+c, d.jpg")),
        ('like:"say ""hi"".jpg"', lambda: targets.like('say "hi".jpg')),
        ("like:don't.jpg", lambda: targets.like("don't.jpg")),
        ('toward:"a,than=b.jpg",than=c.jpg', lambda: targets.toward("a,than=b.jpg", than="c.jpg")),
        ("toward:a, b.jpg , than= c.jpg", lambda: targets.toward("a, b.jpg", than="c.jpg")),
        ("component: 2 ,my, folder", lambda: targets.component(2, "my, folder")),
        ("- 0.5 * code + +2e-1*channel:1", lambda: -0.5 * targets.code() + 0.2 * targets.channel(1)),
        ("region: 2:5 , :4", lambda: targets.region((2, 5), (None, 4))),
        ("reconstruction_error::,3:", lambda: targets.reconstruction_error(columns=(3, None))),
    ],
)
def test_what_text_may_look_like(text: str, expected: Callable[[], Target]) -> None:
    assert parse(text) == expected()


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("regoin:2:5,1:4", UnknownName, "no target 'regoin:2:5,1:4'; the nearest is 'region:ROWS,COLUMNS'"),
        ("towards:a.jpg,than=b.jpg", UnknownName, "the nearest is 'toward:PHOTO,than=PHOTO'"),
        ("like:cat - dog.jpg", UnknownName, r"no target 'dog.jpg'.* goes in quotes: like:\"a - copy.jpg\""),
        ("code-like:b.jpg", UnknownName, "spaces round its signs"),
        ("0.5 code", UnknownName, r"\* behind its numbers"),
        ("region:2,3", InputError, "cannot be read; write region:ROWS,COLUMNS, such as region:2:5,1:4"),
        ("toward:a.jpg", InputError, "write toward:PHOTO,than=PHOTO"),
        ("component:photos", InputError, "write component:K,FOLDER"),
        ("like:", InputError, "write like:PHOTO"),
        ("like", InputError, "cannot be read; write like:PHOTO"),
        ('like:"a.jpg', InputError, "ends with the same quote"),
        ('like:""', InputError, "a file name is missing"),
        ("code - ", InputError, "a part of the sum is missing"),
        ("", UnknownName, "no target ''"),
        ("code - reconstruction_error", InputError, "never both"),
        ("0*code", InputError, "give a number that is not 0"),
        ("cell:1", InputError, "write cell:ROW,COLUMN"),
        ("code:1", InputError, "write code"),
    ],
)
def test_text_that_cannot_be_read_says_what_to_write(text: str, kind: type[InputError], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        parse(text)
    assert "\n" not in str(caught.value)


def test_every_form_is_read() -> None:
    examples = {
        "K": "1", "ROWS,COLUMNS": "0:2,1:3", "ROW,COLUMN": "1,2", "FILE.npy": "none.npy", "FOLDER": "photos",
        "PHOTO": "b.jpg",
    }  # fmt: skip
    for form in targets.FORMS:
        text = form
        for word, written in examples.items():
            text = text.replace(word, written)
        if text.startswith("direction"):
            with pytest.raises(FileError):
                parse(text)
        else:
            assert parse(text).text == text


# The command line


def test_the_command_line_takes_sums_and_keeps_them_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from saccade.cli import main
    from saccade.collection import PageStyle, Request
    from saccade.collection.page import pages_of

    monkeypatch.chdir(tmp_path)
    model = nets.autoencoder(24, 3)
    model.save("model.keras")
    rng = np.random.default_rng(5)
    for name in ("a.png", "b - copy.png"):
        Image.fromarray(rng.integers(0, 255, (24, 24, 3), np.uint8)).save(name)
    texts = ["code - 0.5*like:'b - copy.png'", "code + 0.5*like:'b - copy.png'"]
    for target in texts:
        command = ["explain", "model.keras", "a.png", "--quiet", "-m", "saliency", "--overlay-only", "-t", target]
        assert main(command) == 0
    written = {path.name for path in (tmp_path / "saccade-out").glob("*.png")}
    assert written == {
        f"a-saliency-code-{sign}-0-5-like-b-minus-copy-png-overlay.png" for sign in ("minus", "plus")
    }  # fmt: skip
    assert main(["explain", "model.keras", "a.png", "--quiet", "-t", "toward:a.png,than=none.png"]) == 2
    (page,) = pages_of([Request("saliency", " + ".join(f"channel:{k}" for k in range(40)))], PageStyle())
    assert len(page.suffix) < 120


# What is refused


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: targets.region((2, 2), None), "rows 2:2 hold nothing; give the first, counted from 0"),
        (lambda: targets.region((-1, 2), None), "rows -1:2 hold nothing"),
        (lambda: targets.region(None, slice(0, 4, 2)), "columns with a step of 2"),
        (lambda: targets.reconstruction_error(rows=(5, 3)), "rows 5:3 hold nothing"),
        (lambda: 0 * targets.code(), "the weight 0 of target 'code'"),
        (lambda: float("nan") * targets.code(), "the weight nan of target 'code'"),
        (
            lambda: targets.code() + targets.reconstruction_error(),
            "never both: 'code' and 'reconstruction_error' do not add up",
        ),
    ],
)
def test_targets_that_make_no_sense(build: Callable[[], Target], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build()


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        (np.zeros(3), "is zero everywhere"),
        ([1, np.nan, 0], "no numbers in float32"),
        ([1e60, 1, 0], "no numbers in float32"),
        (["a", "b"], "holds no real numbers"),
        (np.ones(3) * 1j, "holds no real numbers"),
        ([[1], [1, 2]], "is no array of numbers"),
        (3.0, "is no vector"),
        ([], "is no vector"),
    ],
)
def test_a_vector_that_is_none(vector: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        targets.direction(vector)


def test_only_numbers_scale_and_only_targets_add() -> None:
    for wrong in (
        lambda: targets.code() * "2", lambda: targets.code() * targets.code(), lambda: targets.code() + 1,
        lambda: 1 - targets.code(), lambda: 5 + targets.code(),
    ):  # fmt: skip
        with pytest.raises(InputError, match=r"do not add up|give a number"):
            wrong()  # type: ignore[no-untyped-call]


# Nothing to explain

ALIVE = np.random.default_rng(4).normal(size=(2, 4, 4, 8))
NAMES = ["a.jpg", "b.jpg"]


def test_living_codes_and_maps_are_left_alone() -> None:
    sparse = np.where(ALIVE > 1, ALIVE, 0)
    for codes in (ALIVE, np.maximum(ALIVE, 0), sparse, ALIVE.astype(np.float32) * 1e-12, ALIVE[:, :1, :1, :2]):
        assert code_degeneracies(codes, NAMES) == ()
    assert map_degeneracies(ALIVE[..., 0], NAMES, "code") == ()
    assert code_degeneracies(ALIVE[:1], NAMES[:1]) == ()
    assert map_degeneracies(np.eye(3)[None], NAMES[:1], "code") == ()
    assert code_degeneracies(np.ones((2, 1, 1, 1)) * [[[[1]]], [[[2]]]], NAMES) == ()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (np.zeros((4, 4, 8)), "is dead: every value is 0"),
        (np.full((4, 4, 8), 0.5), "is flat: every value is 0.5;"),
        (1e-19 * ALIVE[0], "is tiny, at most 2e-19: float32 cannot hold its squares"),
        (np.full((4, 4, 8), 0.5) + 1e-8 * ALIVE[0], "is flat: every value is 0.5;"),
        (np.where(ALIVE[0] > 0, 1.0, -1.0), "is saturated: every value is -1 or 1; gradients vanish"),
        (np.where(ALIVE[0] > 0, 1 - 1e-9, 1e-12), "is saturated: every value is 1e-12 or 1;"),
        (np.where(ALIVE[0] > 2, np.nan, 0.0), "holds values that are not numbers"),
        (np.where(ALIVE[0] > 0, np.inf, 0.0), "holds values that are not numbers"),
    ],
)
def test_codes_that_say_nothing(code: Any, message: str) -> None:
    (note,) = code_degeneracies(np.stack([ALIVE[0], code]), NAMES)
    assert note.startswith("the code of b.jpg ")
    assert message in note
    assert "\n" not in note


def test_complaints_name_their_pictures() -> None:
    (note,) = code_degeneracies(np.zeros((5, 2, 2, 3)), [f"{k}.jpg" for k in range(5)])
    assert note.startswith("the code of 0.jpg, 1.jpg, 2.jpg and 2 more is dead")
    (note,) = code_degeneracies(np.stack([ALIVE[0]] * 2), NAMES)
    assert note == "the code is the same for all 2 images: the model does not tell them apart"


def test_maps_that_show_nothing() -> None:
    maps = np.stack([np.zeros((9, 9)), np.eye(9)])
    (note,) = map_degeneracies(maps, NAMES, "channel:3")
    assert note == "the map of a.jpg is zero everywhere: nothing in the image moves 'channel:3', it is no finding"
    (note,) = map_degeneracies(np.stack([np.eye(9), np.full((9, 9), np.nan)]), NAMES, "code")
    assert note.startswith("the map of b.jpg holds values that are not numbers")
