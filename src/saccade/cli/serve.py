"""`saccade serve`: the report's page, live: one's own photos, the camera, every method, on this machine."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from saccade.cli.browser import show_page
from saccade.cli.command import command
from saccade.cli.console import Console
from saccade.cli.named_files import readable_photos
from saccade.cli.options import Opening, opened
from saccade.cli.other_model import OtherModel

if TYPE_CHECKING:
    from pathlib import Path

    from saccade.collection import Catalogue
    from saccade.encoder import Encoder

_SERVER = "Server"
_SHORTEST_TOKEN = 16


@command
def serve(
    opening: Opening,
    other: OtherModel,
    console: Console,
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]", show_default=False, help="As for `explain`; the model that ships if it is left out."
        ),
    ] = None,
    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[IMAGE]...", show_default=False,
            help="Photos to begin with: files, folders, or globs, or what `index` made of them; scikit-image's if "
            "there are none. Twelve or more are also shown as a collection.",
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=0, max=65535, show_default=False, rich_help_panel=_SERVER,
            help="Listen on this port; 0 takes any.  [default: 8471, or the next that is free]",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", rich_help_panel=_SERVER, help="Listen on this address; others can be "
                          "reached by other machines, and need --token.")
    ] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", show_default=False, envvar="SACCADE_TOKEN", rich_help_panel=_SERVER,
            help="What everybody must show; a random one if it is left out.",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", show_default=False, rich_help_panel=_SERVER,
            help="Also answer under this host name, such as a proxy's; may be repeated.",
        ),
    ] = None,
    root_path: Annotated[
        str,
        typer.Option(metavar="/PREFIX", rich_help_panel=_SERVER, help="The path under which a proxy offers it."),
    ] = "",
    show: Annotated[
        bool | None,
        typer.Option(
            "--open/--no-open", show_default=False, rich_help_panel=_SERVER,
            help="Open the page in the browser; by default where there is a screen and a person.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Open the page of the report live in the browser: drop photos, use the camera, ask everything.

    Everything stays on this machine: the server answers only who has the address with its token. Ctrl-C ends it.
    """
    from saccade.errors import InputError, MissingPackage
    from saccade.loading import load

    settings = opening.settings()
    other.check()
    prefix = _prefix(root_path)
    _check_token(token)
    try:
        from saccade.app.assembly import create_app
        from saccade.app.defects import say_all
        from saccade.app.examples import SHIPPED
        from saccade.app.limits import Limits
        from saccade.app.security import is_loopback
        from saccade.app.server import FIRST_PORT, listen, new_token, serve
    except ImportError as error:
        raise MissingPackage.of(error.name or "fastapi", extra="app") from error
    if not is_loopback(host) and token is None:
        raise InputError(
            f"--host {host} lets other machines in; give a --token of {_SHORTEST_TOKEN} or more characters that only "
            "you know. What is sent can be read on the way, unless a proxy with TLS stands before it."
        )
    photos, catalogue = _named_photos(images, opening.max_pixels)
    listener = listen(host, port)
    with listener.socket:
        source = model if model is not None else str(SHIPPED)
        encoder = opening.open(source)
        console.say(encoder.describe())
        beside = other.open(opening)
        if beside is not None:
            console.say(f"beside it {beside.describe()}")
        if catalogue is not None:
            catalogue.check_fits(encoder)
        _note_size(encoder, console)
        limits = Limits()
        photos = _readable(photos, encoder, console, limits.shown)
        shown_token = token or new_token()
        app = create_app(
            encoder, photos, token=shown_token, hosts=allow_host or (), any_address=not is_loopback(host),
            cookie=f"saccade_{listener.port}", limits=limits, model_source=source,
            open_twin=lambda: load(source, **settings), on_defect=say_all if console.debug else None, root_path=prefix,
            catalogue=catalogue, beside=beside, options=[*opening.words(), *other.words()],
        )  # fmt: skip
        address = listener.address(shown_token, prefix)
        if port is None and listener.port != FIRST_PORT:
            console.note(f"port {FIRST_PORT} is taken, so {listener.port} is used.")
        if not is_loopback(host):
            console.note(
                f"every machine that reaches {host} and knows the token can ask; what is sent can be read on the way, "
                "unless a proxy with TLS stands before it."
            )
        facts = {
            **opened(encoder), "beside": None if beside is None else opened(beside), "url": address, "host": host,
            "port": listener.port, "photos": [str(photo) for photo in photos],
        }  # fmt: skip
        _announce(console, facts)
        console.say(f"{len(photos)} photos; open {address}")
        console.say("Ctrl-C ends it.")
        console.flush()
        show_page(address, "the address", console, show=show)
        serve(app, listener, limits=limits)


