"""What a user can choose where sums are made from movies."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Annotated

from cryoden.settings.fields import DEVICE, Device, Setting, check

TURNS = (
    "none",
    *(
        f"{form}:{turn},{flip}"
        for form in ("relion", "motioncor")
        for turn, flip in product(range(4), range(3))
    ),
    *(f"warp:{steps}" for steps in ("x", "y", "t", "xy", "xt", "yt", "xyt")),
)


@dataclass(frozen=True)
class MovieSettings:
    """How to sum the frames of a movie."""

    dose: Annotated[
        float,
        Setting("Dose of one frame as stored, also of EER; 0 = no dose weighting", "e⁻/Å²", 0, 100, 0.1),
    ] = 0.0
    group: Annotated[
        int,
        Setting(
            "Frames added up before they are aligned; 0 = none, of EER as many as make 40 groups",
            "frames",
            0,
            10_000,
            1,
        ),
    ] = 0
    bin: Annotated[
        int, Setting("Bin the sums by cropping their Fourier transforms; 2 for super-resolution", "", 1, 8, 1)
    ] = 1
    sums: Annotated[
        int, Setting("Independent sums; beyond 2, each is written beside even and odd", "sums", 2, 64, 1)
    ] = 2
    gain_turn: Annotated[
        str,
        Setting(
            "How the gain reference is turned to fit the frames: the numbers of that program's form, or "
            "steps in order (r = by 90° clockwise, x = left to right, y = upside down, t = transposed)",
            choices=TURNS,
            pattern=r"none|[rxyt]{1,8}|(relion|motioncor):[0-3],[0-2]|warp:x?y?t?",
            expects="none, letters of rxyt, relion:R,F, motioncor:R,F, or warp: and letters of xyt",
        ),
    ] = "none"
    device: Annotated[Device, DEVICE] = "auto"
    pre_exposure: Annotated[
        float, Setting("Dose before the first frame", "e⁻/Å²", 0, 1000, 1, expert=True)
    ] = 0.0
    voltage: Annotated[
        float,
        Setting(
            "Acceleration voltage, for dose weighting; 300 leaves it to a STAR file",
            "kV",
            60,
            1000,
            100,
            expert=True,
        ),
    ] = 300.0
    b_factor: Annotated[
        float,
        Setting("Weight of fine detail in alignment: exp(−B k²/4)", "Å²", 0, 10_000, 50, expert=True),
    ] = 500.0
    hot: Annotated[
        float,
        Setting(
            "Repair pixels so many standard deviations from the mean of all frames; 0 = keep them",
            "σ",
            0,
            100,
            1,
            expert=True,
        ),
    ] = 6.0

    def __post_init__(self) -> None:
        check(self)
