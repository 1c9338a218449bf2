"""Views and data as one HTML file: modules joined into one script, style and script named in the page's policy."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from saccade.picture.themes import DARK, LIGHT, Theme
from saccade.report.packed_arrays import packed

VIEWS = Path(__file__).parent.parent / "views"
"""Where the modules lie that report, app and notebook share."""

_COVERED = ("live_report.js", "framed_report.js")
"""Pages on which a cover can be dragged."""

_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w.]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class)\b)", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)
_COMMENT = re.compile(
    r"^[ \t]*(?:/\*\*(?:(?!\*/).)*\*/|//[^\n]*)[ \t]*\n|/\*\* @(?:(?!\*/)[^\n])*\*/ ?", re.MULTILINE | re.DOTALL
)
"""Whole lines, and types within a line: a sixth of a page."""


class _Further(NamedTuple):
    """A section that only some pages have: the data that it shows, the module that adds it, its style sheet."""

    data: str
    module: str
    style: str


_FURTHER = (
    _Further("collection", "collection_section.js", "photo_map.css"),
    _Further("atlas", "collection.js", "photo_map.css"),
    _Further("beside", "beside_section.js", "beside.css"),
)


def page_file(title: str, description: str, data: Mapping[str, Any], *, entry: str = "report.js") -> str:
    """The whole document: it opens from a disk, without a network, under a policy that allows nothing else.

    Args:
        title: Of the window.
        description: One sentence.
        data: What the views show, as plain data.
        entry: The module that starts.
    """
    further = [part for part in _FURTHER if part.data in data]
    script = joined_modules(entry, before=[part.module for part in further])
    style = joined_styles(covered=entry in _COVERED, also=[part.style for part in further])
    policy = (
        f"default-src 'none'; img-src data: blob:; style-src '{policy_digest(style)}'; "
        f"script-src '{policy_digest(script)}' 'wasm-unsafe-eval'; worker-src blob:; base-uri 'none'; "
        "form-action 'none'"
    )
    # In a script element only these can end it or change how it is read.
    shown = data if entry in _COVERED else _without_model_images(data)
    text = json.dumps(packed(shown), ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f'<meta name="description" content="{escape(description)}"><title>{escape(title)}</title>'
        f"<style>{style}</style></head><body>"
        f"<noscript><h1>{escape(title)}</h1><p>{escape(description)} This page is drawn by its own script; allow "
        "scripts for this file to see it. It asks no network.</p></noscript>"
        f'<script type="application/json" id="report-data">{text}</script>'
        f'<script type="module">{script}</script></body></html>\n'
    )


def _without_model_images(data: Mapping[str, Any]) -> dict[str, Any]:
    """The same without what only a network reads: the photos as numbers, at full precision."""
    if "photos" not in data:
        return {**data}
    photos = [{name: value for name, value in photo.items() if name != "model_image"} for photo in data["photos"]]
    return {**data, "photos": photos}


def joined_modules(entry: str, folder: Path = VIEWS, *, before: Sequence[str] = ()) -> str:
    """The modules that one needs, as one module, each after those that it imports.

    Modules from a disk cannot import each other in a browser, so they are joined. For that they keep to named imports
    of whole names from their own folder, and no two of them have a top-level name in common. Comments stay behind.

    Args:
        entry: The module that starts.
        folder: Where they lie.
        before: Modules that are to have run before it.

    Raises:
        ValueError: A module does not keep to it.
    """
    texts: dict[str, str] = {}

    def add(name: str, importers: tuple[str, ...]) -> None:
        if name in texts:
            return
        if name in importers:
            raise ValueError(f"{' > '.join([*importers, name])} is a circle of imports")
        text = (folder / name).read_text(encoding="utf-8")
        for names, other in _IMPORT.findall(text):
            if " as " in names:
                raise ValueError(
                    f"{name} renames what it imports from {other}; joined modules share one space of names"
                )
            add(other, (*importers, name))
        body = _COMMENT.sub("", _EXPORT.sub("", _IMPORT.sub("", text)))
        left = _OTHER.search(body)
        if left:
            raise ValueError(f"{name} has {left.group()[:60]!r}; only named imports and exports can be joined")
        texts[name] = body

    for name in (*before, entry):
        add(name, ())
    return "\n".join(texts.values()).replace("</script", "<\\/script")


def joined_styles(*, covered: bool = False, also: Sequence[str] = ()) -> str:
    """The styles, with the colours of the library's own pictures for light and dark paper.

    Args:
        covered: Also those of the cover that is dragged over a photo.
        also: Further style sheets.
    """
    names = ("page.css", *(("cover.css",) if covered else ()), *also)
    sheets = "\n".join((VIEWS / name).read_text(encoding="utf-8") for name in names)
    dark = f"@media (prefers-color-scheme: dark) {{ :root {{ {colour_variables(DARK)} }} }}"
    return f":root {{ {colour_variables(LIGHT)} }}\n{dark}\n{sheets}"


def colour_variables(theme: Theme) -> str:
    """The colours of a theme as variables of a style sheet."""
    named = {
        "paper": theme.background, "ink": theme.ink, "muted": theme.muted, "rule": theme.rule,
        "warm": theme.warm, "cool": theme.cool,
    }  # fmt: skip
    return " ".join(f"--{name}: rgb({red} {green} {blue});" for name, (red, green, blue) in named.items())


def policy_digest(text: str) -> str:
    """How a policy names the one text that it allows."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}"
