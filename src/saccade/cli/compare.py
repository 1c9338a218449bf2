"""`saccade compare`: why are these two photos alike?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from saccade.cli import values
from saccade.cli.command import command
from saccade.cli.console import Console
from saccade.cli.named_files import readable_folder, readable_photo, writable_result
from saccade.cli.options import Model, Opening, opened

if TYPE_CHECKING:
    from saccade.encoder import Encoder
    from saccade.evaluation.pair_test import PairTest
    from saccade.images import Images
    from saccade.results import Contrast, Similarity


@command
def compare(
    model: Model,
    a: Annotated[Path, typer.Argument(metavar="A", show_default=False, help="A photo.")],
    b: Annotated[Path, typer.Argument(metavar="B", show_default=False, help="Another photo.")],
    opening: Opening,
    console: Console,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The page to write (.png, .jpg, .webp), or .npz.")
    ] = Path("why.png"),
    reference: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", show_default=False,
            help="Photos whose mean code is taken off first: what do these two share beyond what all share? They also "
            "tell what a typical pair scores.",
        ),
    ] = None,
    centred: Annotated[
        bool | None,
        typer.Option(
            "--centred/--as-they-are", show_default=False,
            help="Take off the mean code of the reference, or of the collection that the model knows itself.  "
            "[default: where one is known]",
        ),
    ] = None,
    matching: Annotated[
        str | None,
        typer.Option(
            metavar="place|anywhere", show_default=False,
            help="Compare cells at the same place, or with all cells.  [default: place, where the code has places]",
        ),
    ] = None,
    split: Annotated[
        str,
        typer.Option(
            metavar="auto|exact|masked",
            help="Split the score exactly over cells, or estimate the shares with masked photos.",
        ),
    ] = "auto",
    masks: Annotated[
        int, typer.Option(metavar="N", help="How many masked copies of each photo are encoded, if any.")
    ] = 256,
    cells: Annotated[int, typer.Option(metavar="N", help="Places along the shorter side, there.")] = 7,
    cover: Annotated[
        bool,
        typer.Option(
            "--cover/--no-cover", help="Cover the strongest matches on both photos: what does the score become?"
        ),
    ] = True,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PHOTO", show_default=False,
            help="Why is A closer to B than to this? May be repeated: than to these on average.",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Test the links: do their places alone have more in common than places at random?"
        ),
    ] = False,
    theme: Annotated[str, typer.Option(metavar="light|dark", help="The colour of the paper.")] = "light",
) -> dict[str, Any]:  # fmt: skip
    """Show why the model finds two photos alike.

    Splits the similarity of their codes over the places of both photos, evidence against it included: exactly, where
    the code has places or is pooled of cells, else estimated with masked copies of both. Joins the parts that match.
    """
    from saccade.results.plain_values import plain

    opening.settings()
    if matching is not None:
        values.choice("matching", matching, ("place", "anywhere"))
    values.choice("split", split, ("auto", "exact", "masked"))
    values.choice("theme", theme, ("light", "dark"))
    writable_result(output, console)
    for photo in (a, b, *(against or ())):
        readable_photo(photo, opening.max_pixels)
    if reference is not None:
        readable_folder(reference)
    encoder = opening.open(model)
    console.say(encoder.describe())
    images = [encoder.read(photo) for photo in (a, b)]
    settings: dict[str, Any] = {
        "matching": matching, "split": split, "masks": masks, "cells": cells, "seed": console.seed or 0,
        "reference": reference, "centred": centred,
    }  # fmt: skip
    drawing = {} if output.suffix.lower() == ".npz" else {"theme": theme}
    paths = {"a": str(a), "b": str(b)}
    if against:
        contrast = _contrast(encoder, images, [encoder.read(photo) for photo in against], settings, console)
        contrast.save(output, **drawing)
        _say(console, contrast.notes, [contrast.headline, contrast.sentence, contrast.size_in_words], output)
        paths_against = [str(photo) for photo in against]
        return {**opened(encoder), **contrast.to_dict(), **paths, "against": paths_against, "output": str(output)}
    similarity = _similarity(encoder, images, cover, settings, console)
    checked = _checked(encoder, similarity, console) if check else None
    similarity.save(output, **drawing)
    _say(console, similarity.notes, _sentences(similarity, checked), output)
    return {**opened(encoder), **similarity.to_dict(), **paths, "check": plain(checked), "output": str(output)}


def _similarity(
    encoder: Encoder, images: list[Images], cover: bool, settings: dict[str, Any], console: Console
) -> Similarity:
    from saccade.pairs import compare

    with console.progress(1, "comparing") as bar:
        return compare(
            encoder, *images, cover=cover, **settings, progress=lambda done, total: bar.at(done / max(total, 1))
        )


def _sentences(similarity: Similarity, checked: PairTest | None) -> list[str]:
    """The score, where it comes from, what is typical, and what the tests say that were made."""
    kind = "similarity beyond what all photos share:" if similarity.centred else "similarity"
    return [
        f"{kind} {similarity.score:.3f} (1 the same, 0 nothing in common, -1 the opposite)",
        similarity.sentence,
        *([similarity.rest_sentence] if similarity.rest_sentence else []),
        *([similarity.typical] if similarity.typical else []),
        *([] if similarity.cover_test is None else [similarity.cover_test.sentence]),
        *([] if checked is None else [checked.sentence]),
    ]


def _say(console: Console, notes: Sequence[str], sentences: Sequence[str], output: Path) -> None:
    for text in notes:
        console.note(text)
    for text in (*sentences, f"wrote {output}"):
        console.say(text)


def _contrast(
    encoder: Encoder, images: list[Images], others: list[Images], settings: dict[str, Any], console: Console
) -> Contrast:
    from saccade.pairs import contrast

    with console.progress(1, "comparing") as bar:
        return contrast(
            encoder, images[0], images[1], others, **settings, progress=lambda done, total: bar.at(done / max(total, 1))
        )


def _checked(encoder: Encoder, similarity: Similarity, console: Console) -> PairTest:
    """Second-order insertion and deletion with the links that were found."""
    from saccade.evaluation.pair_test import pair_test
    from saccade.pairs import strongest_links
    from saccade.results import Link
    from saccade.run import Run

    if similarity.interactions is not None:
        links = strongest_links(similarity.interactions)
    else:
        links = [
            Link((cell.row, cell.column), (cell.row, cell.column), cell.share) for cell in similarity.top_cells(20)
        ]
    with console.progress(1, "testing the links"):
        return pair_test(Run(encoder), similarity, links, seed=console.seed or 0)
