"""How far to believe a denoised micrograph.

What a denoiser makes of images that hold no structure, whether two of its outputs that should agree
do, and whether what it took away looks like noise. ``denoise`` is any plain function from ``(h, w)``
raw pixels to ``(h, w)`` denoised pixels in the same units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from cryoden.image.block_mean import block_mean
from cryoden.image.filters import gaussian
from cryoden.image.normalization import measure
from cryoden.image.spectra import autocorrelation, phase_randomized
from cryoden.micrograph import Array, Micrograph, Pixels

Denoise = Callable[[Pixels], Pixels]

BIN = 16  # px of one point of a map
LOCAL = 150.0  # Å, about a particle: standard deviation of the neighborhood
LITTLE = 0.1  # of the output's power from noise alone; Noise2Noise on simulated halves has 0.08 to 0.10
NOISE = 0.05  # correlation that passes for none; 0.01 in what a low-pass takes from a K2 half
TINY = 1e-30


@dataclass(frozen=True)
class Response:
    """What a denoiser makes of an image without structure.

    Parameters
    ----------
    power : float
        Variance of its output over that of the denoised micrograph; 0 is best.
    given : str
        What it was given, for people.
    """

    power: float
    given: str

    @property
    def words(self) -> str:
        """One sentence for people."""
        said = f"{self.given} gives {_percent(self.power)} of the output power of the micrograph"
        if self.power < LITTLE:
            return f"{said}: little of the output could appear without structure in the input."
        return f"{said}: about that much of the output appears without structure in the input."


def noise_response(denoise: Denoise, image: Pixels, seed: int) -> Response:
    """Denoise white Gaussian noise of the image's mean and standard deviation.

    Parameters
    ----------
    denoise : callable
        See the module.
    image : ndarray
        ``(h, w)`` raw pixels; hot ones are left out of mean and standard deviation.
    seed : int
        Of the noise.
    """
    scale = measure(Micrograph(image, None, "noise"))
    noise = np.random.default_rng(seed).standard_normal(image.shape, np.float32)
    return _response(denoise, scale.undo(noise), image, "White noise")


def phase_response(denoise: Denoise, image: Pixels, pixel_size: float, beyond: float, seed: int) -> Response:
    """Denoise the image with random phases at all frequencies finer than ``beyond``.

    Parameters
    ----------
    denoise, image, seed
        See `noise_response`.
    pixel_size : float
        Å/px.
    beyond : float
        Å; see `cryoden.image.spectra.phase_randomized`.
    """
    scrambled = phase_randomized(image, pixel_size, beyond, seed)
    return _response(denoise, scrambled, image, f"The micrograph with phases randomized beyond {beyond:g} Å")


def _response(denoise: Denoise, empty: Pixels, image: Pixels, given: str) -> Response:
    return Response(_variance(denoise(empty)) / max(_variance(denoise(image)), TINY), given)


@dataclass(frozen=True, eq=False)
class Disagreement:
    """Where two independently denoised halves differ.

    Parameters
    ----------
    map : ndarray
        ``(h // 16, w // 16)``: 0 where they are equal, 1 where they have nothing in common,
        2 where they are opposite.
    """

    map: Pixels

    @property
    def share(self) -> float:
        """Share of the area on which less than half of the structure is common to both."""
        return float((self.map > 0.5).mean())

    @property
    def words(self) -> str:
        """One sentence for people."""
        middle = _percent(float(np.median(self.map)))
        return (
            f"The two denoised halves differ by {middle} of their local contrast; on {_percent(self.share)} "
            "of the area by more than half: do not trust details there."
        )


def disagreement(denoised_even: Pixels, denoised_odd: Pixels, pixel_size: float) -> Disagreement:
    """Map where independently denoised halves disagree.

    Local variance of the difference, over the sum of the local variances, so that faint places
    are assessed like strong ones, and a gentle slope of the ground is no agreement.

    Parameters
    ----------
    denoised_even, denoised_odd : ndarray
        ``(h, w)`` of one shape, at least 16 px a side.
    pixel_size : float
        Å/px; the neighborhood has a standard deviation of 150 Å, at least 16 px.
    """
    sigma = max(1.0, LOCAL / pixel_size / BIN)
    even, odd = (image - np.float32(image.mean(dtype=np.float64)) for image in (denoised_even, denoised_odd))
    difference = _local_variance(even - odd, sigma)
    total = _local_variance(even, sigma) + _local_variance(odd, sigma)
    return Disagreement(difference / np.maximum(total, np.float32(TINY)))


def _local_variance(image: Pixels, sigma: float) -> Pixels:
    means, squares = (
        gaussian(block_mean(values, BIN).astype(np.float32), sigma) for values in (image, image * image)
    )
    return np.maximum(squares - means * means, 0)


@dataclass(frozen=True, eq=False)
class Removed:
    """Whether what denoising took away looks like noise.

    Parameters
    ----------
    map : ndarray
        ``(2 * reach + 1, 2 * reach + 1)`` autocorrelation of raw minus denoised.
    """

    map: Array

    @property
    def largest(self) -> float:
        """Largest correlation, by magnitude, of pixels at any distance."""
        off_center = np.abs(self.map)
        off_center[tuple(side // 2 for side in off_center.shape)] = 0
        return float(off_center.max())

    @property
    def words(self) -> str:
        """One sentence for people."""
        found = f"Neighboring pixels of the residual correlate by at most {self.largest:z.3f}"
        if self.largest < NOISE:
            return f"{found}: it looks like noise."
        return f"{found}: structure was removed, too, unless the camera noise itself is correlated."


def difference_autocorrelation(raw: Pixels, denoised: Pixels, reach: int) -> Removed:
    """Correlate the pixels of raw minus denoised with each other.

    Parameters
    ----------
    raw, denoised : ndarray
        ``(h, w)`` in the same units.
    reach : int
        Largest distance in px.
    """
    return Removed(autocorrelation(raw - denoised, reach))


@dataclass(frozen=True)
class Spread:
    """How far models trained with different seeds differ.

    Parameters
    ----------
    relative : float
        RMS difference of two outputs over the standard deviation of their mean.
    models : int
        How many.
    """

    relative: float
    models: int

    @property
    def words(self) -> str:
        """One sentence for people."""
        return (
            f"{self.models} models trained with different seeds differ by {_percent(self.relative)} of the "
            "contrast of the denoised micrograph: smaller details may be chance."
        )


def spread(denoised: Sequence[Pixels]) -> Spread:
    """Compare outputs of models trained with different seeds.

    Parameters
    ----------
    denoised : sequence of ndarray
        ``(h, w)`` each, at least two, of one raw micrograph.

    Raises
    ------
    ValueError
        For less than two.
    """
    models = len(denoised)
    if models < 2:
        raise ValueError("outputs of at least two models expected")
    mean = np.asarray(sum(denoised) / np.float32(models), np.float32)
    within = sum(_variance(image - mean) for image in denoised) / (models - 1)
    return Spread(sqrt(2 * within / max(_variance(mean), TINY)), models)


def _variance(image: Pixels) -> float:
    return float(image.var(dtype=np.float64))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
