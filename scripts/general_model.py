"""Make the general model: a conditioned U-Net shown the truth of an endless stream of simulated exposures.

    torchrun --standalone --nproc-per-node 4 scripts/general_model.py general.safetensors --minutes 16

Where machines are lent for minutes, ``--onward`` goes on from a model made before, with another
seed and so with other structures; its steps are counted on.

Every exposure is simulated at the working pixel size, which is the same for all micrographs; what
the detector's own pixel size changes (blur, noise color, nothing beyond its Nyquist frequency) is drawn
with it. `training_scenes` says what is drawn, and what is shown as truth. Needs CUDA GPUs.
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
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, distributed, nn
from training_noise import WORKING, striped, transfer
from training_scenes import CLIP, EDGE, Shot, chain, shot, small_recipe
from training_widths import widened

from cryoden.micrograph import Array
from cryoden.model import checkpoint
from cryoden.model.checkpoint import Model
from cryoden.model.conditioning import ConditionedUNet, unknown
from cryoden.model.networks import WIDTHS
from cryoden.simulation.assemblies import Structure, assembly

DETECTOR = 1.0  # Å/px, typical of the 0.5 to 5 it is trained for
PATCH, BATCH, GROUP = 256, 32, 4  # px; patches; of one exposure
STRUCTURES, CHAINS, SCENES = 300, 200, 300  # of each GPU
UNKNOWN = 0.1  # share of patches of which nothing is known
AVERAGING, DECAY = 0.999, (0.9, 0.99)
RANK, RANKS = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))  # as torchrun says
GPU = torch.device(os.environ.get("TRAIN_ON", "cuda"))  # that of the process; cpu to try the script

Batch = tuple[Tensor, Tensor, Tensor]


class Stream:
    """A pool of shots, the oldest replaced while training goes on."""

    def __init__(self, structures: list[Structure], chains: list[Structure], seed: int) -> None:
        self.structures, self.chains = structures, chains
        self.made, self.drawn = (np.random.default_rng((seed, stream, RANK)) for stream in (1, 2))
        self.pool = [self.new() for _ in range(SCENES)]
        self.kept: deque[Shot] = deque(maxlen=64)  # until no kernel reads them any more
        self.total = SCENES
        self.stopped = False

    def new(self) -> Shot:
        """Return another shot."""
        return shot(self.made, self.structures, self.chains, GPU)

    def renew(self) -> None:
        """Replace shot after shot, on a stream of its own, until stopped."""
        if GPU.type == "cpu":
            return
        torch.cuda.set_device(RANK)  # which every thread begins without
        with torch.cuda.stream(torch.cuda.Stream()):  # type: ignore[no-untyped-call]  # torch leaves it untyped
            while not self.stopped:
                new = self.new()
                torch.cuda.current_stream().synchronize()
                self.kept.append(self.pool[self.total % SCENES])
                self.pool[self.total % SCENES] = new
                self.total += 1

    def batch(self) -> Batch:
        """Return ``(b, 1, p, p)`` noisy and target patches, in units of the noisy image's spread.

        The third part is what is known of each, ``(b, KNOWN)``.
        """
        groups = [self.group() for _ in range(BATCH // GROUP)]
        intensities, targets, scales, known = zip(*groups, strict=True)
        intensity, target = (torch.cat(parts).float() for parts in (intensities, targets))
        numbers = torch.tensor(scales).repeat_interleave(GROUP, 0).to(GPU)
        electrons, excess, tint, cutoff, weighted, stripes, mean, spread = numbers.T[:, :, None, None].float()
        deviation = (intensity * electrons).clamp_min(0).sqrt() * excess
        noise = torch.randn_like(intensity) * deviation + striped(
            stripes[:, 0, 0] * deviation.mean((1, 2)), PATCH
        )
        left = torch.fft.rfft2(noise) * transfer(tint, cutoff, weighted, PATCH, GPU)
        noise = torch.fft.irfft2(left, s=(PATCH, PATCH))
        noisy = (intensity * electrons + noise - mean) / spread
        return (
            noisy.clamp(-CLIP, CLIP)[:, None],
            ((target * electrons - mean) / spread)[:, None],
            torch.from_numpy(np.repeat(np.stack(known), GROUP, axis=0)).float().to(GPU),
        )

    def group(self) -> tuple[Tensor, Tensor, list[float], Array]:
        """Return some patches of one shot, in one of eight orientations, its numbers and what is known."""
        one = self.pool[int(self.drawn.integers(SCENES))]
        turns, mirror = int(self.drawn.integers(4)), bool(self.drawn.integers(2))
        corners = self.drawn.integers(0, EDGE - PATCH + 1, (GROUP, 2)).tolist()
        parts = []
        for image in (one.intensity, one.target):
            patches = torch.stack([image[a : a + PATCH, b : b + PATCH] for a, b in corners])
            patches = torch.rot90(patches, turns, (-2, -1))
            parts.append(patches.flip(-1) if mirror else patches)
        spread = one.spread * math.exp(self.drawn.uniform(-0.25, 0.25))  # real ones are never measured alike
        numbers = [
            one.electrons,
            one.excess,
            one.tint,
            one.cutoff,
            one.weighted,
            one.stripes,
            one.mean,
            spread,
        ]
        return parts[0], parts[1], numbers, unknown() if self.drawn.random() < UNKNOWN else one.known


class Trainer:
    """One step captured as two CUDA graphs, replayed with new patches and rates.

    Between the two the gradients of all GPUs are averaged.
    """

    def __init__(self, network: ConditionedUNet, first: Batch, highest: float) -> None:
        self.network, self.average = network, copy.deepcopy(network).requires_grad_(False)
        self.highest = highest
        self.compiled = torch.compile(network, dynamic=False)
        self.noisy, self.target = (
            part.contiguous(memory_format=torch.channels_last).clone() for part in first[:2]
        )
        self.known = first[2].clone()
        self.rate, self.follow, self.loss = (torch.zeros((), device=GPU) for _ in range(3))
        self.optimizer = torch.optim.AdamW(
            network.parameters(), lr=self.rate, betas=DECAY, capturable=GPU.type == "cuda"
        )
        for parameter in network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        self.gradient = torch.zeros(sum(value.numel() for value in network.parameters()), device=GPU)
        self.steps = self.captured() if GPU.type == "cuda" else [self.slope, self.update]

    def captured(self) -> list[Callable[[], None]]:
        """Return the two halves of a step as graphs to be launched at once."""
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(3):
                self.slope()
                self.update()
        torch.cuda.current_stream().wait_stream(aside)
        return [captured(part).replay for part in (self.slope, self.update)]

    def slope(self) -> None:
        """Find the gradient of the patches in place."""
        self.optimizer.zero_grad(set_to_none=False)
        with torch.autocast(GPU.type, dtype=torch.bfloat16, cache_enabled=False):
            output = self.compiled(self.noisy, self.known)
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

    def step(self, batch: Batch, number: int, progress: float) -> None:
        """Learn from one batch; the rate falls to zero as a cosine."""
        warm = min(1.0, (number + 1) / 200)
        self.rate.fill_(max(1e-7, self.highest * warm * (1 + math.cos(math.pi * progress)) / 2))
        self.follow.fill_(1 - min(AVERAGING, number / (number + 10)))
        for place, part in zip((self.noisy, self.target, self.known), batch, strict=True):
            place.copy_(part)
        self.steps[0]()
        if RANKS > 1:
            distributed.all_reduce(self.gradient, distributed.ReduceOp.AVG)
        self.steps[1]()


def captured(part: Callable[[], None]) -> torch.cuda.CUDAGraph:
    """Return what a function launches, ready to be launched at once."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        part()
    return graph


