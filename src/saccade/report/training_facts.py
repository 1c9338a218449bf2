"""What a model learned from, as the record beside its file says it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from saccade.training.record import photo_count

_LARGEST = 2**22
"""Bytes of a record; real ones have some thousands."""


def training_facts(model_source: str) -> list[list[str]]:
    """Names and values for the reader of a page; empty where no record of `saccade train` lies beside the model.

    Args:
        model_source: How the command called the model.
    """
    path = Path(model_source).with_suffix(".json") if Path(model_source).suffix else None
    if path is None or str(path) == model_source or not path.is_file() or path.stat().st_size > _LARGEST:
        return []
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return []  # another file of that name
    return _facts(record) if isinstance(record, dict) and isinstance(record.get("training"), Mapping) else []


def _facts(record: Mapping[str, Any]) -> list[list[str]]:
    """What it was trained on, how long, and how well it redraws; a record may lack any of it."""
    data = record.get("data") or {}
    count = photo_count(record["training"])
    trained = [
        f"{data['name']}, {data.get('licence', 'licence unknown')}" if "name" in data else "",
        str(data.get("note", "")),
        "" if count is None else f"{count:,} photos",
        f"{record['steps']:,} steps" if isinstance(record.get("steps"), int) else "",
    ]
    facts = [["trained on", "; ".join(filter(None, trained))]] if any(trained) else []
    test = record.get("test") or {}
    tested = photo_count(test)
    if "psnr" in test:
        of = "" if tested is None else f", {tested:,} of them"
        facts.append(["redraws unseen photos", f"at a mean PSNR of {test['psnr']:.1f} dB{of}"])
    return facts
