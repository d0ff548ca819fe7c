"""Make the general model: a U-Net shown the truth of an endless stream of simulated exposures.

    torchrun --standalone --nproc-per-node 2 scripts/general_model.py general.safetensors --minutes 16

Where machines are lent for minutes, ``--onward`` goes on from a model made before, with another
seed and so with other structures; its steps are counted on.

Every exposure is simulated at the working pixel size, which is the same for all micrographs;
what the detector's own pixel size changes (0.5 to 2.5 Å: blur and noise color) is drawn with
it. The target is what a microscopist wants to see: particles, carbon edge, gold, contamination
and gradients, without the grain of ice and carbon. A twelfth of the exposures have their
particles replaced by noise of the very same spectrum, and show the network that nothing should
become of it. Needs a CUDA GPU; made for one H200.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, distributed, nn

from cryoden.image.normalization import robust
from cryoden.model import checkpoint
from cryoden.model.checkpoint import Model
from cryoden.model.networks import UNet, loaded
from cryoden.simulation.assemblies import Structure, assembly, random_recipe
from cryoden.simulation.detector import Detector
from cryoden.simulation.exposure import seen
from cryoden.simulation.optics import Optics
from cryoden.simulation.scene import Contrast, Scene

WORKING = 3.0
DETECTOR = 1.0  # Å/px, typical of the 0.5 to 2.5 it is trained for
EDGE, PATCH, BATCH, GROUP = 1024, 256, 32, 4  # px; patches; of one exposure
STRUCTURES, SCENES = 800, 300
GRAIN = 0.6  # of the grain of ice and carbon that is shown as truth
AVERAGING, DECAY = 0.999, (0.9, 0.99)
RANK, RANKS = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))  # as torchrun says
GPU = torch.device("cuda")  # that of the process


@dataclass(frozen=True, eq=False)
class Shot:
    """An exposure before its noise: relative intensity, relative target, and how it is counted."""

    intensity: Tensor
    target: Tensor
    scene: Scene
    mean: float
    spread: float

    @property
    def electrons(self) -> float:
        """Detected per working pixel."""
        return self.scene.dose * self.scene.pixel_size**2 * self.scene.detector.efficiency

    @property
    def excess(self) -> float:
        """Noise beyond Poisson's, of a detector that integrates charge."""
        return math.hypot(1, self.scene.detector.spread) if self.scene.detector.integrating else 1.0

    @property
    def blur(self) -> float:
        """Logarithm of the noise's transfer at Nyquist."""
        return math.log(self.scene.detector.transfer) if self.scene.detector.integrating else 0.0


def between(numbers: np.random.Generator, low: float, high: float) -> float:
    """Return a number drawn evenly on a logarithmic scale."""
    return float(np.exp(numbers.uniform(np.log(low), np.log(high))))


def drawn(numbers: np.random.Generator, structures: list[Structure]) -> tuple[Scene, list[Structure]]:
    """Return one scene of the training distribution and the structures in it."""
    pixel, integrating = numbers.uniform(0.5, 2.5), numbers.random() < 0.3
    contrast_left = numbers.uniform(0.1, 0.4) if integrating else numbers.uniform(0.4, 0.8)
    detector = Detector(
        efficiency=numbers.uniform(0.6, 0.95),
        transfer=contrast_left ** ((pixel / WORKING) ** 2),
        integrating=bool(integrating),
        spread=numbers.uniform(0.3, 0.8),
    )
    optics = Optics(
        voltage=float(numbers.choice([300, 300, 200])),
        amplitude=numbers.uniform(0.06, 0.11),
        defocus=between(numbers, 0.5, 3.5),
        astigmatism=numbers.uniform(0, 400),
        axis=numbers.uniform(0, np.pi),
        b_factor=between(numbers, 40, 500),
    )
    chosen = [structures[i] for i in numbers.integers(len(structures), size=numbers.choice([1, 1, 1, 2, 3]))]
    return Scene(
        edge=EDGE,
        pixel_size=WORKING,
        particles=crowd(numbers, chosen),
        optics=optics,
        # Whole exposures, halves, and single frames.
        dose=between(numbers, 8, 80) if numbers.random() < 0.85 else between(numbers, 1.5, 8),
        detector=detector,
        ice=numbers.uniform(150, 700),
        slope=float(numbers.choice([0, 0.05, 0.15, 0.4])),
        carbon=numbers.uniform(0.1, 0.5) * (numbers.random() < 0.12),
        gold=int(numbers.integers(1, 12) * (numbers.random() < 0.08)),
        contamination=int(numbers.integers(1, 6) * (numbers.random() < 0.2)),
        seed=int(numbers.integers(2**31)),
    ), chosen


