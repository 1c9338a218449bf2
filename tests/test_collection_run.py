"""A run over many photos from Python: pages, records, going on after a stop, what cannot be used or answered."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import files, small_autoencoder
from PIL import Image
from skimage import data

import saccade
from saccade.collection import BatchProgress, BatchRun, PageRecord, PageStyle, Request
from saccade.errors import Cancelled, FileError, InputError, NotApplicable, UnknownName
from saccade.fingerprint import encoder_fingerprint, fingerprint
from saccade.images import find
from saccade.methods import available
from saccade.models.numpy_network import NumpyNetwork
from saccade.picture import read_metadata
from saccade.results import Attribution

SALIENCY = [Request("saliency")]
NAMES = ("cat", "cup", "rocket")


@pytest.fixture(scope="module")
def encoder() -> saccade.Encoder:
    return saccade.Encoder(small_autoencoder())


def visible(folder: Path) -> set[str]:
    return {name for name in files(folder) if not name.startswith(".")}


def times(folder: Path) -> dict[str, int]:
    return {name: (folder / name).stat().st_mtime_ns for name in files(folder)}


def test_a_folder_makes_pages_and_a_contact_sheet_and_nothing_is_printed(
    encoder: saccade.Encoder, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = BatchRun(encoder, find(photos), SALIENCY, output=tmp_path / "out")
    records = list(run)
    assert visible(tmp_path / "out") == {*(f"{name}-saliency.png" for name in NAMES), "contact-sheet-saliency.png"}
    assert [record.photo.stem for record in records] == list(NAMES)
    assert [record.files for record in records] == [(tmp_path / "out" / f"{name}-saliency.png",) for name in NAMES]
    assert not any(record.already for record in records)
    assert run.sheets[0].file == tmp_path / "out" / "contact-sheet-saliency.png"
    assert capsys.readouterr() == ("", "")


def test_a_record_says_what_the_result_says(encoder: saccade.Encoder, photos: Path, tmp_path: Path) -> None:
    settings = {"baseline": "black", "steps": 3}
    request = Request("integrated_gradients", "cell:3,4", settings)
    (record,) = BatchRun(encoder, [photos / "cat.jpg"], [request], output=tmp_path / "out", style=PageStyle(raw=True))
    (entry,) = record.maps
    expected = saccade.explain(encoder, photos / "cat.jpg", "integrated_gradients", "cell:3,4", **settings)
    assert (entry.highest, entry.lowest) == pytest.approx((expected.values.max(), expected.values.min()), rel=1e-5)
    assert (entry.units, entry.signed, entry.layer) == (expected.units, expected.signed, "encoded")
    assert entry.settings["baseline"] == "black"
    assert record.size == (151, 100)
    row, column = np.unravel_index(np.abs(expected.values[0]).argmax(), expected.values[0].shape)
    assert entry.strongest_at == pytest.approx(((column + 0.5) / 32 * 151, (row + 0.5) / 32 * 100), abs=0.1)
    np.testing.assert_allclose(Attribution.load(record.files[1]).values, expected.values, rtol=1e-4, atol=1e-9)
    plain = record.to_dict()
    assert plain == json.loads(json.dumps(plain))
    assert plain["photo"] == str(photos / "cat.jpg")
    assert plain["maps"][0]["target"] == "cell:3,4"
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.already = True  # type: ignore[misc]


def test_what_is_there_is_left_and_known_again(encoder: saccade.Encoder, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def records(style: PageStyle | None = None, **more: Any) -> list[PageRecord]:
        return list(BatchRun(encoder, find(photos), SALIENCY, output=out, style=style or PageStyle(), **more))

    first, before = records(), times(out)
    assert records() == [dataclasses.replace(record, already=True) for record in first]
    assert times(out) == before
    (out / "cup-saliency.png").unlink()
    assert [record.already for record in records()] == [True, False, True]
    after = times(out)
    assert {name for name in after if after[name] != before[name] and "cup" not in name} == set()
    # Another style is another page, and `again` makes all of them again.
    dark = PageStyle(theme="dark")
    assert [record.already for record in records(dark)] == [False] * 3
    assert [record.already for record in records(dark)] == [True] * 3
    assert [record.already for record in records(dark, again=True)] == [False] * 3
    # So is a changed photo, and another model.
    Image.fromarray(data.coffee()[::5, ::5]).save(photos / "cup.png")
    assert [record.already for record in records(dark)] == [True, False, True]
    other = saccade.Encoder(small_autoencoder(trained=False))
    assert not any(record.already for record in BatchRun(other, find(photos), SALIENCY, output=out, style=dark))


def test_a_photo_that_cannot_be_read_is_recorded_and_does_not_end_the_run(
    encoder: saccade.Encoder, photos: Path, tmp_path: Path
) -> None:
    (photos / "empty.png").touch()
    (photos / "cut.jpg").write_bytes((photos / "cat.jpg").read_bytes()[:2000])
    run = BatchRun(encoder, [*find(photos), photos / "gone.png"], SALIENCY, output=tmp_path / "out")
    for _ in range(2):
        assert [record.photo.stem for record in run] == list(NAMES)
        assert [failed.photo.name for failed in run.failed] == ["cut.jpg", "empty.png", "gone.png"]
        assert "damaged or cut off" in run.failed[0].error
        assert run.failed[1].to_dict() == {"photo": str(photos / "empty.png"), "error": run.failed[1].error}
    nothing = BatchRun(encoder, [photos / "empty.png", photos / "cut.jpg"], SALIENCY, output=tmp_path / "nothing")
    assert list(nothing) == []
    assert len(nothing.failed) == 2
    assert not (tmp_path / "nothing").exists()


def test_a_photo_that_vanishes_before_it_is_drawn_is_recorded(
    encoder: saccade.Encoder, photos: Path, tmp_path: Path
) -> None:
    def vanish(now: BatchProgress) -> None:
        if now.photo.name == "rocket.webp":
            (photos / "cup.png").unlink(missing_ok=True)

    run = BatchRun(
        encoder, find(photos), SALIENCY, output=tmp_path / "out", style=PageStyle(scale="all"), progress=vanish
    )
    assert [record.photo.stem for record in run] == ["cat", "rocket"]
    assert [failed.photo.name for failed in run.failed] == ["cup.png"]


def test_a_photo_of_a_size_that_cannot_be_is_recorded_where_sizes_are_free(photos: Path, tmp_path: Path) -> None:
    free = saccade.Encoder(small_autoencoder(size=None))
    Image.new("RGB", (12, 12), "red").save(photos / "dot.png")
    run = BatchRun(free, find(photos), [Request("occlusion", settings={"patch": 40})], output=tmp_path / "out")
    assert [record.photo.stem for record in run] == list(NAMES)
    assert [failed.photo.name for failed in run.failed] == ["dot.png"]
    with pytest.raises(InputError, match="does not fit"):
        list(
            BatchRun(
                saccade.Encoder(small_autoencoder()), find(photos), [Request("occlusion", settings={"patch": 40})],
                output=tmp_path / "none",
            )
        )  # fmt: skip
    assert not (tmp_path / "none").exists()


def test_a_run_that_is_stopped_goes_on_where_it_was(encoder: saccade.Encoder, photos: Path, tmp_path: Path) -> None:
    done: list[PageRecord] = []
    run = BatchRun(encoder, find(photos), SALIENCY, output=tmp_path / "out", stop=lambda: len(done) == 2)
    with pytest.raises(Cancelled):
        done.extend(run)
    assert [record.photo.stem for record in done] == ["cat", "cup"]
    assert visible(tmp_path / "out") == {"cat-saliency.png", "cup-saliency.png"}
    rest = list(BatchRun(encoder, find(photos), SALIENCY, output=tmp_path / "out"))
    assert [record.already for record in rest] == [True, True, False]
    # A caller who only wants the first page takes the first page.
    first = next(iter(BatchRun(encoder, find(photos), SALIENCY, output=tmp_path / "one")))
    assert visible(tmp_path / "one") == {first.files[0].name}


def test_progress_goes_up_to_the_end(encoder: saccade.Encoder, photos: Path, tmp_path: Path) -> None:
    requests = [Request("saliency"), Request("activation_energy"), Request("saliency", "channel:1")]
    for requested, style in ((requests, PageStyle()), (requests[1:], PageStyle(scale="all"))):
        reports: list[BatchProgress] = []
        out = tmp_path / style.scale
        list(BatchRun(encoder, find(photos), requested, output=out, style=style, progress=reports.append))
        shares = [now.share for now in reports]
        assert shares == sorted(shares)
        assert shares[0] == 0
        assert shares[-1] == pytest.approx(1)
        assert {now.photo.stem for now in reports} == set(NAMES)
        assert {now.label for now in reports} == {"saliency", "activation_energy", ""}


def test_requests_about_one_target_stand_side_by_side_and_targets_apart(
    encoder: saccade.Encoder, photos: Path, tmp_path: Path
) -> None:
    requests = [
        Request("saliency"), Request("activation_energy"), Request("saliency", "channel:1"),
        Request("saliency", saccade.targets.parse("code - 290*channel:1")),
    ]  # fmt: skip
    run = BatchRun(encoder, find(photos), requests, output=tmp_path / "out")
    records = list(run)
    assert [(record.photo.stem, record.target) for record in records] == [
        (name, target) for name in NAMES for target in ("code", "channel:1", "code - 290*channel:1")
    ]
    assert [entry.method for entry in records[0].maps] == ["saliency", "activation_energy"]
    suffixes = ("methods", "saliency-channel-1", "saliency-code-minus-290-channel-1")
    assert visible(tmp_path / "out") == {
        f"{name}-{suffix}.png" for name in (*NAMES, "contact-sheet") for suffix in suffixes
    }
    assert [sheet.target for sheet in run.sheets] == ["code", "channel:1", "code - 290*channel:1"]
    assert all(record.already for record in run)


def test_labels_tell_requests_of_one_method_apart(encoder: saccade.Encoder, photos: Path, tmp_path: Path) -> None:
    requests = [
        Request("occlusion", settings={"patch": 8}, label="coarse"),
        Request("occlusion", settings={"patch": 4}, label="fine"),
    ]
    style = PageStyle(overlay_only=True, raw=True)
    (record,) = BatchRun(encoder, [photos / "cat.jpg"], requests, output=tmp_path / "out", style=style)
    assert {path.name for path in record.files} == {
        "cat-coarse-overlay.png", "cat-fine-overlay.png", "cat-coarse.npz", "cat-fine.npz",
    }  # fmt: skip
    assert [entry.title for entry in record.maps] == ["Occlusion (coarse)", "Occlusion (fine)"]
    with pytest.raises(
        InputError, match=r"2 requests about code are called 'blur_integrated_gradients'; give each a label"
    ):
        BatchRun(encoder, [], [Request(settings={"steps": 8}), Request()], output="out")
    with pytest.raises(InputError, match="stands for something else"):
        Request(label="methods")


def test_requests_that_cannot_be_are_refused_before_the_work(encoder: saccade.Encoder) -> None:
    with pytest.raises(UnknownName, match="nearest is 'occlusion'"):
        BatchRun(encoder, [], [Request("oclusion")], output="out")
    with pytest.raises(InputError, match="at least one request"):
        BatchRun(encoder, [], [], output="out")
    with pytest.raises(InputError, match="one scale for all photos goes with one method"):
        BatchRun(encoder, [], [Request("occlusion"), Request("saliency")], output="out", style=PageStyle(scale="all"))
    with pytest.raises(InputError, match="would have the same file names; ask about them in two runs"):
        BatchRun(encoder, [], [Request(target="like:'a b.jpg'"), Request(target="like:a-b.jpg")], output="out")
    with pytest.raises(UnknownName, match="nearest is 'dark'"):
        PageStyle(theme="drak")
    assert not Path("out").exists()


def test_one_scale_for_all(encoder: saccade.Encoder, photos: Path, tmp_path: Path) -> None:
    def already() -> list[bool]:
        run = BatchRun(encoder, find(photos), SALIENCY, output=tmp_path / "out", style=PageStyle(scale="all"))
        records = [record.already for record in run]
        assert {path.name for path in (tmp_path / "out").iterdir() if path.name.startswith(".")} == {".thumbnails"}
        return records

    assert already() == [False] * 3
    assert already() == [True] * 3
    # One more photo may change the scale of all the others; one that cannot be read changes nothing.
    Image.fromarray(data.astronaut()[::4, ::4]).save(photos / "woman.png")
    assert already() == [False] * 4


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Saliency that refuses from the n-th photo on, beside one other method."""
    real, calls = available()["saliency"], []

    def from_photo(number: int) -> None:
        calls.clear()

        def method(*arguments: Any, **settings: Any) -> Any:
            calls.append(1)
            if len(calls) >= number:
                raise NotApplicable("not for this one.")
            return real(*arguments, **settings)

        method.description = real.description  # type: ignore[attr-defined]
        monkeypatch.setitem(available(), "saliency", method)

    return from_photo


