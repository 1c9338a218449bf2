"""The chapters set as one page: one file of HTML with its style inside, and no way out to any network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from saccade.demo.markup import Markup, element
from saccade.demo.photo_views import strip_style
from saccade.picture.themes import DARK, LIGHT
from saccade.report.page_file import colour_variables, policy_digest

TITLE = "Where does a machine look?"
DESCRIPTION = "Photos with the places lit up that a trained autoencoder encodes."
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Chapter:
    """A part of the page.

    Attributes:
        anchor: Its address on the page.
        title: Its heading, a question.
        body: Its content.
    """

    anchor: str
    title: str
    body: Markup


def page(opening: Markup, chapters: Sequence[Chapter]) -> str:
    """The whole document."""
    style, script = Markup(_style()), Markup((_HERE / "copy.js").read_text(encoding="utf-8"))
    policy = (
        f"default-src 'none'; img-src 'self'; style-src '{policy_digest(style)}'; "
        f"script-src '{policy_digest(script)}'; base-uri 'none'; form-action 'none'"
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="description", content=DESCRIPTION),
        element("title", TITLE),
        element("link", rel="icon", type="image/png", href="images/icon.png"),
        element("style", style),
    )
    contents = element(
        "nav",
        element("ol", [element("li", element("a", chapter.title, href=f"#{chapter.anchor}")) for chapter in chapters]),
        aria_label="Contents",
    )
    numbered = [_chapter(number, chapter) for number, chapter in enumerate(chapters, start=1)]
    main = element("main", contents, numbered, id="content")
    skip = element("a", "Skip to the pictures", href="#content", class_="skip")
    body = element("body", skip, opening, main, _foot(), element("script", script))
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _chapter(number: int, chapter: Chapter) -> Markup:
    heading = element("h2", element("span", f"{number}", class_="number", aria_hidden="true"), chapter.title)
    return element("section", heading, chapter.body, id=chapter.anchor, class_="chapter")


def _foot() -> Markup:
    return element(
        "footer",
        element(
            "p",
            "Made by ",
            element("code", "saccade demo"),
            ". A saccade is the jump an eye makes to the next thing it looks at. For a model and a photo of your own: ",
            element("code", "saccade explain MODEL PHOTO"),
            ".",
        ),
    )


def _style() -> str:
    """The style sheet, with the colours of the images' own paper and paint."""
    text = (_HERE / "style.css").read_text(encoding="utf-8")
    dark = f"@media (prefers-color-scheme: dark) {{\n:root {{ {colour_variables(DARK)} }}\n}}\n"
    strips = "".join(
        f".strip.{name} {{ --paint: {strip_style(signed)}; }}\n"
        for name, signed in (("unsigned", False), ("signed", True))
    )
    return f":root {{ {colour_variables(LIGHT)} }}\n{dark}{strips}{text}"
