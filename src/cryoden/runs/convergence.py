"""How a loss curve behaves, by rules that are stated: smooth, stable, still improving, diverged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_STEPS = 10  # that a curve needs to be assessed
WINDOWS = 50  # parts a curve is cut into
RISE = 0.05  # of what has been gained so far: a part's mean may lie this much above the lowest before it
SCATTER = 0.5  # of the mean: standard deviation of the steps in the last tenth
GOING_ON = 0.02  # of the mean: what the last tenth gains over the tenth before
RUN_AWAY = 2.0  # times the first part's mean


@dataclass(frozen=True)
class Convergence:
    """How a run converged.

    Parameters
    ----------
    first, last : float
        Mean loss of the first and of the last fiftieth of the steps.
    smooth : bool
        No part's mean lies above the lowest before it by more than a twentieth of what was gained
        by then.
    stable : bool
        In the last tenth steps scatter by less than half their mean.
    improving : bool
        The last tenth is lower than the tenth before by more than 2 %.
    diverged : bool
        A loss is not finite, or the last part is twice the first.
    rise, scatter, gain : float
        The figures the rules are about, as shares.
    """

    first: float
    last: float
    smooth: bool
    stable: bool
    improving: bool
    diverged: bool
    rise: float
    scatter: float
    gain: float

    @property
    def factor(self) -> float:
        """How many times lower the end is than the beginning."""
        return self.first / self.last if self.last > 0 else math.inf

    def words(self) -> str:
        """Return the assessment in words, each with its number."""
        if self.diverged:
            return "diverged"
        smooth = (
            f"{'smooth' if self.smooth else 'not smooth'} (largest rise {self.rise:.1%} of the improvement)"
        )
        stable = f"{'stable' if self.stable else 'unstable'} from step to step (scatter {self.scatter:.0%})"
        going = "still improving" if self.improving else "no longer improving"
        return f"{smooth}, {stable}, {going} ({self.gain:+z.1%} in the last tenth of the steps)"


def assess_convergence(losses: Sequence[float] | NDArray[np.float64]) -> Convergence:
    """Assess the losses of all steps of a run, at least two."""
    curve = np.asarray(losses, dtype=np.float64)
    if not np.isfinite(curve).all():
        return Convergence(float(curve[0]), math.nan, False, False, False, True, math.nan, math.nan, math.nan)
    parts = [float(part.mean()) for part in np.array_split(curve, min(WINDOWS, len(curve)))]
    first, last = parts[0], parts[-1]
    tenth = max(1, len(curve) // 10)
    end, before = curve[-tenth:], curve[-2 * tenth : -tenth]
    scatter = float(end.std() / end.mean()) if end.mean() else 0.0
    gain = float(1 - end.mean() / before.mean()) if before.size and before.mean() else 0.0
    rise = _highest_rise(parts)
    diverged = last > RUN_AWAY * first
    return Convergence(
        first, last, rise <= RISE, scatter < SCATTER, gain > GOING_ON, diverged, rise, scatter, gain
    )


def _highest_rise(parts: Sequence[float]) -> float:
    """Return the highest rise above the lowest part so far, as a share of what was gained by then."""
    lowest, worst = parts[0], 0.0
    for part in parts[1:]:
        gained = parts[0] - lowest
        if part > lowest:
            worst = max(worst, (part - lowest) / gained if gained > 0 else (part - lowest) / parts[0])
        lowest = min(lowest, part)
    return worst
