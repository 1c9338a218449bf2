"""Whole modules and registered classes whose code lies beside their file: with trust, and only while it is opened."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import saccade
from saccade.errors import ModelError
from saccade.models.code_beside import ClassesBeside, importable

NET = """
import torch
from net_parts import multiplied

FACTOR = {factor}

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(3, 4, 3, 2)

    def forward(self, images):
        return multiplied(self.first(images), FACTOR)
"""
PARTS = "def multiplied(values, factor):\n    return torch_free(values * factor)\n\ndef torch_free(x):\n    return x\n"
LAYER = """
import keras

@keras.saving.register_keras_serializable(package="Mine")
class Multiplied(keras.layers.Layer):
    def call(self, images):
        return images * {factor}
"""


@contextmanager
def imported(folder: Path, *names: str) -> Iterator[Any]:
    """The modules of a folder, for as long as something is saved."""
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield importlib.import_module(names[0])
    finally:
        sys.path.remove(str(folder))
        for name in names:
            sys.modules.pop(name, None)


def written(folder: Path, factor: float) -> Path:
    folder.mkdir()
    (folder / "net_beside.py").write_text(NET.format(factor=factor))
    (folder / "net_parts.py").write_text(PARTS)
    (folder / "layer_beside.py").write_text(LAYER.format(factor=factor))
    return folder


def saved_module(folder: Path, *, by_script: bool = False) -> tuple[Path, Any]:
    """A whole module as `torch.save(model)` writes it; as the script that defines it would."""
    with imported(folder, "net_beside", "net_parts") as module:
        torch.manual_seed(0)
        net = module.Net().eval()
        main = sys.modules["__main__"]
        if by_script:
            module.Net.__module__ = "__main__"
            main.Net = module.Net  # type: ignore[attr-defined]
        try:
            torch.save(net, folder / "whole.pth")
        finally:
            if by_script:
                del main.Net  # type: ignore[attr-defined]
    return folder / "whole.pth", net


def convolved(net: Any, images: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return net.first(torch.tensor(images).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()


IMAGES = np.random.default_rng(0).random((2, 9, 9, 3), np.float32)


@pytest.mark.parametrize("by_script", [False, True])
def test_a_whole_module_finds_its_code_beside_it(tmp_path: Path, by_script: bool) -> None:
    path, net = saved_module(written(tmp_path / "a", 2.0), by_script=by_script)
    before = list(sys.path)
    with pytest.raises(ModelError, match=r"whole\.pth holds pickled Python objects \(.*Net\).*--trust"):
        saccade.load(path)
    encoder = saccade.load(path, trust=True, input_shape=(9, 9, 3))
    assert "note: code that lies beside whole.pth was run, as --trust allows: net_beside" in encoder.describe()
    assert sys.path == before
    assert not {"net_beside", "net_parts"} & set(sys.modules)
    assert_allclose(encoder.codes(IMAGES), 2 * convolved(net, IMAGES), rtol=1e-5, atol=1e-6)


def test_each_file_gets_the_code_that_lies_beside_it(tmp_path: Path) -> None:
    for name, factor in (("a", 2.0), ("b", -3.0)):
        path, net = saved_module(written(tmp_path / name, factor))
        encoder = saccade.load(path, trust=True, input_shape=(9, 9, 3))
        assert_allclose(encoder.codes(IMAGES), factor * convolved(net, IMAGES), rtol=1e-5, atol=1e-6)


def test_code_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    path, _ = saved_module(written(tmp_path / "a", 2.0))
    (path.parent / "net_beside.py").unlink()
    with pytest.raises(
        ModelError, match=r"needs the Python code .*No module named 'net_beside'\. Put it beside the file"
    ):
        saccade.load(path, trust=True)


def saved_layer(folder: Path, name: str) -> Path:
    with imported(folder, "layer_beside") as module:
        images = keras.Input((8, 8, 3))
        model = keras.Model(images, keras.layers.Conv2D(2, 3, name="last")(module.Multiplied(name="own")(images)))
        model.get_layer("last").bias.assign([1.0, 2.0])
        model.save(folder / name)
        del keras.saving.get_custom_objects()["Mine>Multiplied"]
    return folder / name


def shares(path: Path, **settings: Any) -> np.ndarray:
    """How the code grows with the image: the factor of the layer beside the file."""
    encoder = saccade.load(path, trust=True, layer="own", **settings)
    images = np.ones((1, 8, 8, 3), np.float32)
    return encoder.activations(images, ["own"])["own"]


@pytest.mark.parametrize("name", ["net.keras", "net.h5"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5")
def test_a_registered_class_finds_its_code_beside_it(tmp_path: Path, name: str) -> None:
    for folder, factor in (("a", 2.0), ("b", -3.0)):
        path = saved_layer(written(tmp_path / folder, factor), name)
        with pytest.raises(ModelError, match=r"layer 'own' needs the class .*Multiplied.*--trust"):
            saccade.load(path)
        assert_allclose(shares(path), factor)
        assert "layer_beside" not in sys.modules
        assert "Mine>Multiplied" not in keras.saving.get_custom_objects()
        assert "layer_beside" in saccade.load(path, trust=True).describe()
        with pytest.raises(ModelError, match="--trust"):  # what one file was trusted with is not the next one's
            saccade.load(path)
    (path.parent / "layer_beside.py").unlink()
    with pytest.raises(ModelError, match=r"the class Multiplied is not to be found here.*beside this one"):
        saccade.load(path, trust=True)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("def run(): ...\nrun()\n", "defined in classes.py, which does more than define when it is imported"),
        ("x = open('y')\n", "does more than define"),
        ("1 / 0\n", "does more than define"),
        ("import nothing_of_that_name\n", "importing .*classes.py failed: No module named 'nothing_of_that_name'"),
    ],
)
def test_scripts_are_not_imported_for_their_classes(tmp_path: Path, code: str, says: str) -> None:
    (tmp_path / "classes.py").write_text(f"{code}\nclass Own:\n    pass\n")
    with importable(tmp_path), pytest.raises(ModelError, match=says):
        ClassesBeside(tmp_path)["Mine>Own"]


def test_classes_are_found_by_name_alone(tmp_path: Path) -> None:
    guarded = 'import sys\n"""text"""\nN = 3\ntry:\n    import json\nexcept ImportError:\n    json = None\n'
    (tmp_path / "classes.py").write_text(
        f'{guarded}\nclass Own:\n    n = N\n\nclass Dense:\n    pass\n\nif __name__ == "__main__":\n    sys.exit(3)\n'
    )
    (tmp_path / "broken.py").write_text("class Own(:\n")
    beside = ClassesBeside(tmp_path)
    assert set(beside) == {"Own"}  # Keras has a Dense of its own
    assert ("Mine>Own" in beside, "Other" in beside) == (True, False)
    with importable(tmp_path) as modules:
        assert beside["Mine>Own"].n == 3
    assert modules == ["classes"]
    (tmp_path / "again.py").write_text("class Own:\n    pass\n")
    with pytest.raises(ModelError, match=r"defined in several files beside the model \(again\.py, classes\.py\)"):
        ClassesBeside(tmp_path)["Own"]


def test_libraries_below_the_folder_stay_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "venv" / "site-packages"
    library.mkdir(parents=True)
    (library / "a_library_below.py").write_text("x = 1\n")
    (tmp_path / "own_module_here.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(str(library))
    with importable(tmp_path) as modules:
        for name in ("a_library_below", "own_module_here"):
            importlib.import_module(name)
    assert modules == ["own_module_here"]
    assert "a_library_below" in sys.modules
    del sys.modules["a_library_below"]


def test_a_folder_from_which_is_imported_anyway_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_module_there.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    paths = list(sys.path)
    with importable(tmp_path):
        importlib.import_module("own_module_there")
    assert sys.path == paths
    assert sys.modules.pop("own_module_there").x == 1


def test_pythons_own_modules_come_first(tmp_path: Path) -> None:
    for name in ("this", "antigravity_of_nobody"):
        (tmp_path / f"{name}.py").write_text("beside = True\n")
    sys.modules.pop("this", None)
    with importable(tmp_path):
        importlib.invalidate_caches()
        spec = importlib.util.find_spec("this")
        assert spec is not None
        assert spec.origin is not None
        assert not spec.origin.startswith(str(tmp_path))
        assert importlib.import_module("antigravity_of_nobody").beside
