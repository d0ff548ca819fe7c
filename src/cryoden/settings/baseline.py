"""What can be chosen of the experiment; imports neither torch nor numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from cryoden.settings.fields import DEVICE, CheckpointMinutes, Device, Precision, Setting, check
from cryoden.settings.training import NetworkName

Engine = Literal["auto", "torch", "fused"]


@dataclass(frozen=True)
class PatchSettings:
    """How micrographs become pairs of patches."""

    patch: Annotated[int, Setting("Edge length of a patch", "px", 16, 8192, 256)] = 1024
    stride: Annotated[
        int,
        Setting(
            "Distance between neighboring patches; patches overlap if it is smaller than the patch",
            "px",
            1,
            8192,
            256,
        ),
    ] = 1024
    scale: Annotated[
        Literal["positive", "z-score"],
        Setting(
            "Gray scale: positive maps the 95th percentile of the target's positive pixels to 1 "
            "and clips to 0–1; z-score gives mean 0 and standard deviation 1"
        ),
    ] = "positive"
    poisson: Annotated[
        float,
        Setting(
            "Poisson noise to add, as the number of electrons in a pixel of value 1; 0 = none", "", 0, 1e4, 10
        ),
    ] = 100.0
    gaussian: Annotated[
        float,
        Setting("Standard deviation of the Gaussian noise added after the Poisson noise", "", 0, 10, 0.01),
    ] = 0.05
    clip: Annotated[bool, Setting("Clip noisy patches to 0–1 (scale positive only)")] = True
    noise_seed: Annotated[int, Setting("Random seed of the noise", low=0, high=2**31 - 1, step=1)] = 0
    dtype: Annotated[Literal["float32", "float16"], Setting("Number format on disk")] = "float32"
    shard: Annotated[int, Setting("Number of pairs per file", "pairs", 1, 100_000, 32, expert=True)] = 128

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class ExportSettings:
    """How much of a run is exported to programs in other languages."""

    pairs: Annotated[int, Setting("Number of pairs per batch", "pairs", 1, 64, 1)] = 2
    edge: Annotated[
        int,
        Setting("Size of the central crop of each pair; smaller pairs are used whole", "px", 8, 2048, 8),
    ] = 64
    batches: Annotated[int, Setting("Number of batches, used in turn by training", "batches", 1, 64, 1)] = 2
    steps: Annotated[int, Setting("Training steps whose losses are written", "steps", 1, 10_000, 1)] = 8
    synthetic: Annotated[
        bool, Setting("Use synthetic pairs, for a run whose data are no longer available")
    ] = False

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class BaselineSettings:
    """How the experiment is run; the defaults are the experiment's own."""

    epochs: Annotated[int, Setting("Passes over all pairs", "epochs", 1, 100_000, 1)] = 2
    batch: Annotated[int, Setting("Number of pairs per step", "pairs", 1, 4096, 1)] = 4
    learning_rate: Annotated[
        float, Setting("Learning rate of plain gradient descent (SGD)", "", 1e-8, 10, 1e-3)
    ] = 1e-3
    device: Annotated[Device, DEVICE] = "auto"
    engine: Annotated[
        Engine,
        Setting(
            "torch, or fused: one CUDA kernel per training step, for NVIDIA GPUs; auto uses "
            "fused where possible"
        ),
    ] = "auto"
    seed: Annotated[
        int,
        Setting(
            "Random seed of the initial weights and of the order of pairs", low=0, high=2**31 - 1, step=1
        ),
    ] = 0
    validation_pairs: Annotated[
        int,
        Setting(
            "Largest number of validation pairs, of whole micrographs (or strips of a lone one) held out",
            "pairs",
            1,
            100_000,
            1,
            expert=True,
            formerly="held_out",
        ),
    ] = 32
    precision: Annotated[
        Precision,
        Setting(
            "Number format of the torch engine; auto is float32, as in the original experiment", expert=True
        ),
    ] = "auto"
    checkpoint_minutes: CheckpointMinutes = 5.0
    threads: Annotated[int, Setting("Threads that prefetch pairs", "threads", 1, 256, 1, expert=True)] = 4
    fresh: Annotated[
        bool, Setting("Draw new noise in each epoch (pairs made on the fly only)", expert=True)
    ] = False

    def __post_init__(self) -> None:
        check(self)

    @property
    def network(self) -> NetworkName:
        """Always the baseline."""
        return "baseline"
