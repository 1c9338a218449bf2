"""How Keras 1 and 2 spelled layouts, tuples and arrays in JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_CHANNEL_COUNTS = (1, 3, 4)


def layouts_of(config: Any) -> str:
    """Where most layers of the file keep their channels: one layout, or "" when the file mixes both."""
    layouts = {{"th": "channels_first", "tf": "channels_last"}.get(word, word) for word in _layouts(config)}
    if len(layouts) == 1:
        return layouts.pop()
    if layouts:
        return ""
    shape = next(_input_shapes(config), None)
    first = shape is not None and shape[1] in _CHANNEL_COUNTS and shape[3] not in _CHANNEL_COUNTS
    return "channels_first" if first else "channels_last"


def plain(config: Any) -> Any:
    """Undo the ways in which Keras 2 spelled tuples and arrays in JSON; all become lists and numbers."""
    if isinstance(config, list):
        return [plain(item) for item in config]
    if not isinstance(config, Mapping):
        return config
    kind, inner = config.get("class_name"), config.get("config")
    if kind in ("__tuple__", "TensorShape", "__numpy__", "__ndarray__", "__tensor__"):
        return plain(inner.get("value") if isinstance(inner, Mapping) else config.get("items", config.get("value")))
    return {key: plain(value) for key, value in config.items()}


def _layouts(config: Any) -> Iterator[str]:
    for key, value in _pairs(config):
        if key in ("dim_ordering", "data_format") and isinstance(value, str):
            yield value


def _input_shapes(config: Any) -> Iterator[list[Any]]:
    for key, value in _pairs(config):
        if key == "batch_input_shape" and isinstance(value, list) and len(value) == 4:
            yield value


def _pairs(config: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(config, Mapping):
        for key, value in config.items():
            yield str(key), value
            yield from _pairs(value)
    elif isinstance(config, list):
        for value in config:
            yield from _pairs(value)
