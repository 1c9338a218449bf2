"""`saccade evaluate`: which maps tell the truth, on this model and these photos?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from saccade.cli import values
from saccade.cli.command import command
from saccade.cli.console import Console
from saccade.cli.named_files import readable_folder, readable_photos, results_folder
from saccade.cli.options import Model, Opening, opened
from saccade.cli.settings import settings_for

_CACHE = ".evaluation"
"""Where finished pieces of work lie in the output folder, so that a second start goes on."""


@command
def evaluate(
    model: Model,
    images: Annotated[
        list[str],
        typer.Argument(metavar="FOLDER...", show_default=False, help="Photos: folders, files, or globs; 8 or more."),
    ],
    opening: Opening,
    console: Console,
    methods: Annotated[
        list[str] | None,
        typer.Option(
            "--methods", "-m", metavar="NAME", show_default=False,
            help="Which methods; may be repeated, also with commas.  or all.  [default: 12, some of every family]",
        ),
    ] = None,
    limit: Annotated[
        int,
        typer.Option(metavar="N", help="At most so many photos, drawn at random; more tell finer differences apart."),
    ] = 24,
    masks: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", show_default=False,
            help="Image files named like the photos, bright on the object: do the maps lie on it?",
        ),
    ] = None,
    steps: Annotated[
        int, typer.Option(metavar="N", help="In how many parts the pixels are taken away and brought back.")
    ] = 12,
    block: Annotated[int, typer.Option(metavar="PX", help="Take pixels away in squares of this side.")] = 1,
    checked: Annotated[
        int, typer.Option(metavar="N", help="How many photos the tests beside the score take.")
    ] = 8,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", show_default=False,
            help="A setting of the methods, such as steps=64; METHOD.NAME=VALUE for one of several.",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the pages and numbers go.")
    ] = Path("saccade-evaluation"),
    theme: Annotated[str, typer.Option(metavar="light|dark", help="The colour of the paper.")] = "light",
    again: Annotated[
        bool, typer.Option("--again", help="Do everything again, also what an earlier run has finished.")
    ] = False,
) -> dict[str, Any]:  # fmt: skip
    """Find out which maps tell the truth on this model and these photos.

    Takes pixels away in the order of each map and looks when the code changes, beside maps that know nothing of the
    model; randomises the model's weights, asks another question, adds a little noise, mirrors and shifts the photos.
    Writes a page for each test, all numbers, and says in plain words which methods to prefer, and whether the test
    itself can be trusted here. A run that was stopped is continued by the same command.
    """
    opening.settings()
    values.choice("theme", theme, ("light", "dark"))
    from saccade.evaluation.evaluation import DEFAULT_METHODS
    from saccade.evaluation.photos import check_enough
    from saccade.evaluation.settings import Settings
    from saccade.methods import available

    named = values.listed(methods) if methods else None
    selection = "all" if named and "all" in named else named
    names = list(available()) if selection == "all" else named or list(DEFAULT_METHODS)
    method_settings = settings_for(names, setting or [], console.seed)
    settings = Settings(steps=steps, block=block, checked=checked, seed=console.seed or 0).checked_values()
    photos = readable_photos(images, opening.max_pixels)
    check_enough(limit, len(photos))
    if masks is not None:
        readable_folder(masks)
    cache = output / _CACHE
    with results_folder(output):
        encoder = opening.open(model)
        console.say(encoder.describe())
        count = f"{len(names)} method{'s' * (len(names) != 1)} on up to {min(limit, len(photos))} photos"
        console.say(
            f"{count}, each put to several tests; fewer --methods, a smaller --limit or --checked take less time"
        )
        from saccade.evaluation import evaluate as evaluation_of

        if again:
            for file in cache.glob("*.npz"):
                file.unlink()
        with console.progress(1, "reading the photos") as bar:
            evaluation = evaluation_of(
                encoder, photos, selection, masks=masks, limit=limit,
                method_settings=method_settings, cache=cache, **settings.as_dict(),
                progress=lambda done, total, text: bar.at(done / max(total, 1), text),
            )  # fmt: skip
        files = [str(evaluation.save(output / "evaluation.json"))]
        from saccade.picture import save_picture

        about = {"model": evaluation.model, "layer": evaluation.layer, "photos": str(len(evaluation.photos))}
        for name, page in evaluation.pages(theme=theme).items():
            files.append(str(save_picture(page, output / f"{name}.png", about)))
    _say(console, evaluation, files)
    return {**opened(encoder), **evaluation.to_dict(), "output": str(output), "files": files}


def _say(console: Console, evaluation: Any, files: list[str]) -> None:
    console.table(
        ["method", "score", "+-", "random weights", "noise", "verdict"],
        [
            [
                scores.title,
                f"{scores.score.mean:.3f}",
                f"{(scores.score.high - scores.score.low) / 2:.3f}",
                _short(scores.randomised),
                _short(scores.stability),
                scores.verdict,
            ]
            for scores in evaluation.method_scores
        ],
        numbers=["score", "+-", "random weights", "noise"],
    )
    for text in evaluation.verdict:
        console.say(text)
    for name, why in evaluation.refused.items():
        console.left_out(name, why)
    for text in (*evaluation.notes, *evaluation.skipped):
        console.note(text)
    for file in files:
        console.say(f"wrote {file}")


def _short(span: tuple[float, float, float] | None) -> str:
    return "" if span is None else f"{span[0]:.2f}"
