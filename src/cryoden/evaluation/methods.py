"""What is compared: nothing done, low-passes, a Wiener filter, models, and files of other programs.

Each method takes the halves of an exposure, z-scored, and gives both denoised on the same scale.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cryoden.denoising.denoise import Denoiser, finished, tiles
from cryoden.evaluation.exposures import Exposure
from cryoden.evaluation.scores import Kind
from cryoden.events.batch import TileFinished
from cryoden.events.quality import Coverage
from cryoden.image import filters
from cryoden.image.block_mean import block_mean
from cryoden.image.correlation import covariances
from cryoden.micrograph import Micrograph, Pixels

Work = Generator[TileFinished, None, tuple[Pixels, Pixels]]
Function = Callable[[Pixels], Pixels]
WAVELENGTHS = (5.0, 7.0, 10.0, 14.0, 20.0, 25.0, 30.0, 40.0)
BLOCK = 32  # px
PLAUSIBLE = (0.5, 2.0)  # of a denoised signal, on the scale of the raw halves


class Method(Protocol):
    """Anything that denoises, under a name of its own."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def kind(self) -> Kind:
        """What it is."""

    def denoise(self, exposure: Exposure) -> Work:
        """Return both halves denoised, ``(h, w)`` float32, yielding tiles on the way."""

    def function(self, exposure: Exposure) -> Function | None:
        """Return what denoises any image like the exposure's, ``None`` where only files are known."""


@dataclass(frozen=True)
class Raw:
    """The raw input, no denoising."""

    name: str = "raw"
    kind: Kind = "raw"

    def denoise(self, exposure: Exposure) -> Work:
        """Return the halves as they are."""
        yield TileFinished(1, 1)
        return exposure.even, exposure.odd

    def function(self, exposure: Exposure) -> None:
        """Return nothing: there is nothing to test about the raw input."""


@dataclass(frozen=True)
class LowPass:
    """A Gaussian low-pass; ``wavelength`` in Å, or in px where the pixel size is unknown."""

    wavelength: float
    unit: str = "Å"
    kind: Kind = "low-pass"

    @property
    def name(self) -> str:
        """The wavelength it lets half through."""
        return f"low-pass {self.wavelength:g} {self.unit}"

    def denoise(self, exposure: Exposure) -> Work:
        """Return both halves smoothed."""
        return _by(self.function(exposure), exposure)

    def function(self, exposure: Exposure) -> Function:
        """Return the filter."""
        return lambda image: filters.low_passed(image, exposure.pixel_size, self.wavelength)


@dataclass(frozen=True)
class Wiener:
    """The best radial filter, read off the two halves themselves."""

    name: str = "Wiener"
    kind: Kind = "wiener"

    def denoise(self, exposure: Exposure) -> Work:
        """Return both halves filtered."""
        return _by(self.function(exposure), exposure)

    def function(self, exposure: Exposure) -> Function:
        """Return the filter fitted to the exposure."""
        return filters.wiener([(exposure.even, exposure.odd)], exposure.pixel_size).apply


@dataclass(frozen=True, eq=False)
class Trained:
    """A model of this program."""

    name: str
    denoiser: Denoiser
    kind: Kind = "model"

    def denoise(self, exposure: Exposure) -> Work:
        """Return both halves denoised, tile by tile."""
        even = (yield from tiles(self.denoiser.denoise(_micrograph(exposure.even, exposure)))).micrograph
        odd = (yield from tiles(self.denoiser.denoise(_micrograph(exposure.odd, exposure)))).micrograph
        return even.data, odd.data

    def coverage(self, exposure: Exposure) -> Coverage | None:
        """Return how far the model's training covers the even half, where that is known."""
        return self.denoiser.coverage(_micrograph(exposure.even, exposure))

    def function(self, exposure: Exposure) -> Function:
        """Return the model as a function."""

        def denoised(image: Pixels) -> Pixels:
            return finished(self.denoiser.denoise(_micrograph(image, exposure))).micrograph.data

        return denoised


@dataclass(frozen=True)
class Other:
    """Files another program has denoised."""

    name: str
    kind: Kind = "other"

    def denoise(self, exposure: Exposure) -> Work:
        """Return what the files hold, brought to the raw halves' scale where it is far off."""
        yield TileFinished(1, 1)
        even, odd = exposure.others[self.name]
        scale = signal_scale(exposure, even, odd)
        return even * scale, odd * scale

    def function(self, exposure: Exposure) -> None:
        """Return nothing: the program is not here."""


def signal_scale(exposure: Exposure, even: Pixels, odd: Pixels) -> np.float32:
    """Return by what to multiply denoised halves so that coarse structure is as strong as in the raw ones.

    Programs may write any gray scale, and covariances need the input's. What is coarser than
    `BLOCK` px is nearly all signal, which hardly any denoiser weakens, so its strength gives the
    scale. Left at 1 while that is within a factor of two, as in the input's own scale.
    """
    raw, done = (
        [block_mean(half, BLOCK) for half in pair] for pair in ((exposure.even, exposure.odd), (even, odd))
    )
    of = covariances([*raw, *done])
    signal, held = of[0, 1], (of[2, 1] + of[3, 0]) / 2
    low, high = PLAUSIBLE
    return np.float32(1.0 if held <= 0 or low * signal <= held <= high * signal else signal / held)


def _by(function: Function, exposure: Exposure) -> Work:
    even = function(exposure.even)
    yield TileFinished(1, 2)
    return even, function(exposure.odd)


def _micrograph(image: Pixels, exposure: Exposure) -> Micrograph:
    return Micrograph(image, exposure.pixel_size if exposure.unit == "Å" else None, exposure.name)
