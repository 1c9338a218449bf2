"""The table as a page of Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

from examination import TOLERANCE, Row
from record import Answer

_START = """\
# Which encoders work

Written by `make encoders` (`docs/encoders`); do not edit by hand. {count} models, opened with no settings: {comparison}
Their weights are random, except where a heading says otherwise, so the table can be repeated with no download;
`python docs/encoders --only 'swin|ViT'` asks some of them again, and prints instead of writing; `--resume` goes on
where a run was interrupted, and with `--only` it writes the new rows into the page.

Each row says which layer saccade takes for the code, where its places lie on the image (columns x rows of cells, and
special tokens such as a class token), what the model is fed and where that was read, how many of the {methods} methods
can answer, and the processor time of opening. Where a model takes any size, the row's images have 64 px, or the model's
own up to 128. **Check** compares occlusion, which shares its passes where it can, with five holes that were filled by
hand and put through the framework alone, one by one: the largest difference, as a share of the largest score. It passes
up to {tolerance:g}, or up to what float32's rounding makes of a code that hardly moves. With a `*` the framework does
not give that layer by itself, and the covered images went through `encoder.codes` one by one.

Made with {versions}. {runs}
"""


def page(answers: Sequence[Answer], methods: int) -> str:
    """The whole page.

    Args:
        answers: One a model, those of one group together.
        methods: How many methods there are.
    """
    rows = [answer.row for answer in answers]
    versions = {name: version for answer in answers for name, version in answer.versions.items()}
    opened = [row for row in rows if not row.refusal and not row.fault]
    agreeing = [row for row in opened if row.agrees]
    silent = [row for row in opened if row.is_dead or row.is_still]
    refused, faulty = [row for row in rows if row.refusal], [row for row in rows if row.fault]
    comparison = (
        f"{len(opened)} are explained ({len(agreeing)} of them pass the check, {len(silent)} have random weights that "
        f"leave nothing to check), {len(refused)} are refused with one "
        f"line that says why{'' if not faulty else f', {len(faulty)} fail'}."
    )
    numbers = ", ".join(f"{name} {version}" for name, version in versions.items())
    start = _START.format(
        count=len(rows), comparison=comparison, methods=methods, tolerance=TOLERANCE, versions=numbers,
        runs=_runs(answers),
    )  # fmt: skip
    parts = [start]
    for group, members in groupby(rows, key=lambda row: row.group):
        parts += _section(group, list(members), methods)
    return "\n".join(parts)


def _runs(answers: Sequence[Answer]) -> str:
    """In how many runs, and with how many states of saccade, was this page made?"""
    runs, sources = (Counter(getattr(answer, name) for answer in answers) for name in ("run", "source"))
    if len(runs) == 1:
        return "Asked in one run."
    with_what = "with the same source of saccade" if len(sources) == 1 else "when saccade's own source had changed"
    return f"Asked in {len(runs)} runs: {len(answers) - runs[min(runs)]} of the models after the first, {with_what}."


def _section(group: str, rows: list[Row], methods: int) -> list[str]:
    explained = [row for row in rows if not row.refusal and not row.fault]
    lines = [f"## {group}", ""]
    if explained:
        lines += _table(("model", "code", "shape", "places", "fed", "methods", "check", "opened in"), [
            (
                row.name, f"`{row.code}`: {row.reason}", row.shape, row.places, f"{row.fed} ({row.fed_reason})",
                str(methods - len(row.refused_methods)), _check(row), f"{row.seconds:.1f} s",
            )
            for row in explained
        ])  # fmt: skip
        lines.append("")
    if len(explained) < len(rows):
        lines += ["Not explained:", ""]
        others = [row for row in rows if row.refusal or row.fault]
        lines += [f"- {row.name}: {_cell(row.refusal or f'fails, {row.fault}')}" for row in others]
        lines.append("")
    return lines


def _check(row: Row) -> str:
    if row.is_still:
        return "none: with random weights no hole changes the code beyond rounding"
    if row.difference is None:
        return "none: random weights make a code of 0"
    mark = "" if row.alone == "framework" else "*"
    verdict = f"{row.difference:.0e}{mark}".replace("e-0", "e-")
    return verdict if row.agrees else f"**{verdict}, differs**"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    cells = list(head)
    lines = [f"| {' | '.join(cells)} |", f"|{' --- |' * len(cells)}"]
    return lines + [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
