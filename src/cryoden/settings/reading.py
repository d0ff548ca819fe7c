"""What to believe where a file does not say, or says something odd."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from cryoden.settings.fields import Setting, check

SMALLEST_PIXEL, LARGEST_PIXEL = 0.1, 50.0  # Å/px of any micrograph


@dataclass(frozen=True)
class ReadingSettings:
    """What to believe where a file does not say, or says something odd."""

    pixel_size: Annotated[
        float,
        Setting(
            "Pixel size to use instead of the one in the header; 0 = use the header",
            "Å/px",
            0,
            LARGEST_PIXEL,
            0.1,
            above_zero=SMALLEST_PIXEL,
        ),
    ] = 0.0
    mode0: Annotated[
        Literal["auto", "signed", "unsigned"],
        Setting("How to read 8-bit pixels (mode 0); auto decides from the header", expert=True),
    ] = "auto"
    assume_no_ext_header: Annotated[
        bool,
        Setting(
            "Ignore an extended header that the header announces but the file does not contain", expert=True
        ),
    ] = False
    nan: Annotated[
        Literal["refuse", "mean"],
        Setting(
            "NaN or infinite pixels: refuse the file, or replace them by the mean of the other pixels",
            expert=True,
        ),
    ] = "refuse"

    def __post_init__(self) -> None:
        check(self)
