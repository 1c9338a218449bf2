"""Small hand-written transformers: with and without a class token, with registers, with windows."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class Attention(nn.Module):
    """Self-attention, written out or fused."""

    def __init__(self, width: int, heads: int = 2, *, fused: bool = True) -> None:
        super().__init__()
        self.heads, self.fused = heads, fused
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        count, length, width = tokens.shape
        q, k, v = self.qkv(tokens).reshape(count, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        if self.fused:
            mixed = functional.scaled_dot_product_attention(q, k, v)
        else:
            mixed = (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).softmax(-1) @ v
        return self.proj(mixed.transpose(1, 2).reshape(count, length, width))


class Block(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, width: int, *, fused: bool = True) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = Attention(width, fused=fused)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = tokens + self.attn(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))


class Transformer(nn.Module):
    """A vision transformer for pictures of any size that its patches fit into.

    Args:
        prefix: Special tokens before the patches.
        suffix: Special tokens behind them.
        pooled: `"class"` reads the first token, `"mean"` the mean of the patch tokens, None gives all tokens.
        fused: Attention by torch's fused function.
        depth: How many blocks.
    """

    def __init__(
        self,
        prefix: int = 1,
        suffix: int = 0,
        pooled: str | None = "class",
        *,
        fused: bool = True,
        depth: int = 2,
        width: int = 16,
        patch: int = 8,
    ) -> None:
        super().__init__()
        self.patch_embed = nn.Conv2d(3, width, patch, patch)
        self.before = nn.Parameter(torch.randn(1, prefix, width))
        self.behind = nn.Parameter(torch.randn(1, suffix, width))
        self.blocks = nn.ModuleList([Block(width, fused=fused) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        nn.init.uniform_(self.norm.weight, 0.5, 1.5)  # else all codes have one length
        self.prefix, self.pooled = prefix, pooled

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        tokens = self.patch_embed(images).flatten(2).transpose(1, 2)
        patches = tokens.shape[1]
        before, behind = (special.expand(len(tokens), -1, -1) for special in (self.before, self.behind))
        tokens = torch.cat([before, tokens, behind], dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.norm(tokens)
        if self.pooled == "class":
            return tokens[:, 0]
        return tokens if self.pooled is None else tokens[:, self.prefix : self.prefix + patches].mean(1)


class Windowed(nn.Module):
    """Attention within shifted windows of a channels-last map, then patch merging, as Swin has it."""

    def __init__(self, width: int = 8, window: int = 4) -> None:
        super().__init__()
        self.patch_embed, self.window = nn.Conv2d(3, width, 4, 4), window
        self.norm, self.attn = nn.LayerNorm(width), Attention(width)
        self.merge, self.last = nn.Linear(4 * width, 2 * width), nn.LayerNorm(2 * width)
        nn.init.uniform_(self.last.weight, 0.5, 1.5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.patch_embed(images).permute(0, 2, 3, 1)
        count, high, wide, width = maps.shape
        side = self.window
        moved = torch.roll(self.norm(maps), (-side // 2, -side // 2), (1, 2))
        windows = moved.view(count, high // side, side, wide // side, side, width).permute(0, 1, 3, 2, 4, 5)
        mixed = self.attn(windows.reshape(-1, side * side, width))
        mixed = mixed.view(count, high // side, wide // side, side, side, width).permute(0, 1, 3, 2, 4, 5)
        maps = maps + torch.roll(mixed.reshape(count, high, wide, width), (side // 2, side // 2), (1, 2))
        merged = torch.cat([maps[:, down::2, across::2] for across in (0, 1) for down in (0, 1)], -1)
        return self.last(self.merge(merged))