def _check_token(token: str | None) -> None:
    """Refuse a token that could be guessed, or that no header can carry.

    Raises:
        InputError: It is one.
    """
    from saccade.errors import InputError

    if token is not None and (len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable()):
        raise InputError(f"--token has {len(token)} characters; give {_SHORTEST_TOKEN} or more, letters and digits.")


def _named_photos(images: list[str] | None, max_pixels: int | None) -> tuple[list[Path], Catalogue | None]:
    """The photos to begin with, and the catalogue that stands for them; the example photos where none were named.

    Raises:
        SaccadeError: They cannot be found or read.
    """
    from saccade.app.examples import example_photos

    if not images:
        return example_photos(), None
    catalogue = _catalogue(images)
    return (readable_photos(images, max_pixels) if catalogue is None else _photos_of(catalogue)), catalogue


def _note_size(encoder: Encoder, console: Console) -> None:
    """Say at which size all photos are shown, where the model itself leaves it open."""
    from saccade.app.album import of_one_size

    size = of_one_size(encoder.recipe)
    if size != encoder.recipe:
        console.note(
            f"the model takes images of any size; here all are {size.height}x{size.width}, so that they can be "
            "compared. --size takes another."
        )


def _catalogue(images: list[str]) -> Catalogue | None:
    """The catalogue that was named in the place of photos.

    Raises:
        InputError: It was named beside other photos.
        FileError: It is none.
    """
    from saccade.collection import Catalogue
    from saccade.collection.catalogue_file import is_catalogue_name
    from saccade.errors import InputError

    named = [image for image in images if is_catalogue_name(image)]
    if not named:
        return None
    if len(images) > 1:
        raise InputError(f"{named[0]} is a catalogue, which stands for all its photos; name it alone.")
    return Catalogue.load(named[0])


def _photos_of(catalogue: Catalogue) -> list[Path]:
    """The files of a catalogue that are still there.

    Raises:
        FileError: Not one is.
    """
    from saccade.errors import FileError

    files = [catalogue.file(row) for row in range(len(catalogue))]
    photos = [file for file in files if file is not None]
    if not photos:
        raise FileError(
            f"not one of the {len(catalogue)} photos of the catalogue is in {catalogue.folder or 'a file'} any more; "
            "index them where they are now."
        )
    return photos


def _readable(photos: list[Path], encoder: Encoder, console: Console, shown: int) -> list[Path]:
    """The photos; of the first ones those that cannot be read are left out; later ones are read when asked for.

    Raises:
        InputError: Not one can be read.
    """
    from saccade.errors import FileError, ImageError
    from saccade.images import read_photo

    usable: list[Path] = []
    for path in photos:
        if len(usable) < shown:
            try:
                read_photo(path, encoder.recipe)
            except (FileError, ImageError) as error:
                if path is photos[-1] and not usable:
                    raise
                console.note(f"left out: {error}")
                continue
        usable.append(path)
    return usable


def _prefix(text: str) -> str:
    """`/photos` from `photos/`."""
    return f"/{text.strip('/')}" if text.strip("/") else ""


def _announce(console: Console, facts: dict[str, Any]) -> None:
    """With --json the facts come before the first request, not at the end, which is Ctrl-C."""
    with contextlib.redirect_stdout(sys.__stdout__):
        console.answer(facts)
        console.flush()
