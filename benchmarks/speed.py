"""One group, timed: saccade beside the raw floor and beside its peers, a case at a time.

    python benchmarks/speed.py GROUP FILE LIMIT [--quick]

After LIMIT seconds nothing new is begun. Quick: tiny pictures, to see that everything runs; the figures mean nothing.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cases import SAMPLED_CELLS, SAMPLED_FORWARDS, Case, planned
from clock import race, timed
from floors import Floors
from groups import named
from nets import Subject, picture, subject
from peers import peers_of
from peers.elsewhere import Elsewhere
from peers.peer import Peer, difference
from result_file import ResultFile, Row


class Bench:
    """The cases of one group.

    Args:
        under_test: The model.
        result_file: Where rows go.
        seconds: About how long the rounds of one case take, at least three of them in any case.
        elsewhere: Another process in which the peers compute; None: in this one.
    """

    def __init__(
        self, under_test: Subject, result_file: ResultFile, seconds: float, elsewhere: Elsewhere | None
    ) -> None:
        self.subject, self.result_file, self.seconds, self.elsewhere = under_test, result_file, seconds, elsewhere
        # Large batches of large pictures only cost time here; PyTorch gives tensors above 32 MiB back every time.
        small = under_test.size <= 224 and under_test.net == "reference" and under_test.framework != "torch"
        self.floors = Floors(under_test, picture(under_test.size), 25 if small else 8)
        self.best: dict[str, str] = {}

    def measure(self, case: Case) -> Row:
        """One row: everybody once for the first call, then in turns."""
        runners: dict[str, Callable[[], Any]] = {"ours": lambda: case.run(self.subject.encoder)}
        floor = self._floor(case)
        if floor:
            runners["floor"] = floor[0]
        if case.floor == "gradients":
            runners["method"] = case.bare(self.subject.encoder)
        peers, answers = {}, []
        for peer in peers_of(self.subject, case):
            peer = peer if self.elsewhere is None else self.elsewhere.moved(peer, case.name)
            try:
                setting, runner = self._setting(peer)
                result = runner()
            except Exception as error:
                answers.append({"peer": peer.name, "cannot": _told(error)})
                continue
            peers[peer.name] = (peer, setting, runner, result)
            runners[peer.name] = runner
        timing = race(runners, seconds=self.seconds)
        row: Row = {"key": case.key, "rounds": len(timing.rounds["ours"])}
        row |= {"ours": timing.seconds("ours"), "first": timing.first["ours"]}
        if floor:
            _, batch, scale = floor
            row |= {"floor_kind": case.floor, "batch": batch, "floor_scale": scale}
            row |= {"floor": timing.seconds("floor") * scale, "ratio": timing.ratio("ours", "floor") / scale}
        if "method" in runners:
            row["method"] = timing.ratio("method", "floor")
        for name, (peer, setting, runner, _) in peers.items():
            answer: Row = {"peer": name, "setting": setting, "scale": peer.scale, "says": peer.says}
            # No peer smooths its map, so the gradient methods run without smoothing beside them.
            same = "method" if "method" in runners else "ours"
            answer |= {"seconds": timing.seconds(name) * peer.scale, "times": timing.ratio(name, same) * peer.scale}
            answer["between"] = [each * peer.scale for each in timing.middle_half(name, same)]
            answer["explained"] = timing.ratio(name, "ours") * peer.scale
            if peer.mine is not None:
                with peer.same():
                    theirs = runner()
                ours = peer.mine(case.run(self.subject.encoder, case.compared or None), theirs)
                answer["difference"] = difference(ours, theirs)
            answers.append(answer)
        return row | {"peers": answers}

    def _floor(self, case: Case) -> tuple[Callable[[], None], str, float] | None:
        """The floor's runner, its batch size, and by how much its time is multiplied."""
        if not case.floor:
            return None
        if case.floor in ("layer_slope", "layer_forward", "suffixes"):
            return *getattr(self.floors, case.floor)(case.at), 1.0
        most = {"cells": SAMPLED_CELLS, "forwards": SAMPLED_FORWARDS}.get(case.floor, case.passes)
        passes = min(case.passes, most)
        return *getattr(self.floors, case.floor)(passes), case.passes / passes

    def _setting(self, peer: Peer) -> tuple[str, Callable[[], Any]]:
        """The fastest setting, found once for each family, by the second call of each."""
        best = self.best.get(peer.family)
        if best in peer.make:
            return best, peer.make[best]()
        runners = {setting: make() for setting, make in peer.make.items()}
        if len(runners) == 1:
            return next(iter(runners.items()))
        seconds = {}
        for setting, runner in runners.items():
            first = timed(runner)
            # Where one call is slow, its compiling counts for little.
            seconds[setting] = first if first > 4 else timed(runner)
        best = min(seconds, key=lambda setting: seconds[setting])
        if peer.family:
            self.best[peer.family] = best
        return best, runners[best]


def _told(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:160]}"


def main() -> None:
    """Measure one group."""
    name, path, limit = sys.argv[1:4]
    quick = "--quick" in sys.argv
    warnings.simplefilter("ignore")
    group = named(name)
    under_test = subject(group.framework, group.net, 64 if quick else group.size)
    todo = planned(under_test, quick)
    result_file = ResultFile(Path(path), float(limit), [case.name for case in todo], quick)
    elsewhere = (
        Elsewhere(under_test.framework, under_test.net, under_test.size, quick)
        if under_test.framework == "torch"
        else None
    )
    bench = Bench(under_test, result_file, 0.0 if quick else 5.0, elsewhere)
    for case in todo:
        if result_file.over:
            break
        row = bench.measure(case)
        result_file.add(case.name, row)
        print(f"  {case.name}: {1000 * row['ours']:.0f} ms", file=sys.stderr, flush=True)
    result_file.finish()


if __name__ == "__main__":
    main()
