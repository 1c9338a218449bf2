"""Opening the files of PyTorch, and refusing what would run code or is no model."""

from __future__ import annotations

import sys
import types
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn
from torch_archives import exported, rewritten, scripted

from saccade.errors import FileError, ModelError
from saccade.models.opening import open_model
from saccade.models.torch.files import open_torch_file
from saccade.models.torch.network import TorchNetwork
from saccade.models.torch.weights import load_torch_weights


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.BatchNorm2d(4)
        )
        self.bend = nn.ELU()
        self.decoder = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(4, 3, 3, padding=1), nn.Sigmoid())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.bend(self.encoder(self.bend(x))))


@pytest.fixture
def net() -> Net:
    torch.manual_seed(0)
    return Net().eval()


def answers(network: TorchNetwork, images: torch.Tensor, *layers: str) -> dict[str, torch.Tensor]:
    with network.inference_mode(), torch.no_grad():
        return network.run(images, layers)


def expected(net: Net, images: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return net(images.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def test_exported_programs_keep_their_layers(net: Net, tmp_path: Path) -> None:
    network = open_torch_file(exported(net, tmp_path / "net.pt2", free=True))
    assert network.name == "net"
    assert network.input_shape == (None, None, 3)
    assert network.fixed_batch is None
    assert network.layers["encoder.0"].kind == "Conv2d"
    assert network.layers["encoder"].shape == (None, None, 4)
    assert network.hints.output_activation == "sigmoid"
    assert "bend:2" in network.layers
    images = torch.rand(3, 36, 40, 3)
    outputs = answers(network, images, network.output, "encoder.0", "encoder.1")
    torch.testing.assert_close(outputs[network.output], expected(net, images))
    assert (outputs["encoder.0"] < 0).any()
    assert not (outputs["encoder.1"] < 0).any()
    flow = network.dataflow(36, 40)
    assert flow.footprint("encoder", 0, (7, 8)) == (3, 5)
    assert flow.receptive_field("encoder") == (4, 4)


def test_exported_programs_keep_their_fixed_sizes(net: Net, tmp_path: Path) -> None:
    network = open_torch_file(exported(net, tmp_path / "net.pt2", free=False))
    assert network.input_shape == (32, 48, 3)
    assert network.fixed_batch == 2
    assert network.layers["encoder"].shape == (16, 24, 4)
    images = torch.rand(2, 32, 48, 3)
    torch.testing.assert_close(answers(network, images, network.output)[network.output], expected(net, images))
    assert network.dataflow(32, 48).footprint("decoder", 1, (8, 9)) == TorchNetwork(net).dataflow(32, 48).footprint(
        "decoder", 1, (8, 9)
    )


@pytest.mark.parametrize("traced", [False, True])
def test_scripts_have_one_layer(net: Net, tmp_path: Path, traced: bool) -> None:
    network = open_torch_file(scripted(net, tmp_path / "net.pt", traced=traced))
    assert list(network.layers) == ["output"]
    assert network.output == "output"
    assert network.layers["output"].kind == "Net"
    assert network.hints.output_activation == "sigmoid"
    assert network.input_shape == (None, None, 3)
    images = torch.rand(3, 36, 40, 3)
    torch.testing.assert_close(answers(network, images, "output")["output"], expected(net, images))
    whole, script = TorchNetwork(net).dataflow(36, 40), network.dataflow(36, 40)
    assert script.footprint("output", 0, (9, 12)) == whole.footprint("decoder", 0, (9, 12))


def test_a_script_of_a_training_module_is_evaluated_and_put_back(tmp_path: Path) -> None:
    network = open_torch_file(scripted(Net().train(), tmp_path / "net.ts"))
    images = torch.rand(3, 36, 40, 3)
    first = answers(network, images, "output")["output"]
    torch.testing.assert_close(answers(network, images[:1], "output")["output"], first[:1])
    assert network.module.training
    assert network.module.encoder.training


def test_weights_alone_name_the_way_on(net: Net, tmp_path: Path) -> None:
    torch.save(net.state_dict(), tmp_path / "net.pt")
    torch.save({"epoch": 3, "state_dict": net.state_dict()}, tmp_path / "net.ckpt")
    safetensors.torch.save_file(net.state_dict(), tmp_path / "net.safetensors")
    for name in ("net.pt", "net.ckpt", "net.safetensors"):
        for trust in (False, True):
            with pytest.raises(
                ModelError, match=f"holds weights but not the model.*package.module:factory --weights {name}"
            ):
                open_torch_file(tmp_path / name, trust=trust)


@pytest.fixture
def importable() -> Iterator[types.ModuleType]:
    """A module in which the pickled class and a harmful function can be found."""
    module = types.ModuleType("somebodys_code")
    exec("ran = []\ndef harm(*_):\n    ran.append(1)\n    return {}\n", module.__dict__)
    module.Net = type("Net", (Net,), {"__module__": "somebodys_code", "__qualname__": "Net"})  # type: ignore[attr-defined]
    sys.modules["somebodys_code"] = module
    yield module
    del sys.modules["somebodys_code"]


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[()]]:
        return sys.modules["somebodys_code"].harm, ()


def test_pickled_modules_are_opened_with_trust_only(importable: types.ModuleType, tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = tmp_path / "whole.pt"
    module = importable.Net().eval()
    torch.save(module, path)
    with pytest.raises(ModelError, match=r"whole\.pt holds pickled Python objects \(.*somebodys_code\.Net.*--trust"):
        open_torch_file(path)
    network = open_torch_file(path, trust=True)
    images = torch.rand(1, 16, 16, 3)
    torch.testing.assert_close(answers(network, images, network.output)[network.output], expected(module, images))
    assert "encoder.3" in network.layers
    del importable.Net
    with pytest.raises(ModelError, match=r"whole\.pt needs the Python code that the model was made with"):
        open_torch_file(path, trust=True)


@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_is_unpickled_without_trust(importable: types.ModuleType, tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "harm.pt"
    torch.save({"weights": Harmful()}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises((ModelError, FileError)):
        open_torch_file(path)
    with pytest.raises((ModelError, FileError)):
        load_torch_weights(nn.Linear(1, 1), path)
    assert not importable.ran


@pytest.mark.parametrize("name", ["net.pt", "net.pt2", "net.safetensors", "net.ts"])
def test_files_that_are_no_models_get_one_clear_line(net: Net, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(FileError, match="no file"):
        open_torch_file(path)
    path.write_bytes(b"")
    with pytest.raises(FileError, match="is empty"):
        open_torch_file(path)
    with pytest.raises(FileError, match="is empty"):
        load_torch_weights(net, path)
    for content in (b"hello, this is no model at all", b"\x80\x02}q\x00.", bytes(range(256)) * 8):
        path.write_bytes(content)
        with pytest.raises((FileError, ModelError)) as raised:
            open_torch_file(path)
        assert "\n" not in str(raised.value)
        assert name in str(raised.value)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("letter.txt", "hello")
    with pytest.raises(ModelError, match=r"no PyTorch model; it holds letter\.txt"):
        open_torch_file(path)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
@pytest.mark.parametrize("kind", ["exported", "scripted", "weights", "safetensors", "old weights"])
def test_truncated_files_are_called_damaged(net: Net, tmp_path: Path, kind: str, share: float) -> None:
    path = tmp_path / "net.pt"
    if kind == "exported":
        path = exported(net, tmp_path / "net.pt2", free=False)
    elif kind == "scripted":
        scripted(net, path)
    elif kind == "safetensors":
        safetensors.torch.save_file(net.state_dict(), path)
    else:
        torch.save(net.state_dict(), path, _use_new_zipfile_serialization=kind == "weights")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    opened: tuple[Callable[[], object], ...] = (lambda: load_torch_weights(net, path),)
    if kind not in ("safetensors",):
        opened += (lambda: open_torch_file(path),)
    for attempt in opened:
        with pytest.raises(FileError, match="is damaged") as raised:
            attempt()
        assert "\n" not in str(raised.value)


def test_an_archive_of_which_a_part_is_missing(net: Net, tmp_path: Path) -> None:
    content = bytearray(scripted(net, tmp_path / "net.pt").read_bytes())
    locator = content.find(b"PK\x06\x07")
    assert locator > 0
    content[locator + 16] = 7  # it says that it lies on seven disks
    (tmp_path / "net.pt").write_bytes(bytes(content))
    with pytest.raises(FileError, match="is damaged"):
        open_model(tmp_path / "net.pt")


def test_an_archive_with_damaged_contents(net: Net, tmp_path: Path) -> None:
    path = scripted(net, tmp_path / "net.pt")
    broken = rewritten(path, lambda name, content: b"junk" if name.endswith(".py") else content)
    with pytest.raises(FileError, match="is damaged: its code cannot be read") as raised:
        open_torch_file(broken)
    assert "\n" not in str(raised.value)
    path = exported(net, tmp_path / "net.pt2", free=False)
    broken = rewritten(path, lambda name, content: b"{" if name.endswith("model.json") else content)
    with pytest.raises(FileError, match="is damaged"):
        open_torch_file(broken)


def test_programs_of_something_else_than_one_picture(tmp_path: Path) -> None:
    class Two(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return x + y

    for name, module, inputs, message in (
        ("two.pt2", Two(), (torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8)), "takes 2 inputs"),
        ("flat.pt2", nn.Linear(3, 3), (torch.rand(1, 3),), r"takes input of shape \(1, 3\)"),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.export.save(torch.export.export(module, inputs), tmp_path / name)
        with pytest.raises(ModelError, match=message):
            open_torch_file(tmp_path / name)


# Weights


def same(one: nn.Module, two: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda weights: weights,
        lambda weights: {f"module.{name}": each for name, each in weights.items()},
        lambda weights: {f"_orig_mod.module.{name}": each for name, each in weights.items()},
        lambda weights: {"epoch": 3, "state_dict": {f"model.{name}": each for name, each in weights.items()}},
        lambda weights: {"model": weights, "optimizer": {"state": {}}},
        lambda weights: {"state_dict": {**{f"model.{n}": e for n, e in weights.items()}, "loss.weight": torch.ones(1)}},
        lambda weights: {name: each for name, each in weights.items() if not name.endswith("num_batches_tracked")},
        lambda weights: {name: each.double() if each.is_floating_point() else each for name, each in weights.items()},
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_weights_are_found_however_they_were_wrapped(
    net: Net, tmp_path: Path, wrapped: Callable[[dict[str, torch.Tensor]], object], zipped: bool
) -> None:
    torch.save(wrapped(net.state_dict()), tmp_path / "net.pt", _use_new_zipfile_serialization=zipped)
    torch.manual_seed(1)
    other = Net()
    assert not same(net, other)
    load_torch_weights(other, tmp_path / "net.pt")
    assert same(net, other)
    assert other.training


def test_weights_from_safetensors(net: Net, tmp_path: Path) -> None:
    safetensors.torch.save_file({f"module.{n}": e for n, e in net.state_dict().items()}, tmp_path / "net.safetensors")
    other = Net()
    load_torch_weights(other, tmp_path / "net.safetensors")
    assert same(net, other)


def test_a_prefix_that_belongs_to_the_model_is_kept(tmp_path: Path) -> None:
    one, two = nn.Sequential(), nn.Sequential()
    one.add_module("model", nn.Linear(2, 2))
    two.add_module("model", nn.Linear(2, 2))
    torch.save(one.state_dict(), tmp_path / "net.pt")
    load_torch_weights(two, tmp_path / "net.pt")
    assert same(one, two)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("decoder.1.bias"), r"'decoder\.1\.bias' is missing"),
        (lambda w: w.update({"encoder.0.running_mean": torch.ones(1)}), r"'encoder\.0\.running_mean' is not in the m"),
        (lambda w: [w.pop(name) for name in list(w)], "holds no weights but a dict"),
        (
            lambda w: w.update({"encoder.0.weight": torch.ones(4, 1, 3, 3)}),
            r"'encoder\.0\.weight' has shape \(4, 1, 3, 3\), the model needs \(4, 3, 3, 3\)",
        ),
        (lambda w: [w.pop(name) for name in list(w)[1:]], r"is missing.*, and \d+ more"),
    ],
)
def test_weights_of_another_model_change_nothing(
    net: Net, tmp_path: Path, change: Callable[[dict[str, torch.Tensor]], object], message: str
) -> None:
    weights = dict(net.state_dict())
    change(weights)
    torch.save(weights, tmp_path / "net.pt")
    torch.manual_seed(1)
    other, before = Net(), Net()
    before.load_state_dict(other.state_dict())
    with pytest.raises(ModelError, match=message):
        load_torch_weights(other, tmp_path / "net.pt")
    assert same(other, before)


def test_a_module_that_refuses_weights_gets_its_own_back(net: Net, tmp_path: Path) -> None:
    class Fussy(Net):
        def _load_from_state_dict(self, *args: object, **kwargs: object) -> None:
            super()._load_from_state_dict(*args, **kwargs)
            args[-1].append("I do not want these")  # type: ignore[attr-defined]

    torch.save(net.state_dict(), tmp_path / "net.pt")
    torch.manual_seed(1)
    other = Fussy()
    values = {name: each.clone() for name, each in other.state_dict().items()}
    with pytest.raises(ModelError, match="do not fit Fussy"):
        load_torch_weights(other, tmp_path / "net.pt")
    assert all(torch.equal(values[name], each) for name, each in other.state_dict().items())


def test_files_that_hold_no_weights(net: Net, tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(ModelError, match=r"list\.pt holds no weights but a list"):
        load_torch_weights(net, tmp_path / "list.pt")
    for path in (scripted(net, tmp_path / "script.pt"), exported(net, tmp_path / "program.pt2", free=False)):
        with pytest.raises(ModelError, match="is a model of its own, not weights"):
            load_torch_weights(net, path)
