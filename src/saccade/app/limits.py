"""How much anybody may ask for; all of it is said in docs/api.md."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a request, a client and all clients together may take.

    Attributes:
        body_bytes: Of one photo's file.
        json_bytes: Of any other body.
        head_seconds: In which what a request begins with must have arrived.
        body_seconds: In which a body must have arrived.
        answer_seconds: In which what is sent must be taken, before more of it is.
        pixels: Of one photo; larger ones are refused before they are decoded.
        longest_side: Photos are kept for showing with at most so many pixels on the longer side.
        photos: That one client may have dropped; the oldest go first.
        all_photos: Of all clients together.
        shown: Photos on the page at first, and in a report.
        waiting: Pieces of work that one client may have waiting.
        all_waiting: Of all clients together.
        at_once: Pieces of work that are computed at the same time.
        work_seconds: After which a piece of work is stopped.
        clients: Browsers that are known at the same time; the one that was away longest goes first.
        connections: Open at the same time; beyond that the answer is 503, and beyond twice as many there is none.
        sockets: Open at the same time, for one client.
        all_sockets: Of all clients together.
        message_bytes: Of one message of a socket.
        answers_bytes: Of the answers that are remembered.
    """

    body_bytes: int = 40 * 2**20
    json_bytes: int = 64 * 2**10
    head_seconds: float = 10.0
    body_seconds: float = 20.0
    answer_seconds: float = 60.0
    pixels: int = 50_000_000
    longest_side: int = 1600
    photos: int = 24
    all_photos: int = 120
    shown: int = 12
    waiting: int = 24
    all_waiting: int = 400
    at_once: int = 2
    work_seconds: float = 180.0
    clients: int = 200
    connections: int = 200
    sockets: int = 8
    all_sockets: int = 100
    message_bytes: int = 16 * 2**20
    answers_bytes: int = 192 * 2**20
