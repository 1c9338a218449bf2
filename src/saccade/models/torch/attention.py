"""Attention of torch modules: its weights read, or held constant on the way back, also where it is fused.

A function mode sees every call of this thread to `softmax`, `scaled_dot_product_attention`, `nn.MultiheadAttention` and
their like, whoever makes it; the module itself is not changed.

Held constant (`linearised`), a network of attention, normalisation and gated activations becomes linear in its image,
apart from its biases: attention weights and the spread of a normalisation are constants, an activation is a constant
times its input, and of a product of two branches each gets half of the gradient. Source: Mehri, Baghaei Potraghloo,
Shayegan and Baghshah, LibraGrad, CVPR 2025, arXiv:2411.16760.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from saccade.errors import NotApplicable
from saccade.typing import Tensor

Replacement = Callable[..., Any]


@contextmanager
def linearised() -> Iterator[None]:
    """Inside the block gradients of this thread go back as if the network were linear in its image."""
    with _mode(_replaced):
        yield


@contextmanager
def attention_recorded(weights: list[Tensor]) -> Iterator[None]:
    """Inside the block the attention weights of this thread's calls are added to a list, each the mean of its heads.

    They are (images, queries, keys); of a softmax that stands by itself, what has as many queries as keys.
    """

    def record(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], call: Callable[[], Any]) -> Any:
        import torch

        if function is torch.nn.functional.scaled_dot_product_attention:
            weights.append(_by_image(_fused_weights(*args, **kwargs)))
            return call()
        if function is torch.nn.functional.multi_head_attention_forward:
            result, own = _multi_head(*args, hold=False, **kwargs)
            weights.append(own.mean(1))
            return result
        result = call()
        if function in _softmaxes() and result.dim() >= 3 and result.shape[-1] == result.shape[-2]:
            weights.append(_by_image(result))
        return result

    with _mode(record):
        yield


def _by_image(weights: Tensor) -> Tensor:
    """The mean of the heads, (images, queries, keys)."""
    return weights if weights.dim() == 3 else weights.flatten(1, -3).mean(1)


def _mode(handle: Callable[[Any, Sequence[Any], Mapping[str, Any], Callable[[], Any]], Any]) -> Any:
    from torch.overrides import TorchFunctionMode

    class Calls(TorchFunctionMode):  # type: ignore[misc]
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            return handle(function, args, kwargs, lambda: function(*args, **kwargs))

    return Calls()


def _replaced(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], call: Callable[[], Any]) -> Any:
    replacement = _replacements().get(function)
    return call() if replacement is None else replacement(function, *args, **kwargs)


# What is held constant


def _constant(function: Any, *args: Any, **kwargs: Any) -> Tensor:
    """Weights of attention, gates, and the roots that stand for a length or a spread."""
    return function(*args, **kwargs).detach()


def _activated(function: Any, values: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """An activation that is zero at zero, as its input times a constant."""
    import torch

    plain = values.detach()
    result = function(plain.clone(), *args, **kwargs)  # some write into what they get
    # At zero the constant multiplies nothing, so any number will do.
    return values * torch.where(plain == 0, torch.zeros_like(result), result / plain)


def _product(function: Any, first: Any, second: Any, *args: Any, **kwargs: Any) -> Tensor:
    """Of a product of two branches each gets half."""
    if not (_depends(first) and _depends(second)):
        return function(first, second, *args, **kwargs)
    return (first * second.detach() + first.detach() * second) / 2


def _quotient(function: Any, first: Any, second: Any, *args: Any, **kwargs: Any) -> Tensor:
    """What is divided by is a length or a spread."""
    return function(first, second.detach() if _depends(second) else second, *args, **kwargs)


def _normalised(_: Any, values: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Tensor:
    import torch

    return values / torch.linalg.vector_norm(values.detach(), p, dim, keepdim=True).clamp_min(eps)


def _layer_norm(
    _: Any,
    values: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    *_cudnn: Any,
) -> Tensor:
    dims = tuple(range(-len(normalized_shape), 0))
    centred = values - values.mean(dims, keepdim=True)
    normal = centred / (centred.detach().square().mean(dims, keepdim=True) + eps).sqrt()
    normal = normal if weight is None else normal * weight
    return normal if bias is None else normal + bias


def _rms_norm(
    _: Any,
    values: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    import torch

    dims = tuple(range(-len(normalized_shape), 0))
    least = torch.finfo(values.dtype).eps if eps is None else eps
    normal = values / (values.detach().square().mean(dims, keepdim=True) + least).sqrt()
    return normal if weight is None else normal * weight


def _group_norm(
    _: Any,
    values: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    shape = values.shape
    normal = _layer_norm(None, values.reshape(shape[0], num_groups, -1), [shape[1:].numel() // num_groups], eps=eps)
    normal = normal.reshape(shape)
    each = (1, -1, *(1 for _ in shape[2:]))
    normal = normal if weight is None else normal * weight.reshape(each)
    return normal if bias is None else normal + bias.reshape(each)


def _attended(_: Any, query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return _fused_weights(query, key, value, *args, **kwargs).detach() @ _for_heads(value, query, kwargs)


def _all_heads_attended(_: Any, *args: Any, **kwargs: Any) -> Any:
    return _multi_head(*args, hold=True, **kwargs)[0]


# Attention, written out


def _fused_weights(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,  # evaluating, nothing is dropped
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """The weights of `scaled_dot_product_attention`, (..., queries, keys)."""
    import torch

    del value, dropout_p
    key = _for_heads(key, query, {"enable_gqa": enable_gqa})
    scores = query @ key.transpose(-2, -1) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    return (scores + _added(attn_mask, scores)).softmax(-1)


def _added(mask: Tensor | None, scores: Tensor) -> Any:
    """What a mask adds to the scores: a boolean one, True where keys are read, minus infinity elsewhere."""
    import torch

    if mask is None or mask.dtype != torch.bool:
        return 0.0 if mask is None else mask
    return torch.zeros(mask.shape, dtype=scores.dtype, device=mask.device).masked_fill(~mask, -math.inf)


def _for_heads(values: Tensor, query: Tensor, settings: Mapping[str, Any]) -> Tensor:
    """Keys or values of shared heads, once for each head of the queries."""
    if not settings.get("enable_gqa"):
        return values
    return values.repeat_interleave(query.shape[-3] // values.shape[-3], -3)


def _multi_head(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
    *,
    hold: bool,
) -> tuple[tuple[Tensor, Tensor | None], Tensor]:
    """`multi_head_attention_forward`: its result, and the weights (images, heads, queries, keys)."""
    import torch

    del dropout_p, training, embed_dim_to_check, is_causal
    if add_zero_attn or any(part is not None for part in (bias_k, bias_v, static_k, static_v)):
        raise NotApplicable(
            "the model's nn.MultiheadAttention adds keys of its own (add_bias_kv or add_zero_attn), which this method "
            "does not know; use integrated_gradients or occlusion."
        )
    if use_separate_proj_weight or in_proj_weight is None:
        projections: Sequence[Tensor | None] = (q_proj_weight, k_proj_weight, v_proj_weight)
    else:
        projections = in_proj_weight.chunk(3)
    biases = (None,) * 3 if in_proj_bias is None else in_proj_bias.chunk(3)
    length, count, width = query.shape
    q, k, v = (
        torch.nn.functional.linear(values, weight, bias).reshape(len(values), count, num_heads, -1).permute(1, 2, 0, 3)
        for values, weight, bias in zip((query, key, value), projections, biases, strict=True)
    )
    mask: Any = None
    if attn_mask is not None:
        mask = attn_mask if attn_mask.dim() < 3 else attn_mask.reshape(count, num_heads, length, -1)
        mask = ~mask if mask.dtype == torch.bool else mask  # here True means: not read
    weights = _fused_weights(q, k, v, mask)
    if key_padding_mask is not None:
        unread = key_padding_mask if key_padding_mask.dtype == torch.bool else key_padding_mask != 0
        weights = weights.masked_fill(unread[:, None, None], 0)
        weights = weights / weights.sum(-1, keepdim=True)
    read = weights.detach() if hold else weights
    mixed = (read @ v).permute(2, 0, 1, 3).reshape(length, count, width)
    result = torch.nn.functional.linear(mixed, out_proj_weight, out_proj_bias)
    shown = (weights.mean(1) if average_attn_weights else weights) if need_weights else None
    return (result, shown), weights


def _depends(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor) and value.requires_grad and value.is_floating_point()


@cache
def _softmaxes() -> frozenset[Any]:
    import torch

    return frozenset({torch.softmax, torch.Tensor.softmax, torch.nn.functional.softmax})


@cache
def _replacements() -> dict[Any, Replacement]:
    import torch
    from torch.nn import functional

    gates = (torch.sigmoid, torch.Tensor.sigmoid, functional.sigmoid, functional.hardsigmoid)
    activations = (
        functional.gelu, functional.silu, functional.mish, functional.hardswish, functional.elu, functional.celu,
        functional.selu, functional.softsign, torch.tanh, torch.Tensor.tanh, functional.tanh,
    )  # fmt: skip
    products = (
        torch.mul, torch.Tensor.mul, torch.Tensor.__mul__, torch.Tensor.__rmul__, torch.Tensor.__imul__,
        torch.multiply, torch.Tensor.multiply,
    )  # fmt: skip
    quotients = (
        torch.div, torch.Tensor.div, torch.Tensor.__truediv__, torch.true_divide, torch.Tensor.true_divide,
        torch.divide, torch.Tensor.divide,
    )  # fmt: skip
    roots = (torch.sqrt, torch.Tensor.sqrt, torch.rsqrt, torch.Tensor.rsqrt)
    return {
        **dict.fromkeys((*_softmaxes(), *gates, *roots), _constant),
        **dict.fromkeys(activations, _activated),
        **dict.fromkeys(products, _product),
        **dict.fromkeys(quotients, _quotient),
        functional.layer_norm: _layer_norm,
        torch.layer_norm: _layer_norm,
        functional.rms_norm: _rms_norm,
        functional.group_norm: _group_norm,
        functional.normalize: _normalised,
        functional.scaled_dot_product_attention: _attended,
        functional.multi_head_attention_forward: _all_heads_attended,
    }
