"""Judging a network on held-out pixels, beside what needs no network at all."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cryoden.events import Mode, References
from cryoden.optimization import Place
from cryoden.patches import PatchSource

FALLEN_POWER = 0.1  # of the linear filter's output power
LEAST_POWER = 1e-6  # of the target's: below this even the best linear filter finds nothing


@dataclass(frozen=True)
class Score:
    """How an output compares with its target.

    Mean squared error, Pearson correlation, variance of the output, and mean product of output
    and target, all in the target's units.
    """

    loss: float
    correlation: float
    power: float
    product: float

    def has_fallen(self, linear: Score) -> bool:
        """Whether the output has become (nearly) constant, far below the linear filter's."""
        return self.power < FALLEN_POWER * max(linear.power, LEAST_POWER)


class Moments:
    """Sums over many patches from which means, variances and correlations follow."""

    def __init__(self) -> None:
        self.sums = torch.zeros(6, dtype=torch.float64)

    def add(self, output: Tensor, target: Tensor) -> None:
        """Add one patch of output and target."""
        a, b = output.cpu().double(), target.cpu().double()  # Apple GPUs have no float64
        ones = torch.tensor(float(a.numel()), dtype=torch.float64)
        terms = (ones, a.sum(), b.sum(), (a * a).sum(), (b * b).sum(), (a * b).sum())
        self.sums += torch.stack(terms)

    def score(self) -> Score:
        """Return what the sums say."""
        count, a, b, aa, bb, ab = self.sums.tolist()
        variance_a, variance_b = aa / count - (a / count) ** 2, bb / count - (b / count) ** 2
        covariance = ab / count - a * b / count**2
        spread = math.sqrt(max(variance_a, 0.0) * max(variance_b, 0.0))
        correlation = covariance / spread if spread > 0 else 0.0
        return Score((aa - 2 * ab + bb) / count, correlation, variance_a, ab / count)


class Held:
    """The held-out patches of one run."""

    def __init__(self, source: PatchSource) -> None:
        self.source = source

    def judge(self, network: nn.Module, place: Place) -> Score:
        """Return the score of a network's output."""
        moments = Moments()
        for batch in self.source.grid():
            noisy, target = place.tensors(batch)
            with torch.no_grad():
                output = place.predict(network, noisy)
            moments.add(output, target)
        return moments.score()

    def references(self, linear: Score, place: Place, mode: Mode) -> References:
        """Return the losses of doing nothing, of a constant and of the linear filter."""
        nothing = self.judge(nn.Identity(), place)
        constant = self.judge(_Constant(), place)
        # What the halves share is the signal; the rest of the target's power cannot be predicted.
        floor = constant.loss - nothing.product if mode == "noise2noise" else None
        return References(nothing.loss, constant.loss, linear.loss, floor, nothing.correlation)


class _Constant(nn.Module):
    def forward(self, noisy: Tensor) -> Tensor:
        """Return the mean of a z-scored micrograph: zero."""
        return torch.zeros_like(noisy)
