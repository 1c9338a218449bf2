"""Writing a report: the only place where its page is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from saccade.arguments import checks_arguments
from saccade.atomic_files import check_writable, write_text
from saccade.encoder import Encoder, as_encoder
from saccade.errors import InputError, NotApplicable
from saccade.images import Images
from saccade.report.about_photos import about_photos
from saccade.report.collection_data import catalogue_for
from saccade.report.contents import report_contents
from saccade.report.in_page_network import in_page_network
from saccade.report.page_file import page_file
from saccade.report.progress import STEPS, ReportProgress
from saccade.report.recipe import recipe
from saccade.report.reference_photos import knowing_the_same, with_reference
from saccade.utf8 import utf8_bytes

MOST = 12
"""More photos than this make a file that nobody mails."""
MOST_BYTES = 8_000_000
"""A larger file cannot be mailed; the network is left out of it first."""


@checks_arguments
def write_report(
    encoder: Encoder | Any,
    images: Any,
    output: str | Path,
    *,
    methods: Sequence[str] | None = None,
    title: str | None = None,
    deck: str | None = None,
    live: bool = True,
    collection: Any = None,
    reference: Any = None,
    beside: Encoder | Any = None,
    beside_lead: str | None = None,
    about: Mapping[str, Any] | None = None,
    model_source: str = "MODEL",
    options: Sequence[str] = (),
    notes: Sequence[str] = (),
    progress: Callable[[str, float, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Path:
    """What does this model see in these photos, as one file that a friend can open and touch?

    The file is a page that needs no network and no server: maps whose numbers are under the pointer, places that light
    up everything encoded alike, pairs taken apart, the redrawing wiped over the photo, the features of every layer,
    the same map of untrained networks, a game, and the recipe. Codes are carried without loss (float32), maps to
    five digits.

    Args:
        encoder: The model and its code; a live model is made an `Encoder` with its defaults.
        images: One to twelve photos: anything that `encoder.read` takes.
        output: The file to write, ending in .html.
        methods: Names of methods; by default the default one, occlusion and the energy of the code.
        title: The headline.
        deck: The paragraph under it.
        live: Carry the network itself, where a page can run it, so that a cover can be dragged over the photos.
        collection: Photos among which these are shown: a folder, a glob, a list, a `Catalogue` or its file. The page
            then has their map, with at most 2,000 of them, drawn at random; it needs scikit-learn.
        reference: Photos whose mean code is taken off before photos are compared: a folder, a glob, a list, a
            `Catalogue` or its file, or a `Reference`. They also tell what a typical pair scores. By default what the
            model knows of its own collection, else `collection`.
        beside: Another model, which is shown the same photos: where both look, and which photos each finds alike.
        beside_lead: What is to be said of the two.
        about: What is known of the photos, by their names: mappings with `description` (what is on it, for those who
            cannot see it), `credit` (whose it is) and `subject` (where its subject lies: left, top, right and bottom as
            shares of width and height). With subjects the page says whether they made two photos alike, or what is
            around them.
        model_source: How the model is named in the command that makes the report again.
        options: Further words of that command.
        notes: Lines of what the page does not show, and why.
        progress: Called with what is being done, the steps done and the steps in all.
        stop: Asked between pieces; True ends the work with `Cancelled`.
        on_note: Called with a line for everything that the page does not show, and why.

    Returns:
        The path of the file.

    Raises:
        InputError: No photos, too many, what cannot be known of a photo, or a file that does not end in .html.
        UnknownName: Something is known of a photo that is not there.
        NotApplicable: No method that both models answer.
        FileError: The file cannot be written.
        Cancelled: `stop` said so; nothing was written.

    Example:
        >>> saccade.write_report(encoder, ["cat.jpg", "dog.jpg"], "report.html")
        PosixPath('report.html')
    """
    path = Path(output)
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{path.name} is no page; a report ends in .html.")
    check_writable(path)
    page, _ = report_page(
        encoder, images, methods=methods, title=title, deck=deck, live=live, collection=collection,
        reference=reference, beside=beside, beside_lead=beside_lead, about=about, name=path.name,
        model_source=model_source, options=options, notes=notes,
        progress=progress, stop=stop, on_note=on_note,
    )  # fmt: skip
    return write_text(path, page)


def report_page(
    encoder: Encoder | Any,
    images: Any,
    *,
    methods: Sequence[str] | None = None,
    title: str | None = None,
    deck: str | None = None,
    live: bool = True,
    collection: Any = None,
    reference: Any = None,
    beside: Encoder | Any = None,
    beside_lead: str | None = None,
    about: Mapping[str, Any] | None = None,
    entry: str = "report.js",
    name: str = "report.html",
    model_source: str = "MODEL",
    options: Sequence[str] = (),
    notes: Sequence[str] = (),
    progress: Callable[[str, float, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
    on_note: Callable[[str], None] | None = None,
) -> tuple[str, str]:
    """The page as text, and its headline; see `write_report`."""
    encoder = as_encoder(encoder)
    photos = encoder.images(images)
    if len(photos) > MOST:
        raise InputError(f"{len(photos)} photos: a report shows 1 to {MOST}, so that its file can be mailed.")
    about_each = about_photos(about, photos.names)
    other = None if beside is None else as_encoder(beside)

    steps = ReportProgress(progress, stop, collections=sum(each is not None for each in (collection, reference)))

    catalogue = None
    if collection is not None:
        on_photo = steps.encoding("encoding the collection", 0)
        catalogue = catalogue_for(encoder, collection, progress=on_photo, stop=stop)
    comparing, skipped = encoder, ""
    if reference is not None:
        on_photo = steps.encoding("encoding the reference photos", steps.collections - 1)
        comparing, skipped = with_reference(encoder, photos, reference, progress=on_photo, stop=stop)
    shared_photos = collection if reference is None else reference
    second = other
    if other is not None and shared_photos is not None:
        second = knowing_the_same(other, photos, shared_photos, stop=stop)
    data = report_contents(
        encoder, photos, comparing=comparing, methods=methods, title=title, deck=deck, beside=second,
        beside_lead=beside_lead, about=about_each, report=steps.step, stop=stop, collection=catalogue,
    )  # fmt: skip
    network, obstacle = _network(encoder, photos) if live else (None, None)
    left_out = [*data["left_out"], *([skipped] if skipped else []), *notes, *([obstacle] if obstacle else [])]

    def page() -> str:
        data["recipe"] = recipe(
            encoder, photos, name, methods, model_source, left_out, options=options, beside=other, about=about_each,
            collection=None if collection is None else _name_of(collection),
        )  # fmt: skip
        if network is None:
            return page_file(data["title"], data["deck"], data, entry=entry)
        return page_file(data["title"], data["deck"], {**data, "network": network}, entry="live_report.js")

    text = page()
    if network is not None and (size := len(utf8_bytes(text))) > MOST_BYTES:
        left_out.append(
            f"the network does not run in this page: with it and {len(photos)} photos the file would have "
            f"{size / 1e6:.1f} MB, and {MOST_BYTES / 1e6:g} can be mailed; name fewer photos"
        )
        network = None
        text = page()
    if on_note is not None:
        for note in left_out:
            on_note(note)
    steps.step("done", STEPS)
    return text, data["title"]


def _network(encoder: Encoder, images: Images) -> tuple[dict[str, Any] | None, str | None]:
    """The network as data that a page can run; or why this one cannot."""
    try:
        return in_page_network(encoder, images.shape[1], images.shape[2]), None
    except NotApplicable as error:
        return None, f"the network does not run in this page: {error}"


def _name_of(collection: Any) -> str:
    """As the command that makes the report again names it: without folders."""
    return Path(collection).name if isinstance(collection, (str, Path)) else "COLLECTION"
