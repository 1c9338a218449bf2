"""The same photos as a page to touch: the report of the model that ships."""

from __future__ import annotations

from saccade.demo.markup import Markup, element, joined
from saccade.demo.photos import ASTRONAUT, CAMERAMAN, CAT, CUP, MOTORCYCLE, ROCKET
from saccade.demo.workspace import MODEL, Workspace
from saccade.report import write_report

PAGE = "touch.html"
"""The report beside the page."""
TOUCHED = (CAT, CUP, ASTRONAUT, ROCKET, MOTORCYCLE, CAMERAMAN)


def touching(workspace: Workspace) -> Markup:
    """Write the report, and lead to it."""
    photos = [workspace.index(photo) for photo in TOUCHED]
    images = workspace.encoder.read([workspace.images.photos[index].source for index in photos])
    numbers = workspace.encoder.layer_size(workspace.encoder.layer, images.array)
    write_report(
        workspace.encoder,
        images,
        workspace.folder / PAGE,
        title="Watch it look",
        deck=f"Six photos, and a small network that keeps {numbers:,} numbers of each. It learned from photos of "
        "clothes, without a word of what is on them. It runs in this page: touch everything.",
        model_source=MODEL,
    )
    return joined(
        element(
            "p",
            "Everything on this page was measured beforehand. On the next one you do it yourself: the network runs in "
            "it, without a server and without the internet. Drag a cover over the cat's eye and see what is left of it "
            "in the redrawing; touch a thing, and whatever is the same to the network lights up in all six photos; "
            "guess which two it finds alike.",
        ),
        element("p", element("a", "Touch it", href=PAGE, class_="touch")),
    )
