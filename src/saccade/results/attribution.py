"""What a method found about some images, as people see it: maps on photos, pages, sheets."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from saccade.arguments import checks_arguments
from saccade.errors import InputError, UnknownName
from saccade.picture import Bar, Panel, Scale, figure, overlay, scale_of, spotlight
from saccade.picture.contours import legible
from saccade.picture.seen_part import frame_seen_part, seen_part_in_words
from saccade.results.attribution_numbers import AttributionNumbers
from saccade.results.model_image import model_image
from saccade.results.result import capitalised

VIEWS = ("heatmap", "spotlight", "contours")
"""How a map is drawn on its photo; see `Attribution.drawn`."""

VIEW_REMARKS = {
    "spotlight": "in its own colours where the map is high, grey and dark elsewhere",
    "contours": "lines at 1/4, 1/2 and 3/4 of the strongest place",
}
"""What light, grey and lines mean in views that have no colour bar."""
_WIDE = 1.5
"""Pages of a wider aspect set four pictures in a row."""
_KEPT = "the darker and greyer, the less of the detail is kept: full colour at 100 %, dark at none"
_SMALLEST_DRAWN = 900
"""Photos are enlarged to this many pixels on their longer side before anything is drawn on them."""


class Attribution(AttributionNumbers):
    """Which places of these images matter to the target, and by how much? `AttributionNumbers` says what it holds."""

    def __repr__(self) -> str:
        return f"Attribution({self.method} of {self.target} on {len(self)} image(s), {self.units})"

    # On the photos

    @checks_arguments
    def overlay(
        self,
        *,
        scale: str | Scale = "each",
        clip: float = 0.0,
        opacity: float = 0.85,
        contours: bool | None = None,
        smooth: bool = True,
        least: int = _SMALLEST_DRAWN,
    ) -> list[Image.Image]:
        """The map over each photo at the photo's own size, without any text.

        Args:
            scale: `"each"` map for itself, one scale for `"all"`, or a scale shared with further maps.
            clip: Percentage of the strongest values that share the last colour.
            opacity: Opacity of the strongest colour.
            contours: Draw lines at fixed fractions of the scale; None leaves them out on very noisy maps.
            smooth: Interpolate between the method's own cells.
            least: Smaller photos are enlarged to this many pixels first.
        """
        return [
            self._framed(
                overlay(
                    photo.original,
                    self.on_photo(index, smooth=smooth),
                    self._scale(scale, index, clip),
                    opacity=opacity,
                    contours=contours,
                    least=least,
                ),
                index,
            )
            for index, photo in enumerate(self.images.photos)
        ]

    @checks_arguments
    def spotlight(self, *, least: int = _SMALLEST_DRAWN) -> list[Image.Image]:
        """Each photo in its own colours where the map is high, dark and grey elsewhere."""
        return [
            self._framed(spotlight(photo.original, self.on_photo(index), self.scale(index), least=least), index)
            for index, photo in enumerate(self.images.photos)
        ]

    @checks_arguments
    def drawn(
        self, index: int = 0, *, view: str = "auto", scale: str | Scale = "each", least: int = _SMALLEST_DRAWN
    ) -> Image.Image:
        """One photo with its map, without any text.

        Args:
            index: Which image.
            view: `"heatmap"` paints the map over the greyed photo, `"spotlight"` keeps the photo's colours where the
                map is high, `"contours"` draws lines at 1/4, 1/2 and 3/4 of the scale on the photo in its own colours;
                `"auto"` is the method's own choice.
            scale: As for `overlay`.
            least: Smaller photos are enlarged to this many pixels first.

        Raises:
            UnknownName: No such view.
        """
        view = self._view(view)
        photo, placed = self.images.photos[index].original, self.on_photo(index)
        colours = self._scale(scale, index, 0.0)
        if view == "spotlight":
            image = spotlight(photo, placed, colours, full=1.0 if self._is_kept else 0.6, least=least)
        elif view == "contours":
            image = overlay(photo, placed, colours, opacity=0.0, contours=True, photo_style="colour", least=least)
        else:
            image = overlay(photo, placed, colours, least=least)
        return self._framed(image, index)

    def redrawn_photo(self, index: int = 0) -> Image.Image:
        """One image as the model redraws it, put back onto the shape of its photo.

        Raises:
            InputError: The map is not about redrawn images.
        """
        if self.redrawn is None:
            raise InputError(f"{self.method} does not redraw images; method='detail_kept' does.")
        return model_image(self.redrawn[index], self.images.photos[index].placement, self.images.value_range)

    def bar(self, index: int = 0, *, view: str = "auto") -> Bar | None:
        """The key to the colours of one map, without the words that all maps of a sheet share; None without colours.

        Args:
            index: Which image.
            view: As for `drawn`.
        """
        if self._view(view) != "heatmap":
            return None
        return Bar(self.scale(index), percent=self.is_share, contours=False, scale_named=False)

    def key_words(self, *, view: str = "auto") -> str:
        """What light, grey and lines mean where no colour bar says it; empty where one does.

        Args:
            view: As for `drawn`.
        """
        named_view = self._view(view)
        if named_view == "heatmap":
            return ""
        return _KEPT if self._is_kept and named_view == "spotlight" else VIEW_REMARKS[named_view]

    def page(self, **drawing: Any) -> Image.Image:
        """`figure` of a single image, `sheet` of several; they say what they take."""
        return self.figure(0, **drawing) if len(self) == 1 else self.sheet(**drawing)

    @checks_arguments
    def figure(
        self,
        index: int = 0,
        *,
        view: str = "auto",
        theme: str = "light",
        scale: str | Scale = "each",
        clip: float = 0.0,
        opacity: float = 0.85,
        smooth: bool = True,
        width: int | None = None,
        aspect: tuple[int, int] | None = None,
    ) -> Image.Image:
        """A page: the question, the answer in a sentence, the photo, the map on it, its colour bar, how it was made.

        Args:
            index: Which image.
            view: As for `drawn`.
            theme: `"light"` or `"dark"`.
            scale: As for `overlay`.
            clip: Percentage of the strongest values that share the last colour.
            opacity: Opacity of the strongest colour.
            smooth: Interpolate between the method's own cells.
            width: Outer width in pixels.
            aspect: Width and height of the page to each other, such as (16, 9): paper is added round it.
        """
        photo, view = self.images.photos[index], self._view(view)
        colours = self._scale_beside_untrained(scale, index, clip)
        if view == "heatmap":
            placed = self.on_photo(index, smooth=smooth)
            lines = legible(placed, colours)
            drawn = overlay(photo.original, placed, colours, opacity=opacity, contours=lines, least=_SMALLEST_DRAWN)
            drawn = self._framed(drawn, index)
            bar = self._bar(colours, opacity, lines)
        else:
            drawn, bar = self.drawn(index, view=view, scale=colours), None
        compared = [images.photos[index if len(images) > 1 else 0] for images in self.compared]
        panels = [
            Panel(Image.fromarray(np.asarray(photo.original)), title=photo.name),
            *([] if self.redrawn is None else [Panel(self.redrawn_photo(index), title="Redrawn")]),
            Panel(drawn, title=self.title, subtitle=self.key_words(view=view)),
            *self._untrained_panel(index, colours, opacity=opacity, smooth=smooth),
            *(Panel(Image.fromarray(np.asarray(other.original)), title=other.name) for other in compared),
        ]
        is_wide = aspect is not None and aspect[0] / aspect[1] > _WIDE
        return figure(
            panels,
            columns=2 if len(panels) == 4 and not is_wide else len(panels),
            title=capitalised(self.question),
            caption=[*self.page_sentences(index), f"{self.title}: {self.summary}."],
            notes=self._small_print(smooth),
            bar=bar,
            theme=theme,
            width=width,
            aspect=aspect,
        )

    @checks_arguments
    def sheet(
        self,
        *,
        view: str = "auto",
        theme: str = "light",
        scale: str = "each",
        clip: float = 0.0,
        columns: int = 3,
    ) -> Image.Image:
        """A contact sheet: every photo in its own colours, and beside it the photo with its map.

        Args:
            view: As for `drawn`.
            theme: `"light"` or `"dark"`.
            scale: `"each"` map for itself, or one scale for `"all"`, with its bar.
            clip: Percentage of the strongest values that share the last colour.
            columns: Photos in a row.
        """
        shared = self.scale(clip=clip) if scale == "all" else scale
        panels: list[Panel] = []
        for index, photo in enumerate(self.images.photos):
            limits = self._scale(shared, index, clip)
            most = (
                "" if scale == "all" or limits.flat else f"colours up to {self._bar(limits, 0.85, True).ticks[-1][1]}"
            )
            panels.append(Panel(Image.fromarray(np.asarray(photo.original)), title=photo.name))
            panels.append(Panel(self.drawn(index, view=view, scale=limits, least=480), subtitle=most))
        return figure(
            panels,
            columns=2 * min(columns, len(self)),
            title=capitalised(self.question),
            caption=[f"{self.title}: {self.summary}.", *filter(None, [capitalised(self.key_words(view=view))])],
            notes=[f"colours: {self.units}", *self._small_print(True)],
            bar=self._bar(self.scale(clip=clip), 0.85, True)
            if scale == "all" and self._view(view) == "heatmap"
            else None,
            theme=theme,
        )

    # Parts

    def _untrained_panel(self, index: int, colours: Scale, *, opacity: float, smooth: bool) -> list[Panel]:
        """The mean map of the untrained networks on the photo, if they were asked."""
        if self.untrained is None:
            return []
        photo = self.images.photos[index]
        placed = photo.placement.onto_original(self.untrained.mean[index], smooth=smooth)
        drawn = overlay(photo.original, placed, colours, opacity=opacity, least=_SMALLEST_DRAWN)
        networks = len(self.untrained.likeness)
        subtitle = f"the mean of {networks} networks, scaled to the same total"
        return [Panel(self._framed(drawn, index), title="Untrained", subtitle=subtitle)]

    def _scale_beside_untrained(self, scale: str | Scale, index: int, clip: float) -> Scale:
        """As `_scale`; that of one map holds for the mean map of the untrained networks beside it, too."""
        if self.untrained is None or scale != "each":
            return self._scale(scale, index, clip)
        both = np.stack([self.values[index], self.untrained.mean[index]])
        return scale_of(both, signed=self.signed, clip=clip, shared="both maps")

    def _framed(self, image: Image.Image, index: int) -> Image.Image:
        """One photo with a frame round what the model was given of it."""
        return frame_seen_part(image, self.images.photos[index].placement.shares)

    def _scale(self, scale: str | Scale, index: int, clip: float) -> Scale:
        if isinstance(scale, Scale):
            return scale
        if scale not in ("each", "all"):
            raise InputError(f"scale={scale!r}: give 'each' or 'all'.")
        return self.scale(index if scale == "each" else None, clip=clip)

    @property
    def _is_kept(self) -> bool:
        """Is the map about what is kept, so that what is missing must be seen?"""
        return self.redrawn is not None

    def _view(self, view: str) -> str:
        if view not in ("auto", *VIEWS):
            raise UnknownName.of("view", view, ("auto", *VIEWS))
        return self.view if view == "auto" else view

    def _bar(self, scale: Scale, opacity: float, lines: bool) -> Bar:
        return Bar(scale=scale, unit=self.units, percent=self.is_share, opacity=opacity, contours=lines)

    def _small_print(self, smooth: bool) -> list[str]:
        rows, columns = self.grid
        height, width = self.images.shape[1:3]
        grid = f"real grid {columns}x{rows}" + ("" if smooth else ", shown as it is")
        return [
            f"{self.method} of {self.target}, layer {self.layer} of {self.model}, which was given {width}x{height} px"
            + (f", {self.fed}" if self.fed else ""),
            "; ".join((grid, *self._seen_parts(), *self.notes)),
        ]

    def _seen_parts(self) -> list[str]:
        """How much of the photos the model is given."""
        parts = list(dict.fromkeys(seen_part_in_words(photo.placement.shares) for photo in self.images.photos))
        if len(parts) == 1:
            return [*filter(None, parts)]
        return ["of some photos the model is given the middle alone, which is framed"]
