"""Movies of simulated exposures: frames of counts of a specimen that drifts, fast at first.

Each frame has an equal share of the dose, and its own noise. Damage is the mean of that of the whole
exposure, the same in all frames, so that an aligned sum shows what an exposure without motion does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cryoden.dataset.star_columns import quoted
from cryoden.io import mrc
from cryoden.io.mrc_header_copy import put_statistics, statistics
from cryoden.micrograph import Array
from cryoden.simulation.optics import Grid
from cryoden.simulation.scene import Contrast, Scene

DECAY = 4.0  # of a movie in which drift decays to 1/e: most of it is in the first frames
JITTER = 0.01  # of the drift, from frame to frame
STREAM = 4  # of random numbers; exposures take 1 to 3
OPTICS = (
    "rlnOpticsGroup",
    "rlnMicrographOriginalPixelSize",
    "rlnVoltage",
    "rlnSphericalAberration",
    "rlnAmplitudeContrast",
)


def drifted(frames: int, drift: float, seed: int) -> Array:
    """Return how far the specimen has moved since the first frame, ``(n, 2)`` Å down and right.

    Parameters
    ----------
    frames : int
        How many.
    drift : float
        From the first to the last frame, about, in Å.
    seed : int
        Direction and jitter are a function of it.
    """
    numbers = np.random.default_rng((seed, STREAM))
    direction = numbers.uniform(0, 2 * np.pi)
    way = -np.expm1(-DECAY * np.arange(frames) / frames) / -np.expm1(-DECAY)
    course = drift * way[:, None] * np.array([np.sin(direction), np.cos(direction)])
    course += JITTER * drift * numbers.normal(size=(frames, 2))
    return np.asarray(course - course[:1])


def filmed(contrast: Contrast, scene: Scene, shifts: Array) -> NDArray[Any]:
    """Return the frames ``(n, h, w)`` of a scene, one for each shift in Å, as uint16 counts or float32."""
    grid, share = contrast.grid, scene.dose / len(shifts) * scene.pixel_size**2
    numbers = torch.Generator(grid.device).manual_seed(4 * scene.seed * 1_000_003 + STREAM)
    spectrum = torch.fft.rfft2(contrast.intensity)
    frames = []
    for down, right in shifts.tolist():
        arriving = share * grid.image(spectrum * _moved(grid, down, right)).clamp_min(0)
        expected = scene.detector.expected(arriving, grid)
        pixels = contrast.cropped(scene.detector.recorded(expected, grid, numbers)).cpu().numpy()
        frames.append(pixels if scene.detector.integrating else pixels.astype(np.uint16))
    return np.stack(frames)


def _moved(grid: Grid, down: float, right: float) -> Tensor:
    rows, columns = grid.axes
    return torch.polar(torch.ones_like(grid.squared), -2 * math.pi * (rows * down + columns * right))


def write_movie(path: Path, frames: NDArray[Any], pixel_size: float) -> None:
    """Write frames as a stack of images."""
    made = mrc.composed(frames, pixel_size, None, "cryoden: simulated, movie")
    made.set_image_stack()
    put_statistics(made.header, statistics(frames.astype(np.float32)), "float32")
    with path.open("wb") as file:
        file.write(made.header.tobytes())
        file.write(np.ascontiguousarray(frames).data)


def star_of(names: Sequence[str], scene: Scene) -> str:
    """Return a list of movies as RELION's import writes it."""
    optics = scene.optics
    values = 1, scene.pixel_size, optics.voltage, optics.spherical, optics.amplitude
    tables = (
        ("optics", OPTICS, [" ".join(map(str, values))]),
        ("movies", ("rlnMicrographMovieName", "rlnOpticsGroup"), [f"{quoted(name)} 1" for name in names]),
    )
    return "\n".join(_table(*table) for table in tables)


def _table(name: str, labels: Sequence[str], rows: Sequence[str]) -> str:
    head = [
        "",
        f"data_{name}",
        "",
        "loop_",
        *(f"_{label} #{number}" for number, label in enumerate(labels, 1)),
    ]
    return "\n".join([*head, *rows, ""])
