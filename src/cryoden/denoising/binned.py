"""Results with fewer pixels, for pickers: the middle of their spectrum, all low frequencies as they are.

The first pixels of both have their centers in one place: coordinates in binned pixels, times the factor, are
those in the micrograph. By a whole factor, rows and columns that are left at the end are cut off, as by
`cryoden halves`. To a pixel size, sides are cut to the whole pixel at which it is met best, so that
coordinates are right to half a pixel of the micrograph, at its far end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from cryoden.errors import MicrographError
from cryoden.image.resampling import cropped_spectrum
from cryoden.micrograph import Micrograph, Pixels
from cryoden.settings.denoising import DenoisingSettings

SAME = 1e-3  # relative difference of two pixel sizes that are one
LEAST = 16  # px of a side that is still an image


@dataclass(frozen=True)
class Binning:
    """Which part of an image, from its first pixel, gets how many pixels, and their size in Å."""

    part: tuple[int, int]
    shape: tuple[int, int]
    pixel_size: float | None

    def of(self, image: Pixels) -> Pixels:
        """Return ``(h', w')`` pixels of an ``(h, w)`` float32 image, of the same mean."""
        height, width = self.part
        spectrum = torch.fft.rfft2(torch.from_numpy(image[:height, :width]))
        found = torch.fft.irfft2(cropped_spectrum(spectrum, self.shape, self.part), s=self.shape)
        pixels: Pixels = found.numpy()
        return pixels


def binning_of(
    shape: tuple[int, int], pixel_size: float | None, settings: DenoisingSettings, path: Path | str
) -> Binning | None:
    """Return how a result of so many pixels of so many Å is binned; ``None`` where it is not.

    Raises
    ------
    MicrographError
        ``F65`` where it cannot be.
    """
    if settings.bin > 1:
        small = (shape[0] // settings.bin, shape[1] // settings.bin)
        part = (small[0] * settings.bin, small[1] * settings.bin)
        size = pixel_size and pixel_size * settings.bin
    elif settings.bin_to:
        factor = _factor(pixel_size, settings.bin_to, path)
        if factor <= 1:
            return None
        small = (int(shape[0] / factor + SAME), int(shape[1] / factor + SAME))
        part = (min(shape[0], round(small[0] * factor)), min(shape[1], round(small[1] * factor)))
        size = settings.bin_to
    else:
        return None
    if min(small) < LEAST:
        what = f"{shape[1]} × {shape[0]} pixels would be binned to {small[1]} × {small[0]}"
        raise _impossible(path, what, "Bin it less")
    return Binning(part, small, size)


def binned(micrograph: Micrograph, settings: DenoisingSettings) -> Micrograph:
    """Return a result as it is written, with its pixel size; see `binning_of`."""
    where = micrograph.path or micrograph.name
    binning = binning_of(micrograph.shape, micrograph.pixel_size, settings, where)
    if binning is None:
        return micrograph
    return replace(micrograph, data=binning.of(micrograph.data), pixel_size=binning.pixel_size)


def binned_within(micrograph: Micrograph, settings: DenoisingSettings) -> Micrograph:
    """Return the same of a map whose values have limits, which they keep."""
    found = binned(micrograph, settings)
    if found is micrograph:
        return found
    return replace(found, data=found.data.clip(micrograph.data.min(), micrograph.data.max()))


def _factor(pixel_size: float | None, wanted: float, path: Path | str) -> float:
    """Return how many pixels come into one along a side; 1 where the size is the one that is wanted."""
    if pixel_size is None:
        raise _impossible(path, "no pixel size, so it cannot be binned to one", "Pass --pixel-size, or --bin")
    if wanted < pixel_size * (1 - SAME):
        what = f"pixels of {pixel_size:g} Å cannot be binned to {wanted:g} Å"
        raise _impossible(path, what, "Choose a larger pixel size")
    factor = wanted / pixel_size
    return factor if factor > 1 + SAME else 1.0


def _impossible(path: Path | str, what: str, fix: str) -> MicrographError:
    return MicrographError("F65", path, what, kept="Skipped", fix=fix)
