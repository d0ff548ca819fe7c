"""Even, odd and full sums of the aligned groups, weighted by dose alike.

Each group is weighted by q = exp(−N / 2Nc), N the dose at its end and Nc the critical exposure of Grant &
Grigorieff (2015, eLife 4, e06980). Whatever it is a part of, a sum is divided by the one function
√(mean of q² over all groups): the noise of the full sum stays white, that of halves nearly so, and the
independent sums add up to the full one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cryoden.compute.devices import fetched, sent
from cryoden.image.resampling import cropped_spectrum
from cryoden.micrograph import Array, Pixels
from cryoden.movies.frames import GroupedFrames
from cryoden.movies.motion import Shifts, phases
from cryoden.simulation.optics import Grid, critical_exposure

# Of the critical exposure at 300 kV, by Grant & Grigorieff (2015) at 200 kV, RELION's at 100 kV.
VOLTAGES, FACTORS = (100.0, 200.0, 300.0), (0.64, 0.8, 1.0)


@dataclass(frozen=True)
class Dose:
    """What each group has been exposed to.

    Parameters
    ----------
    ends : sequence of float
        e⁻/Å² at the end of each group; empty for no weighting.
    voltage : float
        kV.
    """

    ends: Sequence[float] = ()
    voltage: float = 300.0

    def weights(self, grid: Grid) -> Iterator[Tensor]:
        """Yield q of each group over the frequencies of a grid."""
        critical = critical_exposure(grid) * float(np.interp(self.voltage, VOLTAGES, FACTORS))
        for end in self.ends:
            yield torch.exp(-end / (2 * critical))


@dataclass(frozen=True, eq=False)
class Sums:
    """The sums of one movie, ``(h, w)`` float32 each; even and odd, as ``parts``, add up to ``full``."""

    full: Pixels
    even: Pixels
    odd: Pixels
    parts: tuple[Pixels, ...]
    pixel_size: float


def summed(
    frames: GroupedFrames,
    shifts: Shifts,
    dose: Dose,
    device: torch.device,
    *,
    parts: int = 2,
    bin_by: int = 1,
) -> Sums:
    """Sum groups moved back by their shifts; group i goes to part i modulo the number of parts.

    Even and odd are the sums of groups 0, 2, 4 … and 1, 3, 5 …, as RELION counts them. What moves in at
    the edges is the mirror image of what is there: nothing comes around from the other side.

    Parameters
    ----------
    frames : GroupedFrames
        Asked for each group once.
    shifts : ndarray
        ``(n, 2)``, how far each group has moved down and right, px.
    dose : Dose
        For weighting.
    device : torch.device
        Where to compute; memory there holds at most one spectrum a part, and some more.
    parts : int
        How many independent sums.
    bin_by : int
        Factor by which the sums are smaller.
    """
    shape, pixel_size = frames.movie.shape, frames.movie.pixel_size or 1.0
    small = (shape[0] // bin_by, shape[1] // bin_by)
    whole = (small[0] * bin_by, small[1] * bin_by)  # what is left of px at the end is cut off
    fine, grid = (Grid(*size, pixel_size * by, device) for size, by in ((whole, 1), (small, bin_by)))
    count = parts if parts % 2 == 0 else 2 * parts  # so that even and odd are made of whole ones
    sums = [torch.zeros_like(grid.squared, dtype=torch.complex64) for _ in range(count)]
    weights, squares = dose.weights(grid), torch.zeros_like(grid.squared)
    for index, (pixels, shift) in enumerate(zip(frames, shifts, strict=True)):
        spectrum = _moved_back(sent(pixels, device), shift, fine)
        spectrum = cropped_spectrum(spectrum, small, whole) * bin_by**2 if bin_by > 1 else spectrum
        weight = next(weights) if dose.ends else torch.ones_like(grid.squared)
        squares += weight**2
        sums[index % count] += spectrum.mul_(weight)
    noise = (squares / len(frames.groups)).sqrt_().clamp_min_(1e-12)
    images = [fetched(grid.image(one.div_(noise))) for one in sums]
    wanted = tuple(_added(images[part::parts]) for part in range(parts))
    even, odd = _added(images[::2]), _added(images[1::2])
    return Sums(even + odd, even, odd, wanted, pixel_size * bin_by)


def _added(images: Sequence[Pixels]) -> Pixels:
    return np.sum(images, axis=0, dtype=np.float32) if len(images) > 1 else images[0]


def _moved_back(image: Tensor, shift: Array, grid: Grid) -> Tensor:
    """Return the spectrum of an image moved against its shift: whole px in space, the rest by phases."""
    whole = np.rint(shift)
    for axis, by in enumerate(whole.astype(int)):
        image = image.index_select(axis, _mirrored(image.shape[axis], int(by), image.device))
    spectrum: Tensor = torch.fft.rfft2(image[: grid.height, : grid.width])
    return spectrum.mul_(phases(whole - shift, grid))


def _mirrored(length: int, by: int, device: torch.device) -> Tensor:
    """Return which row comes to stand where; beyond an end, those before it in reverse."""
    at = (torch.arange(length, device=device) + by) % (2 * length)
    return torch.where(at < length, at, 2 * length - 1 - at)
