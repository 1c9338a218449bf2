"""`saccade compare`: why are these two photos alike?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from saccade.cli import values
from saccade.cli.command import command
from saccade.cli.console import Console
from saccade.cli.options import Model, Opening, opened


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
            help="Photos whose mean code is taken off first: what do these two share beyond what all share?",
        ),
    ] = None,
    centred: Annotated[
        bool,
        typer.Option("--centred", help="Take off the mean code of the collection that the model knows itself."),
    ] = False,
    matching: Annotated[
        str, typer.Option(metavar="place|anywhere", help="Compare cells at the same place, or with all cells.")
    ] = "place",
    theme: Annotated[str, typer.Option(metavar="light|dark", help="The colour of the paper.")] = "light",
) -> dict[str, Any]:  # fmt: skip
    """Show why the model finds two photos alike.

    Splits the similarity of their codes exactly over the places of both photos, evidence against it included.
    """
    from saccade.atomic_files import check_writable
    from saccade.errors import InputError
    from saccade.images.files import existing

    opening.settings()
    if centred and reference is not None:
        raise InputError("--centred and --reference both say what is taken off; give one of them.")
    values.choice("matching", matching, ("place", "anywhere"))
    values.choice("theme", theme, ("light", "dark"))
    for photo in (a, b):
        existing(photo)
    check_writable(output)
    encoder = opening.open(model)
    console.say(encoder.describe())
    if centred and encoder.reference is None:
        raise InputError(
            "--centred needs to know what most photos share, and nothing beside this model says so; give --reference "
            "FOLDER."
        )
    taken_off = encoder.reference if centred else reference
    images = [encoder.read(photo) for photo in (a, b)]
    from saccade.pairs import compare as similarity_of

    with console.progress(1, "comparing") as bar:
        similarity = similarity_of(
            encoder, *images, matching=matching, reference=taken_off,
            progress=lambda done, total: bar.at(done / max(total, 1), "reading the reference"),
        )  # fmt: skip
    drawing = {} if output.suffix.lower() == ".npz" else {"theme": theme}
    similarity.save(output, **drawing)
    for text in similarity.notes:
        console.note(text)
    console.say(f"similarity {similarity.score:.3f} (1 the same, 0 nothing in common, -1 the opposite)")
    if similarity.typical:
        console.say(similarity.typical)
    console.say(f"wrote {output}")
    return {
        **opened(encoder),
        "a": str(a),
        "b": str(b),
        "score": float(similarity.score),
        "kind": similarity.kind,
        "matching": similarity.matching,
        "centred": similarity.centred,
        "references": similarity.references,
        "typical": similarity.typical,
        "shares_a": similarity.shares_a.tolist(),
        "shares_b": similarity.shares_b.tolist(),
        "output": str(output),
    }
