"""The factors of hardship.py: for each its levels from easy to hard, everything else as usual."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import hardship_parts as parts
import torch
import training_objects as objects

from cryoden.image.filters import low_passed
from cryoden.micrograph import Pixels
from cryoden.simulation.assemblies import AssemblyRecipe, assembly
from cryoden.simulation.detector import Detector
from cryoden.simulation.exposure import SimulatedExposure, counted, seen
from cryoden.simulation.optics import Optics
from cryoden.simulation.scene import Scene

SEED = 977  # of structures that no training drew
USUAL = Scene(pixel_size=1.5, dose=40.0, optics=Optics(defocus=1.2), ice=300.0, slope=0.05)
WIDEST = 400.0  # Å; what is wider is left out where it is not the particles'


@dataclass(frozen=True)
class Level:
    """One exposure's settings.

    Parameters
    ----------
    name : str
        What the table calls it.
    scene : mapping
        Fields of `Scene` that differ from the usual.
    mass, covered : float
        kDa of a particle; share of the area that particles cover: 0 for empty ice, and more than a lattice
        holds to fill it.
    specimen, camera : callable
        What is done before and after the electrons are counted.
    slow : bool
        Whether what is wider than `WIDEST` is left out of the comparison.
    """

    name: str
    scene: Mapping[str, Any] = field(default_factory=dict)
    mass: float = 440.0
    covered: float = 0.25
    specimen: objects.Specimen = lambda contrast, _: contrast
    camera: parts.Camera = lambda one: one
    slow: bool = False


@dataclass(frozen=True, eq=False)
class Sample:
    """An exposure of one level, and the radius of its particles in px."""

    exposure: SimulatedExposure
    radius: float
    slow: bool

    @property
    def halves(self) -> tuple[Pixels, Pixels]:
        """Even and odd pixels."""
        return self.exposure.even, self.exposure.odd

    def compared(self, image: Pixels) -> Pixels:
        """Return what of an image is compared with the truth."""
        size = self.exposure.scene.pixel_size
        return image - low_passed(image, size, WIDEST) if self.slow else image


def sample(level: Level, edge: int, seed: int, device: torch.device) -> Sample:
    """Return one exposure of a level; with the seed the structure differs, too."""
    structure = assembly(AssemblyRecipe("D2", level.mass, aspect=1.3, seed=1000 * SEED + seed))
    scene = replace(USUAL, edge=edge, seed=seed, **level.scene)
    area = (edge * scene.pixel_size) ** 2
    count = round(level.covered * area / (math.pi * (0.8 * structure.radius) ** 2))
    count = max(1, count) if level.covered else 0
    scene = replace(scene, particles=count)
    torch.manual_seed(seed)
    contrast = level.specimen(seen(scene, [structure], device), scene)
    return Sample(level.camera(counted(contrast, scene)), structure.radius / scene.pixel_size, level.slow)


def _scenes(name: str, text: str, values: Sequence[float]) -> list[Level]:
    return [Level(text.format(value), {name: value}) for value in values]


def _slow(width: float) -> list[Level]:
    strengths = (0.3, 1, 3, 5)
    return [Level(f"{one:g} σ", specimen=parts.background(width, one), slow=True) for one in strengths]


def _detector(name: str, transfer: float, integrating: bool) -> Level:
    return Level(
        f"{name}, MTF {transfer:g}", {"detector": Detector(transfer=transfer, integrating=integrating)}
    )


FACTORS: dict[str, list[Level]] = {
    "usual": [Level("–")],
    "background-50": _slow(50),
    "background-200": _slow(200),
    "background-1000": _slow(1000),
    "crowding": [
        Level(f"{100 * share:g} % covered, packed", {"packed": True}, covered=share) for share in (0.3, 0.6)
    ]
    + [Level("close packing", {"packed": True}, covered=2.0)],
    "overlaps": [Level(f"{100 * share:g} % covered", covered=share) for share in (0.5, 1, 2, 4)],
    "sparse": [Level(f"{100 * share:g} % covered", covered=share) for share in (0.1, 0.04, 0.01)],
    "mass": [Level(f"{mass} kDa", mass=mass) for mass in (150, 100, 80, 60)],
    "dose": _scenes("dose", "{:g} e⁻/Å²", (60, 20, 10, 5, 2)),
    "ice": _scenes("ice", "{:g} Å", (150, 500, 700, 1000)),
    "detector": [
        *(_detector("counting", transfer, False) for transfer in (0.3, 0.1)),
        *(_detector("integrating", transfer, True) for transfer in (0.4, 0.2, 0.1)),
    ],
    "dose-weighting": [
        Level(f"{dose} e⁻/Å²", {"dose": dose}, camera=parts.weighted) for dose in (20, 40, 80)
    ],
    "eight-bits": [Level(f"over {span} σ", camera=parts.eight_bits(span)) for span in (6, 100, 500, 1000)],
    "gain": [
        Level(f"pixels {100 * share:g} % off", camera=parts.faulty_gain(pixels=share))
        for share in (0.02, 0.05, 0.1)
    ],
    "columns": [
        Level(f"{100 * share:g} % of columns 10 % off", camera=parts.faulty_gain(columns=share))
        for share in (0.002, 0.01, 0.05)
    ],
    "fine-pixels": _scenes("pixel_size", "{:g} Å/px", (1.0, 0.7, 0.4)),
    "coarse-pixels": _scenes("pixel_size", "{:g} Å/px", (2.5, 3.5, 5.0)),
    "carbon": [
        Level(name, {"carbon": share}, slow=True)
        for name, share in (("20 % of the width", 0.2), ("50 %", 0.5), ("all of it", 1.5))
    ],
    "graphene": [
        Level(f"{count} layer{'s' * (count > 1)}", specimen=parts.graphene(count)) for count in (1, 3, 10)
    ],
    "filaments": [Level(f"{count} per 1,000 Å", specimen=objects.filaments(count)) for count in (0.7, 2, 5)],
    "membranes": [
        Level(f"{apart:,} Å apart", specimen=objects.membranes(apart)) for apart in (2000, 1000, 500)
    ],
    "vesicles": [Level(f"{count} per (1,000 Å)²", specimen=objects.vesicles(count)) for count in (0.5, 2, 6)],
    "chains": [Level(f"{count} a particle", specimen=parts.chains(count)) for count in (1, 3, 10)],
    "fragments": [Level(f"{count} a particle", specimen=parts.fragments(count)) for count in (3, 10, 30)],
    "drift": [Level(f"{length} Å", specimen=objects.drift(length)) for length in (5, 15, 40)],
}
