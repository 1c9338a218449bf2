"""`saccade train`: an autoencoder from a folder of photos."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from saccade.cli.command import command
from saccade.cli.console import Bar, Console
from saccade.cli.named_files import make_folder_of

if TYPE_CHECKING:
    from saccade.training import TrainingProgress, TrainingSettings

_SHAPE = "The model"
_RUN = "The run"


@dataclass(frozen=True)
class Choices:
    """What can be chosen about a run; None leaves it to `TrainingSettings`."""

    size: Annotated[
        int | None,
        typer.Option(metavar="N", rich_help_panel=_SHAPE, help="Height and width of its images.  [default: 128]"),
    ] = None
    code_channels: Annotated[
        int | None, typer.Option(metavar="N", rich_help_panel=_SHAPE, help="Channels of the code.  [default: 32]")
    ] = None
    channels: Annotated[
        str | None,
        typer.Option(
            metavar="N,N,...",
            rich_help_panel=_SHAPE,
            help="Channels of the blocks before the code, from the image inwards.  [default: 32,64,128]",
        ),
    ] = None
    grey: Annotated[
        bool, typer.Option("--grey", rich_help_panel=_SHAPE, help="Grey images instead of coloured ones.")
    ] = False
    epochs: Annotated[
        int | None,
        typer.Option(metavar="N", rich_help_panel=_RUN, help="Passes over the photos, at most.  [default: 40]"),
    ] = None
    minutes: Annotated[
        float | None,
        typer.Option(
            metavar="X", rich_help_panel=_RUN, help="Train for so long, by the clock, and not for a number of epochs."
        ),
    ] = None
    batch_size: Annotated[
        int | None,
        typer.Option(metavar="N", rich_help_panel=_RUN, help="Photos per step; 64 suits a GPU.  [default: 8]"),
    ] = None
    learning_rate: Annotated[
        float | None, typer.Option(metavar="X", rich_help_panel=_RUN, help="Peak learning rate.  [default: 0.003]")
    ] = None
    patience: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            rich_help_panel=_RUN,
            help="Stop after so many measurements without improvement.  [default: 10]",
        ),
    ] = None
    validation_fraction: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            rich_help_panel=_RUN,
            help="Share of the photos held back to measure on.  [default: 0.1]",
        ),
    ] = None
    precision: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=_RUN,
            help="float32, mixed_bfloat16, or auto: the latter on an accelerator.  [default: auto]",
        ),
    ] = None
    optimizer: Annotated[
        str | None, typer.Option(metavar="NAME", rich_help_panel=_RUN, help="muon or adam.  [default: muon]")
    ] = None
    augment: Annotated[
        bool,
        typer.Option(
            "--augment/--no-augment", rich_help_panel=_RUN, help="Show a new variation of each photo each time."
        ),
    ] = True

    def settings(self, seed: int | None) -> TrainingSettings:
        """As the library has them."""
        from saccade.errors import InputError
        from saccade.training import TrainingSettings

        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        values = {name: value for name, value in values.items() if value is not None}
        if {"epochs", "minutes"} <= values.keys():
            raise InputError(
                f"--epochs {self.epochs} and --minutes {self.minutes:g} both say how long to train; give one of them."
            )
        if values.pop("grey"):
            values["image_channels"] = 1
        if self.channels is not None:
            try:
                values["channels"] = tuple(int(number) for number in self.channels.split(","))
            except ValueError as error:
                raise InputError(f"--channels {self.channels!r} cannot be read; give numbers such as 32,64.") from error
        if seed is not None:
            values["seed"] = seed
        return TrainingSettings(**values)


@command
def train(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", show_default=False, help="Photos, also in folders inside it.")
    ],
    choices: Choices,
    console: Console,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The .keras file to write; a record goes beside it.")
    ] = Path("model.keras"),
    validation: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", show_default=False, help="Photos to measure on, not some of FOLDER."),
    ] = None,
    preview: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="An image file to write after each measurement: photos above, redrawn below.",
        ),
    ] = None,
    start_from: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="A .keras file of an earlier run to train further; it must have the same size and channels.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume/--no-resume", help="Continue a run that was stopped, from the file beside the output."),
    ] = True,
    force: Annotated[bool, typer.Option("--force", help="Write over a finished model.")] = False,
    backend: Annotated[
        str | None, typer.Option(metavar="NAME", help="What Keras runs on: tensorflow, torch or jax.")
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(metavar="NAME", show_default=False, help="Where to compute, such as cpu or gpu:0."),
    ] = None,
) -> dict[str, Any]:
    """Train an autoencoder on a folder of photos.

    Some hundreds of photos and ten minutes give a model that redraws such photos recognisably. A run that is
    stopped with Ctrl-C continues with the same command.
    """
    from saccade.models import choose_backend
    from saccade.training import train as train_autoencoder

    settings = choices.settings(console.seed)
    choose_backend(backend)
    for file in (output, preview):
        if file is not None:
            make_folder_of(file, console)
    with console.progress(1.0, "reading photos") as bar:
        record = train_autoencoder(
            folder, output, settings, validation=validation, resume=resume, preview=preview, start_from=start_from,
            device=device, overwrite=force, progress=lambda now: _show(now, bar, console),
        )  # fmt: skip
    if record.skipped:
        files = "1 file" if len(record.skipped) == 1 else f"{len(record.skipped):,} files"
        console.note(f"left out {files} that could not be read as a photo.")
    console.say(
        f"wrote {output}: best after epoch {record.best_epoch}, mean squared error {record.validation_loss:.5f} "
        f"({record.validation_psnr:.1f} dB) on photos it did not learn from"
    )
    if record.start is not None:
        before, after = record.start["validation_loss"], record.validation_loss
        change = f"down from {before:.5f}" if after < before else f"no better than {before:.5f}"
        console.say(f"that is {change}, the error of {record.start['model']} that it started from")
    console.say(f"wrote {output.with_suffix('.json')}")
    return {"output": str(output), **dataclasses.asdict(record)}


def _show(now: TrainingProgress, bar: Bar, console: Console) -> None:
    best = "" if now.best is None else f"  best {now.best:.5f}"
    epoch = f"epoch {now.epoch}" if now.epochs is None else f"epoch {now.epoch}/{now.epochs}"
    bar.at(now.share, f"{epoch}  loss {now.loss:.5f}{best}")
    if now.measured:
        console.say(
            f"{epoch}: loss {now.loss:.5f}, on unseen photos {now.validation_loss:.5f}, "
            f"{_span(now.seconds)} so far, at most {_span(now.seconds_left)} to go"
        )


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
