from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cryoden.errors import MicrographError
from cryoden.movies.gain import read_gain, turned
from tests.cryoden.movies.movies import write_mrc

CORNERS = np.array([[1, 2, 3], [4, 5, 6]])  # the first row is that of the file


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        ("none", [[1, 2, 3], [4, 5, 6]]),
        ("relion:1,0", [[4, 1], [5, 2], [6, 3]]),  # by 90° clockwise, as relion_display shows it
        ("motioncor:3,0", [[3, 6], [2, 5], [1, 4]]),
        ("relion:0,1", [[4, 5, 6], [1, 2, 3]]),  # upside down
        ("relion:0,2", [[3, 2, 1], [6, 5, 4]]),  # left to right
        ("relion:1,2", [[1, 4], [2, 5], [3, 6]]),  # turned first, then mirrored
        ("relion:2,0", [[6, 5, 4], [3, 2, 1]]),
        ("warp:y", [[4, 5, 6], [1, 2, 3]]),
        ("warp:xt", [[3, 6], [2, 5], [1, 4]]),  # mirrored first, then transposed
        ("t", [[1, 4], [2, 5], [3, 6]]),
        ("ry", [[6, 3], [5, 2], [4, 1]]),
    ],
)
def test_a_reference_is_turned_as_its_program_means_it(turn: str, expected: list[list[int]]) -> None:
    assert turned(CORNERS, turn).tolist() == expected


def test_a_reference_has_the_mean_1_and_0_where_a_pixel_is_bad(tmp_path: Path) -> None:
    gain = np.random.default_rng(0).uniform(1.5, 2.5, (16, 24))
    gain[3, 4], gain[5, 6] = 0, np.nan
    found = read_gain(write_mrc(tmp_path / "g.mrc", gain), (16, 24))
    assert found[3, 4] == found[5, 6] == 0
    assert found[found > 0].mean() == pytest.approx(1)
    assert found[0, 0] / found[0, 1] == pytest.approx(gain[0, 0] / gain[0, 1])


def test_a_reference_that_does_not_fit_is_refused_with_the_turn_that_would(tmp_path: Path) -> None:
    path = write_mrc(tmp_path / "g.mrc", np.ones((16, 24)))
    with pytest.raises(MicrographError, match=r"F55 .*24 × 16 px, the frames are 16 × 24 px.*relion:1,0"):
        read_gain(path, (24, 16))
    assert read_gain(path, (24, 16), "relion:1,0").shape == (24, 16)


def test_of_a_falcon_the_inverse_is_taken_and_twice_the_size_is_binned(tmp_path: Path) -> None:
    electrons = np.random.default_rng(0).uniform(50, 150, (8, 8))
    path = write_mrc(tmp_path / "g.mrc", np.kron(electrons, np.ones((2, 2))))
    found = read_gain(path, (8, 8), eer=True)
    assert np.allclose(found * electrons / (found[0, 0] * electrons[0, 0]), 1, rtol=1e-5)


def test_a_reference_without_a_pixel_above_0_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MicrographError, match="F55"):
        read_gain(write_mrc(tmp_path / "g.mrc", np.zeros((8, 8))), (8, 8))
