"""`timm:NAME` and `torchvision:NAME`: named, fed as their weights were trained, never downloaded."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torchvision_operators import imported_with_operators

import saccade
from saccade.errors import InputError, SaccadeWarning, UnknownName
from saccade.images.normalisation import NAMED
from saccade.models.named_models import open_named, read_name
from saccade.models.opened_model import Opened

pytestmark = pytest.mark.usefixtures("no_network")


@pytest.fixture(scope="module", autouse=True)
def _operators() -> Iterator[None]:
    with imported_with_operators("timm", "torchvision.models"):
        yield


def images_for(encoder: saccade.Encoder) -> np.ndarray:
    size = encoder.recipe.height or 64, encoder.recipe.width or 64
    return np.random.default_rng(0).random((2, *size, encoder.recipe.channels), np.float32)


def normalised(images: np.ndarray, name: str) -> torch.Tensor:
    mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (NAMED[name].mean, NAMED[name].std))
    return (torch.tensor(images).permute(0, 3, 1, 2) - mean) / std


def test_timm_with_weights_gives_pooled_features(tmp_path: Path) -> None:
    timm = importlib.import_module("timm")
    torch.manual_seed(3)
    whole = timm.create_model("test_resnet").eval()
    torch.save(whole.state_dict(), tmp_path / "weights.pth")
    encoder = saccade.load("timm:test_resnet.r160_in1k", weights=tmp_path / "weights.pth")
    assert (encoder.name, encoder.recipe.crop) == ("test_resnet.r160_in1k", 0.95)
    assert encoder.recipe.normalisation == NAMED["half"]
    assert "note: left out of weights.pth, since the model has no place for it: 'fc.weight'" in encoder.describe()
    images = images_for(encoder)
    with torch.no_grad():
        expected = whole.forward_head(whole.forward_features(normalised(images, "half")), pre_logits=True)
    assert_allclose(encoder.codes(images).reshape(expected.shape), expected, rtol=1e-3, atol=1e-4)


def test_weights_of_another_image_size_are_brought_into_the_models_as_timm_does(tmp_path: Path) -> None:
    timm = importlib.import_module("timm")
    torch.manual_seed(3)
    small = {"depth": 1, "num_classes": 0}
    trained = timm.create_model("vit_tiny_patch16_224", img_size=64, **small)
    torch.save({"state_dict": {f"module.{n}": each for n, each in trained.state_dict().items()}}, tmp_path / "w.pth")
    encoder = saccade.load("timm:vit_tiny_patch16_224(img_size=96,depth=1)", weights=tmp_path / "w.pth")
    assert "note: w.pth is of another layout or image size, which timm's own rules brought" in encoder.describe()
    expected = timm.create_model("vit_tiny_patch16_224", img_size=96, **small).eval()
    filtered = importlib.import_module("timm.models.vision_transformer").checkpoint_filter_fn
    expected.load_state_dict(filtered(trained.state_dict(), expected))
    images = images_for(encoder)
    with torch.no_grad():
        codes = expected(normalised(images, "half"))
    assert_allclose(encoder.codes(images).reshape(codes.shape), codes, rtol=1e-3, atol=1e-4)
    with pytest.raises(InputError, match=r"the weights in w\.pth do not fit ResNet: 'conv1\.0\.weight' is missing"):
        saccade.load("timm:test_resnet", weights=tmp_path / "w.pth")


def named(text: str, weights: str) -> Opened:
    model = read_name(text)
    assert model is not None
    return open_named(model, Path(weights))


def test_the_name_of_a_published_file_says_which_weights_it_holds() -> None:
    timm = importlib.import_module("timm")
    config = timm.get_pretrained_cfg("resnet18.tv_in1k")
    opened = named("timm:resnet18", config.url.rpartition("/")[2])
    assert (opened.name, opened.model.pretrained_cfg["tag"]) == ("resnet18.tv_in1k", "tv_in1k")
    assert named("timm:resnet18", "my.pth").name == "resnet18"
    carried = named("torchvision:resnet50", "resnet50-0676ba61.pth").carried
    assert carried is not None
    assert (carried.source, carried.crop) == ("torchvision's weights IMAGENET1K_V1 were trained so", 224 / 256)
    assert (carried.sizes, carried.interpolation) == (((224, 224),), "bilinear")
    assert carried.normalisation == NAMED["imagenet"]


def test_a_tag_says_which_weights_a_file_holds() -> None:
    for text, crop in (("torchvision:resnet50", 224 / 232), ("torchvision:resnet50.IMAGENET1K_V1", 224 / 256)):
        opened = named(text, "my.pth")
        assert opened.name == text.partition(":")[2]
        assert opened.carried is not None
        assert opened.carried.crop == crop
        assert ("name others as torchvision:resnet50.TAG" in opened.carried.source) == ("V1" not in text)


def test_torchvision_with_weights_gives_what_its_classifier_reads(tmp_path: Path) -> None:
    models = importlib.import_module("torchvision.models")
    torch.manual_seed(3)
    whole = models.squeezenet1_1().eval()
    torch.save(whole.state_dict(), tmp_path / "weights.pth")
    encoder = saccade.load("torchvision:squeezenet1_1", weights=tmp_path / "weights.pth")
    assert "normalised as imagenet (torchvision's weights IMAGENET1K_V1 were trained so)" in encoder.describe()
    images = images_for(encoder)
    with torch.no_grad():
        expected = whole.features(normalised(images, "imagenet")).mean((2, 3))
    assert_allclose(encoder.codes(images).reshape(expected.shape), expected, rtol=1e-3, atol=1e-4)


def test_inception_is_fed_as_torchvision_feeds_its_published_weights() -> None:
    models = importlib.import_module("torchvision.models")
    opened = named("torchvision:inception_v3", "my.pth")
    assert opened.carried is not None
    assert opened.carried.normalisation == NAMED["half"]
    assert not opened.model.transform_input
    images = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
    with_own_entrance = models.inception_v3(init_weights=False, transform_input=True)
    expected = with_own_entrance._transform_input(normalised(images, "imagenet"))
    assert_allclose(normalised(images, "half"), expected, atol=1e-6)


@pytest.mark.parametrize(
    "text",
    ["timm:vit_tiny_patch16_224(img_size=32,depth=1)", "torchvision:squeezenet1_1", "timm:test_resnet(in_chans=1)"],
)
def test_random_weights_are_said_loudly(text: str) -> None:
    with pytest.warns(SaccadeWarning, match=r"are random, since nothing is downloaded and no --weights FILE") as caught:
        encoder = saccade.load(text)
    assert caught[0].filename == __file__
    assert "are random" in encoder.describe()
    assert encoder.codes(images_for(encoder)).shape[-1] in (192, 96, 512)
    if "in_chans" in text:
        assert "normalised by 0.5/0.5" in encoder.describe()


def test_a_number_of_classes_keeps_the_classifier() -> None:
    for text in ("timm:resnet18(num_classes=7)", "torchvision:resnet18(num_classes=7)"):
        assert named(text, "my.pth").model.fc.out_features == 7


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("timm:resnt18", UnknownName, "timm has no model 'resnt18'; the nearest are 'resnet18'"),
        ("timm:vit_tinny", UnknownName, "the nearest are .*'vit_tiny_"),
        ("timm:vit_tiny", UnknownName, "the nearest are .*'vit_tiny_"),
        ("timm:creat_model(resnet18)", UnknownName, "nearest are 'create_model'"),
        ("torchvision:resnet5", UnknownName, "torchvision has no model 'resnet5'; the nearest are 'resnet50', 'resnet"),
        (
            "timm:resnet18.a9_in1k",
            UnknownName,
            "no weights of timm's resnet18 called 'a9_in1k'; the nearest is 'a[123]_in1k'",
        ),
        ("torchvision:resnet50.V2", UnknownName, "called 'V2'; .*allowed: IMAGENET1K_V1, IMAGENET1K_V2"),
        ("timm:resnet18(pretrained=True)", InputError, "takes no pretrained=, since nothing is downloaded"),
        ("torchvision:resnet18(weights=DEFAULT)", InputError, "takes no weights=.*give --weights FILE"),
        ("timm:resnet18(10)", InputError, r"arguments by name only, such as timm:resnet18\(num_classes=10\)"),
        ("timm:resnet18(a=", InputError, "a value after 'a' is missing"),
        ("timm:resnet18(colour=3)", InputError, "timm:resnet18 failed: TypeError: .*colour"),
    ],
)
def test_mistakes_are_one_line(text: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        saccade.load(text)
    assert str(caught.value).isprintable()


def test_functions_of_the_libraries_stay_factories() -> None:
    assert read_name("timm:create_model(resnet18)") is None
    assert read_name("torchvision:models.resnet18") is None
    assert read_name("saccade.pretrained:efficientnet_lite0") is None
    encoder = saccade.load("timm:create_model(test_resnet,num_classes=0)")
    assert (encoder.name, encoder.layers[encoder.layer].shape) == ("ResNet", (96,))
