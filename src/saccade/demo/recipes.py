"""The command and the Python lines that make an image; both run as printed in the folder of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from saccade.demo.markup import Markup, element
from saccade.demo.second_encoder import FIT, SECOND
from saccade.demo.workspace import MODEL, PHOTOS

OWN = "mine"
"""The folder that the printed commands write into."""


@dataclass(frozen=True)
class Recipe:
    """How to make an image again.

    Attributes:
        makes: What comes out.
        command: The command line; None where only Python does it.
        python: The Python lines.
    """

    makes: str
    command: str | None
    python: str

    def markup(self) -> Markup:
        """Folded away until asked for."""
        lines = [
            _block("In a terminal", self.command, "command") if self.command else None,
            _block("In Python", self.python, "python"),
        ]
        return element("details", element("summary", "Make ", self.makes, " yourself"), lines, class_="recipe")


def heat(photo: str) -> Recipe:
    """The heat map and the spotlight of one photo."""
    stem = photo.rsplit(".", 1)[0]
    return Recipe(
        "these images",
        f"saccade explain {MODEL} {PHOTOS}/{photo} --overlay-only -o {OWN}",
        f"""import saccade

encoder = saccade.load("{MODEL}")
attribution = saccade.explain(encoder, "{PHOTOS}/{photo}")
attribution.overlay()[0].save("{stem}-heat.png")
attribution.spotlight()[0].save("{stem}-spotlight.png")
print(attribution.sentence())
""",
    )


def methods(photos: Sequence[str], names: Sequence[str]) -> Recipe:
    """Several methods side by side."""
    listed = " ".join(f"{PHOTOS}/{photo}" for photo in photos)
    quoted = ",\n    ".join(f'"{PHOTOS}/{photo}"' for photo in photos)
    quoted_names = ",\n    ".join(f'"{name}"' for name in names)
    return Recipe(
        "this table",
        f"saccade explain {MODEL} {listed} --method {','.join(names)} -o {OWN}",
        f"""import saccade

encoder = saccade.load("{MODEL}")
photos = [
    {quoted},
]
methods = [
    {quoted_names},
]
attributions = [saccade.explain(encoder, photos, method=name) for name in methods]
(sheet,) = saccade.methods_sheets(attributions, across=len(methods))
sheet.save("methods.png")
""",
    )


def feature_maps(photo: str) -> Recipe:
    """The feature maps of one photo."""
    return Recipe(
        "these images",
        f"saccade feature-maps {MODEL} {PHOTOS}/{photo} -o {OWN}",
        f"""import saccade

encoder = saccade.load("{MODEL}")
maps = saccade.feature_maps(encoder, "{PHOTOS}/{photo}")
maps.collage().save("collage.png")
maps.save_sheets("layers")  # the collage, and one sheet a layer
""",
    )


def another_network(photos: Sequence[str], method: str) -> Recipe:
    """The maps of the second network."""
    listed = " ".join(f"{PHOTOS}/{photo}" for photo in photos)
    return Recipe(
        "these images",
        f"saccade explain {SECOND} {listed} --fit {FIT} -m {method} --overlay-only -o {OWN}",
        f"""import saccade

encoder = saccade.load("{SECOND}", fit="{FIT}")
attribution = saccade.explain(encoder, "{PHOTOS}/{photos[0]}", method="{method}")
attribution.overlay()[0].save("another-network.png")
""",
    )


def pair(a: str, b: str, *, model: str = MODEL, fit: str | None = None) -> Recipe:
    """Why two photos are alike; `a` and `b` are paths beside the page."""
    option, argument = (f" --fit {fit}", f', fit="{fit}"') if fit else ("", "")
    return Recipe(
        "this image",
        f"saccade compare {model} {a} {b} --reference {PHOTOS}{option} -o alike.png",
        f"""import saccade

encoder = saccade.load("{model}"{argument})
why = saccade.compare(encoder, "{a}", "{b}", reference="{PHOTOS}", cover=True)
why.save("alike.png")
print(f"similarity {{why.score:.2f}}, the sum of {{why.shares.size}} shares: {{why.shares.sum():.2f}}")
""",
    )


def reconstruction(photo: str) -> Recipe:
    """A photo redrawn from its code."""
    return Recipe(
        "this image",
        None,
        f"""import numpy as np
from PIL import Image
import saccade

encoder = saccade.load("{MODEL}")
images = encoder.read("{PHOTOS}/{photo}")
redrawn = np.clip(encoder.reconstruct(images), *encoder.value_range)
error = np.mean((redrawn - images.array) ** 2)
height, width = images.photos[0].original.shape[:2]
image = Image.fromarray(np.uint8(np.rint(255 * redrawn[0])))
image.resize((width, height), Image.Resampling.BILINEAR).save("redrawn.png")
print(f"PSNR {{10 * np.log10(1 / error):.1f}} dB")
""",
    )


def _block(title: str, text: str, kind: str) -> Markup:
    return element(
        "div",
        element("p", title, class_="label"),
        element("button", "Copy", type="button", class_="copy", hidden=True, aria_label=f"Copy: {title}"),
        element("pre", element("code", text, class_=kind), tabindex="0"),
        class_="lines",
    )
