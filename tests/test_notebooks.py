"""In a notebook: nothing of the frameworks' own messages, and results that show themselves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import saccade

SHIPPED = Path(saccade.__file__).parent / "shipped" / "clothing-autoencoder.keras"


def test_opening_a_model_writes_nothing_of_tensorflow_on_the_page() -> None:
    program = (
        "import sys, types; sys.modules['ipykernel'] = types.ModuleType('ipykernel');"
        f"import saccade, numpy as np; encoder = saccade.load({str(SHIPPED)!r});"
        "saccade.explain(encoder, np.zeros((1, 128, 128, 3), np.uint8), 'activation_energy');"
        "print('told', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == "told\n"


def test_an_encoder_shows_itself() -> None:
    encoder = saccade.load(SHIPPED)
    assert repr(encoder) == "<Encoder autoencoder: 17 layers, on tensorflow; code encoded (8x8x64)>"
    page = encoder._repr_html_()
    assert page.startswith("<b>autoencoder: 17 layers, on tensorflow</b><table>")
    assert "<th style='text-align:left'>code</th><td>encoded (8x8x64)" in page
    assert "<script" not in page
