"""While a folder is opened nothing is fetched: the hub's client is told that there is no network."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from saccade.errors import ModelError
from saccade.models.shared_patches import Patch, SharedPatches

_ERRORS = {"LocalEntryNotFoundError", "OfflineModeIsEnabled"}
"""What the client raises for what it would have had to fetch."""
_ELSEWHERE = ("checkpoint_path", "cache_dir")
"""Settings of timm for a file of weights to unpickle, and for a folder to write into."""


@contextmanager
def offline(path: Path) -> Iterator[None]:
    """Inside the block nothing is fetched.

    Args:
        path: The folder that is opened.

    Raises:
        ModelError: Something would have to be.
    """
    with _patches.installed():
        try:
            yield
        except Exception as error:
            if any(type(each).__name__ in _ERRORS for each in _behind(error)):
                raise ModelError(
                    f"{path} names something that would have to be fetched, and nothing is fetched for a folder. Give "
                    "one that holds the whole model, as save_pretrained writes it."
                ) from error
            raise


def refuse_elsewhere(path: Path, settings: Any) -> None:
    """Refuse settings, at any depth, that would have a library load or write something outside the folder.

    Raises:
        ModelError: There is one.
    """
    for part in parts_of(settings):
        named = next((name for name in _ELSEWHERE if part.get(name)), None)
        if named is not None:
            raise ModelError(
                f"{path} names a {named} ({part[named]!r:.80}), and nothing outside a folder is loaded or written; "
                "remove it there."
            )


def parts_of(settings: Any) -> Iterator[Mapping[str, Any]]:
    """Settings, and those inside them at any depth."""
    waiting = [settings]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, Mapping):
            waiting += part.values()
            yield part


def _behind(error: BaseException) -> Iterator[BaseException]:
    """An error and those that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__  # type: ignore[assignment]


def _client() -> Iterator[Patch]:
    importlib.import_module("huggingface_hub")
    yield sys.modules["huggingface_hub.constants"], "HF_HUB_OFFLINE", lambda _: True


_patches = SharedPatches(_client)
