"""Weights as training programs leave them: with heads, beginnings of names, several models, settings beside them."""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import nn

import saccade
from saccade.errors import ModelError
from saccade.models.torch.weights import load_torch_weights

Weights = dict[str, torch.Tensor]


class Backbone(nn.Module):
    """An encoder as timm and others write it: blocks, a norm, and a head that may be left out."""

    def __init__(self, blocks: int = 3, classes: int = 0) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ELU()) for _ in range(blocks)
        )
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, classes) if classes else nn.Identity()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.stem(images)
        for block in self.blocks:
            features = block(features)
        return self.head(self.norm(features).mean((2, 3)))


class Settings:
    """A class whose objects run code when they are brought back."""

    def __init__(self, **values: Any) -> None:
        self.values = values

    def __setstate__(self, state: dict[str, Any]) -> None:
        raise AssertionError("this ran")


def weights_of(seed: int, classes: int = 0, blocks: int = 3) -> Weights:
    torch.manual_seed(seed)
    return dict(Backbone(blocks, classes).state_dict())


def renamed(weights: Weights, prefix: str) -> Weights:
    return {f"{prefix}{name}": each for name, each in weights.items()}


def fresh(classes: int = 0, blocks: int = 3) -> Backbone:
    torch.manual_seed(99)
    return Backbone(blocks, classes).eval()


def holds(module: nn.Module, weights: Weights) -> bool:
    return all(torch.equal(each, weights[name]) for name, each in module.state_dict().items())


PLAIN = weights_of(0)
HEADED = weights_of(0, classes=5)

LAYOUTS: dict[str, tuple[Any, str]] = {
    "a head": (HEADED, "left out of net.pt, since the model has no place for it: 'head.weight', 'head.bias'"),
    "module": (renamed(PLAIN, "module."), "from net.pt the weights named 'module....', were taken"),
    "compiled": (renamed(PLAIN, "_orig_mod."), "named '_orig_mod....'"),
    "several": (renamed(PLAIN, "module._orig_mod.backbone."), "named 'module._orig_mod.backbone....'"),
    "a classifier": (
        {"state_dict": {**renamed(PLAIN, "encoder."), "projector.0.weight": torch.ones(2, 4)}},
        "named 'encoder....', were taken; left out of net.pt, since the model has no place for it: 'projector.0.w",
    ),
    "teacher and student": (
        {"student": renamed(weights_of(1), "module.backbone."), "teacher": renamed(PLAIN, "backbone."), "epoch": 3},
        "under 'teacher', where 'student' would fit as well, named 'backbone....'",
    ),
    "averaged": ({"state_dict": weights_of(1), "state_dict_ema": PLAIN}, "under 'state_dict_ema', where 'state_dict'"),
    "momentum": (
        {"state_dict": {**renamed(weights_of(1), "module.encoder_k."), **renamed(PLAIN, "module.encoder_q.")}},
        "named 'module.encoder_q....'",
    ),
    "beside a queue": ({"model": PLAIN, "queue": torch.ones(4)}, "from net.pt the weights under 'model', were taken"),
    "an optimizer": ({"net": PLAIN, "optimizer": {"state": {0: {"exp_avg": torch.ones(4)}}}}, ""),
    "old counts": ({name: each for name, each in PLAIN.items() if not name.endswith("num_batches_tracked")}, ""),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_weights_are_found_and_what_was_done_is_said(layout: str, tmp_path: Path) -> None:
    content, note = LAYOUTS[layout]
    torch.save(content, tmp_path / "net.pt")
    module = fresh()
    loaded = load_torch_weights(module, tmp_path / "net.pt")
    assert {
        name: each for name, each in module.state_dict().items() if "num_batches" not in name
    }.keys() <= PLAIN.keys()
    assert all(
        torch.equal(each, PLAIN[name]) for name, each in module.state_dict().items() if "num_batches" not in name
    )
    assert loaded.missing == ()
    text = "; ".join(loaded.notes)
    assert note in text
    assert bool(note) == bool(text)


def test_the_part_of_a_model_is_filled(tmp_path: Path) -> None:
    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = fresh()

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.backbone(images)

    safetensors.torch.save_file(PLAIN, tmp_path / "net.safetensors")
    module = Wrapped()
    loaded = load_torch_weights(module, tmp_path / "net.safetensors")
    assert holds(module.backbone, PLAIN)
    assert loaded.notes == ("from net.safetensors the weights for the part 'backbone', were taken",)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (weights_of(0, blocks=4), r"'blocks\.3\.0\.weight' is not in the model"),
        (weights_of(0, blocks=2) | {"blocks.2.1.weight": torch.ones(4)}, r"'blocks\.2\.1\.bias' is missing"),
        ({**PLAIN, "norm.weight": torch.ones(5)}, r"'norm\.weight' has shape \(5,\), the model needs \(4,\)"),
        ({"a": torch.ones(2)}, r"'stem\.weight' is missing, 'stem\.bias' is missing, 'a' is not in the model"),
    ],
)
def test_weights_of_another_model_are_refused(content: Weights, says: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "net.pt")
    module = fresh()
    before = {name: each.clone() for name, each in module.state_dict().items()}
    with pytest.raises(ModelError, match=rf"the weights in net\.pt do not fit Backbone: .*{says}"):
        load_torch_weights(module, tmp_path / "net.pt")
    assert holds(module, before)


