"""What cannot be asked of a PyTorch module: wrong names and devices, endless calls, gradients that there are not."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch_autoencoder import Autoencoder, autoencoder, pictures

import saccade
from saccade.errors import InputError, ModelError, UnknownName
from saccade.models.torch.devices import check_device
from saccade.models.torch.network import TorchNetwork


@pytest.fixture
def module() -> Autoencoder:
    return autoencoder()


def test_mistakes_are_answered_plainly(module: Autoencoder) -> None:
    network = TorchNetwork(module)
    with pytest.raises(UnknownName, match=r"no layer 'encoder\.9'"):
        network.run(pictures(), ["encoder.9"])
    with pytest.raises(ModelError, match="lazy layers that were never called"):
        TorchNetwork(nn.Sequential(nn.LazyConv2d(3, 3)))
    with torch.device("meta"), pytest.raises(ModelError, match="where it has no weights"):
        TorchNetwork(nn.Conv2d(3, 4, 3))
    with pytest.raises(InputError, match=r"no device 'nowhere' for PyTorch .* here; there are cpu"):
        network.to("nowhere")

    class Constant(nn.Module):
        def forward(self, x: torch.Tensor) -> float:
            return 1.0

    with pytest.raises(ModelError, match="computes no tensor for each image"):
        _ = TorchNetwork(Constant(), input_shape=(8, 8, 3)).layers


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (lambda own, x: own.forward(x), "it calls itself without end"),
        (lambda own, x: sys.exit(3), "it ends the program"),
    ],
)
def test_modules_that_never_come_to_an_end(forward: object, message: str) -> None:
    module = type("Endless", (nn.Module,), {"forward": forward})()
    with pytest.raises(ModelError, match=message):
        _ = TorchNetwork(module, input_shape=(8, 8, 3)).layers


def test_a_live_model_computes_where_it_lies() -> None:
    module = nn.Conv2d(3, 4, 3)
    assert saccade.Encoder(module, device="cpu").codes(np.zeros((1, 8, 8, 3), np.float32)).shape == (1, 6, 6, 4)
    for name in ("cuda:97", "gpu:97", "nonsense"):
        with pytest.raises(InputError, match=f"no device '{name}' for PyTorch"):
            saccade.Encoder(module, device=name)
    for setting, message in (("device", "no name of a device"), ("memory", "no number of bytes"), ("size", "no size")):
        with pytest.raises(InputError, match=message):
            saccade.Encoder(module, **{setting: [5]})  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match=r"no layer \['4'\]; layers are named by texts"):
        saccade.Encoder(module, layer=["4"])  # type: ignore[arg-type]
    with torch.device("meta"):
        elsewhere = nn.Conv2d(3, 4, 3)
    with pytest.raises(InputError, match=r"the model lies on meta.*model\.to\('cpu'\)"):
        check_device("cpu", elsewhere.weight.device)


class Checkpointed(nn.Module):
    """Computes its middle again on the way back."""

    def __init__(self, *, reentrant: bool) -> None:
        super().__init__()
        self.first, self.middle, self.last = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 2, 1)
        self.reentrant = reentrant

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(checkpoint(self.middle, self.first(x), use_reentrant=self.reentrant))


class Rounding(nn.Module):
    """What quantised layers do: a gradient ends here, although the result belongs to a graph."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.shift = nn.Conv2d(3, 4, 3), nn.Parameter(torch.ones(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x.detach()).round() + torch.zeros((), requires_grad=True)


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
def test_gradients_that_pytorch_cannot_give_are_refused() -> None:
    images = np.random.default_rng(0).random((1, 8, 8, 3), np.float32)
    for module, message in (
        (Checkpointed(reentrant=True), "switch checkpointing off"),
        (Rounding(), "in a way that can be differentiated"),
    ):
        encoder = saccade.Encoder(module, input_shape=(8, 8, 3))
        with pytest.raises(ModelError, match=message):
            saccade.explain(encoder, images, "saliency")
        assert saccade.explain(encoder, images, "occlusion", patch=4).values.any()
    encoder = saccade.Encoder(Checkpointed(reentrant=False), input_shape=(8, 8, 3))
    assert saccade.explain(encoder, images, "saliency").values.any()
