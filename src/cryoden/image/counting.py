"""Whether pixels are electron counts, each with Poisson noise of its own.

The variance of the noise is taken from third differences in both directions, which hold the
corner of the spectrum, where the scene has least: there 1.00 was found where scene and noise
together had 1.03. Third moment and correlations are those of pixels less the mean of the 5 × 5
around them. All are measured in blocks of 64 × 64 pixels and the median over the blocks counts,
so that hot pixels, edges of carbon and particles are outvoted.

Why these limits: thinning leaves the halves of noise with variance ÷ mean = F the correlation
(F − 1) / (F + 1), and of noise whose neighbors correlate by r the correlation r / 2 between
neighbors. The scene adds to both, 0.014 to r in a K2 micrograph of 0.85 Å/px, up to 0.065 to r
and 0.07 to F in simulated ones of 3 Å/px, so tighter limits would refuse counts. Counts moved by a
tenth of a pixel have r = 0.10, a micrograph of an integrating Falcon 0.43.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cryoden.image.block_mean import block_mean, blocks
from cryoden.micrograph import Array, Windowed

LEAST_FANO, MOST_FANO = 0.97, 1.10  # below 1 only by missed electrons, above also by the scene
CORRELATION_LIMIT = 0.08
THIRD_LIMIT = 0.25  # 0.15 in the K2 micrograph; Gaussian noise is 1 away
EXACT = 0.01  # counts from a whole number; float32 is far closer
BLOCK = 64
LEAST_BLOCKS = 49  # 512 × 512 px know variance ÷ mean to 0.008
SIDE = 5
AREA = SIDE**2
LAGS = ((0, 1), (1, 0), (1, 1))
CENTER = 1024


@dataclass(frozen=True)
class CountingEvidence:
    """What speaks for or against independent Poisson counts.

    Parameters
    ----------
    gain : float
        Gray values of one count: the step of the gray values where they have one, else the
        variance ÷ mean of the noise.
    exact : bool
        Whether every pixel is a whole number of counts. Where it is not, such as after a gain
        correction pixel by pixel, the figures are those of the nearest whole numbers.
    lowest : float
        The lowest pixel, in counts.
    mean : float
        Counts per pixel.
    fano : float
        Variance ÷ mean of the noise in counts, 1 for Poisson.
    third : float
        Third central moment × mean ÷ variance², 1 for Poisson whatever the gain, 0 for
        Gaussian noise.
    correlations : tuple of float
        Of the noise with that 1 px to the right, 1 px below, and both; a tenth of it is lost
        to the mean that was taken off.
    blocks : int
        Blocks of 64 × 64 px with counts in them.
    """

    gain: float
    exact: bool
    lowest: float
    mean: float
    fano: float
    third: float
    correlations: tuple[float, ...]
    blocks: int

    @property
    def summary(self) -> str:
        """The figures as one sentence."""
        kind = "exact counts" if self.exact else "counts to the nearest whole number"
        r = max(self.correlations, key=abs, default=0.0)
        return (
            f"{kind}, gain {self.gain:.5g}, {self.mean:.3g} per pixel; noise: variance ÷ mean "
            f"{self.fano:.3f}, third moment {self.third:z.2f}, correlation of neighbors {r:+z.3f}"
        )

    @property
    def problem(self) -> str:
        """What the pixels lack to be counts, with the figure and its limit; empty for counts."""
        if self.lowest < 0:
            return f"the lowest pixel is {self.lowest * self.gain:.4g}, and counts are never negative"
        if self.blocks < LEAST_BLOCKS:
            return f"{self.blocks} blocks of 64 × 64 px have contrast, {LEAST_BLOCKS} needed"
        lag, r = max(zip(LAGS, self.correlations, strict=True), key=lambda found: abs(found[1]))
        if abs(r) > CORRELATION_LIMIT:
            where = "{} px down and {} px right".format(*lag)
            return f"noise correlates with that {where}: r = {r:z.3f} (limit ±{CORRELATION_LIMIT})"
        if not LEAST_FANO <= self.fano <= MOST_FANO:
            limits = f"{LEAST_FANO} to {MOST_FANO:.2f}"
            return f"variance ÷ mean of the noise is {self.fano:.3f} (expected 1, limits {limits})"
        if not self.exact and abs(self.third - 1) > THIRD_LIMIT:
            what = "third moment × mean ÷ variance² of the noise is"
            return f"{what} {self.third:z.2f} (expected 1 ± {THIRD_LIMIT})"
        return ""


def count_test(micrograph: Windowed) -> CountingEvidence:
    """Measure whether a micrograph holds electron counts.

    Gray values that are whole multiples of one step are tried as counts first. Where their
    variance ÷ mean is not 1, that ratio is taken as the gain, which it is for Poisson counts
    times a constant (photon transfer: Janesick, 2007). No gain can bring the third moment to
    that of a Poisson variable, so then this is the evidence.

    Parameters
    ----------
    micrograph : Windowed
        An open file or a micrograph in memory; read in bands of 68 rows.

    Returns
    -------
    CountingEvidence
        ``problem`` is empty when the pixels can be thinned.

    Raises
    ------
    MicrographError
        When the file cannot be read.
    """
    evidence = _measured(micrograph, _step(micrograph))
    if evidence.lowest < 0 or evidence.fano == 0 or LEAST_FANO <= evidence.fano <= MOST_FANO:
        return evidence
    return _measured(micrograph, evidence.gain * evidence.fano)


def _step(micrograph: Windowed) -> float:
    """Return the least difference between gray values in the center, 1 where there is none."""
    height, width = (min(CENTER, side) for side in micrograph.shape)
    top, left = (micrograph.shape[0] - height) // 2, (micrograph.shape[1] - width) // 2
    values = np.unique(micrograph.window(top, left, height, width).astype(np.float64))
    if values.size < 2:
        return 1.0
    span = float(values[-1] - values[0])
    return span / round(span / float(np.diff(values).min()))


def _measured(micrograph: Windowed, gain: float) -> CountingEvidence:
    figures, lowest, off = [], np.inf, 0.0
    for band in _bands(micrograph):
        scaled = band / gain
        counts = np.rint(scaled)
        lowest = min(lowest, float(scaled.min()))
        off = max(off, float(np.abs(scaled - counts).max()))
        figures.append(_figures(counts))
    of_blocks = np.concatenate(figures)
    mean, finest, second, third, *lagged = of_blocks[(of_blocks[:, :3] > 0).all(axis=1)].T
    ratios = (mean, finest / mean, third * mean / second**2, *(product / second for product in lagged))
    typical, fano, skew, *found = (float(np.median(ratio)) if mean.size else 0.0 for ratio in ratios)
    return CountingEvidence(gain, off <= EXACT, lowest, typical, fano, skew, tuple(found), mean.size)


def _bands(micrograph: Windowed) -> Iterator[Array]:
    """Yield rows of blocks with the margin their neighborhoods need; the last may hold none."""
    height, width = micrograph.shape
    for top in range(0, height, BLOCK):
        rows = min(BLOCK + SIDE - 1, height - top)
        yield micrograph.window(top, 0, rows, width).astype(np.float64)


def _figures(counts: Array) -> Array:
    """Return ``(blocks, 7)``: mean, variance at the finest, then moments 2, 3 and lagged products."""
    if counts.shape[0] < BLOCK + SIDE - 1:
        return np.empty((0, 4 + len(LAGS)))
    margin = SIDE // 2
    inner = counts[margin:-margin, margin:-margin]
    finest = np.diff(np.diff(counts[:-1, :-1], 3, axis=0), 3, axis=1) / 20  # 1² + 3² + 3² + 1²
    (noise,) = blocks(inner - _box_means(counts), BLOCK)
    second = (noise**2).mean((1, 2)) / (1 - 1 / AREA)
    third = (noise**3).mean((1, 2)) / ((1 - 1 / AREA) ** 3 - (AREA - 1) / AREA**3)
    lagged = [_lagged(noise, *lag) - second * _made_by_box(*lag) for lag in LAGS]
    means = block_mean(inner, BLOCK)[0], block_mean(finest**2, BLOCK)[0]
    return np.column_stack([*means, second, third, *lagged])


def _box_means(pixels: Array) -> Array:
    """Return the mean of the 5 × 5 pixels around each pixel that has all of them."""
    sums = np.pad(pixels, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    boxes: Array = sums[SIDE:, SIDE:] - sums[:-SIDE, SIDE:] - sums[SIDE:, :-SIDE] + sums[:-SIDE, :-SIDE]
    return boxes / AREA


def _lagged(noise: Array, down: int, right: int) -> Array:
    first, second = noise[:, : BLOCK - down, : BLOCK - right], noise[:, down:, right:]
    mean: Array = (first * second).mean((1, 2))
    return mean


def _made_by_box(down: int, right: int) -> float:
    """Return what taking off the box means makes of white noise of variance 1 at this lag."""
    return (SIDE - down) * (SIDE - right) / AREA**2 - 2 / AREA