def test_a_request_that_cannot_be_answered_ends_the_run_or_is_left_out(
    encoder: saccade.Encoder, photos: Path, tmp_path: Path, refusing: Any
) -> None:
    refusing(1)
    requests = [Request("saliency"), Request("activation_energy")]
    with pytest.raises(NotApplicable, match="not for this one"):
        list(BatchRun(encoder, find(photos), requests, output=tmp_path / "none"))
    assert not (tmp_path / "none").exists()
    for style in (PageStyle(), PageStyle(overlay_only=True)):
        for already in (False, True):
            run = BatchRun(encoder, find(photos), requests, output=tmp_path / "out", style=style, skip_refused=True)
            records = list(run)
            assert [record.already for record in records] == [already] * 3
            assert [[entry.method for entry in record.maps] for record in records] == [["activation_energy"]] * 3
            assert (
                [entry.to_dict() for entry in run.refused] == []
                if already
                else [{"label": "saliency", "target": "code", "error": "not for this one."}]
            )
    with pytest.raises(NotApplicable, match="not for this one"):
        list(BatchRun(encoder, find(photos), SALIENCY, output=tmp_path / "none", skip_refused=True))
    assert not (tmp_path / "none").exists()


def test_a_request_that_fails_for_some_photos_is_left_off_the_sheet(
    encoder: saccade.Encoder, photos: Path, tmp_path: Path, refusing: Any
) -> None:
    refusing(2)
    requests = [Request("saliency"), Request("activation_energy"), Request("eigen_cam")]
    run = BatchRun(encoder, find(photos), requests, output=tmp_path / "out", skip_refused=True)
    assert [len(record.maps) for record in run] == [3, 2, 2]
    assert [refused.label for refused in run.refused] == ["saliency"]
    assert read_metadata(run.sheets[0].file)["method"] == "activation_energy, eigen_cam"


