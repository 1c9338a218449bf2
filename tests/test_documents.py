"""What the documents say is true: README's commands and Python, and the examples in the docstrings, run as written."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import shlex
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

import saccade
from saccade.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
# The demo is built in test_demo.py; training is too long for an example.
ELSEWHERE = ("saccade.demo.assembly", "saccade.training.loop")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as the documents suppose it: a model, some photos."""
    shutil.copy(str(files("saccade") / "shipped" / "clothing-autoencoder.keras"), tmp_path / "autoencoder.keras")
    for name, photo in {
        "cat.jpg": data.chelsea(), "dog.jpg": data.astronaut(), "a.jpg": data.coffee(), "b.jpg": data.rocket(),
        "c.jpg": data.chelsea(),
        "holiday/one.png": data.coffee(), "holiday/two.png": data.rocket(), "more/three.png": data.chelsea(),
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(photo).save(tmp_path / name)
    (tmp_path / "photos").mkdir()
    for k in range(16):
        Image.fromarray(data.astronaut()[k * 8 : k * 8 + 200, k * 8 : k * 8 + 200]).save(tmp_path / f"photos/{k}.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def blocks(language: str, page: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.S)


HOW_TOS = (
    "write-a-method", "write-a-target", "write-a-network", "read-the-source", "report", "opening-a-model", "collection",
)  # fmt: skip


@pytest.mark.parametrize("name", HOW_TOS)
def test_the_python_of_the_how_tos_runs(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = ROOT / "docs" / f"{name}.md"
    code = "\n".join(blocks("python", path.read_text()))
    assert len(code.splitlines()) > 5
    exec(compile(code, path.name, "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out


def test_every_how_to_can_be_found_from_the_readme() -> None:
    for name in HOW_TOS:
        assert f"docs/{name}.md" in README


def test_the_python_of_the_readme_runs(folder: Path) -> None:
    for code in blocks("python"):
        exec(compile(code, "README.md", "exec"), {"saccade": saccade})
    for name in ("cat.png", "overlay.png", "why.png", "first-look.png"):
        with Image.open(folder / name) as picture:
            assert picture.size[0] >= 400


@pytest.mark.timeout(1800)  # some twenty commands one after the other, beside a second worker
def test_the_commands_of_the_readme_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line.split("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    commands = [shlex.split(line) for line in lines if line.startswith("saccade ")]
    assert {each[1] for each in commands} >= {"explain", "compare", "feature-maps", "layers", "methods", "train"}
    for _, *arguments in commands:
        if arguments[0] == "train":
            # The same command, on a smaller model for a moment.
            arguments += ["--epochs", "1", "--size", "32", "--batch-size", "8"]
        if "all" in arguments:
            # The same command, on two photos and with small counts.
            arguments[arguments.index("photos/")] = "holiday/"
            arguments += [
                f"--set={count}" for count in ("masks=32", "iterations=5", "probes=4", "samples=4", "steps=4")
            ]
        if arguments[0] == "evaluate":
            arguments += ["--limit", "8", "--methods", "saliency,activation_energy"]
        assert main(arguments) == 0, (arguments, capsys.readouterr().err)
    assert len(list((folder / "maps").glob("*.png"))) >= 2
    assert (folder / "why.png").exists()
    assert list((folder / "layers").glob("*.png"))


def test_the_links_of_the_documents_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
        for link in re.findall(r"\]\(([^)#]+)\)", prose):
            if not link.startswith("http"):
                assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_every_method_and_target_is_in_the_readme() -> None:
    for name in saccade.methods.available():
        assert f"`{name}`" in README
    for form in saccade.targets.FORMS:
        assert form.split(":")[0] in README


def modules() -> list[str]:
    packages = pkgutil.walk_packages(saccade.__path__, "saccade.")
    return [each.name for each in packages if each.name not in (*ELSEWHERE, "saccade.__main__")]


def test_the_examples_of_the_docstrings_run(folder: Path) -> None:
    encoder = saccade.load("autoencoder.keras")
    namespace: dict[str, Any] = {
        "np": np, "Path": Path, "saccade": saccade, "encoder": encoder, "autoencoder": encoder.network.model,  # type: ignore[attr-defined]
    }  # fmt: skip
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    tried = 0
    for name in modules():
        module = importlib.import_module(name)
        for test in finder.find(module, name, module=module, extraglobs=namespace):
            tried += runner.run(test).attempted
    assert tried >= 20
    assert runner.failures == 0
