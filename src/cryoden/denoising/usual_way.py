"""The usual way from a micrograph to a denoised one, in three pieces of work that wait for nothing.

Between them, what the device measured is looked at: the noise and the network's weights follow from the
first piece, the gains of rings from the second. Where a micrograph is not as most are (blank
regions, no contrast, bright particles, noise that cannot be known), there is no result, and
`cryoden.denoising.denoise.Denoiser` goes its longer way, which gives the same for all others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from cryoden.compute import devices
from cryoden.compute.recorded import Recorded, Recorder
from cryoden.denoising import contrast_sign, ice_ring, ring_covariances, ring_gains, signal_ratios
from cryoden.denoising.ring_filter import summed
from cryoden.denoising.tiled_network import TiledNetwork
from cryoden.image.blank_regions import suspect
from cryoden.image.normalization import CLIP, Normalization, bands, is_contrast, robust_on_device, typical
from cryoden.image.resampling import Resampling
from cryoden.kernels.image_passes import gray_scale
from cryoden.kernels.tried_passes import passes
from cryoden.micrograph import Array, Pixels, Statistics
from cryoden.model.conditioning import unknown

SAMPLES = ring_gains.SAMPLES
KINDS = 2
TRIES = 3  # micrographs in a row that are not as most are: what is done in vain costs time


@dataclass(frozen=True)
class Choices:
    """What is asked for, apart from the network."""

    passes_ring: bool
    wants_ratios: bool
    seeks_sign: bool
    inverts: bool


@dataclass(frozen=True)
class Kind:
    """What micrographs have in common for which the work is the same."""

    shape: tuple[int, int]
    scale: float
    pixel_size: float
    ring_known: bool


@dataclass(frozen=True)
class Made:
    """A result, and what is said of it."""

    pixels: Pixels
    known: Array
    clipped: int
    strength: float
    statistics: Statistics | None = None


class UsualWays:
    """The usual way for each kind of micrographs, of which two are kept.

    Parameters
    ----------
    tiled : TiledNetwork
        The network on its device.
    choices : Choices
        What is asked for.
    """

    def __init__(self, tiled: TiledNetwork, choices: Choices) -> None:
        self._recorder = Recorder(tiled.place.device)
        self._way = lru_cache(maxsize=KINDS)(lambda kind: UsualWay(kind, tiled, choices, self._recorder))
        self._left = TRIES

    def made(self, kind: Kind, pixels: Pixels) -> Made | None:
        """Return what `UsualWay.made` does; ``None`` where another way must be gone, or had to be lately."""
        if not self._left or not UsualWay.suits(kind):
            return None
        found = self._way(kind).made(pixels)
        self._left = self._left - 1 if found is None else TRIES
        return found


class UsualWay:
    """The usual way of micrographs of one kind.

    Parameters
    ----------
    kind : Kind
        Of the micrographs; both sides at least 256 px, and 64 working px.
    tiled : TiledNetwork
        The network on its device.
    choices : Choices
        What is asked for.
    recorder : Recorder
        On the same device.
    """

    def __init__(self, kind: Kind, tiled: TiledNetwork, choices: Choices, recorder: Recorder) -> None:
        self.kind, self._tiled, self._choices = kind, tiled, choices
        self._resampling, self._passes = Resampling(*kind.shape, kind.scale), passes(recorder.device)
        self._raw = torch.empty(kind.shape, device=recorder.device)
        self._recorder = recorder
        self._measured, self._denoised = Recorded(self._measure, recorder), Recorded(self._denoise, recorder)
        self._finished = {ring: Recorded(self._finish, recorder) for ring in (False, True)}

    @classmethod
    def suits(cls, kind: Kind) -> bool:
        """Tell whether micrographs of a kind can go it."""
        small = min(Resampling(*kind.shape, kind.scale).shape)
        return min(kind.shape) >= ice_ring.EDGE and small >= ring_gains.LEAST

    def made(self, pixels: Pixels) -> Made | None:
        """Return the result for ``(h, w)`` pixels; ``None`` where another way must be gone.

        Raises
        ------
        TrainingError
            See `cryoden.denoising.tiled_network.TiledNetwork.output`.
        """
        with torch.inference_mode(), self._recorder.current():
            raw = devices.sent(pixels, self._raw.device, self._raw)
            measured = self._measured(raw)
            seen = _Seen.of(devices.later(measured[0])().double().numpy(), self.kind, self._resampling.shape)
            if seen is None:
                return None
            known = seen.known() if self._choices.wants_ratios else unknown()
            denoised = self._denoised(*measured[1:3], self._sent(known))
            told = devices.later(denoised[0])().double().numpy()
            gains = seen.gains(told[2:]) if not told[0] else None
            if gains is None:
                return None
            ring = seen.ring() if self._choices.passes_ring else None
            response = np.concatenate([*gains, ring if ring is not None else []])
            finished = self._finished[ring is not None]
            result, told_of = finished(raw, *measured[3:], measured[1], denoised[1], self._sent(response))
            statistics = devices.later(told_of)
            pixels = devices.fetched(result)
            return Made(pixels, known, seen.clipped, float(told[1]), Statistics(*statistics().tolist()))

    def _sent(self, numbers: Array) -> Tensor:
        return devices.sent(np.asarray(numbers, np.float32), self._raw.device)

    def _measure(self, raw: Tensor) -> tuple[Tensor, ...]:
        """Return what `_Seen.of` looks at, working pixels, their weights, and the gray scale."""
        rows, tops = bands(self.kind.shape, self.kind.scale)
        mean, std = robust_on_device(torch.stack([raw[top : top + rows] for top in tops]))
        gray = Normalization(mean, std)
        scored, clipped = self._scored(raw, gray)
        scored = contrast_sign.turned(scored, gray) if self._choices.inverts else scored
        power, _ = ice_ring.mean_power(scored)
        working = self._resampling.reduce(scored)
        spread = typical(working[None]) if self.kind.scale != 1 else torch.ones_like(mean)
        working = working / spread
        weight = ring_covariances.usual(working)
        found = [*torch.aminmax(raw), suspect(raw[None]), mean, std, clipped, spread]
        parts = [torch.stack([each.double() for each in found]), power.flatten()]
        parts.append(ring_covariances.sums(working[None, None], weight))
        return torch.cat([part.double() for part in parts]), working, weight, mean, std, spread

    def _scored(self, raw: Tensor, gray: Normalization) -> tuple[Tensor, Tensor]:
        """Return pixels on the gray scale, and how many lie at its limits."""
        if self._passes is not None:
            return self._passes.scored(raw, _as_passes_take(gray), CLIP)
        scored = gray.apply(raw)
        return scored, (scored.abs() >= CLIP).sum()

    def _denoise(self, working: Tensor, weight: Tensor, known: Tensor) -> tuple[Tensor, ...]:
        """Return whether the sign is odd, the strength, and what `_Seen.gains` looks at; and the output."""
        self._tiled.take(known)
        output = self._tiled.at_once(working)
        sign = contrast_sign.odd(output) if self._choices.seeks_sign else torch.zeros_like(output[0, 0])
        answer = ring_gains.answered(working, output, self._tiled.at_once, weight)
        both = torch.stack([output, working])[:, None]
        parts = [torch.stack([sign.double(), output.std(correction=0).double()])]
        parts += [ring_covariances.sums(answer), ring_covariances.sums(both, weight)]
        return torch.cat([part.double() for part in parts]), output

    def _finish(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Return the pixels in the micrograph's gray scale, and their `Statistics`."""
        raw, mean, std, spread, working, output, response = given
        gray = Normalization(mean, std)
        weighed = summed((output, working), (response[:SAMPLES], response[SAMPLES : 2 * SAMPLES]))
        signal = self._resampling.enlarge(weighed * spread)
        signal = contrast_sign.turned(signal, gray) if self._choices.inverts else signal
        ring = response[2 * SAMPLES :] if len(response) > 2 * SAMPLES else None
        if self._passes is not None:
            return ice_ring.restored_by(self._passes, signal, raw, _as_passes_take(gray), ring)
        signal = signal if ring is None else ice_ring.restored(signal, raw, gray, ring)
        result = gray.undo(signal)
        variance, mean = torch.var_mean(result.double(), correction=0)
        return result, torch.stack([*(each.double() for each in torch.aminmax(result)), mean, variance])