def learned(stream: Stream, options: argparse.Namespace) -> tuple[ConditionedUNet, int]:
    """Return the averaged network after so many minutes, and its steps."""
    seed, seconds = options.seed, 60 * options.minutes
    torch.manual_seed(seed)
    network = ConditionedUNet(options.widths)
    if options.onward:
        network.load_state_dict(widened(network, options.widths, checkpoint.load(options.onward)))
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
            write(trainer.average, options, stream, step)
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
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS, help="channels, from fine to coarse")
    parser.add_argument("--workers", type=int, help="processes that build structures, for each GPU")
    options = parser.parse_args()
    numbers = np.random.default_rng((options.seed, RANK))
    with ProcessPoolExecutor(options.workers) as pool:  # before CUDA starts, which does not survive a fork
        structures = list(pool.map(assembly, [small_recipe(numbers) for _ in range(STRUCTURES)]))
        chains = list(pool.map(chain, numbers.integers(2**31, size=CHAINS).tolist()))
    if GPU.type == "cuda":
        torch.cuda.set_device(RANK)
    stream = Stream(structures, chains, options.seed)
    network, steps = learned(stream, options)
    if RANK == 0:
        write(network, options, stream, steps)
    if RANKS > 1:
        distributed.destroy_process_group()


def write(network: ConditionedUNet, options: argparse.Namespace, stream: Stream, steps: int) -> None:
    """Write the model file and say what was done."""
    weights = {name: value.float().cpu().numpy() for name, value in network.state_dict().items()}
    done = {"steps": steps, "exposures": stream.total * RANKS}
    if options.onward:
        before = checkpoint.load(options.onward).provenance
        done = {name: value + int(before[name]) for name, value in done.items()}
    provenance = done | {
        "made_by": "scripts/general_model.py",
        "seed": options.seed,
        "patches": done["steps"] * BATCH * RANKS,
        "structures": STRUCTURES * RANKS,
        "scenes": [[round(float(number), 2) for number in one.known[:-1]] for one in stream.pool],
        "torch": str(torch.__version__),
        "device": f"{RANKS} × {torch.cuda.get_device_name() if GPU.type == 'cuda' else 'cpu'}",
    }
    model = Model("unet", weights, pixel_size=DETECTOR, provenance=provenance, working_pixel=WORKING)
    checkpoint.write(model, options.output, half=True)
    print(f"{options.output}: {done}")


if __name__ == "__main__":
    main()
