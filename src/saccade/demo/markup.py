"""HTML that is well-formed because it is built as a tree: text is escaped, every element is closed."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

_VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "source"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, /, *children: Any, **attributes: Any) -> Markup:
    """One element.

    Args:
        name: Its name.
        *children: `Markup`, text (escaped), numbers, lists of these, or None for nothing.
        **attributes: `class_` stands for class, `_` for `-`; True for an attribute without a value; None and False
            leave it out.

    Example:
        >>> element("p", "cats & cups", class_="note")
        '<p class="note">cats &amp; cups</p>'
    """
    present = {key: value for key, value in attributes.items() if value is not None and value is not False}
    written = "".join(_attribute(key, value) for key, value in present.items())
    if name in _VOID:
        if children:
            raise ValueError(f"<{name}> has no content")
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{joined(*children)}</{name}>")


def joined(*children: Any) -> Markup:
    """Several pieces one after the other."""
    return Markup("".join(_pieces(children)))


def exact(value: float, text: str) -> Markup:
    """A number for people that also says its exact value to programs."""
    return element("data", text, value=repr(float(value)))


def _pieces(children: Iterable[Any]) -> Iterable[str]:
    for child in children:
        if child is None:
            continue
        if isinstance(child, Markup):
            yield child
        elif isinstance(child, (list, tuple)):
            yield from _pieces(child)
        else:
            yield escape(str(child), quote=False)


def _attribute(key: str, value: Any) -> str:
    name = key.rstrip("_").replace("_", "-")
    # viewBox and its like are written in mixed case and pass unchanged.
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
