"""Models of timm, transformers, diffusers, open_clip and segmentation_models: fed, and read, as their authors do it.

Small, with random weights. What they need beside saccade is installed without what it depends on in turn, since
torchvision would bring another PyTorch; its compiled operators, which no model here uses, are only declared.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torchvision_operators import declared_operators

import saccade
from saccade.errors import ModelError
from saccade.images.normalisation import NAMED

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}


@pytest.fixture(scope="module", autouse=True)
def _operators() -> Iterator[None]:
    with declared_operators(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def opened(model: Any, **settings: Any) -> saccade.Encoder:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return saccade.Encoder(model.eval(), **settings)


def fed(encoder: saccade.Encoder, images: np.ndarray) -> torch.Tensor:
    """The images as the library's own pipeline hands them on."""
    normalisation = encoder.recipe.normalisation
    assert normalisation is not None
    mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (normalisation.mean, normalisation.std))
    return (torch.tensor(images).permute(0, 3, 1, 2) - mean) / std


def some_images(encoder: saccade.Encoder) -> np.ndarray:
    height, width = encoder.recipe.height or 64, encoder.recipe.width or 64
    return np.random.default_rng(0).random((2, height, width, 3), np.float32)


@pytest.mark.parametrize(
    ("name", "settings", "size", "normalisation"),
    [
        ("vit_tiny_patch16_224", {"img_size": 64, "num_classes": 0, "depth": 2}, 64, "half"),
        ("vit_small_patch14_dinov2", {"img_size": 56, "num_classes": 0, "depth": 1}, 56, "imagenet"),
        ("resnet18", {"num_classes": 0}, 224, "imagenet"),
        ("convnext_atto", {"num_classes": 0}, 224, "imagenet"),
        ("swin_tiny_patch4_window7_224", {"num_classes": 0, "depths": (1, 1, 1, 1), "embed_dim": 24}, 224, "imagenet"),
    ],
)
def test_timm(name: str, settings: dict[str, Any], size: int, normalisation: str) -> None:
    timm = importlib.import_module("timm")
    model = timm.create_model(name, **settings)
    encoder = opened(model)
    assert (encoder.recipe.height, encoder.recipe.width) == (size, size)
    assert encoder.recipe.normalisation == NAMED[normalisation]
    assert encoder.recipe.crop == pytest.approx(model.pretrained_cfg["crop_pct"])
    images = some_images(encoder)
    with torch.no_grad():
        expected = model(fed(encoder, images))
    assert_allclose(encoder.codes(images).reshape(expected.shape), expected, rtol=1e-3, atol=1e-4)


def test_timm_pyramids() -> None:
    timm = importlib.import_module("timm")
    encoder = opened(timm.create_model("resnet18", features_only=True))
    assert encoder.layer == "layer4"
    assert encoder.layer_reason == "the deepest of the 5 maps that the model gives"


def hugging_face(name: str) -> tuple[Any, str, int]:
    """A small model of a kind, the normalisation that goes with it, and the size that it names."""
    hub = importlib.import_module("transformers")
    if name == "vit":
        return hub.ViTModel(hub.ViTConfig(image_size=64, **SMALL)), "half", 64
    if name == "dinov2":
        return hub.Dinov2Model(hub.Dinov2Config(image_size=56, **SMALL)), "imagenet", 56
    if name == "siglip":
        return hub.SiglipVisionModel(hub.SiglipVisionConfig(image_size=64, **SMALL)), "half", 64
    if name == "clip":
        config = hub.CLIPVisionConfig(image_size=64, projection_dim=16, **SMALL)
        return hub.CLIPVisionModelWithProjection(config), "clip", 64
    if name == "swin":
        config = hub.SwinConfig(embed_dim=12, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 2))
        return hub.SwinModel(config), "imagenet", 224
    config = hub.ConvNextConfig(hidden_sizes=(8, 16, 24, 32), depths=(1, 1, 1, 1))
    return hub.ConvNextModel(config), "imagenet", 224


@pytest.mark.parametrize("name", ["vit", "dinov2", "clip", "siglip", "swin", "convnext"])
def test_transformers(name: str) -> None:
    model, normalisation, size = hugging_face(name)
    encoder = opened(model)
    assert (encoder.recipe.height, encoder.recipe.width) == (size, size)
    assert encoder.recipe.normalisation == NAMED[normalisation]
    output = "image_embeds" if name == "clip" else "pooler_output"
    assert encoder.layer_reason == f"the model gives it as 'output[{output}]'"
    images = some_images(encoder)
    with torch.no_grad():
        outputs = model(fed(encoder, images))
    assert_allclose(encoder.codes(images).reshape(outputs[output].shape), outputs[output], rtol=1e-3, atol=1e-4)
    tokens = opened(model, layer="output.last_hidden_state").codes(images)
    hidden = outputs["last_hidden_state"]
    hidden = hidden.permute(0, 2, 3, 1) if hidden.dim() == 4 else hidden
    assert_allclose(tokens.reshape(hidden.shape), hidden, rtol=1e-3, atol=1e-4)


