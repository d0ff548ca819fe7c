"""How to denoise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from cryoden.errors import SettingsError
from cryoden.settings.fields import DEVICE, Device, Setting, check
from cryoden.settings.reading import LARGEST_PIXEL, SMALLEST_PIXEL

DenoisingPrecision = Literal["auto", "float32", "float16", "bfloat16"]
ORIENTATIONS = Setting(
    "Test-time augmentation: 8 averages over 8 rotations and mirrors; better, but 8 times slower",
    expert=True,
    label="test-time augmentation",
)
RING_GAINS = Setting(
    "Add, ring by ring of spatial frequency, what the network leaves out and a linear filter "
    "shows; the gains are found in the micrograph itself",
    expert=True,
    label="add what a linear filter shows",
)
ICE_RING = Setting(
    "Keep the 3.1–5 Å ice signal, attenuated, where the power spectrum shows an ice ring",
    expert=True,
    label="keep ice signal",
)
CONFIDENCE = Setting(
    "Also give, for each place, the probability that the structure shown around it is right rather than "
    "chance, 0.5 to 0.99 (details of 40 to 200 Å; needs ring gains)",
    expert=True,
    label="confidence map",
)


@dataclass(frozen=True)
class DenoisingSettings:
    """How to denoise."""

    device: Annotated[Device, DEVICE] = "auto"
    precision: Annotated[
        DenoisingPrecision,
        Setting(
            "Number format of the network; auto uses float16 on NVIDIA GPUs, float32 elsewhere",
            expert=True,
        ),
    ] = "auto"
    tile: Annotated[
        int,
        Setting(
            "Tile size in working pixels; 0 = chosen to fit the free memory",
            unit="px",
            low=0,
            high=65_536,
            step=64,
            expert=True,
        ),
    ] = 0
    orientations: Annotated[Literal[1, 8], ORIENTATIONS] = 1
    ring_gains: Annotated[bool, RING_GAINS] = True
    ice_ring: Annotated[bool, ICE_RING] = True
    invert: Annotated[
        bool,
        Setting(
            "Particles are brighter than the ice: invert the contrast for the network, and back after it",
            label="bright particles",
        ),
    ] = False
    confidence: Annotated[bool, CONFIDENCE] = False
    auto_invert: Annotated[
        bool,
        Setting(
            "Invert the contrast where the general model finds clearly more in it then",
            expert=True,
            label="detect bright particles",
        ),
    ] = True
    stack: Annotated[
        bool,
        Setting(
            "Denoise each image of a file that holds several micrographs, into one file of the same order",
            expert=True,
            label="stacks of micrographs",
        ),
    ] = False
    planes: Annotated[
        str,
        Setting(
            "Denoise these planes of a stack or a tilt series, from 0, one by one into one file",
            expert=True,
            pattern=r"|all|\d{1,9}(-\d{1,9})?(,\d{1,9}(-\d{1,9})?)*",
            expects="all, or for example 0,3-5",
        ),
    ] = ""
    bin: Annotated[
        int,
        Setting(
            "Fourier-crop the output file by this factor, for pickers; picked coordinates times it are "
            "those in the micrograph",
            "×",
            1,
            32,
            1,
            expert=True,
            label="bin output by",
        ),
    ] = 1
    bin_to: Annotated[
        float,
        Setting(
            "Fourier-crop the output file to this pixel size; 0 = not",
            "Å/px",
            0,
            LARGEST_PIXEL,
            0.5,
            expert=True,
            above_zero=SMALLEST_PIXEL,
            label="bin output to",
        ),
    ] = 0.0
    format: Annotated[
        Literal["auto", "mrc", "tiff"],
        Setting("File format of the output; auto is that of the input", expert=True, label="file format"),
    ] = "auto"
    pixel_format: Annotated[
        Literal["float32", "float16"], Setting("Pixel format of the output file", expert=True)
    ] = "float32"

    @property
    def least_share(self) -> float:
        """Bytes of a result for each byte of its micrograph, at least; 0 for parts of an image or a stack."""
        if self.planes or self.bin > 1 or self.bin_to:
            return 0
        return 0.5 if self.pixel_format == "float16" else 1

    def __post_init__(self) -> None:
        check(self)
        if self.bin > 1 and self.bin_to:
            problem = f"bin = {self.bin} and bin_to = {self.bin_to:g} were given"
            raise SettingsError("S03", None, problem, fix="Give one of them")
