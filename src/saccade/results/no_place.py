"""What adds to a similarity and lies at no place of the photos: its kinds, and what people are told of them."""

from __future__ import annotations

CONSTANT = "constant"
"""A constant that a linear layer adds to the code of every photo, alone and together with what the places give."""
TOKENS = "tokens"
"""Tokens of a transformer that stand for the whole photo."""
BOTH = "tokens and constant"
"""Both of them, which cannot be told apart."""

_SEEN = 5e-4
"""A smaller share would not be seen in a bar."""
_NAMES = {CONSTANT: "the same for every photo", TOKENS: "from the whole photo at once"}
_SOURCES = {
    CONSTANT: "comes from a constant that the network adds to every photo",
    TOKENS: "comes from tokens that stand for the whole photo, and for no place in it",
}


def is_seen(share: float) -> bool:
    """Is it worth a piece of the bar?"""
    return abs(share) >= _SEEN


def name_of(kind: str) -> str:
    """What a part of the bar is called.

    Args:
        kind: One of the kinds above; empty where it is not known.
    """
    return _NAMES.get(kind, "from no place of the photos")


def source_of(kind: str) -> str:
    """The end of the sentence "so much of it ..."."""
    return _SOURCES.get(kind, "comes from no place of the photos")
