"""Values as plain numbers and words, as JSON and an image file's metadata can hold them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """Numbers, words, lists and dictionaries with text keys; NaN and infinities are None, anything else its text."""
    if isinstance(value, (str, bool, type(None))):
        return value
    if isinstance(value, (np.bool_, np.integer)):
        return value.item()
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, int):
        return int(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset, range)):
        return [plain(item) for item in value]
    return str(value)


def in_words(value: Any) -> str:
    """One line of text: `a; b` for a list, `steps=64, seed=0` for a mapping."""
    value = plain(value)
    if isinstance(value, dict):
        return ", ".join(f"{name}={item}" for name, item in value.items())
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)