def crowd(numbers: np.random.Generator, chosen: list[Structure]) -> int:
    """Return how many particles: 2 to 70 % of the area, or none at all."""
    covered = between(numbers, 0.02, 0.7) * (numbers.random() > 0.06)
    one = float(np.mean([math.pi * (0.8 * structure.radius) ** 2 for structure in chosen]))
    atoms = float(np.mean([len(structure.positions) for structure in chosen]))
    return int(min(900, covered * (EDGE * WORKING) ** 2 / one, 6e7 / atoms))


def shot(numbers: np.random.Generator, structures: list[Structure]) -> Shot:
    """Return one exposure of the training distribution."""
    scene, chosen = drawn(numbers, structures)
    contrast = seen(scene, chosen, GPU)
    contrast = replace(
        contrast,
        # How grainy ice is differs from what the simulator believes, and from grid to grid.
        texture=contrast.texture * between(numbers, 0.3, 2.0),
        objects=contrast.objects + haze(numbers, contrast, scene),
    )
    clear = replace(contrast, texture=GRAIN * contrast.texture)
    if numbers.random() < 1 / 12:
        contrast = replace(contrast, particles=scrambled(contrast.particles))
        clear = replace(clear, particles=torch.zeros_like(clear.particles))
    intensity, target = (recorded(part, scene) for part in (contrast, clear))
    bare = Shot(intensity, target, scene, 0.0, 1.0)
    electrons = intensity * bare.electrons
    noisy = electrons + torch.randn_like(electrons) * electrons.clamp_min(0).sqrt() * bare.excess
    mean, spread = robust(noisy[::2, ::2])
    return replace(bare, intensity=intensity.half(), target=target.half(), mean=mean, spread=spread)


def recorded(contrast: Contrast, scene: Scene) -> Tensor:
    """Return the relative intensity as the camera blurs it, without the margin."""
    return contrast.cropped(contrast.grid.filtered(contrast.intensity, scene.detector.blur(contrast.grid)))


def haze(numbers: np.random.Generator, contrast: Contrast, scene: Scene) -> Tensor | float:
    """Return the clouds of 30 to 600 Å that real ice has in it: uneven thickness, broken particles."""
    if numbers.random() < 0.6:
        return 0.0
    grid = contrast.grid
    frequency = grid.squared.sqrt().clamp_min(1 / 600)
    falling = frequency ** -numbers.uniform(0.5, 2.5) * torch.exp(-((frequency * 30) ** 2))
    transfer = scene.optics.transfer(grid) if numbers.random() < 0.7 else 1.0
    clouds = grid.filtered(torch.randn_like(contrast.texture), falling * transfer)
    usual = float(contrast.particles.std()) or 0.02
    return clouds * (between(numbers, 0.05, 0.5) * usual / float(clouds.std()))


def scrambled(image: Tensor) -> Tensor:
    """Return noise with the spectrum of the image."""
    phases = torch.fft.rfft2(torch.randn_like(image))
    spectrum = torch.fft.rfft2(image).abs() * phases / phases.abs().clamp_min(1e-6)
    noise: Tensor = torch.fft.irfft2(spectrum, s=image.shape)
    return noise


