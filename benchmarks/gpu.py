"""One accelerator, in one run of under eight minutes: saccade beside the raw floor and beside Captum, in one process.

    python benchmarks/gpu.py torch                # PyTorch, with Captum
    python benchmarks/gpu.py jax                  # Keras on JAX, against its own floor
    python benchmarks/gpu.py torch --limit 120    # begin nothing new after so many seconds; 420 by default
    python benchmarks/gpu.py torch --seconds 1    # race about so many seconds for each row; 3 by default
    python benchmarks/gpu.py torch --quick        # on any machine: does everything run? the figures mean nothing

Writes `benchmarks/GPU-torch.md` or `GPU-jax.md` with the card's name. The reference net (`nets.py`), 224 px, single
precision, TF32 off. The floor is what nobody can go below: the model's own passes in the batch size that is fastest,
its images on the device already, its results left there. saccade's time is the whole of `saccade.explain`; Captum gets
the encoder alone. Everybody takes turns without rest, and a ratio is the median of the ratios within the turns.

Needs numpy, Pillow, Keras, the framework, and for `torch` Captum.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import sys
import time
import tomllib
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FRAMEWORK = next((word for word in sys.argv[1:] if word in ("torch", "jax")), "torch")
QUICK = "--quick" in sys.argv
# Keras builds the model for JAX; the torch net needs it only to be imported on a backend that is installed.
os.environ.setdefault("KERAS_BACKEND", FRAMEWORK)
os.environ.setdefault("NVIDIA_TF32_OVERRIDE", "0")
sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent / "src")]

import numpy as np
from clock import Race, race
from nets import RANGE, keras_nets, picture, torch_nets

import saccade

SIZE = 64 if QUICK else 224
LIMIT = float(sys.argv[sys.argv.index("--limit") + 1]) if "--limit" in sys.argv else 7 * 60.0
SECONDS = 0.2 if QUICK else float(sys.argv[sys.argv.index("--seconds") + 1]) if "--seconds" in sys.argv else 3.0
SAMPLES, STEPS = (4, 4) if QUICK else (25, 50)
MASKS = 64 if QUICK else 3000
BAR, SLACK = 1.15, 0.0005
"""saccade may take this many times the floor, or so many seconds more, whichever is more."""


@dataclass(frozen=True)
class Row:
    """One question: medians in seconds, and whether the bar is held."""

    work: str
    floor: float
    ours: float
    captum: float | None
    ratio: float
    bar: str
    is_held: bool


class Torch:
    """The torch net on the card."""

    def __init__(self) -> None:
        import torch

        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        if self.device == "cpu" and not QUICK:
            sys.exit("no GPU here; give --quick to see whether everything runs.")
        whole, bare = torch_nets()
        self.whole, self.bare = whole.to(self.device).eval(), bare.to(self.device).eval()
        for weight in self.bare.parameters():
            weight.requires_grad_(False)
        self.encoder = saccade.Encoder(
            self.whole, layer="encoder.encoded", value_range=RANGE, input_shape=(SIZE, SIZE, 3)
        )
        self.processor = saccade.Encoder(
            deepcopy(self.whole).cpu(), layer="encoder.encoded", value_range=RANGE, input_shape=(SIZE, SIZE, 3)
        )
        self.name = torch.cuda.get_device_name() if self.device == "cuda" else "processor"
        self.versions = f"PyTorch {torch.__version__}"

    def wait(self) -> None:
        """Until the card has done what it was given."""
        import torch

        if self.device == "cuda":
            torch.cuda.synchronize()

    def sent(self, images: Any) -> Any:
        """Images on the card, channels first."""
        import torch

        return torch.tensor(images, device=self.device).permute(0, 3, 1, 2).contiguous()

    def gradient(self, images: Any) -> Callable[[], None]:
        """One gradient of each of these images."""
        import torch

        pictures = self.sent(images)
        with torch.no_grad():
            code = self.bare(pictures)

        def run() -> None:
            moved = pictures.detach().requires_grad_(True)
            torch.autograd.grad((self.bare(moved) * code).sum(), moved)
            self.wait()

        return run

    def forward(self, images: Any) -> Callable[[], None]:
        """One code of each of these images."""
        import torch

        pictures = self.sent(images)

        def run() -> None:
            with torch.no_grad():
                self.bare(pictures)
            self.wait()

        return run

    def captum(self, work: str, images: Any) -> Callable[[], None] | None:
        """The same work by Captum."""
        import torch
        from captum.attr import IntegratedGradients, NoiseTunnel, Occlusion, Saliency

        pictures = self.sent(images)
        with torch.no_grad():
            code = self.bare(pictures)

        def inner(moved: Any) -> Any:
            reference = code.repeat_interleave(len(moved) // len(code), dim=0)
            return (self.bare(moved) * reference).flatten(1).sum(1)

        def sent_again() -> Any:
            return self.sent(images).requires_grad_(True)

        def back(result: Any) -> None:
            result.detach().cpu().numpy()

        batch = 64 * len(images)
        calls: dict[str, Callable[[], None]] = {
            "saliency": lambda: back(Saliency(inner).attribute(sent_again(), abs=False)),
            "smoothgrad": lambda: back(
                NoiseTunnel(Saliency(inner)).attribute(
                    sent_again(), nt_type="smoothgrad", nt_samples=SAMPLES, nt_samples_batch_size=SAMPLES, stdevs=0.1, abs=False
                )
            ),
            "integrated_gradients": lambda: back(
                IntegratedGradients(inner).attribute(
                    sent_again(), baselines=0.0, n_steps=STEPS, method="gausslegendre", internal_batch_size=batch
                )
            ),
            "occlusion": lambda: back(
                Occlusion(inner).attribute(
                    self.sent(images), sliding_window_shapes=(3, 16, 16), strides=(3, 8, 8), baselines=0.0,
                    perturbations_per_eval=batch // len(images),
                )
            ),
        }  # fmt: skip
        return calls.get(work)


class Jax:
    """The Keras net on JAX."""

    def __init__(self) -> None:
        import jax
        import keras

        device = jax.devices()[0]
        if device.platform == "cpu" and not QUICK:
            sys.exit("no GPU here; give --quick to see whether everything runs.")
        self.whole, self.bare = keras_nets(SIZE)
        self.encoder = saccade.Encoder(self.whole, layer="encoded", value_range=RANGE)
        self.processor = saccade.Encoder(self.whole, layer="encoded", value_range=RANGE, device="cpu")
        self.name, self.versions = device.device_kind, f"JAX {jax.__version__}, Keras {keras.__version__}"
        values = [variable.value for variable in self.bare.trainable_variables]
        others = [variable.value for variable in self.bare.non_trainable_variables]

        def code(images: Any, values: Any) -> Any:
            return self.bare.stateless_call(values, others, images, training=False)[0]

        self.values = values
        self.coded = jax.jit(code)
        self.graded = jax.jit(jax.grad(lambda images, reference, values: (code(images, values) * reference).sum()))

    def gradient(self, images: Any) -> Callable[[], None]:
        """One gradient of each of these images."""
        import jax.numpy as jnp

        pictures = jnp.asarray(images)
        reference = self.coded(pictures, self.values)
        return lambda: self.graded(pictures, reference, self.values).block_until_ready()

    def forward(self, images: Any) -> Callable[[], None]:
        """One code of each of these images."""
        import jax.numpy as jnp

        pictures = jnp.asarray(images)
        return lambda: self.coded(pictures, self.values).block_until_ready()

    def captum(self, work: str, images: Any) -> Callable[[], None] | None:
        """Captum knows no JAX."""
        return None


def repeated(step: Callable[[Any], Callable[[], None]], images: Any, passes: int) -> Callable[[], None]:
    """So many passes over these images as the floor has them: in the batch size that is fastest."""
    total = passes * len(images)
    speeds = {}
    for batch in sorted({min(size, total) for size in (1, 8, 32, 64, 128, 256)}):
        run = step(np.resize(images, (batch, *images.shape[1:])))
        run()
        begun = time.perf_counter()
        run()
        speeds[batch] = (time.perf_counter() - begun) / batch, run
    batch = min(speeds, key=lambda size: -(-total // size) * size * speeds[size][0])
    pieces = [speeds[batch][1]] * (total // batch)
    if total % batch:
        pieces.append(step(np.resize(images, (total % batch, *images.shape[1:]))))

    def run_all() -> None:
        for piece in pieces:
            piece()

    return run_all


def measured(subject: Any, method: str, count: int) -> Row:
    """One question about so many images."""
    images = picture(SIZE, count)
    settings = settings_of(method)
    passes = {"smoothgrad": SAMPLES, "integrated_gradients": STEPS, "occlusion": 49, "relax": MASKS}.get(method, 1)
    step = subject.forward if method in ("occlusion", "relax") else subject.gradient
    runners: dict[str, Callable[[], Any]] = {
        "ours": lambda: saccade.explain(subject.encoder, images, method, **settings),
        "floor": repeated(step, images, passes),
    }
    captum = subject.captum(method, images)
    if captum is not None:
        runners["captum"] = captum
    for _ in range(5):  # the third call of a kind is recorded, which belongs to no steady state
        runners["ours"]()
    # Whoever has a GPU asks photo after photo. After a rest the host needs a millisecond more, whoever asks.
    times: Race = race(runners, seconds=SECONDS, most=60, pause=0.0)
    ours, floor = times.seconds("ours"), times.seconds("floor")
    theirs = times.seconds("captum") if captum is not None else None
    if method == "occlusion" and theirs is not None:
        factor = theirs / ours  # Captum takes part in a few rounds only
        bar, is_held = "10 times Captum", factor >= 10
    elif method == "relax":
        bar, is_held = "1.2 of the floor", ours <= 1.2 * floor
    else:
        bar = f"{BAR} of the floor or {1000 * SLACK:g} ms above, not behind Captum"
        is_held = ours <= max(BAR * floor, floor + SLACK) and (theirs is None or ours <= theirs)
    work = f"{method}, {count}"
    return Row(work, floor, ours, theirs, times.ratio("ours", "floor"), bar, is_held)


def settings_of(method: str) -> dict[str, Any]:
    """The settings with which everybody does the same work."""
    settings: dict[str, dict[str, Any]] = {
        "smoothgrad": {"samples": SAMPLES},
        "integrated_gradients": {"steps": STEPS, "baseline": "black"},
        "occlusion": {"patch": 16, "stride": 8, "filler": "black"},
        "relax": {"masks": MASKS, "repeats": 1},
    }
    return settings.get(method, {})


def difference(subject: Any, methods: tuple[str, ...], calls: int = 4) -> float:
    """By how much do maps of the card differ from those of the processor? The largest share of a map's largest value.

    Every method is asked several times, since what comes again may be computed in another way than at first.
    """
    images = picture(SIZE, 1)
    worst = 0.0
    for method in methods:
        settings = settings_of(method) | ({"masks": 64} if method == "relax" else {})
        right = saccade.explain(subject.processor, images, method, **settings).values
        for _ in range(calls):
            values = saccade.explain(subject.encoder, images, method, **settings).values
            worst = max(worst, float(np.abs(values - right).max() / np.abs(right).max()))
    return worst


def shares_of_a_call(subject: Any, method: str, count: int) -> list[str]:
    """Which functions does the host spend a call in? A line for each of the slowest; who fetches waits for the card."""
    calls = 2 if QUICK else 50  # the profile's seconds are rounded to a thousandth of all calls
    images, settings = picture(SIZE, count), settings_of(method)
    for _ in range(4):
        saccade.explain(subject.encoder, images, method, **settings)
    profile = cProfile.Profile()
    with profile:
        for _ in range(calls):
            saccade.explain(subject.encoder, images, method, **settings)
    functions = pstats.Stats(profile).get_stats_profile().func_profiles
    slowest = sorted(functions.items(), key=lambda item: -item[1].tottime)[:8]
    parts = ", ".join(f"`{name}` {1000 * function.tottime / calls:.2f}" for name, function in slowest)
    total = sum(function.tottime for function in functions.values())
    return ["", f"{method}, {count}, under a profiler: {1000 * total / calls:.2f} ms a call, of which {parts}."]


def page(subject: Any, rows: list[Row], left_out: list[str], differs: float, shares: list[str]) -> str:
    """The table."""
    lines = [
        f"# {subject.name}, {subject.versions}",
        "",
        f"Reference net, {SIZE} px, float32, TF32 off; {time.strftime('%Y-%m-%d')}; saccade {version()}. Milliseconds, medians."
        + (" QUICK: the figures mean nothing." if QUICK else ""),
        "",
        "| work, images | floor | Captum | saccade | saccade : floor | bar | held |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        theirs = "" if row.captum is None else f"{1000 * row.captum:.2f}"
        lines.append(
            f"| {row.work} | {1000 * row.floor:.2f} | {theirs} | {1000 * row.ours:.2f} | {row.ratio:.2f} | {row.bar} | "
            f"{'yes' if row.is_held else '**no**'} |"
        )
    if left_out:
        lines += ["", f"Not measured, the run was ended before: {', '.join(left_out)}."]
    batch = subject.encoder.engine.batch
    lines += [
        "",
        f"Images that saccade computes together on this card, measured by itself: {batch}. Maps of one image, asked "
        f"four times, differ from those of the processor by at most {differs:.1g} of the largest value.",
        *shares,
    ]
    return "\n".join(lines) + "\n"


def version() -> str:
    """The version of saccade that is measured, as the project says it."""
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])


def main() -> None:
    """Measure everything, in the order of importance, and write the page."""
    begun = time.perf_counter()
    subject = {"torch": Torch, "jax": Jax}[FRAMEWORK]()
    todo = [
        (method, count)
        for method in ("saliency", "smoothgrad", "integrated_gradients", "occlusion")
        for count in ((1, 2) if QUICK else (1, 8, 32))
        if not (method == "occlusion" and count == 32)
    ]
    todo.append(("relax", 1))
    differs = difference(subject, ("saliency", "smoothgrad", "integrated_gradients", "occlusion", "relax"))
    print(f"the card's maps differ from the processor's by {differs:.2g} of the largest value", flush=True)
    most = todo[1 if QUICK else 2][1]
    shares = [
        line
        for method, count in (("saliency", 1), ("saliency", most), ("smoothgrad", 1))
        for line in shares_of_a_call(subject, method, count)
    ]
    print(*shares, sep="\n", flush=True)
    rows: list[Row] = []
    for method, count in todo:
        if time.perf_counter() - begun > LIMIT:
            break
        rows.append(measured(subject, method, count))
        print(f"{rows[-1].work}: {1000 * rows[-1].ours:.2f} ms, {rows[-1].ratio:.2f} of the floor", flush=True)
        if not QUICK:  # written after every row, so that a run that is ended leaves what it has
            left_out = [f"{method}, {count}" for method, count in todo[len(rows) :]]
            target = Path(__file__).with_name(f"GPU-{FRAMEWORK}.md")
            target.write_text(page(subject, rows, left_out, differs, shares), encoding="utf-8")
    if QUICK:
        print(page(subject, rows, [], differs, shares))


if __name__ == "__main__":
    main()
