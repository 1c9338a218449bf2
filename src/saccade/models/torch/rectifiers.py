"""Which ReLUs of a torch module stand before a layer.

Every ATen operation of a run is known, so nothing can hide: each nonlinear one is either the work of an `nn.ReLU`,
which can be tapped, or an obstacle.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saccade.models.dataflow import Dataflow
from saccade.models.rectifiers import Rectifiers, steps_before
from saccade.models.torch.runs import TracedRun

_LINEAR_OR_CHOOSING = {
    "_adaptive_avg_pool2d", "_reshape_alias", "_to_copy", "_unsafe_view", "adaptive_avg_pool2d",
    "adaptive_max_pool2d", "add", "alias", "amax", "avg_pool2d", "cat", "clone", "constant_pad_nd",
    "copy", "detach", "expand", "flip", "im2col", "index_select", "lift_fresh", "max_pool2d",
    "max_pool2d_with_indices", "mean", "mkldnn_max_pool2d", "narrow", "neg", "overlap", "permute", "pixel_shuffle",
    "pixel_unshuffle", "reflection_pad2d", "repeat", "replication_pad2d", "reshape", "roll", "rsub", "select", "slice",
    "split", "split_with_sizes", "squeeze", "stack", "sub", "sum", "t", "transpose", "unbind", "unfold", "unsqueeze",
    "upsample_bicubic2d", "upsample_bilinear2d", "upsample_nearest2d", "view",
}  # fmt: skip
"""Linear in the image, or handing on one of the values read, as maximum pooling does."""

_LINEAR_WITH_A_CONSTANT = {"addmm", "addmv", "baddbmm", "bmm", "convolution", "div", "linear", "mm", "mul", "mv"}
"""Linear as long as only one operand depends on the image."""

_LINEAR_WITH_KEPT_STATISTICS = {"_native_batch_norm_legit_no_training", "cudnn_batch_norm", "native_batch_norm"}


def rectifiers(run: TracedRun, parts: Mapping[str, Any], layer: str) -> Rectifiers:
    """Which ReLUs stand before a layer?

    Args:
        run: One traced run.
        parts: Every module by its dotted name, as far as Python calls it.
        layer: The path of the layer.
    """
    import torch

    made_by: dict[str, str] = {}
    for path, result in run.results.items():
        if result.name is not None and type(parts.get(result.name)) is torch.nn.ReLU:
            made_by.update(dict.fromkeys(run.trace.operations[path].inputs, path))
    flow = Dataflow((0, 0), run.trace.operations)
    paths: list[str] = []
    for key, inputs, is_known in steps_before(flow, layer):
        if not is_known:
            return Rectifiers(obstacle=f"what {key!r} reads cannot be followed back to the image")
        if key in run.results:
            continue
        name = key.partition("#")[0].removesuffix("_")
        if name == "relu":
            if key not in made_by:
                return Rectifiers(obstacle="a relu is called as a function, not as an nn.ReLU module")
            paths.append(made_by[key])
        elif not _is_linear(name, inputs, run.trace.operations[key].windows is not None):
            return Rectifiers(obstacle=f"the model computes {name}, which is no ReLU")
    return Rectifiers(tuple(dict.fromkeys(paths)))


def _is_linear(name: str, inputs: tuple[str, ...], keeps_places: bool) -> bool:
    if name in _LINEAR_WITH_A_CONSTANT:
        return len(inputs) == 1
    # Statistics of the image itself would mix all its places.
    return name in _LINEAR_OR_CHOOSING or (name in _LINEAR_WITH_KEPT_STATISTICS and keeps_places)
