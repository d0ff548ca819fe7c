"""Pairs of the experiment made on a GPU: how fast, beside torch's own numbers, the step, and both together.

    python benchmarks/noisy_pairs.py [--edge 1024] [--batch 4] [--rounds 9]

Needs an NVIDIA GPU. Patches are cut at random from micrographs of random counts in its memory; the ways
alternate, and medians are printed with their range. "torch" is cutting, scaling, `torch.poisson` and
`torch.randn` on the same GPU, whose numbers depend on what was drawn before.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from cryoden.compute.noise import with_noise
from cryoden.kernels.fused_baseline import FusedBaseline
from cryoden.kernels.noisy_pairs import PATCH, NoisyPairs, Recipe, available
from cryoden.model.networks import Baseline

GPU = torch.device("cuda")
SIDE, MICROGRAPHS, BATCHES = 4096, 8, 64


def rows(images: Tensor, edge: int, count: int) -> np.ndarray:
    """Return patches at random places."""
    draw = np.random.default_rng(0)
    which = draw.integers(len(images), size=count)
    corners = draw.integers(SIDE - edge, size=(count, 2))
    begin = images.data_ptr() + 4 * (which * SIDE**2 + corners[:, 0] * SIDE + corners[:, 1])
    made = np.zeros(count, PATCH)
    made["pixels"], made["pitch"], made["divisor"], made["index"] = begin, SIDE, 45.0, np.arange(count)
    return made


def seconds(step: Callable[[int], object], count: int = 100) -> float:
    """Return seconds a step."""
    torch.cuda.synchronize()
    began = time.perf_counter()
    for number in range(count):
        step(number)
    torch.cuda.synchronize()
    return (time.perf_counter() - began) / count


class Ways:
    """The steps that are compared, each on the same batches."""

    def __init__(self, edge: int, batch: int) -> None:
        self.edge, self.batch = edge, batch
        self.images = torch.poisson(torch.full((MICROGRAPHS, SIDE, SIDE), 34.0, device=GPU))
        self.maker = NoisyPairs(Recipe(edge, 0, 100.0, 0.05, positive=True, clip=True), GPU)
        self.patches = self.maker.uploaded(rows(self.images, edge, BATCHES * batch))
        self.noisy, self.target = torch.empty(2, batch, 1, edge, edge, device=GPU)
        self.fused = FusedBaseline(Baseline(), GPU)
        draw = np.random.default_rng(1)
        self.which = draw.integers(MICROGRAPHS, size=(BATCHES, batch))
        self.corners = draw.integers(SIDE - edge, size=(BATCHES, batch, 2))

    def own(self, number: int) -> None:
        """Make a batch."""
        at = number % BATCHES * self.batch
        self.maker.make(self.patches[at : at + self.batch], 0, self.noisy, self.target)

    def by_torch(self, number: int) -> None:
        """Make a batch by torch's operations."""
        which, corners = self.which[number % BATCHES], self.corners[number % BATCHES]
        for place, (image, (top, left)) in enumerate(zip(which, corners, strict=True)):
            cut = self.images[image, top : top + self.edge, left : left + self.edge]
            self.target[place, 0] = (cut / 45.0).clamp(0, 1)
        drawn = torch.poisson(self.target * 100) / 100
        self.noisy.copy_((drawn + 0.05 * torch.randn_like(self.target)).clamp(0, 1))

    def step(self, _: int) -> None:
        """Train on the batch that is there."""
        self.fused.step(self.noisy, self.target, 1e-3)

    def both(self, number: int) -> None:
        """Make a batch and train on it."""
        self.own(number)
        self.step(number)


def timed(edge: int, batch: int, rounds: int) -> None:
    """Time all ways in alternation."""
    of = Ways(edge, batch)
    ways = {"torch": of.by_torch, "noisy_pairs": of.own, "fused step": of.step, "pairs and step": of.both}
    for way in ways.values():
        seconds(way, 5)
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            found[name].append(seconds(way))
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, batches of {batch} × {edge}²")
    for name, times in found.items():
        middle, low, high = (batch / one for one in (statistics.median(times), max(times), min(times)))
        print(f"{name:16}{middle:9,.0f} images/s ({low:,.0f}..{high:,.0f})")


def checked(edge: int) -> None:
    """Print whether a pair is that of the processor, bit for bit."""
    image = torch.poisson(torch.full((1, SIDE, SIDE), 34.0, device=GPU))
    maker = NoisyPairs(Recipe(edge, 5, 100.0, 0.05, positive=True, clip=True), GPU)
    noisy, target = torch.empty(2, 1, 1, edge, edge, device=GPU)
    maker.make(maker.uploaded(rows(image, edge, 1)), 3, noisy, target)
    began = time.perf_counter()
    wanted = with_noise(target[0, 0].cpu().numpy(), (5, 3, 0), 100.0, 0.05).clip(0, 1)
    spent = time.perf_counter() - began
    same = np.array_equal(noisy[0, 0].cpu().numpy(), wanted)
    print(f"the same bits as on the processor: {same} ({1 / spent:,.1f} images/s by one core there)")


def main() -> None:
    """Check, then time."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--edge", type=int, default=1024)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    if available(GPU):
        sys.exit(f"Pairs cannot be made on a GPU here: {available(GPU)}")
    checked(asked.edge)
    timed(asked.edge, asked.batch, asked.rounds)


if __name__ == "__main__":
    main()
