"""How models want their images. Oracles: the framework's own arithmetic, Pillow's resizing."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from PIL import Image
from torch import nn

import saccade
from saccade.errors import ImageError, InputError, UnknownName
from saccade.images import ImageRecipe, read
from saccade.images.normalisation import NAMED, Normalisation, normalisation_of
from saccade.models.carried import Carried, from_open_clip, from_preprocessor, from_timm, preprocessor_beside
from saccade.models.feed import feed_of
from saccade.models.live_models import open_live

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
MEAN, STD = (torch.tensor(numbers)[None, :, None, None] for numbers in IMAGENET)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


class Fed(nn.Module):
    """A convolution behind a line of arithmetic."""

    def __init__(self, arithmetic: Callable[[torch.Tensor], torch.Tensor] = lambda image: image) -> None:
        super().__init__()
        self.arithmetic = arithmetic
        self.conv = nn.Conv2d(3, 4, 3, 2)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.conv(self.arithmetic(image)).flatten(1)


# --- what stands inside the model


@pytest.mark.parametrize(
    ("arithmetic", "expected"),
    [
        (lambda x: x / 255, (0, 255)),
        (lambda x: x / 127.5 - 1, (0, 255)),
        (lambda x: (x / 255 - MEAN) / STD, (0, 255)),
        (lambda x: (x - 120) / 4000**0.5, (0, 255)),
        (lambda x: x.flip(1) - torch.tensor([103.939, 116.779, 123.68])[None, :, None, None], (0, 255)),
        (lambda x: (x - MEAN) / STD, (0, 1)),
        (lambda x: x * 2 - 1, (0, 1)),
        (lambda x: x - 0.5, (0, 1)),
        (lambda x: x * 255, (0, 1)),
        (lambda x: x / 2 + 0.5, (-1, 1)),
        (lambda x: nn.functional.pad(x / 255, (3, 3, 3, 3)), (0, 255)),
        (lambda x: nn.functional.interpolate(x / 255, size=(20, 20)), (0, 255)),
    ],
)
def test_arithmetic_at_the_entrance_says_the_range(arithmetic: Any, expected: tuple[float, float]) -> None:
    feed = feed_of(open_live(Fed(arithmetic), input_shape=(32, 32, 3)))
    assert feed.value_range == expected
    assert feed.normalisation is None
    assert feed.reason.startswith("the model itself computes value *")


@pytest.mark.parametrize("arithmetic", [lambda x: x, lambda x: x.clamp(0, 1), lambda x: x**2, lambda x: x * 1e-9])
def test_other_arithmetic_says_nothing(arithmetic: Any) -> None:
    feed = feed_of(open_live(Fed(arithmetic), input_shape=(32, 32, 3)))
    assert feed.value_range == (0, 1)
    assert feed.is_assumed


def test_a_batch_normalisation_at_the_entrance_is_arithmetic_too() -> None:
    norm = nn.BatchNorm2d(3)
    norm.running_mean.fill_(115.0)
    norm.running_var.fill_(3600.0)
    assert feed_of(open_live(nn.Sequential(norm, nn.Conv2d(3, 4, 3)), input_shape=(32, 32, 3))).value_range == (0, 255)


def test_a_kernel_that_is_no_module_is_not_taken_for_arithmetic() -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = nn.Parameter(torch.rand(8, 3, 3, 3))
            self.conv = nn.Conv2d(8, 4, 3)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return self.conv(nn.functional.conv2d(image, self.kernel))

    assert feed_of(open_live(Functional(), input_shape=(32, 32, 3))).is_assumed


# --- what the model carries


def test_a_timm_model_is_fed_as_its_configuration_says() -> None:
    module = Fed()
    module.pretrained_cfg = {
        "input_size": (3, 48, 48), "mean": IMAGENET[0], "std": IMAGENET[1], "crop_pct": 0.75, "crop_mode": "center",
        "interpolation": "bicubic",
    }  # fmt: skip
    encoder = saccade.Encoder(module)
    assert encoder.recipe.describe() == (
        "48x48 RGB, middle 75 % of the photo (bicubic), values 0..1, normalised as imagenet"
    )
    assert encoder.value_range_reason == "the model carries it (pretrained_cfg)"
    # Also where it is a part of something larger.
    wrapped = saccade.Encoder(nn.Sequential(module, nn.Identity()))
    assert wrapped.recipe == encoder.recipe
    assert wrapped.value_range_reason == "its part '0' carries it (pretrained_cfg)"
    # What the caller says comes first, one by one.
    configured = saccade.Encoder(module, fit="stretch", normalize="half", size=(32, 40), interpolation="box")
    assert configured.recipe == ImageRecipe(
        32, 40, 3, fit="stretch", interpolation="box", normalisation=NAMED["half"], value_range=(0, 1)
    )
    assert saccade.Encoder(module, normalize="none").recipe.normalisation is None
    assert saccade.Encoder(module, value_range=(0, 255)).recipe.normalisation is None
    assert saccade.Encoder(module, value_range=(0, 1)).recipe.normalisation == NAMED["imagenet"]


def test_a_model_that_normalises_by_itself_is_not_normalised_twice() -> None:
    inner = Fed()
    inner.pretrained_cfg = {"input_size": (3, 48, 48), "mean": IMAGENET[0], "std": IMAGENET[1]}

    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return self.inner((image / 255 - MEAN) / STD)

    encoder = saccade.Encoder(Whole())
    assert encoder.recipe.normalisation is None
    assert encoder.value_range == (0, 255)


def test_configurations_of_other_libraries() -> None:
    clip = NAMED["clip"]
    assert from_open_clip(
        {"size": (224, 224), "mean": clip.mean, "std": clip.std, "interpolation": "bicubic", "resize_mode": "shortest"},
        "",
    ) == Carried("", ((224, 224),), clip, None, "cover", None, "bicubic")
    assert from_timm({"input_size": (3, 32, 32), "mean": (0.5,) * 3, "std": (0.5,) * 3, "crop_mode": "squash"}, "") == (
        Carried("", ((32, 32),), NAMED["half"], None, "stretch")
    )
    # As Hugging Face wrote it in each of the years; the last one is what BeiT's kin do.
    assert from_preprocessor({"size": 224, "image_mean": [0.5] * 3, "image_std": [0.5] * 3, "resample": 2}, "") == (
        Carried("", ((224, 224),), NAMED["half"], None, "stretch", None, "bilinear")
    )
    cropped = {
        "size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}, "do_center_crop": True,
        "do_normalize": True, "image_mean": IMAGENET[0], "image_std": IMAGENET[1], "resample": 3,
    }  # fmt: skip
    assert from_preprocessor(cropped, "") == (
        Carried("", ((224, 224),), NAMED["imagenet"], None, "cover", 224 / 256, "bicubic")
    )
    plain = {"size": {"height": 64, "width": 48}, "do_normalize": False, "do_rescale": True, "rescale_factor": 1 / 255}
    assert from_preprocessor(plain, "") == Carried("", ((64, 48),), None, (0.0, 1.0), "stretch")
    assert from_preprocessor({**plain, "do_rescale": False}, "").value_range == (0.0, 255.0)


def test_a_preprocessor_beside_a_hugging_face_model_is_read(tmp_path: Path) -> None:
    module = Fed()
    module.config = SimpleNamespace(model_type="vit", image_size=32, _name_or_path=str(tmp_path))
    assert saccade.Encoder(module).recipe.normalisation == NAMED["half"], "what its kind is usually trained with"
    settings = {"size": {"height": 40, "width": 40}, "image_mean": [0.1, 0.2, 0.3], "image_std": [1.0, 2.0, 3.0]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings))
    recipe = saccade.Encoder(module).recipe
    assert (recipe.height, recipe.width) == (40, 40)
    assert recipe.normalisation == Normalisation((0.1, 0.2, 0.3), (1.0, 2.0, 3.0))
    (tmp_path / "preprocessor_config.json").write_text("{")
    with pytest.raises(InputError, match=r"preprocessor_config\.json is damaged"):
        preprocessor_beside(tmp_path)


# --- what normalisation does


def test_normalised_codes_are_the_models_own(rng: np.random.Generator) -> None:
    module = Fed().eval()
    encoder = saccade.Encoder(module, input_shape=(32, 32, 3), normalize="imagenet")
    images = rng.random((2, 32, 32, 3), np.float32)
    with torch.no_grad():
        expected = module((torch.tensor(images).permute(0, 3, 1, 2) - MEAN) / STD).numpy()
    assert_allclose(encoder.codes(images).reshape(2, -1), expected, rtol=1e-4, atol=1e-5)


def test_gradients_are_those_at_the_image_before_it_is_normalised(rng: np.random.Generator) -> None:
    module = Fed().eval()
    images = rng.random((1, 32, 32, 3), np.float32)
    tensor = torch.tensor(images).permute(0, 3, 1, 2).requires_grad_(True)
    (0.5 * module((tensor - MEAN) / STD).square().sum()).backward()
    expected = tensor.grad[0].permute(1, 2, 0).numpy()
    encoder = saccade.Encoder(module, input_shape=(32, 32, 3), normalize=IMAGENET)
    run = saccade.Run(encoder)
    objective = run.objective(images, saccade.targets.code())
    gradient = run.gradient(images, objective, saccade.targets.paths.STAY, saccade.targets.paths.ONCE)
    assert_allclose(gradient[0], expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_channels_read_backwards(rng: np.random.Generator) -> None:
    module = Fed().eval()
    encoder = saccade.Encoder(module, input_shape=(32, 32, 3), normalize="caffe")
    assert encoder.value_range == (0, 255)
    images = rng.random((1, 32, 32, 3), np.float32) * 255
    caffe = (images[..., ::-1] - np.float32([103.939, 116.779, 123.68])).transpose(0, 3, 1, 2)
    with torch.no_grad():
        expected = module(torch.tensor(np.ascontiguousarray(caffe))).numpy()
    assert_allclose(encoder.codes(images).reshape(1, -1), expected, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("sigmoid", [False, True])
def test_a_redrawn_picture_is_given_in_the_images_own_range(rng: np.random.Generator, sigmoid: bool) -> None:
    inner = nn.Sequential(nn.Conv2d(3, 2, 2, 2), nn.ReLU(), nn.ConvTranspose2d(2, 3, 2, 2)).eval()
    module = nn.Sequential(*inner, nn.Sigmoid()).eval() if sigmoid else inner
    encoder = saccade.Encoder(module, layer="1", input_shape=(16, 16, 3), normalize="imagenet")
    images = rng.random((1, 16, 16, 3), np.float32)
    with torch.no_grad():
        redrawn = module((torch.tensor(images).permute(0, 3, 1, 2) - MEAN) / STD)
        expected = (redrawn if sigmoid else redrawn * STD + MEAN).permute(0, 2, 3, 1).numpy()
    assert_allclose(encoder.reconstruct(images), expected, rtol=1e-4, atol=1e-5)


def test_what_was_fed_stands_in_the_result() -> None:
    encoder = saccade.Encoder(Fed(), input_shape=(32, 32, 3), normalize="clip")
    attribution = saccade.explain(encoder, np.zeros((40, 40, 3), np.uint8), "occlusion", patch=16, stride=16)
    assert attribution.fed == "values 0..1, normalised as clip"
    assert attribution.to_dict()["fed"] == attribution.fed


# --- how it is said


def test_normalisations_are_read_in_every_spelling() -> None:
    assert normalisation_of("imagenet") == normalisation_of(IMAGENET) == NAMED["imagenet"]
    assert normalisation_of("0.485,0.456,0.406/0.229,0.224,0.225") == NAMED["imagenet"]
    assert (
        normalisation_of("0.1307/0.3081") == normalisation_of((0.1307, 0.3081)) == Normalisation((0.1307,), (0.3081,))
    )
    assert normalisation_of("120,120,120/63,63,63").value_range == (0.0, 255.0)
    assert normalisation_of("none") is None


@pytest.mark.parametrize(
    ("normalisation", "error", "message"),
    [
        ("imagenett", UnknownName, "the nearest is 'imagenet'"),
        ("1,2/3", InputError, "cannot be read"),
        ("a,b/c,d", InputError, "cannot be read"),
        ("0.5/0", InputError, "every spread above 0"),
        ((0.5, float("nan")), InputError, "every mean must be a number"),
        (7, InputError, "cannot be read"),
    ],
)
def test_normalisations_that_are_none(normalisation: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        normalisation_of(normalisation)


def test_a_normalisation_for_other_channels_is_refused() -> None:
    with pytest.raises(InputError, match="is for 3 channels"):
        saccade.Encoder(nn.Conv2d(1, 2, 3), input_shape=(16, 16, 1), normalize="imagenet")
    assert saccade.Encoder(nn.Conv2d(1, 2, 3), input_shape=(16, 16, 1), normalize="0.13/0.31").recipe.normalisation


# --- size, crop, interpolation


@pytest.mark.parametrize("name", ["bilinear", "bicubic"])
def test_the_middle_is_cut_as_evaluation_pipelines_do_it(name: str, rng: np.random.Generator) -> None:
    smooth = Image.fromarray(rng.integers(0, 256, (12, 18, 3), np.uint8)).resize((216, 144), Image.Resampling.BICUBIC)
    recipe = ImageRecipe(56, 56, 3, fit="cover", crop=56 / 64, interpolation=name)
    resized = smooth.resize((96, 64), Image.Resampling[name.upper()])
    expected = np.asarray(resized.crop((20, 4, 76, 60)), np.float32) / 255
    inner = slice(2, -2)  # the pipeline's edges also read what it then cuts off
    assert np.abs(read(smooth, recipe).array[0] - expected)[inner, inner].max() < 0.01
    assert_allclose(read(smooth, recipe).photos[0].placement.box[1], 144 * (1 - 56 / 64) / 2)


def test_a_crop_goes_with_cover() -> None:
    with pytest.raises(ImageError, match="goes with fit='cover'"):
        ImageRecipe(8, 8, 3, crop=0.5)
    with pytest.raises(ImageError, match="above 0 and at most 1"):
        ImageRecipe(8, 8, 3, fit="cover", crop=1.5)
    with pytest.raises(UnknownName, match="the nearest is 'bicubic'"):
        ImageRecipe(8, 8, 3, interpolation="bicubi")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{" * 10_000, "is no JSON"),
        (b"\xff\xfe", "is no JSON"),
        (b" " * 2**21, "larger than"),
        (b"[]", "holds no settings"),
    ],
)  # fmt: skip
def test_a_damaged_file_of_settings(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "preprocessor_config.json").write_bytes(content)
    with pytest.raises(InputError, match=says):
        preprocessor_beside(tmp_path)


def test_a_device_in_the_place_of_a_file_of_settings(tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").symlink_to("/dev/zero")
    assert preprocessor_beside(tmp_path) is None


def test_settings_of_any_kind_are_taken_or_refused() -> None:
    rng = np.random.default_rng(0)
    values = [
        None, True, 0, -1, 224, 10**400, 1.5, float("nan"), float("inf"), "x", [], [1], [0, 0, 0], ["a"], [[1]], {},
        {"height": 224, "width": "x"}, {"shortest_edge": [1]}, [0.5] * 3, [10**400] * 3,
    ]  # fmt: skip
    names = [
        "size", "crop_size", "do_center_crop", "do_rescale", "rescale_factor", "offset", "do_normalize", "image_mean",
        "image_std", "resample",
    ]  # fmt: skip
    good = {"size": {"shortest_edge": 256}, "crop_size": 224, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    for _ in range(500):
        changed = {names[rng.integers(len(names))]: values[rng.integers(len(values))] for _ in range(3)}
        with suppress(InputError):
            from_preprocessor({**good, **changed}, "a file")


def test_images_of_a_transformer_are_made_of_whole_patches() -> None:
    class Patches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches, self.head = nn.Conv2d(3, 8, 14, 14), nn.Linear(8, 8)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            if image.shape[-1] % 14 or image.shape[-2] % 14:
                raise ValueError("not a multiple of the patch")
            return self.head(self.patches(image).flatten(2).transpose(1, 2)).mean(1)

    encoder = saccade.Encoder(Patches())
    assert encoder.recipe.multiple == 14
    assert encoder.read(np.zeros((100, 150, 3), np.uint8)).shape == (1, 98, 140, 3)
    assert saccade.explain(encoder, np.zeros((60, 60, 3), np.uint8), "saliency").values.shape == (1, 56, 56)


class Windowed(nn.Module):
    """As Hugging Face's Swin: notes the size of its windows by the first image that it sees, and keeps to it."""

    def __init__(self, image_size: int | None) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 4, 4)
        self.window = 7
        self.last_size: int | None = None
        if image_size is not None:
            self.config = SimpleNamespace(model_type="windowed", image_size=image_size)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        grid = self.conv(image)
        self.window = self.last_size = min(self.window, grid.shape[-1])
        if grid.shape[-1] % self.window:
            raise ValueError(f"the grid {grid.shape[-1]} is no multiple of the window {self.window}")
        return grid.unfold(2, self.window, self.window).mean((2, 3, 4))


