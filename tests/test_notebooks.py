"""In a notebook: nothing of the frameworks' own messages, and results that show themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import saccade

EXAMPLES = Path(__file__).parent.parent / "examples"
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


@pytest.mark.parametrize("name", ["where_it_looks", "why_alike"])
def test_the_example_notebooks_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # the kernel is a process of its own
    book = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in book.cells), "examples are kept without their results"
    NotebookClient(book, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    assert [output for output in outputs if "image/png" in output.get("data", {})]
    shown = "".join(str(output.get("data", {}).get("text/html", "")) for output in outputs)
    assert ("<iframe" in shown) == (name == "where_it_looks")
