"""Pairs: what a split costs beyond encoding, and how many masked copies it takes to find what goes together.

    python benchmarks/pairs.py            # the table; needs saccade[pretrained,demo]
    python benchmarks/pairs.py --quick    # does everything run? the figures mean nothing

The question with a known answer: EfficientNet-Lite0's pooled code, a cat's photograph against its mirror image, 7x7
places. A place goes with its mirrored place and no other. Counted are

    pairs    of the 20 pairs of places with the largest shares, how many are truly mirrored
    links    the same of the 20 strongest links (each the other's best partner)
    partner  for how many of the 49 places the best partner, by its excess, is the mirrored one
    holds    second-order insertion: how much more the links' places alone have in common than places at random

`plain` is the textbook way: independent masks with hard edges, least squares. Distance Explainer (0.6: 1,000 masks of
one photo only, the mean of the nearest tenth less that of the farthest) and PAIR-X (2 forward passes, and 2 backward
passes for each coloured match, 10 by default, through one layer chosen by eye) are given by their count of passes: the
first pairs nothing, the second needs a network's inside.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from skimage import data

import saccade
from saccade.attribution.smoothing import gaussian_blur
from saccade.evaluation.pair_test import pair_test
from saccade.pairs import split, strongest_links
from saccade.pairs.cosine_split import split_terms
from saccade.pairs.links import excess, matches, regions
from saccade.pairs.terms import Terms, products

PLACES = 49
MIRRORED = np.array([row * 7 + 6 - column for row in range(7) for column in range(7)])


def milliseconds(work: Callable[[], Any], rounds: int = 20) -> float:
    """The median of some calls."""
    times = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return 1e3 * median(times[1:])


def costs() -> None:
    """What comes after encoding."""
    random = np.random.default_rng(0)
    grids = [random.random((14, 14, 128)) for _ in range(2)]
    cells = [random.random((7, 7, 1280)) for _ in range(2)]
    terms = [Terms(own, np.zeros(1280)) for own in cells]
    print("\n| after both photos are encoded | ms |\n| --- | ---: |")
    for name, work in {
        "split, 14x14x128 place by place": lambda: split(*grids),
        "split, 14x14x128 all pairs": lambda: split(*grids, "anywhere"),
        "split, 7x7x1280 cells of a pooled code": lambda: split_terms(*terms),
        "regions of 14x14 shares": lambda: regions(split(*grids).shares_a),
        "matches of 49 x 49 pairs": lambda: matches(products(*cells)),
        "matches of 196 x 196 pairs": lambda: matches(products(*grids)),
    }.items():
        print(f"| {name} | {milliseconds(work):.1f} |")


def plain(encoder: saccade.Encoder, images: np.ndarray, masks: int) -> np.ndarray:
    """Independent hard masks and least squares, the table of all pairs."""
    slopes = []
    for side, image in enumerate(images):
        visible = np.random.default_rng(side).random((masks, PLACES)) < 0.5
        hidden = gaussian_blur(image[None], 32.0)
        copies = np.kron(visible.reshape(-1, 7, 7, 1), np.ones((1, 32, 32, 1), np.float32))
        codes = [
            encoder.codes((hidden + part * (image - hidden)).astype(np.float32))
            for part in np.array_split(copies, masks // 16)
        ]
        design = np.c_[np.ones(masks), visible]
        slopes.append(np.linalg.lstsq(design, np.concatenate(codes).reshape(masks, -1), rcond=None)[0][1:])
    return np.asarray(products(*(own.reshape(7, 7, -1) for own in slopes)))


def scored(table: np.ndarray) -> str:
    """How much of it is truly mirrored."""
    flat, above = table.reshape(PLACES, PLACES), excess(table).reshape(PLACES, PLACES)
    first, second = np.divmod(np.argsort(-flat, axis=None)[:20], PLACES)
    links = strongest_links(table)
    right = sum(link.b == (link.a[0], 6 - link.a[1]) for link in links)
    partner = (above.argmax(axis=1) == MIRRORED).mean()
    return f"{(MIRRORED[first] == second).sum()} of 20 | {right} of {len(links)} | {100 * partner:.0f} %"


def mirror(budgets: list[int]) -> None:
    """The cat and its mirror image."""
    encoder = saccade.load("saccade.pretrained:efficientnet_lite0")
    cat = data.chelsea()
    images = encoder.read([cat, cat[:, ::-1]])
    encoder.codes(images)
    print("\n| cat and its mirror image | passes | s | pairs | links | partner | holds |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    ways: dict[str, tuple[str, Callable[[], Any]]] = {
        "exact, over the cells": ("2", lambda: saccade.compare(encoder, images[0], images[1]))
    }
    for masks in budgets:
        ways[f"plain, {masks} + {masks}"] = (
            f"{2 * masks}",
            lambda masks=masks: plain(encoder, images.array, masks),
        )
        ways[f"masked, {masks} + {masks}"] = (
            f"{2 + 2 * masks}",
            lambda masks=masks: saccade.compare(encoder, images[0], images[1], split="masked", masks=masks),
        )
    saccade.compare(encoder, images[0], images[1])  # the way to the cells is found once
    for name, (passes, work) in ways.items():
        begun = time.perf_counter()
        answer = work()
        seconds = time.perf_counter() - begun
        holds = ""
        if isinstance(answer, saccade.results.Similarity):
            links = strongest_links(answer.interactions)
            holds = f"{pair_test(saccade.Run(encoder), answer, links, repeats=2).insertion:+.2f}"
            answer = answer.interactions
        print(f"| {name} | {passes} | {seconds:.1f} | {scored(answer)} | {holds} |", flush=True)
    print("| Distance Explainer | 1,000 for one photo | | pairs nothing | | | |")
    print("| PAIR-X | 2 forward, 20 backward | | | | | |")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few masks")
    quick = parser.parse_args().quick
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    costs()
    mirror([64] if quick else [64, 128, 256])


if __name__ == "__main__":
    main()
