"""What a user can choose beside training and denoising: thinning, simulation, evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from cryoden.settings.fields import Device, Precision, Setting, check


@dataclass(frozen=True)
class ThinningSettings:
    """How to split counts into halves."""

    seed: Annotated[
        int, Setting("Same seed, file name and counts: same halves", low=0, high=2**31 - 1, step=1)
    ] = 0

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class SimulationSettings:
    """What to simulate."""

    count: Annotated[int, Setting("How many exposures", "micrographs", 1, 100_000, 1)] = 4
    edge: Annotated[int, Setting("Side of the square micrograph", "px", 64, 16_384, 256)] = 2048
    pixel_size: Annotated[float, Setting("Pixel size", "Å/px", 0.3, 10, 0.1)] = 1.2
    particles: Annotated[int, Setting("Particles in each; 0 for empty ice", "particles", 0, 20_000, 10)] = 100
    dose: Annotated[float, Setting("Dose of both halves together", "e⁻/Å²", 0.1, 1000, 5)] = 40.0
    defocus: Annotated[float, Setting("Underfocus", "µm", 0.1, 10, 0.1)] = 1.0
    defocus_to: Annotated[
        float, Setting("Draw the underfocus between defocus and this; 0 = always the same", "µm", 0, 10, 0.1)
    ] = 2.5
    detector: Annotated[
        Literal["counting", "integrating"],
        Setting("counting: Poisson counts, white noise; integrating: blurred charge, coloured noise"),
    ] = "counting"
    device: Annotated[Device, Setting("Where to compute; auto takes the GPU when there is one")] = "auto"
    seed: Annotated[
        int, Setting("Of the first exposure; the next have the next seeds", low=0, high=2**31 - 1, step=1)
    ] = 0
    voltage: Annotated[float, Setting("Acceleration", "kV", 60, 1000, 100, expert=True)] = 300.0
    ice: Annotated[float, Setting("Mean thickness of the ice", "Å", 50, 5000, 50, expert=True)] = 400.0
    slope: Annotated[
        float, Setting("Relative change of the ice's thickness across", "", 0, 1, 0.05, expert=True)
    ] = 0.1
    carbon: Annotated[
        float, Setting("Share of the width that is carbon film", "", 0, 1, 0.1, expert=True)
    ] = 0.0
    gold: Annotated[int, Setting("Gold beads of 10 nm", "beads", 0, 1000, 1, expert=True)] = 0
    contamination: Annotated[int, Setting("Balls of contaminating ice", "balls", 0, 1000, 1, expert=True)] = 0

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class EvaluationSettings:
    """How to evaluate."""

    device: Annotated[Device, Setting("Where to compute; auto takes the GPU when there is one")] = "auto"
    region: Annotated[
        Literal["whole", "center"],
        Setting("Pixels the figures are of: all, or the central 1024 × 1024, which is quicker"),
    ] = "whole"
    phases_beyond: Annotated[
        float,
        Setting("Structures finer than this lose their phases in the check for invention", "Å", 2, 1000, 5),
    ] = 20.0
    precision: Annotated[
        Precision,
        Setting("Number format of the network; bfloat16 is faster and less exact", expert=True),
    ] = "float32"
    tile: Annotated[
        int,
        Setting(
            "Edge of a tile; 0 = chosen from free memory", "px", low=0, high=65_536, step=64, expert=True
        ),
    ] = 0

    def __post_init__(self) -> None:
        check(self)
