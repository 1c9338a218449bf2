"""The JSON in which Keras describes a model, read within bounds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from saccade.errors import FileError, ModelError

MOST_BYTES = 2**26
_DEEPEST = 150
"""Levels of JSON; a model inside a model takes three."""


def read_configuration(text: bytes | str, where: str) -> dict[str, Any]:
    """Read a description of a model.

    Args:
        text: The JSON.
        where: What to call it in an error.

    Raises:
        FileError: It is no JSON, too large or too deep.
        ModelError: It is JSON, but does not describe a model.
    """
    config = read_json(text, where)
    # Keras 1's to_json was often put through json.dump once more.
    config = read_json(config, where) if isinstance(config, str) else config
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str) or "config" not in config:
        raise ModelError(f"{where} is JSON, but not the architecture of a Keras model (model.to_json()).")
    return config


def read_json(text: bytes | str, where: str) -> Any:
    """Read JSON whose size and depth are bounded, and whose texts can be printed.

    Raises:
        FileError: It is no JSON, too large or too deep.
    """
    if len(text) > MOST_BYTES:
        raise FileError(f"{where} is damaged: {len(text):,} bytes of JSON, more than {MOST_BYTES:,}.")
    try:
        value = json.loads(text.decode("utf-8-sig") if isinstance(text, bytes) else text)
        depth = _depth(value)
    except UnicodeDecodeError as error:
        raise FileError(f"{where} is damaged: byte {error.start} is no UTF-8 text.") from error
    except RecursionError as error:
        raise FileError(f"{where} is damaged: it is nested more than {_DEEPEST} levels deep.") from error
    except json.JSONDecodeError as error:
        raise FileError(f"{where} is damaged or no JSON: {error}.") from error
    except ValueError as error:
        raise FileError(f"{where} is damaged: it holds a number or a text that cannot be read.") from error
    if depth > _DEEPEST:
        raise FileError(f"{where} is damaged: it is nested more than {_DEEPEST} levels deep.")
    return value


def _depth(value: Any) -> int:
    """How deep is it nested? Raises ValueError at a text that is no Unicode."""
    deepest = 0
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        deepest = max(deepest, depth)
        if isinstance(item, str):
            item.encode("utf-8")
        elif isinstance(item, Mapping):
            for key, inner in item.items():
                key.encode("utf-8")
                waiting.append((inner, depth + 1))
        elif isinstance(item, list):
            waiting.extend((inner, depth + 1) for inner in item)
    return deepest


def version_of(text: Any) -> tuple[int, ...]:
    """The numbers of a Keras version; (1,) when none is given, for only Keras 1 left it out."""
    numbers = re.findall(r"\d{1,9}", text[:40]) if isinstance(text, str) else []
    return tuple(int(number) for number in numbers[:3]) or (1,)


def is_keras3(config: Any, version: Any = None) -> bool:
    """Is this description spelled as Keras 3 spells it?

    Args:
        config: The description.
        version: The version of Keras that the file names.
    """
    if isinstance(version, str) and re.search(r"\d", version):
        return version_of(version)[0] >= 3
    if not isinstance(config, Mapping) or "keras_version" in config:
        return False
    # Keras 2 wrote the calls of a layer as lists, and named no module before 2.12.
    return "module" in config and not any(isinstance(node, list) for node in _nodes(config))


def _nodes(config: Mapping[str, Any]) -> Iterator[Any]:
    inner = config.get("config")
    layers = inner.get("layers") if isinstance(inner, Mapping) else None
    for layer in layers if isinstance(layers, list) else ():
        nodes = layer.get("inbound_nodes") if isinstance(layer, Mapping) else None
        yield from nodes if isinstance(nodes, list) else ()
