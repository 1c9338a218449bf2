"""The measurements as a page of tables in Markdown: what was measured, and what was not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bars import Bar, bars
from groups import GROUPS, Group
from result_file import Row

INTRODUCTION = """# Measured

Written by `make bench` (`benchmarks/run.py`); nothing here is typed by hand. How each figure is taken is said in
`benchmarks/README.md`. Times are medians of the steady state, ratios are medians of the ratios within each round of runs
that followed one another. *First call* includes tracing and compiling."""
TIMED = """*Explain* is the whole of what a user calls, smoothing and notes included; *method* is a gradient method
without its smoothing. The floor is nothing but the compiled passes in the batch size that was fastest; for cells it is one
backward pass per cell, for a CAM one forward and the backward pass to its layer. *Times faster* compares
the same work: peers do not smooth, so gradient methods run without it there, and the next column is the whole of explain.
In the list of bars the brackets hold the middle half of all rounds; *level* means that 1 lies among them. *Difference* is
the largest difference between two results as a share of the largest value; some 0.01 for gradients at single pixels means that
float32 decided a tie of a max-pooling the other way. Figures with `~` were taken on a part of the work and multiplied:
the floor of all cells, of RELAX, and peers that were given some of the holes or masks."""
BUSY = 0.05
"""A share of the processors' time that is worth a warning."""


def page(records: Mapping[str, Row]) -> str:
    """Everything that was kept."""
    parts = [INTRODUCTION, _left(records), _facts(records), _summary(records), TIMED]
    for group in GROUPS:
        record = records.get(group.name)
        if record is None or not record["rows"]:
            continue
        parts.append(f"## {group.title}")
        parts.append({"speed": _speed, "memory": _memory, "growth": _growth}[group.kind](group, record["rows"]))
    return "\n\n".join(part for part in parts if part) + "\n"


def _left(records: Mapping[str, Row]) -> str:
    lines = []
    for group in GROUPS:
        record = records.get(group.name)
        if record is None:
            lines.append(f"- {group.title}: nothing was measured.")
        elif record["left"]:
            lines.append(f"- {group.title}, {record['state']}: {', '.join(record['left'])}.")
    return "## Not measured\n\n" + "\n".join(lines) if lines else ""


def _facts(records: Mapping[str, Row]) -> str:
    measured = [(group, records[group.name]) for group in GROUPS if "machine" in records.get(group.name, {})]
    lines = []
    for name in ("day", "machine", "versions"):
        values = dict.fromkeys(record[name] for _, record in measured)
        lines += [f"- {name.capitalize()}: {value}." for value in values]
    busy = [f"{group.title} ({record['busy']:.0%})" for group, record in measured if record["busy"] > BUSY]
    if busy:
        lines.append(f"- The machine was busy with something else when these began: {', '.join(busy)}.")
    if any(record["quick"] for _, record in measured):
        lines.append("- **A quick run: the figures mean nothing.**")
    return "\n".join(lines)


def _summary(records: Mapping[str, Row]) -> str:
    body = []
    for group in GROUPS:
        rows = records.get(group.name, {}).get("rows", [])
        for row in rows:
            if group.kind == "speed":
                group_bars = bars(group, row)
                body += [[group.title, row["case"], bar.text, bar.measured, _state(bar)] for bar in group_bars]
        within = [row for row in rows if group.kind == "memory" and "peak" in row]
        if within:
            worst = max(within, key=lambda row: row["peak"])
            met = worst["peak"] <= worst["budget"] and len(within) == len(rows)
            peak = f"{_mib(worst['peak'])} ({worst['method']})"
            body.append([group.title, f"{len(within)} methods", f"within {_mib(worst['budget'])}", peak, _verdict(met)])
    head = ["where", "question", "bar", "measured", ""]
    return "## The bars\n\n" + _table(head, body) if body else ""


def _speed(group: Group, rows: Iterable[Row]) -> str:
    own, others = [], []
    for row in rows:
        rough = "~" if row.get("floor_scale", 1) != 1 else ""
        own.append(
            [
                row["case"], _time(row["ours"]), rough + _time(row["floor"]) if "floor" in row else "",
                row.get("batch", ""), f"{row['ratio']:.2f}" if "ratio" in row else "",
                f"{row['method']:.2f}" if "method" in row else "", _time(row["first"]), str(row["rounds"]),
            ]
        )  # fmt: skip
        for answer in row["peers"]:
            if "cannot" in answer:
                others.append(
                    [row["case"], answer["peer"], "cannot: `" + answer["cannot"].replace("|", "/") + "`"] + [""] * 5
                )
                continue
            rough = "~" if answer["scale"] != 1 else ""
            difference = f"{answer['difference']:.0e}" if "difference" in answer else ""
            others.append(
                [
                    row["case"], answer["peer"], answer["setting"], rough + _time(answer["seconds"]),
                    f"{answer['times']:.2f}", f"{answer['explained']:.2f}", difference, answer["says"],
                ]
            )  # fmt: skip
    head = ["question", "explain", "floor", "batch", "explain : floor", "method : floor", "first call", "rounds"]
    text = _table(head, own)
    if others:
        head = [
            "question",
            "peer",
            "its best setting",
            "peer's time",
            "saccade times faster",
            "with smoothing",
            "difference",
            "what differs",
        ]
        text += "\n\n" + _table(head, others)
    return text


def _memory(group: Group, rows: Iterable[Row]) -> str:
    body = []
    for row in sorted(rows, key=lambda row: row["method"]):
        counts = ", ".join(f"{name}={value}" for name, value in row.get("settings", {}).items())
        if "failed" in row:
            body.append([row["method"], counts, row["failed"], "", "**missed**"])
            continue
        measured = f"refused: {row['refused']}" if "refused" in row else _mib(row["peak"])
        spent = _time(row["seconds"]) if "seconds" in row else ""
        body.append([row["method"], counts, measured, spent, _verdict(row["peak"] <= row["budget"])])
    says = (
        "The highest mark of a process over what it held after loading the model and encoding one picture in the plain way, "
        "with a budget of 1 GiB. Counts that only repeat the same pieces are small. Times are of two processes side by side."
    )
    return says + "\n\n" + _table(["method", "counts", "highest mark", "time", "within"], body)


def _growth(group: Group, rows: Sequence[Row]) -> str:
    body = [
        [
            row["case"], ", ".join(f"{each:,}" for each in row["amounts"]),
            ", ".join(_time(each) for each in row["seconds"]), f"{row['exponent']:.2f}",
        ]
        for row in rows
    ]  # fmt: skip
    says = "An exponent of 1: twice the work takes twice the time.\n\n![Growth](growth.png)"
    return says + "\n\n" + _table(["what", "at", "times", "exponent"], body)


def _state(bar: Bar) -> str:
    return "level" if bar.level and not bar.met else _verdict(bar.met)


def _verdict(met: bool) -> str:
    return "held" if met else "**missed**"


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"


def _mib(size: float) -> str:
    return f"{size / 2**20:,.0f} MiB"


def _table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
