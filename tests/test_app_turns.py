"""Whose turn it is: everybody's, in the order in which they came, however much one of them asks for."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from itertools import zip_longest
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saccade.app.limits import Limits
from saccade.app.refusal import Refused
from saccade.app.turns import Turns


@given(st.lists(st.sampled_from("abcdef"), max_size=24))
@settings(max_examples=40, deadline=None)
def test_who_waits_is_served_in_rounds(names: list[str]) -> None:
    """As `zip` deals them: one of each client, then the second of each, in the order in which they came first."""
    order: list[str] = []
    go_on = threading.Event()

    async def ask() -> None:
        turns = Turns(Limits(at_once=1))
        first = asyncio.create_task(turns.work("first", lambda _: go_on.wait()))
        await asyncio.sleep(0)
        waiting = [
            asyncio.create_task(turns.work(name, lambda _, name=name: order.append(name)))  # type: ignore[misc]
            for name in names
        ]
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(first, *waiting)
        turns.close()

    asyncio.run(ask())
    queues = [[name] * count for name, count in Counter(names).items()]
    assert order == [name for rounds in zip_longest(*queues) for name in rounds if name is not None]


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_nobody_is_passed_twice_by_anybody(at_once: int) -> None:
    """Twenty clients ask one question after the other, and one floods with twenty at a time. While somebody waits, each
    other client gets one turn, and no more, beside what it was computing when the waiting began."""
    events: list[tuple[str, str]] = []
    clients = [f"client {number}" for number in range(20)]

    async def ask() -> None:
        turns = Turns(Limits(at_once=at_once))

        async def one(client: str, times: int) -> None:
            for _ in range(times):
                events.append(("asks", client))
                await turns.work(client, lambda _: events.append(("begins", client)))

        await asyncio.gather(*(one("flood", 6) for _ in range(20)), *(one(client, 6) for client in clients))
        turns.close()

    asyncio.run(ask())
    assert Counter(client for kind, client in events if kind == "begins") == {
        "flood": 120,
        **dict.fromkeys(clients, 6),
    }
    for client in clients:
        own = [(at, kind) for at, (kind, who) in enumerate(events) if who == client]
        for (requested, _), (began, _) in zip(own[::2], own[1::2], strict=True):
            passing = Counter(who for kind, who in events[requested:began] if kind == "begins")
            assert not passing or max(passing.values()) <= 1 + at_once, (client, passing)


def test_too_much_work_is_refused_and_a_slow_piece_ends() -> None:
    async def ask() -> tuple[int, bool]:
        turns = Turns(Limits(at_once=1, waiting=2, work_seconds=0.1))

        def until_stopped(stop: Any) -> bool:
            while not stop():
                time.sleep(0.01)
            return True

        waiting = [asyncio.create_task(turns.work("a", until_stopped)) for _ in range(3)]
        await asyncio.sleep(0.02)
        try:
            await turns.work("a", until_stopped)
        except Refused as refusal:
            status = refusal.status
        return status, all(await asyncio.gather(*waiting))

    assert asyncio.run(ask()) == (429, True)


def test_work_that_must_be_alone_is_alone() -> None:
    busy, most = 0, {"alone": 0, "others": 0}
    lock = threading.Lock()

    def piece(kind: str) -> None:
        nonlocal busy
        with lock:
            busy += 1
            most[kind] = max(most[kind], busy)
        time.sleep(0.02)
        with lock:
            busy -= 1

    async def ask() -> None:
        turns = Turns(Limits(at_once=2))
        kinds = ["others", "others", "alone", "others", "others", "alone", "others", "others"]
        works = [
            turns.work(f"{n}", lambda _, kind=kind: piece(kind), alone=kind == "alone") for n, kind in enumerate(kinds)
        ]
        await asyncio.gather(*works)

    asyncio.run(ask())
    assert most == {"alone": 1, "others": 2}


def test_cancelled_work_gives_its_turn_on() -> None:
    async def ask() -> str:
        turns = Turns(Limits(at_once=1))
        stopped: list[bool] = []

        def until_stopped(stop: Any) -> None:
            while not stop():
                time.sleep(0.005)
            stopped.append(True)

        running = asyncio.create_task(turns.work("a", until_stopped))
        waiting = asyncio.create_task(turns.work("a", lambda _: "never"))
        after = asyncio.create_task(turns.work("b", lambda _: "answered"))
        await asyncio.sleep(0.05)
        waiting.cancel()
        running.cancel()
        answer = await asyncio.wait_for(after, 10)
        assert stopped == [True]
        return answer

    assert asyncio.run(ask()) == "answered"
