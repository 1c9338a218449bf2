"""Texts from the command line become numbers, sizes and settings; where results go is tried first."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

from saccade.cli import values
from saccade.cli.console import Console
from saccade.cli.json_file import json_content
from saccade.cli.settings import settings_for
from saccade.collection.output_folder import output_folder
from saccade.errors import FileError, InputError, UnknownName


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2GiB", 2 * 2**30), ("500MB", 500_000_000), ("1.5g", 3 * 2**29), ("64 mib", 64 * 2**20), ("4096", 4096),
        ("1kB", 1000), ("1b", 1),
    ],
)  # fmt: skip
def test_memory(text: str, size: int) -> None:
    assert values.memory(text) == size


@pytest.mark.parametrize("text", ["", "lots", "-1GB", "2 GiBs", "0", "1e9"])
def test_memory_that_is_none(text: str) -> None:
    with pytest.raises(InputError, match="500MB or 2GiB"):
        values.memory(text)


def test_pairs_and_sizes() -> None:
    assert values.pair_of_numbers("--value-range", "-1,1") == (-1.0, 1.0)
    assert values.size("--size", "224") == (224, 224)
    assert values.size("--size", "224,320") == values.size("--size", "224x320") == (224, 320)
    assert values.input_shape("free,free,3") == (None, None, 3)
    assert values.input_shape("32,48,1") == (32, 48, 1)
    for call in (
        lambda: values.pair_of_numbers("--value-range", "1"),
        lambda: values.pair_of_numbers("--value-range", "a,b"),
        lambda: values.size("--size", "0"),
        lambda: values.size("--size", "1,2,3"),
        lambda: values.input_shape("224,224"),
        lambda: values.input_shape("224,224,free"),
        lambda: values.input_shape("224,0,3"),
    ):
        with pytest.raises(InputError, match=r"cannot be read|1 or more"):
            call()


def test_lists_may_be_repeated_or_hold_commas() -> None:
    assert values.listed(["saliency,occlusion", " occlusion ", "smoothgrad"]) == ["saliency", "occlusion", "smoothgrad"]


def test_settings_get_the_type_of_the_signature() -> None:
    settings = settings_for(
        ["occlusion", "integrated_gradients"],
        ["patch=16", "stride=8,4", "occlusion.blur=2.5", "filler=black", "tiled=no", "steps=64"],
        None,
    )
    assert settings["occlusion"] == {
        "patch": 16, "stride": (8, 4), "blur": 2.5, "filler": "black", "tiled": False,
    }  # fmt: skip
    assert settings["integrated_gradients"] == {"steps": 64}
    assert settings_for(["occlusion"], ["filler=0.5", "patch=auto"], None)["occlusion"] == {
        "filler": 0.5, "patch": None,
    }  # fmt: skip


def test_one_seed_for_all_that_draw_at_random() -> None:
    assert settings_for(["smoothgrad", "occlusion"], [], 7) == {"smoothgrad": {"seed": 7}, "occlusion": {}}
    assert settings_for(["smoothgrad"], ["seed=3"], 7) == {"smoothgrad": {"seed": 3}}


@pytest.mark.parametrize("text", ["filler=nan", "blur=inf", "low_pass=nan", "patch=9999999999"])
def test_what_no_method_takes_is_refused_before_a_model_is_opened(text: str) -> None:
    with pytest.raises(InputError, match=r"of occlusion: give a"):
        settings_for(["occlusion"], [text], None)


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [
        ("stepz=64", UnknownName, "nearest is 'steps'"),
        ("steps=many", InputError, "'many' cannot be read; give a whole number"),
        ("steps", InputError, "NAME=VALUE"),
        ("=3", InputError, "NAME=VALUE"),
        ("occlusion.patch=3", UnknownName, "go to the methods that are asked"),
    ],
)
def test_settings_that_are_none(text: str, kind: type[InputError], line: str) -> None:
    with pytest.raises(kind, match=line):
        settings_for(["integrated_gradients"], [text], None)


def test_a_method_without_settings_says_so() -> None:
    with pytest.raises(InputError, match="takes no settings"):
        settings_for(["activation_energy"], ["steps=3"], None)


def test_a_folder_that_nothing_came_of_goes_again(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), output_folder(tmp_path / "a" / "b"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with output_folder(tmp_path / "a" / "b") as folder:
        (folder / "x").touch()
    assert (tmp_path / "a" / "b" / "x").exists()


def test_a_folder_below_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="cannot be written"), output_folder(tmp_path / "file" / "out"):
        pass
    with pytest.raises(FileError, match="is a file"), output_folder(tmp_path / "file"):
        pass


def test_logs_are_told_how_far_it_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: seconds[0])
    with Console().progress(100, "comparing") as bar:
        for done in range(1, 101):
            seconds[0] += 1
            bar.at(done)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "comparing: 3 % done, about 2 min left"
    assert lines[1:3] == ["comparing: 13 % done, about 87 s left", "comparing: 23 % done, about 77 s left"]
    assert len(lines) == 10
    with Console().progress(10, "quick") as bar:
        for done in range(1, 11):
            seconds[0] += 1
            bar.at(done)
    with Console(quiet=True).progress(100, "comparing") as bar:
        seconds[0] += 50
        bar.at(50)
    assert capsys.readouterr().err == ""


def test_names_of_files_cannot_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    console, name = Console(), "\x1b[31mred\x07\u202egpj.exe"
    console.say(f"wrote {name}\nand 👩\u200d🚀")
    console.table(["photo"], [[f"{name}\nand more"]])
    console.note(name)
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        r"wrote \x1b[31mred\x07\u202egpj.exe", "and 👩\u200d🚀", "photo", r"\x1b[31mred\x07\u202egpj.exe and more",
    ]  # fmt: skip
    assert err == "note: \\x1b[31mred\\x07\\u202egpj.exe\n"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"\xff\xfe{}", "not text in UTF-8"),
        (b"[" * 100_000, "nested too deep"),
        (b"9" * 5000, "thousands of digits"),
        (b'{"a": 1,\n "b"}', "expecting ':' delimiter, in line 2, column 5"),
        (b'{"a": 1, "a": 2}', "two entries for 'a'"),
        (b"", "no JSON"),
    ],
    ids=["bytes", "deep", "long number", "syntax", "twice", "empty"],
)
def test_a_file_that_is_no_json_is_refused_in_one_line(tmp_path: Path, content: bytes, line: str) -> None:
    (tmp_path / "known.json").write_bytes(content)
    with pytest.raises(FileError, match=re.escape(line)) as raised:
        json_content(tmp_path / "known.json")
    assert "known.json" in str(raised.value)


def test_a_file_in_json_may_begin_with_the_mark_of_an_editor(tmp_path: Path) -> None:
    (tmp_path / "known.json").write_bytes(b"\xef\xbb\xbf[1]")
    assert json_content(tmp_path / "known.json") == [1]


def test_a_file_in_json_is_neither_a_pipe_nor_of_any_size(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(FileError, match="a pipe"):
        json_content(tmp_path / "pipe.json")
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(2**32)
    with pytest.raises(FileError, match="4,294,967,296 bytes"):
        json_content(tmp_path / "large.json")
