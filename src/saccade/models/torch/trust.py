"""What a file must not hold unless it is trusted."""

from __future__ import annotations


class Untrusted(Exception):
    """The file holds something that could do more than compute; the message completes "FILE holds ..."."""
