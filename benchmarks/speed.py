"""One framework, timed: saccade beside the raw floor and beside its peers. Prints JSON.

python benchmarks/speed.py tensorflow|torch|jax SECONDS [--quick]
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import nets
import numpy as np
from clock import race
from floors import Floor, floor
from numpy.typing import NDArray

import saccade
from saccade.methods import find
from saccade.paths import NormalPoints

Array = NDArray[np.float32]
Row = dict[str, Any]
Candidates = Mapping[str, Callable[[], Array]]
SAMPLES, STEPS, NOISE, PATCH, STRIDE = 25, 50, 0.1, 16, 8


class Bench:
    """What is measured in one process.

    Args:
        framework: `"tensorflow"`, `"torch"` or `"jax"`.
        size: Side of the picture in pixels.
        seconds: About how long each race runs.
    """

    def __init__(self, framework: str, size: int, seconds: float) -> None:
        self.framework = framework
        self.size = size
        self.seconds = seconds
        self.rows: list[Row] = []

    def nets(self, size: int) -> tuple[Any, saccade.Encoder]:
        """The bare encoder for floors and peers, and saccade's, which is given the whole autoencoder."""
        if self.framework == "torch":
            whole, bare = nets.torch_nets()
            layer = "encoder.encoded"
        else:
            whole, bare = nets.keras_nets(size)
            layer = "encoded"
        return bare, saccade.Encoder(whole, layer=layer, value_range=nets.RANGE, input_shape=(size, size, 3))

    def gradients(self) -> None:
        """Saliency of one picture and of eight, SmoothGrad, integrated gradients."""
        bare, encoder = self.nets(self.size)
        one, eight = nets.picture(self.size), nets.picture(self.size, 8)
        base = floor(self.framework, bare, one)
        smooth = {"samples": SAMPLES, "noise": NOISE}
        path = {"steps": STEPS, "baseline": "black"}
        self._gradient("saliency, 1 picture", encoder, base, one, 1, "saliency", {})
        self._gradient("saliency, 8 pictures", encoder, base, eight, 8, "saliency", {})
        self._gradient(f"SmoothGrad, {SAMPLES} samples", encoder, base, one, SAMPLES, "smoothgrad", smooth)
        self._gradient(f"integrated gradients, {STEPS} steps", encoder, base, one, STEPS, "integrated_gradients", path)
        if self.framework == "jax":
            return
        deviation = float(NOISE * (one.max() - one.min()))
        noise = NormalPoints(0, SAMPLES, one.shape[1:]).take(0, SAMPLES)["noise"]
        for pictures in (one, eight):
            name = "saliency, 1 picture" if len(pictures) == 1 else "saliency, 8 pictures"
            self._peers(name, encoder, pictures, "saliency", {}, self._saliency_peers(bare, pictures))
        self._peers(
            f"SmoothGrad, {SAMPLES} samples", encoder, one, "smoothgrad", smooth,
            self._smoothgrad_peers(bare, one, deviation), (noise, deviation),
        )  # fmt: skip
        self._peers(
            f"integrated gradients, {STEPS} steps", encoder, one, "integrated_gradients", path,
            self._path_peers(bare, one),
        )  # fmt: skip

    def occlusion(self, size: int, sparse: int) -> None:
        """Black holes of 16 px every 8 px; peers may be given every `sparse`-th row of holes only."""
        bare, encoder = self.nets(size)
        picture = nets.picture(size)
        settings = {"patch": PATCH, "stride": STRIDE, "filler": 0.0, "low_pass": 0.0}
        across = (size - PATCH) // STRIDE + 1
        name = f"occlusion {PATCH}/{STRIDE} at {size} px, {across * across} holes"
        if self.framework == "jax":
            found = race(
                {"ours": lambda: saccade.explain(encoder, picture, "occlusion", **settings)}, seconds=self.seconds
            )
            self.rows.append(
                {"kind": "alone", "case": name, "ours": found.seconds("ours"), "first": found.first["ours"]}
            )
            return
        stride = (STRIDE * sparse, STRIDE)
        down = (size - PATCH) // stride[0] + 1
        peers = self._occlusion_peers(bare, picture, stride)
        sparse_settings = {**settings, "stride": stride}
        self._peers(
            name, encoder, picture, "occlusion", settings, peers,
            scale=across / down, compared=sparse_settings, slow=True,
        )  # fmt: skip
        if sparse == 1:
            self._peers(
                f"{name}, one by one", encoder, picture, "occlusion", {**settings, "tiled": False}, peers, slow=True
            )

    # Against the floor

    def _gradient(
        self, case: str, encoder: saccade.Encoder, base: Floor, pictures: Array, passes: int, method: str, settings: Row
    ) -> None:
        batch = base.best(passes, self.seconds)
        target = saccade.targets.code()
        found = race(
            {
                "ours": lambda: saccade.explain(encoder, pictures, method, **settings),
                "floor": lambda: base.run(passes, batch),
                "method": lambda: find(method)(encoder, pictures, target, **settings, low_pass=0.0),
            },
            seconds=self.seconds,
        )
        self.rows.append(
            {
                "kind": "floor",
                "case": case,
                "ours": found.seconds("ours"),
                "floor": found.seconds("floor"),
                "batch": batch,
                "ratio": found.ratio("ours", "floor"),
                "method": found.ratio("method", "floor"),
                "first": found.first["ours"],
            }
        )
        print(self.rows[-1], file=sys.stderr, flush=True)

    # Against the peers

    def _peers(
        self,
        case: str,
        encoder: saccade.Encoder,
        pictures: Array,
        method: str,
        settings: Row,
        peers: Mapping[str, Candidates],
        noise: tuple[Array, float] | None = None,
        *,
        scale: float = 1.0,
        compared: Row | None = None,
        slow: bool = False,
    ) -> None:
        for peer, candidates in peers.items():
            best = next(iter(candidates))
            if len(candidates) > 1:
                trial = race(candidates, seconds=self.seconds, least=1 if slow else 3)
                best = min(candidates, key=trial.seconds)
            runner = candidates[best]
            found = race(
                {"ours": lambda: saccade.explain(encoder, pictures, method, **settings), "peer": runner},
                seconds=self.seconds,
                least=3,
            )
            ours = saccade.explain(encoder, pictures, method, **(compared or settings))
            theirs = self._again(runner, noise)
            self.rows.append(
                {
                    "kind": "peer",
                    "case": case,
                    "peer": peer,
                    "setting": best,
                    "ours": found.seconds("ours"),
                    "theirs": found.seconds("peer") * scale,
                    "ratio": found.ratio("peer", "ours") * scale,
                    "scale": scale,
                    "difference": _difference(ours, theirs, method, peer),
                }
            )
            print(self.rows[-1], file=sys.stderr, flush=True)

    def _again(self, runner: Callable[[], Array], noise: tuple[Array, float] | None) -> Array:
        if noise is None:
            return runner()
        from peers import same_noise

        with same_noise(self.framework, *noise):
            return runner()

    def _saliency_peers(self, bare: Any, pictures: Array) -> dict[str, Candidates]:
        import peers

        if self.framework == "torch":
            return {"Captum": {"all at once": peers.captum_saliency(bare, pictures)}}
        return {
            "xplique": {"batch_size=16": peers.xplique_saliency(bare, pictures)},
            "tf-keras-vis": {"all at once": peers.keras_vis(bare, pictures)},
        }

    def _smoothgrad_peers(self, bare: Any, pictures: Array, deviation: float) -> dict[str, Candidates]:
        import peers

        if self.framework == "torch":
            return {
                "Captum": {
                    f"nt_samples_batch_size={batch}": peers.captum_smoothgrad(bare, pictures, SAMPLES, deviation, batch)
                    for batch in (1, 5, 25)
                }
            }
        return {
            "xplique": {
                f"batch_size={batch}": peers.xplique_smoothgrad(bare, pictures, SAMPLES, deviation, batch)
                for batch in (5, 16, 25)
            },
            "tf-keras-vis": {"one by one": peers.keras_vis(bare, pictures, SAMPLES, NOISE)},
        }

    def _path_peers(self, bare: Any, pictures: Array) -> dict[str, Candidates]:
        import peers

        if self.framework == "torch":
            return {
                "Captum": {
                    f"internal_batch_size={batch}": peers.captum_integrated_gradients(bare, pictures, STEPS, batch)
                    for batch in (4, 10, 50)
                }
            }
        return {
            "xplique": {
                f"batch_size={batch}": peers.xplique_integrated_gradients(bare, pictures, STEPS, batch)
                for batch in (4, 16, 50)
            }
        }

    def _occlusion_peers(self, bare: Any, pictures: Array, stride: tuple[int, int]) -> dict[str, Candidates]:
        import peers

        if self.framework == "torch":
            return {
                "Captum": {
                    f"perturbations_per_eval={batch}": peers.captum_occlusion(bare, pictures, PATCH, stride, batch)
                    for batch in (4, 16, 64)
                }
            }
        return {
            "xplique": {
                f"batch_size={batch}": peers.xplique_occlusion(bare, pictures, PATCH, stride, batch)
                for batch in (8, 32, 128)
            }
        }