@pytest.mark.parametrize("image_size", [None, 56])
def test_a_live_model_is_left_as_it_was_by_opening_and_asking(image_size: int | None) -> None:
    module = Windowed(image_size)
    before = dict(vars(module))
    for question in (
        lambda: saccade.Encoder(module).codes(np.zeros((56, 56, 3), np.uint8)),
        lambda: saccade.Encoder(module, input_shape=(16, 16, 3)).codes(np.zeros((16, 16, 3), np.uint8)),
        lambda: saccade.Encoder(module, input_shape=(30, 30, 3)),
        lambda: saccade.Encoder(module, input_shape=(3, 30, 30)),
    ):
        with suppress(InputError):
            question()
        assert vars(module) == before
    assert module(torch.zeros(1, 3, 56, 56)).shape == (1, 4)


def test_the_size_that_a_model_names_is_tried_first() -> None:
    encoder = saccade.Encoder(Windowed(56))
    assert (encoder.recipe.height, encoder.recipe.width) == (56, 56)
    assert encoder.value_range_reason.startswith("assumed")


@pytest.mark.parametrize(("channels", "mean"), [(1, (sum(NAMED["imagenet"].mean) / 3,)), (4, None)])
def test_what_colours_carry_is_averaged_for_grey_and_dropped_otherwise(channels: int, mean: Any) -> None:
    module = nn.Sequential(nn.Conv2d(channels, 4, 3), nn.ELU())
    module.pretrained_cfg = {  # type: ignore[assignment]
        "input_size": (3, 16, 16), "mean": NAMED["imagenet"].mean, "std": NAMED["imagenet"].std,
    }  # fmt: skip
    normalisation = saccade.Encoder(module).recipe.normalisation
    assert (None if normalisation is None else normalisation.mean) == mean


@pytest.mark.parametrize(("kind", "name"), [("mobilenet_v2", "half"), ("bit", "half"), ("dinov2", "imagenet")])
def test_kinds_of_hugging_face_are_fed_as_they_were_trained(kind: str, name: str) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ELU())
    module.config = SimpleNamespace(model_type=kind, image_size=16)  # type: ignore[assignment]
    encoder = saccade.Encoder(module)
    assert encoder.recipe.normalisation == NAMED[name]
    assert f"the model is a {kind}" in encoder.value_range_reason


def test_a_preprocessor_that_turns_colours_round_is_heeded() -> None:
    carried = from_preprocessor({"do_flip_channel_order": True, "do_rescale": True, "size": 32}, "here")
    assert carried.normalisation is not None
    assert (carried.normalisation.order, carried.normalisation.mean) == ("BGR", (0.0, 0.0, 0.0))
    settings = {"image_mean": [0.1, 0.2, 0.3], "image_std": [1.0, 1.0, 1.0], "do_flip_channel_order": True}
    turned = from_preprocessor(settings, "here").normalisation
    assert turned is not None
    assert (turned.order, turned.mean) == ("BGR", (0.1, 0.2, 0.3))
