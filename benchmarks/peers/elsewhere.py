"""Peers in a process of their own, as their users have them.

saccade tells the C library to keep freed memory, which makes whatever else computes with PyTorch in its process faster,
by up to a fifth. So there the peers compute in a second process, in which saccade has only opened the model.
"""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from clock import timed
from nets import subject

from peers.peer import Array, Peer


@dataclass(frozen=True)
class Runner:
    """A peer's answer that is computed elsewhere; its time is taken there."""

    ask: Callable[..., Any]
    key: tuple[str, str, str]

    def __call__(self) -> Array:
        """The answer itself, with saccade's own chance where the peer draws any."""
        return self.ask("answer", *self.key)

    def seconds(self) -> float:
        """How long one answer takes."""
        return self.ask("seconds", *self.key)


class Elsewhere:
    """The second process.

    Args:
        framework: As in `nets.subject`.
        net: As in `nets.subject`.
        size: As in `nets.subject`.
        quick: Small counts.
    """

    def __init__(self, framework: str, net: str, size: int, quick: bool) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, far = context.Pipe()
        self._process = context.Process(target=_serve, args=(far, framework, net, size, quick), daemon=True)
        self._process.start()

    def moved(self, peer: Peer, case: str) -> Peer:
        """The same peer, computing there."""
        make = {name: partial(self._made, (case, peer.name, name)) for name in peer.make}
        return replace(peer, make=make, same=nullcontext)

    def _made(self, key: tuple[str, str, str]) -> Runner:
        self._ask("make", *key)
        return Runner(self._ask, key)

    def _ask(self, *question: str) -> Any:
        self._pipe.send(question)
        answer, failed = self._pipe.recv()
        if failed:
            raise RuntimeError(answer)
        return answer


def _serve(pipe: Any, framework: str, net: str, size: int, quick: bool) -> None:
    """Answer questions until the other side is gone."""
    warnings.simplefilter("ignore")
    from cases import planned

    from peers import peers_of

    under_test = subject(framework, net, size)
    cases = {case.name: case for case in planned(under_test, quick)}
    peers: dict[tuple[str, str], Peer] = {}
    runners: dict[tuple[str, str, str], Callable[[], Array]] = {}

    def make(case: str, name: str, setting: str) -> None:
        if (case, name) not in peers:
            peers.update({(case, each.name): each for each in peers_of(under_test, cases[case])})
        runners[case, name, setting] = peers[case, name].make[setting]()

    def answer(case: str, name: str, setting: str) -> Array:
        with peers[case, name].same():
            return runners[case, name, setting]()

    questions: Mapping[str, Callable[..., Any]] = {
        "make": make,
        "answer": answer,
        "seconds": lambda *key: timed(runners[key]),
    }
    while True:
        try:
            what, *key = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send((questions[what](*key), False))
        except Exception as error:
            pipe.send((f"{type(error).__name__}: {error}", True))