class Stream:
    """A pool of shots, the oldest replaced while training goes on."""

    def __init__(self, structures: list[Structure], seed: int) -> None:
        self.structures = structures
        self.made, self.drawn = (np.random.default_rng((seed, stream, RANK)) for stream in (1, 2))
        self.pool = [shot(self.made, structures) for _ in range(SCENES)]
        self.kept: deque[Shot] = deque(maxlen=64)  # until no kernel reads them any more
        self.total = SCENES
        self.stopped = False

    def renew(self) -> None:
        """Replace shot after shot, on a stream of its own, until stopped."""
        torch.cuda.set_device(RANK)  # which every thread begins without
        with torch.cuda.stream(torch.cuda.Stream()):  # type: ignore[no-untyped-call]  # torch leaves it untyped
            while not self.stopped:
                new = shot(self.made, self.structures)
                torch.cuda.current_stream().synchronize()
                self.kept.append(self.pool[self.total % SCENES])
                self.pool[self.total % SCENES] = new
                self.total += 1

    def batch(self) -> tuple[Tensor, Tensor]:
        """Return ``(b, 1, p, p)`` noisy and target patches, in units of the noisy image's spread."""
        groups = [self.group() for _ in range(BATCH // GROUP)]
        intensities, targets, scales = zip(*groups, strict=True)
        intensity, target = (torch.cat(parts).float() for parts in (intensities, targets))
        numbers = torch.tensor(scales).repeat_interleave(GROUP, 0).to(GPU)
        electrons, excess, blur, mean, spread = numbers.T[:, :, None, None].float()
        noise = torch.randn_like(intensity) * (intensity * electrons).clamp_min(0).sqrt() * excess
        squared = sum(torch.meshgrid(frequencies() ** 2, frequencies()[: PATCH // 2 + 1] ** 2, indexing="ij"))
        noise = torch.fft.irfft2(torch.fft.rfft2(noise) * torch.exp(blur * 4 * squared), s=(PATCH, PATCH))
        noisy = (intensity * electrons + noise - mean) / spread
        return noisy.clamp(-24, 24)[:, None], ((target * electrons - mean) / spread)[:, None]

    def group(self) -> tuple[Tensor, Tensor, list[float]]:
        """Return some patches of one shot, in one of eight orientations, and its numbers."""
        one = self.pool[int(self.drawn.integers(SCENES))]
        turns, mirror = int(self.drawn.integers(4)), bool(self.drawn.integers(2))
        corners = self.drawn.integers(0, EDGE - PATCH + 1, (GROUP, 2)).tolist()
        parts = []
        for image in (one.intensity, one.target):
            patches = torch.stack([image[a : a + PATCH, b : b + PATCH] for a, b in corners])
            patches = torch.rot90(patches, turns, (-2, -1))
            parts.append(patches.flip(-1) if mirror else patches)
        spread = one.spread * math.exp(self.drawn.uniform(-0.25, 0.25))  # real ones are never measured alike
        return parts[0], parts[1], [one.electrons, one.excess, one.blur, one.mean, spread]


def frequencies() -> Tensor:
    """Return the frequencies of a patch in 1/px."""
    found: Tensor = torch.fft.fftfreq(PATCH, device=GPU)
    return found


class Trainer:
    """One step captured as two CUDA graphs, replayed with new patches and rates.

    Between the two the gradients of all GPUs are averaged.
    """

    def __init__(self, network: UNet, first: tuple[Tensor, Tensor], highest: float) -> None:
        self.network, self.average = network, copy.deepcopy(network).requires_grad_(False)
        self.highest = highest
        self.compiled = torch.compile(network, dynamic=False)
        self.noisy, self.target = (
            part.contiguous(memory_format=torch.channels_last).clone() for part in first
        )
        self.rate, self.follow, self.loss = (torch.zeros((), device=GPU) for _ in range(3))
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=self.rate, betas=DECAY, capturable=True)
        for parameter in network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        self.gradient = torch.zeros(sum(value.numel() for value in network.parameters()), device=GPU)
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(3):
                self.slope()
                self.update()
        torch.cuda.current_stream().wait_stream(aside)
        self.graphs = [captured(part) for part in (self.slope, self.update)]

    def slope(self) -> None:
        """Find the gradient of the patches in place."""
        self.optimizer.zero_grad(set_to_none=False)
        with torch.autocast("cuda", dtype=torch.bfloat16, cache_enabled=False):
            output = self.compiled(self.noisy)
        error = (output.float() - self.target).square().mean((1, 2, 3))
        # Faint patches count more than their share of the squares, and strong ones less.
        loss = (0.3 * error / (self.target.var((1, 2, 3)) + 0.01).sqrt()).mean()
        loss.backward()
        self.loss.copy_(loss.detach())
        self.gradient.copy_(torch.cat([value.grad.flatten() for value in self.network.parameters()]))  # type: ignore[union-attr]  # each has one

    def update(self) -> None:
        """Move the weights, and their average behind them."""
        sizes = [value.numel() for value in self.network.parameters()]
        for value, part in zip(self.network.parameters(), torch.split(self.gradient, sizes), strict=True):
            value.grad.copy_(part.view(value.shape))  # type: ignore[union-attr]  # each has one
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        with torch.no_grad():
            for mean, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.add_((now - mean) * self.follow)

    def step(self, batch: tuple[Tensor, Tensor], number: int, progress: float) -> None:
        """Learn from one batch; the rate falls to zero as a cosine."""
        warm = min(1.0, (number + 1) / 200)
        self.rate.fill_(max(1e-7, self.highest * warm * (1 + math.cos(math.pi * progress)) / 2))
        self.follow.fill_(1 - min(AVERAGING, number / (number + 10)))
        self.noisy.copy_(batch[0])
        self.target.copy_(batch[1])
        self.graphs[0].replay()
        if RANKS > 1:
            distributed.all_reduce(self.gradient, distributed.ReduceOp.AVG)
        self.graphs[1].replay()


def captured(part: Callable[[], None]) -> torch.cuda.CUDAGraph:
    """Return what a function launches, ready to be launched at once."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        part()
    return graph


def learned(stream: Stream, options: argparse.Namespace) -> tuple[UNet, int]:
    """Return the averaged network after so many minutes, and its steps."""
    seed, seconds = options.seed, 60 * options.minutes
    torch.manual_seed(seed)
    network = UNet()
    if options.onward:
        loaded(network, checkpoint.load(options.onward))
    network = network.to(GPU).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in torch's stubs
    trainer = Trainer(network, stream.batch(), options.rate)
    torch.manual_seed(1000 * seed + RANK)  # every GPU sees noise of its own
    if RANKS > 1:  # after the graphs are captured, which its watching thread would spoil
        distributed.init_process_group("nccl", device_id=torch.device("cuda", RANK))
    renewal = threading.Thread(target=stream.renew)
    renewal.start()
    began, step, losses, progress = time.monotonic(), 0, [], 0.0
    while progress < 1:
        if step % 20 == 0:
            progress = agreed((time.monotonic() - began) / seconds)
            losses.append(trainer.loss.item())
        trainer.step(stream.batch(), step, min(1.0, progress))
        step += 1
        if step % 1000 == 0 and RANK == 0:
            print(
                f"{progress:4.0%} step {step}, {stream.total} exposures, loss {np.mean(losses):.4f}",
                flush=True,
            )
            losses = []
    stream.stopped = True
    renewal.join()
    return trainer.average, step


def agreed(progress: float) -> float:
    """Return the progress of the first GPU, so that all stop at the same step."""
    if RANKS == 1:
        return progress
    shared = torch.tensor(progress, device=GPU)
    distributed.broadcast(shared, 0)
    return float(shared)


def main() -> None:
    """Make the model file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", type=Path)
    parser.add_argument("--minutes", type=float, default=16.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--onward", type=Path, help="model to go on from")
    options = parser.parse_args()
    numbers = np.random.default_rng(options.seed)
    with ProcessPoolExecutor() as pool:  # before CUDA starts, which does not survive a fork
        structures = list(pool.map(assembly, [random_recipe(numbers) for _ in range(STRUCTURES)]))
    torch.cuda.set_device(RANK)
    stream = Stream(structures, options.seed)
    network, steps = learned(stream, options)
    if RANK == 0:
        write(network, options, {"steps": steps, "exposures": stream.total * RANKS})
    if RANKS > 1:
        distributed.destroy_process_group()


def write(network: UNet, options: argparse.Namespace, done: dict[str, int]) -> None:
    """Write the model file and say what was done."""
    weights = {name: value.float().cpu().numpy() for name, value in network.state_dict().items()}
    if options.onward:
        before = checkpoint.load(options.onward).provenance
        done = {name: value + int(before[name]) for name, value in done.items()}
    provenance = done | {
        "made_by": "scripts/general_model.py",
        "seed": options.seed,
        "patches": done["steps"] * BATCH * RANKS,
        "structures": STRUCTURES,
        "torch": str(torch.__version__),
        "device": f"{RANKS} × {torch.cuda.get_device_name()}",
    }
    model = Model("unet", weights, pixel_size=DETECTOR, provenance=provenance, working_pixel=WORKING)
    checkpoint.write(model, options.output, half=True)
    print(f"{options.output}: {done}")


if __name__ == "__main__":
    main()
