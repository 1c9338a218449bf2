"""A map on a photo, drawn by a page and by the library."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
from browsers import opened
from skimage import data

from saccade.picture import overlay, scale_of
from saccade.picture.colormaps import colormap
from saccade.picture.palette import SIGNED, UNSIGNED
from saccade.report.array_spec import array_spec
from saccade.report.page_file import joined_modules

_PAINT = """([pixels, map, ramps, scale, width, height]) => {
    const colour = Uint8ClampedArray.from(atob(pixels), (letter) => letter.charCodeAt(0));
    const grey = Float32Array.from({ length: width * height }, (_, at) => {
        const luma = (0.2126 * colour[4 * at] + 0.7152 * colour[4 * at + 1] + 0.0722 * colour[4 * at + 2]) / 255;
        return 255 * luma * (0.86 - 0.25 * luma);
    });
    const target = new ImageData(width, height);
    const style = { ramps, opacity: 0.85, contours: false };
    const values = window.views.decodeArray(map).values;
    window.views.paintMap(target, { width, height, colour, grey }, values, scale, style);
    return [...target.data];
}"""


def test_paint_is_the_librarys(browser: Any, tmp_path: Path) -> None:
    """The same map on the same photo, drawn by the page and by the library."""
    photo = np.ascontiguousarray(np.asarray(data.chelsea())[::4, ::4])
    height, width = photo.shape[:2]
    values = np.random.default_rng(1).normal(size=(height, width)).astype(np.float32)
    pixels = base64.b64encode(np.dstack([photo, np.full((height, width), 255, np.uint8)]).tobytes()).decode()
    script = joined_modules("stage.js") + "\nwindow.views = { decodeArray, paintMap };"
    page = tmp_path / "paint.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><body><script type=module>{script}</script>")
    ramps = {"unsigned": array_spec(colormap(UNSIGNED), "uint8"), "signed": array_spec(colormap(SIGNED), "uint8")}
    for signed in (False, True):
        shown_values = values if signed else np.abs(values)
        scale = scale_of(shown_values, signed=signed)
        limits = {"low": scale.low, "high": scale.high, "signed": signed, "flat": False}
        expected = np.asarray(overlay(photo, shown_values, scale, contours=False)).astype(int)
        with opened(browser, page) as tab:
            arguments = [pixels, array_spec(shown_values), ramps, limits, width, height]
            painted = np.array(tab.evaluate(_PAINT, arguments)).reshape(height, width, 4)[..., :3]
        assert np.abs(painted - expected).max() <= 2