FACTORY = """
import torch
from test_torch_weights import fresh

def encoder(): return fresh()
def classifier(): return fresh(classes=7)
def deeper(): return fresh(blocks=5)
"""


@pytest.fixture
def factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    (tmp_path / "factories_with_weights.py").write_text(FACTORY)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return lambda name: f"factories_with_weights:{name}"


@pytest.mark.filterwarnings("ignore:net.pt lacks weights of the model:saccade.SaccadeWarning")
def test_a_part_that_the_file_lacks_may_not_lead_to_the_code(factory: Callable[[str], str], tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    torch.save(PLAIN, path)
    with pytest.raises(
        ModelError, match=r"the code 'head' is computed with .* not in the file.*'head\.weight'.*last is"
    ):
        saccade.load(factory("classifier"), weights=path, input_shape=(16, 16, 3))
    encoder = saccade.load(factory("classifier"), weights=path, input_shape=(16, 16, 3), layer="norm")
    assert "net.pt lacks weights of the model, which stay random" in encoder.describe()
    assert "'head.weight', 'head.bias'" in encoder.describe()
    with pytest.raises(ModelError, match=r"computed with weights that are not in the file.*last is 'blocks\.2'"):
        saccade.load(factory("deeper"), weights=path, input_shape=(16, 16, 3), layer="norm")


@pytest.mark.filterwarnings("ignore:net.pt lacks weights of the model:saccade.SaccadeWarning")
def test_asking_which_layers_need_a_weight_changes_none(factory: Callable[[str], str], tmp_path: Path) -> None:
    torch.save(PLAIN, tmp_path / "net.pt")
    encoder = saccade.load(factory("classifier"), weights=tmp_path / "net.pt", input_shape=(16, 16, 3), layer="norm")
    module: Any = encoder.network.module  # type: ignore[attr-defined]
    assert holds(module, {**PLAIN, "head.weight": fresh(7).head.weight, "head.bias": fresh(7).head.bias})


def test_the_head_of_another_task_stays_out(factory: Callable[[str], str], tmp_path: Path) -> None:
    torch.save(HEADED, tmp_path / "net.pt")
    loaded = load_torch_weights(fresh(classes=7), tmp_path / "net.pt")
    assert loaded.missing == ("head.weight", "head.bias")
    with pytest.warns(saccade.SaccadeWarning, match=r"net\.pt lacks weights of the model, which stay random.*'head\.w"):
        saccade.load(factory("classifier"), weights=tmp_path / "net.pt", input_shape=(16, 16, 3), layer="norm")


def lightning(hyper_parameters: Any) -> dict[str, Any]:
    """As PyTorch Lightning writes a checkpoint."""
    return {
        "epoch": 3,
        "global_step": 120,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": renamed(HEADED, "model."),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 4}}}},
        "callbacks": {"ModelCheckpoint{'monitor': 'val'}": {"best_model_score": torch.tensor(0.1), "dirpath": "x"}},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(3), "step": torch.tensor(4.0)}}}],
        "lr_schedulers": [],
        "hparams_name": "args",
        "hyper_parameters": hyper_parameters,
    }


