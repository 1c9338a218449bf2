"""Attention rollout and LibraGrad, against attention written out in numpy, frozen nets and finite differences."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch
from token_nets import Block, Transformer
from torch import nn

import saccade
from saccade.errors import NotApplicable
from saccade.models.torch.attention import attention_recorded, linearised

SIZE = (32, 48)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).random((2, *SIZE, 3), np.float32)


def seeded(*arguments: Any, **settings: Any) -> nn.Module:
    torch.manual_seed(0)
    return Transformer(*arguments, **settings).eval()


def encoder_of(module: nn.Module) -> saccade.Encoder:
    return saccade.Encoder(module, input_shape=(*SIZE, 3))


# Attention in numpy, by itself


def weight(layer: nn.Module) -> tuple[np.ndarray, np.ndarray]:
    return layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()


def layer_norm(values: np.ndarray, layer: nn.LayerNorm) -> np.ndarray:
    scale, shift = weight(layer)
    centred = values - values.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + layer.eps) * scale + shift


def attention_of(block: Block, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The heads' weights and the result of a block's attention on one image's tokens."""
    matrix, bias = weight(block.attn.qkv)
    length, width = tokens.shape
    heads = block.attn.heads
    q, k, v = (
        part.reshape(length, heads, -1).transpose(1, 0, 2) for part in np.split(tokens @ matrix.T + bias, 3, axis=1)
    )
    scores = q @ k.transpose(0, 2, 1) / np.sqrt(width // heads)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    matrix, bias = weight(block.attn.proj)
    return weights, (weights @ v).transpose(1, 0, 2).reshape(length, width) @ matrix.T + bias


def rolled_out(module: Transformer, image: np.ndarray) -> np.ndarray:
    """R for one image, by the paper's formula."""
    pixels = torch.tensor(image[None]).permute(0, 3, 1, 2)
    with torch.no_grad():
        patches = module.patch_embed(pixels).flatten(2).transpose(1, 2)[0].double().numpy()
    special = [part.detach().double().numpy()[0] for part in (module.before, module.behind)]
    tokens = np.concatenate([special[0], patches, special[1]])
    rollout = np.eye(len(tokens))
    for block in module.blocks:
        weights, mixed = attention_of(block, layer_norm(tokens, block.norm1))
        rollout = (weights.mean(0) + np.eye(len(tokens))) / 2 @ rollout
        tokens = tokens + mixed
        inner = torch.tensor(layer_norm(tokens, block.norm2), dtype=torch.float32)
        tokens = tokens + block.mlp(inner).detach().double().numpy()
    return rollout


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize(("prefix", "pooled"), [(1, "class"), (5, "class"), (0, "mean"), (2, "mean")])
def test_rollout_is_the_formula(prefix: int, pooled: str, fused: bool, images: np.ndarray) -> None:
    module = seeded(prefix, 0, pooled, fused=fused)
    attribution = saccade.explain(encoder_of(module), images, "attention_rollout")
    for number, image in enumerate(images):
        rollout = rolled_out(module, image)
        row = rollout[0] if pooled == "class" else rollout[prefix:].mean(0)
        np.testing.assert_allclose(attribution.values[number], row[prefix:].reshape(4, 6), rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(
            attribution.scores["special_tokens"][number], row[:prefix].sum(), rtol=1e-4, atol=1e-7
        )
    np.testing.assert_allclose(attribution.values.sum((1, 2)) + attribution.scores["special_tokens"], 1, rtol=1e-5)


def test_rollout_of_a_cell_is_its_tokens_row(images: np.ndarray) -> None:
    module = seeded(1, 0, None)
    attribution = saccade.explain(encoder_of(module), images, "attention_rollout", target="cell:2,3")
    row = rolled_out(module, images[1])[1 + 2 * 6 + 3]
    np.testing.assert_allclose(attribution.values[1], row[1:].reshape(4, 6), rtol=1e-4, atol=1e-7)


class OwnLayers(nn.Module):
    """Torch's own encoder layers, whose fast path shows no attention."""

    def __init__(self, *, batch_first: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.batch_first = batch_first
        self.patches = nn.Conv2d(3, 16, 8, 8)
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=batch_first, activation="gelu", norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        tokens = self.patches(images).flatten(2).transpose(1, 2)
        if self.batch_first:
            return self.layers(tokens).mean(1)
        return self.layers(tokens.transpose(0, 1)).transpose(0, 1).mean(1)


def test_torchs_own_attention_is_seen(images: np.ndarray) -> None:
    module = OwnLayers().eval()
    pixels = torch.tensor(images).permute(0, 3, 1, 2)
    with torch.no_grad():
        tokens = module.patches(pixels).flatten(2).transpose(1, 2)
        rollout = torch.eye(24)[None]
        for layer in module.layers.layers:
            normal = layer.norm1(tokens)
            _, weights = layer.self_attn(normal, normal, normal, need_weights=True)
            rollout = (weights + torch.eye(24)) / 2 @ rollout
            tokens = layer(tokens)
    attribution = saccade.explain(encoder_of(module), images, "attention_rollout")
    np.testing.assert_allclose(attribution.values, rollout.mean(1).reshape(2, 4, 6).numpy(), rtol=1e-4, atol=1e-7)


def test_masks_and_shared_heads_are_weighed_as_torch_does() -> None:
    torch.manual_seed(0)
    attend = nn.functional.scaled_dot_product_attention
    q, k, v = (torch.rand(2, 4, 5, 8) for _ in range(3))
    for settings in (
        {"attn_mask": torch.rand(5, 5)},
        {"attn_mask": torch.rand(5, 5) > 0.3},
        {"is_causal": True},
        {"scale": 0.7},
        {"enable_gqa": True},
    ):
        keys, values = (k[:, :2], v[:, :2]) if "enable_gqa" in settings else (k, v)
        expected = attend(q, keys, values, **settings)
        with linearised():
            torch.testing.assert_close(attend(q, keys, values, **settings), expected)
    module = nn.MultiheadAttention(8, 2).eval()
    tokens = torch.rand(5, 3, 8)
    for settings in (
        {},
        {"attn_mask": torch.rand(5, 5) > 0.6},
        {"attn_mask": torch.rand(6, 5, 5)},
        {"key_padding_mask": torch.tensor([[False] * 4 + [True]] * 3)},
        {"need_weights": False},
        {"average_attn_weights": False},
    ):
        if "attn_mask" in settings and settings["attn_mask"].dtype == torch.bool:
            settings["attn_mask"].fill_diagonal_(False)
        expected = module(tokens, tokens, tokens, **settings)
        with linearised():
            result = module(tokens, tokens, tokens, **settings)
        torch.testing.assert_close(result, expected)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_rollout_refuses_what_it_cannot_follow(images: np.ndarray) -> None:
    module = seeded()
    with pytest.raises(NotApplicable, match="no target such as"):
        saccade.explain(encoder_of(module), images, "attention_rollout", target="channel:3")
    convolutional = nn.Sequential(nn.Conv2d(3, 4, 4, 4), nn.ReLU())
    with pytest.raises(NotApplicable, match="this model has none"):
        saccade.explain(encoder_of(convolutional), images, "attention_rollout")
    script = torch.jit.trace(module, torch.zeros(1, 3, *SIZE))
    for method, attention in (("attention_rollout", "that can be read"), ("libragrad", "that can be held constant")):
        with pytest.raises(NotApplicable, match=f"attention {attention}"):
            saccade.explain(encoder_of(script), images, method)


class PooledByAttention(nn.Module):
    """Register tokens, and attention that pools the patches behind the blocks; refuses a batch of one, as some do."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = seeded(3, 0, None)
        self.probe, self.pool = nn.Parameter(torch.randn(1, 1, 16)), nn.MultiheadAttention(16, 2, batch_first=True)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        patches = self.tokens(images)[:, 3:]
        return self.pool(self.probe.expand(len(images), -1, -1), patches, patches)[0].squeeze()


def test_pooling_by_attention_comes_behind_the_blocks(images: np.ndarray) -> None:
    module = PooledByAttention().eval()
    encoder = encoder_of(module)
    for some in (images, images[:1]):
        attribution = saccade.explain(encoder, some, "attention_rollout")
        rollout = rolled_out(module.tokens, some[0])[3:].mean(0)
        np.testing.assert_allclose(attribution.values[0], rollout[3:].reshape(4, 6), rtol=1e-4, atol=1e-7)


# The gradient with attention held


class Bare(nn.Module):
    """A transformer without biases, special tokens and position embeddings."""

    def __init__(self, *, fused: bool, activation: Any = nn.functional.gelu) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fused, self.activation = fused, activation
        self.patches = nn.Conv2d(3, 16, 8, 8, bias=False)
        self.qkv, self.proj = nn.Linear(16, 48, bias=False), nn.Linear(16, 16, bias=False)
        self.up, self.gate, self.down = (nn.Linear(*shape, bias=False) for shape in ((16, 32), (16, 32), (32, 16)))
        self.norm1, self.norm2 = nn.LayerNorm(16, bias=False), nn.RMSNorm(16, 1e-6)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        tokens = self.patches(images).flatten(2).transpose(1, 2)
        q, k, v = self.qkv(self.norm1(tokens)).reshape(len(tokens), -1, 3, 2, 8).permute(2, 0, 3, 1, 4)
        if self.fused:
            mixed = nn.functional.scaled_dot_product_attention(q, k, v)
        else:
            mixed = torch.softmax(q @ k.mT / 8**0.5, -1) @ v
        tokens = tokens + self.proj(mixed.transpose(1, 2).flatten(2))
        normal = self.norm2(tokens)
        return (tokens + self.down(self.activation(self.up(normal)) * self.gate(normal))).mean(1)


ACTIVATIONS = (
    nn.functional.gelu,
    nn.functional.silu,
    torch.tanh,
    nn.functional.hardswish,
    lambda x: x * torch.sigmoid(x),
)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_libragrad_is_complete_without_biases(fused: bool, activation: Any, images: np.ndarray) -> None:
    attribution = saccade.explain(encoder_of(Bare(fused=fused, activation=activation)), images, "libragrad", low_pass=0)
    np.testing.assert_allclose(attribution.values.sum((1, 2)), attribution.scores["score"], rtol=1e-4)
    np.testing.assert_allclose(attribution.scores["rest"], 0, atol=1e-4 * attribution.scores["score"].max())
    plain = saccade.explain(encoder_of(Bare(fused=fused, activation=activation)), images, "input_x_gradient")
    assert np.abs(plain.raw.sum((1, 2, 3)) / attribution.scores["score"] - 1).min() > 0.02


def frozen_code(module: Bare, images: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """The code of images, with the attention, spreads and gates of others: written out, without the code under test."""

    def normalised(values: torch.Tensor, of: torch.Tensor, centred: bool) -> torch.Tensor:
        values, of = (x - x.mean(-1, keepdim=True) if centred else x for x in (values, of))
        eps = module.norm1.eps if centred else 1e-6
        return values / ((of**2).mean(-1, keepdim=True) + eps).sqrt()

    tokens, fixed = (module.patches(each).flatten(2).transpose(1, 2) for each in (images, at))
    own, fixed_qkv = (
        module.qkv(normalised(each, fixed, True)).reshape(len(each), -1, 3, 2, 8).permute(2, 0, 3, 1, 4)
        for each in (tokens, fixed)
    )
    weights = torch.softmax(fixed_qkv[0] @ fixed_qkv[1].mT / 8**0.5, -1)
    tokens, fixed = (
        each + module.proj((weights @ v).transpose(1, 2).flatten(2))
        for each, v in ((tokens, own[2]), (fixed, fixed_qkv[2]))
    )
    normal, still = (normalised(each, fixed, False) for each in (tokens, fixed))
    # A product of two branches, one of them held: half of each.
    up, held_up = module.up(normal), module.up(still)
    gate, held_gate = module.gate(normal), module.gate(still)
    slope = nn.functional.gelu(held_up) / held_up
    return (tokens + module.down((up * slope * held_gate + held_up * slope * gate) / 2)).mean(1)


def test_libragrad_is_the_difference_quotient_of_the_held_net(images: np.ndarray) -> None:
    module = Bare(fused=True).double()
    at = torch.tensor(images[:1]).permute(0, 3, 1, 2).double()
    with torch.no_grad():
        code = module(at)
        torch.testing.assert_close(frozen_code(module, at, at), code)
        raw = saccade.explain(encoder_of(Bare(fused=True)), images[:1], "libragrad", low_pass=0).raw[0]
        for row, column, channel in ((3, 5, 0), (17, 40, 2), (31, 0, 1)):
            moved = at.clone()
            moved[0, channel, row, column] += 1e-3
            slope = float(((frozen_code(module, moved, at) - code) * code).sum()) / 1e-3
            expected = slope * images[0, row, column, channel]
            np.testing.assert_allclose(raw[row, column, channel], expected, atol=1e-4 * np.abs(raw).max())


def test_libragrad_leaves_no_trace(images: np.ndarray) -> None:
    encoder = encoder_of(seeded())
    before = encoder.codes(images), saccade.explain(encoder, images, "saliency").values
    saccade.explain(encoder, images, "libragrad")
    saccade.explain(encoder, images, "attention_rollout")
    np.testing.assert_array_equal(encoder.codes(images), before[0])
    np.testing.assert_array_equal(saccade.explain(encoder, images, "saliency").values, before[1])


def test_other_threads_attend_as_they_did() -> None:
    q = torch.rand(1, 2, 5, 4, requires_grad=True)
    recorded: list[torch.Tensor] = []
    gradients: list[bool] = []

    def attend() -> None:
        nn.functional.scaled_dot_product_attention(q, q, q.detach()).sum()
        gradients.append(torch.softmax(q, -1).requires_grad)

    with linearised(), attention_recorded(recorded):
        other = threading.Thread(target=attend)
        other.start()
        other.join()
    assert gradients == [True]
    assert not recorded
