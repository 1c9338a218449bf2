"""Why two images are alike, as people read it: a sentence and a page."""

from __future__ import annotations

from typing import Any

from PIL import Image

from saccade.arguments import checks_arguments
from saccade.results.similarity_numbers import SimilarityNumbers
from saccade.results.similarity_page import headline_of, rest_of, similarity_page


class Similarity(SimilarityNumbers):
    """Why are these two images alike? `SimilarityNumbers` says what it holds."""

    def __repr__(self) -> str:
        first, second = self.names
        return f"Similarity({self.score:.3f} of {first} and {second}, {self.kind}{', centred' * self.centred})"

    @property
    def sentence(self) -> str:
        """How alike they are, and where it comes from; `results.similarity_words.headline` says how."""
        return headline_of(self)[0]

    @property
    def rest_sentence(self) -> str:
        """What carries it, where its matches make less than a third of it; else empty."""
        return rest_of(self)

    @checks_arguments
    def figure(
        self, *, theme: str = "light", smooth: bool = True, opacity: float = 0.85, width: int = 1500
    ) -> Image.Image:
        """A page: the score beside what is typical, both photos with their matches joined by lines, the sum, the maps.

        Lines are as wide as the shares of the matches, broken where they lowered the score. Where the matches make less
        than a third of it, the maps come first. A photo that was cut or
        padded for the model is shown as the model saw it. A code without places gives the two photos and the score
        alone.

        Args:
            theme: `"light"` or `"dark"`.
            smooth: Interpolate between cells; False shows them as they are.
            opacity: Opacity of the strongest colour.
            width: Outer width in pixels.
        """
        return similarity_page(self, theme=theme, smooth=smooth, opacity=opacity, width=width)

    def page(self, **drawing: Any) -> Image.Image:
        """`figure`, which says what it takes."""
        return self.figure(**drawing)
