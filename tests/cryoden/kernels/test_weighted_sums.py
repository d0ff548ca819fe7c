"""Weights for a GPU are those of the whole matrix, wherever its few samples begin."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cryoden.kernels.weighted_sums import TOGETHER, WeightedSums


@pytest.mark.parametrize("source", [9, 40])
def test_in_both_orders_they_are_the_rows_of_one_matrix(source: int) -> None:
    numbers, parts = np.random.default_rng(0), []
    matrix = np.zeros((19, source), np.float32)
    for begin, first, samples in ((0, 0, 5), (8, 2, 7), (16, source - 4, 4)):
        weights = numbers.normal(size=(len(matrix[begin : begin + TOGETHER]), samples)).astype(np.float32)
        matrix[begin : begin + TOGETHER, first : first + samples] = weights
        parts.append((first, weights))
    sums = WeightedSums.of(parts, source, torch.device("cpu"))
    found = np.zeros((24, source), np.float32)
    for group, first in enumerate(sums.firsts.tolist()):
        found[8 * group : 8 * group + 8, first : first + sums.span] = sums.weights[group].T
        assert torch.equal(sums.turned[:, :, group], sums.weights[group])
    np.testing.assert_array_equal(found[: sums.results], matrix)
    assert not found[sums.results :].any()
