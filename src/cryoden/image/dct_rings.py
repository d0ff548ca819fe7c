"""Images compared by spatial frequency, ring by ring, on the device they lie on.

A patch is transformed by cosines, which continue it by its mirror image at every border. The
transform keeps sums of squares, so the loss of any radial filter follows from three sums a
ring and no filter has to be applied.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite, pi, sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cryoden.image.correlation import normalized
from cryoden.image.fourier_rings import ring_index
from cryoden.image.spectra import Band, RadialProfile, resolution
from cryoden.micrograph import Array

SIGMAS = np.geomspace(0.5, 64, 57)  # px; an eighth of an octave apart


class Rings:
    """Rings of spatial frequency in a square patch, each one period over its edge wide.

    Parameters
    ----------
    edge : int
        Edge of a patch in px.
    """

    def __init__(self, edge: int) -> None:
        half_periods = np.arange(edge)
        self.index = ring_index(half_periods, half_periods, 1 / 2)
        self.counts = np.bincount(self.index)
        self.frequencies = np.arange(len(self.counts)) / edge
        waves = torch.cos(torch.arange(edge)[:, None].double() * (torch.arange(edge) + 0.5) * pi / edge)
        waves[0] *= sqrt(0.5)
        self._waves = (waves * sqrt(2 / edge)).float()

    def transform(self, images: Tensor) -> NDArray[np.float32]:
        """Return the ``(b, p * p)`` cosine transforms (DCT-II, orthonormal) of ``(b, 1, p, p)`` images."""
        self._waves = self._waves.to(images.device)
        transformed = self._waves @ images[:, 0] @ self._waves.T
        coefficients: NDArray[np.float32] = transformed.flatten(1).cpu().numpy()
        return coefficients

    def summed(self, products: NDArray[np.float32]) -> Array:
        """Return the sums over the rings of ``(b, p * p)`` products."""
        sums: Array = np.bincount(self.index, products.sum(axis=0, dtype=np.float64)).astype(np.float64)
        return sums

    def compare(self, pairs: Iterable[tuple[Tensor, Tensor]]) -> RingStatistics:
        """Return what ``(b, 1, p, p)`` images have and share, summed over all pairs."""
        sums, patches = np.zeros((3, len(self.counts))), 0
        for pair in pairs:
            one, other = map(self.transform, pair)
            with np.errstate(over="ignore", invalid="ignore"):  # a diverged network's output
                sums += [self.summed(a * b) for a, b in ((one, one), (other, other), (one, other))]
            patches += len(one)
        return RingStatistics(self.frequencies, self.counts * patches, *sums)


@dataclass(frozen=True)
class RingStatistics:
    """Two sets of images by spatial frequency: power of each and what they share.

    Parameters
    ----------
    frequencies : ndarray
        ``(n,)`` in cycles per px.
    counts : ndarray
        ``(n,)`` independent coefficients in each ring.
    noisy, target, shared : ndarray
        ``(n,)`` sums over the coefficients of a ring: squares, squares, products.
    """

    frequencies: Array
    counts: NDArray[np.intp]
    noisy: Array
    target: Array
    shared: Array

    def __add__(self, other: RingStatistics) -> RingStatistics:
        """Return those of both sets of images."""
        names = ("counts", "noisy", "target", "shared")
        return RingStatistics(
            self.frequencies, *(getattr(self, name) + getattr(other, name) for name in names)
        )

    @property
    def correlation(self) -> Array:
        """Correlation in each ring; 0 where one is empty."""
        return normalized(self.shared, self.noisy, self.target)

    @property
    def error(self) -> float:
        """Standard error of the mean product of the two, were they independent."""
        return sqrt((self.noisy * self.target / self.counts).sum()) / float(self.counts.sum())

    def loss(self, gains: Array | float) -> float:
        """Return the mean squared difference of filtered noisy and target."""
        sums = self.target - 2 * gains * self.shared + gains**2 * self.noisy
        return float(sums.sum() / self.counts.sum())

    def power(self, gains: Array) -> float:
        """Return the mean square of filtered noisy."""
        return float((gains**2 * self.noisy).sum() / self.counts.sum())

    def wiener(self) -> Array:
        """Return the gains with the least loss."""
        return np.divide(self.shared, self.noisy, out=np.zeros_like(self.shared), where=self.noisy > 0)

    def best_sigma(self) -> float:
        """Return the standard deviation in px of the Gaussian low-pass with the least loss."""
        return min(map(float, SIGMAS), key=lambda sigma: self.loss(gaussian(self.frequencies, sigma)))

    def in_band(self, band: Band, gains: Array | float = 1.0) -> float | None:
        """Return the correlation of filtered noisy and target over a band, each ring weighed by its power.

        Parameters
        ----------
        band : Band
            In px.
        gains : ndarray or float
            ``(n,)`` of the filter.

        Returns
        -------
        float or None
            0 where one of them is empty there; ``None`` where no ring lies in the band, or for what is
            beyond all numbers.
        """
        rings = self._within(band)
        if not rings.any():
            return None
        with np.errstate(over="ignore", invalid="ignore"):  # a diverged network's output
            sums = [each[rings].sum() for each in (gains * self.shared, gains**2 * self.noisy, self.target)]
            found = float(normalized(*map(np.atleast_1d, sums))[0])
        return found if all(map(isfinite, sums)) else None

    def error_in_band(self, band: Band) -> float:
        """Return the standard error of `in_band`, were the two independent, for a band with rings in it."""
        rings = self._within(band)
        noisy, target = self.noisy[rings], self.target[rings]
        scale = sqrt(noisy.sum() * target.sum())
        return sqrt((noisy * target / self.counts[rings]).sum()) / scale if scale > 0 else 1.0

    def mean_correlation(self) -> float:
        """Return the mean over all rings up to Nyquist, but for the one of the patches' means."""
        return float(self.correlation[self._up_to_nyquist].mean())

    def finest(self) -> float:
        """Return the correlation over the finest quarter of the frequencies up to Nyquist."""
        ring = self._up_to_nyquist & (self.frequencies > 0.375)
        scale = sqrt(self.noisy[ring].sum() * self.target[ring].sum())
        return float(self.shared[ring].sum() / scale) if scale > 0 else 0.0

    def resolution(self) -> float | None:
        """Return the period in px at which the correlation first falls below 1/7."""
        rings = self._up_to_nyquist
        twice = 2 * self.counts[rings].astype(np.float64)  # of Fourier coefficients half are independent
        return resolution(RadialProfile(self.frequencies[rings], self.correlation[rings], twice))

    def _within(self, band: Band) -> NDArray[np.bool_]:
        inside = (self.frequencies >= 1 / band.coarse) & (self.frequencies < 1 / band.fine)
        return inside & self._up_to_nyquist

    @property
    def _up_to_nyquist(self) -> NDArray[np.bool_]:
        return (self.frequencies > 0) & (self.frequencies <= 0.5)


def gaussian(frequencies: Array, sigma: float) -> Array:
    """Return the gains of a Gaussian low-pass of standard deviation ``sigma`` in px."""
    return np.asarray(np.exp(-2 * (pi * sigma * frequencies) ** 2))
