"""Tables by which random words become numbers: the probabilities they hold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cryoden.compute.noise_tables import UNITS, WORD, exponential, poisson_tables


@pytest.mark.parametrize(
    ("mean", "row"), [(0, 0), (1, 1), (40, 40), (63, 63), (64, UNITS), (1024, UNITS + 15)]
)
def test_a_row_holds_the_probabilities_of_its_mean_to_the_fineness_of_a_word(mean: int, row: int) -> None:
    tables = poisson_tables(1024)
    begin, first, size = int(tables.begin[row]), int(tables.first[row]), 1 << (32 - int(tables.shift[row]))
    least, other = tables.least[begin : begin + size].astype(np.float64), tables.other[begin : begin + size]
    chances = np.zeros(size)
    np.add.at(chances, np.arange(size), least / WORD / size)
    np.add.at(chances, other, (1 - least / WORD) / size)
    wanted = stats.poisson.pmf(np.arange(first, first + size), mean)
    np.testing.assert_allclose(chances, wanted, atol=2.0**-31)


def test_the_series_of_the_exponential_is_that_of_2_to_the_32() -> None:
    x = np.linspace(0, 1, 50)
    series = sum(float(one) * (-x) ** k for k, one in enumerate(exponential()))
    np.testing.assert_allclose(series / WORD, np.exp(-x), atol=2.0**-31)
