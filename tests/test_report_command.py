"""The command that writes a report."""

from __future__ import annotations

import json
from pathlib import Path

from commands import Run, refused
from page_data import carried_by


def test_the_command(run: Run, small_model: str, photos: Path) -> None:
    status, out, _ = run("report", small_model, photos, "-o", "page.html", "--json")
    assert status == 0
    summary = json.loads(out)
    assert summary["output"] == "page.html"
    assert summary["bytes"] == Path("page.html").stat().st_size
    command = carried_by(Path("page.html"))["recipe"]["command"]
    assert command == "saccade report small.keras cat.jpg cup.png rocket.webp --output page.html"
    refused(run("report", small_model, photos, "-o", "page.txt"), "page.txt is no page", ".html")
    refused(run("report", small_model, photos, "-m", "occlusio"), "occlusio", "occlusion")


def test_of_a_folder_what_cannot_be_read_is_left_out_and_said(run: Run, small_model: str, photos: Path) -> None:
    (photos / "a.jpg").write_bytes((photos / "cat.jpg").read_bytes()[:500])
    status, _, err = run("report", small_model, photos, "-o", "page.html", "--no-live")
    assert status == 0
    assert "left out: " in err
    assert "a.jpg is damaged" in err
    assert [photo["name"] for photo in carried_by(Path("page.html"))["photos"]] == ["cat.jpg", "cup.png", "rocket.webp"]


def test_the_command_takes_reference_photos(run: Run, small_model: str, photos: Path) -> None:
    status, out, err = run("report", small_model, photos, "--reference", photos, "--no-live", "--json")
    assert status == 0, err
    assert json.loads(out)["reference"] == str(photos)
    carried = carried_by(Path("report.html"))
    assert f"--reference {photos.name}" in carried["recipe"]["command"]
    assert {pair["mean_of"] for pair in carried["pairs"]} == {"the reference"}
    assert run("index", small_model, photos, "-o", "known.npz")[0] == 0
    assert run("report", small_model, photos, "--reference", "known.npz", "--no-live")[0] == 0
    assert {pair["mean_of"] for pair in carried_by(Path("report.html"))["pairs"]} == {"the reference"}
    refused(run("report", small_model, photos, "--reference", "nowhere"), "nowhere")
    refused(run("report", small_model, photos, "--reference", "nowhere.npz"), "nowhere.npz")
