"""How the page was made: what was run, with which model and versions, and whose photos these are."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from saccade.demo.markup import Markup, element, joined
from saccade.demo.photo_views import facts
from saccade.demo.workspace import MODEL, PHOTOS, Workspace
from saccade.training.record import photo_count

_PACKAGES = ("saccade", "keras", "tensorflow", "numpy", "pillow", "scikit-image")


def making(workspace: Workspace) -> Markup:
    """Everything that is needed to make the page again."""
    titles: dict[str, list[str]] = {}
    for photo in workspace.photos:
        titles.setdefault(photo.credit, []).append(photo.title.lower())
    credit_lines = [element("li", credit, ": ", ", ".join(titles[credit])) for credit in sorted(titles)]
    return joined(
        element(
            "p",
            "Every number and image of this page was computed in one run of one command; people said beforehand "
            "only what lies where on the photos, so that places have names. The command is ",
            element("code", "saccade demo"),
            ". Beside the page lie the model (",
            element("a", MODEL, href=MODEL),
            f") and the photos ({PHOTOS}/): open a terminal in this folder, and every command above works as printed.",
        ),
        element("h3", "The model"),
        facts(_model(workspace)),
        element("h3", "The programs"),
        element("p", " \u00b7 ".join(f"{name} {number}" for name, number in _versions().items()), class_="versions"),
        element("h3", "The photos"),
        element("p", "They come with scikit-image. The network never saw them in training."),
        element("ul", credit_lines, class_="credits"),
    )


def _model(workspace: Workspace) -> list[tuple[str, Markup | str]]:
    record, encoder = workspace.record, workspace.encoder
    shape = "\u00d7".join(str(side) for side in encoder.layers[encoder.layer].shape)
    height, width, channels = workspace.images.shape[1:]
    parameters = sum(layer.parameters for layer in encoder.layers.values())
    rows: list[tuple[str, Markup | str]] = [
        ("Kind", f"convolutional autoencoder, {len(encoder.layers)} layers, {parameters:,} weights"),
        ("Takes", f"{width}\u00d7{height} pixels, {channels} colours"),
        ("Code", f"{shape}, layer {encoder.layer} ({encoder.layer_reason})"),
    ]
    rows += _training(record)
    if "sha256" in record:
        rows.append(("Fingerprint of the file", element("code", str(record["sha256"])[:16], "\u2026")))
    rows.append(
        ("Full record", element("a", f"{MODEL.rsplit('.', 1)[0]}.json", href=f"{MODEL.rsplit('.', 1)[0]}.json"))
    )
    return rows


def _training(record: Mapping[str, Any]) -> list[tuple[str, Markup | str]]:
    """What the record says about training; a record may lack any of it."""
    rows: list[tuple[str, Markup | str]] = []
    data = record.get("data", {})
    if "name" in data:
        source = str(data.get("source", ""))
        rows.append(("Trained on", f"{data['name']} ({data.get('licence', 'licence unknown')}), {source}".rstrip(", ")))
    if "note" in data:
        rows.append(("That is", str(data["note"])))
    trained_on, tested_on = (photo_count(record.get(part, {})) for part in ("training", "test"))
    if trained_on is not None:
        rows.append(("Photos", f"{trained_on:,}"))
    settings = record.get("settings", {})
    epochs = record.get("epochs_run")
    if epochs is not None:
        best = f", the best was {record['best_epoch']}" if "best_epoch" in record else ""
        earlier = (record.get("start") or {}).get("epochs")
        rows.append(("Epochs", f"{epochs}{best}" + (f", after {earlier} of earlier runs" if earlier else "")))
    if "steps" in record:
        rows.append(("Steps", f"{record['steps']:,}"))
    if "seed" in settings:
        rows.append(("Seed", str(settings["seed"])))
    if record.get("history"):
        last = record["history"][-1]
        loss = f"{last['loss']:.5f} in training, {last['validation_loss']:.5f} in validation"
        rows.append(("Loss at the end", f"{loss} (mean squared error, brightness 0 to 1)"))
    test = record.get("test", {})
    if "psnr" in test:
        rows.append(("On unseen photos of clothes", f"PSNR {test['psnr']:.1f} dB ({tested_on or '?'} of them)"))
    if "command" in record:
        rows.append(("Command", element("code", str(record["command"]))))
    return rows


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        for package in (name, f"{name}-cpu"):
            try:
                versions[name] = version(package)
            except PackageNotFoundError:
                continue
            break
    return versions
