"""What a user can choose beside training and denoising: thinning, simulation, evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from cryoden.settings.denoising import ICE_RING, ORIENTATIONS, RING_GAINS
from cryoden.settings.fields import DEVICE, Device, Precision, Setting, check


@dataclass(frozen=True)
class ThinningSettings:
    """How to split counts into halves."""

    seed: Annotated[
        int,
        Setting(
            "Random seed: the same seed, file name and counts give the same halves",
            low=0,
            high=2**31 - 1,
            step=1,
        ),
    ] = 0

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class SimulationSettings:
    """What to simulate."""

    count: Annotated[int, Setting("Number of micrographs", "micrographs", 1, 100_000, 1)] = 4
    edge: Annotated[int, Setting("Size of the square micrograph", "px", 64, 16_384, 256)] = 2048
    pixel_size: Annotated[float, Setting("Pixel size", "Å/px", 0.3, 10, 0.1)] = 1.2
    particles: Annotated[
        int, Setting("Particles per micrograph; 0 for empty ice", "particles", 0, 20_000, 10)
    ] = 100
    mass: Annotated[
        float,
        Setting(
            "Mass of the particles, one assembly in all micrographs; 0 = another random one in each",
            "kDa",
            0,
            10_000,
            50,
        ),
    ] = 0.0
    dose: Annotated[float, Setting("Total dose of both halves", "e⁻/Å²", 0.1, 1000, 5)] = 40.0
    defocus: Annotated[float, Setting("Underfocus", "µm", 0.1, 10, 0.1)] = 1.0
    defocus_to: Annotated[
        float,
        Setting(
            "Upper limit of the underfocus, drawn at random from defocus to this value; 0 = always the same",
            "µm",
            0,
            10,
            0.1,
        ),
    ] = 2.5
    detector: Annotated[
        Literal["counting", "integrating"],
        Setting("counting: Poisson counts, white noise; integrating: blurred charge, colored noise"),
    ] = "counting"
    movies: Annotated[
        int,
        Setting(
            "Frames of the movie that is written of each micrograph; 0 = no movies", "frames", 0, 1000, 1
        ),
    ] = 0
    drift: Annotated[
        float, Setting("How far the specimen moves in a movie, fast at first", "Å", 0, 150, 1)
    ] = 15.0
    device: Annotated[Device, DEVICE] = "auto"
    seed: Annotated[
        int,
        Setting(
            "Random seed of the first micrograph; each further one adds 1", low=0, high=2**31 - 1, step=1
        ),
    ] = 0
    voltage: Annotated[float, Setting("Acceleration voltage", "kV", 60, 1000, 100, expert=True)] = 300.0
    ice: Annotated[float, Setting("Mean ice thickness", "Å", 50, 5000, 50, expert=True)] = 400.0
    slope: Annotated[
        float, Setting("Relative change of ice thickness across the micrograph", "", 0, 1, 0.05, expert=True)
    ] = 0.1
    carbon: Annotated[
        float, Setting("Fraction of the width covered by carbon film", "", 0, 1, 0.1, expert=True)
    ] = 0.0
    gold: Annotated[int, Setting("Number of 10 nm gold beads", "beads", 0, 1000, 1, expert=True)] = 0
    contamination: Annotated[
        int, Setting("Number of contaminating ice particles", "balls", 0, 1000, 1, expert=True)
    ] = 0

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class EvaluationSettings:
    """How to evaluate."""

    device: Annotated[Device, DEVICE] = "auto"
    orientations: Annotated[Literal[1, 8], ORIENTATIONS] = 1
    ring_gains: Annotated[bool, RING_GAINS] = True
    ice_ring: Annotated[bool, ICE_RING] = True
    region: Annotated[
        Literal["whole", "center"],
        Setting("Region to evaluate: the whole micrograph, or the central 1024 × 1024 px, which is faster"),
    ] = "whole"
    phases_beyond: Annotated[
        float,
        Setting(
            "Phase-randomize beyond this resolution, for the hallucination test",
            "Å",
            2,
            1000,
            5,
            label="randomize beyond",
        ),
    ] = 20.0
    precision: Annotated[
        Precision,
        Setting("Number format of the network; bfloat16 is faster but less accurate", expert=True),
    ] = "float32"
    tile: Annotated[
        int,
        Setting(
            "Tile size; 0 = chosen to fit the free memory", "px", low=0, high=65_536, step=64, expert=True
        ),
    ] = 0

    def __post_init__(self) -> None:
        check(self)
