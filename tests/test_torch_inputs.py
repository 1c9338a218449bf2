"""What a PyTorch module takes: the size of its images, how many at a time, and the shapes that users give."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from saccade.errors import InputError, ModelError
from saccade.models.torch.network import TorchNetwork


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (nn.Sequential(nn.Conv2d(4, 4, 3, groups=2)), (None, None, 4)),
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3)), (None, None, 1)),
        (nn.Sequential(nn.Conv2d(3, 4, 3, 32, 1), nn.Flatten(), nn.Linear(4 * 49, 3)), (224, 224, 3)),
        (nn.Sequential(nn.Conv2d(3, 4, 3, 8, 1), nn.Flatten(), nn.Linear(4 * 16, 3)), (32, 32, 3)),
        (nn.Sequential(nn.PixelUnshuffle(64), nn.Conv2d(64 * 64 * 3, 2, 1), nn.PixelShuffle(1)), (None, None, 3)),
        (nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 3)), (28, 28, 1)),
    ],
)
def test_the_size_of_the_pictures_is_found(module: nn.Module, expected: tuple[int | None, int | None, int]) -> None:
    assert TorchNetwork(module).input_shape == expected


def test_a_size_that_cannot_be_found_is_asked_for() -> None:
    module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten(), nn.Linear(2 * 50 * 70, 3))
    with pytest.raises(
        ModelError, match=r"(?s)could not be found.*input_shape=\(height, width, channels\), or --input"
    ):
        TorchNetwork(module)
    network = TorchNetwork(module, input_shape=(50, 70, 3))
    assert network.layers["0"].shape == (50, 70, 2)
    with pytest.raises(ModelError, match="cannot compute an image of 40x40 with 3 channels"):
        _ = TorchNetwork(module, input_shape=(40, 40, 3)).layers


def test_an_image_larger_than_memory_is_refused_in_one_line() -> None:
    with pytest.raises(ModelError, match=r"1000000x1000000 with 3 channels: that does not fit into memory"):
        _ = TorchNetwork(nn.Conv2d(3, 4, 3), input_shape=(10**6, 10**6, 3)).layers


def test_models_for_one_picture_at_a_time_say_so() -> None:
    class One(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(x).reshape(1, 2, *(each - 2 for each in x.shape[2:]))

    assert TorchNetwork(One()).fixed_batch == 1
    assert TorchNetwork(nn.Conv2d(3, 2, 3)).fixed_batch is None


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((3, 224, 224), r"has its channels first; give them last: \(224, 224, 3\)"),
        ((20, 20), "is no shape of images"),
        ((20.5, 20, 3), "is no shape of images"),
        ((20, 20, None), "is no shape of images"),
        ((0, 20, 3), "is no shape of images"),
        ("20", "is no shape of images"),
    ],
)
def test_shapes_that_are_none(shape: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        TorchNetwork(nn.Conv2d(3, 4, 3), input_shape=shape)  # type: ignore[arg-type]


def test_shapes_that_only_look_odd() -> None:
    assert TorchNetwork(nn.Conv2d(7, 4, 3), input_shape=(3, 224, 7)).input_shape == (3, 224, 7)
    assert TorchNetwork(nn.Conv2d(1, 4, 1), input_shape=(3, 9, 1)).input_shape == (3, 9, 1)
