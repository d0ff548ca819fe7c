"""Everything a user can choose, declared once.

Command line, forms, validation and documentation derive from the `Setting` that annotates
each field. This module imports neither torch nor numpy, so that ``--help`` is instant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from cryoden.settings.fields import DEVICE, CheckpointMinutes, Device, Precision, Setting, check

NetworkName = Literal["unet", "baseline"]


@dataclass(frozen=True)
class TrainingSettings:
    """How to train. The defaults work on a CPU and on a GPU without touching them."""

    network: Annotated[
        NetworkName,
        Setting("unet: U-Net at 3 Å/px, 3.2 M weights; baseline: three 3×3 convolutions, 2,625 weights"),
    ] = "unet"
    start_from: Annotated[
        Literal["general", "scratch"],
        Setting(
            "Start from the general model, or from scratch (random weights); the baseline "
            "always starts from scratch",
            label="start from",
            formerly="begin",
        ),
    ] = "general"
    minutes: Annotated[
        float,
        Setting("How long to train; ignored if epochs is set", unit="min", low=0.01, high=10_000, step=1),
    ] = 5.0
    epochs: Annotated[
        int,
        Setting(
            "Number of epochs; 0 = train by minutes",
            unit="epochs",
            low=0,
            high=100_000,
            step=1,
        ),
    ] = 0
    patience: Annotated[
        int,
        Setting(
            "Early stopping: stop after this many epochs without a better one (by the particle band CC "
            "for halves, else by the validation loss); 0 = never",
            label="early stopping",
            unit="epochs",
            low=0,
            high=100_000,
            step=5,
        ),
    ] = 20
    skip_bad_pairs: Annotated[
        bool,
        Setting(
            "Leave out half-set pairs that cannot be used: unreadable, blank, of two scenes, or alone",
            label="skip bad pairs",
        ),
    ] = False
    device: Annotated[Device, DEVICE] = "auto"
    seed: Annotated[
        int,
        Setting(
            "Random seed: the same seed, data and machine give the same losses (except with a "
            "cosine schedule limited by minutes)",
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
            "Pixel size the network works at, never finer than the micrograph's; 0 = auto: 3 "
            "Å/px for unet, the micrograph's own for baseline",
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
            "Largest size of a training patch, in working pixels",
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
            "Steps between validations; 0 = one pass over the pixels, at most 200",
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
            "Regularization toward the starting model's output on the same patch; 0 = none, 1 = "
            "equal weight to data and starting model",
            label="regularization",
            low=0,
            high=100,
            step=0.5,
            expert=True,
        ),
    ] = 1.0
    checkpoint_minutes: CheckpointMinutes = 5.0
    optimizer: Annotated[
        Literal["adamw", "sgd"], Setting("Optimizer: AdamW, or plain gradient descent (SGD)", expert=True)
    ] = "adamw"
    learning_rate: Annotated[
        float, Setting("Learning rate of the optimizer", low=1e-7, high=10.0, step=1e-4, expert=True)
    ] = 3e-4
    schedule: Annotated[
        Literal["constant", "cosine"],
        Setting(
            "Learning-rate schedule: constant, or cosine decay to zero at the end of the run", expert=True
        ),
    ] = "constant"
    precision: Annotated[
        Precision,
        Setting(
            "Number format of the network; auto uses bfloat16 where it makes the device faster", expert=True
        ),
    ] = "auto"
    validation_fraction: Annotated[
        float,
        Setting(
            "Fraction of the micrographs held out for validation, at least one",
            formerly="held_out",
            low=0.01,
            high=0.9,
            step=0.05,
            expert=True,
        ),
    ] = 0.15

    def __post_init__(self) -> None:
        check(self)
