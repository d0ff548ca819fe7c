"""What `real` and `yardstick` measure of a denoised image, and how they print it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from real_data import Data, Regions, View
from real_methods import USUAL, Denoise

from cryoden.evaluation.bands import BANDS, agreement_by_band, blocks
from cryoden.image.filters import gaussian
from cryoden.image.spectra import PARTICLES, Band
from cryoden.micrograph import Pixels

ALL = (*BANDS, PARTICLES)
WIDE = 90  # px; slopes of the illumination that an image is judged without
BLOCK = 900  # px
AGREEMENT = (*(band.name for band in ALL), f"all but > {WIDE} px", "slope, 340–20 Å")
Values = NDArray[np.float64]


def agreement(output: Pixels, view: View, data: Data) -> list[list[float]]:
    """Return r with the other image in each band, without what is wide, and the slope, block by block."""
    edge = BLOCK if data.halves else max(output.shape)
    return [
        _agreement(one, other, data.pixel_size)
        for one, other in zip(blocks(output, edge), blocks(view.other, edge), strict=True)
    ]


def _agreement(one: Pixels, other: Pixels, pixel_size: float) -> list[float]:
    bands = agreement_by_band(one, other, pixel_size, ALL)
    narrow = [image - gaussian(image, WIDE) for image in (one, other)]
    whole = agreement_by_band(narrow[0], narrow[1], pixel_size, [Band(1e6, 0.1)])
    return [*bands.correlation, whole.correlation[0], bands.slope[-1]]


def disks(image: Pixels, centers: Values, radius: float) -> Iterator[Pixels]:
    """Yield the pixels of each circle."""
    rows, columns = np.ogrid[: image.shape[0], : image.shape[1]]
    for row, column in centers:
        yield image[(rows - row) ** 2 + (columns - column) ** 2 <= radius**2]


def sampled(output: Pixels, regions: Regions) -> Values:
    """Return ``(n, 3)``: means over particles, means and mean squares over places without one."""
    particles = [disk.mean() for disk in disks(output, regions.particles, regions.radii[0])]
    background = [
        (disk.mean(), np.square(disk).mean()) for disk in disks(output, regions.background, regions.radii[1])
    ]
    return np.column_stack([particles, background]).astype(np.float64)


def contrast(samples: Values) -> float:
    """Return 10·log10((µs − µb)² / vb), dB, of ``(views, n, 3)`` samples (DRACO, eq. 11)."""
    particle, mean, square = np.moveaxis(samples, -1, 0)
    noise = (square.mean(axis=1) - mean.mean(axis=1) ** 2).mean()
    return float(10 * np.log10((particle - mean).mean() ** 2 / noise))


def margin(samples: Values, usual: Values) -> tuple[float, float]:
    """Return by how much contrast is above the usual low-pass's, dB, and its jackknife error over regions."""
    count = samples.shape[1]
    without = [np.delete(np.arange(count), index) for index in range(count)]
    found = np.array([contrast(samples[:, kept]) - contrast(usual[:, kept]) for kept in without])
    error = np.sqrt((count - 1) * found.var())
    return contrast(samples) - contrast(usual), float(error)


class Rows:
    """What is measured of every method, view after view."""

    def __init__(self) -> None:
        self.agreement: dict[str, list[list[float]]] = {}
        self.samples: dict[str, list[Values]] = {}

    def add(self, name: str, denoise: Denoise, data: Data) -> None:
        """Measure a method on what is to be judged."""
        for view in data.judged:
            output = denoise(view.noisy)
            self.agreement.setdefault(name, []).extend(agreement(output, view, data))
            if view.regions:
                self.samples.setdefault(name, []).append(sampled(output, view.regions))

    def cells(self) -> Mapping[str, list[str]]:
        """Return mean and standard error over blocks or frames, and the margin of contrast, by method."""
        table = {}
        for name, values in self.agreement.items():
            mean, error = np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / len(values) ** 0.5
            table[name] = [f"{m:.4f} ±{e:.4f}" for m, e in zip(mean, error, strict=True)]
            if self.samples:
                usual = np.array(self.samples[USUAL])
                table[name].append("{:+.1f} ±{:.1f}".format(*margin(np.array(self.samples[name]), usual)))
        return table


def show(title: str, heads: Sequence[str], rows: Mapping[str, Iterable[str]]) -> None:
    """Print one table in Markdown."""
    print(f"\n| {title} | " + " | ".join(heads) + " |\n|---" + "|---" * len(heads) + "|")
    for name, cells in rows.items():
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
