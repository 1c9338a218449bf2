"""A factory with its arguments, `package.module:function(vit_tiny,num_classes=0)`, read without running anything."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from saccade.errors import InputError

_CONSTANTS = {"true": True, "false": False, "none": None}
_NUMBER = re.compile(r"[+-]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)([eE][+-]?\d+)?")
_WORD = re.compile(r"[^\s,()\[\]{}'\"=]+")
_KEY_WORD = re.compile(r"[^\s,()\[\]{}'\"=:]+")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_SETTING = re.compile(r"\s*([^\W\d]\w*)\s*=")
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_DEEPEST = 20
_LONGEST_WORD = 2000


@dataclass(frozen=True)
class FactoryCall:
    """What a factory's text says.

    Attributes:
        module: The module in which the factory lies.
        function: The factory's name there, with dots for what lies inside a class.
        arguments: What it is called with, in order.
        settings: What it is called with by name.
        is_call: Brackets were written, though nothing may stand between them.
    """

    module: str
    function: str
    arguments: tuple[Any, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    is_call: bool = False

    @property
    def name(self) -> str:
        """`package.module:function`."""
        return f"{self.module}:{self.function}"


def is_factory(text: str) -> bool:
    """Is this the name of a factory, with or without arguments?"""
    module, colon, function = text.partition("(")[0].rstrip().partition(":")
    names = [*module.split("."), *function.split(".")]
    return bool(colon) and all(name.isidentifier() for name in names)


def read_call(text: str) -> FactoryCall:
    """Read the name of a factory and its arguments.

    Arguments are numbers, texts with or without quotes, true, false, none, and tuples, lists and dictionaries of
    these; nothing is looked up or computed.

    Args:
        text: For which `is_factory` holds.

    Raises:
        InputError: The arguments cannot be read; the message says from where on.

    Example:
        >>> read_call("timm:create_model(vit_tiny_patch16_224,num_classes=0)").settings
        {'num_classes': 0}
    """
    name, bracket, _ = text.partition("(")
    module, _, function = name.rstrip().partition(":")
    if not bracket:
        return FactoryCall(module, function)
    arguments, settings = read_arguments(text, len(name))
    return FactoryCall(module, function, arguments, settings, is_call=True)


def read_arguments(text: str, start: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Read the arguments in brackets that begin at a place of a text and end with it.

    Raises:
        InputError: They cannot be read; the message says from where on.
    """
    reader = _Reader(text, start + 1)
    arguments, settings = reader.call()
    if text[reader.place :].strip():
        raise reader.refusal("something follows the bracket that closes the arguments")
    return tuple(arguments), settings


class _Reader:
    """Reads values one after the other; stands at `place`."""

    def __init__(self, text: str, place: int) -> None:
        self.text, self.place, self.depth = text, place, 0

    def refusal(self, what: str, place: int | None = None) -> InputError:
        """The error for what is wrong at a place, here unless another is named."""
        rest = self.text[self.place if place is None else place :].strip()
        where = f"at {rest[:40]!r}" if rest else "at its end"
        return InputError(
            f"the arguments in {self.text!r:.200} cannot be read {where}: {what}. They look like "
            "module:function(word,1.5,name=value,sizes=[1,2]), in quotes for the shell."
        )

    def call(self) -> tuple[list[Any], dict[str, Any]]:
        """Arguments up to the closing bracket, which is passed."""
        arguments: list[Any] = []
        settings: dict[str, Any] = {}
        while not self.closes(")"):
            start = self.place
            setting = _SETTING.match(self.text, self.place)
            if setting is None:
                if settings:
                    raise self.refusal("an argument without a name follows one with a name", start)
                arguments.append(self.value("an argument"))
            else:
                name = setting[1]
                if name in settings:
                    raise self.refusal(f"{name!r} is given twice", start)
                self.place = setting.end()
                settings[name] = self.value(f"a value after {name!r}")
            self.separated(")")
        return arguments, settings

    def value(self, expected: str, word: re.Pattern[str] = _WORD) -> Any:
        """One value."""
        self.skip_spaces()
        sign = self.text[self.place : self.place + 1]
        if sign in _CLOSING and sign:
            if self.depth == _DEEPEST:
                raise self.refusal(f"it is nested more than {_DEEPEST} levels deep")
            self.depth += 1
            self.place += 1
            inner = self.pairs() if sign == "{" else self.several(_CLOSING[sign])
            self.depth -= 1
            return inner
        if sign in ("'", '"') and sign:
            return self.quoted()
        match = word.match(self.text, self.place)
        if match is None:
            raise self.refusal(f"{expected} is missing")
        self.place = match.end()
        return _meaning(match[0])

    def several(self, closing: str) -> Any:
        """The values of a list or a tuple; one alone in round brackets is itself, as in Python."""
        values: list[Any] = []
        comma = False
        while not self.closes(closing):
            values.append(self.value("a value"))
            comma = self.separated(closing)
        if closing == "]":
            return values
        return values[0] if len(values) == 1 and not comma else tuple(values)

    def pairs(self) -> dict[Any, Any]:
        """The pairs of a dictionary."""
        pairs: dict[Any, Any] = {}
        while not self.closes("}"):
            start = self.place
            key = self.value("a key", _KEY_WORD)
            if not isinstance(key, (str, int, float, type(None))):
                raise self.refusal("a key is neither a word nor a number", start)
            self.skip_spaces()
            if self.text[self.place : self.place + 1] != ":":
                raise self.refusal(f"a colon is missing after the key {key!r:.40}")
            self.place += 1
            pairs[key] = self.value(f"a value after {key!r:.40}")
            self.separated("}")
        return pairs

    def quoted(self) -> Any:
        """A text in quotes."""
        match = _QUOTED.match(self.text, self.place)
        if match is None:
            raise self.refusal("a quote is not closed")
        start, self.place = self.place, match.end()
        try:
            return ast.literal_eval(match[0])  # nothing but one text in quotes, with its escapes
        except (ValueError, SyntaxError) as error:
            raise self.refusal("the text in quotes cannot be read", start) from error

    def closes(self, closing: str) -> bool:
        """Is the next sign the closing bracket? Then pass it."""
        self.skip_spaces()
        if self.place >= len(self.text):
            raise self.refusal(f"the closing {closing!r} is missing")
        if self.text[self.place] != closing:
            return False
        self.place += 1
        return True

    def separated(self, closing: str) -> bool:
        """Pass a comma, and say whether there was one; only the closing bracket may follow in its place."""
        self.skip_spaces()
        sign = self.text[self.place : self.place + 1]
        if sign == ",":
            self.place += 1
            return True
        if sign not in ("", closing):
            raise self.refusal(f"a comma or {closing!r} is expected")
        return False

    def skip_spaces(self) -> None:
        """Go on to the next sign that is no space."""
        while self.text[self.place : self.place + 1].isspace():
            self.place += 1


def _meaning(word: str) -> Any:
    """What a word without quotes stands for: a number, true, false, none, or itself."""
    if word.lower() in _CONSTANTS:
        return _CONSTANTS[word.lower()]
    if _NUMBER.fullmatch(word) and len(word) < _LONGEST_WORD:
        try:
            return ast.literal_eval(word)  # nothing but one number
        except (ValueError, SyntaxError):  # such as 007, which Python does not take for a number
            return word
    return word
