"""The command and the Python lines that make a picture; both run as printed in the folder of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from saccade.demo.markup import Markup, element
from saccade.demo.studio import MODEL, PHOTOGRAPHS

OWN = "mine"
"""The folder that the printed commands write into."""


@dataclass(frozen=True)
class Recipe:
    """How to make a picture again.

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
    """The heat map and the spotlight of one photograph."""
    stem = photo.rsplit(".", 1)[0]
    return Recipe(
        "these pictures",
        f"saccade explain {MODEL} {PHOTOGRAPHS}/{photo} --overlay-only -o {OWN}",
        f"""import saccade

encoder = saccade.load("{MODEL}")
look = saccade.explain(encoder, "{PHOTOGRAPHS}/{photo}", method="occlusion")
look.overlay()[0].save("{stem}-heat.png")
look.spotlight()[0].save("{stem}-spotlight.png")
print(f"the strongest patch changes {{look.raw.max():.2%}} of the code")
""",
    )


def methods(photos: Sequence[str], names: Sequence[str]) -> Recipe:
    """Several methods side by side."""
    listed = " ".join(f"{PHOTOGRAPHS}/{photo}" for photo in photos)
    quoted = ",\n    ".join(f'"{PHOTOGRAPHS}/{photo}"' for photo in photos)
    asked = ",\n    ".join(f'"{name}"' for name in names)
    return Recipe(
        "this table",
        f"saccade explain {MODEL} {listed} --method {','.join(names)} -o {OWN}",
        f"""import saccade

encoder = saccade.load("{MODEL}")
photos = [
    {quoted},
]
methods = [
    {asked},
]
found = [saccade.explain(encoder, photos, method=name) for name in methods]
saccade.methods_sheet(found).save("methods.png")
""",
    )


def inside(photo: str) -> Recipe:
    """What every layer makes of one photograph."""
    return Recipe(
        "these pictures",
        f"saccade inside {MODEL} {PHOTOGRAPHS}/{photo} -o {OWN}",
        f"""import saccade

encoder = saccade.load("{MODEL}")
maps = saccade.feature_maps(encoder, "{PHOTOGRAPHS}/{photo}")
maps.collage().save("collage.png")
maps.save_sheets("layers")  # the collage, and one sheet a layer
""",
    )


def pair(a: str, b: str, makes: str = "this picture") -> Recipe:
    """Why two pictures are alike; `a` and `b` are paths beside the page."""
    return Recipe(
        makes,
        f"saccade compare {MODEL} {a} {b} --reference {PHOTOGRAPHS} -o alike.png",
        f"""import saccade

encoder = saccade.load("{MODEL}")
why = saccade.compare(encoder, "{a}", "{b}", reference="{PHOTOGRAPHS}")
why.save("alike.png")
print(f"similarity {{why.score:.2f}}, the sum of {{why.shares.size}} shares: {{why.shares.sum():.2f}}")
""",
    )


def memory(photo: str) -> Recipe:
    """A photograph redrawn from its code."""
    return Recipe(
        "this picture",
        None,
        f"""import numpy as np
from PIL import Image
import saccade

encoder = saccade.load("{MODEL}")
given = encoder.read("{PHOTOGRAPHS}/{photo}")
redrawn = np.clip(encoder.reconstruct(given), *encoder.value_range)
error = np.mean((redrawn - given.array) ** 2)
height, width = given.photos[0].original.shape[:2]
picture = Image.fromarray(np.uint8(np.rint(255 * redrawn[0])))
picture.resize((width, height), Image.Resampling.BILINEAR).save("redrawn.png")
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
