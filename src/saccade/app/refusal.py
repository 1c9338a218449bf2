"""Why a request is refused, as the status and the line that its answer has."""

from __future__ import annotations


class Refused(Exception):
    """A request that is not answered.

    Args:
        status: Of HTTP.
        reason: One line, without anything of the request that could be somebody's secret.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason
