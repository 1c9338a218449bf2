"""The report in a notebook with a kernel: the cover is dragged in the page, and the notebook's own model answers."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from saccade.arguments import checks_arguments
from saccade.encoder import Encoder, as_encoder
from saccade.errors import MissingPackage
from saccade.report.page_file import VIEWS
from saccade.report.writing import report_page
from saccade.typing import Array

_HEIGHT = 900


@checks_arguments
def report_widget(
    encoder: Any,
    images: Any,
    *,
    methods: Sequence[str] | None = None,
    title: str | None = None,
    collection: Any = None,
    reference: Any = None,
    beside: Any = None,
    about: Mapping[str, Any] | None = None,
    height: int = _HEIGHT,
) -> Any:
    """What does this model see, as something to touch while the model itself answers?

    As `report_view`, for a notebook whose kernel runs: a cover that is dragged over the photo is computed by the model
    as it is, in full precision and of any size, where a page alone can only carry a small one.

    Args:
        encoder: As for `write_report`.
        images: As for `write_report`.
        methods: As for `write_report`.
        title: As for `write_report`.
        collection: As for `write_report`.
        reference: As for `write_report`.
        beside: As for `write_report`.
        about: As for `write_report`.
        height: Of the frame, in pixels.

    Returns:
        An `anywidget.AnyWidget`.

    Raises:
        MissingPackage: anywidget is not installed (extra `notebook`).
        InputError: No photos, or too many.
    """
    if importlib.util.find_spec("anywidget") is None:
        raise MissingPackage.of("anywidget", "notebook")
    import anywidget
    import traitlets

    encoder = as_encoder(encoder)
    photos = encoder.images(images)
    page, headline = report_page(
        encoder, photos, methods=methods, title=title, live=False, collection=collection, reference=reference,
        beside=beside, about=about, entry="framed_report.js",
    )  # fmt: skip
    shape = photos.shape[1:]

    class ReportWidget(anywidget.AnyWidget):  # type: ignore[misc]
        """A frame whose page asks for new images."""

        _esm = (VIEWS / "notebook_widget.js").read_text(encoding="utf-8")
        page = traitlets.Unicode().tag(sync=True)
        title = traitlets.Unicode().tag(sync=True)
        height = traitlets.Int().tag(sync=True)

    widget = ReportWidget(page=page, title=headline, height=height)

    def answer(_: Any, content: Any, buffers: list[Any]) -> None:
        image = image_of(buffers, shape)
        if image is None or not isinstance(content, dict) or not isinstance(content.get("number"), int):
            return  # not a question of this page
        started = time.perf_counter()
        code, redrawn = computed(encoder, image)
        milliseconds = 1000 * (time.perf_counter() - started)
        parts = [code.tobytes(), *([] if redrawn is None else [redrawn.tobytes()])]
        widget.send({"number": content["number"], "milliseconds": milliseconds}, parts)

    widget.on_msg(answer)
    return widget


def image_of(buffers: Sequence[Any], shape: tuple[int, ...]) -> Array | None:
    """The image that a page sent, (1, height, width, channels); None if it is none of this shape or not finite."""
    if len(buffers) != 1 or len(bytes(buffers[0])) != 4 * int(np.prod(shape)):
        return None
    image = np.frombuffer(bytes(buffers[0]), "<f4").reshape(1, *shape).astype(np.float32)
    return image if np.isfinite(image).all() else None


def computed(encoder: Encoder, image: Array) -> tuple[Array, Array | None]:
    """The code of one image on its grid, and its redrawing if the model redraws."""
    output = encoder.network.output
    layers = [encoder.layer, *([output] if encoder.is_autoencoder else [])]
    values = encoder.activations(image, layers)
    code = np.ascontiguousarray(encoder.on_grid(values[encoder.layer])[0], np.float32)
    redrawn = np.ascontiguousarray(values[output][0], np.float32) if encoder.is_autoencoder else None
    return code, redrawn