def test_a_swin_transformer_is_left_as_it_was() -> None:
    model, _, _ = hugging_face("swin")
    image = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        before = model.eval()(image).pooler_output
        opened(model)
        torch.testing.assert_close(model(image).pooler_output, before)


def test_a_masked_autoencoder_draws_its_mask() -> None:
    transformers = importlib.import_module("transformers")
    encoder = opened(transformers.ViTMAEModel(transformers.ViTMAEConfig(image_size=64, **SMALL)))
    with pytest.raises(
        ModelError,
        match=r"is drawn at random \(the first layer that is: 'embeddings\[0\]'\).*transformers\.ViTModel is the same",
    ):
        encoder.codes(some_images(encoder))


def test_a_masked_autoencoder_is_read_whole_by_the_class_that_the_refusal_names(tmp_path: Path) -> None:
    transformers = importlib.import_module("transformers")
    masked = transformers.ViTMAEModel(transformers.ViTMAEConfig(image_size=64, **SMALL))
    masked.save_pretrained(tmp_path)
    whole = transformers.ViTModel.from_pretrained(tmp_path, add_pooling_layer=False)
    weights = masked.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in whole.state_dict().items())
    encoder = opened(whole)
    images = some_images(encoder)
    assert np.array_equal(encoder.codes(images), encoder.codes(images))


def test_a_whole_clip_names_its_image_encoder() -> None:
    transformers = importlib.import_module("transformers")
    config = transformers.CLIPConfig(
        text_config={**SMALL, "vocab_size": 100}, vision_config={**SMALL, "image_size": 64}, projection_dim=16
    )
    with pytest.raises(ModelError, match=r"input_ids, which is no image; give the part .*: model\.vision_model"):
        opened(transformers.CLIPModel(config))


def test_diffusers_autoencoders_are_explained_at_their_mean() -> None:
    diffusers = importlib.import_module("diffusers")
    model = diffusers.AutoencoderKL(
        block_out_channels=(16, 16), down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2, norm_num_groups=4,
    )  # fmt: skip
    encoder = opened(model)
    assert encoder.value_range == (-1, 1)
    assert encoder.layer == "encode[latent_dist][mean]"
    images = some_images(encoder) * 2 - 1
    with torch.no_grad():
        expected = model.encode(torch.tensor(images).permute(0, 3, 1, 2)).latent_dist.mean.permute(0, 2, 3, 1)
    assert_allclose(encoder.codes(images), expected, rtol=1e-3, atol=1e-4)
    assert encoder.is_autoencoder
    tiny = opened(diffusers.AutoencoderTiny(encoder_block_out_channels=(8,) * 4, decoder_block_out_channels=(8,) * 4))
    assert (tiny.layer, tiny.value_range) == ("encode[latents]", (-1, 1))


def test_open_clip_towers() -> None:
    importlib.import_module("open_clip")
    from open_clip.model import CLIP

    vision = {"layers": 2, "width": 32, "patch_size": 16, "image_size": 64, "head_width": 16}
    text = {"vocab_size": 100, "width": 32, "heads": 2, "layers": 1}
    model = CLIP(16, vision, text)
    model.visual.image_mean, model.visual.image_std = NAMED["clip"].mean, NAMED["clip"].std
    encoder = opened(model.visual)
    assert encoder.recipe.normalisation == NAMED["clip"]
    images = some_images(encoder)
    with torch.no_grad():
        expected = model.visual(fed(encoder, images))
    assert_allclose(encoder.codes(images).reshape(expected.shape), expected, rtol=1e-3, atol=1e-4)


def test_segmentation_models_are_explained_at_their_deepest_level() -> None:
    segmentation = importlib.import_module("segmentation_models_pytorch")
    unet = segmentation.Unet("resnet18", encoder_weights=None)
    encoder = opened(unet)
    assert encoder.layer == "encoder.layer4"
    assert encoder.recipe.normalisation == NAMED["imagenet"]
    assert opened(unet.encoder).layer == "layer4"