def _as_passes_take(gray: Normalization) -> Tensor:
    return gray_scale(torch.as_tensor(gray.mean), torch.as_tensor(gray.std))


@dataclass(frozen=True, eq=False)
class _Seen:
    """What was measured on a micrograph."""

    kind: Kind
    shape: tuple[int, int]
    clipped: int
    spread: float
    spectrum: ice_ring.Spectrum
    covariances: ring_covariances.RingCovariances
    undoubted: ring_gains.Floor

    @classmethod
    def of(cls, told: Array, kind: Kind, shape: tuple[int, int]) -> _Seen | None:
        """Return it, where the micrograph is as most are and its noise can be known."""
        least, most, odd, mean, std, clipped, spread = told[:7]
        if not np.isfinite([least, most]).all() or odd or not is_contrast(mean, std):
            return None
        size = ring_covariances.sums_of(1, *shape)
        power = torch.from_numpy(told[7:-size].reshape(ice_ring.EDGE, -1))
        spectrum = ice_ring.Spectrum(lambda: power, ice_ring.blocks_of(kind.shape))
        covariances = ring_covariances.from_sums(told[-size:], (1, 1, *shape))
        noise = ring_gains.floor(spectrum, kind.pixel_size, kind.scale, float(spread), doubt=0.0)
        measured = kind, shape, int(clipped), float(spread), spectrum, covariances
        return None if noise is None else cls(*measured, noise)

    def known(self) -> Array:
        """Return what a network follows."""
        return signal_ratios.above(self.covariances, self.undoubted, self.kind.pixel_size * self.kind.scale)

    def gains(self, told: Array) -> tuple[Array, Array] | None:
        """Return the gains of rings, where there are some, from what the network's output told."""
        size = ring_covariances.sums_of(2, *self.shape)
        answer = ring_covariances.from_sums(told[:-size], ring_gains.answer_shape(self.shape))
        both = ring_covariances.from_sums(told[-size:], (2, 1, *self.shape))
        noise = ring_gains.floor(self.spectrum, self.kind.pixel_size, self.kind.scale, self.spread)
        return None if noise is None else ring_gains.found(both, ring_gains.answer(answer), noise)

    def ring(self) -> Array | None:
        """Return the gains of the ring of ice, where one is seen."""
        return ice_ring.gains(self.spectrum, self.kind.pixel_size) if self.kind.ring_known else None
