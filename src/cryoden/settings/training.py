"""Everything a user can choose, declared once.

Command line, forms, validation and documentation derive from the `Setting` that annotates
each field. This module imports neither torch nor numpy, so that ``--help`` is instant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from cryoden.settings.fields import Device, Precision, Setting, check

NetworkName = Literal["unet", "baseline"]


@dataclass(frozen=True)
class TrainingSettings:
    """How to train. The defaults work on a CPU and on a GPU without touching them."""

    network: Annotated[
        NetworkName,
        Setting(
            "unet: U-Net on pixels of 3 Å, 3.2 M weights; baseline: three 3×3 convolutions, 2,625 weights"
        ),
    ] = "unet"
    begin: Annotated[
        Literal["general", "scratch"],
        Setting("Begin with the general model, or with a fresh network; the baseline is always fresh"),
    ] = "general"
    minutes: Annotated[
        float,
        Setting(
            "Train this long; not used when epochs is above 0", unit="min", low=0.01, high=10_000, step=1
        ),
    ] = 5.0
    epochs: Annotated[
        int,
        Setting(
            "Train this many epochs; 0 = until the minutes are over",
            unit="epochs",
            low=0,
            high=100_000,
            step=1,
        ),
    ] = 0
    patience: Annotated[
        int,
        Setting(
            "Stop when so many epochs in a row brought no better held-out loss; 0 = never",
            unit="epochs",
            low=0,
            high=100_000,
            step=5,
        ),
    ] = 20
    device: Annotated[Device, Setting("Where to compute; auto takes the GPU when there is one")] = "auto"
    seed: Annotated[
        int,
        Setting(
            "Same seed, data and machine: same losses (but for a cosine over minutes)",
            low=0,
            high=2**31 - 1,
            step=1,
            expert=True,
        ),
    ] = 0
    batch: Annotated[
        int, Setting("Patches per step; 0 = chosen for the device", low=0, high=1024, step=1, expert=True)
    ] = 0
    working_pixel: Annotated[
        float,
        Setting(
            "Pixel size the network works at, never finer than the micrograph's; "
            "0 = chosen: 3 Å/px for unet, the micrograph's own for baseline",
            unit="Å/px",
            low=0,
            high=100,
            step=0.5,
            expert=True,
        ),
    ] = 0.0
    patch: Annotated[
        int,
        Setting(
            "Edge of a training patch at most, in working pixels",
            unit="px",
            low=32,
            high=4096,
            step=32,
            expert=True,
            multiple=16,
        ),
    ] = 256
    steps_per_epoch: Annotated[
        int,
        Setting(
            "Steps between two validations; 0 = one pass over the pixels, at most 200",
            unit="steps",
            low=0,
            high=1_000_000,
            step=10,
            expert=True,
        ),
    ] = 0
    anchor: Annotated[
        float,
        Setting(
            "Pull toward what the model it began with makes of the same patch; 0 = none, 1 = half-way",
            low=0,
            high=100,
            step=0.5,
            expert=True,
        ),
    ] = 1.0
    optimizer: Annotated[Literal["adamw", "sgd"], Setting("How weights follow gradients", expert=True)] = (
        "adamw"
    )
    learning_rate: Annotated[
        float, Setting("Step size of the optimizer", low=1e-7, high=10.0, step=1e-4, expert=True)
    ] = 3e-4
    schedule: Annotated[
        Literal["constant", "cosine"],
        Setting("Learning rate over the run: constant, or a cosine down to zero at its end", expert=True),
    ] = "constant"
    precision: Annotated[
        Precision,
        Setting("Number format of the network; auto takes bfloat16 where the device gains", expert=True),
    ] = "auto"
    held_out: Annotated[
        float,
        Setting(
            "Share of the micrographs kept for validation, at least one",
            low=0.01,
            high=0.9,
            step=0.05,
            expert=True,
        ),
    ] = 0.15

    def __post_init__(self) -> None:
        check(self)
