"""What happens inside: one photograph on its way through every layer, into the code and out again."""

from __future__ import annotations

from saccade.demo import recipes
from saccade.demo.markup import Markup, element, figures, joined
from saccade.demo.photographs import CAT
from saccade.demo.plates import picture
from saccade.demo.studio import Studio
from saccade.inside import feature_maps
from saccade.results import FeatureMaps

_FOLDER = "layers"


def inside(studio: Studio) -> Markup:
    """The collage, and a sheet of all feature maps for each layer."""
    maps = feature_maps(studio.encoder, studio.images[studio.index(CAT)])
    made = maps.metadata()
    light, dark = (
        studio.save(maps.collage(theme=theme), f"pictures/inside-{theme}.webp", made) for theme in ("light", "dark")
    )
    count = sum(layer.values.shape[2] for layer in maps.layers)
    alt = (
        f"The photograph of the cat, below it small maps of the strongest detectors of each of the {len(maps)} "
        "layers, coarser and coarser down to the code, then finer again up to the cat as the network redraws it."
    )
    return joined(
        element(
            "p",
            "On its way to the code the picture passes through layers of detectors. Every tile shows where one of "
            "them answered: the first find edges and colours, later ones coarser and odder things. There are ",
            figures(count, f"{count:,}"),
            " such maps for this one photograph.",
        ),
        element(
            "figure",
            element(
                "div",
                element("a", picture(light, alt, dark=dark), href=light.path, aria_label="The collage at full size"),
                class_="swipe",
            ),
            element(
                "figcaption",
                "From the photograph down to the code, and back. Select the picture to see it at full size.",
            ),
            class_="wide",
        ),
        element("h3", "Every map of every layer"),
        element("ul", [_link(studio, maps, number) for number in range(len(maps.layers))], class_="sheets"),
        recipes.inside(CAT.file).markup(),
    )


def _link(studio: Studio, maps: FeatureMaps, number: int) -> Markup:
    layer = maps.layers[number]
    rows, columns, channels = layer.values.shape
    sheet = studio.save(
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