def test_the_settings_of_these_tests_would_run(tmp_path: Path) -> None:
    torch.save(lightning(Settings(lr=0.1)), tmp_path / "last.ckpt")
    with pytest.raises(AssertionError, match="this ran"):
        torch.load(tmp_path / "last.ckpt", weights_only=False)


@pytest.mark.parametrize("hyper_parameters", [argparse.Namespace(lr=0.1), Settings(lr=0.1), {"net": Settings()}])
def test_a_lightning_checkpoint_gives_its_weights_and_runs_nothing(hyper_parameters: Any, tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    torch.save(lightning(hyper_parameters), path)
    for trust in (False, True):
        module = fresh()
        loaded = load_torch_weights(module, path, trust=trust)
        assert holds(module, PLAIN)
        kind = (
            "argparse.Namespace" if isinstance(hyper_parameters, argparse.Namespace) else "test_torch_weights.Settings"
        )
        text = "; ".join(loaded.notes)
        assert f"last.ckpt also holds objects ({kind}); they were not brought back, and ran no code" in text
        assert "under 'state_dict', named 'model....'" in text


def test_a_lightning_checkpoint_of_plain_settings(tmp_path: Path) -> None:
    torch.save(lightning({"lr": 0.1}), tmp_path / "last.ckpt")
    module = fresh()
    assert not any("objects" in note for note in load_torch_weights(module, tmp_path / "last.ckpt").notes)
    assert holds(module, PLAIN)


def test_every_kind_of_number_is_read_without_unpickling(tmp_path: Path) -> None:
    tensors = {
        str(kind): torch.arange(24).to(kind).reshape(2, 3, 4)
        for kind in (
            torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int8, torch.uint8, torch.int16,
            torch.int32, torch.int64, torch.bool,
        )
    }  # fmt: skip
    tensors["turned"] = tensors["torch.float32"].transpose(0, 2)
    tensors["part"] = tensors["torch.float32"][1:, :, ::2]
    tensors["parameter"] = nn.Parameter(torch.ones(3))
    tensors["nothing"] = torch.ones(0, 3)
    torch.save({"state_dict": tensors, "args": Settings()}, tmp_path / "net.pt")
    from saccade.models.torch.weight_files import checkpoint_in

    read = checkpoint_in(tmp_path / "net.pt")
    assert read.passed_over == "test_torch_weights.Settings"
    for name, tensor in tensors.items():
        torch.testing.assert_close(read.entries["state_dict"][name], tensor.detach(), rtol=0, atol=0)
        assert read.entries["state_dict"][name].dtype == tensor.dtype


def test_objects_without_weights_beside_them_are_refused(tmp_path: Path) -> None:
    torch.save({"model": Settings()}, tmp_path / "net.pt")
    with pytest.raises(ModelError, match=r"net\.pt holds pickled Python objects \(test_torch_weights\.Settings\)"):
        load_torch_weights(fresh(), tmp_path / "net.pt")


def test_an_old_file_with_objects_needs_trust(tmp_path: Path) -> None:
    torch.save(
        {"state_dict": PLAIN, "args": argparse.Namespace(lr=1)},
        tmp_path / "net.pt",
        _use_new_zipfile_serialization=False,
        pickle_module=pickle,
    )
    module = fresh()
    with pytest.raises(ModelError, match=r"argparse\.Namespace.*--trust"):
        load_torch_weights(module, tmp_path / "net.pt")
    load_torch_weights(module, tmp_path / "net.pt", trust=True)
    assert holds(module, PLAIN)
