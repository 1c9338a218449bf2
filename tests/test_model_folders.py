"""Folders of transformers, diffusers, timm and open_clip: opened offline, and fed and read as these libraries do it."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from numpy.testing import assert_allclose
from torchvision_operators import imported_with_operators

import saccade
from saccade.errors import FileError, InputError, ModelError
from saccade.images.normalisation import NAMED

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
WRAPPED = {"model_type": "timm_wrapper", "num_classes": 0, "pretrained_cfg": {"input_size": [3, 32, 32]}}
TEXT = {**SMALL, "vocab_size": 100, "bos_token_id": 0, "eos_token_id": 2}


pytestmark = pytest.mark.usefixtures("no_network")


@pytest.fixture(scope="module", autouse=True)
def _operators() -> Iterator[None]:
    with imported_with_operators("timm", "transformers", "diffusers"):
        yield


def hub() -> Any:
    return importlib.import_module("transformers")


def images_for(encoder: saccade.Encoder) -> np.ndarray:
    size = encoder.recipe.height or 32, encoder.recipe.width or 32
    return np.random.default_rng(0).random((2, *size, 3), np.float32)


def fed(encoder: saccade.Encoder, images: np.ndarray) -> torch.Tensor:
    normalisation = encoder.recipe.normalisation
    assert normalisation is not None
    mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (normalisation.mean, normalisation.std))
    return (torch.tensor(images).permute(0, 3, 1, 2) - mean) / std


def kinds() -> dict[str, tuple[Any, str, str]]:
    """A whole model, the part of its answer that is the code, and what is said of the rest of its file."""
    t = hub()
    vision = {**SMALL, "image_size": 64}
    return {
        "vit": (t.ViTModel(t.ViTConfig(image_size=64, **SMALL)), "pooler_output", ""),
        "classifier": (
            t.ViTForImageClassification(t.ViTConfig(image_size=64, **SMALL)),
            "last_hidden_state",
            "left out, since a ViTModel has no place for it: 'classifier.bias', 'classifier.weight'",
        ),
        "clip": (
            t.CLIPModel(t.CLIPConfig(text_config=TEXT, vision_config=vision, projection_dim=16)),
            "image_embeds",
            "left out, since a CLIPVisionModelWithProjection has no place for it: 'logit_scale'",
        ),
        "tower": (
            t.CLIPVisionModelWithProjection(t.CLIPVisionConfig(projection_dim=16, **vision)), "image_embeds", ""
        ),
        "siglip": (
            t.SiglipModel(t.SiglipConfig(text_config=TEXT, vision_config=vision)),
            "pooler_output",
            "left out, since a SiglipVisionModel has no place for it",
        ),
    }  # fmt: skip


def answer_of(model: Any, pixels: torch.Tensor, part: str) -> torch.Tensor:
    """What the whole model makes of an image, by its own ways."""
    name = type(model).__name__
    with torch.no_grad():
        if name == "CLIPModel":
            return model.visual_projection(model.vision_model(pixels).pooler_output)
        if name == "SiglipModel":
            return model.vision_model(pixels).pooler_output
        if name == "ViTForImageClassification":
            return model.vit(pixels)[0]
        return model(pixels)[part]


@pytest.mark.parametrize("kind", ["vit", "classifier", "clip", "tower", "siglip"])
def test_folders_of_transformers(kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    model, part, note = kinds()[kind]
    model.eval().save_pretrained(tmp_path / kind, max_shard_size="30KB")
    assert (tmp_path / kind / "model.safetensors.index.json").exists()
    capfd.readouterr()
    encoder = saccade.load(tmp_path / kind)
    assert capfd.readouterr() == ("", "")
    assert encoder.name == kind
    assert note in encoder.describe()
    assert ("note:" in encoder.describe()) == bool(note)
    images = images_for(encoder)
    expected = answer_of(model, fed(encoder, images), part)
    assert_allclose(encoder.codes(images).reshape(expected.shape), expected, rtol=1e-3, atol=1e-4)


def test_opening_a_folder_leaves_the_library_as_it_was(tmp_path: Path) -> None:
    logs = importlib.import_module("transformers.utils.logging")
    before = logs.get_verbosity(), logs.is_progress_bar_enabled()
    hub().ViTModel(hub().ViTConfig(image_size=64, **SMALL)).save_pretrained(tmp_path / "vit")
    (tmp_path / "vit" / "model.safetensors").write_bytes(b"nothing at all")
    with pytest.raises(ModelError, match=r"vit cannot be opened: "):
        saccade.load(tmp_path / "vit")
    assert (logs.get_verbosity(), logs.is_progress_bar_enabled()) == before


def test_the_preprocessor_beside_the_weights_is_how_images_are_fed(tmp_path: Path) -> None:
    folder = tmp_path / "vit"
    hub().ViTModel(hub().ViTConfig(image_size=64, **SMALL)).save_pretrained(folder)
    settings = {
        "do_resize": True, "size": {"shortest_edge": 80}, "do_center_crop": True, "crop_size": 64, "resample": 3,
        "do_normalize": True, "image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6],
    }  # fmt: skip
    for name, content in (
        ("preprocessor_config.json", settings),
        ("processor_config.json", {"image_processor": settings}),
    ):
        (folder / name).write_text(json.dumps(content))
        encoder = saccade.load(folder)
        assert f"the {name} beside it" in encoder.describe()
        assert (encoder.recipe.height, encoder.recipe.crop, encoder.recipe.interpolation) == (64, 0.8, "bicubic")
        assert encoder.recipe.normalisation is not None
        assert encoder.recipe.normalisation.mean == (0.1, 0.2, 0.3)
        (folder / name).unlink()


def test_weights_as_pickles_of_tensors_are_opened_and_others_refused(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = hub().ViTModel(hub().ViTConfig(image_size=64, **SMALL)).eval()
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    encoder = saccade.load(tmp_path)
    images = images_for(encoder)
    with torch.no_grad():
        expected = model(fed(encoder, images)).pooler_output
    assert_allclose(encoder.codes(images).reshape(expected.shape), expected, rtol=1e-3, atol=1e-4)
    torch.save(model, tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"cannot be opened: .*|is damaged"):
        saccade.load(tmp_path)


def test_weights_that_are_missing_may_not_lead_to_the_code(tmp_path: Path) -> None:
    model = hub().ViTModel(hub().ViTConfig(image_size=64, **SMALL))
    model.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    weights = {name: each.clone() for name, each in safetensors.torch.load_file(path).items()}
    without = {name: each for name, each in weights.items() if not name.endswith("layernorm_before.bias")}
    safetensors.torch.save_file(without, path, metadata={"format": "pt"})
    with pytest.raises(
        ModelError, match=r"the code .* is computed with weights that are not in the file.*layernorm_before"
    ):
        saccade.load(tmp_path)


OWN_CODE = """
import torch
from pathlib import Path
from transformers import PretrainedConfig, PreTrainedModel