@pytest.mark.filterwarnings("ignore:no font of this machine")
def test_names_near_the_limit_of_the_file_system(encoder: saccade.Encoder, photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "long"
    folder.mkdir()
    for word in ("photo", "methods", "contact-sheet"):
        shutil.copy(photos / "cat.jpg", folder / f"{word}.jpg")
    for letter in ("x", "ж"):
        shutil.copy(photos / "cat.jpg", folder / f"{letter * (250 // len(letter.encode()))}.jpg")
    target = " + ".join(f"channel:{channel}" for channel in range(6)) + " + like:" + str(next(folder.iterdir()))
    run = BatchRun(
        encoder, find(folder), [Request("saliency"), Request("saliency", target)],
        output=tmp_path / "out", style=PageStyle(overlay_only=True, raw=True),
    )  # fmt: skip
    records = list(run)
    assert len(records) == 10
    assert len({path for record in records for path in record.files}) == 20
    assert {"photo-saliency-overlay.png", "methods-saliency-overlay.png"} < visible(tmp_path / "out")
    assert run.failed == []
    assert len(run.sheets) == 2
    assert all(record.already for record in run)


def test_an_output_that_cannot_be_written_ends_the_run(encoder: saccade.Encoder, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for output, reason in ((tmp_path / "file", "is a file"), (tmp_path / "file" / "out", "cannot be written")):
        with pytest.raises(FileError, match=reason):
            list(BatchRun(encoder, find(photos), SALIENCY, output=output))


def test_a_fingerprint_tells_values_apart_and_knows_them_again() -> None:
    values = (
        1, 1.5, "1", None, True, [1, 2], {"a": 1}, np.zeros(3), np.zeros(4), np.zeros(3, np.float32),
        np.arange(10_000) % 3, np.arange(10_000) % 3 * (np.arange(10_000) != 5_000), Path("a"), PageStyle(),
    )  # fmt: skip
    assert len({fingerprint(value) for value in values}) == len(values)
    assert [fingerprint(value) for value in values] == [fingerprint(value) for value in values]
    # What cannot be recognised is not taken for known.
    assert fingerprint(test_progress_goes_up_to_the_end) != fingerprint(test_progress_goes_up_to_the_end)


def test_a_network_without_weights_is_never_taken_for_known() -> None:
    def network(name: str) -> NumpyNetwork:
        return NumpyNetwork(lambda images, taps: {"code": images[:, ::4, ::4]}, (8, 8, 3), name=name)

    encoder = saccade.Encoder(network("mine"))
    assert encoder_fingerprint(encoder) != encoder_fingerprint(encoder)


def test_the_package_knows_nothing_of_the_terminal() -> None:
    code = "import saccade.collection, sys; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "saccade.collection.batch_run" in loaded
    assert not {"typer", "click", "rich", "saccade.cli", "keras", "tensorflow", "torch", "jax"} & set(loaded)
