"""The data flow of PyTorch modules, against an oracle: change a block of pixels and look what changes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from saccade.models.dataflow import Interval
from saccade.models.torch.network import TorchNetwork

Block = tuple[Interval, Interval]


def reached(network: TorchNetwork, size: tuple[int, int], block: Block, layers: Sequence[str]) -> dict[str, Block]:
    """Which rows and columns of each layer differ between two pictures that differ in a block?"""
    (top, bottom), (left, right) = block
    dice = torch.Generator().manual_seed(0)
    one = torch.rand(1, *size, network.input_shape[2], generator=dice)
    two = one.clone()
    two[:, top:bottom, left:right] += 1 + torch.rand(1, bottom - top, right - left, one.shape[3], generator=dice)
    with network.inference_mode(), torch.no_grad():
        before, after = network.run(one, layers), network.run(two, layers)
    blocks = {}
    for path in layers:
        changed = (before[path] != after[path]).any(3).any(0)
        blocks[path] = tuple(_hull(changed.any(1 - axis)) for axis in (0, 1))
    return blocks  # type: ignore[return-value]


def _hull(changed: torch.Tensor) -> Interval:
    places = changed.nonzero().flatten().tolist()
    return (places[0], places[-1] + 1) if places else (0, 0)


def footprints(network: TorchNetwork, size: tuple[int, int], block: Block, layers: Sequence[str]) -> dict[str, Block]:
    flow = network.dataflow(*size)
    blocks = {}
    for path in layers:
        rows, columns = flow.footprint(path, 0, block[0]), flow.footprint(path, 1, block[1])
        nothing = rows[1] <= rows[0] or columns[1] <= columns[0]
        blocks[path] = ((0, 0), (0, 0)) if nothing else (rows, columns)
    return blocks


def maps(network: TorchNetwork) -> list[str]:
    return [path for path, layer in network.layers.items() if len(layer.shape) == 3]


def check(module: nn.Module, size: tuple[int, int] = (37, 45), *, exactly: bool = True, **options: object) -> None:
    network = TorchNetwork(module, **options)  # type: ignore[arg-type]
    layers = maps(network)
    height, width = size
    for block in (
        ((height // 3, height // 3 + 1), (width // 2, width // 2 + 2)),
        ((0, 3), (width - 4, width)),
        ((height - 1, height), (0, 1)),
    ):
        changed, predicted = reached(network, size, block, layers), footprints(network, size, block, layers)
        for path in layers:
            if exactly:
                assert changed[path] == predicted[path], (path, block)
            for axis in (0, 1):
                (first, last), (start, stop) = changed[path][axis], predicted[path][axis]
                assert first == last or (start <= first and last <= stop), (path, block)


class Nested(nn.Module):
    """Strides, dilation, transposed convolutions, odd sizes, in-place and functional operations, two kinds of skips."""

    def __init__(self, **resize: object) -> None:
        super().__init__()
        self.resize = resize
        self.wide = nn.Conv2d(3, 6, 3, padding=1)
        self.down = nn.Sequential(nn.Conv2d(6, 8, 3, stride=2, padding=1, groups=2), nn.BatchNorm2d(8))
        self.far = nn.Conv2d(8, 8, 3, padding=2, dilation=2, bias=False)
        self.up = nn.ConvTranspose2d(8, 8, 4, stride=2, padding=1, output_padding=1)
        self.last = nn.Conv2d(14, 3, 3, padding="same")
        self.act = nn.ELU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        wide = self.act(self.wide(x))
        down = functional.silu(self.down(wide))
        far = down + torch.tanh(self.far(down))
        far += 0.5 * down
        size = wide.shape[2:]
        up = self.up(far)[:, :, : size[0], : size[1]] + functional.interpolate(far, size=size, **self.resize)
        return torch.sigmoid(self.last(torch.cat([wide, up], 1)))


@pytest.mark.parametrize(
    "resize",
    [
        {"mode": "nearest"},
        {"mode": "nearest-exact"},
        {"mode": "bilinear"},
        {"mode": "bilinear", "align_corners": True},
        {"mode": "bicubic"},
    ],
)
@pytest.mark.parametrize("size", [(37, 45), (32, 48)])
def test_skips_strides_and_enlargements(resize: dict[str, object], size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    check(Nested(**resize), size)


class NextBlock(nn.Module):
    """As in ConvNeXt: normalised and mixed over channels that were moved to the end."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.spread = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm, self.more = nn.LayerNorm(channels), nn.Linear(channels, 2 * channels)
        self.less, self.scale = nn.Linear(2 * channels, channels), nn.Parameter(torch.ones(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.spread(x).permute(0, 2, 3, 1))
        return x + (self.scale * self.less(functional.gelu(self.more(y)))).permute(0, 3, 1, 2)


class ThereAndBack(nn.Module):
    """Flattened to tokens, computed token by token, and folded up again."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.norm, self.mix = nn.Conv2d(3, 8, 4, 4), nn.LayerNorm(8), nn.Linear(8, 8)
        self.last = nn.Conv2d(8, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        patches = self.patches(x)
        tokens = patches.flatten(2).transpose(1, 2)
        tokens = tokens + self.mix(self.norm(tokens)).softmax(-1)
        return self.last(tokens.transpose(1, 2).reshape(patches.shape))


class Attended(nn.Module):
    """Attention over channels' means and spreads at each place, and a reduction that keeps no dimension."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.gate = nn.Conv2d(3, 8, 3), nn.Conv2d(2, 1, 5, padding=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.normalize(self.first(x), dim=1)
        gate = torch.cat([y.mean(1, keepdim=True), y.max(1, keepdim=True).values], 1)
        y = y * torch.sigmoid(self.gate(gate))
        left, right = y.chunk(2, 1)
        weights = torch.einsum("nchw,dc->ndhw", left * right, torch.eye(4, 4))
        return torch.stack([left, weights], 2).sum(2) + y.sum(1).unsqueeze(1)


@pytest.mark.parametrize(
    "module",
    [
        pytest.param(lambda: nn.Sequential(nn.Conv2d(3, 8, 4, 4), NextBlock(8), nn.Conv2d(8, 8, 2, 2)), id="convnext"),
        pytest.param(ThereAndBack, id="tokens"),
        pytest.param(Attended, id="attended"),
        pytest.param(
            lambda: nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(3, 5, 7), nn.Hardswish(), nn.AvgPool2d(3, 2, 1)),
            id="reflection",
        ),
        pytest.param(
            lambda: nn.Sequential(
                nn.ReplicationPad2d((1, 2, 0, 3)), nn.Conv2d(3, 5, 3, 2), nn.PReLU(), nn.AvgPool2d(2, ceil_mode=True)
            ),
            id="replication",
        ),
        pytest.param(
            lambda: nn.Sequential(
                nn.ZeroPad2d((1, 2, -3, 1)), nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(9), nn.PixelShuffle(2),
                nn.AdaptiveAvgPool2d(6), nn.PixelUnshuffle(2), nn.GLU(1), nn.Softmax2d(), nn.ChannelShuffle(2),
            ),
            id="pooled to a size",
        ),
        pytest.param(
            lambda: nn.Sequential(nn.Conv2d(3, 5, 3), nn.Upsample(scale_factor=3, mode="bilinear"), nn.Softplus(),
                                  nn.Upsample(scale_factor=0.5, mode="bilinear"), nn.Upsample(scale_factor=1.5)),
            id="resized",
        ),
        pytest.param(
            lambda: nn.Sequential(
                nn.Conv2d(3, 5, (3, 1), (2, 1), (1, 0)), nn.Conv2d(5, 4, (1, 5), (1, 3), dilation=(2, 1))
            ),
            id="not square",
        ),
        pytest.param(lambda: nn.Sequential(nn.Conv2d(3, 5, 3), nn.InstanceNorm2d(5), nn.ELU()), id="instance norm"),
        pytest.param(lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.ELU()), id="group norm"),
        pytest.param(lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 4, 1)), id="global pooling"),
    ],
)  # fmt: skip
def test_footprints_are_exact(module: type[nn.Module]) -> None:
    torch.manual_seed(0)
    check(module())