Path({mark!r}).write_text("ran")

class OwnConfig(PretrainedConfig):
    model_type = "own-net"

class OwnModel(PreTrainedModel):
    config_class = OwnConfig
    main_input_name = "pixel_values"

    def __init__(self, config):
        super().__init__(config)
        self.first = torch.nn.Conv2d(3, 4, 3, 2)
        self.post_init()

    def forward(self, pixel_values):
        return torch.nn.functional.elu(self.first(pixel_values))
"""


def test_code_in_a_folder_runs_with_trust_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, mark = tmp_path / "own", tmp_path / "mark"
    folder.mkdir()
    (folder / "own_code.py").write_text(OWN_CODE.format(mark=str(mark)))
    auto_map = {"AutoConfig": "own_code.OwnConfig", "AutoModel": "own_code.OwnModel"}
    (folder / "config.json").write_text(json.dumps({"model_type": "own-net", "auto_map": auto_map}))
    layer = torch.nn.Conv2d(3, 4, 3, 2)
    weights = {f"first.{name}": each for name, each in layer.state_dict().items()}
    safetensors.torch.save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"own brings the code of its model with it, which would run; .*--trust"):
        saccade.load(folder)
    assert not mark.exists()
    modules = importlib.import_module("transformers.dynamic_module_utils")
    monkeypatch.setattr(modules, "HF_MODULES_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    encoder = saccade.load(folder, trust=True, input_shape=(16, 16, 3), normalize="none")
    assert mark.exists()
    images = images_for(encoder)
    with torch.no_grad():
        expected = torch.nn.functional.elu(layer(torch.tensor(images).permute(0, 3, 1, 2))).permute(0, 2, 3, 1)
    assert_allclose(encoder.codes(images), expected, rtol=1e-4, atol=1e-5)


def autoencoder() -> Any:
    torch.manual_seed(0)
    return importlib.import_module("diffusers").AutoencoderKL(
        block_out_channels=(8, 8), down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2, norm_num_groups=4,
    ).eval()  # fmt: skip


@pytest.mark.parametrize("is_pipeline", [False, True])
def test_autoencoders_of_diffusers(is_pipeline: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = autoencoder()
    folder = tmp_path / "sd"
    model.save_pretrained(folder / "vae" if is_pipeline else folder)
    if is_pipeline:
        (folder / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline"}))
    capfd.readouterr()
    encoder = saccade.load(folder)
    assert capfd.readouterr() == ("", "")
    assert encoder.name == ("sd vae" if is_pipeline else "sd")
    assert (encoder.layer, encoder.value_range) == ("encode[latent_dist][mean]", (-1, 1))
    images = images_for(encoder) * 2 - 1
    with torch.no_grad():
        expected = model.encode(torch.tensor(images).permute(0, 3, 1, 2)).latent_dist.mean.permute(0, 2, 3, 1)
    assert_allclose(encoder.codes(images), expected, rtol=1e-3, atol=1e-4)


def test_folders_of_timm(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = importlib.import_module("timm").create_model("test_vit").eval()
    safetensors.torch.save_file(model.state_dict(), tmp_path / "model.safetensors")
    carried = {"input_size": [3, 160, 160], "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6], "crop_pct": 0.9}
    settings = {"architecture": "test_vit", "num_classes": 1000, "pretrained_cfg": carried}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    encoder = saccade.load(tmp_path)
    assert "(config.json in the folder)" in encoder.describe()
    assert "left out of model.safetensors, since the model has no place for it: 'head." in encoder.describe()
    assert encoder.recipe.crop == 0.9
    images = images_for(encoder)
    with torch.no_grad():
        expected = model.forward_head(model.forward_features(fed(encoder, images)), pre_logits=True)
    assert_allclose(encoder.codes(images).reshape(expected.shape), expected, rtol=1e-3, atol=1e-4)


def test_folders_of_open_clip(tmp_path: Path) -> None:
    clip = importlib.import_module("open_clip.model").CLIP
    vision = {"layers": 2, "width": 32, "patch_size": 16, "image_size": 64, "head_width": 16}
    text = {"vocab_size": 100, "width": 32, "heads": 2, "layers": 1}
    torch.manual_seed(0)
    model = clip(16, vision, text).eval()
    safetensors.torch.save_file(model.state_dict(), tmp_path / "open_clip_model.safetensors")
    settings = {
        "model_cfg": {"embed_dim": 16, "vision_cfg": vision, "text_cfg": text},
        "preprocess_cfg": {"mean": list(NAMED["clip"].mean), "std": list(NAMED["clip"].std)},
    }
    (tmp_path / "open_clip_config.json").write_text(json.dumps(settings))
    encoder = saccade.load(tmp_path)
    assert encoder.recipe.normalisation == NAMED["clip"]
    assert "the weights named 'visual....', were taken" in encoder.describe()
    images = images_for(encoder)
    with torch.no_grad():
        expected = model.encode_image(fed(encoder, images))
    assert_allclose(encoder.codes(images).reshape(expected.shape), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"a": 1}, r"names neither a model_type \(transformers\), nor a _class_name"),
        ({"model_type": "vitt"}, r"holds a 'vitt', which transformers .* does not know"),
        ({"model_type": ["vit"]}, r"holds a \['vit'\], which transformers .* does not know"),
        ({"model_type": "vit", "attn_implementation": "somebody/kernel"}, "'somebody/kernel', which would be fetched"),
        ({"model_type": "vit", "a": [{"attn_implementation": "some/kernel"}]}, "'some/kernel', which would be fetched"),
        ({"model_type": "vit", "quantization_config": {"bits": 4}}, "holds quantised weights"),
        ({"model_type": "vit"}, r"holds no weights \(model\.safetensors, "),
        ({"_class_name": "UNet2DModel"}, "holds a 'UNet2DModel', which diffusers .* does not know as an autoencoder"),
        ({"_class_name": "AutoencoderXYZ"}, "holds a 'AutoencoderXYZ', which diffusers"),
        ({"_class_name": "AutoencoderKL"}, r"holds no weights \(diffusion_pytorch_model\.safetensors"),
        (
            {"model_type": "timm_wrapper", "architecture": "resnet10t"},
            "its settings are damaged, or of another version of",
        ),
        ({"architecture": "vitt"}, "holds a 'vitt', which timm .* does not know"),
    ],
)
def test_folders_that_cannot_be_opened_get_one_line(settings: dict[str, Any], says: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(settings))
    if "timm_wrapper" in settings.values():
        safetensors.torch.save_file({"x": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(InputError, match=says) as caught:
        saccade.load(tmp_path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("config.json", {**WRAPPED, "architecture": "hf-hub:some/net"}, "would have to be fetched"),
        ("config.json", {"model_type": "dpt", "backbone": "some/net", "is_hybrid": False}, "would have to be fetched"),
        (
            "open_clip_config.json",
            {"model_cfg": {"embed_dim": 8, "vision_cfg": {"timm_model_name": "hf-hub:some/net", "image_size": 32}}},
            "would have to be fetched",
        ),
        (
            "config.json",
            {"architecture": "resnet10t", "model_args": {"checkpoint_path": "x.pth"}},
            "names a checkpoint_",
        ),
        (
            "config.json",
            {"model_type": "timm_wrapper", "model_args": {"cache_dir": "/x"}},
            r"names a cache_dir \('/x'\)",
        ),
    ],
)
def test_nothing_is_fetched_or_loaded_from_elsewhere(
    name: str, settings: dict[str, Any], says: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(json.dumps(settings))
    for weights in ("model.safetensors", "open_clip_model.safetensors"):
        safetensors.torch.save_file({"x": torch.zeros(1)}, tmp_path / weights)
    with pytest.raises(ModelError, match=says):
        saccade.load(tmp_path)


def test_folders_of_no_model_and_damaged_ones(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is a folder, but of no model: neither of TensorFlow \(saved_model\.pb\)"):
        saccade.load(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(FileError, match=r"config\.json is damaged: it is no JSON"):
        saccade.load(tmp_path)
    (tmp_path / "model_index.json").write_text("{}")
    with pytest.raises(ModelError, match="is a pipeline of diffusers without an autoencoder"):
        saccade.load(tmp_path)
    with pytest.raises(InputError, match="holds its own weights"):
        saccade.load(tmp_path, weights=tmp_path / "x.pt")


def test_a_model_of_texts_is_no_encoder_of_images(tmp_path: Path) -> None:
    hub().BertModel(hub().BertConfig(vocab_size=50, **SMALL)).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="holds a BertModel, which takes input_ids: no image"):
        saccade.load(tmp_path)


def test_the_weights_in_a_folder_lead_to_the_folder(tmp_path: Path) -> None:
    hub().ViTModel(hub().ViTConfig(image_size=64, **SMALL)).save_pretrained(tmp_path / "vit")
    with pytest.raises(ModelError, match=r"model\.safetensors holds weights but not .*; give the folder: .*vit$"):
        saccade.load(tmp_path / "vit" / "model.safetensors")
