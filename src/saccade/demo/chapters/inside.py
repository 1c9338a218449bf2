"""What happens inside: one photo on its way through every layer, into the code and out again."""

from __future__ import annotations

from saccade.demo import recipes
from saccade.demo.markup import Markup, element, exact, joined
from saccade.demo.photo_views import image
from saccade.demo.photos import CAT
from saccade.demo.workspace import Workspace
from saccade.inside import feature_maps
from saccade.results import FeatureMaps

_FOLDER = "layers"


def inside(workspace: Workspace) -> Markup:
    """The collage, and a sheet of all feature maps for each layer."""
    maps = feature_maps(workspace.encoder, workspace.images[workspace.index(CAT)])
    metadata = maps.metadata()
    light, dark = (
        workspace.save(maps.collage(theme=theme), f"images/feature-maps-{theme}.webp", metadata)
        for theme in ("light", "dark")
    )
    count = sum(layer.values.shape[2] for layer in maps.layers)
    alt = (
        f"The photo of the cat, below it small maps of the strongest detectors of each of the {len(maps)} "
        "layers, coarser and coarser down to the code, then finer again up to the cat as the network redraws it."
    )
    return joined(
        element(
            "p",
            "On its way to the code the photo passes through layers of detectors. Every tile shows where one of "
            "them answered: the first find edges and colours, later ones coarser and odder things. There are ",
            exact(count, f"{count:,}"),
            " such maps for this one photo.",
        ),
        element(
            "figure",
            element(
                "div",
                element("a", image(light, alt, dark=dark), href=light.path, aria_label="The collage at full size"),
                class_="swipe",
            ),
            element(
                "figcaption",
                "From the photo down to the code, and back. Select the image to see it at full size.",
            ),
            class_="wide",
        ),
        element("h3", "Every map of every layer"),
        element("ul", [_link(workspace, maps, number) for number in range(len(maps.layers))], class_="sheets"),
        recipes.feature_maps(CAT.file).markup(),
    )


def _link(workspace: Workspace, maps: FeatureMaps, number: int) -> Markup:
    layer = maps.layers[number]
    rows, columns, channels = layer.values.shape
    sheet = workspace.save(
        maps.sheet(layer.path), f"{_FOLDER}/{number + 1:02d}-{layer.path.replace('/', '-')}.webp", maps.metadata()
    )
    field = layer.receptive_field
    sees = "" if field is None else f", a cell sees {field[1]}\u00d7{field[0]} px"
    name = element("b", layer.path, " (the code)" if layer.path == maps.code else None)
    return element(
        "li",
        element("a", name, href=sheet.path),
        element("span", f"{channels} maps of {columns}\u00d7{rows}{sees}"),
    )