class Written(nn.Module):
    """Results put together by writing into parts of an empty tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 5, padding=2)
        self.last = nn.Conv2d(8, 2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.zeros(x.shape[0], 8, *x.shape[2:])
        y[:, :4] = self.first(x)
        y[:, 4:] += self.second(x)
        y[:, 2:6].mul_(2)
        return self.last(y)


class OwnKernel(nn.Module):
    """A convolution whose kernel is computed from the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernel = self.conv(x[:1]).mean((2, 3))[0].reshape(4, 1, 1, 1)
        return functional.conv2d(self.conv(x), kernel, groups=4)


class ThroughPython(nn.Module):
    """A number leaves for Python and comes back."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x) * float(x.max()) + torch.tensor(x.mean().item())


class ThroughNumpy(nn.Module):
    """The picture leaves for numpy and comes back."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x) + torch.from_numpy(x.numpy().mean((1, 2, 3), keepdims=True).copy())


@pytest.mark.parametrize(
    "module",
    [
        Written,
        OwnKernel,
        ThroughPython,
        ThroughNumpy,
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular"), nn.Tanh()),
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.LayerNorm((4, 35, 43))),
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.LocalResponseNorm(2), nn.MaxPool2d(3, 2)),
        lambda: nn.Sequential(nn.MaxPool2d(4, 3, 1, ceil_mode=True), nn.ReflectionPad2d(2), nn.Conv2d(3, 4, 3, 2)),
        lambda: nn.Sequential(nn.Conv2d(3, 5, (3, 1), (2, 1), (1, 0), (2, 1)), nn.Hardshrink()),
        lambda: nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 2, 2), nn.ConvTranspose2d(8, 3, 2, 3, dilation=2), nn.Unflatten(1, (3, 1))
        ),
    ],
)  # fmt: skip
def test_footprints_are_never_too_small(module: type[nn.Module]) -> None:
    torch.manual_seed(0)
    check(module(), exactly=False, input_shape=(37, 45, 3))


