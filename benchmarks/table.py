"""The measurements as a page of tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Row = dict[str, Any]
NAMES = {"tensorflow": "TensorFlow", "torch": "PyTorch", "jax": "JAX"}
FLOOR_BAR = 1.15
BARS = {224: 20, 448: 40}


def page(rows: Sequence[Row], facts: Sequence[str]) -> str:
    """Everything that was measured, with the bars that were set beforehand."""
    parts = [
        "# Measured",
        "Written by `make bench` (`benchmarks/run.py`); nothing here is typed by hand. How each figure is taken is said "
        "in `benchmarks/README.md`. All of it is the reference net at 224 px unless a size is given; times are medians "
        "of the steady state, ratios are medians of the ratios within each round of runs that followed one another.",
        _list(facts),
        "## Against the raw floor\n\nThe floor is nothing but the same number of compiled gradients, in the batch size that was "
        f"fastest. Bar: at most {FLOOR_BAR}. *Explain* is the whole of `saccade.explain`, smoothing and notes "
        "included; *method* is without the smoothing. *First call* includes tracing and compiling.",
        _floors([row for row in rows if row["kind"] == "floor"]),
        "## Against the peers\n\nBar: ahead of each; covering with tiling at least 20 times faster at 224 px and 40 times at 448 px. "
        "*Difference* is the largest difference between the two maps as a share of the largest value, with the same noise given "
        "to both; xplique integrates by the trapezium rule on evenly spaced steps, saccade and Captum by Gauss and Legendre, "
        "so there the difference is the rules'.",
        _peers([row for row in rows if row["kind"] == "peer"]),
    ]
    alone = [row for row in rows if row["kind"] == "alone"]
    if alone:
        parts.append("## Without a peer\n\n" + _alone(alone))
    memory = [row for row in rows if row["kind"] == "memory"]
    if memory:
        parts.append(
            "## Memory\n\nThe highest mark of a process over what it held after loading the model and encoding one picture "
            "in the plain way. *Expected* is what the engine reckons before it starts: pictures at once times bytes "
            "each. Bar: within the budget. A picture that cannot fit is refused in one line before anything is computed."
        )
        parts.append(_memory(memory))
    return "\n\n".join(parts) + "\n"


def _floors(rows: Iterable[Row]) -> str:
    return _table(
        ["engine", "question", "explain", "floor", "batch of the floor", "explain : floor", "method : floor", "first call", "bar"],
        [
            [
                NAMES[row["framework"]], row["case"], _time(row["ours"]), _time(row["floor"]), str(row["batch"]),
                f"{row['ratio']:.2f}", f"{row['method']:.2f}", _time(row["first"]), _held(row["ratio"] <= FLOOR_BAR),
            ]
            for row in rows
        ],
    )  # fmt: skip


def _peers(rows: Iterable[Row]) -> str:
    return _table(
        ["peer", "question", "its best setting", "saccade", "peer", "times faster", "difference", "bar"],
        [
            [
                row["peer"], row["case"], row["setting"], _time(row["ours"]),
                _time(row["theirs"]) + (f" (1/{row['scale']:.1f} of the holes, scaled)" if row["scale"] != 1 else ""),
                f"{row['ratio']:.1f}" if row["ratio"] >= 10 else f"{row['ratio']:.2f}",
                f"{row['difference']:.0e}", _held(row["ratio"] >= _bar(row)),
            ]
            for row in rows
        ],
    )  # fmt: skip


def _alone(rows: Iterable[Row]) -> str:
    return _table(
        ["engine", "question", "explain", "first call"],
        [[NAMES[row["framework"]], row["case"], _time(row["ours"]), _time(row["first"])] for row in rows],
    )


def _memory(rows: Iterable[Row]) -> str:
    return _table(
        ["engine", "method", "picture", "budget", "expected", "at once", "highest mark", "bar"],
        [
            [
                NAMES[row["framework"]], row["method"],
                f"{row['size']} px" + (f", {row['pictures']} of them" if row["pictures"] > 1 else ""),
                _mib(row["budget"]),
                _mib(row["each"] * max(row["at_once"], 1)), str(row["at_once"]),
                "refused" if "refused" in row else _mib(row["peak"]),
                _held("refused" in row or row["peak"] <= row["budget"]),
            ]
            for row in rows
        ],
    )  # fmt: skip


def _bar(row: Row) -> float:
    if not row["case"].startswith("occlusion") or "one by one" in row["case"]:
        return 1.0
    return next(bar for size, bar in BARS.items() if f"at {size} px" in row["case"])


def _held(holds: bool) -> str:
    return "held" if holds else "**missed**"


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"


def _mib(size: float) -> str:
    return f"{size / 2**20:,.0f} MiB"


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
