"""How far the specimen has moved in each group of frames: one shift for the whole image.

Each group is compared with the sum of all others, moved as known so far, and the shifts are found again
until they stay (Li et al. 2013, Nat. Methods 10, 584, and MotionCor's iterations after it). The group
itself is left out of the sum, or its own noise would hold it where it is. The correlation is weighted
by exp(−B k²/4); frequencies whose weight is negligible are not kept, which bounds the memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cryoden.compute.devices import sent
from cryoden.image.phase_correlation import LEAST_PERIODS
from cryoden.image.resampling import cropped_spectrum
from cryoden.micrograph import Array, Pixels
from cryoden.simulation.optics import Grid

Shifts = Array  # (n, 2): how far the specimen has moved down and right, px
EDGE = 1024  # px of the longer side to which spectra are cropped, at most
LEAST_WEIGHT = 0.01  # of what is kept
STEPS = 20
STILL = 0.01  # px of a frame; when no shift changes by more, the search ends
FARTHEST = 0.25  # of the shorter side, that a group may have moved from one step to the next


@dataclass(frozen=True)
class Motion:
    """Shifts, the first 0, how many steps were needed, and whether they stayed in the end."""

    shifts: Shifts
    steps: int
    settled: bool


def measure(groups: Iterable[Pixels], pixel_size: float, b_factor: float, device: torch.device) -> Motion:
    """Find the shift of each of at least two groups.

    Parameters
    ----------
    groups : iterable of ndarray
        ``(h, w)`` each; asked for once, one after the other.
    pixel_size : float
        Å/px.
    b_factor : float
        Å², see above.
    device : torch.device
        Where to compute.
    """
    spectra, shape = _spectra(groups, pixel_size, b_factor, device)
    small = _cropped(shape, pixel_size, b_factor)
    scale = np.array(shape) / np.array(small)
    grid = Grid(*small, pixel_size * float(scale[0]), device)
    shifts = np.zeros((len(spectra), 2))
    weight = _weight(grid, shape, pixel_size, b_factor)
    for step in range(STEPS):
        moved = _step(spectra, shifts / scale, weight, grid) * scale
        shifts += moved
        shifts -= shifts[0]
        if np.abs(moved - moved[0]).max() < STILL:
            return Motion(shifts, step + 1, settled=True)
    return Motion(shifts, STEPS, settled=False)


def phases(shift: Array, grid: Grid) -> Tensor:
    """Return what moves an image down and right by so many px, when its spectrum is multiplied by it."""
    down, right = (
        torch.exp(axis * (-2j * math.pi * grid.pixel_size * float(by)))
        for axis, by in zip(grid.axes, shift, strict=True)
    )
    return down * right


def _spectra(
    groups: Iterable[Pixels], pixel_size: float, b_factor: float, device: torch.device
) -> tuple[list[Tensor], tuple[int, int]]:
    found, shape = [], (0, 0)
    for pixels in groups:
        shape = (pixels.shape[0], pixels.shape[1])
        spectrum = torch.fft.rfft2(sent(pixels, device))
        found.append(cropped_spectrum(spectrum, _cropped(shape, pixel_size, b_factor), shape))
    return found, shape


def _cropped(shape: tuple[int, int], pixel_size: float, b_factor: float) -> tuple[int, int]:
    """Return the size, even sides, to which what matters fits."""
    finest = math.sqrt(-4 * math.log(LEAST_WEIGHT) / b_factor) if b_factor else math.inf  # 1/Å
    part = min(1.0, 2 * finest * pixel_size, EDGE / max(shape))
    height, width = (max(2, 2 * round(side * part / 2)) if part < 1 else side for side in shape)
    return height, width


def _weight(grid: Grid, shape: tuple[int, int], pixel_size: float, b_factor: float) -> Tensor:
    slowest = LEAST_PERIODS / (min(shape) * pixel_size)
    return torch.exp(-b_factor / 4 * grid.squared) * (grid.squared > slowest**2)


def _step(spectra: list[Tensor], shifts: Shifts, weight: Tensor, grid: Grid) -> Shifts:
    """Return by how much more each group has moved than is known, px of the cropped image."""
    total = torch.zeros_like(spectra[0])
    for spectrum, shift in zip(spectra, shifts, strict=True):
        total += spectrum * phases(-shift, grid)
    found = []
    for spectrum, shift in zip(spectra, shifts, strict=True):
        aligned = spectrum * phases(-shift, grid)
        found.append(_peak(grid.image(aligned * (total - aligned).conj() * weight)))
    return np.array(found)


def _peak(agreement: Tensor) -> tuple[float, float]:
    """Return where the highest value near no shift stands, to parts of a px by a parabola each way."""
    height, width = agreement.shape
    reach = max(1, int(FARTHEST * min(height, width)))
    near = torch.roll(agreement, (reach, reach), (0, 1))[: 2 * reach + 1, : 2 * reach + 1]
    row, column = divmod(int(near.argmax()), near.shape[1])
    values = near.double().cpu().numpy()
    down = row - reach + _vertex(values[max(row - 1, 0) : row + 2, column])
    right = column - reach + _vertex(values[row, max(column - 1, 0) : column + 2])
    return down, right


def _vertex(values: Array) -> float:
    """Return where a parabola through three values has its top, from the middle one."""
    if len(values) < 3:
        return 0.0
    before, middle, after = values
    bend = before - 2 * middle + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0
