"""Where rows, columns and special tokens lie, by an oracle: change a cell's pixels, see which numbers answer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from token_nets import Transformer, Windowed
from torch import nn

import saccade
from saccade.engines import engine_for
from saccade.engines.place_measurement import measured_places
from saccade.errors import InputError, NotApplicable
from saccade.models.network import declared_places
from saccade.models.places import Places
from saccade.models.torch.network import TorchNetwork

SIZE = (32, 48)


class MixedTokens(nn.Module):
    """Tokens of which each is made of all patches, so that they lie nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.linear = nn.Conv2d(3, 8, 8, 8), nn.Linear(24, 24)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.linear(self.patches(images).flatten(2)).transpose(1, 2)


def check(module: nn.Module, layer: str, expected: Places | None, size: tuple[int, int] = SIZE) -> None:
    """Are these the places declared, and does each cell answer above all to its own pixels?"""
    torch.manual_seed(0)
    network = TorchNetwork(module.eval(), input_shape=(*size, 3))
    places = declared_places(network, layer, network.dataflow(*size))
    assert places == expected
    if expected is None:
        return
    image = torch.rand(1, *size, 3, generator=torch.Generator().manual_seed(1))
    changed = image.repeat(1 + expected.cells, 1, 1, 1)
    for index in range(expected.cells):
        rows, columns = (
            slice(number * side // count, (number + 1) * side // count)
            for number, side, count in zip(divmod(index, expected.columns), size, expected.grid, strict=True)
        )
        changed[1 + index, rows, columns] = 1 - image[0, rows, columns]
    with network.inference_mode(), torch.no_grad():
        values = network.run(changed, [layer])[layer].numpy()
    cells, _ = expected.split(np.abs(values[1:] - values[0]))
    answers = np.linalg.norm(cells, axis=-1).reshape(expected.cells, expected.cells)
    np.testing.assert_array_equal((answers / answers.sum(axis=0)).argmax(axis=1), np.arange(expected.cells))


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize(("prefix", "suffix"), [(0, 0), (1, 0), (5, 0), (1, 3)])
def test_tokens_are_followed_from_the_patches(prefix: int, suffix: int, fused: bool) -> None:
    module = Transformer(prefix, suffix, None, fused=fused)
    for layer in ("norm", "blocks.0", "blocks.1.norm2"):
        check(module, layer, Places(4, 6, prefix, suffix))
    flow = TorchNetwork(module, input_shape=(*SIZE, 3)).dataflow(*SIZE)
    # Behind attention alone a token need not answer to its own patch most.
    assert {flow.places(f"blocks.1.{layer}") for layer in ("attn", "attn.qkv", "mlp.1")} == {flow.places("norm")}


def test_what_is_pooled_has_no_places() -> None:
    check(Transformer(pooled="class"), "output", None)
    check(Transformer(pooled="mean"), "output", None)


def test_patches_can_be_cut_in_many_ways() -> None:
    class Cut(nn.Module):
        def __init__(self, way: str) -> None:
            super().__init__()
            self.way = way
            self.linear = nn.Linear(3 * 64, 8) if way in ("view", "unfold") else nn.Conv1d(3 * 64, 8, 1)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            if self.way == "view":
                count, channels, high, wide = images.shape
                cut = images.view(count, channels, high // 8, 8, wide // 8, 8).permute(0, 2, 4, 1, 3, 5)
                return self.linear(cut.reshape(count, (high // 8) * (wide // 8), -1))
            patches = nn.functional.unfold(images, 8, stride=8)
            return self.linear(patches.transpose(1, 2) if self.way == "unfold" else patches)

    for way in ("view", "unfold"):
        check(Cut(way), "linear", Places(4, 6))
    check(Cut("channels first"), "linear", Places(4, 6, channels_first=True))


def test_maps_of_single_patches_keep_the_places_of_the_patches() -> None:
    class Inner(nn.Module):
        """Each patch is an image of its own, convolved and pooled beside the others, as in TNT."""

        def __init__(self, pooled: int) -> None:
            super().__init__()
            self.conv, self.pool = nn.Conv2d(3, 4, 3, 2, 1), nn.AvgPool2d(pooled)
            self.linear = nn.Linear(4 * (4 // pooled) ** 2, 6)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            patches = nn.functional.unfold(images, 8, stride=8).transpose(1, 2).reshape(-1, 3, 8, 8)
            return self.linear(self.pool(self.conv(patches)).reshape(len(images), -1, self.linear.in_features))

    for pooled in (1, 2, 4):
        check(Inner(pooled), "linear", Places(4, 6))


def test_attention_among_channels_keeps_the_places_of_the_values() -> None:
    class AmongChannels(nn.Module):
        """Cross-covariance attention, as in XCiT."""

        def __init__(self) -> None:
            super().__init__()
            self.patches, self.qkv, self.proj = nn.Conv2d(3, 8, 8, 8), nn.Linear(8, 24), nn.Linear(8, 8)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            tokens = self.patches(images).flatten(2).transpose(1, 2)
            q, k, v = self.qkv(tokens).reshape(len(tokens), -1, 3, 2, 4).permute(2, 0, 3, 4, 1).unbind(0)
            q, k = (nn.functional.normalize(each, dim=-1) for each in (q, k))
            mixed = (q @ k.transpose(-2, -1)).softmax(-1) @ v
            return self.proj(mixed.permute(0, 3, 1, 2).reshape(tokens.shape))

    check(AmongChannels(), "proj", Places(4, 6))


def test_torchs_own_encoder_layers_are_followed() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches = nn.Conv2d(3, 16, 8, 8)
            self.layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 2)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.layers(self.patches(images).flatten(2).transpose(1, 2))

    check(Own(), "layers", Places(4, 6))


def test_windows_and_merged_patches_are_followed() -> None:
    module = Windowed()
    check(module, "last", Places(4, 6))
    check(module, "norm", Places(8, 12))
    network = TorchNetwork(module, input_shape=(*SIZE, 3))
    assert network.layers["last"].shape == (4, 6, 16)


def test_flattened_maps_keep_their_places() -> None:
    net = nn.Sequential(nn.Conv2d(3, 5, 4, 4), nn.Tanh(), nn.Flatten(), nn.Linear(5 * 8 * 12, 7))
    check(net, "2", Places(8, 12, channels_first=True))
    check(net, "3", None)


def test_sizes_may_be_free() -> None:
    network = TorchNetwork(Transformer(pooled=None).eval())
    assert network.input_shape[:2] == (None, None)
    for size in ((32, 48), (64, 40)):
        assert network.dataflow(*size).places("norm") == Places(size[0] // 8, size[1] // 8, 1)
    encoder = saccade.Encoder(network)
    images = np.random.default_rng(0).random((1, 32, 48, 3), np.float32)
    assert saccade.explain(encoder, images, "occlusion", patch=16, stride=16).values.shape == (1, 32, 48)
    assert encoder.layer_size("norm", images) == 25 * 16


def test_values_are_split_and_joined() -> None:
    values = np.arange(2 * 9 * 3.0).reshape(2, 9, 3)
    places = Places(2, 3, prefix=1, suffix=2)
    cells, special = places.split(values)
    np.testing.assert_array_equal(cells[1, 1, 2], values[1, 6])
    np.testing.assert_array_equal(special[0], values[0, [0, 7, 8]])
    np.testing.assert_array_equal(places.join(cells, (9, 3), special), values)
    line = places.in_line(values)
    np.testing.assert_array_equal(line[:, 0], values)
    on_image, elsewhere = places.off_line(line.sum(-1))
    np.testing.assert_allclose(on_image.sum((1, 2)) + elsewhere, values.sum((1, 2)))
    flat = Places(2, 3, channels_first=True)
    maps = np.arange(2 * 4 * 6.0).reshape(2, 24)
    np.testing.assert_array_equal(flat.split(maps)[0], maps.reshape(2, 4, 2, 3).transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(flat.join(flat.split(maps)[0], (24,)), maps)


# Measured


@pytest.mark.parametrize(("prefix", "suffix"), [(0, 0), (1, 0), (5, 2)])
@pytest.mark.parametrize("value_range", [(0.0, 1.0), (0.0, 255.0)])
def test_places_can_be_measured(prefix: int, suffix: int, value_range: tuple[float, float]) -> None:
    torch.manual_seed(0)
    network = TorchNetwork(Transformer(prefix, suffix, None, depth=3).eval(), input_shape=(*SIZE, 3))
    for layer in ("blocks.0", "norm"):
        assert measured_places(engine_for(network), layer, SIZE, value_range) == Places(4, 6, prefix, suffix)


def test_what_answers_to_no_place_has_none() -> None:
    torch.manual_seed(0)
    network = TorchNetwork(MixedTokens().eval(), input_shape=(*SIZE, 3))
    assert measured_places(engine_for(network), "output", SIZE, (0, 1)) is None


# What asks for places


@pytest.fixture(scope="module")
def tokens() -> saccade.Encoder:
    torch.manual_seed(0)
    return saccade.Encoder(Transformer(5, 0, None).eval(), layer="norm", input_shape=(*SIZE, 3))


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).random((2, *SIZE, 3), np.float32)


def test_energy_lies_at_the_patches_and_special_tokens_apart(tokens: saccade.Encoder, images: np.ndarray) -> None:
    attribution = saccade.explain(tokens, images, "activation_energy")
    code = tokens.activations(images, ["norm"])["norm"].astype(float)
    energy = (code**2).sum(-1)
    expected = energy[:, 5:].reshape(2, 4, 6) / energy.sum(1)[:, None, None]
    np.testing.assert_allclose(attribution.values, expected, rtol=1e-5)
    np.testing.assert_allclose(attribution.scores["special_tokens"], energy[:, :5].sum(1) / energy.sum(1), rtol=1e-5)
    assert any("5 special tokens" in note for note in attribution.notes)


def test_a_cell_is_the_token_of_its_patch(tokens: saccade.Encoder, images: np.ndarray) -> None:
    code = tokens.activations(images, ["norm"])["norm"].astype(float)
    run = saccade.Run(tokens)
    reference = saccade.targets.cell(2, 3).freeze(run.codes(images), run)
    expected = np.zeros_like(code)
    expected[:, 5 + 2 * 6 + 3] = code[:, 5 + 2 * 6 + 3]
    np.testing.assert_allclose(reference[:, 0], expected, rtol=1e-6)
    reference = saccade.targets.region((1, 3), (0, 2)).freeze(run.codes(images), run)
    assert set(np.flatnonzero(reference[0, 0].any(-1))) == {11, 12, 17, 18}
    reference = saccade.targets.channel(7).freeze(run.codes(images), run)
    np.testing.assert_allclose((reference[:, 0] * code).sum((1, 2)), code[:, 5:, 7].mean(1), rtol=1e-5)
    with pytest.raises(InputError, match="4x6 cells"):
        saccade.explain(tokens, images, target="cell:4,0")


def test_cells_have_the_gradients_of_their_tokens(tokens: saccade.Encoder, images: np.ndarray) -> None:
    maps = saccade.cells(tokens, images[:1])
    assert maps.grid == (4, 6)
    module = tokens.network.module
    pixels = torch.tensor(images[:1]).permute(0, 3, 1, 2).requires_grad_(True)
    code = module(pixels)
    (code[0, 5 + 1 * 6 + 4] * code[0, 5 + 1 * 6 + 4].detach()).sum().backward()
    expected = pixels.grad[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(maps.gradient(1, 4)[0], expected, atol=1e-5 * np.abs(expected).max())


def test_shares_of_a_comparison_lie_at_the_patches(tokens: saccade.Encoder, images: np.ndarray) -> None:
    a, b = tokens.activations(images, ["norm"])["norm"].astype(float)
    why = saccade.compare(tokens, images[:1], images[1:])
    products = (a * b).sum(-1) / np.linalg.norm(a) / np.linalg.norm(b)
    np.testing.assert_allclose(why.shares_a, products[5:].reshape(4, 6), rtol=1e-5)
    np.testing.assert_allclose(why.special, products[:5].sum(), rtol=1e-5)
    assert why.special_kind == "tokens"
    np.testing.assert_allclose(why.shares_a.sum() + why.special, why.score, rtol=1e-6)
    assert why.places
    why.figure()
    anywhere = saccade.compare(tokens, images[:1], images[1:], matching="anywhere")
    means = a[5:].mean(0), b[5:].mean(0)
    lengths = [np.linalg.norm(mean) for mean in means]
    np.testing.assert_allclose(anywhere.score, means[0] @ means[1] / lengths[0] / lengths[1], rtol=1e-6)
    np.testing.assert_allclose(anywhere.shares_a.sum(), anywhere.score, rtol=1e-6)


def test_feature_maps_are_those_of_the_patches(tokens: saccade.Encoder, images: np.ndarray) -> None:
    maps = saccade.feature_maps(tokens, images[:1])
    code = tokens.activations(images[:1], ["norm"])["norm"][0]
    np.testing.assert_array_equal(maps["norm"], code[5:].reshape(4, 6, 16))
    maps.collage()


CAMS = ("grad_cam", "grad_cam_plus_plus", "layer_cam", "ablation_cam", "score_cam", "eigen_cam")


@pytest.mark.parametrize("method", CAMS)
def test_cams_weigh_the_last_block_that_is_read(method: str, images: np.ndarray) -> None:
    torch.manual_seed(0)
    for prefix, pooled, layer in (
        (2, "class", "blocks.0"),
        (2, "mean", "norm"),
        (0, "mean", "norm"),
        (2, None, "norm"),
    ):
        encoder = saccade.Encoder(Transformer(prefix, 0, pooled).eval(), input_shape=(*SIZE, 3))
        attribution = saccade.explain(encoder, images, method)
        assert attribution.settings["at"] == layer
        assert attribution.values.shape == (2, 4, 6)
        assert np.abs(attribution.values).max() > 0


def test_grad_cam_of_tokens_is_that_of_the_formula(images: np.ndarray) -> None:
    torch.manual_seed(0)
    module = Transformer(2, 0, "mean").eval()
    encoder = saccade.Encoder(module, input_shape=(*SIZE, 3))
    recorded = {}
    handle = module.norm.register_forward_hook(lambda _m, _i, output: recorded.update(v=output, _=output.retain_grad()))
    code = module(torch.tensor(images).permute(0, 3, 1, 2))
    (code * code.detach()).sum().backward()
    handle.remove()
    values, gradient = (tensor[:, 2:].detach() for tensor in (recorded["v"], recorded["v"].grad))
    expected = (values * gradient.mean(1, keepdim=True)).sum(-1).reshape(2, 4, 6).numpy()
    expected -= expected.mean((1, 2), keepdims=True)
    weighted = saccade.explain(encoder, images, "grad_cam", at="norm").values
    np.testing.assert_allclose(weighted, expected, atol=1e-5 * np.abs(expected).max())


class Mean(nn.Module):
    """The mean of all tokens."""

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return tokens.mean(1)


def test_a_windowed_net_is_compared_and_weighed_on_its_grid(images: np.ndarray) -> None:
    torch.manual_seed(0)
    encoder = saccade.Encoder(Windowed().eval(), layer="last", input_shape=(*SIZE, 3))
    assert saccade.compare(encoder, images[:1], images[1:]).shares_a.shape == (4, 6)
    assert saccade.explain(encoder, images, "grad_cam", at="last").values.shape == (2, 4, 6)
    pooled = nn.Sequential(encoder.network.module, nn.Flatten(1, 2), Mean())
    attribution = saccade.explain(saccade.Encoder(pooled.eval(), input_shape=(*SIZE, 3)), images, "grad_cam")
    assert attribution.values.shape == (2, 4, 6)


def test_tokens_that_lie_nowhere_are_refused(images: np.ndarray) -> None:
    torch.manual_seed(0)
    encoder = saccade.Encoder(MixedTokens().eval(), layer="output", input_shape=(*SIZE, 3))
    for ask in (
        lambda: saccade.explain(encoder, images, "activation_energy"),
        lambda: saccade.cells(encoder, images[:1]),
    ):
        with pytest.raises(NotApplicable, match="not known where they lie"):
            ask()
    with pytest.raises(InputError, match="not known where they lie"):
        saccade.explain(encoder, images, target="cell:0,1")
    with pytest.raises(NotApplicable, match="no places that could be compared one by one"):
        saccade.compare(encoder, images[:1], images[1:], matching="place")
    assert saccade.compare(encoder, images[:1], images[1:], cells=3, masks=32).split == "estimated"


def test_abnormally_long_tokens_are_noticed(images: np.ndarray) -> None:
    class Outlier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = Transformer(1, 0, None)
            self.strong = nn.Identity()

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            scale = torch.ones(25, 1)
            scale[7] = 20.0
            return self.strong(self.net(images) * scale)

    torch.manual_seed(0)
    encoder = saccade.Encoder(Outlier().eval(), layer="strong", input_shape=(*SIZE, 3))
    for notes in (
        saccade.explain(encoder, images, "activation_energy").notes,
        saccade.explain(encoder, images, "eigen_cam", at="strong").notes,
        saccade.compare(encoder, images[:1], images[1:]).notes,
    ):
        assert any("2 of 48 patch tokens" in note and "times as long as the median" in note for note in notes)


@pytest.mark.parametrize("method", ["occlusion", "relax", "extremal_perturbation"])
def test_it_is_said_that_covered_tokens_are_filled(method: str, images: np.ndarray) -> None:
    note = "tokens of covered places are computed from what fills them; none is dropped"
    settings = {"relax": {"masks": 16}, "extremal_perturbation": {"iterations": 1}}.get(method, {})
    tokens = saccade.Encoder(Transformer().eval(), input_shape=(*SIZE, 3))
    maps = saccade.Encoder(nn.Sequential(nn.Conv2d(3, 4, 8, 8), nn.ELU()).eval(), input_shape=(*SIZE, 3))
    assert note in saccade.explain(tokens, images, method, **settings).notes
    assert note not in saccade.explain(maps, images, method, **settings).notes
    assert note not in saccade.explain(tokens, images, "saliency").notes
    assert note in saccade.compare(tokens, images[:1], images[1:], split="masked", masks=64, cells=2).notes