def _difference(ours: saccade.Attribution, theirs: Array, method: str, peer: str) -> float:
    """The largest difference between two maps as a share of the largest value."""
    mine: Array = ours.raw
    if method == "occlusion":
        mine, theirs = ours.values, theirs.mean(axis=-1)
        if peer == "xplique":
            # It adds up the holes over each pixel where the others take their mean.
            theirs = theirs / np.maximum(_times(ours), 1)
    elif method == "saliency" and peer == "xplique":
        mine = np.abs(mine)
    return float(np.abs(mine - theirs).max() / np.abs(theirs).max())


def _times(ours: saccade.Attribution) -> Array:
    """How many holes lie over each pixel."""
    from saccade.tiling import holes

    size = ours.values.shape[1:]
    where = holes((size[0], size[1]), ours.settings["patch"], ours.settings["stride"])
    rows, columns = where.stencils()
    return np.asarray(rows.sum(axis=0)[:, None] * columns.sum(axis=0)[None])


def main() -> None:
    """Measure one framework."""
    framework, seconds = sys.argv[1], float(sys.argv[2])
    quick = "--quick" in sys.argv
    warnings.simplefilter("ignore")
    # Quick: to see that everything runs; the figures mean nothing.
    bench = Bench(framework, 64, 0.1) if quick else Bench(framework, 224, seconds)
    bench.gradients()
    bench.occlusion(bench.size, 1)
    bench.occlusion(2 * bench.size, 7 if quick else 9)
    print(json.dumps(bench.rows))


if __name__ == "__main__":
    main()