def test_tensors_kept_in_plain_attributes_are_constants() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.mean = [torch.rand(3, 1, 1)]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv((x - self.mean[0]) / torch.tensor([0.2, 0.3, 0.4]).view(3, 1, 1))

    check(Scaled())


def test_receptive_fields_and_strides_are_read_off() -> None:
    encoder = nn.Sequential(
        *(part for _ in range(4) for part in (nn.LazyConv2d(4, 3, padding=1), nn.ELU(), nn.MaxPool2d(2)))
    )
    encoder(torch.zeros(1, 3, 64, 64))
    flow = TorchNetwork(encoder).dataflow(224, 192)
    assert flow.grid("11") == (14, 12)
    assert flow.stride("11") == (16, 16)
    assert flow.receptive_field("11") == (46, 46)


sizes = st.integers(1, 3)
steps = st.one_of(
    st.tuples(st.just("conv"), st.integers(1, 5), sizes, st.integers(0, 3)),
    st.tuples(st.just("grow"), st.integers(2, 5), st.just(2), st.integers(0, 1)),
    st.tuples(st.just("pool"), st.integers(1, 4), sizes, st.just(0)),
    st.tuples(st.just("nearest"), st.integers(2, 3), st.just(0), st.just(0)),
    st.tuples(st.just("bilinear"), st.integers(3, 19), st.integers(3, 19), st.integers(0, 1)),
    st.tuples(st.just("adaptive"), st.integers(2, 12), st.integers(2, 12), st.just(0)),
    st.tuples(st.just("edge"), sizes, sizes, sizes),
    st.tuples(st.just("both"), st.sampled_from([1, 3, 5]), st.just(0), st.just(0)),
)


class Drawn(nn.Module):
    """A small net from a list of steps."""

    def __init__(self, plan: Sequence[tuple[str, int, int, int]]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(self._part(*step) for step in plan)
        self.plan = plan

    @staticmethod
    def _part(kind: str, a: int, b: int, c: int) -> nn.Module:
        layers: dict[str, nn.Module] = {
            "conv": nn.Conv2d(2, 2, a, b, min(c, a - 1) if a > 1 else 0),
            "grow": nn.ConvTranspose2d(2, 2, max(a, 2), 2, c),
            "pool": nn.AvgPool2d(a, b),
            "nearest": nn.Upsample(scale_factor=a),
            "edge": nn.ReplicationPad2d((a, b, c, a)),
            "both": nn.Conv2d(2, 2, a, padding=a // 2),
        }
        if kind == "bilinear":
            return nn.Upsample(size=(a, b), mode="bilinear", align_corners=bool(c))
        return nn.AdaptiveAvgPool2d((a, b)) if kind == "adaptive" else layers[kind]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for (kind, *_), part in zip(self.plan, self.parts, strict=True):
            y = functional.elu(part(x))
            x = y + x if kind == "both" else y
        return x


@settings(max_examples=40, deadline=None)
@given(
    plan=st.lists(steps, min_size=1, max_size=4),
    size=st.tuples(st.integers(20, 33), st.integers(20, 33)),
    corner=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    block=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    seed=st.integers(0, 99),
)
def test_drawn_nets(
    plan: list[tuple[str, int, int, int]],
    size: tuple[int, int],
    corner: tuple[float, float],
    block: tuple[int, int],
    seed: int,
) -> None:
    torch.manual_seed(seed)
    module = Drawn(plan)
    for weight in module.parameters():
        nn.init.normal_(weight, std=0.7)
    try:
        module(torch.zeros(1, 2, *size))
    except RuntimeError:
        return  # a kernel larger than what is left of the picture
    network = TorchNetwork(module.double(), input_shape=(*size, 2))
    starts = [int(share * (length - span)) for share, length, span in zip(corner, size, block, strict=True)]
    changed: Block = tuple((start, start + span) for start, span in zip(starts, block, strict=True))  # type: ignore[assignment]
    layers = maps(network)
    assert reached(network, size, changed, layers) == footprints(network, size, changed, layers)
