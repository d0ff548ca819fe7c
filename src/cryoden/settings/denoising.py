"""How to denoise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from cryoden.settings.fields import Device, Setting, check

DenoisingPrecision = Literal["auto", "float32", "float16", "bfloat16"]


@dataclass(frozen=True)
class DenoisingSettings:
    """How to denoise."""

    device: Annotated[Device, Setting("Where to compute; auto takes the GPU when there is one")] = "auto"
    precision: Annotated[
        DenoisingPrecision,
        Setting(
            "Number format of the network; auto takes float16 on an NVIDIA GPU, float32 elsewhere",
            expert=True,
        ),
    ] = "auto"
    tile: Annotated[
        int,
        Setting(
            "Edge of a tile in working pixels; 0 = chosen from free memory",
            unit="px",
            low=0,
            high=65_536,
            step=64,
            expert=True,
        ),
    ] = 0
    orientations: Annotated[
        Literal[1, 8],
        Setting("8 = mean over turned and mirrored images: better, and eight times the work", expert=True),
    ] = 1
    ice_ring: Annotated[
        bool,
        Setting(
            "Grain of amorphous ice (5 to 3.1 Å): passed on, damped, where the spectrum shows its ring",
            expert=True,
        ),
    ] = True
    pixel_format: Annotated[
        Literal["float32", "float16"], Setting("Pixel format written to file", expert=True)
    ] = "float32"

    def __post_init__(self) -> None:
        check(self)
