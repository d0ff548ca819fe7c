"""What can be chosen of the experiment; imports neither torch nor numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from cryoden.settings.fields import Device, Precision, Setting, check
from cryoden.settings.training import NetworkName

Engine = Literal["auto", "torch", "fused"]


@dataclass(frozen=True)
class PatchSettings:
    """How micrographs become pairs of patches."""

    patch: Annotated[int, Setting("Edge of a patch", "px", 16, 8192, 256)] = 1024
    stride: Annotated[
        int, Setting("From one patch to the next; less than the patch: they overlap", "px", 1, 8192, 256)
    ] = 1024
    scale: Annotated[
        Literal["positive", "z-score"],
        Setting(
            "positive: 95th percentile of the target's positive pixels becomes 1, clipped to 0–1; "
            "z-score: mean 0 and standard deviation 1"
        ),
    ] = "positive"
    poisson: Annotated[
        float,
        Setting("Electrons a pixel of 1 stands for in the noise that is added; 0 = none", "", 0, 1e6, 10),
    ] = 100.0
    gaussian: Annotated[
        float, Setting("Standard deviation of the noise added after that", "", 0, 10, 0.01)
    ] = 0.05
    clip: Annotated[bool, Setting("Clip the noisy patch to 0–1, where the scale is positive")] = True
    noise_seed: Annotated[int, Setting("Of the noise", low=0, high=2**31 - 1, step=1)] = 0
    dtype: Annotated[Literal["float32", "float16"], Setting("Number format on disk")] = "float32"
    shard: Annotated[int, Setting("Pairs in one file", "pairs", 1, 100_000, 32, expert=True)] = 128

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class ExportSettings:
    """How much of a run is handed over to programs in other languages."""

    pairs: Annotated[int, Setting("Pairs in a batch", "pairs", 1, 64, 1)] = 2
    edge: Annotated[
        int,
        Setting("Edge of what is cut from the middle of each pair; all of a smaller pair", "px", 8, 2048, 8),
    ] = 64
    batches: Annotated[int, Setting("Batches, which training takes in turns", "batches", 1, 64, 1)] = 2
    steps: Annotated[int, Setting("Steps of training whose losses are written", "steps", 1, 10_000, 1)] = 8
    synthetic: Annotated[bool, Setting("Make pairs up, where the data of the run are not there")] = False

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class BaselineSettings:
    """How the experiment is run; the defaults are the experiment's own."""

    epochs: Annotated[int, Setting("Passes over all pairs", "epochs", 1, 100_000, 1)] = 2
    batch: Annotated[int, Setting("Pairs per step", "pairs", 1, 4096, 1)] = 4
    learning_rate: Annotated[float, Setting("Step size of plain gradient descent", "", 1e-8, 10, 1e-3)] = 1e-3
    device: Annotated[Device, Setting("Where to compute; auto takes the GPU when there is one")] = "auto"
    engine: Annotated[
        Engine,
        Setting("torch, or the fused step for NVIDIA GPUs; auto takes the fused one where it can be used"),
    ] = "auto"
    seed: Annotated[
        int, Setting("Of the first weights and the order of pairs", low=0, high=2**31 - 1, step=1)
    ] = 0
    held_out: Annotated[
        int, Setting("Pairs kept out of training, to judge with", "pairs", 1, 100_000, 1, expert=True)
    ] = 32
    precision: Annotated[
        Precision,
        Setting("Number format of the torch engine; auto is float32, as in the experiment", expert=True),
    ] = "auto"
    threads: Annotated[int, Setting("Threads that read ahead", "threads", 1, 256, 1, expert=True)] = 4
    fresh: Annotated[
        bool, Setting("Where pairs are made on the fly: other noise in each epoch", expert=True)
    ] = False

    def __post_init__(self) -> None:
        check(self)

    @property
    def network(self) -> NetworkName:
        """Always the baseline."""
        return "baseline"
