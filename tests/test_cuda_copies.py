"""What goes to a GPU and stays there, as far as a processor can show it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import saccade
from saccade.engines.cuda_copies import _writable
from saccade.engines.torch import TorchBackend


def test_torch_reads_an_array_that_may_not_be_written_into_where_it_lies() -> None:
    values = np.arange(6, dtype=np.float32)
    shown = values.view()
    shown.setflags(write=False)
    tensor = torch.from_numpy(_writable(shown))  # a warning would be an error
    values[0] = 7
    assert tensor[0] == 7
    assert not shown.flags.writeable
    assert _writable(values) is values


class InPlace(nn.Module):
    """Writes into the images that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.Tanh())

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.encoder(images.mul_(2) if not images.requires_grad else images * 2)
        return result


def test_images_stay_as_they_were_sent_where_the_model_writes_into_its_input(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    module = InPlace()
    images = np.random.default_rng(0).random((2, 16, 16, 3), np.float32)

    def explained() -> np.ndarray:
        encoder = saccade.Encoder(module, layer="encoder.1", value_range=(0, 1), input_shape=(16, 16, 3))
        return saccade.explain(encoder, images, "smoothgrad", samples=4).values

    right = explained()
    monkeypatch.setattr(TorchBackend, "is_accelerator", property(lambda backend: True))
    np.testing.assert_allclose(explained(), right, rtol=1e-4, atol=1e-5 * right.max())
