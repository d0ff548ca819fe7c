"""Judging a network on held-out pixels, beside what needs no network at all."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from cryoden.compute.devices import reproducible
from cryoden.events.quality import BandReferences, HeldOutQuality, References
from cryoden.events.training import Mode
from cryoden.image.dct_rings import Rings, RingStatistics, gaussian
from cryoden.image.spectra import Band
from cryoden.micrograph import Array
from cryoden.model.place import Place
from cryoden.sampling.source import Batch
from cryoden.training.in_parts import predicted

FALLEN_POWER = 0.1  # of the linear filter's output power
LEAST_POWER = 1e-6  # of the target's: below this even the best linear filter finds nothing


@dataclass(frozen=True)
class Score:
    """How an output compares with its target.

    Mean squared error in the target's units, Pearson correlation, whether the output has
    become (nearly) constant, far below the linear filter's, and what else needs no truth.
    """

    loss: float
    correlation: float
    collapsed: bool
    quality: HeldOutQuality


class Moments:
    """Sums over many pixels of several images, from which means and covariances follow."""

    def __init__(self, images: int) -> None:
        self.count = 0
        self.sums = torch.zeros(images, dtype=torch.float64)
        self.products = torch.zeros(images, images, dtype=torch.float64)

    def add(self, *images: Tensor) -> None:
        """Add the same pixels of each image."""
        rows = torch.stack([image.flatten().cpu().double() for image in images])  # Apple GPUs have no float64
        self.count += rows.shape[1]
        self.sums += rows.sum(dim=1)
        self.products += rows @ rows.T

    def covariance(self, one: int, other: int) -> float:
        """Return the covariance of two of the images; of one with itself, its variance."""
        means = self.sums / self.count
        return float(self.products[one, other] / self.count - means[one] * means[other])

    def correlation(self, one: int, other: int) -> float:
        """Return Pearson's r of two of the images, 0 where one is constant."""
        spread = math.sqrt(max(0.0, self.covariance(one, one)) * max(0.0, self.covariance(other, other)))
        return self.covariance(one, other) / spread if spread > 0 else 0.0

    def loss(self, one: int, other: int) -> float:
        """Return the mean squared difference of two of the images."""
        of = self.products
        return float(of[one, one] - 2 * of[one, other] + of[other, other]) / self.count


OUTPUT, TARGET, NOISY, PARTNER = range(4)  # PARTNER: the output for the target


class HeldOutPatches(Protocol):
    """Held-out patches, however they are had."""

    @property
    def edge(self) -> int:
        """Edge of a patch in px."""

    def grid(self) -> Iterator[Batch]:
        """Yield every held-out patch once, the same in each call."""


