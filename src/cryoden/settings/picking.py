"""What a user can choose about picking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from cryoden.settings.fields import Setting, check

CONTRAST = Setting("Whether particles are dark or bright; auto looks which of both stands out")


@dataclass(frozen=True)
class PickingSettings:
    """How particles are found."""

    diameter: Annotated[float, Setting("Diameter of the particles", "Å", 0, 5000, 10)] = 0.0
    diameter_to: Annotated[
        float, Setting("Largest diameter, where particles differ; 0 = all alike", "Å", 0, 5000, 10)
    ] = 0.0
    contrast: Annotated[Literal["auto", "dark", "bright"], CONTRAST] = "auto"
    threshold: Annotated[
        float,
        Setting(
            "Least figure of merit, in standard deviations of what the micrograph shows elsewhere; "
            "0 = by how many places stand out with the opposite contrast",
            "σ",
            0,
            1000,
            0.5,
        ),
    ] = 0.0
    averages: Annotated[
        int,
        Setting(
            "Class averages that are made of a first round of picks, to pick by in a second one; "
            "0 = blobs only, and more than 1 learn noise by heart",
            "averages",
            0,
            50,
            1,
        ),
    ] = 0
    apart: Annotated[
        float, Setting("Least distance of two particles, in diameters", "", 0.1, 3, 0.1, expert=True)
    ] = 0.7
    most: Annotated[
        int,
        Setting("Most particles in a micrograph; 0 = any number", "particles", 0, 100_000, 100, expert=True),
    ] = 0

    def __post_init__(self) -> None:
        check(self)
