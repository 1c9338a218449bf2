"""`saccade methods`: which ways of finding out are there?"""

from __future__ import annotations

import inspect
import textwrap
from typing import Annotated, Any, get_type_hints

import typer

from saccade.cli.command import command
from saccade.cli.console import Console
from saccade.cli.settings import in_words, kinds_of, names_of

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[METHOD]...", show_default=False, help="Methods to describe in full, with settings."),
]


@command
def methods(console: Console, names: Names = None) -> dict[str, Any]:
    """List the methods with one line each; name some for their settings, cost and source."""
    from saccade.attribution.defaults import DEFAULT_METHOD, KINDS
    from saccade.methods import available, find

    described = [_description(name, find(name)) for name in names or available()]
    if not names:
        console.table(["method", "what it does"], [[about["name"], about["plain"]] for about in described])
        console.say()
        console.say(f"{len(described)} methods; `saccade methods NAME` tells the settings, the cost and the source.")
        console.say(f"Where none is named, {DEFAULT_METHOD} makes the picture, and for codes")
        for kind in KINDS:
            _paragraph(console, f"{kind.codes}: {kind.method}")
        return {"methods": described}
    for about in described:
        console.say(f"{about['name']}: {about['title']}")
        _paragraph(console, about["plain"])
        for setting in about["settings"]:
            takes = setting["takes"]
            if setting["names"]:
                takes = takes.replace("a word", f"one of {', '.join(setting['names'])}")
            _paragraph(console, f"--set {setting['name']}={_default(setting['default'])}   ({takes})")
        _paragraph(console, f"cost: {about['cost']}")
        _paragraph(console, f"source: {about['source']}")
        console.say()
    return {"methods": described}


def _description(name: str, function: Any) -> dict[str, Any]:
    from saccade.attribution.method import settings_of

    about, hints = function.description, get_type_hints(function)
    annotations = get_type_hints(function, include_extras=True)
    settings = [
        {
            "name": setting.name,
            "takes": in_words(kinds_of(hints[setting.name])),
            "names": list(names_of(annotations[setting.name])),
            "default": None if setting.default is inspect.Parameter.empty else setting.default,
        }
        for setting in settings_of(function).values()
    ]
    return {
        "name": name,
        "title": about.title,
        "plain": about.summary,
        "source": about.source,
        "cost": about.cost,
        "settings": settings,
    }


def _default(value: Any) -> str:
    return "auto" if value is None else str(value)


def _paragraph(console: Console, text: str) -> None:
    for line in textwrap.wrap(text, 96, subsequent_indent="  "):
        console.say(f"    {line}")
