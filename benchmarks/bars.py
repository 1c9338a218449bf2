"""The bars that were set beforehand, and whether a row holds them."""

from __future__ import annotations

from dataclasses import dataclass

from groups import Group
from result_file import Row

FLOOR, RELAX, CELLS, EIGEN = 1.10, 1.15, 15.0, 10.0
OCCLUSION = {224: 20.0, 448: 50.0}


@dataclass(frozen=True)
class Bar:
    """One bar and what was measured against it.

    Attributes:
        text: The bar.
        measured: The figure.
        held: Whether it holds.
        level: Where the bar is to be as fast: the bar lies within the middle half of the rounds.
    """

    text: str
    measured: str
    met: bool
    level: bool = False


def bars(group: Group, row: Row) -> list[Bar]:
    """The bars of one timed row; none where none was set (other nets, JAX, the floor on torch)."""
    if group.net not in ("reference", "dense") or group.framework == "jax":
        return []
    all_bars, keras = [], group.framework == "tensorflow"
    if keras and row.get("floor_kind") == "gradients":
        all_bars.append(Bar(f"at most {FLOOR:.2f} of the floor", f"{row['ratio']:.3f}", row["ratio"] <= FLOOR))
    if keras and row["key"] == "relax":
        all_bars.append(Bar(f"at most {RELAX:.2f} of as many forwards", f"{row['ratio']:.2f}", row["ratio"] <= RELAX))
    if keras and row["key"] == "cells" and group.size == 224:
        times = 1 / row["ratio"]
        all_bars.append(Bar(f"{CELLS:.0f} times one pass a cell", f"{times:.1f}", times >= CELLS))
    for answer in row["peers"]:
        if "cannot" in answer:
            continue
        least, name = 1.0, answer["peer"]
        if row["key"] == "occlusion":
            least = OCCLUSION.get(group.size, 1.0)
        if row["key"] == "eigen_cam":
            least = EIGEN
        low, high = answer["between"]
        level = least == 1 and low <= 1 <= high
        measured = f"{answer['times']:.2f} ({low:.2f} to {high:.2f})"
        all_bars.append(Bar(f"{least:g} times {name}", measured, answer["times"] >= least, level))
    return all_bars
