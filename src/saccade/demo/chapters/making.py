"""The recipe: what was run, with which model and versions, and whose photographs these are."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from saccade.demo.markup import Markup, element, joined
from saccade.demo.plates import facts
from saccade.demo.studio import MODEL, PHOTOGRAPHS, Studio

_PACKAGES = ("saccade", "keras", "tensorflow", "numpy", "pillow", "scikit-image")


def making(studio: Studio) -> Markup:
    """Everything that somebody needs to make the page again."""
    names = sorted({each.credit for each in studio.photographs})
    whose = [
        element("li", each, ": ", ", ".join(one.title.lower() for one in studio.photographs if one.credit == each))
        for each in names
    ]
    return joined(
        element(
            "p",
            "Every number and picture of this page was computed in one run of one command; people wrote down "
            "beforehand only what lies where on the photographs, so that places have names. The command is ",
            element("code", "saccade demo"),
            ". Beside the page lie the model (",
            element("a", MODEL, href=MODEL),
            f") and the photographs ({PHOTOGRAPHS}/): open a terminal in this folder, and every command above works "
            "as printed.",
        ),
        element("h3", "The model"),
        facts(_model(studio)),
        element("h3", "The programs"),
        element("p", " \u00b7 ".join(f"{name} {found}" for name, found in _versions().items()), class_="versions"),
        element("h3", "The photographs"),
        element("p", "They come with scikit-image. The network never saw them while it learned."),
        element("ul", whose, class_="credits"),
    )


def _model(studio: Studio) -> list[tuple[str, Markup | str]]:
    record, encoder = studio.record, studio.encoder
    shape = "\u00d7".join(str(each) for each in encoder.layers[encoder.layer].shape)
    height, width, channels = studio.images.shape[1:]
    parameters = sum(layer.parameters for layer in encoder.layers.values())
    rows: list[tuple[str, Markup | str]] = [
        ("Kind", f"convolutional autoencoder, {len(encoder.layers)} layers, {parameters:,} learned numbers"),
        ("Takes", f"{width}\u00d7{height} pixels, {channels} colours"),
        ("Code", f"{shape}, layer {encoder.layer} ({encoder.layer_reason})"),
    ]
    rows += _learned(record)
    if "sha256" in record:
        rows.append(("Fingerprint of the file", element("code", str(record["sha256"])[:16], "\u2026")))
    rows.append(
        ("Full record", element("a", f"{MODEL.rsplit('.', 1)[0]}.json", href=f"{MODEL.rsplit('.', 1)[0]}.json"))
    )
    return rows


def _learned(record: Mapping[str, Any]) -> list[tuple[str, Markup | str]]:
    """What the record says about learning; a record may lack any of it."""
    rows: list[tuple[str, Markup | str]] = []
    data = record.get("data", {})
    if "name" in data:
        source = str(data.get("source", ""))
        rows.append(
            ("Learned from", f"{data['name']} ({data.get('licence', 'licence unknown')}), {source}".rstrip(", "))
        )
    if "note" in data:
        rows.append(("That is", str(data["note"])))
    if "photographs" in record.get("training", {}):
        rows.append(("Photographs", f"{record['training']['photographs']:,}"))
    settings = record.get("settings", {})
    epochs = record.get("epochs_run")
    if epochs is not None:
        best = f", the best was {record['best_epoch']}" if "best_epoch" in record else ""
        earlier = (record.get("start") or {}).get("epochs")
        rows.append(("Epochs", f"{epochs}{best}" + (f", after {earlier} of earlier runs" if earlier else "")))
    if "seed" in settings:
        rows.append(("Seed", str(settings["seed"])))
    if record.get("history"):
        last = record["history"][-1]
        loss = f"{last['loss']:.5f} in training, {last['validation_loss']:.5f} in validation"
        rows.append(("Loss at the end", f"{loss} (mean squared error, brightness 0 to 1)"))
    test = record.get("test", {})
    if "psnr" in test:
        rows.append(
            ("On unseen photographs of clothes", f"PSNR {test['psnr']:.1f} dB ({test.get('photographs', '?')} of them)")
        )
    if "command" in record:
        rows.append(("Command", element("code", str(record["command"]))))
    return rows


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        for package in (name, f"{name}-cpu"):
            try:
                found[name] = version(package)
            except PackageNotFoundError:
                continue
            break
    return found
