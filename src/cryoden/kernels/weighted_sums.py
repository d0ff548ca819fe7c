"""What resampling is for a GPU: eight results at a time, each a weighted sum of the same few samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

TOGETHER = 8  # results
Part = tuple[int, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class WeightedSums:
    """Weights on a device.

    Parameters
    ----------
    firsts : Tensor
        ``(groups,)`` int32: the first sample of each eight results.
    weights, turned : Tensor
        ``(groups, span, 8)`` for images that are resampled down their columns, and ``(span, 8, groups)``
        along their rows: neighboring threads read what lies side by side.
    results : int
        How many there are in all.
    """

    firsts: Tensor
    weights: Tensor
    turned: Tensor
    results: int

    @property
    def span(self) -> int:
        """Samples that each eight results are made of."""
        return self.turned.shape[0]

    @classmethod
    def of(cls, parts: Sequence[Part], source: int, device: torch.device) -> WeightedSums:
        """Return them on a device.

        Parameters
        ----------
        parts : sequence of tuple
            Of each eight results, the last maybe fewer: the first sample, and ``(results, samples)`` weights.
        source : int
            Samples in all.
        device : torch.device
            Where they shall lie.
        """
        span = max(matrix.shape[1] for _, matrix in parts)
        firsts = np.array([min(first, source - span) for first, _ in parts], np.int32)
        weights = np.zeros((len(parts), span, TOGETHER), np.float32)
        for place, begin, (first, matrix) in zip(weights, firsts, parts, strict=True):
            place[first - begin : first - begin + matrix.shape[1], : len(matrix)] = matrix.T
        turned = np.ascontiguousarray(weights.transpose(1, 2, 0))
        # Sent, which waits: other threads' streams use them without asking whether they are there.
        on_device = [torch.from_numpy(each).to(device) for each in (firsts, weights, turned)]
        return cls(on_device[0], on_device[1], on_device[2], sum(len(matrix) for _, matrix in parts))
