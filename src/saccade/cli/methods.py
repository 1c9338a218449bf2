"""`saccade methods`: which ways of finding out are there?"""

from __future__ import annotations

import inspect
import textwrap
from typing import Any, get_type_hints

from saccade.cli.command import command
from saccade.cli.console import Console
from saccade.cli.settings import in_words, kinds_of


@command
def methods(console: Console) -> dict[str, Any]:
    """Describe the methods, their settings and sources."""
    from saccade.explanation import settings_of
    from saccade.methods import available

    described = []
    for name, function in available().items():
        about = function.description  # type: ignore[attr-defined]
        hints = get_type_hints(function)
        settings = [
            {
                "name": each.name,
                "takes": in_words(kinds_of(hints[each.name])),
                "default": None if each.default is inspect.Parameter.empty else each.default,
            }
            for each in settings_of(function).values()
        ]
        described.append(
            {
                "name": name,
                "title": about.title,
                "plain": about.plain,
                "source": about.source,
                "cost": about.passes,
                "settings": settings,
            }
        )
        console.say(f"{name}: {about.title}")
        _paragraph(console, about.plain)
        for each in settings:
            _paragraph(console, f"--set {each['name']}={_default(each['default'])}   ({each['takes']})")
        _paragraph(console, f"cost: {about.passes}")
        _paragraph(console, f"source: {about.source}")
        console.say()
    return {"methods": described}


def _default(value: Any) -> str:
    return "auto" if value is None else str(value)


def _paragraph(console: Console, text: str) -> None:
    for line in textwrap.wrap(text, 96, subsequent_indent="  "):
        console.say(f"    {line}")
