"""Results with nothing in them: one that is constant is never published, and a faint one is called so."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import numpy as np

from cryoden.errors import OutputError, Remark
from cryoden.micrograph import Micrograph, Pixels

SAMPLE = 1 << 18  # px that are looked at, in rows evenly spread
CONSTANT = 1e-4  # of the micrograph's standard deviation
ROUNDED = 1e-6  # of the mean: what is left of single precision
# Of the noise at the working pixel: white noise of 384² px and more gives up to 0.019, single frames of
# 2 e⁻/Å² 0.024 to 0.08.
FAINT = 0.022
ALMOST = "T10"


def refuse_constant(
    path: Path, denoised: Micrograph, raw: Micrograph, pixel_format: Literal["float32", "float16"]
) -> None:
    """Raise O14 for a result that is constant, or as good as constant, in the format it is written in.

    Parameters
    ----------
    path : Path
        Where the result was to go.
    denoised, raw : Micrograph
        The result, and what it was made from.
    pixel_format : {"float32", "float16"}
        How it will be stored.

    Raises
    ------
    OutputError
        O14.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # what float16 cannot hold is refused in writing
        pixels = _sample(denoised.data).astype(pixel_format).astype(np.float64)
        left, mean, before = float(pixels.std()), abs(float(pixels.mean())), float(_sample(raw.data).std())
    if math.isfinite(left) and left <= max(CONSTANT * before, ROUNDED * mean):
        problem = f"the result is constant: standard deviation {left:.2g}, {before:.3g} before"
        fix = "Check the pixel size (--pixel-size), or use another model"
        raise OutputError("O14", path, problem, kept="Nothing was written", fix=fix)


def remark(strength: float) -> tuple[Remark, ...]:
    """Return a warning where the network's output is faint; ``strength`` is its std at the working pixel."""
    words = f"almost nothing found: the result varies by {100 * strength:.2g} % of the noise"
    return (Remark(ALMOST, words),) if strength < FAINT else ()


def _sample(pixels: Pixels) -> Pixels:
    return pixels[:: max(1, pixels.size // SAMPLE)]  # whole rows, which lie together in memory