class HeldOutSet:
    """The held-out patches of one run, and what they say without a network.

    Under Noise2Noise both halves of a patch are denoised, and each is compared with the other.

    Parameters
    ----------
    source : HeldOutPatches
        Of the held-out regions.
    mode : {"noise2noise", "supervised"}
        Whether noisy and target are halves.
    place : Place
        Where to compute.
    learned : Batch
        Training patches, to fit the filters to.
    pixel_size : float or None
        Of the patches, in Å/px.
    particles : Band or None
        The band in which a denoised half is compared with the other raw half, in px of the patches.

    Attributes
    ----------
    references : References
        What is reached without a network.
    course : list of tuple of float
        Loss and band figure after each batch of patches of the last whole validation.
    """

    def __init__(
        self,
        source: HeldOutPatches,
        mode: Mode,
        place: Place,
        learned: Batch,
        pixel_size: float | None,
        particles: Band | None = None,
    ) -> None:
        self.source, self.mode, self.place, self._particles = source, mode, place, particles
        self._length = pixel_size or 1.0
        self._rings = Rings(source.edge)
        self.course: list[tuple[float, float]] = []  # loss and band figure after each batch of patches
        # What a constant can know. Halves are z-scored: theirs is 0.
        self._mean = float(learned.target.mean()) if mode == "supervised" else 0.0
        known = self._rings.compare([self._about_mean(*self._pair(learned))])
        gains, sigma = known.wiener(), known.best_sigma()
        moments, raw = self._measured(nn.Identity())
        self._least_power = FALLEN_POWER * max(raw.power(gains), LEAST_POWER)
        constant = raw.loss(0.0)
        # What the halves share is the signal; the rest of the target's power cannot be predicted.
        floor = constant - float(raw.shared.sum() / raw.counts.sum())
        self.references = References(
            identity=raw.loss(1.0),
            constant=constant,
            gaussian=raw.loss(gaussian(raw.frequencies, sigma)),
            sigma=sigma * self._length,
            linear=raw.loss(gains),
            floor=floor if mode == "noise2noise" else None,
            error=raw.error,
            r_half=moments.correlation(NOISY, TARGET),
            fine=raw.finest(),
            frc=raw.mean_correlation(),
            resolution=self._resolution(raw),
            band=self._band_references(raw, gaussian(raw.frequencies, sigma), gains),
        )

    def judge(self, network: nn.Module, seconds: float = math.inf) -> Score:
        """Return the score of a network's output.

        After so many seconds the rest of the patches is left out; loss and band figure are then those of
        the last whole validation, moved by how much the patches that were seen have moved since.
        """
        before = self.course
        moments, compared = self._measured(network, time.monotonic() + seconds)
        collapsed = moments.covariance(OUTPUT, OUTPUT) < self._least_power
        seen, (loss, band) = len(self.course), self.course[-1]
        if seen < len(before):
            loss, band = (
                last + now - then
                for last, now, then in zip(before[-1], (loss, band), before[seen - 1], strict=True)
            )
            self.course = before
        if not math.isfinite(loss):
            return Score(loss, 0.0, collapsed, HeldOutQuality(None, None, 0.0, None))
        palovcak, bias = (None, None) if collapsed or self.mode == "supervised" else _palovcak(moments)
        quality = HeldOutQuality(
            palovcak,
            bias,
            compared.mean_correlation(),
            self._resolution(compared),
            band if math.isfinite(band) else None,
        )
        return Score(loss, moments.correlation(OUTPUT, TARGET), collapsed, quality)

    def _measured(self, network: nn.Module, until: float = math.inf) -> tuple[Moments, RingStatistics]:
        moments, compared = Moments(4), self._rings.compare(())
        self.course = []
        for noisy, target in map(self._pair, self.source.grid()):
            with torch.no_grad(), reproducible():
                output = predicted(network, self.place, noisy)
            moments.add(output, target, noisy, output.roll(len(output) // 2, 0))
            compared += self._rings.compare([self._about_mean(output, target)])
            self.course.append((moments.loss(OUTPUT, TARGET), self._band(compared)))
            if time.monotonic() > until:
                break
        return moments, compared

    def _band(self, compared: RingStatistics, gains: Array | float = 1.0) -> float:
        """Return the correlation of filtered outputs and targets in the particle band, NaN for none."""
        found = compared.in_band(self._particles, gains) if self._particles else None
        return math.nan if found is None else found

    def _band_references(self, raw: RingStatistics, *filters: Array) -> BandReferences | None:
        smooth, best = filters
        reached = self._band(raw), self._band(raw, smooth), self._band(raw, best)
        if self._particles is None or not all(map(math.isfinite, reached)):
            return None
        coarse, fine = (period * self._length for period in self._particles)
        error = raw.error_in_band(self._particles) * math.sqrt(2)  # each patch is there both ways round
        error *= 1 - reached[0] ** 2  # that was of a correlation of 0
        return BandReferences(coarse, fine, *reached, error)

    def _pair(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return ``(b, 1, p, p)`` noisy and target; of halves both ways, ``(2 b, 1, p, p)``."""
        noisy, target = self.place.sent(batch.noisy, batch.target)
        if self.mode == "supervised":
            return noisy, target
        return torch.cat([noisy, target]), torch.cat([target, noisy])

    def _about_mean(self, one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
        return one - self._mean, other - self._mean

    def _resolution(self, compared: RingStatistics) -> float | None:
        periods = compared.resolution()
        return None if periods is None else periods * self._length


def _palovcak(moments: Moments) -> tuple[float | None, float | None]:
    """Return SNR_den / SNR_raw in dB and B/S; Palovcak et al. (2020)."""
    of = moments.covariance
    signal, passed = of(NOISY, TARGET), of(OUTPUT, PARTNER)
    before, after = of(NOISY, NOISY) - signal, of(OUTPUT, OUTPUT) - passed
    gain = 10 * math.log10(before / after) if before > 0 and after > 0 else None
    bias = (passed + signal - 2 * of(OUTPUT, TARGET)) / signal if signal > 0 else None
    return gain, bias
