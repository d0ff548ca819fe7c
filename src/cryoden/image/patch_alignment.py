"""Whether the two patches of a pair lie on each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cryoden.image.phase_correlation import phase_correlation
from cryoden.micrograph import Pixels

BANDS = (0.5, 0.125)  # upper ends in cycles per px; the scene is seen best in one of them
QUARTILE = 0.6745  # of normal deviates, half are smaller
FAR = 32  # px a pair may be shifted by, at most, to be noticed
SEEN = 7.0  # standard deviations of the map; chance reaches 5.5 among 65 × 65 shifts
CLEARLY = 3.0  # by so many more is a peak higher than that of no shift


@dataclass(frozen=True)
class Alignment:
    """Where a noisy patch lies on its target.

    Parameters
    ----------
    down, right : int
        By how many px the noisy patch is moved against the target; 0 where that is not clear.
    seen : bool
        Whether the two show one scene at all; a patch of ice alone may be too faint.
    """

    down: int
    right: int
    seen: bool

    @property
    def shifted(self) -> bool:
        """Whether one of the two has to be moved."""
        return (self.down, self.right) != (0, 0)


def alignment(noisy: Pixels, target: Pixels) -> Alignment:
    """Compare two ``(p, p)`` patches that are not constant; shifts up to 32 px are noticed."""
    reach = min(FAR, target.shape[0] // 4)
    maps = [_near(noisy, target, band, reach) for band in BANDS]
    clear = [found for found in maps if found.max() >= SEEN]
    if not clear:
        return Alignment(0, 0, False)
    found = max(clear, key=lambda one: float(one.max() - one[reach, reach]))
    down, right = divmod(int(found.argmax()), found.shape[1])
    if found.max() - found[reach, reach] < CLEARLY:
        return Alignment(0, 0, True)
    return Alignment(down - reach, right - reach, True)


def _near(noisy: Pixels, target: Pixels, band: float, reach: int) -> Pixels:
    """Return the agreement for each shift up to ``reach``, in standard deviations of chance."""
    whole = phase_correlation(noisy - noisy.mean(), target - target.mean(), band)
    near = np.roll(whole, (reach, reach), (0, 1))[: 2 * reach + 1, : 2 * reach + 1]
    spread = float(np.median(np.abs(near))) / QUARTILE  # of which a peak is no part
    return np.asarray(near / max(spread, 1e-30), np.float32)
